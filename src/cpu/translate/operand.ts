/**
 * Copies an instruction with its memory operand confined: `65 67`, prefixes in canonical order,
 * RIP-relative operands made absolute, guest fs: and gs: operands with the guest's base added.
 */

import {
  BASE_RIP,
  type Instruction,
  NONE,
  PREFIX_FS,
  PREFIX_GS,
  PREFIX_LOCK,
} from '../../x86/instruction.ts';
import { EVEX, LEGACY } from '../../x86/isa/row.ts';
import { TLS } from '../sandbox/layout.ts';
import type { Emitter } from './emitter.ts';
import { type RowFacts, scratchOutside, usedRegisters } from './facts.ts';
import { restore } from './fixup.ts';

/** A memory operand in its rewritten form; the displacement is always 32 bits wide. */
export interface Address {
  base: number;
  index: number;
  scale: number;
  disp: number;
  /** `disp` is a guest address: it was RIP-relative. */
  isRip: boolean;
}

/** What `copy` puts in place of the memory operand: null keeps it. */
type NewAddress = Address | null;

/** Guest address after the instruction plus the displacement: what RIP-relative means. */
export function ripTarget(ins: Instruction, rip: number): number {
  return rip + ins.length + ins.displacement;
}

/**
 * Emits `ins` (in `source` at ins.offset, at guest address `rip`) as a plain instruction. `address`
 * replaces its memory operand, which is otherwise kept, or made absolute if RIP-relative.
 */
export function copy(
  e: Emitter,
  source: Uint8Array,
  ins: Instruction,
  facts: RowFacts,
  rip: number,
  address: NewAddress,
): void {
  const { row } = ins;
  const confined = ins.hasMemory || row.implicitMemory.length > 0;
  if (confined) {
    e.u8(0x65);
    e.u8(0x67);
  }
  const replaced =
    address ??
    (ins.hasMemory && ins.base === BASE_RIP
      ? { base: NONE, index: NONE, scale: 0, disp: ripTarget(ins, rip), isRip: true }
      : null);
  if (row.space === LEGACY) legacyHead(e, ins, facts, replaced);
  else if (row.space === EVEX) evexHead(e, source, ins, replaced);
  else vexHead(e, source, ins, facts, replaced);
  const opcode = source[ins.offset + ins.opcodeAt]!;
  if (row.moffs) {
    if (!address) {
      e.u8(opcode);
      e.u32(ins.displacement);
      return;
    }
    // A0–A3 have no ModRM: the same move as 8A, 8B, 88, 89 of al, eax …
    e.u8(0x88 | (opcode & 1) | (opcode & 2 ? 0 : 2));
    modrm(e, 0, address);
    return;
  }
  e.u8(opcode);
  let tail = ins.opcodeAt + 1;
  if (replaced) {
    modrm(e, ins.modrm & 0x38, replaced);
    tail = tailAt(ins);
  }
  const end = ins.offset + ins.length;
  for (let at = ins.offset + tail; at < end; at++) e.u8(source[at]!);
}

/** Offset of what follows the ModRM, SIB and displacement bytes. */
function tailAt(ins: Instruction): number {
  if (ins.displacementBytes > 0) return ins.displacementAt + ins.displacementBytes;
  const hasSib = (ins.modrm & 7) === 4 && ins.modrm < 0xc0;
  return ins.opcodeAt + (hasSib ? 3 : 2);
}

/** ModRM, SIB and disp32 of `address`; `field` is the reg field in place. */
function modrm(e: Emitter, field: number, address: Address): void {
  const { base, index } = address;
  if (base === NONE) {
    e.u8(field | 4);
    e.u8((address.scale << 6) | ((index === NONE ? 4 : index & 7) << 3) | 5);
  } else if (index === NONE && (base & 7) !== 4) {
    e.u8(0x80 | field | (base & 7));
  } else {
    e.u8(0x80 | field | 4);
    e.u8((address.scale << 6) | ((index === NONE ? 4 : index & 7) << 3) | (base & 7));
  }
  if (address.isRip) e.address32(address.disp);
  else e.u32(address.disp);
}

function addressBits(address: Address): number {
  const x = address.index === NONE ? 0 : (address.index >> 3) & 1;
  const b = address.base === NONE ? 0 : (address.base >> 3) & 1;
  return (x << 1) | b;
}

function legacyHead(e: Emitter, ins: Instruction, facts: RowFacts, address: NewAddress): void {
  if (ins.prefixes & PREFIX_LOCK && ins.row.prefixes.lock) e.u8(0xf0);
  if (facts.sizePrefix) e.u8(0x66);
  if (facts.repeatPrefix) e.u8(facts.repeatPrefix);
  if (ins.rex !== 0) {
    let rex = ins.rex & (ins.hasMemory ? facts.rexMemory : facts.rexRegister);
    if (ins.hasMemory && ins.index === NONE) rex &= ~2;
    if (ins.hasMemory && ins.base === NONE) rex &= ~1;
    if (address) rex = (rex & ~3) | addressBits(address);
    if (rex !== 0 || (facts.byteOperands && namesLowByte(ins))) e.u8(0x40 | rex);
  } else if (address && addressBits(address) !== 0) {
    e.u8(0x40 | addressBits(address));
  }
  const { map } = ins.row;
  if (map !== 0) e.u8(0x0f);
  if (map === 2) e.u8(0x38);
  else if (map === 3) e.u8(0x3a);
}

