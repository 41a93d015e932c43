/** {@link Entropy} of the kernel's generator, getrandom(2): loading OpenSSL takes longer than it. */

import { assert } from '../../base/assert.ts';
import type { Entropy } from '../../base/interfaces.ts';
import type { NativeContext } from './context.ts';

/** A request of at most so many bytes is served whole. */
const CHUNK_BYTES = 256;

export class NativeEntropy implements Entropy {
  readonly #native: NativeContext;

  constructor(native: NativeContext) {
    this.#native = native;
  }

  /** Through the bounce buffer, where nothing stays. */
  fill(target: Uint8Array): void {
    const { bounce, bounceAddress, sys } = this.#native;
    for (let done = 0; done < target.length; done += CHUNK_BYTES) {
      const count = Math.min(CHUNK_BYTES, target.length - done);
      assert(sys.getrandom(bounceAddress, count) === count, 'getrandom');
      target.set(bounce.subarray(0, count), done);
      bounce.fill(0, 0, count);
    }
  }
}
