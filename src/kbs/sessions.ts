/**
 * RCAR sessions: one challenge, one attestation, then requests for resources. In memory only: after
 * a restart clients shake hands again. Bounded in number and time; a challenge is used once.
 */

import { toBase64, toBase64Url } from '../attest/bytes.ts';
import type { EcJwk } from '../attest/jose/jwk.ts';
import type { PrimaryEvidence } from '../attest/rcar/messages.ts';
import type { HashName } from '../attest/webcrypto.ts';
import type { Entropy } from '../base/interfaces.ts';

export interface Attested {
  readonly primary: PrimaryEvidence;
  readonly teePubkey: EcJwk;
  /** Report data that a plain client's evidence must have. */
  readonly reportData: Uint8Array;
}

export interface Session {
  readonly id: string;
  readonly nonce: string;
  readonly tee: string;
  readonly hash: HashName;
  readonly startedMs: number;
  /** `challenged` → `checking` → `attested`; a failed attestation ends the session. */
  state: 'challenged' | 'checking' | 'attested';
  attested: Attested | undefined;
}

const ID_BYTES = 32;
const NONCE_BYTES = 32;

export class Sessions {
  readonly #sessions = new Map<string, Session>();
  readonly #entropy: Entropy;
  readonly #maximum: number;
  readonly #lifetimeMs: number;

  constructor(entropy: Entropy, maximum: number, lifetimeMs: number) {
    this.#entropy = entropy;
    this.#maximum = maximum;
    this.#lifetimeMs = lifetimeMs;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** A new session, or undefined when there are too many live ones. */
  start(tee: string, hash: HashName, nowMs: number): Session | undefined {
    this.#expire(nowMs);
    if (this.#sessions.size >= this.#maximum) return undefined;
    const random = new Uint8Array(ID_BYTES + NONCE_BYTES);
    this.#entropy.fill(random);
    const session: Session = {
      id: toBase64Url(random.subarray(0, ID_BYTES)),
      nonce: toBase64(random.subarray(ID_BYTES)),
      tee,
      hash,
      startedMs: nowMs,
      state: 'challenged',
      attested: undefined,
    };
    this.#sessions.set(session.id, session);
    return session;
  }

  find(id: string | undefined, nowMs: number): Session | undefined {
    this.#expire(nowMs);
    return id === undefined ? undefined : this.#sessions.get(id);
  }

  end(session: Session): void {
    this.#sessions.delete(session.id);
  }

  /** Sessions all live equally long, so the map is in order of expiry. */
  #expire(nowMs: number): void {
    for (const session of this.#sessions.values()) {
      if (nowMs - session.startedMs <= this.#lifetimeMs) return;
      this.#sessions.delete(session.id);
    }
  }
}
