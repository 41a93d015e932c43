/** Effective addresses with all 64 bits: what the guest named, before the sandbox cut it. */

import {
  BASE_RIP,
  type Instruction,
  NONE,
  PREFIX_ADDR32,
  PREFIX_FS,
  PREFIX_GS,
} from '../../x86/instruction.ts';
import { WRITE } from '../../x86/isa/row.ts';

export interface AddressContext {
  readonly gprs: BigUint64Array;
  readonly fsBase: bigint;
  readonly gsBase: bigint;
}

const MASK32 = 0xffff_ffffn;
const PAGE = 4096n;

/** The address of the explicit memory operand of `ins` at `rip` (not vector-indexed ones). */
export function effectiveAddress(ins: Instruction, rip: number, c: AddressContext): bigint {
  let ea = BigInt(ins.displacement);
  if (ins.row.moffs)
    ea = (BigInt(ins.displacementHigh >>> 0) << 32n) | BigInt(ins.displacement >>> 0);
  if (ins.base === BASE_RIP) ea += BigInt(rip + ins.length);
  else if (ins.base !== NONE) ea += c.gprs[ins.base]!;
  if (ins.index !== NONE) ea += (c.gprs[ins.index & 15] ?? 0n) << BigInt(ins.scale);
  if (ins.row.bitString) ea += bitStringOffset(ins, c);
  if (ins.prefixes & PREFIX_ADDR32) ea &= MASK32;
  if (ins.prefixes & PREFIX_FS) ea += c.fsBase;
  else if (ins.prefixes & PREFIX_GS) ea += c.gsBase;
  return BigInt.asUintN(64, ea);
}

/** bt and its kin with a register: the bit offset moves the address by whole operands. */
function bitStringOffset(ins: Instruction, c: AddressContext): bigint {
  const operand = ins.row.operands[1];
  if (operand?.kind !== 'gp') return 0n;
  const offset = BigInt.asIntN(operand.bits, c.gprs[ins.reg]!);
  const shift = BigInt(Math.log2(operand.bits));
  return (offset >> shift) * BigInt(operand.bits / 8);
}

/**
 * True when all that `ins` names surely lies below 2^32, by the registers' 32-bit halves: then the address
 * that the processor refused is the one that the guest named. False says nothing.
 */
export function staysBelow(ins: Instruction, rip: number, halves: Int32Array): boolean {
  const { base, index, row, prefixes } = ins;
  if ((prefixes & (PREFIX_FS | PREFIX_GS)) !== 0 || row.bitString || row.moffs) return false;
  if (row.implicitMemory.length !== 0) return false;
  if (!ins.hasMemory) return true;
  let address = ins.displacement;
  if (base === BASE_RIP) address += rip + ins.length;
  else if (base !== NONE) {
    if (halves[2 * base + 1] !== 0) return false;
    address += halves[2 * base]! >>> 0;
  }
  if (index !== NONE) {
    // Vector-indexed ones have numbers up to 31.
    if (index > 15 || halves[2 * index + 1] !== 0) return false;
    address += (halves[2 * index]! >>> 0) * 2 ** ins.scale;
  }
  return address >= 0 && address < 2 ** 32;
}

const IMPLICIT = { rsp: 4, rbp: 5, rsi: 6, rdi: 7, rax: 0, 'rbx+al': 3 } as const;

/**
 * The address that Linux would report for a fault at `low` (the address modulo 2^32 that the
 * processor refused): `low` itself, or a wild address of `ins` whose low half it is.
 */
export function faultingAddress(
  ins: Instruction,
  rip: number,
  low: number,
  c: AddressContext,
): bigint {
  const candidates: bigint[] = [];
  if (ins.hasMemory) candidates.push(effectiveAddress(ins, rip, c));
  for (const { address, access, bits } of ins.row.implicitMemory) {
    const pushes = address === 'rsp' && (access & WRITE) !== 0;
    const below = pushes ? BigInt(bits / 8) : 0n;
    candidates.push(BigInt.asUintN(64, c.gprs[IMPLICIT[address]]! - below));
  }
  for (const candidate of candidates) {
    if (candidate <= MASK32) continue;
    // Within a page to either side: long operands, pushes below RSP.
    const delta = BigInt.asIntN(32, BigInt(low) - candidate);
    if (delta > -PAGE && delta < PAGE) return BigInt.asUintN(64, candidate + delta);
  }
  return BigInt(low);
}
