/** Tracing of tasks (ptrace(2)): its beginning and end, stops, and how a tracee goes on. */

import { PTRACE_EVENT, PTRACE_O, type PtraceEvent } from '../../abi/ptrace.ts';
import { CLD, SA, SIG_IGN, SIGCHLD, SIGKILL, SIGSTOP, SIGTRAP } from '../../abi/signal.table.ts';
import { BLOCKED, EXITED } from '../outcome.ts';
import { sendToGroup, sendToTask } from '../signals/send.ts';
import { kernelSignal, userSignal } from '../signals/signal-info.ts';
import type { Task } from '../task.ts';
import {
  eventStop,
  forgetEnded,
  notice,
  type ResumeMode,
  RUNS,
  type TraceStop,
  Tracing,
  unpark,
} from './state.ts';

/** Makes `tracer` trace `task`. */
export function startTracing(
  task: Task,
  tracer: Task,
  isSeized: boolean,
  options: number,
): Tracing {
  const trace = new Tracing(tracer, isSeized, options);
  trace.decision = task.trace?.decision;
  trace.pendingCall = task.trace?.pendingCall;
  task.trace = trace;
  tracer.group.tracees.add(task);
  return trace;
}

/** PTRACE_ATTACH: SIGSTOP for a running task; one that is stopped stands before its tracer now. */
export function attach(task: Task, tracer: Task): void {
  startTracing(task, tracer, false, 0);
  const { group } = task;
  if (group.isStopped && task.isParked)
    enterStop(task, { kind: 'group', code: group.stopSignal, info: undefined });
  else sendToTask(task, kernelSignal(SIGSTOP));
}

/** A plain SIGTRAP: the end of a step that no trap of the processor reported. */
const trapStop = (task: Task): TraceStop => ({
  kind: 'call-exit',
  code: SIGTRAP,
  info: notice(task, SIGTRAP),
  message: 2,
});

export function callStop(task: Task, trace: Tracing, kind: 'call-entry' | 'call-exit'): TraceStop {
  const code = SIGTRAP | (trace.has(PTRACE_O.TRACESYSGOOD) ? 0x80 : 0);
  // PTRACE_EVENTMSG_SYSCALL_ENTRY and _EXIT.
  const message = kind === 'call-entry' ? 1 : 2;
  return { kind, code, info: notice(task, code), message };
}

/** PTRACE_INTERRUPT, and how a seized child of a tracee begins. */
export function requestStop(task: Task, trace: Tracing): void {
  trace.due.push(eventStop(task, PTRACE_EVENT.STOP, 0));
  task.updateSignalPending();
  task.interrupt();
}

/** Stands still from now on; the caller sees to it that the turn ends. */
export function enterStop(task: Task, stop: TraceStop): void {
  const { trace } = task;
  if (trace === undefined) return;
  const { restartCode, cpu } = task;
  // The tracer sees which restart is on its way.
  if (restartCode !== 0) {
    cpu.gprs[0] = BigInt.asUintN(64, BigInt(-restartCode));
    trace.callNumber = BigInt(task.syscallNumber);
  }
  trace.stop = stop;
  trace.hasReport = true;
  trace.isListening = false;
  trace.message = stop.message ?? 0;
  tellTracer(task, trace, CLD.CLD_TRAPPED, stop.code);
}

/** Stops inside a system call, which `next` goes on with. For handlers: the result is BLOCKED. */
export function stopInCall(task: Task, stop: TraceStop, next: () => number): number {
  enterStop(task, stop);
  if (task.trace !== undefined) task.trace.pendingCall = next;
  return BLOCKED;
}

/** SIGCHLD, and whoever waits. */
export function tellTracer(task: Task, { tracer }: Tracing, code: number, status: number): void {
  const { group } = tracer;
  if (group.isZombie) return;
  const action = tracer.handlers.get(SIGCHLD);
  const isQuiet =
    action.handler === SIG_IGN ||
    (code === CLD.CLD_TRAPPED && (action.flags & SA.SA_NOCLDSTOP) !== 0);
  const info = { signal: SIGCHLD, code, pid: task.tid, uid: task.creds.uid, status };
  if (!isQuiet) sendToGroup(group, info);
  group.childEvents.wakeAll();
}

