/** Registers of a tracee as ptrace(2) shows and sets them. */

import { FPREGS_BYTES, USER, USER_REGS } from '../../abi/ptrace.ts';
import { GPR } from '../platform.ts';
import type { Task } from '../task.ts';
import type { Tracing } from './state.ts';

/** Words 0 … 14 of `struct user_regs_struct`. */
const ORDER = [
  ...[GPR.r15, GPR.r14, GPR.r13, GPR.r12, GPR.rbp, GPR.rbx, GPR.r11, GPR.r10, GPR.r9, GPR.r8],
  ...[GPR.rax, GPR.rcx, GPR.rdx, GPR.rsi, GPR.rdi],
] as const;
const CS = 0x33n;
const SS = 0x2bn;

/** One word of the registers. */
export function readRegister(task: Task, trace: Tracing, index: number): bigint {
  const { cpu } = task;
  const gpr = ORDER[index];
  if (gpr !== undefined) return cpu.gprs[gpr] as bigint;
  switch (index) {
    case USER_REGS.origRax:
      return BigInt.asUintN(64, trace.callNumber);
    case USER_REGS.rip:
      return BigInt(cpu.rip);
    case USER_REGS.cs:
      return CS;
    case USER_REGS.eflags:
      return BigInt(cpu.rflags);
    case USER_REGS.rsp:
      return cpu.gprs[GPR.rsp] as bigint;
    case USER_REGS.ss:
      return SS;
    case USER_REGS.fsBase:
      return cpu.fsBase;
    case USER_REGS.gsBase:
      return cpu.gsBase;
    default:
      return 0n;
  }
}

/** Segment registers keep what they are. */
export function writeRegister(task: Task, trace: Tracing, index: number, value: bigint): void {
  const { cpu } = task;
  const gpr = ORDER[index];
  if (gpr !== undefined) cpu.gprs[gpr] = value;
  else if (index === USER_REGS.origRax) trace.callNumber = BigInt.asIntN(64, value);
  else if (index === USER_REGS.rip) cpu.rip = Number(value);
  else if (index === USER_REGS.eflags) cpu.rflags = Number(value & 0xffff_ffffn);
  else if (index === USER_REGS.rsp) cpu.gprs[GPR.rsp] = value;
  else if (index === USER_REGS.fsBase) cpu.fsBase = value;
  else if (index === USER_REGS.gsBase) cpu.gsBase = value;
  settleRestart(task, trace);
}

/** An interrupted call happens again only while its registers say so. */
function settleRestart(task: Task, trace: Tracing): void {
  const { restartCode, cpu } = task;
  if (restartCode === 0) return;
  const shown = BigInt.asIntN(64, cpu.gprs[GPR.rax] as bigint);
  if (trace.callNumber < 0n || shown !== BigInt(-restartCode)) task.restartCode = 0;
}

/** `struct user_regs_struct`. */
export function readRegisters(task: Task, trace: Tracing): Uint8Array {
  const bytes = new Uint8Array(USER_REGS.bytes);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < USER_REGS.bytes / 8; i++)
    view.setBigUint64(8 * i, readRegister(task, trace, i), true);
  return bytes;
}

/** As many words as there are. */
export function writeRegisters(task: Task, trace: Tracing, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // The number of the call first: restarts are judged by both.
  const number = 8 * USER_REGS.origRax;
  if (number + 8 <= bytes.length) trace.callNumber = view.getBigInt64(number, true);
  for (let at = 0; at + 8 <= bytes.length; at += 8)
    writeRegister(task, trace, at / 8, view.getBigUint64(at, true));
}

/** The XSAVE image of the extended state. */
export function readExtended(task: Task): Uint8Array {
  const bytes = new Uint8Array(task.cpu.extendedBytes);
  task.cpu.saveExtended(bytes);
  return bytes;
}

/** Legacy part: `struct user_fpregs_struct`, which is what FXSAVE stores. */
export const readFloating = (task: Task): Uint8Array =>
  readExtended(task).subarray(0, FPREGS_BYTES);

/** False when the processor would not take it. */
export function writeFloating(task: Task, bytes: Uint8Array): boolean {
  const image = readExtended(task);
  image.set(bytes.subarray(0, FPREGS_BYTES));
  // x87 and SSE state are in the image, whatever the header said.
  if (image.length > FPREGS_BYTES) image[FPREGS_BYTES] = (image[FPREGS_BYTES] as number) | 3;
  return task.cpu.loadExtended(image);
}

/** A word of `struct user`, or undefined when there is none at `offset`. */
export function readUserWord(task: Task, trace: Tracing, offset: number): bigint | undefined {
  if (offset % 8 !== 0 || offset < 0 || offset >= USER.bytes) return undefined;
  if (offset < USER_REGS.bytes) return readRegister(task, trace, offset / 8);
  const at = offset - USER.fpregs;
  if (at < 0 || at + 8 > FPREGS_BYTES) return 0n;
  const floating = readFloating(task);
  return new DataView(floating.buffer, floating.byteOffset).getBigUint64(at, true);
}

/** False where nothing can be written; debug registers hold nothing but 0. */
export function writeUserWord(task: Task, trace: Tracing, offset: number, value: bigint): boolean {
  if (offset % 8 !== 0 || offset < 0 || offset >= USER.bytes) return false;
  if (offset < USER_REGS.bytes) {
    writeRegister(task, trace, offset / 8, value);
    return true;
  }
  return offset >= USER.debugRegisters && value === 0n;
}
