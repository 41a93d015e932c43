/**
 * Which blocks are in use. Bitmaps of 8,192 blocks (32 MiB) are loaded when they are needed, so
 * opening costs the same for every size of volume.
 *
 * A block that the last durable commit refers to is never written: freed blocks are *pending* until
 * the commit that no longer refers to them is durable ({@link SpaceMap.release}). What is stored is
 * the state after the commit: pending blocks are free in it. A block that was taken since the last
 * commit (*fresh*) is free again at once.
 */

import { assert } from '../../../base/assert.ts';

export const SEGMENT_BLOCKS = 8192;
export const SEGMENT_BYTES = SEGMENT_BLOCKS / 8;

/** Search below the high-water mark only when at least this part of it is free. */
const SEARCH_SHARE = 16;

/** A bit a block; the words are the same memory. */
interface Bitmap {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
}

function bitmapOf(bytes: Uint8Array): Bitmap {
  return { bytes, words: new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4) };
}

interface Segment {
  /** Not to be given out: in use, or pending. */
  readonly taken: Bitmap;
  readonly pending: Bitmap;
  readonly fresh: Bitmap;
  pendingCount: number;
  freshCount: number;
  /** Something has changed since the bitmap was taken to be stored. */
  isChanged: boolean;
}

export interface SpaceState {
  /** First block that was never used. */
  high: number;
  /** Blocks in use by the commit that is being made (pending ones are not). */
  used: number;
  /** Where the next search begins. */
  cursor: number;
}

export class SpaceMap {
  readonly state: SpaceState;
  readonly #first: number;
  readonly #limit: number;
  readonly #load: (index: number) => Uint8Array | undefined;
  readonly #segments = new Map<number, Segment>();
  /** Segments whose stored bitmap is out of date. */
  readonly dirty = new Set<number>();
  #pending = 0;
  /** No run of so many free blocks was found, and none has become free since. */
  #missing = Number.POSITIVE_INFINITY;

  /** Blocks below `first` belong to header and superblocks; `limit` is the size of the volume. */
  constructor(
    state: SpaceState,
    first: number,
    limit: number,
    load: (index: number) => Uint8Array | undefined,
  ) {
    this.state = state;
    this.#first = first;
    this.#limit = limit;
    this.#load = load;
  }

  get limit(): number {
    return this.#limit;
  }

  /** Blocks that may still be taken, pending ones not counted. */
  get free(): number {
    return this.#limit - this.#first - this.state.used - this.#pending;
  }

  /** Blocks that will be free with the next commit. */
  get pending(): number {
    return this.#pending;
  }

  /** The first of `count` blocks in a row, or -1. */
  take(count: number): number {
    assert(count > 0 && count <= SEGMENT_BLOCKS);
    const { state } = this;
    const freeBelow = state.high - this.#first - state.used - this.#pending;
    let at = -1;
    const mayGrow = state.high + count <= this.#limit;
    const isWorthIt = !mayGrow || freeBelow * SEARCH_SHARE >= state.high;
    if (freeBelow >= count && count < this.#missing && isWorthIt) {
      at = this.#search(count);
      if (at < 0) this.#missing = count;
    }
    if (at < 0 && mayGrow) {
      at = state.high;
      state.high += count;
    }
    if (at < 0) return -1;
    this.#mark(at, count);
    state.used += count;
    state.cursor = at + count;
    return at;
  }

  /** `count` blocks from `block` on are not referred to any more. */
  give(block: number, count: number): void {
    for (let i = block; i < block + count; i++) {
      const segment = this.#segment(Math.floor(i / SEGMENT_BLOCKS));
      const byte = (i % SEGMENT_BLOCKS) >>> 3;
      const bit = 1 << (i & 7);
      const { taken, pending, fresh } = segment;
      assert((taken.bytes[byte]! & bit) !== 0, 'a block was freed twice');
      assert((pending.bytes[byte]! & bit) === 0, 'a block was freed twice');
      segment.isChanged = true;
      if ((fresh.bytes[byte]! & bit) !== 0) {
        taken.bytes[byte]! &= ~bit;
        fresh.bytes[byte]! &= ~bit;
        segment.freshCount--;
        this.#missing = Number.POSITIVE_INFINITY;
      } else {
        pending.bytes[byte]! |= bit;
        segment.pendingCount++;
        this.#pending++;
      }
      this.dirty.add(Math.floor(i / SEGMENT_BLOCKS));
    }
    this.state.used -= count;
  }

