/**
 * Far returns, jumps and calls, and iret (SDM vol. 2): 64-bit programs may name the one code segment
 * that they have, anything else is #GP with the selector. Compatibility mode is not there: its code
 * segment counts as absent.
 */

import { type Instruction, PREFIX_OPSIZE } from '../../x86/instruction.ts';
import { effectiveAddress } from './address.ts';
import type { Machine, Outcome } from './emulate.ts';

const RSP = 4;
const USER_CS = 0x33;
const CS_INDEX = 0x30;
const SS_INDEX = 0x28;
/** What iret loads at this privilege: as popf. */
const FLAGS_MASK = 0x240dd5;
const FLAGS_FIXED = 0x202;

const protection = (errorCode: number): Outcome => ({ kind: 'protection', errorCode });

/** Undefined when `ins` is no far transfer. */
export function farTransfer(ins: Instruction, rip: number, m: Machine): Outcome | undefined {
  switch (ins.row.mnemonic) {
    case 'retf':
      return farReturn(ins, m);
    case 'iret':
      return interruptReturn(ins, m);
    case 'jmpf':
    case 'callf':
      return farPointer(ins, rip, m);
    default:
      return undefined;
  }
}

const operandBytes = (ins: Instruction): 2 | 4 | 8 =>
  ins.rex & 8 ? 8 : ins.prefixes & PREFIX_OPSIZE ? 2 : 4;

/** `count` words of `bytes` at `address`; undefined when they cannot be read. */
function words(m: Machine, address: bigint, bytes: number, count: number): bigint[] | undefined {
  const image = new Uint8Array(count * bytes);
  if (!m.read(address, image)) return undefined;
  return Array.from({ length: count }, (_, n) => {
    let value = 0n;
    for (let i = bytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(image[n * bytes + i]!);
    return value;
  });
}

/** 0 for the program's own code segment, else the error code of #GP, or -1 for #GP(0). */
function refused(selector: bigint): number {
  const index = Number(selector & 0xfffcn);
  if (index === 0) return -1;
  return index === CS_INDEX && (selector & 3n) === 3n ? 0 : index;
}

function farReturn(ins: Instruction, m: Machine): Outcome {
  const bytes = operandBytes(ins);
  const at = m.gprs[RSP]!;
  const popped = words(m, at, bytes, 2);
  if (popped === undefined) return { kind: 'page', address: at, write: false };
  const wrong = refused(popped[1]!);
  if (wrong !== 0) return protection(Math.max(wrong, 0));
  const extra = ins.row.immediateBytes > 0 ? ins.immediate & 0xffff : 0;
  m.gprs[RSP] = BigInt.asUintN(64, at + BigInt(2 * bytes + extra));
  return { kind: 'jump', rip: Number(popped[0]!) };
}

function interruptReturn(ins: Instruction, m: Machine): Outcome {
  const bytes = operandBytes(ins);
  const at = m.gprs[RSP]!;
  const popped = words(m, at, bytes, 5);
  if (popped === undefined) return { kind: 'page', address: at, write: false };
  const [target, cs, flags, sp, ss] = popped as [bigint, bigint, bigint, bigint, bigint];
  const wrong = refused(cs);
  if (wrong !== 0) return protection(Math.max(wrong, 0));
  const stack = Number(ss & 0xffffn);
  if ((stack & ~3) !== SS_INDEX || (stack & 3) !== 3) return protection(stack & 0xfffc);
  m.rflags = (m.rflags & ~FLAGS_MASK) | (Number(flags & 0xffff_ffffn) & FLAGS_MASK) | FLAGS_FIXED;
  m.gprs[RSP] = sp;
  return { kind: 'jump', rip: Number(target) };
}

/** Offset, then selector, in memory. REX.W widens the offset on Intel only: refused. */
function farPointer(ins: Instruction, rip: number, m: Machine): Outcome {
  if (!ins.hasMemory || ins.rex & 8) return { kind: 'undefined', known: !ins.hasMemory };
  const bytes = operandBytes(ins);
  const address = effectiveAddress(ins, rip, m);
  const image = new Uint8Array(bytes + 2);
  if (!m.read(address, image)) return { kind: 'page', address, write: false };
  const view = new DataView(image.buffer);
  const target = bytes === 2 ? view.getUint16(0, true) : view.getUint32(0, true);
  const wrong = refused(BigInt(view.getUint16(bytes, true)));
  if (wrong !== 0) return protection(Math.max(wrong, 0));
  if (ins.row.mnemonic === 'jmpf') return { kind: 'jump', rip: target };
  const at = BigInt.asUintN(64, m.gprs[RSP]! - BigInt(2 * bytes));
  const frame = new DataView(new ArrayBuffer(2 * bytes));
  const put = (offset: number, value: number) =>
    bytes === 2 ? frame.setUint16(offset, value, true) : frame.setUint32(offset, value, true);
  put(0, rip + ins.length);
  put(bytes, USER_CS);
  if (!m.write(at, new Uint8Array(frame.buffer))) return { kind: 'page', address: at, write: true };
  m.gprs[RSP] = at;
  return { kind: 'jump', rip: target };
}
