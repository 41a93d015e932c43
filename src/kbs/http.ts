/** HTTP as the broker and its clients see it; `host/` puts it on a socket, tests call it directly. */
export interface HttpRequest {
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
  /** Who asks, for rate limits and the audit log: an address, never trusted further. */
  readonly peer: string;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface HttpTransport {
  send(request: Omit<HttpRequest, 'peer'>): Promise<HttpResponse>;
}

const encoder = new TextEncoder();
export const jsonResponse = (
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse => ({
  status,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  body: encoder.encode(typeof value === 'string' ? value : JSON.stringify(value)),
});
