/**
 * The return from a signal handler: what it left in its frame goes back into the registers. What a guest
 * hands back is sanitised: flags here, MXCSR and the XSAVE header by the platform.
 */

import { SS_AUTODISARM, SS_DISABLE } from '../../abi/signal.table.ts';
import {
  EFLAGS_RESTORABLE,
  FPX,
  FRAME,
  SIGCONTEXT,
  SIGCONTEXT_GPRS,
  UCONTEXT,
  USER_CS,
} from '../../abi/signal-frame.ts';
import { GPR } from '../platform.ts';
import type { Task } from '../task.ts';
import { GUEST_END, registerOf } from './frame.ts';
import { SignalSet } from './signal-set.ts';

/** Up to and with `ucontext`; siginfo may be gone. */
const READ_BYTES = FRAME.ucontext + UCONTEXT.bytes;
const UCONTEXT_AT = FRAME.ucontext / 4;
const MCONTEXT_AT = (FRAME.ucontext + UCONTEXT.mcontext) / 4;
const TWO_32 = 0x1_0000_0000;
/** XSTATE_BV: x87 and SSE. */
const LEGACY_COMPONENTS = 3;

/** rt_sigreturn(2): false when the frame cannot be read or is malformed (SIGSEGV then). */
export function readSignalFrame(task: Task): boolean {
  const { cpu, space } = task;
  const rsp = registerOf(cpu, GPR.rsp);
  if (rsp < 8 || rsp >= GUEST_END) return false;
  const direct = space.directWords(rsp - 8, READ_BYTES, false);
  if (direct !== undefined) return takeFrame(task, direct, (rsp - 8) >>> 2);
  const { words, bytes } = task.group.kernel.frames;
  if (space.copyIn(rsp - 8, bytes.subarray(0, READ_BYTES)) < 0) return false;
  return takeFrame(task, words, 0);
}

function wordAt(words: Int32Array, at: number): number {
  return ((words[at + 1] as number) >>> 0) * TWO_32 + ((words[at] as number) >>> 0);
}

function takeFrame(task: Task, words: Int32Array, start: number): boolean {
  const { cpu } = task;
  const mask = start + UCONTEXT_AT + UCONTEXT.sigmask / 4;
  task.setBlocked(new SignalSet(words[mask] as number, words[mask + 1] as number));
  const context = start + MCONTEXT_AT;
  const extendedAt = wordAt(words, context + SIGCONTEXT.fpstate / 4);
  const { gprHalves } = cpu;
  for (let i = 0; i < SIGCONTEXT_GPRS.length; i++) {
    const half = 2 * (SIGCONTEXT_GPRS[i] as number);
    gprHalves[half] = words[context + 2 * i] as number;
    gprHalves[half + 1] = words[context + 2 * i + 1] as number;
  }
  cpu.rip = wordAt(words, context + SIGCONTEXT.rip / 4);
  const flags = words[context + SIGCONTEXT.eflags / 4] as number;
  cpu.rflags = (cpu.rflags & ~EFLAGS_RESTORABLE) | (flags & EFLAGS_RESTORABLE);
  const selector = (words[context + SIGCONTEXT.cs / 4] as number) & 0xffff;
  if (!readExtended(task, extendedAt)) return false;
  // Another code segment: IRET would raise #GP.
  if ((selector | 3) !== USER_CS) return false;
  restoreAlternateStack(task, words, start + UCONTEXT_AT);
  return true;
}

/** Full image when both marks are right, else the legacy part alone (`restore_fpregs_from_user`). */
function readExtended(task: Task, at: number): boolean {
  const { cpu, space } = task;
  if (at === 0) {
    cpu.resetExtended();
    return true;
  }
  if (at >= GUEST_END) return false;
  const total = cpu.extendedBytes + FPX.magic2Bytes;
  const direct = space.directWords(at, total, false);
  if (direct !== undefined && markedSize(direct, at >>> 2) === cpu.extendedBytes) {
    const isWhole = direct[(at + cpu.extendedBytes) >>> 2] === FPX.magic2;
    if (isWhole && cpu.loadExtendedFrom(space, at, direct)) return true;
  }
  return copyExtended(task, at);
}

/** What the software bytes say of the size of the image; 0: they say nothing. */
function markedSize(words: Int32Array, start: number): number {
  if (words[start + FPX.magic1At / 4] !== FPX.magic1) return 0;
  const size = (words[start + FPX.stateSizeAt / 4] as number) >>> 0;
  const extended = (words[start + FPX.extendedSizeAt / 4] as number) >>> 0;
  return extended >= size + FPX.magic2Bytes ? size : 0;
}

function copyExtended(task: Task, at: number): boolean {
  const { cpu, space } = task;
  const { frames } = task.group.kernel;
  frames.prepare(cpu.extendedBytes);
  const { image, imageWords } = frames;
  const taken = image.subarray(0, cpu.extendedBytes);
  const got = space.copyInPartial(at, image);
  if (got < FPX.legacyBytes) return false;
  const size = markedSize(imageWords, 0);
  if (size >= FPX.legacyBytes + FPX.headerBytes && size <= cpu.extendedBytes) {
    if (got < size + FPX.magic2Bytes) return false;
    if (new DataView(image.buffer).getInt32(size, true) === FPX.magic2) {
      image.fill(0, size + FPX.magic2Bytes);
      return cpu.loadExtended(taken);
    }
  }
  image.fill(0, FPX.legacyBytes);
  imageWords[FPX.legacyBytes / 4] = LEGACY_COMPONENTS;
  return cpu.loadExtended(taken);
}

function restoreAlternateStack(task: Task, words: Int32Array, uc: number): void {
  const stack = task.alternateStack;
  const flags = words[uc + UCONTEXT.stackFlags / 4] as number;
  if (stack.contains(registerOf(task.cpu, GPR.rsp))) return;
  if ((flags & SS_DISABLE) !== 0) {
    stack.disable();
    return;
  }
  stack.pointer = wordAt(words, uc + UCONTEXT.stackPointer / 4);
  stack.sizeBytes = wordAt(words, uc + UCONTEXT.stackSize / 4);
  stack.flags = flags & SS_AUTODISARM;
}
