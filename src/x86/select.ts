/** Chooses the row for a mnemonic with operands and fills an `Instruction` from them. */
import { encodeInto } from './encode.ts';
import { BASE_RIP, Instruction, NONE, PREFIX_ADDR32, PREFIX_FS, PREFIX_GS } from './instruction.ts';
import type { Row, RowOperand } from './isa/row.ts';
import { isa } from './isa/table.ts';
import type { Memory, Operand, Register } from './operand.ts';

/** A wrong mnemonic or operand in assembler input. */
export class AssemblyError extends Error {
  readonly code = 'CLOISTER_ASSEMBLY';
}

/** How far a branch to a label may go: what is not known yet takes the long form. */
export type Reach = 'short' | 'near';

function registerFits(register: Register, operand: RowOperand, space: number): boolean {
  if (register.kind !== operand.kind) return false;
  if (operand.fixed >= 0 && operand.fixed !== register.number) return false;
  if (operand.fixed >= 0 && register.high) return false;
  if (register.kind === 'mask' || register.kind === 'x87') return true;
  return register.bits === operand.bits && (register.number < 16 || space === 2);
}

function memoryFits(memory: Memory, operand: RowOperand): boolean {
  if (!operand.memory || operand.kind === 'moffs') return false;
  const vectorIndex = memory.index?.kind === 'vec' ? memory.index.bits : 0;
  if (vectorIndex !== operand.vsibBits) return false;
  if (memory.broadcast) {
    const bits = operand.broadcastBits;
    return bits !== 0 && (memory.bits === 0 || memory.bits === bits);
  }
  return memory.bits === 0 || operand.memoryBits === 0 || memory.bits === operand.memoryBits;
}

/** Whether `value` can stand in an immediate of `operand`; `size`: bits of the operation. */
function immediateFits(value: number | bigint, operand: RowOperand, size: number): boolean {
  if (operand.kind === 'one') return value === 1 || value === 1n;
  if (operand.bits === 64) return true;
  const v = Number(value);
  const half = 2 ** (operand.bits - 1);
  if (v >= -half && v < half) return true;
  if (!operand.signed) return v >= 0 && v < 2 * half;
  // -1 written as ffff of a 16- or 32-bit operation.
  const whole = 2 ** size;
  return size < 64 && v < whole && v >= whole - half;
}

function operandFits(given: Operand, operand: RowOperand, row: Row): boolean {
  if (typeof given === 'number' || typeof given === 'bigint') {
    if (operand.kind === 'rel') return true;
    // A number is an immediate, never the address of a moffs form: `movabs rax, n` loads n.
    if (operand.kind !== 'imm' && operand.kind !== 'one') return false;
    return immediateFits(given, operand, row.operands[0]!.bits);
  }
  switch (given.type) {
    case 'register':
      return registerFits(given, operand, row.space);
    case 'memory':
      return memoryFits(given, operand);
    case 'masked':
      if (!row.masking) return false;
      if (given.zeroing && !row.zeroing) return false;
      return operandFits(given.operand, operand, row);
    case 'label':
      return operand.kind === 'rel' || (operand.kind === 'imm' && operand.bits >= 32);
  }
}

export function rowFits(row: Row, operands: readonly Operand[]): boolean {
  if (row.operands.length !== operands.length) return false;
  for (let n = 0; n < operands.length; n++)
    if (!operandFits(operands[n]!, row.operands[n]!, row)) return false;
  return true;
}

/** Rows that the operands fit; throws with a list of the forms if there is none. */
export function matchingRows(mnemonic: string, operands: readonly Operand[]): Row[] {
  const rows = isa.rowsNamed(mnemonic);
  const found = rows.filter((row) => rowFits(row, operands));
  if (rows.length === 0) throw new AssemblyError(`unknown mnemonic ${mnemonic}`);
  if (found.length === 0)
    throw new AssemblyError(
      `${mnemonic}: no form takes these operands; there are:\n${rows.map((r) => r.text).join('\n')}`,
    );
  const sizes = new Set<number>();
  const untold = operands.some((o) => memoryOf(o)?.bits === 0 && !memoryOf(o)!.broadcast);
  if (untold) for (const row of found) sizes.add(row.memoryBytes);
  if (sizes.size > 1) throw new AssemblyError(`${mnemonic}: say how many bits the memory has`);
  return found;
}

