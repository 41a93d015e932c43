/**
 * Bytes on their way through a loopback connection: a ring that grows by doubling up to a limit
 * that the caller keeps, and gives its memory back when it has been large and runs empty.
 */

import { copyBytes } from '../base/copy-bytes.ts';

const FIRST_BYTES = 4096;
const KEPT_BYTES = 65_536;

export class ByteQueue {
  #ring: Uint8Array = EMPTY;
  #head = 0;
  length = 0;

  /** Takes all of it. */
  push(source: Uint8Array, start: number, count: number): void {
    if (this.length + count > this.#ring.length) this.#grow(this.length + count);
    const ring = this.#ring;
    const tail = (this.#head + this.length) & (ring.length - 1);
    const first = Math.min(count, ring.length - tail);
    copyBytes(source, start, ring, tail, first);
    if (first < count) copyBytes(source, start + first, ring, 0, count - first);
    this.length += count;
  }

  /** Copies up to `count` bytes from `skip` on out, without taking them; how many. */
  peek(target: Uint8Array, start: number, count: number, skip = 0): number {
    const given = Math.min(count, this.length - skip);
    if (given <= 0) return 0;
    const ring = this.#ring;
    const from = (this.#head + skip) & (ring.length - 1);
    const first = Math.min(given, ring.length - from);
    copyBytes(ring, from, target, start, first);
    if (first < given) copyBytes(ring, 0, target, start + first, given - first);
    return given;
  }

  /** Forgets the first `count` bytes, which are there. */
  drop(count: number): void {
    this.length -= count;
    if (this.length > 0) this.#head = (this.#head + count) & (this.#ring.length - 1);
    else {
      this.#head = 0;
      if (this.#ring.length > KEPT_BYTES) this.#ring = EMPTY;
    }
  }

  clear(): void {
    this.drop(this.length);
    this.#ring = EMPTY;
  }

  #grow(needed: number): void {
    let size = Math.max(FIRST_BYTES, this.#ring.length);
    while (size < needed) size *= 2;
    const ring = new Uint8Array(size);
    this.peek(ring, 0, this.length);
    this.#ring = ring;
    this.#head = 0;
  }
}

const EMPTY = new Uint8Array(0);
