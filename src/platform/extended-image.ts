/**
 * The fast way between a state block and a whole XSAVE image in standard format (SDM vol. 1, 13.4), for
 * signal frames: pieces that a stub moves, by a plan made once, and no more of them than are in use.
 * Anything else goes through cpu/interpret/xstate.
 *
 * XSTATE_BV says what is in use as far as the state block knows: what it leaves out is zero.
 */

import type { CodeHost, NativeMemory, StateBlock, StatePieces } from '../cpu/code-host.ts';
import type { CpuModel } from '../cpu/interpret/model.ts';
import { STATE, WIDE_HIGH, WIDE_LOW } from '../cpu/sandbox/layout.ts';

const HEADER_AT = 512;
const HEADER_END = 576;
const MXCSR_AT = 24;
const XMM_AT = 160;
const XMM_END = 416;
const MXCSR_MASK = 0xffff;
const MXCSR_INITIAL = 0x1f80;
const FCW_INITIAL = 0x37f;
const PIECE_BYTES = 16;
/** XSTATE_BV: AVX and the upper halves of zmm0 … zmm15; zmm16 … zmm31. */
const LOW_COMPONENTS = (1 << 2) | (1 << 6);
const HIGH_COMPONENTS = 1 << 7;
const VECTOR_BYTES = 32 * 64 + 64;

export class ExtendedImage {
  readonly #model: CpuModel;
  readonly #tellsUse: boolean;
  readonly #pieces: StatePieces;
  /** Of the pieces, in order: those that WIDE_LOW stands for, those always in use, those of WIDE_HIGH. */
  readonly #low: number;
  readonly #always: number;
  readonly #high: number;
  /** Where images are made and taken for memory that must not be touched directly. */
  readonly #memory: NativeMemory;
  readonly #words: Int32Array;
  /** What frames take of it: the bytes between belong to software. */
  readonly #legacy: Uint8Array;
  readonly #rest: Uint8Array;

  constructor(host: CodeHost, model: CpuModel) {
    this.#model = model;
    this.#tellsUse = host.hasAvx512;
    const { low, always, high } = piecesOf(model);
    this.#pieces = host.createPieces(Uint32Array.from([...low, ...always, ...high]));
    this.#low = low.length / 2;
    this.#always = always.length / 2;
    this.#high = high.length / 2;
    this.#memory = host.allocate(model.xsaveBytes);
    const { bytes } = this.#memory;
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    this.#legacy = bytes.subarray(0, XMM_END);
    this.#rest = bytes.subarray(HEADER_AT);
  }

