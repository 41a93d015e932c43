/**
 * Encoder: `Instruction` → bytes, the inverse of the decoder. To re-emit a decoded instruction with
 * another memory operand or other registers, copy it, set fields, encode:
 *
 *     copyInstruction(scratch, decoded);
 *     setMemory(scratch, NONE, NONE, 0, address);          // absolute, SIB form without base
 *     scratch.prefixes |= PREFIX_GS | PREFIX_ADDR32;
 *     at = encodeInto(out, at, scratch);
 *
 * **Canonical encoding**: lock or rep/repne; segment (64, 65); 67; 66; mandatory F3/F2; REX (only
 * where a bit of it is needed); opcode; ModRM; SIB only where needed; the shortest displacement;
 * immediates. So `65 67 48 8b 00`. Prefixes without meaning for the row are dropped. VEX takes two
 * bytes where it can; ignored W and L are 0.
 */
import { type Form, forms } from './form.ts';
import {
  BASE_RIP,
  Instruction,
  NONE,
  PREFIX_ADDR32,
  PREFIX_FS,
  PREFIX_GS,
  PREFIX_LOCK,
  PREFIX_REP,
  PREFIX_REPNE,
} from './instruction.ts';
import { EVEX, LEGACY, PREFIX_F2, PREFIX_F3, type Row } from './isa/row.ts';

/** The instruction cannot be encoded so (ah beside REX, more than 15 bytes, register too high). */
export const ENCODE_IMPOSSIBLE = -1;

const MAX_BYTES = 15;

/** Copies every field. */
export function copyInstruction(to: Instruction, from: Instruction): void {
  Object.assign(to, from);
}

/** A new instruction of `row` with all other fields at their defaults. */
export function instructionOf(row: Row): Instruction {
  const instruction = new Instruction();
  instruction.row = row;
  return instruction;
}

/** Gives the instruction another memory operand; its prefixes stay. */
export function setMemory(
  instruction: Instruction,
  base: number,
  index: number,
  scale: number,
  displacement: number,
): void {
  instruction.hasMemory = true;
  instruction.base = base;
  instruction.index = index;
  instruction.scale = scale;
  instruction.displacement = displacement | 0;
}

/**
 * Writes `i` at `at` of `out`. Returns where the next byte goes, or ENCODE_IMPOSSIBLE. It needs the
 * row, prefixes, registers, memory operand and immediates of `i`, nothing else; it fills `length`,
 * `displacementAt`, `displacementBytes` and `immediateAt` anew (relative to `at`).
 */
export function encodeInto(out: Uint8Array, at: number, i: Instruction): number {
  const form = forms.of(i.row);
  let to = prefixes(out, at, i, form);
  if (i.row.space === LEGACY) to = legacy(out, to, i, form);
  else to = i.row.space === EVEX ? evex(out, to, i, form) : vex(out, to, i, form);
  if (to < 0) return ENCODE_IMPOSSIBLE;
  const { row } = i;
  if (row.hasModrm) {
    const reg = row.reg >= 0 ? row.reg : i.reg & 7;
    if (i.hasMemory) to = memory(out, to, i, form, reg, at);
    else out[to++] = 0xc0 | (reg << 3) | (row.rm >= 0 ? row.rm : i.rm & 7);
  } else if (form.moffs) to = moffs(out, to, i, at);
  to = immediates(out, to, i, form, at);
  i.length = to - at;
  return i.length > MAX_BYTES ? ENCODE_IMPOSSIBLE : to;
}

/** Lock or repeat, segment, address size. */
function prefixes(out: Uint8Array, at: number, i: Instruction, form: Form): number {
  const bits = i.prefixes;
  let to = at;
  if (bits === 0) return to;
  if ((bits & PREFIX_LOCK) !== 0 && form.lock) out[to++] = 0xf0;
  if ((bits & (PREFIX_REP | PREFIX_REPNE)) !== 0 && i.row.prefixes.rep)
    out[to++] = (bits & PREFIX_REP) !== 0 ? 0xf3 : 0xf2;
  if ((bits & PREFIX_FS) !== 0) out[to++] = 0x64;
  else if ((bits & PREFIX_GS) !== 0) out[to++] = 0x65;
  if ((bits & PREFIX_ADDR32) !== 0) out[to++] = 0x67;
  return to;
}

