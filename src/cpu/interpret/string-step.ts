/**
 * String instructions an iteration at a time (SDM vol. 2, MOVS … SCAS and REP): with 32-bit pointers
 * or a source in FS or GS, which translated code does not have, and while a program single-steps.
 */

import {
  type Instruction,
  PREFIX_ADDR32,
  PREFIX_FS,
  PREFIX_GS,
  PREFIX_OPSIZE,
  PREFIX_REP,
  PREFIX_REPNE,
} from '../../x86/instruction.ts';
import type { Machine, Outcome } from './emulate.ts';

const RAX = 0;
const RCX = 1;
const RSI = 6;
const RDI = 7;
const DF = 0x400;
const ZF = 0x40;
const STATUS = 0x8d5;
const MASK32 = 0xffff_ffffn;
const MASK64 = 0xffff_ffff_ffff_ffffn;

/** Iterations at a time: between them the platform may be interrupted. */
const BATCH = 1024;

const DONE: Outcome = { kind: 'done' };

/** Opcodes of the byte forms. */
const OPCODE = { movs: 0xa4, cmps: 0xa6, stos: 0xaa, lods: 0xac, scas: 0xae } as const;

/** Runs `ins`; `once` stops behind one iteration. `jump` to `rip` itself: not finished yet. */
export function stringStep(ins: Instruction, rip: number, m: Machine, once: boolean): Outcome {
  const repeats = (ins.prefixes & (PREFIX_REP | PREFIX_REPNE)) !== 0;
  if (!repeats) return iterate(ins, m) ?? DONE;
  const mask = ins.prefixes & PREFIX_ADDR32 ? MASK32 : MASK64;
  const compares = (ins.opcode & 0xfe) === OPCODE.cmps || (ins.opcode & 0xfe) === OPCODE.scas;
  for (let n = 0; (m.gprs[RCX]! & mask) !== 0n; n++) {
    if (n === (once ? 1 : BATCH)) return { kind: 'jump', rip };
    const fault = iterate(ins, m);
    if (fault !== undefined) return fault;
    m.gprs[RCX] = (m.gprs[RCX]! - 1n) & mask;
    const wanted = (ins.prefixes & PREFIX_REP) !== 0;
    if (compares && ((m.rflags & ZF) !== 0) !== wanted) return DONE;
  }
  return DONE;
}

/** One iteration; undefined, or the fault with nothing changed. */
function iterate(ins: Instruction, m: Machine): Outcome | undefined {
  const bits = ins.opcode & 1 ? (ins.rex & 8 ? 64 : ins.prefixes & PREFIX_OPSIZE ? 16 : 32) : 8;
  const operation = ins.opcode & 0xfe;
  const mask = ins.prefixes & PREFIX_ADDR32 ? MASK32 : MASK64;
  const segment = ins.prefixes & PREFIX_FS ? m.fsBase : ins.prefixes & PREFIX_GS ? m.gsBase : 0n;
  const from = BigInt.asUintN(64, (m.gprs[RSI]! & mask) + segment);
  const to = m.gprs[RDI]! & mask;
  const usesSource = operation !== OPCODE.stos && operation !== OPCODE.scas;
  const usesTarget = operation !== OPCODE.lods;
  const writes = operation === OPCODE.movs || operation === OPCODE.stos;
  let source = m.gprs[RAX]! & ((1n << BigInt(bits)) - 1n);
  if (usesSource) {
    const loaded = load(m, from, bits);
    if (loaded === undefined) return { kind: 'page', address: from, write: false };
    source = loaded;
  }
  if (writes) {
    if (!store(m, to, source, bits)) return { kind: 'page', address: to, write: true };
  } else if (usesTarget) {
    const target = load(m, to, bits);
    if (target === undefined) return { kind: 'page', address: to, write: false };
    m.rflags = (m.rflags & ~STATUS) | flagsOfDifference(source, target, bits);
  } else setAccumulator(m, source, bits);
  const step = BigInt(m.rflags & DF ? -bits / 8 : bits / 8);
  if (usesSource) m.gprs[RSI] = (m.gprs[RSI]! + step) & mask;
  if (usesTarget) m.gprs[RDI] = (m.gprs[RDI]! + step) & mask;
  return undefined;
}

function load(m: Machine, address: bigint, bits: number): bigint | undefined {
  const image = new Uint8Array(8);
  if (!m.read(address, image.subarray(0, bits / 8))) return undefined;
  return new DataView(image.buffer).getBigUint64(0, true);
}

function store(m: Machine, address: bigint, value: bigint, bits: number): boolean {
  const image = new Uint8Array(8);
  new DataView(image.buffer).setBigUint64(0, value, true);
  return m.write(address, image.subarray(0, bits / 8));
}

/** A 32-bit result clears the upper half, shorter ones leave the rest. */
function setAccumulator(m: Machine, value: bigint, bits: number): void {
  const rest = bits >= 32 ? 0n : m.gprs[RAX]! & ~((1n << BigInt(bits)) - 1n);
  m.gprs[RAX] = BigInt.asUintN(64, rest | value);
}

/** CF PF AF ZF SF OF of `a - b` in `bits`. */
function flagsOfDifference(a: bigint, b: bigint, bits: number): number {
  const width = BigInt(bits);
  const difference = BigInt.asUintN(bits, a - b);
  const sign = (value: bigint) => (value >> (width - 1n)) & 1n;
  let ones = 0;
  for (let n = 0n; n < 8n; n++) ones += Number((difference >> n) & 1n);
  return (
    (a < b ? 1 : 0) |
    (ones % 2 === 0 ? 4 : 0) |
    ((a & 15n) < (b & 15n) ? 0x10 : 0) |
    (difference === 0n ? ZF : 0) |
    (sign(difference) === 1n ? 0x80 : 0) |
    (sign(a) !== sign(b) && sign(a) !== sign(difference) ? 0x800 : 0)
  );
}
