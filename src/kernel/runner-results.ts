/** How results of system calls reach the registers, and how calls are made to happen again. */

import { NR } from '../abi/syscall-numbers.table.ts';
import type { Task } from './task.ts';

/** Results in -4095 … -1 are errors of the ABI; the kernel's own restart codes lie among them. */
const FIRST_RESTART_CODE = -512;
const LAST_RESTART_CODE = -516;
/** Below lie the outcomes that are no results (outcome.ts). */
export const LOWEST_ERROR = -4095;
export const RESTART_SYSCALL: number = NR.restart_syscall;

/** Puts the result into rax, or keeps a restart code for signal delivery. */
export function setResult(task: Task, result: number): void {
  if (result <= FIRST_RESTART_CODE && result >= LAST_RESTART_CODE) {
    task.restartCode = -result;
    return;
  }
  const halves = task.cpu.gprHalves;
  halves[0] = result | 0;
  if (result < 0) halves[1] = -1;
  else halves[1] = result > 0xffff_ffff ? Math.floor(result / 0x1_0000_0000) : 0;
}

/** Makes the interrupted call happen again: rip back on `syscall`, its number in rax. */
export function rewindSyscall(task: Task, number: number): void {
  task.cpu.rip -= 2;
  const halves = task.cpu.gprHalves;
  halves[0] = number;
  halves[1] = 0;
}
