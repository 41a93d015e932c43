/** The turn of a traced task: its stops at calls, before guest code, and steps. */

import type { Kernel } from '../kernel.ts';
import { BLOCKED, EXITED } from '../outcome.ts';
import type { RunExit } from '../platform.ts';
import { LOWEST_ERROR, setResult } from '../runner-results.ts';
import { TASK_STATE, type Task } from '../task.ts';
import { forgetEnded, type Tracing } from './state.ts';
import { callEnds, callStop, enterStop, stopInCall } from './tracing.ts';

const TF = 0x100;
const ENOSYS = 38n;

/** What is to be done before guest code runs. False: the turn is over. */
export function prepareTraced(kernel: Kernel, task: Task, trace: Tracing): boolean {
  const call = trace.pendingCall;
  if (call !== undefined) {
    trace.pendingCall = undefined;
    const result = call();
    if (result === EXITED || result === BLOCKED) return false;
    kernel.syscalls.finished(task, result);
    if (result >= LOWEST_ERROR) setResult(task, result);
    callEnds(task);
  }
  const stop = trace.due.shift();
  task.updateSignalPending();
  if (stop !== undefined) {
    enterStop(task, stop);
    return false;
  }
  forgetEnded(task, trace);
  return task.state === TASK_STATE.runnable;
}

/** Runs guest code, one instruction when the tracer asked for a step. */
export function runTraced(kernel: Kernel, task: Task, trace: Tracing): RunExit {
  const { cpu } = task;
  trace.callNumber = -1n;
  if (!trace.mode.steps || (cpu.rflags & TF) !== 0) return kernel.platform.run(cpu, task.space);
  cpu.rflags |= TF;
  const exit = kernel.platform.run(cpu, task.space);
  cpu.rflags &= ~TF;
  return exit;
}

/** A traced task calls the kernel. The result, or BLOCKED where it stopped first. */
export function callTraced(kernel: Kernel, task: Task, trace: Tracing): number {
  const { gprs } = task.cpu;
  trace.callNumber = gprs[0] as bigint;
  if (!trace.mode.stopsAtCalls) return kernel.syscalls.dispatch(task);
  gprs[0] = BigInt.asUintN(64, -ENOSYS);
  const { skipsCalls } = trace.mode;
  return stopInCall(task, callStop(task, trace, 'call-entry'), () => {
    // The tracer may have chosen another call, or none.
    const skips = skipsCalls || BigInt.asIntN(32, trace.callNumber) === -1n;
    if (skips) return Number(BigInt.asIntN(64, gprs[0] as bigint));
    gprs[0] = trace.callNumber;
    return kernel.syscalls.dispatch(task);
  });
}
