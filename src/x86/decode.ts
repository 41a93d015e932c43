/**
 * Decoder: bytes → `Instruction` (Intel SDM vol. 2, chapter 2). Derived from the instruction table.
 * It accepts what the processor accepts, redundant and ignored prefixes included; it is strict where
 * the manual reserves bits of VEX and EVEX, and refuses what no row describes (XOP, REX2, APX).
 */
import { type Form, forms, type Opcode, resolve } from './form.ts';
import {
  BASE_RIP,
  Instruction,
  NONE,
  PREFIX_ADDR32,
  PREFIX_FS,
  PREFIX_GS,
  PREFIX_LOCK,
  PREFIX_NULL_SEGMENT,
  PREFIX_OPSIZE,
  PREFIX_REP,
  PREFIX_REPNE,
} from './instruction.ts';
import { EVEX, LEGACY, VEX } from './isa/row.ts';

export const DECODE_OK = 0;
/** The instruction goes on behind `limit`. */
export const DECODE_TRUNCATED = 1;
/** No row describes it, or it is longer than 15 bytes. */
export const DECODE_UNKNOWN = 2;
export type DecodeStatus = typeof DECODE_OK | typeof DECODE_TRUNCATED | typeof DECODE_UNKNOWN;

export type DecodeResult =
  | { readonly status: typeof DECODE_OK; readonly instruction: Instruction }
  | { readonly status: typeof DECODE_TRUNCATED | typeof DECODE_UNKNOWN };

const MAX_BYTES = 15;
const REX = 0x100;

/** By byte: PREFIX_ bit, REX for 40–4F, 0 for anything else. */
const PREFIX_OF: Uint16Array = prefixTable();

function prefixTable(): Uint16Array {
  const table = new Uint16Array(256);
  for (let rex = 0x40; rex < 0x50; rex++) table[rex] = REX;
  for (const byte of [0x26, 0x2e, 0x36, 0x3e]) table[byte] = PREFIX_NULL_SEGMENT;
  table[0x64] = PREFIX_FS;
  table[0x65] = PREFIX_GS;
  table[0x66] = PREFIX_OPSIZE;
  table[0x67] = PREFIX_ADDR32;
  table[0xf0] = PREFIX_LOCK;
  table[0xf2] = PREFIX_REPNE;
  table[0xf3] = PREFIX_REP;
  return table;
}

/** Bits that another prefix of the same group replaces. */
function groupOf(bit: number): number {
  if (bit === PREFIX_REP || bit === PREFIX_REPNE) return PREFIX_REP | PREFIX_REPNE;
  return bit === PREFIX_FS || bit === PREFIX_GS ? PREFIX_FS | PREFIX_GS : 0;
}

/** Decodes one instruction into a new object. */
export function decode(bytes: Uint8Array, offset: number, limit: number): DecodeResult {
  const instruction = new Instruction();
  const status = decodeInto(instruction, bytes, offset, limit);
  return status === DECODE_OK ? { status, instruction } : { status };
}

/** Decodes the instruction at `offset`, of which bytes up to `limit` exist, into `into`. */
export function decodeInto(
  into: Instruction,
  bytes: Uint8Array,
  offset: number,
  limit: number,
): DecodeStatus {
  const end = limit - offset > MAX_BYTES ? offset + MAX_BYTES : limit;
  let at = offset;
  let prefixes = 0;
  let rex = 0;
  let byte = 0;
  for (;;) {
    if (at >= end) return short(offset, end);
    byte = bytes[at++]!;
    const bit = PREFIX_OF[byte]!;
    if (bit === 0) break;
    if (bit === REX) rex = byte;
    else {
      rex = 0;
      prefixes = (prefixes & ~groupOf(bit)) | bit;
    }
  }
  into.offset = offset;
  into.prefixes = prefixes;
  into.rex = rex;
  into.hasMemory = false;
  into.base = NONE;
  into.index = NONE;
  into.displacement = 0;
  into.displacementHigh = 0;
  into.displacementBytes = 0;
  into.opmask = 0;
  into.zeroing = false;
  into.evexB = false;
  into.rounding = NONE;
  if (byte === 0xc5 || byte === 0xc4 || byte === 0x62) {
    // A legacy or REX prefix before VEX and EVEX is #UD.
    const forbidden = PREFIX_LOCK | PREFIX_REP | PREFIX_REPNE | PREFIX_OPSIZE;
    if (rex !== 0 || (prefixes & forbidden) !== 0) return DECODE_UNKNOWN;
    return byte === 0x62
      ? decodeEvex(into, bytes, at, end)
      : decodeVex(into, bytes, at, end, byte === 0xc5);
  }
  let map = 0;
  if (byte === 0x0f) {
    if (at >= end) return short(offset, end);
    byte = bytes[at++]!;
    map = 1;
    if (byte === 0x38 || byte === 0x3a) {
      map = byte === 0x38 ? 2 : 3;
      if (at >= end) return short(offset, end);
      byte = bytes[at++]!;
    }
  }
  return decodeLegacy(into, bytes, at, end, forms.opcode(LEGACY, map, byte), byte);
}

