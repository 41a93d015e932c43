/**
 * One turn of a task: from where it left the processor until it blocks, ends, or its time is over.
 * `exit_to_user_mode_loop` of Linux: pending work first, then guest code.
 */

import type { Kernel } from './kernel.ts';
import { BLOCKED, EXITED, REGISTERS_SET } from './outcome.ts';
import { RUN } from './platform.ts';
import { callTraced, prepareTraced, runTraced } from './ptrace/run.ts';
import { callEnds } from './ptrace/tracing.ts';
import { LOWEST_ERROR, setResult } from './runner-results.ts';
import { deliverSignals } from './signals/deliver.ts';
import { faultSignal } from './signals/fault.ts';
import { TASK_STATE, type Task } from './task.ts';

export function runTask(kernel: Kernel, task: Task): void {
  const { platform, syscalls, scheduler } = kernel;
  const { cpu } = task;
  if (task.isSleeping && !finishSleep(kernel, task)) return;
  for (;;) {
    let { trace } = task;
    if (trace !== undefined && !prepareTraced(kernel, task, trace)) return;
    // What it left for beside comes before any signal: the call is made, the trap has happened.
    if ((task.signalPending || task.restartCode !== 0) && !cpu.hasLeft) {
      deliverSignals(task);
      if (task.state !== TASK_STATE.runnable || isHeld(task)) return;
      // A stop that became due meanwhile: a step into a handler.
      if (task.trace?.wantsAttention === true) continue;
    }
    trace = task.trace;
    const exit =
      trace === undefined ? platform.run(cpu, task.space) : runTraced(kernel, task, trace);
    if (exit === RUN.syscall) {
      const result =
        trace === undefined ? syscalls.dispatch(task) : callTraced(kernel, task, trace);
      if (result >= LOWEST_ERROR) setResult(task, result);
      else if (result === BLOCKED || result === EXITED) return;
      if (task.trace !== undefined) callEnds(task);
      if (task.state === TASK_STATE.dead || scheduler.isOutranked) return;
    } else if (exit === RUN.fault) faultSignal(task);
    else if (task.youngTicks === 0 || scheduler.isRandom || kernel.parallel !== undefined) return;
    else task.youngTicks--;
  }
}

/** Stopped, by job control or by its tracer. */
const isHeld = ({ trace, group }: Task): boolean =>
  trace === undefined ? group.isStopped : trace.stop !== undefined;

/** A sleeper's turn. False when it sleeps on, or is no more. */
export function finishSleep(kernel: Kernel, task: Task): boolean {
  const result = task.resumeSleep();
  if (result === BLOCKED || result === EXITED) return false;
  kernel.syscalls.finished(task, result);
  if (result !== REGISTERS_SET) setResult(task, result);
  if (task.trace !== undefined) callEnds(task);
  return true;
}
