/**
 * Encrypted images: configuration, index and contents under AES-256-GCM in chunks of 64 KiB, each
 * with its own tag, so that lazy reading keeps working. docs/formats/image.md, "Encryption".
 *
 * Keys: the image key (32 random bytes a build) is wrapped under the owner's key; every blob has a
 * key of its own, derived from the image key and 32 random bytes at its head. Under it, the nonce
 * is the number of the chunk and whether it is the last one: never the same twice, and a blob that
 * was cut or continued does not authenticate.
 *
 * Not ocicrypt: its layers are AES-CTR with one HMAC at the end, so nothing of a layer is authentic
 * before all of it was read. That would cost lazy reading.
 */

import type { Crypto, Entropy } from '../base/interfaces.ts';
import { type Blob, type BlobSource, ImageDamage, readExactly } from '../fs/verity/source.ts';
import type { BlobWriter, ImageOutput, WrittenBlob } from './host-files.ts';
import { ImageError } from './host-files.ts';
import { fromBase64, toBase64 } from './signature.ts';

export const CHUNK_BYTES = 65_536;
const TAG_BYTES = 16;
const SALT_BYTES = 32;
const STORED_CHUNK = CHUNK_BYTES + TAG_BYTES;
const EMPTY = new Uint8Array(0);
const INFO_BLOB = new TextEncoder().encode('cloister image v1 blob');
const INFO_WRAP = new TextEncoder().encode('cloister image v1 wrap');

/** Bytes of the stored form of `plainBytes`. */
export function storedBytesOf(plainBytes: number): number {
  return SALT_BYTES + plainBytes + TAG_BYTES * Math.max(1, Math.ceil(plainBytes / CHUNK_BYTES));
}

function plainBytesOf(storedBytes: number): number | undefined {
  const body = storedBytes - SALT_BYTES;
  const chunks = Math.ceil(body / STORED_CHUNK);
  const plain = body - chunks * TAG_BYTES;
  return chunks > 0 && plain >= 0 && storedBytesOf(plain) === storedBytes ? plain : undefined;
}

function nonceOf(chunk: number, isLast: boolean): Uint8Array {
  const nonce = new Uint8Array(12);
  const view = new DataView(nonce.buffer);
  view.setBigUint64(0, BigInt(chunk), true);
  view.setUint32(8, isLast ? 1 : 0, true);
  return nonce;
}

/** "base64(salt, wrapped key)" for the manifest. */
export function wrapImageKey(
  crypto: Crypto,
  entropy: Entropy,
  ownerKey: Uint8Array,
  imageKey: Uint8Array,
): string {
  const salt = new Uint8Array(SALT_BYTES);
  entropy.fill(salt);
  const key = crypto.hkdfSha256(ownerKey, salt, INFO_WRAP, 32);
  const { ciphertext, tag } = crypto.aesGcmSeal(key, nonceOf(0, true), EMPTY, imageKey);
  return toBase64(Uint8Array.from([...salt, ...ciphertext, ...tag]));
}

export function unwrapImageKey(crypto: Crypto, ownerKey: Uint8Array, wrapped: string): Uint8Array {
  const bytes = fromBase64(wrapped) ?? EMPTY;
  const key = crypto.hkdfSha256(ownerKey, bytes.subarray(0, SALT_BYTES), INFO_WRAP, 32);
  const body = bytes.subarray(SALT_BYTES, SALT_BYTES + 32);
  const tag = bytes.subarray(SALT_BYTES + 32);
  const imageKey = crypto.aesGcmOpen(key, nonceOf(0, true), EMPTY, body, tag);
  if (imageKey === undefined)
    throw new ImageError('CLOISTER_IMAGE_KEY', 'the image is encrypted under another key');
  return imageKey;
}

/** Encrypts every blob that is written through it. */
export class EncryptingOutput implements ImageOutput {
  readonly #output: ImageOutput;
  readonly #crypto: Crypto;
  readonly #entropy: Entropy;
  readonly #imageKey: Uint8Array;

