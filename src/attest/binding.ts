/**
 * What the report data of Cloister's evidence means: SHA-512 over a versioned, domain-separated
 * structure (docs/formats/evidence.md). Every field has a length before it, so no two different
 * bindings share an encoding.
 */
import { concatBytes, utf8 } from './bytes.ts';
import { require } from './errors.ts';
import { digest } from './webcrypto.ts';

/** Ends in NUL, so that it is no prefix of another version's domain. */
const DOMAIN = utf8('cloister.evidence.report-data.v1\0');

export const MEASUREMENT_BYTES = 32;
export const MAXIMUM_NONCE_BYTES = 64;
const MAXIMUM_KEY_BYTES = 2048;

export interface EvidenceBinding {
  /** SHA-256 of the image manifest. */
  readonly imageMeasurement: Uint8Array;
  /** SHA-256 over Cloister itself. */
  readonly runtimeMeasurement: Uint8Array;
  /** DER SubjectPublicKeyInfo of the instance's key. */
  readonly publicKey: Uint8Array;
  /** The relying party's challenge; empty when it gave none. */
  readonly nonce: Uint8Array;
}

function field(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return concatBytes(length, bytes);
}

/** The structure that is hashed. */
export function encodeBinding(binding: EvidenceBinding): Uint8Array {
  const code = 'MALFORMED_EVIDENCE';
  const { imageMeasurement, runtimeMeasurement, publicKey, nonce } = binding;
  require(imageMeasurement.length === MEASUREMENT_BYTES, code, 'image measurement is not 32 bytes');
  const runtimeFits = runtimeMeasurement.length === MEASUREMENT_BYTES;
  require(runtimeFits, code, 'runtime measurement is not 32 bytes');
  require(publicKey.length <= MAXIMUM_KEY_BYTES, code, 'instance key too large');
  require(nonce.length <= MAXIMUM_NONCE_BYTES, code, 'nonce of more than 64 bytes');
  const fields = [imageMeasurement, runtimeMeasurement, publicKey, nonce].map(field);
  return concatBytes(DOMAIN, ...fields);
}

/** The 64 bytes of report data. */
export function reportDataOf(binding: EvidenceBinding): Promise<Uint8Array> {
  return digest('SHA-512', encodeBinding(binding));
}
