/**
 * Printer in Intel syntax, as `objdump -d -M intel` prints as far as practical: tests compare the two
 * over every row. Redundant prefixes are left out; targets are absolute, without symbols.
 */
import {
  BASE_RIP,
  type Instruction,
  NONE,
  PREFIX_ADDR32,
  PREFIX_FS,
  PREFIX_GS,
  PREFIX_LOCK,
  PREFIX_REP,
  PREFIX_REPNE,
} from './instruction.ts';
import { EVEX, type RowOperand } from './isa/row.ts';
import { gpName, registerName } from './operand.ts';
import { pseudoOf } from './pseudo.ts';

const SIZES: Readonly<Record<number, string>> = {
  8: 'BYTE PTR ',
  16: 'WORD PTR ',
  32: 'DWORD PTR ',
  64: 'QWORD PTR ',
  80: 'TBYTE PTR ',
  128: 'XMMWORD PTR ',
  256: 'YMMWORD PTR ',
  512: 'ZMMWORD PTR ',
};
const ROUNDINGS = ['{rn-sae}', '{rd-sae}', '{ru-sae}', '{rz-sae}'] as const;

/** `mov rax,QWORD PTR [rbp-0x8]`; `address` is where the instruction stands. */
export function print(i: Instruction, address = 0): string {
  const { row } = i;
  const pseudo = pseudoOf(row, i.immediate);
  let mnemonic = pseudo ?? row.mnemonic;
  if (row.class === 'string') return `${repeat(i)}${stringText(i)}`;
  if (row.class === 'loopbranch' && row.opcode === 0xe3 && i.prefixes & PREFIX_ADDR32)
    mnemonic = 'jecxz';
  if (i.prefixes & PREFIX_LOCK) mnemonic = `lock ${mnemonic}`;
  const parts: string[] = [];
  const shown = pseudo === undefined ? row.operands : row.operands.filter((o) => o.slot !== 'imm');
  for (const operand of shown) parts.push(operandText(i, operand, address));
  if (row.mnemonic === 'xlat') parts.push(`BYTE PTR ${segmentText(i) || 'ds:'}[${wide(i, 3)}]`);
  if (parts.length === 0) return mnemonic;
  if (row.space === EVEX) decorate(i, parts, pseudo === undefined && row.immediateBytes !== 0);
  return `${mnemonic} ${parts.join(',')}`;
}

/** Opmask on the destination, rounding behind the last register or memory operand. */
function decorate(i: Instruction, parts: string[], hasImmediate: boolean): void {
  if (i.opmask !== 0) parts[0] += `{k${i.opmask}}${i.zeroing ? '{z}' : ''}`;
  if (!i.evexB || i.hasMemory) return;
  const last = parts.length - (hasImmediate ? 2 : 1);
  parts[last] += i.row.rounding ? ROUNDINGS[i.rounding & 3]! : '{sae}';
}

function repeat(i: Instruction): string {
  const { prefixes, row } = i;
  if (prefixes & PREFIX_REP) return row.prefixes.repne ? 'repz ' : 'rep ';
  return prefixes & PREFIX_REPNE ? 'repnz ' : '';
}

const STRING_SIZES: Readonly<Record<string, readonly [string, string]>> = {
  b: ['BYTE PTR ', 'al'],
  w: ['WORD PTR ', 'ax'],
  d: ['DWORD PTR ', 'eax'],
  q: ['QWORD PTR ', 'rax'],
};

function wide(i: Instruction, number: number): string {
  return gpName(number, i.prefixes & PREFIX_ADDR32 ? 32 : 64);
}

/** `movs BYTE PTR es:[rdi],BYTE PTR ds:[rsi]` and so on. */
function stringText(i: Instruction): string {
  const name = i.row.mnemonic.slice(0, -1);
  const [size, accumulator] = STRING_SIZES[i.row.mnemonic.slice(-1)]!;
  const source = `${size}${segmentText(i) || 'ds:'}[${wide(i, 6)}]`;
  const destination = `${size}es:[${wide(i, 7)}]`;
  switch (name) {
    case 'movs':
      return `movs ${destination},${source}`;
    case 'cmps':
      return `cmps ${source},${destination}`;
    case 'stos':
      return `stos ${destination},${accumulator}`;
    case 'scas':
      return `scas ${accumulator},${destination}`;
    default:
      return `lods ${accumulator},${source}`;
  }
}

