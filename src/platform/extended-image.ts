/**
 * The fast way between a state block and a whole XSAVE image in standard format, for signal frames:
 * one loop over 32-bit words by a plan made once. Anything else goes through cpu/interpret/xstate.
 */

import type { CpuModel } from '../cpu/interpret/model.ts';
import { STATE } from '../cpu/sandbox/layout.ts';

const HEADER_AT = 512;
const MXCSR_AT = 24;
const XMM_AT = 160;
const MXCSR_MASK = 0xffff;
const FCW_INITIAL = 0x37f;

export class ExtendedImage {
  readonly #model: CpuModel;
  /** Pairs of word indices: state block, image. */
  readonly #plan: Int32Array;

  constructor(model: CpuModel) {
    this.#model = model;
    const pairs: number[] = [];
    const add = (state: number, image: number, bytes: number) => {
      for (let at = 0; at < bytes; at += 4) pairs.push((state + at) / 4, (image + at) / 4);
    };
    for (let n = 0; n < 16; n++) add(STATE.vectors + 64 * n, XMM_AT + 16 * n, 16);
    for (const { bit, offset } of model.components) {
      if (bit === 2)
        for (let n = 0; n < 16; n++) add(STATE.vectors + 64 * n + 16, offset + 16 * n, 16);
      else if (bit === 5) add(STATE.masks, offset, 64);
      else if (bit === 6)
        for (let n = 0; n < 16; n++) add(STATE.vectors + 64 * n + 32, offset + 32 * n, 32);
      else if (bit === 7)
        for (let n = 0; n < 16; n++) add(STATE.vectors + 64 * (16 + n), offset + 64 * n, 64);
    }
    this.#plan = Int32Array.from(pairs);
  }

  /** Fills `image` (fresh zeros, 4-byte aligned) from the state block. */
  save(state: Int32Array, image: Int32Array): void {
    const plan = this.#plan;
    for (let i = 0; i < plan.length; i += 2)
      image[plan[i + 1] as number] = state[plan[i] as number] as number;
    image[MXCSR_AT / 4] = state[STATE.mxcsr / 4] as number;
    image[MXCSR_AT / 4 + 1] = MXCSR_MASK;
    image[HEADER_AT / 4] = this.#model.xcr0;
    if ((state[STATE.x87Used / 4] as number) === 0) {
      image[0] = FCW_INITIAL;
      return;
    }
    for (let at = 0; at < XMM_AT; at += 4)
      if (at < MXCSR_AT || at >= 32) image[at / 4] = state[(STATE.x87 + at) / 4] as number;
  }

  /**
   * Takes an image in standard format that names all components and finds the x87 unit in its
   * initial state. False: it is another one, or not well formed; nothing is changed then.
   */
  load(state: Int32Array, image: Int32Array): boolean {
    if (image[HEADER_AT / 4] !== this.#model.xcr0) return false;
    for (let at = HEADER_AT / 4 + 1; at < (HEADER_AT + 64) / 4; at++)
      if (image[at] !== 0) return false;
    const mxcsr = image[MXCSR_AT / 4] as number;
    if ((mxcsr & ~MXCSR_MASK) !== 0) return false;
    // An x87 unit in its initial state need not be loaded, nor saved at each exit from then on.
    if (image[0] !== FCW_INITIAL) return false;
    for (let at = 4; at < XMM_AT; at += 4)
      if ((at < MXCSR_AT || at >= 32) && image[at / 4] !== 0) return false;
    const plan = this.#plan;
    for (let i = 0; i < plan.length; i += 2)
      state[plan[i] as number] = image[plan[i + 1] as number] as number;
    state[STATE.mxcsr / 4] = mxcsr;
    state[STATE.x87Used / 4] = 0;
    return true;
  }
}
