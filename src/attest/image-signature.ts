/** Signatures over an image measurement in cosign's "simple signing" form, checked offline. */
import { fromUtf8, toHex } from './bytes.ts';
import { Refusal } from './errors.ts';
import type { ImageSignature } from './evidence.ts';
import { Members, parseJson } from './json.ts';
import { verifyEd25519 } from './webcrypto.ts';

const CODE = 'MALFORMED_EVIDENCE';

/**
 * Public keys (hexadecimal) whose signature over `imageMeasurement` is good. A signature for
 * another image or with a wrong value is not an error: it just proves nothing.
 */
export async function validSigners(
  imageMeasurement: Uint8Array,
  signatures: readonly ImageSignature[],
): Promise<readonly string[]> {
  const digest = `sha256:${toHex(imageMeasurement)}`;
  const keys: string[] = [];
  for (const one of signatures) {
    const good = await verifyEd25519(one.publicKey, one.payload, one.signature);
    if (good && signedDigest(one.payload) === digest) keys.push(toHex(one.publicKey));
  }
  return keys;
}

/** `critical.image.docker-manifest-digest` of a payload of the right type. */
function signedDigest(payload: Uint8Array): string | undefined {
  try {
    const top = new Members(parseJson(fromUtf8(payload, CODE), CODE), CODE, 'payload');
    const critical = top.object('critical');
    if (critical.string('type') !== 'cosign container image signature') return undefined;
    return critical.object('image').string('docker-manifest-digest');
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
