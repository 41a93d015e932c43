/**
 * What guests see of attestation. A guest chooses its report data freely, so it must never be what
 * the TEE signs: it could be the hash of another image's binding, and the evidence would then speak
 * for that image. The guest's 64 bytes become the nonce of this instance's own binding, and `quote`
 * is the whole evidence document (docs/formats/evidence.md, section 5).
 */

import { formatEvidence } from '../attest/evidence.ts';
import type { Crypto, Logger } from '../base/interfaces.ts';
import type { AttestationSource } from '../fs/devfs/attestation.ts';
import type { Image } from '../image/open.ts';
import { TeeError, type TeeProvider } from '../tee/provider.ts';
import { evidenceOf } from './evidence.ts';

export interface GuestAttestationParts {
  readonly image: Image;
  readonly provider: TeeProvider;
  /** Called at every quote; reads all of Cloister at the first. */
  readonly measureRuntime: () => Uint8Array;
  /** DER SubjectPublicKeyInfo of this instance. */
  readonly publicKey: Uint8Array;
  /** Secrets that a broker released to this instance, by name. */
  readonly keys?: ReadonlyMap<string, Uint8Array>;
  readonly crypto: Crypto;
  readonly logger: Logger;
}

export function guestAttestation(parts: GuestAttestationParts): AttestationSource {
  return {
    type: parts.provider.name,
    keys: parts.keys ?? new Map(),
    quote(reportData) {
      try {
        const runtimeMeasurement = parts.measureRuntime();
        const request = { ...parts, runtimeMeasurement, nonce: reportData };
        return new TextEncoder().encode(formatEvidence(evidenceOf(request, parts.crypto)));
      } catch (error) {
        if (!(error instanceof TeeError)) throw error;
        parts.logger.log('warn', `attestation: ${error.message}`);
        return undefined;
      }
    },
  };
}