  /** Fills `target` (of the model's size at least) from the state block; what an image has in reserved bytes stays. */
  save(block: StateBlock, target: Uint8Array): void {
    this.saveTo(block, this.#words, 0, this.#memory.address);
    target.set(this.#legacy);
    target.set(this.#rest, HEADER_AT);
  }

  /**
   * Makes the image at `address`, which is what `words` shows from index `start` on: memory that may be
   * written. Reserved bytes are zero.
   */
  saveTo(block: StateBlock, words: Int32Array, start: number, address: number): void {
    const state = block.i32;
    const wide = this.#wideOf(block);
    this.#pieces.clear(address, this.#model.xsaveBytes);
    this.#pieces.save(block, address, this.#firstOf(wide), this.#countOf(wide));
    if (state[STATE.x87Used / 4] === 0) words[start] = FCW_INITIAL;
    else
      for (let at = 0; at < XMM_AT; at += 4)
        words[start + at / 4] = state[(STATE.x87 + at) / 4] as number;
    words[start + MXCSR_AT / 4] = state[STATE.mxcsr / 4] as number;
    words[start + MXCSR_AT / 4 + 1] = MXCSR_MASK;
    words[start + HEADER_AT / 4] = this.#componentsOf(wide);
  }

  /** The same from an array. */
  load(block: StateBlock, source: Uint8Array): boolean {
    this.#memory.bytes.set(source);
    return this.loadFrom(block, this.#words, 0, this.#memory.address);
  }

  /**
   * Takes an image of the model's size in standard format that is as `saveTo` makes them and finds the
   * x87 unit in its initial state. False: it is another one, or not well formed; nothing is changed then.
   */
  loadFrom(block: StateBlock, words: Int32Array, start: number, address: number): boolean {
    const components = words[start + HEADER_AT / 4] as number;
    const wide =
      ((components & LOW_COMPONENTS) !== 0 ? WIDE_LOW : 0) |
      ((components & HIGH_COMPONENTS) !== 0 ? WIDE_HIGH : 0);
    if (components !== this.#componentsOf(wide)) return false;
    for (let at = HEADER_AT / 4 + 1; at < HEADER_END / 4; at++)
      if (words[start + at] !== 0) return false;
    const mxcsr = words[start + MXCSR_AT / 4] as number;
    if ((mxcsr & ~MXCSR_MASK) !== 0) return false;
    // An x87 unit in its initial state need not be loaded, nor saved at each exit from then on.
    if (words[start] !== FCW_INITIAL) return false;
    for (let at = 1; at < XMM_AT / 4; at++)
      if (words[start + at] !== 0 && at !== MXCSR_AT / 4 && at !== MXCSR_AT / 4 + 1) return false;
    const cleared = this.#wideOf(block) & ~wide;
    if (cleared !== 0) this.#pieces.clear(block.address + STATE.vectors, VECTOR_BYTES);
    this.#pieces.load(block, address, this.#firstOf(wide), this.#countOf(wide));
    block.i32[STATE.mxcsr / 4] = mxcsr;
    block.u8[STATE.x87Used] = 0;
    block.u8[STATE.wideVectors] = wide;
    return true;
  }

  /** As at process start. */
  reset(block: StateBlock): void {
    block.u8[STATE.x87Used] = 0;
    block.i32[STATE.mxcsr / 4] = MXCSR_INITIAL;
    this.#pieces.clear(block.address + STATE.vectors, VECTOR_BYTES);
    block.u8[STATE.wideVectors] = 0;
  }

  /** Stubs without AVX-512 do not say what is in use. */
  #wideOf(block: StateBlock): number {
    if (this.#tellsUse) return block.u8[STATE.wideVectors] as number;
    return WIDE_LOW | WIDE_HIGH;
  }

  #componentsOf(wide: number): number {
    let components = this.#model.xcr0;
    if ((wide & WIDE_LOW) === 0) components &= ~LOW_COMPONENTS;
    if ((wide & WIDE_HIGH) === 0) components &= ~HIGH_COMPONENTS;
    return components;
  }

  #firstOf(wide: number): number {
    return (wide & WIDE_LOW) !== 0 ? 0 : this.#low;
  }

  #countOf(wide: number): number {
    const end = this.#low + this.#always + ((wide & WIDE_HIGH) !== 0 ? this.#high : 0);
    return end - this.#firstOf(wide);
  }
}

/** Pairs of offsets of 16 bytes each: state block, image. */
function piecesOf(model: CpuModel): { low: number[]; always: number[]; high: number[] } {
  const [low, always, high]: [number[], number[], number[]] = [[], [], []];
  const add = (pairs: number[], state: number, image: number, bytes: number) => {
    for (let at = 0; at < bytes; at += PIECE_BYTES) pairs.push(state + at, image + at);
  };
  const vector = (n: number, from: number) => STATE.vectors + 64 * n + from;
  for (let n = 0; n < 16; n++) add(always, vector(n, 0), XMM_AT + 16 * n, 16);
  for (const { bit, offset } of model.components) {
    if (bit === 5) add(always, STATE.masks, offset, 64);
    if (bit === 7) add(high, vector(16, 0), offset, 64 * 16);
    for (let n = 0; n < 16; n++) {
      if (bit === 2) add(low, vector(n, 16), offset + 16 * n, 16);
      if (bit === 6) add(low, vector(n, 32), offset + 32 * n, 32);
    }
  }
  return { low, always, high };
}