  constructor(output: ImageOutput, crypto: Crypto, entropy: Entropy, imageKey: Uint8Array) {
    this.#output = output;
    this.#crypto = crypto;
    this.#entropy = entropy;
    this.#imageKey = imageKey;
  }

  createBlob(): BlobWriter {
    const salt = new Uint8Array(SALT_BYTES);
    this.#entropy.fill(salt);
    const key = this.#crypto.hkdfSha256(this.#imageKey, salt, INFO_BLOB, 32);
    const inner = this.#output.createBlob();
    inner.write(salt);
    const pending = new Uint8Array(CHUNK_BYTES);
    let pendingBytes = 0;
    let chunk = 0;
    let sizeBytes = 0;
    const put = (isLast: boolean) => {
      const plain = pending.subarray(0, pendingBytes);
      const sealed = this.#crypto.aesGcmSeal(key, nonceOf(chunk++, isLast), EMPTY, plain);
      inner.write(sealed.ciphertext);
      inner.write(sealed.tag);
      pendingBytes = 0;
    };
    return {
      write(bytes) {
        sizeBytes += bytes.length;
        for (let at = 0; at < bytes.length; ) {
          // A full chunk waits until it is known not to be the last.
          if (pendingBytes === CHUNK_BYTES) put(false);
          const take = Math.min(CHUNK_BYTES - pendingBytes, bytes.length - at);
          pending.set(bytes.subarray(at, at + take), pendingBytes);
          pendingBytes += take;
          at += take;
        }
      },
      finish(): WrittenBlob {
        put(true);
        const stored = inner.finish();
        return { digest: stored.digest, sizeBytes, storedBytes: stored.sizeBytes };
      },
    };
  }

  writeFile(name: string, bytes: Uint8Array): void {
    this.#output.writeFile(name, bytes);
  }
}

/** Encrypted blobs as plain ones: each chunk is authenticated before a byte of it is given out. */
export class DecryptingSource implements BlobSource {
  readonly #source: BlobSource;
  readonly #crypto: Crypto;
  readonly #imageKey: Uint8Array;

  constructor(source: BlobSource, crypto: Crypto, imageKey: Uint8Array) {
    this.#source = source;
    this.#crypto = crypto;
    this.#imageKey = imageKey;
  }

  open(digest: string): Blob {
    const inner = this.#source.open(digest);
    const where = `blob sha256:${digest}`;
    const sizeBytes = plainBytesOf(inner.sizeBytes);
    if (sizeBytes === undefined) throw new ImageDamage(where, 'it has an impossible size');
    const salt = new Uint8Array(SALT_BYTES);
    readExactly(inner, 0, salt, () => where);
    const key = this.#crypto.hkdfSha256(this.#imageKey, salt, INFO_BLOB, 32);
    const last = Math.max(0, Math.ceil(sizeBytes / CHUNK_BYTES) - 1);
    let cached = -1;
    let plain: Uint8Array = EMPTY;
    const load = (chunk: number) => {
      const length = Math.min(CHUNK_BYTES, sizeBytes - chunk * CHUNK_BYTES);
      const stored = new Uint8Array(length + TAG_BYTES);
      readExactly(inner, SALT_BYTES + chunk * STORED_CHUNK, stored, () => where);
      const body = stored.subarray(0, length);
      const nonce = nonceOf(chunk, chunk === last);
      const opened = this.#crypto.aesGcmOpen(key, nonce, EMPTY, body, stored.subarray(length));
      if (opened === undefined)
        throw new ImageDamage(where, `encrypted chunk ${chunk} is not what was sealed`);
      plain = opened;
      cached = chunk;
    };
    return {
      sizeBytes,
      readAt(offsetBytes, target) {
        if (offsetBytes >= sizeBytes) return 0;
        const chunk = Math.floor(offsetBytes / CHUNK_BYTES);
        if (chunk !== cached) load(chunk);
        const from = offsetBytes - chunk * CHUNK_BYTES;
        const part = plain.subarray(from, from + target.length);
        target.set(part);
        return part.length;
      },
    };
  }
}
