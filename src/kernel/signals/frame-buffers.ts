/**
 * Where signal frames are put together and taken apart: one set a kernel, since a buffer a signal
 * costs more than all the rest of its delivery.
 */

import { FPX, FRAME } from '../../abi/signal-frame.ts';

export class FrameBuffers {
  /** `rt_sigframe` without the FPU image; made afresh for every frame. */
  readonly frame: Uint8Array = new Uint8Array(FRAME.bytes);
  readonly view: DataView = new DataView(this.frame.buffer);
  /** The image that is written, with what never changes in it already there. */
  image: Uint8Array = new Uint8Array(0);
  /** An image from a guest, and a view of it. */
  taken: Uint8Array = new Uint8Array(0);
  takenView: DataView = new DataView(this.taken.buffer);
  /** The part of `taken` that a processor loads. */
  takenImage: Uint8Array = this.taken;

  /** For images of `imageBytes` and these features: software bytes, magic numbers (`fpx_sw_bytes`). */
  prepare(imageBytes: number, features: bigint): void {
    if (this.image.length === imageBytes + FPX.magic2Bytes) return;
    this.image = new Uint8Array(imageBytes + FPX.magic2Bytes);
    const view = new DataView(this.image.buffer);
    view.setUint32(FPX.magic1At, FPX.magic1, true);
    view.setUint32(FPX.extendedSizeAt, imageBytes + FPX.magic2Bytes, true);
    view.setBigUint64(FPX.featuresAt, features, true);
    view.setUint32(FPX.stateSizeAt, imageBytes, true);
    view.setUint32(imageBytes, FPX.magic2, true);
    this.taken = new Uint8Array(Math.max(imageBytes + FPX.magic2Bytes, 576));
    this.takenView = new DataView(this.taken.buffer);
    this.takenImage = this.taken.subarray(0, imageBytes);
  }
}
