/**
 * Who may pass: binds evidence to the session it answers, and appraises it under the policies that
 * guard what is asked for.
 */
import type { Appraisal } from '../attest/appraise/appraisal.ts';
import { equalBytes } from '../attest/bytes.ts';
import { signEar } from '../attest/ear.ts';
import type { Evidence } from '../attest/evidence.ts';
import { jwkToSpki } from '../attest/jose/jwk.ts';
import type { JsonObject } from '../attest/json.ts';
import { nonceBytes } from '../attest/rcar/messages.ts';
import { type Collateral, VerificationCache, verify } from '../attest/verify.ts';
import type { Clock, Crypto } from '../base/interfaces.ts';
import type { BrokerKey } from './broker.ts';
import type { Attested, Session } from './sessions.ts';
import type { Store } from './store.ts';
import type { Vault } from './vault.ts';

export interface GateOptions {
  readonly store: Store;
  readonly vault: Vault;
  readonly clock: Pick<Clock, 'realtimeNs'>;
  readonly crypto: Crypto;
  readonly key: BrokerKey;
  /** Collateral for a piece of evidence, from a cache, files, or a caching service nearby. */
  readonly collateral?: (evidence: Evidence) => Promise<Collateral>;
}

export interface Admission {
  readonly accepted: boolean;
  readonly reasons: readonly string[];
  readonly facts: JsonObject;
  readonly token: string;
}

const NS_PER_MS = 1_000_000n;
const TOKEN_LIFETIME_MS = 5 * 60_000;

export class Gate {
  readonly #options: GateOptions;
  readonly #cache = new VerificationCache();

  constructor(options: GateOptions) {
    this.#options = options;
  }

  nowMs(): number {
    return Number(this.#options.clock.realtimeNs() / NS_PER_MS);
  }

  /** Whether any policy of the broker accepts the evidence: then the session may ask for resources. */
  async admit(session: Session, statedNonce: string, attested: Attested): Promise<Admission> {
    const { evidence } = attested.primary;
    const provider = evidence.provider;
    if (statedNonce !== session.nonce)
      return refused('the attestation answers another challenge', {
        provider,
        code: 'NONCE_MISMATCH',
      });
    let last: Appraisal | undefined;
    for (const name of this.#options.store.policyNames()) {
      const appraisal = await this.appraise(session, attested, name);
      if (appraisal.accepted) return this.#admitted(appraisal, attested, name);
      last = appraisal;
    }
    const reasons = last?.reasons ?? ['the broker has no policy'];
    const image = last?.software?.imageMeasurement ?? 'unknown';
    return refused(reasons.join('; '), { provider, code: last?.error ?? 'none', image });
  }

  async #admitted(appraisal: Appraisal, attested: Attested, policy: string): Promise<Admission> {
    const issuedAt = new Date(this.nowMs());
    const { kty, crv, x, y } = attested.teePubkey;
    const token = await signEar(
      appraisal,
      { algorithm: 'EdDSA', sign: this.#options.key.sign },
      {
        issuedAt,
        expiresAt: new Date(issuedAt.getTime() + TOKEN_LIFETIME_MS),
        developer: 'https://github.com/cloister',
        build: 'cloister-kbs',
        extra: { 'tee-pubkey': { kty, crv, x, y } },
      },
    );
    const image = appraisal.software?.imageMeasurement ?? 'unknown';
    const facts = { provider: appraisal.provider, policy, image };
    return { accepted: true, reasons: [], facts, token };
  }

  /**
   * Appraises the session's evidence under one policy, now. The evidence must be bound to the
   * session's challenge and to the key that secrets are encrypted to: without the second, whoever
   * relays an honest instance's evidence would get its secrets (unknown key share).
   */
  async appraise(session: Session, attested: Attested, policyName: string): Promise<Appraisal> {
    const policy = this.#options.vault.policy(policyName);
    const { evidence, kind } = attested.primary;
    const collateral = (await this.#options.collateral?.(evidence)) ?? {};
    const time = new Date(this.nowMs());
    const nonce = kind === 'cloister' ? nonceBytes(session.nonce) : attested.reportData;
    const appraisal = await verify({
      evidence,
      collateral,
      policy,
      time,
      nonce,
      cache: this.#cache,
    });
    if (kind === 'plain') return appraisal;
    const bound = evidence.binding?.publicKey ?? new Uint8Array(0);
    if (equalBytes(bound, jwkToSpki(attested.teePubkey))) return appraisal;
    const reason = 'the evidence is bound to another key than the one that asks';
    const reasons = [reason, ...appraisal.reasons];
    const status = 'contraindicated';
    return { ...appraisal, accepted: false, status, error: 'BINDING_MISMATCH', reasons };
  }
}

const refused = (reason: string, facts: JsonObject): Admission => ({
  accepted: false,
  reasons: [reason],
  facts,
  token: '',
});
