/**
 * Branches, calls, returns and enter, interpreted: forms that translated code does not have (`67` on
 * loops, nested enter), and every transfer while a program single-steps itself.
 */

import { type Instruction, PREFIX_ADDR32 } from '../../x86/instruction.ts';
import { effectiveAddress } from './address.ts';
import type { Machine, Outcome } from './emulate.ts';

const RCX = 1;
const RSP = 4;
const RBP = 5;
const MASK32 = 0xffff_ffffn;
const CF = 1;
const PF = 4;
const ZF = 0x40;
const SF = 0x80;
const OF = 0x800;

const jump = (rip: bigint): Outcome => ({ kind: 'jump', rip: Number(BigInt.asUintN(64, rip)) });
const page = (address: bigint, write: boolean): Outcome => ({ kind: 'page', address, write });

/** The outcome of a control transfer; undefined when `ins` is none. */
export function controlFlow(ins: Instruction, rip: number, m: Machine): Outcome | undefined {
  const next = rip + ins.length;
  const target = BigInt((next + ins.immediate) >>> 0);
  switch (ins.row.class) {
    case 'branch':
      return jump(target);
    case 'condbranch':
      return jump(holds(ins.row.condition, m.rflags) ? target : BigInt(next));
    case 'loopbranch':
      return jump(loops(ins, m) ? target : BigInt(next));
    case 'call':
      return call(target, next, m);
    case 'ret':
      return ret(ins.row.immediateBytes > 0 ? ins.immediate & 0xffff : 0, m);
    case 'indirectbranch':
    case 'indirectcall': {
      const to = operand64(ins, rip, m);
      if (typeof to !== 'bigint') return to;
      return ins.row.class === 'indirectbranch' ? jump(to) : call(to, next, m);
    }
    default:
      return undefined;
  }
}

/** Condition codes in encoding order: o b e be s p l le, each with its opposite. */
function holds(condition: number, flags: number): boolean {
  const sign = ((flags & SF) !== 0) !== ((flags & OF) !== 0);
  const even = [
    (flags & OF) !== 0,
    (flags & CF) !== 0,
    (flags & ZF) !== 0,
    (flags & (CF | ZF)) !== 0,
    (flags & SF) !== 0,
    (flags & PF) !== 0,
    sign,
    sign || (flags & ZF) !== 0,
  ][condition >> 1] as boolean;
  return even !== ((condition & 1) !== 0);
}

/** Counts RCX (ECX under 67) down and says whether the branch is taken. */
function loops(ins: Instruction, m: Machine): boolean {
  const mask = ins.prefixes & PREFIX_ADDR32 ? MASK32 : BigInt.asUintN(64, -1n);
  const { mnemonic } = ins.row;
  if (mnemonic === 'jrcxz') return (m.gprs[RCX]! & mask) === 0n;
  const count = (m.gprs[RCX]! - 1n) & mask;
  m.gprs[RCX] = count;
  if (count === 0n || mnemonic === 'loop') return count !== 0n;
  return ((m.rflags & ZF) !== 0) === (mnemonic === 'loope');
}

function operand64(ins: Instruction, rip: number, m: Machine): bigint | Outcome {
  if (!ins.hasMemory) return m.gprs[ins.rm]!;
  const address = effectiveAddress(ins, rip, m);
  return load64(m, address) ?? page(address, false);
}

function load64(m: Machine, address: bigint): bigint | undefined {
  const image = new Uint8Array(8);
  if (!m.read(address, image)) return undefined;
  return new DataView(image.buffer).getBigUint64(0, true);
}

/** False when the guest may not write there. */
function store(m: Machine, address: bigint, value: bigint, bytes: number): boolean {
  const image = new Uint8Array(8);
  new DataView(image.buffer).setBigUint64(0, value, true);
  return m.write(address, image.subarray(0, bytes));
}

function call(target: bigint, next: number, m: Machine): Outcome {
  const at = BigInt.asUintN(64, m.gprs[RSP]! - 8n);
  if (!store(m, at, BigInt(next), 8)) return page(at, true);
  m.gprs[RSP] = at;
  return jump(target);
}

function ret(extra: number, m: Machine): Outcome {
  const at = m.gprs[RSP]!;
  const target = load64(m, at);
  if (target === undefined) return page(at, false);
  m.gprs[RSP] = BigInt.asUintN(64, at + 8n + BigInt(extra));
  return jump(target);
}

/**
 * enter SIZE, LEVEL (SDM vol. 2): RBP, then LEVEL − 1 frame pointers of the enclosing procedures,
 * then the new frame pointer itself. `bytes` is 8, or 2 for the form with 66.
 */
export function enter(ins: Instruction, m: Machine, bytes: number): Outcome {
  const size = BigInt(ins.immediate & 0xffff);
  const level = ins.immediate2 & 31;
  const step = BigInt(bytes);
  let sp = m.gprs[RSP]!;
  const push = (value: bigint): boolean => {
    sp = BigInt.asUintN(64, sp - step);
    return store(m, sp, value, bytes);
  };
  if (!push(m.gprs[RBP]!)) return page(sp, true);
  const frame = sp;
  for (let n = 1; n < level; n++) {
    const from = BigInt.asUintN(64, m.gprs[RBP]! - step * BigInt(n));
    const image = new Uint8Array(8);
    if (!m.read(from, image.subarray(0, bytes))) return page(from, false);
    if (!push(new DataView(image.buffer).getBigUint64(0, true))) return page(sp, true);
  }
  if (level > 0 && !push(frame)) return page(sp, true);
  m.gprs[RBP] = bytes === 8 ? frame : (m.gprs[RBP]! & ~0xffffn) | (frame & 0xffffn);
  m.gprs[RSP] = BigInt.asUintN(64, sp - size);
  return { kind: 'done' };
}
