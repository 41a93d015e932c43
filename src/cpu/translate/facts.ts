/**
 * What the translator needs of a row beyond its fields, computed once a row: how its canonical
 * encoding looks, and which general registers an instance of it touches.
 */

import type { Instruction } from '../../x86/instruction.ts';
import {
  LEGACY,
  PREFIX_66,
  PREFIX_F2,
  PREFIX_F3,
  type Row,
  type RowOperand,
  WRITE,
} from '../../x86/isa/row.ts';

/** How a guest instruction is translated. */
export const KIND = {
  plain: 0,
  /** Has no effect: nothing is emitted. */
  nothing: 1,
  lea: 2,
  branch: 3,
  condbranch: 4,
  loopbranch: 5,
  call: 6,
  ret: 7,
  indirectbranch: 8,
  indirectcall: 9,
  push: 10,
  pop: 11,
  leave: 12,
  enter: 13,
  string: 14,
  syscall: 15,
  /** int3. */
  breakpoint: 16,
  /** Interpreted by the platform, or refused there; execution may go on behind it. */
  emulate: 17,
} as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

export interface RowFacts {
  readonly kind: Kind;
  /** Legacy prefixes of the canonical encoding: 0x66 and 0xf2 or 0xf3, else 0. */
  readonly sizePrefix: number;
  readonly repeatPrefix: number;
  /** REX bits that mean something on this row, when its ModRM names a register or memory. */
  readonly rexRegister: number;
  readonly rexMemory: number;
  /** Has 8-bit general operands, where an empty REX chooses spl … dil. */
  readonly byteOperands: boolean;
  readonly usesX87: boolean;
  /** Writes memory whatever its operands are; with a memory operand. */
  readonly alwaysStores: boolean;
  readonly storesOperand: boolean;
}

export class FactsTable {
  private readonly rows: (RowFacts | undefined)[] = [];

  of(row: Row): RowFacts {
    const known = this.rows[row.id];
    if (known) return known;
    const facts = computeFacts(row);
    this.rows[row.id] = facts;
    return facts;
  }
}

function computeFacts(row: Row): RowFacts {
  const legacy = row.space === LEGACY;
  let rexRegister = row.sizeRule === 'o64' ? 8 : 0;
  let rexMemory = rexRegister | 3;
  for (const operand of row.operands) {
    const named = operand.kind === 'gp' || operand.kind === 'vec';
    if (!named) continue;
    if (operand.slot === 'reg') {
      rexRegister |= 4;
      rexMemory |= 4;
    }
    if (operand.slot === 'rm' || operand.slot === 'opcode') rexRegister |= 1;
  }
  return {
    kind: kindOf(row),
    sizePrefix: legacy && (row.prefix === PREFIX_66 || row.sizeRule === 'o16') ? 0x66 : 0,
    repeatPrefix: !legacy
      ? 0
      : row.prefix === PREFIX_F2
        ? 0xf2
        : row.prefix === PREFIX_F3
          ? 0xf3
          : 0,
    rexRegister,
    rexMemory,
    byteOperands: row.operands.some(
      (operand) => operand.kind === 'gp' && operand.bits === 8 && operand.slot !== 'fixed',
    ),
    usesX87: row.unit === 'x87' || row.unit === 'mmx',
    alwaysStores: row.implicitMemory.some(({ access }) => (access & WRITE) !== 0),
    storesOperand: (row.memoryAccess & WRITE) !== 0,
  };
}

const BY_CLASS: Readonly<Record<string, Kind>> = {
  branch: KIND.branch,
  condbranch: KIND.condbranch,
  loopbranch: KIND.loopbranch,
  call: KIND.call,
  ret: KIND.ret,
  indirectbranch: KIND.indirectbranch,
  indirectcall: KIND.indirectcall,
  string: KIND.string,
  state: KIND.emulate,
  segment: KIND.emulate,
};

const BY_MNEMONIC: Readonly<Record<string, Kind>> = {
  nop: KIND.nothing,
  endbr64: KIND.nothing,
  endbr32: KIND.nothing,
  // Guests have no shadow stack: it leaves its operand alone.
  rdsspd: KIND.nothing,
  rdsspq: KIND.nothing,
  // Not in the processor model that guests see: SIGILL.
  serialize: KIND.emulate,
  lea: KIND.lea,
  push: KIND.push,
  pop: KIND.pop,
  leave: KIND.leave,
  enter: KIND.enter,
  syscall: KIND.syscall,
  int3: KIND.breakpoint,
};

/** Images of fixed size without a component mask: copied as they are. */
const FIXED_STATE = /^fx(save|rstor)(64)?$/;

function kindOf(row: Row): Kind {
  if (row.class === 'state' && FIXED_STATE.test(row.mnemonic)) return KIND.plain;
  if (row.class === 'plain') {
    const special = BY_MNEMONIC[row.mnemonic];
    return special ?? (row.gsSafe ? KIND.plain : KIND.emulate);
  }
  const byClass = BY_CLASS[row.class];
  if (byClass !== undefined) return byClass;
  return BY_MNEMONIC[row.mnemonic] ?? KIND.emulate;
}

function numberOf(operand: RowOperand, ins: Instruction): number {
  switch (operand.slot) {
    case 'reg':
      return ins.reg;
    case 'rm':
      return ins.rm;
    case 'vvvv':
      return ins.vvvv;
    case 'is4':
      return ins.is4;
    case 'opcode':
      return ins.opcodeReg;
    case 'fixed':
      return operand.fixed;
    default:
      return -1;
  }
}

/** General registers that `ins` reads or writes in any way, as a bit mask; RSP always. */
export function usedRegisters(ins: Instruction): number {
  const row = ins.row;
  let mask = (1 << 4) | row.implicitRead | row.implicitWrite;
  for (const operand of row.operands) {
    if (operand.kind !== 'gp' || (operand.memory && ins.hasMemory)) continue;
    const number = numberOf(operand, ins);
    if (number < 0) continue;
    mask |= 1 << number;
    // ah … bh are registers 4–7 without REX: count both readings.
    if (operand.bits === 8 && number >= 4 && number < 8) mask |= 1 << (number - 4);
  }
  if (ins.hasMemory) {
    if (ins.base >= 0 && ins.base < 16) mask |= 1 << ins.base;
    if (ins.index >= 0 && ins.index < 16) mask |= 1 << ins.index;
  }
  return mask;
}

const SCRATCH_ORDER = [1, 2, 0, 6, 7, 8, 9, 10, 11, 3, 5, 12, 13, 14, 15];

/** A general register outside `mask`. */
export function scratchOutside(mask: number): number {
  for (const register of SCRATCH_ORDER) if (!(mask & (1 << register))) return register;
  return 15;
}
