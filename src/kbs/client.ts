/**
 * RCAR client: shakes hands with a key broker (Cloister's or a Trustee KBS), fetches secrets, moves
 * freshness anchors. Everything that the broker says is checked: it must have encrypted to this
 * session's key, for this request, and, where its key is pinned, signed a receipt of it.
 */
import { equalBytes, fromUtf8, toHex, utf8 } from '../attest/bytes.ts';
import { Refusal, type RefusalCode, require } from '../attest/errors.ts';
import { type Evidence, formatEvidence, type ProviderName } from '../attest/evidence.ts';
import {
  type FreshnessReceipt,
  type FreshnessStatement,
  parseFreshnessReceipt,
  verifyFreshness,
} from '../attest/freshness.ts';
import { decryptJwe, type EphemeralKey, generateEphemeralKey } from '../attest/jose/jwe.ts';
import { jwkThumbprint, jwkToSpki } from '../attest/jose/jwk.ts';
import { verifyJws } from '../attest/jose/jws.ts';
import { type Json, type JsonObject, Members, parseJson } from '../attest/json.ts';
import {
  checkResourceId,
  formatAttestation,
  formatAuthRequest,
  nonceBytes,
  parseChallenge,
  plainQuote,
  RELEASE_HEADER,
  rcarReportData,
} from '../attest/rcar/messages.ts';
import { digest } from '../attest/webcrypto.ts';
import { Secret } from '../base/secret.ts';
import type { HttpResponse, HttpTransport } from './http.ts';
import { RECEIPT_HEADER, RECEIPT_TYPE } from './release.ts';

/** How the instance proves itself: with Cloister's binding, or as the plain protocol has it. */
export type Prover =
  | {
      readonly kind: 'cloister';
      readonly provider: ProviderName;
      readonly evidence: (publicKey: Uint8Array, nonce: Uint8Array) => Evidence | Promise<Evidence>;
    }
  | {
      readonly kind: 'plain';
      readonly provider: 'tdx' | 'sgx';
      readonly quote: (reportData: Uint8Array) => Uint8Array | Promise<Uint8Array>;
    };

export interface ClientOptions {
  readonly transport: HttpTransport;
  readonly prover: Prover;
  /** The broker's Ed25519 key. Pinned, an impostor's secrets are refused. */
  readonly brokerKey?: Uint8Array;
}

/** The broker refused: its status, its word, its explanation. */
export class BrokerRefusal extends Error {
  override readonly name = 'BrokerRefusal';
  readonly code = 'BROKER_REFUSED';
  readonly status: number;
  constructor(step: string, status: number, detail: string) {
    super(`key broker refused (${step}, status ${status}): ${detail}`);
    this.status = status;
  }
}

export interface Received {
  readonly secret: Secret;
  readonly version: number | undefined;
  /** Compact JWS; undefined from brokers that give none. */
  readonly receipt: string | undefined;
}

/** What the broker says of a volume, and the receipt that shows it to others. */
export interface Countersigned {
  readonly statement: FreshnessStatement;
  readonly receipt: FreshnessReceipt;
}

interface Channel {
  readonly cookie: string;
  readonly nonce: string;
  readonly key: EphemeralKey;
  /** `sha256:…` of the image that the evidence named; undefined for plain provers. */
  readonly image: string | undefined;
}

export class RcarClient {
  readonly #options: ClientOptions;
  #channel: Channel | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Request, challenge, attestation. Called by itself when needed. */
  async handshake(): Promise<void> {
    const { prover } = this.#options;
    const auth = await this.#send('POST', '/kbs/v0/auth', formatAuthRequest(prover.provider));
    expectOk('auth', auth);
    const challenge = parseChallenge(text(auth));
    const cookie = cookieFrom(auth);
    const key = await generateEphemeralKey();
    const { nonce } = challenge;
    let primary: Json;
    let image: string | undefined;
    if (prover.kind === 'cloister') {
      const evidence = await prover.evidence(jwkToSpki(key.jwk), nonceBytes(nonce));
      primary = parseJson(formatEvidence(evidence), 'MALFORMED_EVIDENCE');
      image = evidence.binding && `sha256:${toHex(evidence.binding.imageMeasurement)}`;
    } else {
      const runtimeData = { nonce, 'tee-pubkey': key.jwk as unknown as JsonObject };
      const reportData = await rcarReportData(challenge.hash, runtimeData, '');
      primary = plainQuote(await prover.quote(reportData));
    }
    const message = formatAttestation(nonce, key.jwk, primary);
    expectOk('attest', await this.#send('POST', '/kbs/v0/attest', message, cookie));
    this.#channel = { cookie, nonce, key, image };
  }

  /** Fetches a secret. The caller disposes it. */
  async secret(id: string): Promise<Received> {
    checkResourceId(id);
    const { channel, response } = await this.#withChannel('GET', `/kbs/v0/resource/${id}`);
    expectOk('resource', response);
    const opened = await decryptJwe(text(response), channel.key);
    const secret = new Secret(opened.plaintext);
    try {
      const version = await this.#checkRelease(id, channel, opened.header);
      const receipt = await this.#checkReceipt(id, channel, response);
      return { secret, version, receipt };
    } catch (error) {
      secret[Symbol.dispose]();
      throw error;
    }
  }

  async #withChannel(method: 'GET' | 'POST', path: string, body?: string) {
    if (!this.#channel) await this.handshake();
    let channel = this.#channel as Channel;
    let response = await this.#send(method, path, body, channel.cookie);
    if (response.status === 401) {
      // The session ended (time, or the broker was restarted): shake hands once more.
      await this.handshake();
      channel = this.#channel as Channel;
      response = await this.#send(method, path, body, channel.cookie);
    }
    return { channel, response };
  }

  /** The authenticated header must say that this message answers this request of this session. */
  async #checkRelease(id: string, channel: Channel, header: Members): Promise<number | undefined> {
    if (!header.has(RELEASE_HEADER)) {
      const plain = this.#options.prover.kind === 'plain' && !this.#options.brokerKey;
      require(plain, 'BINDING_MISMATCH', 'the broker did not say what the secret is bound to');
      return undefined;
    }
    const said = header.object(RELEASE_HEADER);
    await checkFacts(said, id, channel);
    return said.integer('version', Number.MAX_SAFE_INTEGER);
  }

