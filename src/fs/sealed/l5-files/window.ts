/**
 * A part of a file's contents in memory: 64 KiB, with a bit a block: which are valid, which are
 * dirty. The buffer holds a run of blocks, as few as are needed, so that single blocks far apart
 * cost little; what is not in it, and what is not valid in it, is zero.
 */

import { assert } from '../../../base/assert.ts';
import { freeMemory } from '../../../base/free-memory.ts';
import { BLOCK_BYTES } from '../l0-host/block-host.ts';
import { CELL_BLOCKS } from '../l4-store/store.ts';

export const WINDOW_BLOCKS = CELL_BLOCKS;
export const WINDOW_BYTES = WINDOW_BLOCKS * BLOCK_BYTES;
/** A buffer that begins with the window has at least so many blocks. */
const FIRST_BLOCKS = 4;
const NOTHING: Uint8Array = new Uint8Array(0);

export interface WindowOwner {
  /** Forgets a clean window. */
  dropWindow(index: number): void;
  /** True as long as it has not been forgotten. */
  hasWindow(window: Window): boolean;
}

/** Bits of the blocks [from, to) of a window. */
export const maskOf = (from: number, to: number): number => (1 << to) - (1 << from);

export class Window {
  readonly owner: WindowOwner;
  readonly index: number;
  /** Bits of blocks that hold what the file holds. */
  valid = 0;
  dirty = 0;
  /** Looked at since the last round of eviction. */
  isUsed = false;
  /** Blocks of room on the volume that writing it may take, while it is dirty. */
  neededBlocks = 0;
  #first = 0;
  #buffer = NOTHING;

  constructor(owner: WindowOwner, index: number) {
    this.owner = owner;
    this.index = index;
  }

  get byteLength(): number {
    return this.#buffer.length;
  }

  /** True when the buffer holds the blocks [from, to). */
  holds(from: number, to: number): boolean {
    return from >= this.#first && to <= this.#first + this.#buffer.length / BLOCK_BYTES;
  }

  /** Makes room for the blocks [from, to). */
  reserve(from: number, to: number): void {
    if (this.holds(from, to)) return;
    const old = this.#buffer;
    const oldFirst = this.#first;
    const oldEnd = oldFirst + old.length / BLOCK_BYTES;
    let [first, end] = [from, to];
    if (old.length === 0) {
      if (from === 0) end = to > FIRST_BLOCKS ? WINDOW_BLOCKS : FIRST_BLOCKS;
    } else {
      first = Math.min(from, oldFirst);
      // What goes on where the buffer ends will go on further.
      end = from === oldEnd ? WINDOW_BLOCKS : Math.max(to, oldEnd);
    }
    this.#buffer = new Uint8Array((end - first) * BLOCK_BYTES);
    if (old.length > 0) this.#buffer.set(old, (oldFirst - first) * BLOCK_BYTES);
    freeMemory(old);
    this.#first = first;
  }

  /** `bytes` becomes the buffer, from block `first` on. Nothing is valid yet. */
  adopt(first: number, bytes: Uint8Array): void {
    this.#first = first;
    this.#buffer = bytes;
  }

  /** Nobody holds the window any more. */
  free(): void {
    assert(this.dirty === 0, 'a window with changes is freed');
    freeMemory(this.#buffer);
    this.#buffer = NOTHING;
    this.valid = 0;
  }

  /** Copies `length` bytes from `offset` on. */
  read(offset: number, target: Uint8Array, start: number, length: number): void {
    const from = offset - this.#first * BLOCK_BYTES;
    if (from < 0) {
      const zeros = Math.min(length, -from);
      target.fill(0, start, start + zeros);
      copyOrZero(this.#buffer, 0, target, start + zeros, length - zeros);
    } else copyOrZero(this.#buffer, from, target, start, length);
  }

  /** Stores bytes at `offset`; there is room. */
  write(offset: number, bytes: Uint8Array): void {
    this.#buffer.set(bytes, offset - this.#first * BLOCK_BYTES);
  }

  /** Zeros the bytes [from, to). */
  zero(from: number, to: number): void {
    const base = this.#first * BLOCK_BYTES;
    this.#buffer.fill(0, Math.max(0, from - base), Math.max(0, to - base));
  }

  /** The bytes of the blocks [from, to), which the buffer holds; not a copy. */
  blocks(from: number, to: number): Uint8Array {
    return this.#buffer.subarray(
      (from - this.#first) * BLOCK_BYTES,
      (to - this.#first) * BLOCK_BYTES,
    );
  }
}

/** Copies what `source` has at `offset`, and zeros behind its end. */
export function copyOrZero(
  source: Uint8Array,
  offset: number,
  target: Uint8Array,
  start: number,
  length: number,
): void {
  const have = Math.max(0, Math.min(length, source.length - offset));
  if (have > 0) target.set(source.subarray(offset, offset + have), start);
  if (have < length) target.fill(0, start + have, start + length);
}
