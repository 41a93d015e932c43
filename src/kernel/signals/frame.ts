/**
 * The frame of a signal handler (`arch/x86/kernel/signal_64.c`): written at delivery, read by
 * rt_sigreturn(2). What a guest hands back is sanitised: flags here, MXCSR and the XSAVE header by
 * the platform. Layout: abi/signal-frame.ts.
 */

import { SA, SS_AUTODISARM, SS_DISABLE } from '../../abi/signal.table.ts';
import {
  EFLAGS_DF,
  EFLAGS_RESTORABLE,
  EFLAGS_RF,
  EFLAGS_TF,
  FPX,
  FRAME,
  SIGCONTEXT,
  SIGCONTEXT_GPRS,
  UC_FP_XSTATE,
  UC_SIGCONTEXT_SS,
  UC_STRICT_RESTORE_SS,
  UCONTEXT,
  USER_CS,
  USER_DS,
} from '../../abi/signal-frame.ts';
import { GPR, type GuestCpu } from '../platform.ts';
import type { Task } from '../task.ts';
import type { SignalAction } from './handlers.ts';
import { encodeSignalInfo, type SignalInfo } from './signal-info.ts';
import { SignalSet } from './signal-set.ts';

const RED_ZONE_BYTES = 128;
const GUEST_END = 0x1_0000_0000;
const MCONTEXT_AT = FRAME.ucontext + UCONTEXT.mcontext;

/** AT_MINSIGSTKSZ: what a frame takes at most. */
export function minimumStackBytes(cpu: GuestCpu): number {
  return FRAME.bytes + 8 + cpu.extendedBytes + FPX.magic2Bytes + 64 + 16 + RED_ZONE_BYTES;
}

/** Writes the frame and points the registers at the handler. False: the stack is no good. */
export function writeSignalFrame(task: Task, info: SignalInfo, action: SignalAction): boolean {
  const { cpu } = task;
  if ((action.flags & SA.SA_RESTORER) === 0) return false;
  const place = placeFrame(task, action);
  if (place === undefined) return false;
  const { frameAt, extendedAt } = place;
  const { frames } = task.group.kernel;
  const { frame, view } = frames;
  frames.prepare(cpu.extendedBytes, cpu.extendedFeatures);
  frame.fill(0);
  putWord(view, FRAME.pretcode, action.restorer);
  writeContext(task, view, info, extendedAt);
  encodeSignalInfo(info, view, FRAME.siginfo);
  cpu.saveExtended(frames.image);
  if (task.space.copyOut(extendedAt, frames.image) < 0) return false;
  if (task.space.copyOut(frameAt, frame) < 0) return false;
  if ((task.alternateStack.flags & SS_AUTODISARM) !== 0) task.alternateStack.disable();
  enterHandler(cpu, info.signal, action, frameAt);
  return true;
}

const TWO_32 = 0x1_0000_0000;

/** A number as a 64-bit word; what is below 2^53 is exact. */
function putWord(view: DataView, at: number, value: number): void {
  view.setInt32(at, value | 0, true);
  view.setInt32(at + 4, Math.floor(value / TWO_32), true);
}

function wordAt(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * TWO_32 + view.getUint32(at, true);
}

function registerOf(cpu: GuestCpu, register: number): number {
  const { gprHalves } = cpu;
  const low = (gprHalves[2 * register] as number) >>> 0;
  return ((gprHalves[2 * register + 1] as number) >>> 0) * TWO_32 + low;
}

/** `value` is below 2^32. */
function setRegister(cpu: GuestCpu, register: number, value: number): void {
  cpu.gprHalves[2 * register] = value | 0;
  cpu.gprHalves[2 * register + 1] = 0;
}