/** REX.X and REX.B of a memory operand, as bits 1 and 0. */
function memoryBits(i: Instruction): number {
  return (i.index >= 0 ? (i.index & 8) >> 2 : 0) | (i.base >= 0 && i.base < 16 ? i.base >> 3 : 0);
}

/** 66, mandatory prefix, REX, opcode. */
function legacy(out: Uint8Array, at: number, i: Instruction, form: Form): number {
  const { row } = i;
  let to = at;
  let rex = form.emitsW << 3;
  let high = false;
  let low = false;
  const byte = (number: number): void => {
    if (number < 4 || number > 7) return;
    if (i.rex === 0) high = true;
    else low = true;
  };
  if (row.hasModrm) {
    if (row.reg < 0) {
      rex |= (i.reg & 8) >> 1;
      if (form.byteReg) byte(i.reg);
    }
    if (i.hasMemory) rex |= memoryBits(i);
    else if (row.rm < 0) {
      rex |= i.rm >> 3;
      if (form.byteRm) byte(i.rm);
    }
  } else if (row.opcodeReg) {
    rex |= i.opcodeReg >> 3;
    if (form.byteOpcodeReg) byte(i.opcodeReg);
  }
  if (high && (rex !== 0 || low)) return ENCODE_IMPOSSIBLE;
  if (form.emits66) out[to++] = 0x66;
  if (row.prefix === PREFIX_F3) out[to++] = 0xf3;
  else if (row.prefix === PREFIX_F2) out[to++] = 0xf2;
  if (rex !== 0 || low) out[to++] = 0x40 | rex;
  if (row.map !== 0) {
    out[to++] = 0x0f;
    if (row.map === 2) out[to++] = 0x38;
    else if (row.map === 3) out[to++] = 0x3a;
  }
  out[to++] = row.opcodeReg ? row.opcode | (i.opcodeReg & 7) : row.opcode;
  return to;
}

/** X and B (bits 1, 0) of whatever stands in ModRM.rm. */
function rmBits(i: Instruction): number {
  if (i.hasMemory) return memoryBits(i);
  return i.row.rm < 0 && i.row.hasModrm ? (i.rm >> 3) & 1 : 0;
}

function vex(out: Uint8Array, at: number, i: Instruction, form: Form): number {
  const { row } = i;
  let to = at;
  const xb = rmBits(i);
  const r = row.reg < 0 && row.hasModrm ? i.reg >> 3 : 0;
  if (r > 1 || (!i.hasMemory && i.rm > 15) || i.index > 15) return ENCODE_IMPOSSIBLE;
  const vvvv = form.usesVvvv ? i.vvvv : 0;
  const tail = ((~vvvv & 15) << 3) | (form.emitsL << 2) | row.prefix;
  if (row.map === 1 && form.emitsW === 0 && xb === 0) {
    out[to++] = 0xc5;
    out[to++] = ((r ^ 1) << 7) | tail;
  } else {
    out[to++] = 0xc4;
    out[to++] = ((r ^ 1) << 7) | ((xb ^ 3) << 5) | row.map;
    out[to++] = (form.emitsW << 7) | tail;
  }
  out[to++] = row.opcode;
  return to;
}