/** Out of bytes: at the 15-byte limit that is final, else more bytes may tell. */
function short(offset: number, end: number): DecodeStatus {
  return end - offset >= MAX_BYTES ? DECODE_UNKNOWN : DECODE_TRUNCATED;
}

/** Of legacy encodings, what follows the opcode. */
function decodeLegacy(
  into: Instruction,
  bytes: Uint8Array,
  start: number,
  end: number,
  opcode: Opcode,
  byte: number,
): DecodeStatus {
  const { prefixes, rex, offset } = into;
  let at = start;
  let index = ((prefixes >> 1) & 7) | (rex & 8);
  into.opcodeAt = at - 1 - offset;
  into.opcode = byte;
  let modrm = NONE;
  if (opcode.hasModrm) {
    if (at >= end) return short(offset, end);
    modrm = bytes[at++]!;
    index |= (modrm >= 0xc0 ? 16 : 0) | ((modrm & 0x38) << 2);
    if (opcode.usesRm) index |= (modrm & 7) << 8;
  } else index |= (rex & 1) << 4;
  into.modrm = modrm;
  let form = opcode.forms[index];
  if (form === undefined) form = resolve(opcode, index);
  if (form === null) return DECODE_UNKNOWN;
  into.row = form.row;
  const b = (rex & 1) << 3;
  if (modrm !== NONE) {
    into.reg = (((modrm >> 3) & 7) | ((rex & 4) << 1)) & form.regMask;
    if (into.reg >= form.regLimit) return DECODE_UNKNOWN;
    if (modrm >= 0xc0) into.rm = ((modrm & 7) | b) & form.rmMask;
    else {
      at = decodeMemory(into, bytes, at, end, modrm & 7, b, (rex & 2) << 2, 0);
      if (at < 0) return short(offset, end);
    }
  } else {
    into.opcodeReg = (byte & 7) | b;
    if (form.moffs) {
      at = decodeMoffs(into, bytes, at, end);
      if (at < 0) return short(offset, end);
    }
  }
  if ((prefixes & PREFIX_LOCK) !== 0 && !(form.lock && into.hasMemory)) return DECODE_UNKNOWN;
  return finish(into, bytes, at, end, form);
}