export function memoryOf(operand: Operand): Memory | undefined {
  if (typeof operand !== 'object') return undefined;
  if (operand.type === 'masked') return memoryOf(operand.operand);
  return operand.type === 'memory' ? operand : undefined;
}

/** Puts a memory operand into the fields. A label's displacement is filled in by the caller. */
export function fillMemory(into: Instruction, memory: Memory): void {
  into.hasMemory = true;
  into.base = memory.label !== undefined ? BASE_RIP : (memory.base?.number ?? NONE);
  into.index = memory.index?.number ?? NONE;
  if (into.index === 4 && memory.index!.kind === 'gp')
    throw new AssemblyError('rsp cannot be an index');
  into.scale = [1, 2, 4, 8].indexOf(memory.scale);
  into.displacement = memory.displacement | 0;
  if (memory.segment === 'fs') into.prefixes |= PREFIX_FS;
  if (memory.segment === 'gs') into.prefixes |= PREFIX_GS;
  if (memory.addr32 || memory.base?.bits === 32 || memory.index?.bits === 32)
    into.prefixes |= PREFIX_ADDR32;
  into.evexB = memory.broadcast;
}

function fillRegister(into: Instruction, register: Register, operand: RowOperand): void {
  const { number } = register;
  // Without a REX byte numbers 4–7 of 8 bits are ah–bh; any 8-bit register but those allows REX.
  if (register.kind === 'gp' && register.bits === 8 && number >= 4 && number < 8 && !register.high)
    into.rex = 0x40;
  if (operand.slot === 'reg') into.reg = number;
  else if (operand.slot === 'rm') into.rm = number;
  else if (operand.slot === 'vvvv') into.vvvv = number;
  else if (operand.slot === 'is4') into.is4 = number;
  else if (operand.slot === 'opcode') into.opcodeReg = number;
}

function isHighByte(operand: Operand): boolean {
  return typeof operand === 'object' && operand.type === 'register' && operand.high;
}

/** Puts a number into the immediate fields; low and high 32 bits. */
function fillNumber(into: Instruction, value: number | bigint, operand: RowOperand): void {
  const big = BigInt.asIntN(64, BigInt(value));
  const low = Number(BigInt.asIntN(32, big));
  const high = Number(big >> 32n);
  if (operand.slot === 'imm2') into.immediate2 = low;
  else if (operand.slot === 'imm') {
    into.immediate = low;
    into.immediateHigh = high;
  }
}

/** Fills `into` with `row` and the operands; labels and relative targets stay 0. */
export function fillOperands(into: Instruction, row: Row, operands: readonly Operand[]): void {
  into.row = row;
  operands.forEach((given, n) => {
    const operand = row.operands[n]!;
    if (typeof given === 'number' || typeof given === 'bigint') fillNumber(into, given, operand);
    else if (given.type === 'register') fillRegister(into, given, operand);
    else if (given.type === 'memory') fillMemory(into, given);
    else if (given.type === 'masked') {
      into.opmask = given.mask.number;
      into.zeroing = given.zeroing;
      if (given.operand.type === 'memory') fillMemory(into, given.operand);
      else fillRegister(into, given.operand, operand);
    }
  });
}

/** The instruction with the shortest encoding among the rows that fit. */
export function shortest(
  mnemonic: string,
  operands: readonly Operand[],
  prefixes: number,
  reach: Reach,
): Instruction {
  let best: Instruction | undefined;
  const scratch = new Uint8Array(32);
  for (const row of matchingRows(mnemonic, operands)) {
    const rel = row.operands.find((operand) => operand.kind === 'rel');
    // A row with one reach only (loop, call) takes what there is.
    if (
      rel !== undefined &&
      isa.rowsNamed(mnemonic).length > 1 &&
      (rel.bits === 8) !== (reach === 'short')
    )
      continue;
    // 90 is nop and does not clear the upper half; exchange by ModRM instead.
    const candidate = new Instruction();
    candidate.prefixes = prefixes;
    fillOperands(candidate, row, operands);
    if (candidate.rex !== 0 && operands.some(isHighByte)) continue;
    if (row.opcodeReg && row.opcode === 0x90 && candidate.opcodeReg === 0) continue;
    if (encodeInto(scratch, 0, candidate) < 0) continue;
    if (best === undefined || candidate.length < best.length) best = candidate;
  }
  if (best === undefined) throw new AssemblyError(`${mnemonic}: these operands cannot be encoded`);
  return best;
}
