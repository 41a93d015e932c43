/**
 * Random instructions, row-driven: for round trips, differential tests against the processor, and
 * mutants for the code verifier. Same seed, same stream.
 */
import type { SeededRandom } from '../base/random.ts';
import { encodeInto } from './encode.ts';
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
import { EVEX, LEGACY, READ, type Row, type RowOperand } from './isa/row.ts';

export interface RandomOptions {
  /** Take the memory form, or the register form, where the row has both. Default: either. */
  readonly memory?: boolean;
  /** General registers to be used, by number; default all (rsp included). */
  readonly registers?: readonly number[];
  /** Base, index and displacement forms. Default: every addressing mode, RIP-relative included. */
  readonly address?: (random: SeededRandom, instruction: Instruction) => void;
  /** Segment override and 67 at random (default false). */
  readonly overrides?: boolean;
  /** lock and rep at random where legal (default true). */
  readonly prefixes?: boolean;
}

const EDGES = [0, 1, -1, 2, 7, 8, 127, -128, 255, 0x7fff, -0x8000, 0x7fffffff, -0x80000000];

/** An integer of `bytes` bytes, often an edge value, sign-extended. */
function integer(random: SeededRandom, bytes: number): number {
  const value = random.below(4) === 0 ? random.pick(EDGES) : random.uint32() | 0;
  return bytes === 1 ? (value << 24) >> 24 : bytes === 2 ? (value << 16) >> 16 : value;
}

/** A register number that may stand for `operand`. */
function register(random: SeededRandom, operand: RowOperand, row: Row, o: RandomOptions): number {
  switch (operand.kind) {
    case 'gp':
      return o.registers === undefined ? random.below(16) : random.pick(o.registers);
    case 'vec':
      return random.below(row.space === EVEX ? 32 : 16);
    case 'seg':
      return random.below(6);
    default:
      return random.below(8);
  }
}

/** Any addressing mode. */
export function randomAddress(random: SeededRandom, into: Instruction): void {
  const form = random.below(8);
  into.displacement = random.below(3) === 0 ? 0 : integer(random, random.below(2) === 0 ? 1 : 4);
  into.scale = 0;
  if (form === 0) into.base = BASE_RIP;
  else if (form !== 1) into.base = random.below(16);
  if (form === 2 || form === 3 || form === 1) {
    into.index = random.below(16);
    if (into.index === 4) into.index = NONE;
    else into.scale = random.below(4);
  }
}

/** Vector-indexed address. */
function vectorAddress(random: SeededRandom, into: Instruction): void {
  into.base = random.below(5) === 0 ? NONE : random.below(16);
  into.index = random.below(into.row.space === EVEX ? 32 : 16);
  into.scale = random.below(4);
  into.displacement = random.below(3) === 0 ? 0 : integer(random, random.below(2) === 0 ? 1 : 4);
}

function memory(random: SeededRandom, into: Instruction, o: RandomOptions): void {
  const operand = into.row.operands[into.row.memoryOperand]!;
  into.hasMemory = true;
  if (into.row.moffs) {
    into.displacement = random.uint32() | 0;
    into.displacementHigh = random.uint32() & 0x7fff;
  } else if (operand.vsibBits !== 0) vectorAddress(random, into);
  else (o.address ?? randomAddress)(random, into);
  if (operand.broadcastBits !== 0) into.evexB = random.below(2) === 0;
}

/** Opmask, zeroing, rounding. */
function evexFields(random: SeededRandom, into: Instruction): void {
  const { row } = into;
  if (row.masking) into.opmask = row.maskRequired ? 1 + random.below(7) : random.below(8);
  const toMemory = into.hasMemory && row.memoryOperand === 0;
  if (row.zeroing && into.opmask !== 0 && !toMemory) into.zeroing = random.below(2) === 0;
  // {er} and {sae} of packed forms exist at 512 bits only.
  if (!into.hasMemory && (row.rounding || row.sae) && (row.l === 2 || row.l < 0)) {
    into.evexB = random.below(2) === 0;
    if (into.evexB) into.rounding = row.rounding ? random.below(4) : 0;
  }
}

function legacyPrefixes(random: SeededRandom, into: Instruction): void {
  const { row } = into;
  const lockable = row.prefixes.lock && into.hasMemory && row.memoryAccess === 3;
  if (lockable && random.below(3) === 0) into.prefixes |= PREFIX_LOCK;
  if (row.prefixes.rep && random.below(2) === 0)
    into.prefixes |= row.prefixes.repne && random.below(2) === 0 ? PREFIX_REPNE : PREFIX_REP;
}

/** ah … bh or spl …, and no high byte where a REX byte is needed anyway. */
function byteRegisters(random: SeededRandom, into: Instruction): void {
  into.rex = random.below(2) === 0 ? 0x40 : 0;
}

/** #UD: gathers with destination, index and mask not all different; complex products in place. */
function registersClash(into: Instruction): boolean {
  const { row } = into;
  if (/^vfc?(madd|mul)c[ps]h$/.test(row.mnemonic))
    return into.reg === into.vvvv || (!into.hasMemory && into.reg === into.rm);
  const memory = row.operands[row.memoryOperand];
  if (memory === undefined || memory.vsibBits === 0 || row.memoryAccess !== READ) return false;
  const vex = row.space !== EVEX;
  return into.reg === into.index || (vex && (into.reg === into.vvvv || into.vvvv === into.index));
}

/** Fills `into` (a fresh one) with a random instance of `row`; it encodes. */
export function randomInstruction(
  random: SeededRandom,
  row: Row,
  o: RandomOptions = {},
): Instruction {
  const scratch = new Uint8Array(32);
  for (;;) {
    const into = new Instruction();
    into.row = row;
    const both = row.mod === 'any' && row.memoryOperand >= 0 && !row.moffs;
    const wantsMemory = row.memoryOperand >= 0 && (!both || (o.memory ?? random.below(2) === 0));
    if (wantsMemory) memory(random, into, o);
    for (const operand of row.operands) {
      if (operand.slot === 'reg') into.reg = register(random, operand, row, o);
      else if (operand.slot === 'rm' && !into.hasMemory)
        into.rm = register(random, operand, row, o);
      else if (operand.slot === 'vvvv') into.vvvv = register(random, operand, row, o);
      else if (operand.slot === 'is4') into.is4 = register(random, operand, row, o);
      else if (operand.slot === 'opcode') into.opcodeReg = register(random, operand, row, o);
    }
    if (row.space === EVEX) evexFields(random, into);
    if (row.space === LEGACY) {
      byteRegisters(random, into);
      if (o.prefixes ?? true) legacyPrefixes(random, into);
    }
    if (o.overrides === true) {
      if (random.below(3) === 0) into.prefixes |= PREFIX_ADDR32;
      if (random.below(3) === 0) into.prefixes |= random.pick([PREFIX_FS, PREFIX_GS]);
    }
    if (row.immediateBytes !== 0) into.immediate = integer(random, row.immediateBytes);
    // The low half of an immediate that names a register is ignored, canonically 0.
    if (row.operands.some((operand) => operand.slot === 'is4')) into.immediate = 0;
    if (row.immediateBytes === 8) into.immediateHigh = random.uint32() | 0;
    if (row.immediate2Bytes !== 0) into.immediate2 = integer(random, row.immediate2Bytes);
    if (registersClash(into)) continue;
    // 90 with register 0 would be nop.
    if (row.opcodeReg && row.opcode === 0x90 && into.opcodeReg === 0) continue;
    if (encodeInto(scratch, 0, into) >= 0) return into;
  }
}
