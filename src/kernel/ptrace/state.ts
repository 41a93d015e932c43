/**
 * What one task knows of being traced (ptrace(2)): by whom, where it stands, how it goes on. A
 * stopped tracee is parked by the scheduler until its tracer lets it go on, or SIGKILL comes.
 */

import { PTRACE_EVENT, type PtraceEvent } from '../../abi/ptrace.ts';
import { SIGTRAP } from '../../abi/signal.table.ts';
import type { SignalInfo } from '../signals/signal-info.ts';
import type { Task } from '../task.ts';

export type StopKind = 'signal' | 'call-entry' | 'call-exit' | 'event' | 'group';

/** Why a tracee stands still. */
export interface TraceStop {
  readonly kind: StopKind;
  /** What wait(2) reports above the low byte: a signal, with an event in the bits from 8 on. */
  readonly code: number;
  /** What PTRACE_GETSIGINFO answers; undefined: EINVAL. */
  info: SignalInfo | undefined;
  /** PTRACE_GETEVENTMSG. */
  readonly message?: number;
}

/** How a tracee goes on: up to the next call, by one instruction, without its calls. */
export interface ResumeMode {
  readonly stopsAtCalls: boolean;
  readonly skipsCalls: boolean;
  readonly steps: boolean;
}

export const RUNS: ResumeMode = { stopsAtCalls: false, skipsCalls: false, steps: false };

export class Tracing {
  readonly tracer: Task;
  readonly isSeized: boolean;
  options: number;
  stop: TraceStop | undefined = undefined;
  /** The stop, or the end, has not been waited for. */
  hasReport = false;
  message = 0;
  mode: ResumeMode = RUNS;
  /** The number of the call under way, as the tracer may change it; -1 outside of calls. */
  callNumber = -1n;
  /** What goes on with the call in which it stopped. */
  pendingCall: (() => number) | undefined = undefined;
  /** Stops to make before guest code runs again. */
  readonly due: TraceStop[] = [];
  /** The tracer's word on the signal that was stopped at. */
  decision: { readonly info: SignalInfo | undefined } | undefined = undefined;
  /** PTRACE_LISTEN: stays stopped, and hears of SIGCONT. */
  isListening = false;
  /** The call under way has been shown as PTRACE_EVENT_SECCOMP; filters look at it once more. */
  isPastSeccomp = false;
  /** PTRACE_EVENT_EXIT was reported. */
  isExiting = false;
  /** Status of a tracee that ended, for a tracer that is not its parent. */
  endStatus: number | undefined = undefined;

  constructor(tracer: Task, isSeized: boolean, options: number) {
    this.tracer = tracer;
    this.isSeized = isSeized;
    this.options = options;
  }

  has(option: number): boolean {
    return (this.options & option) !== 0;
  }

  /** Not given up: a tracer that has left leaves a call or a signal to be finished. */
  isLive = true;

  /** Something is to be done before guest code runs. */
  get wantsAttention(): boolean {
    return this.decision !== undefined || this.due.length > 0;
  }
}

export const notice = (task: Task, code: number): SignalInfo => ({
  signal: SIGTRAP,
  code,
  pid: task.tid,
  uid: task.creds.uid,
});

export function eventStop(task: Task, event: PtraceEvent, message: number): TraceStop {
  const code = SIGTRAP | (event << 8);
  return { kind: 'event', code, info: notice(task, code), message };
}

export function unpark(task: Task): void {
  if (!task.isParked) return;
  task.isParked = false;
  task.kernel.scheduler.enqueue(task);
}

/** A call that stopped in its middle is still to be finished, and a signal to be delivered. */
export function forgetEnded(task: Task, trace: Tracing): void {
  if (trace.isLive || trace.pendingCall !== undefined || trace.decision !== undefined) return;
  if (task.trace === trace) task.trace = undefined;
}

/** SIGKILL: nothing holds a tracee. */
export function releaseForKill(task: Task): void {
  const { trace } = task;
  if (trace === undefined) return;
  trace.stop = undefined;
  trace.pendingCall = undefined;
  trace.due.length = 0;
  unpark(task);
}

/** SIGCONT for one that listens: it reports a stop anew. */
export function hearsContinue(task: Task): void {
  const { trace } = task;
  if (trace?.isListening !== true) return;
  trace.isListening = false;
  trace.stop = undefined;
  trace.due.push(eventStop(task, PTRACE_EVENT.STOP, 0));
  task.updateSignalPending();
  unpark(task);
}