  async #checkReceipt(
    id: string,
    channel: Channel,
    response: HttpResponse,
  ): Promise<string | undefined> {
    const receipt = response.headers[RECEIPT_HEADER];
    const { brokerKey } = this.#options;
    if (!brokerKey) return receipt;
    require(receipt !== undefined, 'REPORT_BAD_SIGNATURE', 'the broker gave no receipt');
    const key = { algorithm: 'EdDSA', publicKey: brokerKey } as const;
    const claims = await verifyJws(receipt, RECEIPT_TYPE, key);
    await checkFacts(claims, id, channel);
    const hash = toHex(await digest('SHA-256', response.body));
    const same = claims.string('message') === hash;
    require(same, 'BINDING_MISMATCH', 'the receipt is for another message');
    return receipt;
  }

  /** The last commit of a volume as the broker countersigns it, with a fresh challenge. */
  async freshness(volume: Uint8Array, nonce: Uint8Array): Promise<Countersigned> {
    return this.#freshness(volume, nonce, {});
  }

  /** Moves the anchor of a volume. Refused unless the broker knows exactly `from`. */
  async advance(
    volume: Uint8Array,
    nonce: Uint8Array,
    from: { readonly counter: number; readonly root: Uint8Array },
    to: { readonly counter: number; readonly root: Uint8Array },
  ): Promise<Countersigned> {
    const commit = (c: typeof from) => ({ counter: c.counter, root: toHex(c.root) });
    const move = { from: commit(from), to: commit(to) };
    const answer = await this.#freshness(volume, nonce, move);
    const { statement } = answer;
    const moved = statement.counter === to.counter && equalBytes(statement.root, to.root);
    require(moved, 'BINDING_MISMATCH', 'the broker countersigned another commit');
    return answer;
  }

  async #freshness(
    volume: Uint8Array,
    nonce: Uint8Array,
    move: JsonObject,
  ): Promise<Countersigned> {
    const { brokerKey } = this.#options;
    require(brokerKey, 'BINDING_MISMATCH', 'freshness needs the broker’s key');
    const body = JSON.stringify({ volume: toHex(volume), nonce: toHex(nonce), ...move });
    const { response } = await this.#withChannel('POST', '/cloister/v1/freshness', body);
    expectOk('freshness', response);
    const receipt = parseFreshnessReceipt(text(response));
    const statement = await verifyFreshness(receipt, brokerKey);
    const answers = equalBytes(statement.nonce, nonce) && equalBytes(statement.volume, volume);
    require(answers, 'NONCE_MISMATCH', 'the receipt answers another question');
    return { statement, receipt };
  }

  #send(method: string, path: string, body = '', cookie?: string): Promise<HttpResponse> {
    return this.#options.transport.send({
      method,
      path,
      headers: {
        accept: 'application/json',
        ...(body === '' ? {} : { 'content-type': 'application/json' }),
        ...(cookie === undefined ? {} : { cookie }),
      },
      body: utf8(body),
    });
  }
}

async function checkFacts(said: Members, id: string, channel: Channel): Promise<void> {
  const facts: readonly (readonly [string, string | undefined, RefusalCode])[] = [
    ['secret', id, 'BINDING_MISMATCH'],
    ['nonce', channel.nonce, 'NONCE_MISMATCH'],
    ['key', await jwkThumbprint(channel.key.jwk), 'BINDING_MISMATCH'],
    ['image', channel.image, 'BINDING_MISMATCH'],
  ];
  for (const [name, expected, code] of facts)
    if (expected !== undefined && said.string(name) !== expected)
      throw new Refusal(code, `the broker answered with another ${name} than asked for`);
}

const text = (response: HttpResponse): string => fromUtf8(response.body, 'MALFORMED_MESSAGE');

function expectOk(step: string, response: HttpResponse): void {
  if (response.status === 200) return;
  let detail = '';
  try {
    detail = new Members(
      parseJson(text(response), 'MALFORMED_MESSAGE'),
      'MALFORMED_MESSAGE',
      'error',
    ).string('detail');
  } catch {
    detail = 'no explanation';
  }
  throw new BrokerRefusal(step, response.status, detail.slice(0, 1000));
}

function cookieFrom(response: HttpResponse): string {
  const cookie = (response.headers['set-cookie'] ?? '').split(';')[0] ?? '';
  const isSession = /^kbs-session-id=[\w-]+$/.test(cookie);
  require(isSession, 'MALFORMED_MESSAGE', 'the broker gave no session cookie');
  return cookie;
}
