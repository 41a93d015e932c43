/**
 * Copies to and from memory that may fault: the stub ends early instead of the process. Small
 * JavaScript arrays go through the bounce buffer, since those in V8's heap move.
 */

import { assert } from '../../base/assert.ts';
import { MAILBOX } from '../../cpu/stubs/mailbox.ts';
import type { NativeContext } from './context.ts';
import { addressOf } from './libc.ts';

const HIGH = 2 ** 32;
/** V8 keeps the contents of typed arrays up to 64 bytes in its moving heap, all others outside. */
const STEADY_BYTES = 4096;
/** measured: for less than this the bounce buffer costs no more than finding the place. */
const DIRECT_BYTES = 1024;

export class SafeCopy {
  readonly #i32: Int32Array;
  readonly #bounce: Uint8Array;
  readonly #bounceAddress: number;
  readonly #copy: () => number;
  readonly #fill: () => number;
  /** The buffer asked for last: held, so that its address stays its own. */
  #steady: ArrayBufferLike | undefined;
  #steadyAddress = 0;

  constructor(native: NativeContext) {
    this.#i32 = new Int32Array(native.engine.mailbox);
    this.#bounce = native.bounce;
    this.#bounceAddress = native.bounceAddress;
    this.#copy = native.engine.calls.copy;
    this.#fill = native.engine.calls.fill;
  }

  /** From host address `from`; returns the bytes copied before the first fault. */
  copyIn(from: number, target: Uint8Array): number {
    const total = target.length;
    const place = this.#placeOf(target);
    if (place !== 0) return total - this.#run(this.#copy, place, from, total);
    let done = 0;
    while (done < total) {
      const count = Math.min(this.#bounce.length, total - done);
      const copied = count - this.#run(this.#copy, this.#bounceAddress, from + done, count);
      // set() of a sub-view costs more than a loop for a few bytes.
      if (copied <= 16) for (let i = 0; i < copied; i++) target[done + i] = this.#bounce[i]!;
      else target.set(this.#bounce.subarray(0, copied), done);
      done += copied;
      if (copied < count) break;
    }
    return done;
  }

  copyOut(to: number, source: Uint8Array): number {
    const total = source.length;
    const place = this.#placeOf(source);
    if (place !== 0) return total - this.#run(this.#copy, to, place, total);
    let done = 0;
    while (done < total) {
      const count = Math.min(this.#bounce.length, total - done);
      if (count <= 16) for (let i = 0; i < count; i++) this.#bounce[i] = source[done + i]!;
      else this.#bounce.set(count === total ? source : source.subarray(done, done + count));
      const copied = count - this.#run(this.#copy, to + done, this.#bounceAddress, count);
      done += copied;
      if (copied < count) break;
    }
    return done;
  }

  /** Where the bytes of an array stand, when they do not move; else 0. */
  #placeOf(bytes: Uint8Array): number {
    const { buffer } = bytes;
    if (bytes.length < DIRECT_BYTES || buffer.byteLength < STEADY_BYTES) return 0;
    if (buffer !== this.#steady) {
      this.#steadyAddress = addressOf(new Uint8Array(buffer));
      this.#steady = buffer;
    }
    return this.#steadyAddress + bytes.byteOffset;
  }

  /** Between two host addresses; for copying between sandboxes. */
  copyAcross(from: number, to: number, length: number): number {
    return length - this.#run(this.#copy, to, from, length);
  }

  fill(to: number, byte: number, length: number): number {
    return length - this.#run(this.#fill, to, byte, length);
  }

  /** What is left. */
  #run(stub: () => number, to: number, from: number, length: number): number {
    assert(length >= 0 && length < HIGH);
    this.#set(MAILBOX.copyTo, to);
    this.#set(MAILBOX.copyFrom, from);
    this.#set(MAILBOX.copyLength, length);
    stub();
    return (this.#i32[MAILBOX.copyLeft / 4] as number) >>> 0;
  }

  #set(offset: number, value: number): void {
    this.#i32[offset / 4] = value | 0;
    this.#i32[offset / 4 + 1] = Math.floor(value / HIGH);
  }
}