function evex(out: Uint8Array, at: number, i: Instruction, form: Form): number {
  const { row } = i;
  let to = at;
  // rm of a vector register takes X as its fifth bit.
  const xb = i.hasMemory ? memoryBits(i) : ((i.rm >> 3) & 1) | ((i.rm >> 3) & 2);
  const reg = row.reg < 0 ? i.reg : 0;
  const vvvv = form.usesVvvv ? i.vvvv : 0;
  const v5 = form.vsib ? (i.index >> 4) & 1 : vvvv >> 4;
  const b = i.evexB ? 1 : 0;
  const l = i.evexB && !i.hasMemory ? Math.max(i.rounding, 0) : form.emitsL;
  out[to++] = 0x62;
  out[to++] =
    (((reg >> 3) & 1 ? 0 : 1) << 7) | ((xb ^ 3) << 5) | ((reg >> 4 ? 0 : 1) << 4) | row.map;
  out[to++] = (form.emitsW << 7) | ((~vvvv & 15) << 3) | 4 | row.prefix;
  out[to++] = ((i.zeroing ? 1 : 0) << 7) | (l << 5) | (b << 4) | ((v5 ^ 1) << 3) | i.opmask;
  out[to++] = row.opcode;
  return to;
}

function int32(out: Uint8Array, at: number, value: number): number {
  out[at] = value;
  out[at + 1] = value >> 8;
  out[at + 2] = value >> 16;
  out[at + 3] = value >> 24;
  return at + 4;
}

/** The disp8 that stands for `displacement`, or NaN. */
function compressed(i: Instruction, form: Form): number {
  const shift = i.evexB ? form.disp8BroadcastShift : form.disp8Shift;
  const value = i.displacement >> shift;
  return value << shift === i.displacement && value >= -128 && value <= 127 ? value : Number.NaN;
}

/** ModRM, SIB and displacement. */
function memory(
  out: Uint8Array,
  at: number,
  i: Instruction,
  form: Form,
  reg: number,
  start: number,
): number {
  let to = at;
  const { base, index, displacement } = i;
  const regBits = reg << 3;
  i.displacementBytes = 4;
  if (base === BASE_RIP) {
    out[to++] = regBits | 5;
    i.displacementAt = to - start;
    return int32(out, to, displacement);
  }
  if (base === NONE) {
    out[to++] = regBits | 4;
    out[to++] = (index === NONE ? 0x20 : (i.scale << 6) | ((index & 7) << 3)) | 5;
    i.displacementAt = to - start;
    return int32(out, to, displacement);
  }
  const disp8 = compressed(i, form);
  const mod = displacement === 0 && (base & 7) !== 5 ? 0 : Number.isNaN(disp8) ? 2 : 1;
  if (index !== NONE || (base & 7) === 4) {
    out[to++] = (mod << 6) | regBits | 4;
    out[to++] = (index === NONE ? 0x20 : (i.scale << 6) | ((index & 7) << 3)) | (base & 7);
  } else out[to++] = (mod << 6) | regBits | (base & 7);
  i.displacementAt = to - start;
  i.displacementBytes = mod === 0 ? 0 : mod === 1 ? 1 : 4;
  if (mod === 1) out[to++] = disp8;
  return mod === 2 ? int32(out, to, displacement) : to;
}

function moffs(out: Uint8Array, at: number, i: Instruction, start: number): number {
  i.displacementAt = at - start;
  const to = int32(out, at, i.displacement);
  i.displacementBytes = (i.prefixes & PREFIX_ADDR32) !== 0 ? 4 : 8;
  return i.displacementBytes === 4 ? to : int32(out, to, i.displacementHigh);
}

function immediates(
  out: Uint8Array,
  at: number,
  i: Instruction,
  form: Form,
  start: number,
): number {
  let to = at;
  i.immediateAt = at - start;
  switch (form.immediateBytes) {
    case 1:
      out[to++] = form.is4 ? (i.is4 << 4) | (i.immediate & 15) : i.immediate;
      break;
    case 2:
      out[to++] = i.immediate;
      out[to++] = i.immediate >> 8;
      break;
    case 4:
      to = int32(out, to, i.immediate);
      break;
    case 8:
      to = int32(out, int32(out, to, i.immediate), i.immediateHigh);
      break;
  }
  if (form.immediate2Bytes !== 0) out[to++] = i.immediate2;
  return to;
}
