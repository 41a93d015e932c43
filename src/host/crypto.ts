/** {@link Crypto} and {@link Entropy} over node:crypto (OpenSSL). Stateless; share one instance. */

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hash,
  hkdfSync,
  type KeyObject,
  randomFillSync,
  sign,
  verify,
} from 'node:crypto';
import type { Crypto, Entropy, Sealed } from '../base/interfaces.ts';

const GCM = 'aes-256-gcm';
const TAG_BYTES = 16;

/** SubjectPublicKeyInfo of an Ed25519 key up to the 32 raw bytes (RFC 8410, section 4). */
const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Not a Buffer: its `slice` shares memory where that of Uint8Array copies. */
function plainBytes(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function digest(algorithm: string, parts: readonly Uint8Array[]): Uint8Array {
  // measured: the one-shot call saves 0.6 µs of 5.8 µs for a 4 KiB block.
  if (parts.length === 1) return plainBytes(hash(algorithm, parts[0] as Uint8Array, 'buffer'));
  const state = createHash(algorithm);
  for (const part of parts) state.update(part);
  return plainBytes(state.digest());
}

function ed25519PublicKey(raw: Uint8Array): KeyObject {
  const der = Buffer.concat([ED25519_SPKI_PREFIX, raw]);
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

export const nodeCrypto: Crypto = {
  sha256: (...parts) => digest('sha256', parts),
  sha384: (...parts) => digest('sha384', parts),
  sha512: (...parts) => digest('sha512', parts),

  hmacSha256(key, ...parts) {
    const state = createHmac('sha256', key);
    for (const part of parts) state.update(part);
    return plainBytes(state.digest());
  },

  hkdfSha256: (key, salt, info, length) =>
    new Uint8Array(hkdfSync('sha256', key, salt, info, length)),

  aesGcmSeal(key, nonce, aad, plaintext): Sealed {
    const cipher = createCipheriv(GCM, key, nonce, { authTagLength: TAG_BYTES });
    if (aad.length > 0) cipher.setAAD(aad);
    const ciphertext = plainBytes(cipher.update(plaintext));
    cipher.final();
    return { ciphertext, tag: plainBytes(cipher.getAuthTag()) };
  },

  aesGcmOpen(key, nonce, aad, ciphertext, tag) {
    if (tag.length !== TAG_BYTES) return undefined;
    const decipher = createDecipheriv(GCM, key, nonce, { authTagLength: TAG_BYTES });
    if (aad.length > 0) decipher.setAAD(aad);
    decipher.setAuthTag(tag);
    const plaintext = plainBytes(decipher.update(ciphertext));
    try {
      decipher.final();
    } catch {
      plaintext.fill(0);
      return undefined;
    }
    return plaintext;
  },

  ed25519Sign: (privateKeyPkcs8, message) =>
    sign(
      null,
      message,
      createPrivateKey({ key: Buffer.from(privateKeyPkcs8), format: 'der', type: 'pkcs8' }),
    ),

  ed25519Verify(publicKey, message, signature) {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    return verify(null, message, ed25519PublicKey(publicKey), signature);
  },
};

/**
 * Small requests are served from a supply: a call of OpenSSL costs 20 µs and more (measured in
 * exec, which draws a few bytes six times), a copy nothing. Bytes are erased as they are given out.
 */
class SuppliedEntropy implements Entropy {
  readonly #supply = new Uint8Array(4096);
  #left = 0;

  fill(target: Uint8Array): void {
    const { length } = target;
    if (length > 64) {
      randomFillSync(target);
      return;
    }
    if (length > this.#left) {
      randomFillSync(this.#supply);
      this.#left = this.#supply.length;
    }
    const start = this.#left - length;
    for (let n = 0; n < length; n++) target[n] = this.#supply[start + n] as number;
    this.#supply.fill(0, start, this.#left);
    this.#left = start;
  }
}

export const nodeEntropy: Entropy = new SuppliedEntropy();
