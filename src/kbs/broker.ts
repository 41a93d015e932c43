/**
 * The embedded key broker: RCAR (as CoCo's KBS speaks it) and the freshness endpoint, over injected
 * store, clock, entropy and collateral. It knows HTTP only as values; `host/` serves it.
 */
import { fromUtf8, toHex } from '../attest/bytes.ts';
import { Refusal } from '../attest/errors.ts';
import type { JsonObject } from '../attest/json.ts';
import {
  formatChallenge,
  parseAttestation,
  parseAuthRequest,
  parsePrimaryEvidence,
  RCAR_HASHES,
  rcarReportData,
  selectHash,
  teeName,
} from '../attest/rcar/messages.ts';
import type { Entropy, Logger } from '../base/interfaces.ts';
import { Anchors } from './anchors.ts';
import { appendAudit } from './audit.ts';
import { Gate, type GateOptions } from './gate.ts';
import { type HttpRequest, type HttpResponse, jsonResponse } from './http.ts';
import { type RateLimit, RateLimiter } from './rate-limit.ts';
import { releaseSecret } from './release.ts';
import { type Session, Sessions } from './sessions.ts';
import type { Store } from './store.ts';
import { type Vault, VaultError } from './vault.ts';

export interface BrokerLimits {
  readonly rate: RateLimit;
  readonly maximumSessions: number;
  readonly sessionLifetimeMs: number;
  readonly maximumBodyBytes: number;
}

export const DEFAULT_LIMITS: BrokerLimits = {
  rate: { perSecond: 50, burst: 200, maximumPeers: 10_000 },
  maximumSessions: 10_000,
  sessionLifetimeMs: 5 * 60_000,
  maximumBodyBytes: 512 * 1024,
};

/** The broker's own identity: Ed25519, for tokens, receipts and freshness. */
export interface BrokerKey {
  readonly publicKey: Uint8Array;
  /** Signs with the private half, which stays with the host. */
  readonly sign: (message: Uint8Array) => Uint8Array;
}

export interface BrokerOptions extends GateOptions {
  readonly store: Store;
  readonly vault: Vault;
  readonly entropy: Entropy;
  readonly key: BrokerKey;
  readonly logger: Logger;
  readonly limits?: Partial<BrokerLimits>;
}

const RESOURCE = '/kbs/v0/resource/';
const COOKIE = 'kbs-session-id';
const ERROR_TYPE = 'https://github.com/confidential-containers/kbs/errors/';

