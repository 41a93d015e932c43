/**
 * Merkle trees as in Linux fs-verity (Documentation/filesystems/fsverity.rst, "Merkle tree"):
 * SHA-256, 4 KiB blocks, no salt. The file digest is fs-verity's own, so `fsverity digest FILE`
 * prints the same one. Deviation: the stored tree leaves the zero padding of hash blocks out, so a
 * level of n hashes takes exactly 32·n bytes; hashing puts the zeros back.
 */

import { assert } from '../../base/assert.ts';
import type { Crypto } from '../../base/interfaces.ts';

export const BLOCK_BYTES = 4096;
export const HASH_BYTES = 32;
/** Hashes in one hash block. */
export const FANOUT = BLOCK_BYTES / HASH_BYTES;

/** One level of a stored tree; `offsetBytes` from the start of the tree. */
export interface TreeLevel {
  readonly offsetBytes: number;
  readonly hashCount: number;
}

/** The levels of the tree over `sizeBytes` of data, leaf hashes first; none up to one block. */
export function treeLevels(sizeBytes: number): readonly TreeLevel[] {
  const counts: number[] = [];
  for (let n = Math.ceil(sizeBytes / BLOCK_BYTES); n > 1; n = Math.ceil(n / FANOUT)) counts.push(n);
  // Stored root first, as fs-verity does: what a reader needs first lies together.
  const levels: TreeLevel[] = [];
  let offsetBytes = 0;
  for (const hashCount of counts.toReversed()) {
    levels.push({ offsetBytes, hashCount });
    offsetBytes += hashCount * HASH_BYTES;
  }
  return levels.toReversed();
}

/** Bytes of the stored tree over `sizeBytes` of data. */
export function treeBytes(sizeBytes: number): number {
  let total = 0;
  for (const level of treeLevels(sizeBytes)) total += level.hashCount * HASH_BYTES;
  return total;
}

/** Hash of one block, zero-padded to {@link BLOCK_BYTES} as fs-verity has it. */
export function hashBlock(crypto: Crypto, block: Uint8Array): Uint8Array {
  if (block.length === BLOCK_BYTES) return crypto.sha256(block);
  const padded = new Uint8Array(BLOCK_BYTES);
  padded.set(block);
  return crypto.sha256(padded);
}

export interface BuiltTree {
  readonly sizeBytes: number;
  /** Hash of the top block; zeros for no data. */
  readonly rootHash: Uint8Array;
  readonly tree: Uint8Array;
}

/** Builds a tree over data that arrives in pieces of any length. */
export class MerkleBuilder {
  readonly #crypto: Crypto;
  readonly #pending = new Uint8Array(BLOCK_BYTES);
  #pendingBytes = 0;
  #sizeBytes = 0;
  #leaves = new Uint8Array(64 * HASH_BYTES);
  #leafCount = 0;

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
  }

  update(piece: Uint8Array): void {
    this.#sizeBytes += piece.length;
    let at = 0;
    while (at < piece.length) {
      if (this.#pendingBytes === 0 && piece.length - at >= BLOCK_BYTES) {
        this.#addLeaf(piece.subarray(at, at + BLOCK_BYTES));
        at += BLOCK_BYTES;
        continue;
      }
      const take = Math.min(BLOCK_BYTES - this.#pendingBytes, piece.length - at);
      this.#pending.set(piece.subarray(at, at + take), this.#pendingBytes);
      this.#pendingBytes += take;
      at += take;
      if (this.#pendingBytes === BLOCK_BYTES) this.#flush();
    }
  }

  finish(): BuiltTree {
    if (this.#pendingBytes > 0) this.#flush();
    const sizeBytes = this.#sizeBytes;
    let hashes: Uint8Array = this.#leaves.subarray(0, this.#leafCount * HASH_BYTES);
    if (this.#leafCount === 0)
      return { sizeBytes, rootHash: new Uint8Array(HASH_BYTES), tree: new Uint8Array(0) };
    const tree = new Uint8Array(treeBytes(sizeBytes));
    for (const level of treeLevels(sizeBytes)) {
      assert(hashes.length === level.hashCount * HASH_BYTES);
      tree.set(hashes, level.offsetBytes);
      hashes = this.#hashLevel(hashes);
    }
    assert(hashes.length === HASH_BYTES);
    return { sizeBytes, rootHash: hashes.slice(), tree };
  }

  #hashLevel(hashes: Uint8Array): Uint8Array {
    const count = Math.ceil(hashes.length / BLOCK_BYTES);
    const out = new Uint8Array(count * HASH_BYTES);
    for (let i = 0; i < count; i++) {
      const block = hashes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
      out.set(hashBlock(this.#crypto, block), i * HASH_BYTES);
    }
    return out;
  }

  #flush(): void {
    this.#addLeaf(this.#pending.subarray(0, this.#pendingBytes));
    this.#pendingBytes = 0;
  }

  #addLeaf(block: Uint8Array): void {
    const at = this.#leafCount++ * HASH_BYTES;
    if (at === this.#leaves.length) {
      const larger = new Uint8Array(this.#leaves.length * 2);
      larger.set(this.#leaves);
      this.#leaves = larger;
    }
    this.#leaves.set(hashBlock(this.#crypto, block), at);
  }
}

/** The fs-verity file digest: SHA-256 of `struct fsverity_descriptor` (256 bytes). */
export function fsverityDigest(crypto: Crypto, sizeBytes: number, rootHash: Uint8Array) {
  const descriptor = new Uint8Array(256);
  descriptor.set([1, 1, 12, 0]); // version, SHA-256, log2 of the block size, salt length
  new DataView(descriptor.buffer).setBigUint64(8, BigInt(sizeBytes), true);
  descriptor.set(rootHash, 16);
  return crypto.sha256(descriptor);
}
