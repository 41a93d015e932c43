/**
 * The frame of a signal handler (`arch/x86/kernel/signal_64.c`), as delivery writes it: straight into
 * the guest's stack where that may be touched, else through buffers. Layout: abi/signal-frame.ts.
 */

import { SA, SS_AUTODISARM } from '../../abi/signal.table.ts';
import {
  EFLAGS_DF,
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
import { encodeSignalInfo, putBigWord, putWord, type SignalInfo } from './signal-info.ts';

const RED_ZONE_BYTES = 128;
export const GUEST_END = 0x1_0000_0000;
const NOWHERE = -1;
/** Words of a frame. */
const UCONTEXT_AT = FRAME.ucontext / 4;
const MCONTEXT_AT = (FRAME.ucontext + UCONTEXT.mcontext) / 4;

/** AT_MINSIGSTKSZ: what a frame takes at most. */
export function minimumStackBytes(cpu: GuestCpu): number {
  return FRAME.bytes + 8 + cpu.extendedBytes + FPX.magic2Bytes + 64 + 16 + RED_ZONE_BYTES;
}

/** Writes the frame and points the registers at the handler. False: the stack is no good. */
export function writeSignalFrame(task: Task, info: SignalInfo, action: SignalAction): boolean {
  const { cpu, space } = task;
  if ((action.flags & SA.SA_RESTORER) === 0) return false;
  const extendedAt = placeImage(task, action);
  if (extendedAt === NOWHERE) return false;
  const frameAt = frameBelow(extendedAt);
  const end = extendedAt + cpu.extendedBytes + FPX.magic2Bytes;
  const words = space.directWords(frameAt, end - frameAt, true);
  if (words !== undefined) {
    cpu.saveExtendedTo(space, extendedAt, words);
    markImage(words, extendedAt >>> 2, cpu);
    writeFrame(task, words, frameAt >>> 2, info, action, extendedAt);
  } else if (!writeByBuffers(task, info, action, frameAt, extendedAt)) return false;
  if ((task.alternateStack.flags & SS_AUTODISARM) !== 0) task.alternateStack.disable();
  enterHandler(cpu, info.signal, action, frameAt);
  return true;
}

/** Where the stack may fault, or has translated code. */
function writeByBuffers(
  task: Task,
  info: SignalInfo,
  action: SignalAction,
  frameAt: number,
  extendedAt: number,
): boolean {
  const { cpu, space } = task;
  const { frames } = task.group.kernel;
  frames.prepare(cpu.extendedBytes);
  frames.image.fill(0);
  cpu.saveExtended(frames.image);
  markImage(frames.imageWords, 0, cpu);
  writeFrame(task, frames.words, 0, info, action, extendedAt);
  const image = frames.image.subarray(0, cpu.extendedBytes + FPX.magic2Bytes);
  return space.copyOut(extendedAt, image) >= 0 && space.copyOut(frameAt, frames.bytes) >= 0;
}

/** Software bytes and magic numbers (`fpx_sw_bytes`). */
function markImage(words: Int32Array, start: number, cpu: GuestCpu): void {
  const { extendedBytes } = cpu;
  words[start + FPX.magic1At / 4] = FPX.magic1;
  words[start + FPX.extendedSizeAt / 4] = extendedBytes + FPX.magic2Bytes;
  words[start + FPX.featuresAt / 4] = cpu.extendedFeatures;
  words[start + FPX.stateSizeAt / 4] = extendedBytes;
  words[start + extendedBytes / 4] = FPX.magic2;
}

const TWO_32 = 0x1_0000_0000;

export function registerOf(cpu: GuestCpu, register: number): number {
  const { gprHalves } = cpu;
  const low = (gprHalves[2 * register] as number) >>> 0;
  return ((gprHalves[2 * register + 1] as number) >>> 0) * TWO_32 + low;
}

/** `value` is below 2^32. */
function setRegister(cpu: GuestCpu, register: number, value: number): void {
  cpu.gprHalves[2 * register] = value | 0;
  cpu.gprHalves[2 * register + 1] = 0;
}

/** `get_sigframe`: red zone, alternate stack, alignment. Where the image goes; the frame is right below. */
function placeImage(task: Task, action: SignalAction): number {
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
  const frameAt = frameBelow(extendedAt);
  if ((nested || entering) && !alternateStack.holds(frameAt)) return NOWHERE;
  // The alternate stack may lie anywhere in 64 bits.
  return frameAt < 0 || extendedAt >= GUEST_END ? NOWHERE : extendedAt;
}

function frameBelow(extendedAt: number): number {
  const sp = extendedAt - FRAME.bytes;
  return sp - (((sp % 16) + 16) % 16) - 8;
}

/** The frame as words of memory, from index `start` on: every one of them. */
function writeFrame(
  task: Task,
  words: Int32Array,
  start: number,
  info: SignalInfo,
  action: SignalAction,
  extendedAt: number,
): void {
  const { cpu, alternateStack } = task;
  putWord(words, start + FRAME.pretcode / 4, action.restorer);
  const uc = start + UCONTEXT_AT;
  putWord(words, uc, UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS);
  putWord(words, uc + UCONTEXT.link / 4, 0);
  putWord(words, uc + UCONTEXT.stackPointer / 4, alternateStack.pointer);
  putWord(
    words,
    uc + UCONTEXT.stackFlags / 4,
    alternateStack.reportedFlags(registerOf(cpu, GPR.rsp)) >>> 0,
  );
  putWord(words, uc + UCONTEXT.stackSize / 4, alternateStack.sizeBytes);
  writeContext(cpu, words, start + MCONTEXT_AT, info, extendedAt);
  const mask = task.savedMask ?? task.blocked;
  putWord(words, start + MCONTEXT_AT + SIGCONTEXT.oldmask / 4, mask.lo >>> 0);
  words[uc + UCONTEXT.sigmask / 4] = mask.lo;
  words[uc + UCONTEXT.sigmask / 4 + 1] = mask.hi;
  encodeSignalInfo(info, words, start + FRAME.siginfo / 4);
}

/** `__unsafe_setup_sigcontext`; the mask is left out. */
function writeContext(
  cpu: GuestCpu,
  words: Int32Array,
  start: number,
  info: SignalInfo,
  extendedAt: number,
): void {
  // Halves: a BigInt a register would cost more than all the rest of the frame.
  const { gprHalves } = cpu;
  for (let i = 0; i < SIGCONTEXT_GPRS.length; i++) {
    const half = 2 * (SIGCONTEXT_GPRS[i] as number);
    words[start + 2 * i] = gprHalves[half] as number;
    words[start + 2 * i + 1] = gprHalves[half + 1] as number;
  }
  putWord(words, start + SIGCONTEXT.rip / 4, cpu.rip);
  putWord(words, start + SIGCONTEXT.eflags / 4, cpu.rflags >>> 0);
  // Two selectors a word; those of FS and GS are 0.
  words[start + SIGCONTEXT.cs / 4] = USER_CS;
  words[start + SIGCONTEXT.fs / 4] = USER_DS << 16;
  putWord(words, start + SIGCONTEXT.err / 4, info.errorCode ?? 0);
  putWord(words, start + SIGCONTEXT.trapno / 4, info.trapNumber ?? 0);
  if (info.address === undefined) putWord(words, start + SIGCONTEXT.cr2 / 4, 0);
  else putBigWord(words, start + SIGCONTEXT.cr2 / 4, info.address);
  putWord(words, start + SIGCONTEXT.fpstate / 4, extendedAt);
  const end = start + SIGCONTEXT.bytes / 4;
  for (let at = start + SIGCONTEXT.fpstate / 4 + 2; at < end; at++) words[at] = 0;
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
