/**
 * A file read in chunks whose SHA-256 digests are known: what does not match is as good as not
 * there. Nothing is kept in memory but the chunks asked for last.
 */
import { closeSync, readSync } from 'node:fs';
import type { TranslationSource } from '../cpu/cache/translation-file.ts';
import { DIGEST_BYTES, isSameDigest, sha256 } from './native/sha256.ts';

const CHUNK_BYTES = 16 * 1024;
const MAX_CHUNKS = 32;
const toClose = new FinalizationRegistry<number>(closeSync);

export class ChunkedFile implements TranslationSource {
  readonly sizeBytes: number;
  readonly #fd: number;
  readonly #digests: Uint8Array;
  readonly #onDamage: () => void;
  /** By number, in the order in which they were last asked for. */
  readonly #chunks = new Map<number, Buffer>();
  #isDamaged = false;

  /**
   * Owns `fd`, whose first `sizeBytes` are to have these digests. `onDamage` is told once, of the
   * first read that does not.
   */
  constructor(fd: number, sizeBytes: number, digests: Uint8Array, onDamage: () => void) {
    this.#fd = fd;
    this.sizeBytes = sizeBytes;
    this.#digests = digests;
    this.#onDamage = onDamage;
    toClose.register(this, fd);
  }

  static digestBytes(sizeBytes: number): number {
    return Math.ceil(sizeBytes / CHUNK_BYTES) * DIGEST_BYTES;
  }

  read(offset: number, length: number): Uint8Array | undefined {
    const end = offset + length;
    if (!(offset >= 0 && length >= 0 && end <= this.sizeBytes)) return undefined;
    const first = Math.floor(offset / CHUNK_BYTES);
    const start = first * CHUNK_BYTES;
    if (end <= start + CHUNK_BYTES)
      return this.#chunk(first)?.subarray(offset - start, end - start);
    const bytes = new Uint8Array(length);
    for (let n = first; n * CHUNK_BYTES < end; n++) {
      const from = Math.max(offset, n * CHUNK_BYTES);
      const to = Math.min(end, (n + 1) * CHUNK_BYTES);
      const chunk = this.#chunk(n);
      if (!chunk) return undefined;
      bytes.set(chunk.subarray(from - n * CHUNK_BYTES, to - n * CHUNK_BYTES), from - offset);
    }
    return bytes;
  }

  #chunk(n: number): Uint8Array | undefined {
    const known = this.#chunks.get(n);
    if (known) {
      this.#chunks.delete(n);
      this.#chunks.set(n, known);
      return known;
    }
    const at = n * CHUNK_BYTES;
    const chunk = this.#room();
    const length = Math.min(CHUNK_BYTES, this.sizeBytes - at);
    const bytes = chunk.subarray(0, length);
    if (readInto(this.#fd, bytes, at) && this.#matches(n, bytes)) {
      this.#chunks.set(n, bytes);
      return bytes;
    }
    if (!this.#isDamaged) this.#onDamage();
    this.#isDamaged = true;
    return undefined;
  }

  /** Room for a chunk: that of the one asked for longest ago when there are enough. */
  #room(): Buffer {
    const { size } = this.#chunks;
    if (size < MAX_CHUNKS) return Buffer.allocUnsafeSlow(CHUNK_BYTES);
    const [oldest, room] = this.#chunks.entries().next().value as [number, Buffer];
    this.#chunks.delete(oldest);
    return Buffer.from(room.buffer);
  }

  #matches(n: number, bytes: Uint8Array): boolean {
    const digest = this.#digests.subarray(n * DIGEST_BYTES, (n + 1) * DIGEST_BYTES);
    return isSameDigest(sha256(bytes), digest);
  }
}

/** The digests of the chunks of `bytes`, one behind the other. */
export function digestsOf(bytes: Uint8Array): Uint8Array {
  const digests: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES)
    digests.push(sha256(bytes.subarray(at, at + CHUNK_BYTES)));
  return Buffer.concat(digests);
}

/** Exactly `length` bytes of a file, or an error. */
export function readFully(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  if (!readInto(fd, bytes, offset)) throw new Error('the file is shorter than it was');
  return bytes;
}

function readInto(fd: number, target: Uint8Array, offset: number): boolean {
  for (let done = 0; done < target.length; ) {
    const count = readSync(fd, target, done, target.length - done, offset + done);
    if (count === 0) return false;
    done += count;
  }
  return true;
}