/** `get_sigframe`: red zone, alternate stack, alignment. */
function placeFrame(
  task: Task,
  action: SignalAction,
): { frameAt: number; extendedAt: number } | undefined {
  const { cpu, alternateStack } = task;
  const rsp = registerOf(cpu, GPR.rsp);
  let sp = rsp - RED_ZONE_BYTES;
  const nested = alternateStack.contains(rsp);
  let entering = false;
  if ((action.flags & SA.SA_ONSTACK) !== 0 && alternateStack.sizeBytes > 0 && !nested) {
    sp = alternateStack.pointer + alternateStack.sizeBytes;
    entering = true;
  }
  sp -= cpu.extendedBytes + FPX.magic2Bytes;
  const extendedAt = sp - (((sp % 64) + 64) % 64);
  sp = extendedAt - FRAME.bytes;
  const frameAt = sp - (((sp % 16) + 16) % 16) - 8;
  if ((nested || entering) && !alternateStack.holds(frameAt)) return undefined;
  // The alternate stack may lie anywhere in 64 bits.
  return frameAt < 0 || extendedAt >= GUEST_END ? undefined : { frameAt, extendedAt };
}

function writeContext(task: Task, view: DataView, info: SignalInfo, extendedAt: number): void {
  const { cpu, alternateStack } = task;
  const uc = FRAME.ucontext;
  const rsp = registerOf(cpu, GPR.rsp);
  const flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
  putWord(view, uc + UCONTEXT.flags, flags);
  putWord(view, uc + UCONTEXT.stackPointer, alternateStack.pointer);
  view.setInt32(uc + UCONTEXT.stackFlags, alternateStack.reportedFlags(rsp), true);
  putWord(view, uc + UCONTEXT.stackSize, alternateStack.sizeBytes);
  // Halves: a BigInt a register would cost more than all the rest of the frame.
  const { gprHalves } = cpu;
  for (let i = 0; i < SIGCONTEXT_GPRS.length; i++) {
    const half = 2 * (SIGCONTEXT_GPRS[i] as number);
    view.setInt32(MCONTEXT_AT + 8 * i, gprHalves[half] as number, true);
    view.setInt32(MCONTEXT_AT + 8 * i + 4, gprHalves[half + 1] as number, true);
  }
  putWord(view, MCONTEXT_AT + SIGCONTEXT.rip, cpu.rip);
  putWord(view, MCONTEXT_AT + SIGCONTEXT.eflags, cpu.rflags >>> 0);
  view.setUint16(MCONTEXT_AT + SIGCONTEXT.cs, USER_CS, true);
  view.setUint16(MCONTEXT_AT + SIGCONTEXT.ss, USER_DS, true);
  putWord(view, MCONTEXT_AT + SIGCONTEXT.err, info.errorCode ?? 0);
  putWord(view, MCONTEXT_AT + SIGCONTEXT.trapno, info.trapNumber ?? 0);
  if (info.address !== undefined)
    view.setBigUint64(MCONTEXT_AT + SIGCONTEXT.cr2, BigInt.asUintN(64, info.address), true);
  putWord(view, MCONTEXT_AT + SIGCONTEXT.fpstate, extendedAt);
  const mask = task.savedMask ?? task.blocked;
  putWord(view, MCONTEXT_AT + SIGCONTEXT.oldmask, mask.lo >>> 0);
  view.setInt32(uc + UCONTEXT.sigmask, mask.lo, true);
  view.setInt32(uc + UCONTEXT.sigmask + 4, mask.hi, true);
}

/** Registers at the first instruction of a handler; the vector state is fresh. */
function enterHandler(cpu: GuestCpu, signal: number, action: SignalAction, frameAt: number): void {
  cpu.resetExtended();
  setRegister(cpu, GPR.rdi, signal);
  setRegister(cpu, GPR.rax, 0);
  setRegister(cpu, GPR.rsi, frameAt + FRAME.siginfo);
  setRegister(cpu, GPR.rdx, frameAt + FRAME.ucontext);
  setRegister(cpu, GPR.rsp, frameAt);
  cpu.rip = action.handler;
  cpu.rflags &= ~(EFLAGS_DF | EFLAGS_RF | EFLAGS_TF);
}