/** The tracer lets `task` go on; `signal` is what it shall get, 0 for none. */
export function resume(task: Task, trace: Tracing, mode: ResumeMode, signal: number): void {
  const { stop } = trace;
  if (stop === undefined) return;
  trace.stop = undefined;
  trace.hasReport = false;
  trace.isListening = false;
  trace.mode = mode;
  const { tracer } = trace;
  const given = userSignal(signal, tracer.group.pid, tracer.creds.uid);
  if (stop.kind === 'signal') {
    const info = signal === 0 ? undefined : stop.info?.signal === signal ? stop.info : given;
    trace.decision = { info };
  } else if (signal !== 0 && stop.kind.startsWith('call')) sendToTask(task, given);
  task.updateSignalPending();
  unpark(task);
}

/** Ends the tracing; a stopped tracee runs on, unless its process is stopped. */
export function stopTracing(task: Task, trace: Tracing): void {
  trace.tracer.group.tracees.delete(task);
  trace.stop = undefined;
  trace.due.length = 0;
  trace.isLive = false;
  trace.options = 0;
  trace.mode = RUNS;
  forgetEnded(task, trace);
  task.updateSignalPending();
  unpark(task);
}

/** A task has ended: as a tracee, and as a tracer. */
export function endOfTask(task: Task, status: number): void {
  const { trace, group } = task;
  if (trace !== undefined) endOfTracee(task, trace, status);
  for (const tracee of [...group.tracees]) {
    const other = tracee.trace;
    if (other?.tracer !== task) continue;
    if (other.has(PTRACE_O.EXITKILL)) sendToTask(tracee, kernelSignal(SIGKILL));
    stopTracing(tracee, other);
  }
}

/** A parent learns of its child's end by itself; other tracers wait for it here. */
function endOfTracee(task: Task, trace: Tracing, status: number): void {
  const { group } = task;
  const { tracer } = trace;
  trace.stop = undefined;
  trace.isLive = false;
  const isOwnChild = task.isLeader && group.parent === tracer.group;
  if (isOwnChild || tracer.group.isZombie || !tracer.group.tracees.has(task)) {
    tracer.group.tracees.delete(task);
    return;
  }
  trace.endStatus = group.isDying ? group.exitStatus : status;
  trace.hasReport = true;
  const signal = trace.endStatus & 0x7f;
  const code = signal === 0 ? CLD.CLD_EXITED : CLD.CLD_KILLED;
  tellTracer(task, trace, code, signal === 0 ? trace.endStatus >> 8 : signal);
}

/** clone(2) of a traced task: the child is traced too where the options say so; the event. */
export function traceChild(parent: Task, child: Task, event: PtraceEvent): TraceStop | undefined {
  const { trace } = parent;
  if (trace === undefined || !trace.has(1 << event)) return undefined;
  const own = startTracing(child, trace.tracer, trace.isSeized, trace.options);
  if (trace.isSeized) own.due.push(eventStop(child, PTRACE_EVENT.STOP, 0));
  else child.pending.add(kernelSignal(SIGSTOP));
  child.updateSignalPending();
  return eventStop(parent, event, child.tid);
}

/** PTRACE_EVENT_EXIT: true when it stops first; `exit` ends it afterwards. */
export function stopsAtExit(task: Task, status: number, exit: () => void): boolean {
  const { trace } = task;
  if (trace === undefined || trace.isExiting || !trace.has(PTRACE_O.TRACEEXIT)) return false;
  trace.isExiting = true;
  stopInCall(task, eventStop(task, PTRACE_EVENT.EXIT, status), () => {
    exit();
    return EXITED;
  });
  return true;
}

/** The process stops, and this thread of it before its tracer. */
export function stopWithGroup(task: Task, trace: Tracing, signal: number): void {
  const code = trace.isSeized ? signal | (PTRACE_EVENT.STOP << 8) : signal;
  const info = trace.isSeized ? { ...notice(task, code), signal } : undefined;
  enterStop(task, { kind: 'group', code, info });
}

/** A handler begins: a step ends before its first instruction. */
export function handlerBegins(task: Task): void {
  const { trace } = task;
  if (trace?.mode.steps === true) trace.due.push(trapStop(task));
}

/** A call is done: the stop at its end, or that of a step over it. */
export function callEnds(task: Task): void {
  const { trace } = task;
  if (trace === undefined || task.group.isDying) return;
  const { mode } = trace;
  if (mode.stopsAtCalls && !mode.skipsCalls) trace.due.push(callStop(task, trace, 'call-exit'));
  else if (mode.steps) trace.due.push(trapStop(task));
}
