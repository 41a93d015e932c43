/**
 * The TLS key and certificate that an instance shows: the evidence of what runs is inside the
 * certificate (docs/formats/ra-tls.md, section 1). Renewed, with a new key and new evidence, when half
 * of its life is over or when what the evidence is judged by changed. Connections keep what they
 * began with.
 */

import type { Evidence } from '../../attest/evidence.ts';
import {
  claimsReportData,
  createCertificate,
  encodeClaims,
  encodeTaggedEvidence,
  generateChannelKey,
} from '../../attest/ratls/create.ts';
import type { Collateral } from '../../attest/verify.ts';
import type { Logger } from '../../base/interfaces.ts';
import type { TlsIdentity } from '../../kbs/tls.ts';
import type { TeeProvider } from '../../tee/provider.ts';

export interface IdentityParts {
  readonly provider: TeeProvider;
  readonly imageMeasurement: Uint8Array;
  readonly measureRuntime: () => Uint8Array;
  /** By the host's clock. */
  readonly nowMs: () => number;
  /** What verifiers judge Intel evidence by; the same object as long as nothing new came. */
  readonly collateral?: ((evidence: Evidence) => Promise<Collateral>) | undefined;
  readonly logger: Logger;
}

/** From notBefore to notAfter; renewed after half of it. */
export const LIFE_MS = 3_600_000;
/** Clocks of peers may be behind. */
const EARLY_MS = 300_000;
/** How often it is asked whether collateral changed, and a renewal that failed is tried again. */
const LOOK_MS = 60_000;

interface Shown {
  readonly identity: TlsIdentity;
  readonly evidence: Evidence;
  readonly madeMs: number;
  readonly judgedBy: unknown;
}

export class ChannelIdentity {
  readonly #parts: IdentityParts;
  #shown: Shown | undefined;
  #renewal: Promise<Shown> | undefined;
  #lookedMs = 0;

  constructor(parts: IdentityParts) {
    this.#parts = parts;
  }

  /**
   * What to show on the next connection. The first call makes it, and rejects with what the TEE said
   * when there is no evidence to be had; later ones renew it behind the connection that asks, and
   * wait only where the one at hand is over.
   */
  async current(): Promise<TlsIdentity> {
    const now = this.#parts.nowMs();
    const shown = this.#shown;
    if (shown === undefined) return (await this.#renew()).identity;
    const age = now - shown.madeMs;
    // The host's clock may run backwards.
    if (age >= LIFE_MS - EARLY_MS || age < 0) return (await this.#renew()).identity;
    if (Math.abs(now - this.#lookedMs) >= LOOK_MS) {
      this.#lookedMs = now;
      void this.#refresh(shown, age);
    }
    return shown.identity;
  }

  async #refresh(shown: Shown, ageMs: number): Promise<void> {
    try {
      const isOld = ageMs >= LIFE_MS / 2;
      if (isOld || (await this.#judgedBy(shown.evidence)) !== shown.judgedBy) await this.#renew();
    } catch (error) {
      const { message } = error as Error;
      this.#parts.logger.log('warn', `the certificate could not be renewed: ${message}`);
    }
  }

  /** One renewal at a time, however many connections want it. */
  #renew(): Promise<Shown> {
    this.#renewal ??= this.#make().finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  async #make(): Promise<Shown> {
    const { provider, imageMeasurement, measureRuntime, nowMs } = this.#parts;
    const madeMs = nowMs();
    const key = await generateChannelKey();
    const claims = await encodeClaims({
      ...{ spki: key.spki, imageMeasurement, runtimeMeasurement: measureRuntime() },
    });
    const evidence: Evidence = {
      ...{ provider: provider.name, ...provider.quote(await claimsReportData(claims)) },
      ...{ binding: undefined, imageSignatures: [] },
    };
    const certificate = await createCertificate({
      ...{ key, commonName: 'cloister instance' },
      notBefore: new Date(madeMs - EARLY_MS),
      notAfter: new Date(madeMs - EARLY_MS + LIFE_MS),
      evidence: encodeTaggedEvidence(evidence, claims),
    });
    const identity = { certificate, privateKey: key.pkcs8, publicKey: key.spki };
    const judgedBy = await this.#judgedBy(evidence).catch(() => undefined);
    this.#shown = { identity, evidence, madeMs, judgedBy };
    this.#lookedMs = madeMs;
    return this.#shown;
  }

  async #judgedBy(evidence: Evidence): Promise<unknown> {
    return (await this.#parts.collateral?.(evidence))?.dcap;
  }
}
