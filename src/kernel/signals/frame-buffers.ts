/**
 * Where signal frames are put together and taken apart that cannot be made where they stand: one set a
 * kernel, since a buffer a signal costs more than all the rest of its delivery.
 */

import { FPX, FRAME } from '../../abi/signal-frame.ts';

export class FrameBuffers {
  /** `rt_sigframe` without the FPU image. */
  readonly words: Int32Array = new Int32Array(FRAME.bytes / 4);
  readonly bytes: Uint8Array = new Uint8Array(this.words.buffer);
  /** An image with its marks. */
  image: Uint8Array = new Uint8Array(0);
  imageWords: Int32Array = new Int32Array(this.image.buffer);

  /** For images of `imageBytes`. */
  prepare(imageBytes: number): void {
    const length = Math.max(imageBytes + FPX.magic2Bytes, FPX.legacyBytes + FPX.headerBytes);
    if (this.image.length === length) return;
    this.image = new Uint8Array(length);
    this.imageWords = new Int32Array(this.image.buffer);
  }
}