function decodeVex(
  into: Instruction,
  bytes: Uint8Array,
  start: number,
  end: number,
  short2: boolean,
): DecodeStatus {
  const { offset } = into;
  let at = start;
  if (at + (short2 ? 2 : 3) > end) return short(offset, end);
  const first = bytes[at++]!;
  // The two-byte form has R and the second byte's other fields; X, B are 0, the map is 0F, W is 0.
  const second = short2 ? first & 0x7f : bytes[at++]!;
  const map = short2 ? 1 : first & 0x1f;
  if (map < 1 || map > 3) return DECODE_UNKNOWN;
  const byte = bytes[at++]!;
  const opcode = forms.opcode(VEX, map, byte);
  into.opcodeAt = at - 1 - offset;
  into.opcode = byte;
  let index = (second & 3) | ((second & 0x80) >> 5) | ((second & 4) << 1);
  let modrm = NONE;
  if (opcode.hasModrm) {
    if (at >= end) return short(offset, end);
    modrm = bytes[at++]!;
    index |= (modrm >= 0xc0 ? 32 : 0) | ((modrm & 0x38) << 3);
  }
  into.modrm = modrm;
  let form = opcode.forms[index];
  if (form === undefined) form = resolve(opcode, index);
  if (form === null) return DECODE_UNKNOWN;
  into.row = form.row;
  into.vvvv = (~second >> 3) & 15;
  if (form.usesVvvv ? into.vvvv >= form.vvvvLimit : into.vvvv !== 0) return DECODE_UNKNOWN;
  if (modrm !== NONE) {
    const x = short2 ? 0 : (~first & 0x40) >> 3;
    const b = short2 ? 0 : (~first & 0x20) >> 2;
    into.reg = ((modrm >> 3) & 7) | ((~first & 0x80) >> 4);
    if (into.reg >= form.regLimit) return DECODE_UNKNOWN;
    if (modrm >= 0xc0) {
      into.rm = (modrm & 7) | b;
      if (into.rm >= form.rmLimit) return DECODE_UNKNOWN;
    } else {
      at = decodeMemory(into, bytes, at, end, modrm & 7, b, x, 0);
      if (at < 0) return short(offset, end);
      if (form.vsib && !fixVsib(into, 0)) return DECODE_UNKNOWN;
    }
  }
  return finish(into, bytes, at, end, form);
}

function decodeEvex(
  into: Instruction,
  bytes: Uint8Array,
  start: number,
  end: number,
): DecodeStatus {
  const { offset } = into;
  if (start + 5 > end) return short(offset, end);
  const p0 = bytes[start]!;
  const p1 = bytes[start + 1]!;
  const p2 = bytes[start + 2]!;
  const byte = bytes[start + 3]!;
  const modrm = bytes[start + 4]!;
  let at = start + 5;
  if ((p0 & 8) !== 0 || (p1 & 4) === 0) return DECODE_UNKNOWN;
  const opcode = forms.opcode(EVEX, p0 & 7, byte);
  into.opcodeAt = start + 3 - offset;
  into.opcode = byte;
  into.modrm = modrm;
  const isRegister = modrm >= 0xc0;
  const index =
    (p1 & 3) |
    ((p1 & 0x80) >> 5) |
    ((p2 & 0x60) >> 2) |
    (isRegister ? 32 : 0) |
    ((modrm & 0x38) << 3) |
    ((p2 & 0x10) << 5);
  let form = opcode.forms[index];
  if (form === undefined) form = resolve(opcode, index);
  if (form === null) return DECODE_UNKNOWN;
  into.row = form.row;
  into.reg = ((modrm >> 3) & 7) | ((~p0 & 0x80) >> 4) | (~p0 & 0x10);
  const vvvv = ((~p1 >> 3) & 15) | ((~p2 & 8) << 1);
  into.vvvv = vvvv;
  if (into.reg >= form.regLimit) return DECODE_UNKNOWN;
  into.evexB = (p2 & 0x10) !== 0;
  if (into.evexB && isRegister) into.rounding = (p2 >> 5) & 3;
  const b = (~p0 & 0x20) >> 2;
  const x = (~p0 & 0x40) >> 3;
  if (isRegister) {
    into.rm = (modrm & 7) | b | (x << 1);
    if (into.rm >= form.rmLimit) return DECODE_UNKNOWN;
  } else {
    const shift = into.evexB ? form.disp8BroadcastShift : form.disp8Shift;
    at = decodeMemory(into, bytes, at, end, modrm & 7, b, x, shift);
    if (at < 0) return short(offset, end);
  }
  if (form.vsib) {
    if ((vvvv & 15) !== 0 || !fixVsib(into, vvvv & 16)) return DECODE_UNKNOWN;
  } else if (form.usesVvvv ? vvvv >= form.vvvvLimit : vvvv !== 0) return DECODE_UNKNOWN;
  return evexMask(into, form, p2) ? finish(into, bytes, at, end, form) : DECODE_UNKNOWN;
}

