/** PTRACE_EVENT_SECCOMP: a filter shows a call to the tracer (ptrace(2), seccomp(2)). */

import { PTRACE_EVENT, PTRACE_O } from '../../abi/ptrace.ts';
import type { Task } from '../task.ts';
import { eventStop } from './state.ts';
import { stopInCall } from './tracing.ts';

const ENOSYS = 38n;

/** Stops before the tracer, with the filter's data as the message. Undefined: nobody asked for it. */
export function stopsAtSeccomp(task: Task, data: number): number | undefined {
  const { trace } = task;
  if (trace === undefined || !trace.has(PTRACE_O.TRACESECCOMP)) return undefined;
  const { gprs } = task.cpu;
  gprs[0] = BigInt.asUintN(64, -ENOSYS);
  return stopInCall(task, eventStop(task, PTRACE_EVENT.SECCOMP, data), () => {
    // The tracer may have chosen another call, or none.
    if (BigInt.asIntN(32, trace.callNumber) < 0n)
      return Number(BigInt.asIntN(64, gprs[0] as bigint));
    gprs[0] = trace.callNumber;
    trace.isPastSeccomp = true;
    return task.kernel.syscalls.dispatch(task);
  });
}
