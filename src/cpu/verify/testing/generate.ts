/**
 * Random instances of rows of the instruction table in the canonical form of translated code: what
 * the tests of the code verifier, its mutants and its fuzzer start from. An encoder of its own: only
 * as good as a test needs it, and independent of the assembler.
 */
import type { SeededRandom } from '../../../base/random.ts';
import {
  EVEX,
  LEGACY,
  PREFIX_66,
  PREFIX_F2,
  PREFIX_F3,
  type Row,
  type RowOperand,
  WRITE,
} from '../../../x86/isa/row.ts';

export interface Shape {
  /** With a memory operand, where the row can have either. */
  readonly memory: boolean;
  readonly gs: boolean;
  readonly address32: boolean;
}

/** Can the row have the shape's kind of operand? */
export function canBe(row: Row, memory: boolean): boolean {
  if (!row.hasModrm) return memory === row.moffs;
  return memory ? row.mod !== 'reg' && row.memoryOperand >= 0 : row.mod !== 'mem';
}

interface Fields {
  modrm: number;
  sib: number;
  displacement: number[];
  /** Extension bits, not inverted. */
  r: number;
  x: number;
  b: number;
}

const little = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, n) => Math.floor(value / 2 ** (8 * n)) & 255);

function operandAt(row: Row, slot: RowOperand['slot']): RowOperand | undefined {
  return row.operands.find((o) => o.slot === slot);
}

/** Numbers that a register of this kind may have (EVEX without the fifth bit). */
function count(operand: RowOperand | undefined): number {
  return operand?.kind === 'mask' ? 8 : 16;
}

function fields(row: Row, shape: Shape, random: SeededRandom): Fields {
  const regOperand = operandAt(row, 'reg');
  const reg = row.reg >= 0 ? row.reg : regOperand ? random.below(count(regOperand)) : 0;
  const result: Fields = {
    ...{ modrm: 0, sib: -1, displacement: [], r: reg >> 3, x: 0, b: 0 },
  };
  if (!shape.memory) {
    const rm = row.rm >= 0 ? row.rm : random.below(count(operandAt(row, 'rm')));
    result.modrm = 0xc0 | ((reg & 7) << 3) | (rm & 7);
    result.b = rm >> 3;
    return result;
  }
  const vsib = row.operands[row.memoryOperand]!.vsibBits !== 0;
  const mod = random.below(3);
  let rm = vsib ? 4 : random.below(8);
  if (mod === 0 && rm === 5) rm = 4;
  result.modrm = (mod << 6) | ((reg & 7) << 3) | rm;
  result.b = random.below(2);
  let bytes = mod === 1 ? 1 : mod === 2 ? 4 : 0;
  if (rm === 4) {
    result.sib = random.below(256);
    result.x = random.below(2);
    if (mod === 0 && (result.sib & 7) === 5) bytes = 4;
  }
  result.displacement = little(random.uint32(), bytes);
  return result;
}

function immediates(row: Row, random: SeededRandom): number[] {
  const total = row.immediateBytes + row.immediate2Bytes;
  return Array.from({ length: total }, () => random.uint32() & 255);
}

/** One instance: canonical unless `shape` leaves gs: or 67 away. */
export function generate(row: Row, shape: Shape, random: SeededRandom): number[] {
  const out: number[] = [];
  const access = shape.memory && row.mnemonic !== 'lea' && !isNop(row);
  const implicit = row.implicitMemory.length > 0;
  if (shape.gs && (access || implicit)) out.push(0x65);
  if (shape.address32 && (access || implicit)) out.push(0x67);
  if (row.space === LEGACY) return [...out, ...legacy(row, shape, random)];
  const f = fields(row, shape, random);
  const vvvvOperand = operandAt(row, 'vvvv');
  const vvvv = vvvvOperand ? random.below(count(vvvvOperand)) : 0;
  const w = Math.max(row.w, 0);
  out.push(...(row.space === EVEX ? evex(row, shape, f, vvvv, w, random) : vex(row, f, vvvv, w)));
  return [...out, row.opcode, ...(row.hasModrm ? tail(f) : []), ...immediates(row, random)];
}

