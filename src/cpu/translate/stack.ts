/**
 * push, pop, leave, enter: the stack access as an ordinary guest operand, RSP moved by `lea`, flags
 * untouched. Stores come before RSP moves, so that a fault leaves RSP as it was.
 */

import { BASE_RIP, type Instruction, NONE } from '../../x86/instruction.ts';
import { type Emitter, RBP, RCX, RSP } from './emitter.ts';
import { type RowFacts, scratchOutside, usedRegisters } from './facts.ts';
import { alsoRestore, restore } from './fixup.ts';
import { type Address, isSegmented, ripTarget, segmentedAddress, segmentSlot } from './operand.ts';

/** mov scratch, MEM or mov MEM, scratch for the memory operand of `ins`. */
export function accessOperand(
  e: Emitter,
  ins: Instruction,
  rip: number,
  register: number,
  write: boolean,
  bits: number,
  address: Address | null = null,
): void {
  const at: Address = address ?? {
    base: ins.base === BASE_RIP ? NONE : ins.base,
    index: ins.base === BASE_RIP ? NONE : ins.index,
    scale: ins.scale,
    disp: ins.base === BASE_RIP ? ripTarget(ins, rip) : ins.displacement,
    isRip: ins.base === BASE_RIP,
  };
  e.u8(0x65);
  e.u8(0x67);
  if (bits === 16) e.u8(0x66);
  const rex =
    (bits === 64 ? 8 : 0) |
    ((register >> 3) << 2) |
    (at.index >= 8 ? 2 : 0) |
    (at.base >= 8 ? 1 : 0);
  if (rex !== 0) e.u8(0x40 | rex);
  e.u8(write ? 0x89 : 0x8b);
  emitModrm(e, (register & 7) << 3, at);
}

function emitModrm(e: Emitter, field: number, at: Address): void {
  const { base, index, disp } = at;
  const sib = (at.scale << 6) | ((index === NONE ? 4 : index & 7) << 3);
  if (base === NONE) {
    e.u8(field | 4);
    e.u8(sib | 5);
    if (at.isRip) e.address32(disp);
    else e.u32(disp);
    return;
  }
  const short = !at.isRip && disp >= -128 && disp <= 127;
  const mod = short ? 0x40 : 0x80;
  if (index === NONE && (base & 7) !== 4) {
    e.u8(mod | field | (base & 7));
  } else {
    e.u8(mod | field | 4);
    e.u8(sib | (base & 7));
  }
  if (short) e.u8(disp);
  else if (at.isRip) e.address32(disp);
  else e.u32(disp);
}

/**
 * Loads the operand of `ins` into `register` (spilled to slot 0 before), adding a guest segment
 * base where one is named. The register may be part of the address.
 */
export function loadOperand(e: Emitter, ins: Instruction, rip: number, register: number): void {
  const actions = restore(register, 0);
  if (!isSegmented(ins)) {
    accessOperand(e, ins, rip, register, false, 64);
    return;
  }
  const scratch = scratchOutside(usedRegisters(ins) | (1 << register));
  const both = alsoRestore(actions, scratch, 1);
  e.spill(scratch, 1);
  e.fix(rip, actions, 0);
  e.loadSlot(scratch, segmentSlot(ins));
  const address = segmentedAddress(e, ins, rip, scratch, () => e.fix(rip, both, 0));
  e.fix(rip, both, 0);
  accessOperand(e, ins, rip, register, false, 64, address);
  e.fix(rip, both, 0);
  e.reload(scratch, 1);
}

function widthOf(ins: Instruction, facts: RowFacts): number {
  return facts.sizePrefix === 0x66 || ins.row.sizeRule === 'o16' ? 16 : 64;
}

