/** Puts a broker on a socket, and clients in touch with one: node:http, bounded and with timeouts. */
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { HttpRequest, HttpResponse, HttpTransport } from '../kbs/http.ts';

export interface BrokerServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly maximumBodyBytes: number;
}

const REQUEST_TIMEOUT_MS = 10_000;

/** Reads a whole body; undefined when it is larger than `maximum`. */
async function readBody(
  message: IncomingMessage,
  maximum: number,
): Promise<Uint8Array | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of message as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > maximum) return undefined;
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

const headersOf = (message: IncomingMessage): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );

export async function serveBroker(
  handle: (request: HttpRequest) => Promise<HttpResponse>,
  options: ServeOptions,
): Promise<BrokerServer> {
  const server: Server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    async (message, reply) => {
      try {
        const body = await readBody(message, options.maximumBodyBytes);
        if (!body) {
          reply.writeHead(413, { connection: 'close' }).end();
          return;
        }
        const path = (message.url ?? '/').split('?')[0] ?? '/';
        const peer = message.socket.remoteAddress ?? 'unknown';
        const headers = headersOf(message);
        const method = message.method ?? 'GET';
        const response = await handle({ method, path, headers, body, peer });
        reply.writeHead(response.status, response.headers).end(response.body);
      } catch {
        // The peer went away, or sent what is no HTTP: there is nobody to answer.
        message.socket.destroy();
      }
    },
  );
  server.maxConnections = 4096;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port, backlog: 1024 }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A broker under load answers late; one that says nothing for this long is taken for dead. */
const RESPONSE_TIMEOUT_MS = 60_000;
const MAXIMUM_RESPONSE_BYTES = 4 * 1024 * 1024;

/** Requests to a broker at `base` (http: or https:). */
export function httpTransport(base: string): HttpTransport {
  const url = new URL(base);
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return {
    send: ({ method, path, headers, body }) =>
      new Promise<HttpResponse>((resolve, reject) => {
        const defined = Object.entries(headers).filter(([, value]) => value !== undefined);
        const outgoing = send(
          new URL(path, url),
          {
            method,
            headers: { ...Object.fromEntries(defined), 'content-length': String(body.length) },
            timeout: RESPONSE_TIMEOUT_MS,
            // A connection kept open may be closed by the broker just as the next request goes out.
            agent: false,
          },
          async (message) => {
            try {
              const received = await readBody(message, MAXIMUM_RESPONSE_BYTES);
              if (!received) throw new Error('the broker’s answer is too large');
              const fields = Object.entries(headersOf(message)).flatMap(([name, value]) =>
                value === undefined ? [] : [[name, value] as const],
              );
              const status = message.statusCode ?? 0;
              resolve({ status, headers: Object.fromEntries(fields), body: received });
            } catch (error) {
              reject(error);
            }
          },
        );
        outgoing.on('timeout', () =>
          outgoing.destroy(new Error('the broker did not answer in time')),
        );
        outgoing.on('error', reject);
        outgoing.end(body);
      }),
  };
}

/** GET from a service at `base`, for collateral; the path may have a query. */
export function httpGetter(base: string) {
  const transport = httpTransport(base);
  return (path: string): Promise<HttpResponse> =>
    transport.send({ method: 'GET', path, headers: {}, body: new Uint8Array(0) });
}
