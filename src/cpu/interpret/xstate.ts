/**
 * XSAVE images (Intel SDM vol. 1, chapter 13) from and to a state block. All components count as in
 * use: XSTATE_BV names every requested one, which the manual permits.
 */

import { STATE, WIDE_HIGH, WIDE_LOW } from '../sandbox/layout.ts';
import type { CpuModel, XstateComponent } from './model.ts';

const LEGACY_BYTES = 512;
const HEADER_AT = 512;
const HEADER_BYTES = 64;
const XMM_AT = 160;
const MXCSR_AT = 24;
/** Bits 16–31 of MXCSR are reserved. */
const MXCSR_MASK = 0xffff;
export const MXCSR_DEFAULT = 0x1f80;

const X87 = 1;
const SSE = 2;

export class Xstate {
  private readonly model: CpuModel;

  constructor(model: CpuModel) {
    this.model = model;
  }

  /** Bytes that an image of the components of `mask` takes. */
  bytesOf(mask: number, compact: boolean): number {
    if (compact) return this.model.compactOffset(-1, mask);
    let end = LEGACY_BYTES + HEADER_BYTES;
    for (const component of this.model.components)
      if (mask & (1 << component.bit)) end = Math.max(end, component.offset + component.bytes);
    return end;
  }

  /**
   * Writes the components of `mask` into `image`; what is not named stays as it was. The header is
   * that of XSAVE (bits of XSTATE_BV outside the mask stay) or of XSAVEC.
   */
  save(state: Uint8Array, image: Uint8Array, mask: number, compact: boolean): void {
    if (mask & X87) saveX87(state, image);
    if (mask & (SSE | 4)) image.set(state.subarray(STATE.mxcsr, STATE.mxcsr + 4), MXCSR_AT);
    if (mask & (SSE | 4)) write32(image, MXCSR_AT + 4, MXCSR_MASK);
    const [words, target] = [wordsOf(state), wordsOf(image)];
    if (mask & SSE) savePieces(words, target, XMM, XMM_AT);
    for (const component of this.model.components) {
      if (!(mask & (1 << component.bit))) continue;
      const at = compact ? this.model.compactOffset(component.bit, mask) : component.offset;
      savePieces(words, target, piecesOf(component), at);
    }
    if (compact) {
      image.fill(0, HEADER_AT, HEADER_AT + HEADER_BYTES);
      image[HEADER_AT] = mask;
      image[HEADER_AT + 8] = mask;
      image[HEADER_AT + 15] = 0x80;
    } else image[HEADER_AT] = (image[HEADER_AT]! & ~mask) | mask;
  }

  /**
   * XRSTOR with the component mask `mask`. False: the image is one that XRSTOR refuses with #GP.
   * Nothing is changed then.
   */
  restore(state: Uint8Array, image: Uint8Array, mask: number): boolean {
    const compact = (image[HEADER_AT + 15]! & 0x80) !== 0;
    const present = image[HEADER_AT]!;
    const format = image[HEADER_AT + 8]!;
    for (let n = 1; n < 8; n++) if (image[HEADER_AT + n] !== 0) return false;
    for (let n = 9; n < 15; n++) if (image[HEADER_AT + n] !== 0) return false;
    for (let n = 16; n < HEADER_BYTES; n++)
      if (image[HEADER_AT + n] !== 0 && (compact || n < 24)) return false;
    if ((image[HEADER_AT + 15]! & 0x7f) !== 0) return false;
    if (present & ~this.model.xcr0) return false;
    if (compact ? format & ~this.model.xcr0 || present & ~format : format !== 0) return false;
    const takesMxcsr = (mask & (SSE | 4)) !== 0 && (!compact || (mask & present & SSE) !== 0);
    if (takesMxcsr && (read32(image, MXCSR_AT) & ~MXCSR_MASK) !== 0) return false;
    this.load(state, image, mask, present, compact ? format : 0);
    state[STATE.wideVectors] = WIDE_LOW | WIDE_HIGH;
    if (takesMxcsr) state.set(image.subarray(MXCSR_AT, MXCSR_AT + 4), STATE.mxcsr);
    else if (compact && mask & SSE) write32(state, STATE.mxcsr, MXCSR_DEFAULT);
    return true;
  }

