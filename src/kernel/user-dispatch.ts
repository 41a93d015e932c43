/**
 * Syscall User Dispatch (prctl(2), PR_SET_SYSCALL_USER_DISPATCH; `kernel/entry/syscall_user_dispatch.c`):
 * calls of a thread from outside of one range of its code become SIGSYS while a byte in its memory
 * says so. Belongs to one thread; neither a new thread, nor a child, nor execve keeps it.
 */

import { EFAULT, EINVAL } from '../abi/errno.table.ts';
import { SIGSEGV, SIGSYS } from '../abi/signal.table.ts';
import { exitGroup } from './exit.ts';
import { EXITED, REGISTERS_SET } from './outcome.ts';
import { callSignal } from './signals/call-signal.ts';
import { forceSignal } from './signals/send.ts';
import { kernelSignal } from './signals/signal-info.ts';
import type { Task } from './task.ts';

export interface UserDispatch {
  /** The range that may always call; empty where `length` is 0. */
  readonly offset: bigint;
  readonly length: bigint;
  /** Address of the byte that decides; 0: every call is dispatched. */
  readonly selector: bigint;
}

export const PR_SYS_DISPATCH_OFF = 0;
export const PR_SYS_DISPATCH_ON = 1;
const ALLOWS = 0;
const BLOCKS = 1;
const USER_END = 0x7fff_ffff_f000n;
const SYS_USER_DISPATCH = 2;

/** 0, or -errno where the arguments make no sense. */
export function setUserDispatch(task: Task, mode: bigint, wish: UserDispatch): number {
  const { offset, length, selector } = wish;
  if (mode === BigInt(PR_SYS_DISPATCH_OFF)) {
    if ((offset | length | selector) !== 0n) return -EINVAL;
    task.userDispatch = undefined;
    return 0;
  }
  if (mode !== BigInt(PR_SYS_DISPATCH_ON)) return -EINVAL;
  if (offset !== 0n && BigInt.asUintN(64, offset + length) <= offset) return -EINVAL;
  if (selector >= USER_END) return -EFAULT;
  task.userDispatch = wish;
  return 0;
}

/** Undefined where the call may go on, else its outcome. */
export function checkUserDispatch(
  task: Task,
  dispatch: UserDispatch,
  number: number,
): number | undefined {
  const { offset, length, selector } = dispatch;
  if (BigInt.asUintN(64, BigInt(task.cpu.rip) - offset) < length) return undefined;
  if (selector !== 0n) {
    const state = task.space.readU8(Number(selector));
    if (state === ALLOWS) return undefined;
    if (state === undefined) {
      forceSignal(task, kernelSignal(SIGSEGV));
      return REGISTERS_SET;
    }
    if (state !== BLOCKS) {
      exitGroup(task, SIGSYS);
      return EXITED;
    }
  }
  forceSignal(task, callSignal(task, number, SYS_USER_DISPATCH, 0));
  return REGISTERS_SET;
}