export function isNop(row: Row): boolean {
  return row.mnemonic === 'nop' && row.map === 1 && row.opcode === 0x1f;
}

const tail = (f: Fields): number[] => [f.modrm, ...(f.sib < 0 ? [] : [f.sib]), ...f.displacement];

function legacy(row: Row, shape: Shape, random: SeededRandom): number[] {
  const out: number[] = [];
  const lockable = row.prefixes.lock && shape.memory && (row.memoryAccess & WRITE) !== 0;
  if (lockable && random.below(2) === 1) out.push(0xf0);
  if (row.sizeRule === 'o16' || row.prefix === PREFIX_66) out.push(0x66);
  if (row.prefix === PREFIX_F2) out.push(0xf2);
  if (row.prefix === PREFIX_F3) out.push(0xf3);
  const f = row.hasModrm ? fields(row, shape, random) : undefined;
  const opcodeReg = row.opcodeReg ? random.below(16) : 0;
  const w = row.sizeRule === 'o64' ? 8 : 0;
  const rex = w | ((f?.r ?? 0) << 2) | ((f?.x ?? 0) << 1) | (f?.b ?? 0) | (opcodeReg >> 3);
  if (rex !== 0 || random.below(4) === 0) out.push(0x40 | rex);
  if (row.map > 0) out.push(0x0f);
  if (row.map > 1) out.push(row.map === 2 ? 0x38 : 0x3a);
  out.push(row.opcode | (opcodeReg & 7));
  if (f !== undefined) out.push(...tail(f));
  if (row.moffs) out.push(...little(random.uint32(), shape.address32 ? 4 : 8));
  return [...out, ...immediates(row, random)];
}

function vex(row: Row, f: Fields, vvvv: number, w: number): number[] {
  const last = ((15 - vvvv) << 3) | (Math.max(row.l, 0) << 2) | row.prefix;
  if (row.map === 1 && w === 0 && f.x === 0 && f.b === 0) return [0xc5, ((1 - f.r) << 7) | last];
  return [0xc4, ((1 - f.r) << 7) | ((1 - f.x) << 6) | ((1 - f.b) << 5) | row.map, (w << 7) | last];
}

function evex(
  row: Row,
  shape: Shape,
  f: Fields,
  vvvv: number,
  w: number,
  random: SeededRandom,
): number[] {
  const high = (slot: RowOperand['slot']): number =>
    operandAt(row, slot)?.kind === 'vec' ? random.below(2) : 0;
  const memory = row.operands[row.memoryOperand];
  const broadcast = memory !== undefined && memory.broadcastBits !== 0 && random.below(2) === 1;
  const special = !shape.memory && (row.rounding || row.sae) && random.below(2) === 1;
  const length = Math.max(row.l, 0);
  const l = special && row.rounding ? random.below(4) : length;
  const mask = row.maskRequired || (row.masking && random.below(2) === 1) ? 1 + random.below(7) : 0;
  const noZero = shape.memory && (row.memoryAccess & WRITE) !== 0;
  const z = row.zeroing && mask !== 0 && !noZero ? random.below(2) : 0;
  const b = (shape.memory ? broadcast : special) ? 1 : 0;
  const x = shape.memory ? f.x : high('rm');
  const vHigh = memory !== undefined && memory.vsibBits !== 0 ? random.below(2) : high('vvvv');
  return [
    0x62,
    ((1 - f.r) << 7) | ((1 - x) << 6) | ((1 - f.b) << 5) | ((1 - high('reg')) << 4) | row.map,
    (w << 7) | ((15 - vvvv) << 3) | 4 | row.prefix,
    (z << 7) | (l << 5) | (b << 4) | ((1 - vHigh) << 3) | mask,
  ];
}
