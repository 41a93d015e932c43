/**
 * TEE providers: where evidence comes from. One interface for all backends; the code that makes
 * Cloister's own evidence is the same for each.
 */
import { type EvidenceBinding, encodeBinding } from '../attest/binding.ts';
import type { Evidence, ImageSignature, ProviderName } from '../attest/evidence.ts';
import { assert } from '../base/assert.ts';
import type { Crypto } from '../base/interfaces.ts';

export const REPORT_DATA_BYTES = 64;

/** What a TEE gives for report data: its own format, with the certificates that came along. */
export interface RawEvidence {
  readonly raw: Uint8Array;
  readonly certificates: readonly Uint8Array[];
}

export interface TeeProvider {
  readonly name: ProviderName;
  /** Evidence over exactly 64 bytes. Throws {@link TeeError} when the TEE does not answer. */
  quote(reportData: Uint8Array): RawEvidence;
}

export type TeeErrorCode =
  | 'TEE_ABSENT'
  | 'TEE_PERMISSION'
  | 'TEE_BUSY'
  | 'TEE_TIMEOUT'
  | 'TEE_UNSUPPORTED'
  | 'TEE_PROTOCOL'
  | 'TEE_FAILED';

/** Why a TEE gave no evidence: what was wrong, where, and what to do. */
export class TeeError extends Error {
  override readonly name = 'TeeError';
  readonly code: TeeErrorCode;
  constructor(code: TeeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Evidence of this instance: `binding` hashed into the report data (docs/formats/evidence.md). */
export function createEvidence(
  provider: TeeProvider,
  binding: EvidenceBinding,
  crypto: Pick<Crypto, 'sha512'>,
  imageSignatures: readonly ImageSignature[] = [],
): Evidence {
  const reportData = crypto.sha512(encodeBinding(binding));
  assert(reportData.length === REPORT_DATA_BYTES, 'report data is not 64 bytes');
  const { raw, certificates } = provider.quote(reportData);
  return { provider: provider.name, raw, certificates, binding, imageSignatures };
}