export function push(e: Emitter, ins: Instruction, facts: RowFacts, rip: number): void {
  const bits = widthOf(ins, facts);
  const bytes = bits / 8;
  if (ins.hasMemory) {
    const scratch = scratchOutside(usedRegisters(ins));
    e.spill(scratch, 0);
    e.fix(rip, 0, 0);
    loadOperand(e, ins, rip, scratch);
    e.fix(rip, restore(scratch, 0), 0);
    e.storeGuest(scratch, RSP, -bytes, bits);
    e.fix(rip, restore(scratch, 0), 0);
    e.reload(scratch, 0);
  } else if (ins.row.immediateBytes > 0) {
    e.storeGuestImmediate(RSP, -bytes, ins.immediate, bits);
  } else {
    const register = ins.row.opcodeReg ? ins.opcodeReg : ins.rm;
    e.storeGuest(register, RSP, -bytes, bits);
  }
  e.fix(rip, 0, 0);
  e.lea(RSP, RSP, -bytes);
}

export function pop(e: Emitter, ins: Instruction, facts: RowFacts, rip: number): void {
  const bits = widthOf(ins, facts);
  const bytes = bits / 8;
  if (ins.hasMemory) {
    const scratch = scratchOutside(usedRegisters(ins));
    const actions = restore(scratch, 0);
    e.spill(scratch, 0);
    e.fix(rip, 0, 0);
    e.loadGuest(scratch, RSP, 0, bits);
    e.fix(rip, actions, 0);
    e.lea(RSP, RSP, bytes);
    if (isSegmented(ins)) {
      popSegmented(e, ins, rip, scratch, bits, bytes);
      return;
    }
    e.fix(rip, actions, -bytes);
    accessOperand(e, ins, rip, scratch, true, bits);
    e.fix(rip + ins.length, actions, 0);
    e.reload(scratch, 0);
    return;
  }
  const register = ins.row.opcodeReg ? ins.opcodeReg : ins.rm;
  e.loadGuest(register, RSP, 0, bits);
  if (register === RSP && bits === 64) return;
  e.fix(rip + ins.length, 0, bytes);
  e.lea(RSP, RSP, bytes);
}

function popSegmented(
  e: Emitter,
  ins: Instruction,
  rip: number,
  scratch: number,
  bits: number,
  bytes: number,
): void {
  const pointer = scratchOutside(usedRegisters(ins) | (1 << scratch));
  const one = restore(scratch, 0);
  const both = alsoRestore(one, pointer, 1);
  e.fix(rip, one, -bytes);
  e.spill(pointer, 1);
  e.fix(rip, one, -bytes);
  e.loadSlot(pointer, segmentSlot(ins));
  const address = segmentedAddress(e, ins, rip, pointer, () => e.fix(rip, both, -bytes));
  e.fix(rip, both, -bytes);
  accessOperand(e, ins, rip, scratch, true, bits, address);
  e.fix(rip + ins.length, both, 0);
  e.reload(pointer, 1);
  e.fix(rip + ins.length, one, 0);
  e.reload(scratch, 0);
}

/** rsp = rbp; pop rbp. RSP is kept in a spill slot until the load has succeeded. */
export function leave(e: Emitter, rip: number): void {
  e.spill(RSP, 0);
  e.fix(rip, 0, 0);
  e.lea(RSP, RBP, 8);
  e.fix(rip, restore(RSP, 0), 0);
  e.loadGuest(RBP, RSP, -8);
}

/**
 * enter SIZE, LEVEL for level 0 and 1 (what compilers emitted); deeper levels are refused by the
 * caller. push rbp; [push frame]; rbp = frame; rsp -= SIZE.
 */
export function enter(e: Emitter, ins: Instruction, rip: number): void {
  const size = ins.immediate & 0xffff;
  const level = ins.immediate2 & 31;
  e.storeGuest(RBP, RSP, -8);
  if (level === 1) {
    e.fix(rip, 0, 0);
    e.spill(RCX, 0);
    e.fix(rip, 0, 0);
    e.lea(RCX, RSP, -8);
    e.fix(rip, restore(RCX, 0), 0);
    e.storeGuest(RCX, RSP, -16);
    e.fix(rip, restore(RCX, 0), 0);
    e.reload(RCX, 0);
  }
  e.fix(rip, 0, 0);
  e.spill(RBP, 1);
  e.fix(rip, 0, 0);
  e.lea(RBP, RSP, -8);
  e.fix(rip, restore(RBP, 1), 0);
  e.lea(RSP, RSP, -8 - 8 * level - size);
}
