/** The result of appraising evidence: plain data, every check listed, nothing hidden in a boolean. */
import type { Check } from '../checks.ts';
import type { RefusalCode } from '../errors.ts';
import type { ProviderName } from '../evidence.ts';
import type { JsonObject } from '../json.ts';

export const APPRAISAL_FORMAT = 'cloister-appraisal/1';

/** Tiers of EAR (draft-ietf-rats-ear, section 3.2; AR4SI, section 2.3.2). */
export type EarStatus = 'none' | 'affirming' | 'warning' | 'contraindicated';

/** AR4SI trustworthiness vector: 2 to 31 affirm, 32 to 95 warn, 96 and more contraindicate. */
export interface TrustVector {
  readonly 'instance-identity': number;
  readonly configuration: number;
  readonly executables: number;
  readonly 'file-system': number;
  readonly hardware: number;
  readonly 'runtime-opaque': number;
  readonly 'storage-opaque': number;
  readonly 'sourced-data': number;
}

export interface SoftwareClaims {
  /** `sha256:…`; absent when the evidence was not made by Cloister. */
  readonly imageMeasurement?: string;
  readonly runtimeMeasurement?: string;
  /** `ed25519:…` keys with a good signature over the image measurement. */
  readonly imageSigners: readonly string[];
  /** Base64 of the instance's public key (DER SubjectPublicKeyInfo), bound in the evidence. */
  readonly instanceKey?: string;
  readonly nonce?: string;
  readonly reportData: string;
}

export interface Appraisal {
  readonly format: typeof APPRAISAL_FORMAT;
  /** Whether evidence and policy agree in every check. */
  readonly accepted: boolean;
  readonly status: EarStatus;
  readonly provider: ProviderName;
  /** The time at which it was appraised, as the caller gave it. */
  readonly time: string;
  /** Class of the first failure. */
  readonly error?: RefusalCode;
  /** Every failed check and every warning, in words. */
  readonly reasons: readonly string[];
  readonly checks: readonly Check[];
  /** TCB status in the vendor's word, where it has one. */
  readonly tcbStatus?: string;
  readonly advisories: readonly string[];
  readonly hardware: JsonObject;
  readonly software?: SoftwareClaims;
  readonly trustVector: TrustVector;
  readonly policy: { readonly name: string };
  /** When keys or collateral that this rests on end. */
  readonly validUntil?: string;
}