  private load(
    state: Uint8Array,
    image: Uint8Array,
    mask: number,
    present: number,
    format: number,
  ): void {
    if (mask & X87) {
      if (present & X87) loadX87(state, image);
      else state[STATE.x87Used] = 0;
    }
    const words = wordsOf(state);
    const source = wordsOf(image.byteOffset % 4 === 0 ? image : image.slice());
    if (mask & SSE) loadPieces(words, present & SSE ? source : undefined, XMM, XMM_AT);
    for (const component of this.model.components) {
      if (!(mask & (1 << component.bit))) continue;
      const at = format ? this.model.compactOffset(component.bit, format) : component.offset;
      const from = present & (1 << component.bit) ? source : undefined;
      loadPieces(words, from, piecesOf(component), at);
    }
  }
}

function saveX87(state: Uint8Array, image: Uint8Array): void {
  if (state[STATE.x87Used]) {
    image.set(state.subarray(STATE.x87, STATE.x87 + MXCSR_AT), 0);
    image.set(state.subarray(STATE.x87 + 32, STATE.x87 + XMM_AT), 32);
    return;
  }
  image.fill(0, 0, MXCSR_AT);
  image.fill(0, 32, XMM_AT);
  // FCW after FNINIT.
  image[0] = 0x7f;
  image[1] = 0x03;
}

function loadX87(state: Uint8Array, image: Uint8Array): void {
  state.set(image.subarray(0, MXCSR_AT), STATE.x87);
  state.set(image.subarray(32, XMM_AT), STATE.x87 + 32);
  // The entry stub loads it with FXRSTOR: MXCSR there must be valid.
  write32(state, STATE.x87 + MXCSR_AT, MXCSR_DEFAULT);
  state[STATE.x87Used] = 1;
}

/** Where a component lies in a state block: `count` pieces of `bytes`, `stride` apart. */
interface Pieces {
  readonly start: number;
  readonly stride: number;
  readonly bytes: number;
  readonly count: number;
}

const XMM: Pieces = { start: STATE.vectors, stride: 64, bytes: 16, count: 16 };
const NO_PIECES: Pieces = { start: 0, stride: 0, bytes: 0, count: 0 };
const PIECES: Readonly<Record<number, Pieces>> = {
  2: { start: STATE.vectors + 16, stride: 64, bytes: 16, count: 16 },
  5: { start: STATE.masks, stride: 64, bytes: 64, count: 1 },
  6: { start: STATE.vectors + 32, stride: 64, bytes: 32, count: 16 },
  7: { start: STATE.vectors + 16 * 64, stride: 64, bytes: 64, count: 16 },
};

const piecesOf = ({ bit }: XstateComponent): Pieces => PIECES[bit] ?? NO_PIECES;

/** measured: word by word, since a view and a call for each of 64 pieces took ten times as long. */
function savePieces(state: Int32Array, image: Int32Array, pieces: Pieces, at: number): void {
  const { start, stride, bytes, count } = pieces;
  let to = at / 4;
  for (let n = 0; n < count; n++) {
    const from = (start + n * stride) / 4;
    for (let k = 0; k < bytes / 4; k++) image[to++] = state[from + k]!;
  }
}

/** Without an image: zeros. */
function loadPieces(
  state: Int32Array,
  image: Int32Array | undefined,
  pieces: Pieces,
  at: number,
): void {
  const { start, stride, bytes, count } = pieces;
  let from = at / 4;
  for (let n = 0; n < count; n++) {
    const to = (start + n * stride) / 4;
    for (let k = 0; k < bytes / 4; k++) state[to + k] = image === undefined ? 0 : image[from++]!;
  }
}

/** Of what begins at a word. */
function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
}

export function read32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

export function write32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >> 8;
  bytes[at + 2] = value >> 16;
  bytes[at + 3] = value >> 24;
}