export class Broker {
  readonly #options: BrokerOptions;
  readonly #limits: BrokerLimits;
  readonly #sessions: Sessions;
  readonly #rate: RateLimiter;
  readonly #gate: Gate;
  readonly #anchors: Anchors;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    const { maximumSessions, sessionLifetimeMs, rate } = this.#limits;
    this.#sessions = new Sessions(options.entropy, maximumSessions, sessionLifetimeMs);
    this.#rate = new RateLimiter(rate);
    this.#gate = new Gate(options);
    this.#anchors = new Anchors(options, this.#gate);
  }

  /** Answers one request. Never throws: a fault of the broker is a 500 and one line in the log. */
  async handle(request: HttpRequest): Promise<HttpResponse> {
    try {
      if (!this.#rate.take(request.peer, this.#gate.nowMs()))
        return problem(429, 'RateLimited', 'too many requests: wait');
      if (request.body.length > this.#limits.maximumBodyBytes)
        return problem(413, 'TooLarge', 'request body too large');
      return await this.#route(request);
    } catch (error) {
      if (error instanceof Refusal) return problem(400, error.code, error.message);
      if (error instanceof VaultError && error.code === 'NO_SUCH_SECRET')
        return problem(404, 'NotFound', 'no such resource');
      // Only class and code: a message may quote what must not be logged.
      const { name, code } = error as { name?: string; code?: string };
      this.#options.logger.log('error', `kbs: ${request.method} failed: ${name} ${code ?? ''}`);
      return problem(500, 'Internal', 'the broker failed');
    }
  }

  async #route(request: HttpRequest): Promise<HttpResponse> {
    const { method, path } = request;
    if (method === 'POST' && path === '/kbs/v0/auth') return this.#auth(request);
    if (method === 'POST' && path === '/kbs/v0/attest') return this.#attest(request);
    if (method === 'GET' && path.startsWith(RESOURCE))
      return this.#resource(request, path.slice(RESOURCE.length));
    if (method === 'POST' && path === '/cloister/v1/freshness') {
      const session = this.#attestedSession(request);
      if (!session) return problem(401, 'Unauthenticated', 'attest first');
      return this.#anchors.handle(session, bodyText(request));
    }
    if (method === 'GET' && path === '/cloister/v1/key')
      return jsonResponse(200, { ed25519: toHex(this.#options.key.publicKey) });
    return problem(404, 'NotFound', 'no such endpoint');
  }

  /** Request → challenge. */
  #auth(request: HttpRequest): HttpResponse {
    const { tee, hashes } = parseAuthRequest(bodyText(request));
    const hashName = selectHash(hashes);
    const hash = RCAR_HASHES[hashName] ?? 'SHA-384';
    const session = this.#sessions.start(tee, hash, this.#gate.nowMs());
    if (!session) return problem(503, 'Busy', 'too many sessions: try again later');
    const maxAge = Math.floor(this.#limits.sessionLifetimeMs / 1000);
    const cookie = `${COOKIE}=${session.id}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAge}`;
    return jsonResponse(200, formatChallenge(session.nonce, hashName), { 'set-cookie': cookie });
  }

  #session(request: HttpRequest): Session | undefined {
    return this.#sessions.find(cookieOf(request), this.#gate.nowMs());
  }

  #attestedSession(request: HttpRequest): Session | undefined {
    const session = this.#session(request);
    return session?.state === 'attested' ? session : undefined;
  }

  /** Attestation → token. The challenge is spent, whatever comes of it. */
  async #attest(request: HttpRequest): Promise<HttpResponse> {
    const session = this.#session(request);
    if (session?.state !== 'challenged')
      return problem(401, 'Unauthenticated', 'no open challenge in this session');
    session.state = 'checking';
    try {
      const message = parseAttestation(bodyText(request));
      const primary = parsePrimaryEvidence(session.tee, message.primary);
      if (teeName(primary.evidence.provider) !== session.tee)
        throw new Refusal('UNSUPPORTED_EVIDENCE', `the session was opened for ${session.tee}`);
      const { hash } = session;
      const { runtimeData, additional, teePubkey } = message;
      const reportData = await rcarReportData(hash, runtimeData, additional);
      const attested = { primary, teePubkey, reportData };
      const admission = await this.#gate.admit(session, message.nonce, attested);
      this.#audit(admission.accepted ? 'attest' : 'refuse', {
        peer: request.peer,
        step: 'attest',
        ...admission.facts,
      });
      if (!admission.accepted) {
        this.#sessions.end(session);
        return problem(401, 'AttestationFailed', admission.reasons.join('; '));
      }
      session.attested = attested;
      session.state = 'attested';
      return jsonResponse(200, { token: admission.token });
    } catch (error) {
      this.#sessions.end(session);
      throw error;
    }
  }

  #audit(kind: 'attest' | 'refuse', facts: JsonObject): void {
    const { store, crypto } = this.#options;
    store.transaction(() => appendAudit(store, crypto, kind, this.#gate.nowMs(), facts));
  }

  /** Response: one secret, under its own policy. */
  async #resource(request: HttpRequest, id: string): Promise<HttpResponse> {
    const session = this.#attestedSession(request);
    if (!session?.attested) return problem(401, 'Unauthenticated', 'attest first');
    const stored = this.#options.vault.stored(id);
    const appraisal = await this.#gate.appraise(session, session.attested, stored.policy);
    if (!appraisal.accepted) {
      this.#audit('refuse', {
        peer: request.peer,
        step: 'release',
        secret: id,
        policy: stored.policy,
        code: appraisal.error ?? 'none',
        image: appraisal.software?.imageMeasurement ?? 'unknown',
      });
      return problem(403, 'PolicyDeny', appraisal.reasons.join('; '));
    }
    const { teePubkey } = session.attested;
    const release = { id, stored, session, teePubkey, appraisal, peer: request.peer };
    return releaseSecret(this.#options, release, this.#gate.nowMs());
  }
}

/** Error information of the protocol: `{type, detail}`. */
export function problem(status: number, type: string, detail: string): HttpResponse {
  return jsonResponse(status, { type: `${ERROR_TYPE}${type}`, detail });
}

const bodyText = (request: HttpRequest): string => fromUtf8(request.body, 'MALFORMED_MESSAGE');

function cookieOf(request: HttpRequest): string | undefined {
  for (const pair of (request.headers['cookie'] ?? '').split(';')) {
    const [name, value] = pair.trim().split('=');
    if (name === COOKIE) return value;
  }
  return undefined;
}