function segmentText(i: Instruction): string {
  return i.prefixes & PREFIX_FS ? 'fs:' : i.prefixes & PREFIX_GS ? 'gs:' : '';
}

function operandText(i: Instruction, operand: RowOperand, address: number): string {
  switch (operand.slot) {
    case 'reg':
      return named(i, operand, i.reg);
    case 'vvvv':
      return named(i, operand, i.vvvv);
    case 'is4':
      return named(i, operand, i.is4);
    case 'opcode':
      return named(i, operand, i.opcodeReg);
    case 'rm':
      return i.hasMemory ? memoryText(i, operand) : named(i, operand, i.rm);
    case 'fixed':
      return operand.kind === 'x87' ? 'st' : named(i, operand, operand.fixed);
    case 'imm2':
      return hexOf(BigInt(i.immediate2 & 0xff));
    case 'none':
      return operand.kind === 'one' ? '1' : moffsText(i);
    case 'imm':
      return operand.kind === 'rel'
        ? hexOf(BigInt(address + i.length + i.immediate), 64)
        : immediateText(i, operand);
  }
}

function named(i: Instruction, operand: RowOperand, number: number): string {
  if (operand.kind === 'mem' || operand.kind === 'imm') return '?';
  return registerName(
    operand.kind as Parameters<typeof registerName>[0],
    operand.bits,
    number,
    i.rex === 0,
  );
}

function hexOf(value: bigint, bits = 64): string {
  return `0x${BigInt.asUintN(bits, value).toString(16)}`;
}

/** Sign-extended to the size of the operation, as an unsigned number. */
function immediateText(i: Instruction, operand: RowOperand): string {
  if (operand.bits === 64)
    return hexOf((BigInt(i.immediateHigh) << 32n) | BigInt.asUintN(32, BigInt(i.immediate)));
  const first = i.row.operands[0]!;
  const own = i.row.sizeRule === 'o16' ? 16 : 64;
  const size = !operand.signed ? operand.bits : first === operand ? own : first.bits;
  return hexOf(BigInt(i.immediate), size);
}

function moffsText(i: Instruction): string {
  const high = i.prefixes & PREFIX_ADDR32 ? 0n : BigInt(i.displacementHigh) << 32n;
  return `${segmentText(i) || 'ds:'}${hexOf(high | BigInt.asUintN(32, BigInt(i.displacement)))}`;
}

function memoryText(i: Instruction, operand: RowOperand): string {
  const bits = i.evexB ? operand.broadcastBits : operand.memoryBits;
  const size = (SIZES[bits] ?? '').replace('PTR', i.evexB ? 'BCST' : 'PTR');
  const segment = segmentText(i);
  const displacement = BigInt(i.displacement);
  const vsib = operand.vsibBits !== 0;
  if (i.base === NONE && i.index === NONE) {
    const bits32 = i.prefixes & PREFIX_ADDR32 ? 32 : 64;
    return `${size}${segment || 'ds:'}${hexOf(displacement, bits32)}`;
  }
  let text = '';
  if (i.base === BASE_RIP) text = i.prefixes & PREFIX_ADDR32 ? 'eip' : 'rip';
  else if (i.base !== NONE) text = wide(i, i.base);
  if (i.index !== NONE) {
    const index = vsib ? registerName('vec', operand.vsibBits, i.index) : wide(i, i.index);
    text += `${text === '' ? '' : '+'}${index}*${1 << i.scale}`;
  }
  // objdump shows RIP-relative displacements unsigned.
  if (i.base === BASE_RIP) text += `+${hexOf(displacement)}`;
  else if (i.displacementBytes !== 0)
    text += displacement < 0n ? `-${hexOf(-displacement)}` : `+${hexOf(displacement)}`;
  return `${size}${segment}[${text}]`;
}