/** An 8-bit operand is spl, bpl, sil or dil: REX 40 must stay. */
function namesLowByte(ins: Instruction): boolean {
  for (const operand of ins.row.operands) {
    if (operand.kind !== 'gp' || operand.bits !== 8) continue;
    if (operand.memory && ins.hasMemory) continue;
    const number =
      operand.slot === 'reg' ? ins.reg : operand.slot === 'rm' ? ins.rm : ins.opcodeReg;
    if (operand.slot !== 'fixed' && operand.slot !== 'none' && number >= 4 && number < 8)
      return true;
  }
  return false;
}

/** With the bits that the processor ignores as the manual wants them (SDM vol. 2, 2.3.5, 2.3.8). */
function vexHead(
  e: Emitter,
  source: Uint8Array,
  ins: Instruction,
  facts: RowFacts,
  address: NewAddress,
): void {
  const opcode = ins.offset + ins.opcodeAt;
  const short = source[opcode - 2] === 0xc5;
  const noReg = facts.rexRegister & 4 ? 0 : 0x80;
  let p = source[opcode - 1]!;
  if (ins.row.l === -1) p &= ~4;
  if (short) p |= noReg;
  if (short && !address) {
    e.u8(0xc5);
    e.u8(p);
    return;
  }
  const inverted = address ? ~addressBits(address) & 3 : 0;
  if (short) {
    if (inverted === 3) {
      e.u8(0xc5);
      e.u8(p);
      return;
    }
    e.u8(0xc4);
    e.u8((p & 0x80) | (inverted << 5) | 1);
    e.u8(p & 0x7f);
    return;
  }
  const p0 = source[opcode - 2]! | noReg;
  e.u8(0xc4);
  e.u8(address ? (p0 & 0x9f) | (inverted << 5) : p0);
  e.u8(p);
}

function evexHead(e: Emitter, source: Uint8Array, ins: Instruction, address: NewAddress): void {
  const opcode = ins.offset + ins.opcodeAt;
  const p0 = source[opcode - 3]!;
  e.u8(0x62);
  e.u8(address ? (p0 & 0x9f) | ((~addressBits(address) & 3) << 5) : p0);
  e.u8(source[opcode - 2]!);
  e.u8(source[opcode - 1]!);
}

/** True when the operand is relative to the guest's FS or GS base. */
export function isSegmented(ins: Instruction): boolean {
  return (ins.prefixes & (PREFIX_FS | PREFIX_GS)) !== 0 && ins.hasMemory;
}

/** xlat and its kin in a guest segment: there is no operand to add the base to. */
export function hasImplicitSegment(ins: Instruction): boolean {
  if ((ins.prefixes & (PREFIX_FS | PREFIX_GS)) === 0 || ins.hasMemory) return false;
  return ins.row.implicitMemory.length > 0;
}

/** The slot with the base that the override of `ins` names. */
export function segmentSlot(ins: Instruction): number {
  return (ins.prefixes & PREFIX_FS ? TLS.guestFsBase : TLS.guestGsBase).offset;
}

/**
 * With `scratch` holding the guest's segment base, the address of the operand; may emit a lea that
 * adds the base register to `scratch`.
 */
export function segmentedAddress(
  e: Emitter,
  ins: Instruction,
  rip: number,
  scratch: number,
  beforeLea: () => void,
): Address {
  const { base, index, scale, displacement } = ins;
  const plain = { index: NONE, scale: 0, disp: displacement, isRip: false };
  if (base === BASE_RIP) return { ...plain, base: scratch, disp: ripTarget(ins, rip), isRip: true };
  if (base === NONE && ins.row.moffs) return { ...plain, base: scratch };
  if (base === NONE) return { ...plain, base: scratch, index, scale };
  if (index === NONE) return { ...plain, base, index: scratch };
  beforeLea();
  // lea scratch32, [scratch + base]
  const rex = ((scratch >> 3) << 2) | ((scratch >> 3) << 1) | (base >> 3);
  if (rex !== 0) e.u8(0x40 | rex);
  e.u8(0x8d);
  e.u8(0x44 | ((scratch & 7) << 3));
  e.u8(((scratch & 7) << 3) | (base & 7));
  e.u8(0);
  return { ...plain, base: scratch, index, scale };
}

/** A plain instruction whose operand is relative to the guest's FS or GS base. */
export function copySegmented(
  e: Emitter,
  source: Uint8Array,
  ins: Instruction,
  facts: RowFacts,
  rip: number,
): void {
  const scratch = scratchOutside(usedRegisters(ins));
  const actions = restore(scratch, 0);
  e.spill(scratch, 0);
  e.fix(rip, 0, 0);
  e.loadSlot(scratch, segmentSlot(ins));
  const address = segmentedAddress(e, ins, rip, scratch, () => e.fix(rip, actions, 0));
  e.fix(rip, actions, 0);
  copy(e, source, ins, facts, rip, address);
  e.fix(rip + ins.length, actions, 0);
  e.reload(scratch, 0);
}
