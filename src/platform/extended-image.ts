/**
 * The fast way between a state block and a whole XSAVE image in standard format, for signal frames:
 * pieces that a stub moves, by a plan made once. Anything else goes through cpu/interpret/xstate.
 */

import type { CodeHost, StateBlock, StateImage } from '../cpu/code-host.ts';
import type { CpuModel } from '../cpu/interpret/model.ts';
import { STATE, WIDE_HIGH, WIDE_LOW } from '../cpu/sandbox/layout.ts';

const HEADER_AT = 512;
const HEADER_END = 576;
const MXCSR_AT = 24;
const XMM_AT = 160;
const XMM_END = 416;
const MXCSR_MASK = 0xffff;
const FCW_INITIAL = 0x37f;
const PIECE_BYTES = 16;

export class ExtendedImage {
  readonly #model: CpuModel;
  readonly #image: StateImage;
  readonly #words: Int32Array;
  /** What guests hand in goes another way: bytes that no piece covers must not reach the next frame. */
  readonly #taken: StateImage;
  readonly #takenWords: Int32Array;
  /** What frames take of it: the bytes between belong to software. */
  readonly #legacy: Uint8Array;
  readonly #rest: Uint8Array;

  constructor(host: CodeHost, model: CpuModel) {
    this.#model = model;
    const pieces = piecesOf(model);
    this.#image = host.createImage(model.xsaveBytes, pieces);
    this.#taken = host.createImage(model.xsaveBytes, pieces);
    const { bytes } = this.#image;
    this.#words = wordsOf(bytes);
    this.#takenWords = wordsOf(this.#taken.bytes);
    this.#legacy = bytes.subarray(0, XMM_END);
    this.#rest = bytes.subarray(HEADER_AT);
  }

  /** Fills `target` (of the model's size at least) from the state block; what an image has in reserved bytes stays. */
  save(block: StateBlock, target: Uint8Array): void {
    const state = block.i32;
    const image = this.#words;
    this.#image.save(block);
    image[MXCSR_AT / 4] = state[STATE.mxcsr / 4] as number;
    image[MXCSR_AT / 4 + 1] = MXCSR_MASK;
    image[HEADER_AT / 4] = this.#model.xcr0;
    const used = (state[STATE.x87Used / 4] as number) !== 0;
    for (let at = 0; at < XMM_AT; at += 4)
      if (at < MXCSR_AT || at >= 32)
        image[at / 4] = used ? (state[(STATE.x87 + at) / 4] as number) : 0;
    if (!used) image[0] = FCW_INITIAL;
    target.set(this.#legacy);
    target.set(this.#rest, HEADER_AT);
  }

  /**
   * Takes an image of the model's size in standard format that names all components and finds the x87 unit in its
   * initial state. False: it is another one, or not well formed; nothing is changed then.
   */
  load(block: StateBlock, source: Uint8Array): boolean {
    const state = block.i32;
    const image = this.#takenWords;
    this.#taken.bytes.set(source);
    if (image[HEADER_AT / 4] !== this.#model.xcr0) return false;
    for (let at = HEADER_AT / 4 + 1; at < HEADER_END / 4; at++) if (image[at] !== 0) return false;
    const mxcsr = image[MXCSR_AT / 4] as number;
    if ((mxcsr & ~MXCSR_MASK) !== 0) return false;
    // An x87 unit in its initial state need not be loaded, nor saved at each exit from then on.
    if (image[0] !== FCW_INITIAL) return false;
    for (let at = 4; at < XMM_AT; at += 4)
      if ((at < MXCSR_AT || at >= 32) && image[at / 4] !== 0) return false;
    this.#taken.load(block);
    state[STATE.mxcsr / 4] = mxcsr;
    state[STATE.x87Used / 4] = 0;
    block.u8[STATE.wideVectors] = WIDE_LOW | WIDE_HIGH;
    return true;
  }
}

function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
}

/** Pairs of offsets of 16 bytes each: state block, image. */
function piecesOf(model: CpuModel): Uint32Array {
  const pairs: number[] = [];
  const add = (state: number, image: number, bytes: number) => {
    for (let at = 0; at < bytes; at += PIECE_BYTES) pairs.push(state + at, image + at);
  };
  for (let n = 0; n < 16; n++) add(STATE.vectors + 64 * n, XMM_AT + 16 * n, 16);
  for (const { bit, offset } of model.components) {
    if (bit === 2)
      for (let n = 0; n < 16; n++) add(STATE.vectors + 64 * n + 16, offset + 16 * n, 16);
    else if (bit === 5) add(STATE.masks, offset, 64);
    else if (bit === 6)
      for (let n = 0; n < 16; n++) add(STATE.vectors + 64 * n + 32, offset + 32 * n, 32);
    else if (bit === 7) add(STATE.vectors + 64 * 16, offset, 64 * 16);
  }
  return Uint32Array.from(pairs);
}
