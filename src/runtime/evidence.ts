/** Evidence of a running instance: what runs, bound to the instance's own key and a nonce. */

import type { Evidence } from '../attest/evidence.ts';
import { assert } from '../base/assert.ts';
import type { Crypto } from '../base/interfaces.ts';
import { fromHex } from '../image/canonical-json.ts';
import type { Image } from '../image/open.ts';
import { createEvidence, type TeeProvider } from '../tee/provider.ts';

/** What evidence says of an image; known before any of it is decrypted. */
export type AttestedImage = Pick<Image, 'measurement' | 'signatures'>;

export interface EvidenceRequest {
  readonly image: AttestedImage;
  readonly provider: TeeProvider;
  readonly runtimeMeasurement: Uint8Array;
  /** DER SubjectPublicKeyInfo of this instance. */
  readonly publicKey: Uint8Array;
  /** The relying party's challenge, at most 64 bytes. */
  readonly nonce: Uint8Array;
}

export function evidenceOf(request: EvidenceRequest, crypto: Crypto): Evidence {
  const { image, provider, runtimeMeasurement, publicKey, nonce } = request;
  const imageMeasurement = fromHex(image.measurement.slice('sha256:'.length), 32);
  assert(imageMeasurement !== undefined, 'an image measurement is a SHA-256 digest');
  const binding = { imageMeasurement, runtimeMeasurement, publicKey, nonce };
  return createEvidence(provider, binding, crypto, image.signatures);
}
