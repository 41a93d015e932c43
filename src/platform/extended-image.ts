/**
 * The fast way between a state block and a whole XSAVE image in standard format, for signal frames:
 * runs of 32-bit words by a plan made once. Anything else goes through cpu/interpret/xstate.
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
  /** Runs of words: index in the state block, in the image, count (a multiple of 4). */
  readonly #plan: Int32Array;
  /** Words of the image met last: frames use the same buffers again and again. */
  #words: Int32Array = new Int32Array(0);
  #wordsOf: Uint8Array | undefined;

  constructor(model: CpuModel) {
    this.#model = model;
    const runs: number[] = [];
    const add = (state: number, image: number, bytes: number) =>
      runs.push(state / 4, image / 4, bytes / 4);
    for (let n = 0; n < 16; n++) add(STATE.vectors + 64 * n, XMM_AT + 16 * n, 16);
    for (const { bit, offset } of model.components) {
      if (bit === 2)
        for (let n = 0; n < 16; n++) add(STATE.vectors + 64 * n + 16, offset + 16 * n, 16);
      else if (bit === 5) add(STATE.masks, offset, 64);
      else if (bit === 6)
        for (let n = 0; n < 16; n++) add(STATE.vectors + 64 * n + 32, offset + 32 * n, 32);
      else if (bit === 7) add(STATE.vectors + 64 * 16, offset, 64 * 16);
    }
    this.#plan = Int32Array.from(runs);
  }

  #view(image: Uint8Array): Int32Array {
    if (image !== this.#wordsOf) {
      this.#words = new Int32Array(image.buffer, image.byteOffset, this.#model.xsaveBytes >> 2);
      this.#wordsOf = image;
    }
    return this.#words;
  }

  /** Fills `target` (zero where an image has reserved bytes, 4-byte aligned) from the state block. */
  save(state: Int32Array, target: Uint8Array): void {
    const image = this.#view(target);
    const plan = this.#plan;
    for (let i = 0; i < plan.length; i += 3)
      copyWords(state, plan[i] as number, image, plan[i + 1] as number, plan[i + 2] as number);
    image[MXCSR_AT / 4] = state[STATE.mxcsr / 4] as number;
    image[MXCSR_AT / 4 + 1] = MXCSR_MASK;
    image[HEADER_AT / 4] = this.#model.xcr0;
    const used = (state[STATE.x87Used / 4] as number) !== 0;
    for (let at = 0; at < XMM_AT; at += 4)
      if (at < MXCSR_AT || at >= 32)
        image[at / 4] = used ? (state[(STATE.x87 + at) / 4] as number) : 0;
    if (!used) image[0] = FCW_INITIAL;
  }

  /**
   * Takes an image in standard format that names all components and finds the x87 unit in its
   * initial state. False: it is another one, or not well formed; nothing is changed then.
   */
  load(state: Int32Array, source: Uint8Array): boolean {
    const image = this.#view(source);
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
    for (let i = 0; i < plan.length; i += 3)
      copyWords(image, plan[i + 1] as number, state, plan[i] as number, plan[i + 2] as number);
    state[STATE.mxcsr / 4] = mxcsr;
    state[STATE.x87Used / 4] = 0;
    return true;
  }
}

function copyWords(
  source: Int32Array,
  from: number,
  target: Int32Array,
  to: number,
  count: number,
): void {
  for (let n = 0; n < count; n += 4) {
    target[to + n] = source[from + n] as number;
    target[to + n + 1] = source[from + n + 1] as number;
    target[to + n + 2] = source[from + n + 2] as number;
    target[to + n + 3] = source[from + n + 3] as number;
  }
}
