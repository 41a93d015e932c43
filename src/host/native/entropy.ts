/** {@link Entropy} of the kernel's generator, getrandom(2): loading OpenSSL takes longer than it. */

import { assert } from '../../base/assert.ts';
import type { Entropy } from '../../base/interfaces.ts';
import type { NativeContext } from './context.ts';

/** A request of at most so many bytes is served whole. */
const CHUNK_BYTES = 256;
/** Keys are longer: they are asked for when they are needed. */
const SMALL_BYTES = 16;

export class NativeEntropy implements Entropy {
  readonly #native: NativeContext;
  readonly #spare = new Uint8Array(CHUNK_BYTES);
  /** Where in {@link #spare} the bytes begin that nobody had yet. */
  #next = CHUNK_BYTES;

  constructor(native: NativeContext) {
    this.#native = native;
  }

  fill(target: Uint8Array): void {
    if (target.length > SMALL_BYTES) this.#ask(target);
    else this.#take(target);
  }

  /** Layouts take a word several times a process: one call gives many. None stays once it was given. */
  #take(target: Uint8Array): void {
    const { length } = target;
    if (this.#next + length > CHUNK_BYTES) {
      this.#ask(this.#spare);
      this.#next = 0;
    }
    const spare = this.#spare;
    for (let n = 0; n < length; n++) {
      target[n] = spare[this.#next] as number;
      spare[this.#next++] = 0;
    }
  }

  /** Through the bounce buffer, where nothing stays. */
  #ask(target: Uint8Array): void {
    const { bounce, bounceAddress, sys } = this.#native;
    for (let done = 0; done < target.length; done += CHUNK_BYTES) {
      const count = Math.min(CHUNK_BYTES, target.length - done);
      assert(sys.getrandom(bounceAddress, count) === count, 'getrandom');
      target.set(bounce.subarray(0, count), done);
      bounce.fill(0, 0, count);
    }
  }
}
