/** Loads and stores of whole vector and mask registers, as bytes, for [RDI + disp32]. */

import type { Assembler } from '../../x86/assemble.ts';
import type { Register } from '../../x86/operand.ts';

const RDI = 7;
const LOAD = 0;
const STORE = 1;
type Direction = typeof LOAD | typeof STORE;

/** VMOVUPS zmm or ymm (SDM vol. 2, MOVUPS): 0F 10 loads, 0F 11 stores. */
export function moveVector(a: Assembler, v: Register, disp: number, direction: Direction): void {
  const r = v.number;
  if (v.bits === 512) {
    const p0 = ((r & 8) === 0 ? 0x80 : 0) | 0x60 | ((r & 16) === 0 ? 0x10 : 0) | 1;
    a.bytes([0x62, p0, 0x7c, 0x48, 0x10 + direction, 0x80 | ((r & 7) << 3) | RDI]);
  } else {
    a.bytes([0xc5, ((r & 8) === 0 ? 0x80 : 0) | 0x7c, 0x10 + direction]);
    a.bytes([0x80 | ((r & 7) << 3) | RDI]);
  }
  a.dd(disp);
}

/** KMOVQ (SDM vol. 2, KMOV): VEX.L0.0F.W1 90 loads, 91 stores. */
export function moveMask(a: Assembler, k: Register, disp: number, direction: Direction): void {
  a.bytes([0xc4, 0xe1, 0xf8, 0x90 + direction, 0x80 | (k.number << 3) | RDI]);
  a.dd(disp);
}

export const load: Direction = LOAD;
export const store: Direction = STORE;