  /**
   * The bitmap of a segment as the next commit stores it, when anything has changed since the last
   * call; else undefined.
   */
  takeStored(index: number): Uint8Array | undefined {
    const segment = this.#segment(index);
    if (!segment.isChanged) return undefined;
    segment.isChanged = false;
    const stored = bitmapOf(segment.taken.bytes.slice());
    clearBits(stored, segment.pending);
    return stored.bytes;
  }

  /** The commit is durable: what it freed may be used again. */
  release(): void {
    for (const segment of this.#segments.values()) {
      if (segment.pendingCount > 0) {
        clearBits(segment.taken, segment.pending);
        segment.pending.words.fill(0);
        segment.pendingCount = 0;
      }
      if (segment.freshCount > 0) segment.fresh.words.fill(0);
      segment.freshCount = 0;
    }
    this.#pending = 0;
    this.#missing = Number.POSITIVE_INFINITY;
    this.dirty.clear();
  }

  #segment(index: number): Segment {
    let segment = this.#segments.get(index);
    if (segment === undefined) {
      const stored = this.#load(index);
      segment = {
        taken: bitmapOf(stored?.slice() ?? new Uint8Array(SEGMENT_BYTES)),
        pending: bitmapOf(new Uint8Array(SEGMENT_BYTES)),
        fresh: bitmapOf(new Uint8Array(SEGMENT_BYTES)),
        ...{ pendingCount: 0, freshCount: 0, isChanged: false },
      };
      assert(segment.taken.bytes.length === SEGMENT_BYTES);
      this.#segments.set(index, segment);
    }
    return segment;
  }

  #mark(block: number, count: number): void {
    for (let i = block; i < block + count; i++) {
      const segment = this.#segment(Math.floor(i / SEGMENT_BLOCKS));
      const byte = (i % SEGMENT_BLOCKS) >>> 3;
      const bit = 1 << (i & 7);
      assert((segment.taken.bytes[byte]! & bit) === 0, 'a block was taken twice');
      segment.taken.bytes[byte]! |= bit;
      segment.fresh.bytes[byte]! |= bit;
      segment.freshCount++;
      segment.isChanged = true;
      this.dirty.add(Math.floor(i / SEGMENT_BLOCKS));
    }
  }

  /** First fit from the cursor on, once around below the high-water mark. */
  #search(count: number): number {
    const { high } = this.state;
    const start = Math.min(Math.max(this.state.cursor, this.#first), high);
    const found = this.#scan(start, high, count);
    if (found >= 0) return found;
    return this.#scan(this.#first, Math.min(high, start + count), count);
  }

  #scan(from: number, to: number, count: number): number {
    let run = 0;
    for (let block = from; block < to; ) {
      const index = Math.floor(block / SEGMENT_BLOCKS);
      const taken = this.#segment(index).taken.bytes;
      const base = index * SEGMENT_BLOCKS;
      const end = Math.min(to, base + SEGMENT_BLOCKS);
      for (; block < end; block++) {
        const byte = taken[(block - base) >>> 3] as number;
        if (byte === 0xff && (block & 7) === 0) {
          run = 0;
          block += 7;
        } else if ((byte & (1 << (block & 7))) !== 0) run = 0;
        else if (++run === count) return block - count + 1;
      }
    }
    return -1;
  }
}

/** Clears in one bitmap what is set in another. */
function clearBits(bitmap: Bitmap, bits: Bitmap): void {
  const [target, source] = [bitmap.words, bits.words];
  for (let i = 0; i < target.length; i++) target[i]! &= ~(source[i] as number);
}