/** rt_sigreturn(2): false when the frame cannot be read or is malformed (SIGSEGV then). */
export function readSignalFrame(task: Task): boolean {
  const { cpu } = task;
  const rsp = registerOf(cpu, GPR.rsp);
  if (rsp < 8 || rsp >= GUEST_END) return false;
  const { frame, view } = task.group.kernel.frames;
  // Up to and with `ucontext`; siginfo may be gone.
  if (task.space.copyIn(rsp - 8, frame) < 0 && !readShortFrame(task, rsp - 8)) return false;
  const uc = FRAME.ucontext;
  const mask = new SignalSet(
    view.getInt32(uc + UCONTEXT.sigmask, true),
    view.getInt32(uc + UCONTEXT.sigmask + 4, true),
  );
  task.setBlocked(mask);
  const extendedAt = wordAt(view, MCONTEXT_AT + SIGCONTEXT.fpstate);
  const { gprHalves } = cpu;
  for (let i = 0; i < SIGCONTEXT_GPRS.length; i++) {
    const half = 2 * (SIGCONTEXT_GPRS[i] as number);
    gprHalves[half] = view.getInt32(MCONTEXT_AT + 8 * i, true);
    gprHalves[half + 1] = view.getInt32(MCONTEXT_AT + 8 * i + 4, true);
  }
  cpu.rip = wordAt(view, MCONTEXT_AT + SIGCONTEXT.rip);
  const flags = view.getUint32(MCONTEXT_AT + SIGCONTEXT.eflags, true);
  cpu.rflags = (cpu.rflags & ~EFLAGS_RESTORABLE) | (flags & EFLAGS_RESTORABLE);
  if (!readExtended(task, extendedAt)) return false;
  // Another code segment: IRET would raise #GP.
  if ((view.getUint16(MCONTEXT_AT + SIGCONTEXT.cs, true) | 3) !== USER_CS) return false;
  restoreAlternateStack(task, view);
  return true;
}

/** As much of the frame as is asked for, where what lies behind it cannot be read. */
function readShortFrame(task: Task, at: number): boolean {
  const { frame } = task.group.kernel.frames;
  return task.space.copyIn(at, frame.subarray(0, FRAME.ucontext + UCONTEXT.bytes)) >= 0;
}

/** Full image when both marks are right, else the legacy part alone (`restore_fpregs_from_user`). */
function readExtended(task: Task, at: number): boolean {
  const { cpu, space } = task;
  if (at === 0) {
    cpu.resetExtended();
    return true;
  }
  if (at >= GUEST_END) return false;
  const { frames } = task.group.kernel;
  frames.prepare(cpu.extendedBytes, cpu.extendedFeatures);
  const image = frames.taken;
  const view = frames.takenView;
  const got = space.copyInPartial(at, image);
  if (got < FPX.legacyBytes) return false;
  const size = view.getUint32(FPX.stateSizeAt, true);
  const isExtended =
    view.getUint32(FPX.magic1At, true) === FPX.magic1 &&
    size >= 576 &&
    size <= cpu.extendedBytes &&
    view.getUint32(FPX.extendedSizeAt, true) >= size + FPX.magic2Bytes;
  if (isExtended) {
    if (got < size + FPX.magic2Bytes) return false;
    if (view.getUint32(size, true) === FPX.magic2) {
      image.fill(0, size + FPX.magic2Bytes);
      return cpu.loadExtended(frames.takenImage);
    }
  }
  image.fill(0, FPX.legacyBytes);
  // XSTATE_BV: x87 and SSE.
  view.setUint32(FPX.legacyBytes, 3, true);
  return cpu.loadExtended(frames.takenImage);
}

function restoreAlternateStack(task: Task, view: DataView): void {
  const uc = FRAME.ucontext;
  const stack = task.alternateStack;
  const rsp = registerOf(task.cpu, GPR.rsp);
  const flags = view.getInt32(uc + UCONTEXT.stackFlags, true);
  if (stack.contains(rsp)) return;
  if ((flags & SS_DISABLE) !== 0) {
    stack.disable();
    return;
  }
  stack.pointer = wordAt(view, uc + UCONTEXT.stackPointer);
  stack.sizeBytes = wordAt(view, uc + UCONTEXT.stackSize);
  stack.flags = flags & SS_AUTODISARM;
}