/** EVEX.aaa and EVEX.z; false where the row does not allow them. */
function evexMask(into: Instruction, form: Form, p2: number): boolean {
  const opmask = p2 & 7;
  into.opmask = opmask;
  into.zeroing = (p2 & 0x80) !== 0;
  if (opmask === 0) return !into.zeroing && !form.maskRequired;
  if (!form.masking) return false;
  return !into.zeroing || (form.zeroing && !(form.memoryDestination && into.hasMemory));
}

/** Vector-indexed memory needs a SIB byte, and its index 4 is a register like any other. */
function fixVsib(into: Instruction, high: number): boolean {
  if ((into.modrm & 7) !== 4) return false;
  into.index = (into.index === NONE ? 4 : into.index) | high;
  return true;
}

/**
 * SIB byte and displacement for mod ≠ 3; `rm` the low bits of ModRM.rm, `b` and `x` the extension
 * bits as 0 or 8. Returns where the next byte stands, or -1 if bytes are missing.
 */
function decodeMemory(
  into: Instruction,
  bytes: Uint8Array,
  start: number,
  end: number,
  rm: number,
  b: number,
  x: number,
  disp8Shift: number,
): number {
  let at = start;
  const mod = into.modrm >> 6;
  let displacementBytes = mod === 1 ? 1 : mod === 2 ? 4 : 0;
  into.hasMemory = true;
  into.scale = 0;
  if (rm === 4) {
    if (at >= end) return -1;
    const sib = bytes[at++]!;
    const index = ((sib >> 3) & 7) | x;
    into.scale = sib >> 6;
    if (index !== 4) into.index = index;
    if ((sib & 7) === 5 && mod === 0) displacementBytes = 4;
    else into.base = (sib & 7) | b;
  } else if (rm === 5 && mod === 0) {
    into.base = BASE_RIP;
    displacementBytes = 4;
  } else into.base = rm | b;
  into.displacementAt = at - into.offset;
  into.displacementBytes = displacementBytes;
  if (displacementBytes === 0) return at;
  if (at + displacementBytes > end) return -1;
  if (displacementBytes === 1) {
    into.displacement = ((bytes[at]! << 24) >> 24) << disp8Shift;
    return at + 1;
  }
  into.displacement = int32(bytes, at);
  return at + 4;
}

function int32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** The absolute address of `mov al, [moffs]`: 8 bytes, with 67 four. */
function decodeMoffs(into: Instruction, bytes: Uint8Array, at: number, end: number): number {
  const size = (into.prefixes & PREFIX_ADDR32) !== 0 ? 4 : 8;
  if (at + size > end) return -1;
  into.hasMemory = true;
  into.scale = 0;
  into.displacementAt = at - into.offset;
  into.displacementBytes = size;
  into.displacement = int32(bytes, at);
  into.displacementHigh = size === 8 ? int32(bytes, at + 4) : 0;
  return at + size;
}

/** Immediates and the length. */
function finish(
  into: Instruction,
  bytes: Uint8Array,
  at: number,
  end: number,
  form: Form,
): DecodeStatus {
  const tail = form.tailBytes;
  into.immediateAt = at - into.offset;
  into.immediate = 0;
  into.length = at + tail - into.offset;
  if (tail === 0) return DECODE_OK;
  if (at + tail > end) return short(into.offset, end);
  switch (form.immediateBytes) {
    case 1:
      into.immediate = (bytes[at]! << 24) >> 24;
      break;
    case 4:
      into.immediate = int32(bytes, at);
      break;
    case 2:
      into.immediate = bytes[at]! | ((bytes[at + 1]! << 24) >> 16);
      break;
    case 8:
      into.immediate = int32(bytes, at);
      into.immediateHigh = int32(bytes, at + 4);
      break;
  }
  if (form.is4) {
    into.is4 = (into.immediate >> 4) & 15;
    into.immediate &= 15;
  }
  if (form.immediate2Bytes !== 0) into.immediate2 = (bytes[at + form.immediateBytes]! << 24) >> 24;
  return DECODE_OK;
}
