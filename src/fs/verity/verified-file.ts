/**
 * A byte range of a blob, checked block by block against a Merkle tree as it is read. Nothing is
 * read before it is asked for, and no byte leaves before its whole path up to the root hash has
 * been checked. Owner: {@link VerityTree}, or whoever opened the image.
 */

import type { Crypto } from '../../base/interfaces.ts';
import {
  BLOCK_BYTES,
  FANOUT,
  HASH_BYTES,
  hashBlock,
  type TreeLevel,
  treeLevels,
} from './merkle.ts';
import { PIECE_BYTES, type PieceCache } from './piece-cache.ts';
import { type Blob, ImageDamage, readExactly } from './source.ts';

/** Where the bytes of a file lie, and what they must hash to. */
export interface VerifiedRange {
  readonly blob: Blob;
  readonly dataOffsetBytes: number;
  readonly treeOffsetBytes: number;
  readonly sizeBytes: number;
  readonly rootHash: Uint8Array;
  /** Names the file in an error. */
  readonly where: () => string;
}

/** Verified hash blocks kept per file: 512 cover 256 MiB of data without reading one twice. */
const MAX_HASH_BLOCKS = 512;

function equalHash(a: Uint8Array, aAt: number, b: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < HASH_BYTES; i++) difference |= a[aAt + i]! ^ b[i]!;
  return difference === 0;
}

export class VerifiedFile {
  readonly sizeBytes: number;
  readonly #range: VerifiedRange;
  readonly #crypto: Crypto;
  readonly #levels: readonly TreeLevel[];
  /** Verified hash blocks by level · 2^40 + index; the oldest is dropped first. */
  readonly #hashBlocks = new Map<number, Uint8Array>();
  readonly #cache: PieceCache;
  readonly #cacheId: number;

  constructor(range: VerifiedRange, crypto: Crypto, cache: PieceCache) {
    this.#range = range;
    this.#crypto = crypto;
    this.#cache = cache;
    this.#cacheId = cache.addFile();
    this.sizeBytes = range.sizeBytes;
    this.#levels = treeLevels(range.sizeBytes);
  }

  /** Copies verified bytes into `target`; returns how many (0 at or behind the end). */
  read(offsetBytes: number, target: Uint8Array): number {
    const end = Math.min(this.sizeBytes, offsetBytes + target.length);
    for (let at = offsetBytes; at < end; ) {
      const piece = this.#piece(Math.floor(at / PIECE_BYTES));
      const from = at % PIECE_BYTES;
      const take = Math.min(end - at, piece.length - from);
      target.set(piece.subarray(from, from + take), at - offsetBytes);
      at += take;
    }
    return Math.max(0, end - offsetBytes);
  }

  /** A verified piece; the last of a file is shorter. */
  #piece(index: number): Uint8Array {
    const known = this.#cache.get(this.#cacheId, index);
    if (known !== undefined) return known;
    const start = index * PIECE_BYTES;
    const piece = new Uint8Array(Math.min(PIECE_BYTES, this.sizeBytes - start));
    readExactly(this.#range.blob, this.#range.dataOffsetBytes + start, piece, this.#range.where);
    for (let i = 0; i < piece.length; i += BLOCK_BYTES)
      this.#check(piece.subarray(i, i + BLOCK_BYTES), 0, (start + i) / BLOCK_BYTES);
    this.#cache.put(this.#cacheId, index, piece);
    return piece;
  }

  /** Throws unless `block` is what level `level` of the tree says at `index`. */
  #check(block: Uint8Array, level: number, index: number): void {
    const hash = hashBlock(this.#crypto, block);
    const isTop = level === this.#levels.length;
    const expected = isTop ? this.#range.rootHash : this.#hashBlock(level, index);
    const at = isTop ? 0 : (index % FANOUT) * HASH_BYTES;
    if (equalHash(expected, at, hash)) return;
    const what =
      level === 0
        ? `the data at byte ${index * BLOCK_BYTES} does not match its digest`
        : `block ${index} of level ${level} of its hash tree does not match its digest`;
    throw new ImageDamage(this.#range.where(), what);
  }

  /** The verified hash block that holds hash `index` of `level`. */
  #hashBlock(level: number, index: number): Uint8Array {
    const blockIndex = Math.floor(index / FANOUT);
    const key = level * 2 ** 40 + blockIndex;
    const known = this.#hashBlocks.get(key);
    if (known) return known;
    const { offsetBytes, hashCount } = this.#levels[level] as TreeLevel;
    const first = blockIndex * FANOUT;
    const block = new Uint8Array(Math.min(FANOUT, hashCount - first) * HASH_BYTES);
    const offset = this.#range.treeOffsetBytes + offsetBytes + first * HASH_BYTES;
    readExactly(this.#range.blob, offset, block, this.#range.where);
    this.#check(block, level + 1, blockIndex);
    if (this.#hashBlocks.size >= MAX_HASH_BLOCKS)
      for (const oldest of this.#hashBlocks.keys()) {
        this.#hashBlocks.delete(oldest);
        break;
      }
    this.#hashBlocks.set(key, block);
    return block;
  }
}
