/** Waiting for children: wait4(2) and waitid(2) over one search. */

import { ECHILD } from '../abi/errno.table.ts';
import { CLD, SIGCHLD, SIGCONT } from '../abi/signal.table.ts';
import { WAIT } from '../abi/task-flags.ts';
import { reap } from './exit.ts';
import { BLOCKED, ERESTARTSYS } from './outcome.ts';
import type { ProcessGroup } from './process-group.ts';
import type { Tracing } from './ptrace/state.ts';
import type { Task } from './task.ts';
import type { ThreadGroup } from './thread-group.ts';

/** A child, or a thread that is traced. */
export interface Waitable {
  readonly pid: number;
  readonly processGroup: ProcessGroup;
}

/** Which children are meant. */
export type ChildSelector = (child: Waitable) => boolean;

/** What was found; reported by wait4 as `status`, by waitid as si_code and si_status. */
export interface WaitResult {
  readonly pid: number;
  readonly uid: number;
  /** As the W… macros read it. */
  readonly status: number;
  readonly code: number;
  /** si_status. */
  readonly detail: number;
  readonly userNs: number;
  readonly systemNs: number;
  readonly maxResidentKiB: number;
}

/**
 * Finds a child that has something to report, or waits for one. `done` turns the report into the
 * result of the call; undefined stands for WNOHANG without a report.
 */
export function waitForChild(
  task: Task,
  selector: ChildSelector,
  options: number,
  done: (found: WaitResult | undefined) => number,
): number {
  const attempt = (): number => {
    const found = findReport(task, selector, options);
    if (found === 'none') return -ECHILD;
    if (found !== undefined) return done(found);
    return (options & WAIT.WNOHANG) !== 0 ? done(undefined) : BLOCKED;
  };
  const result = attempt();
  if (result !== BLOCKED) return result;
  return task.sleep({
    queues: [task.group.childEvents],
    attempt,
    interrupted: -ERESTARTSYS,
    reason: 'do_wait',
  });
}

function findReport(
  task: Task,
  selector: ChildSelector,
  options: number,
): WaitResult | undefined | 'none' {
  let hasCandidate = false;
  for (const tracee of task.group.tracees) {
    const { trace, group } = tracee;
    if (trace === undefined) continue;
    const { processGroup } = group;
    if (!selector(tracee.isLeader ? group : { pid: tracee.tid, processGroup })) continue;
    if ((options & WAIT.__WNOTHREAD) !== 0 && trace.tracer !== task) continue;
    hasCandidate = true;
    const report = traceReport(tracee, trace, options);
    if (report !== undefined) return report;
  }
  for (const child of task.group.children) {
    if (!selector(child) || !matchesKind(child, options)) continue;
    if ((options & WAIT.__WNOTHREAD) !== 0 && child.leader.creator !== task) continue;
    hasCandidate = true;
    if (isTracedBy(child.leader, task.group) && !child.isZombie) continue;
    const report = reportOf(child, options);
    if (report !== undefined) return report;
  }
  return hasCandidate ? undefined : 'none';
}

const isTracedBy = ({ trace }: Task, group: ThreadGroup): boolean => trace?.tracer.group === group;

/** The stop of a tracee, whatever stops were asked for; or its end. */
function traceReport(task: Task, trace: Tracing, options: number): WaitResult | undefined {
  if (!trace.hasReport) return undefined;
  const keep = (options & WAIT.WNOWAIT) !== 0;
  const { group } = task;
  const about = { pid: task.tid };
  if (trace.endStatus !== undefined) {
    if ((options & WAIT.WEXITED) === 0) return undefined;
    if (!keep) trace.tracer.group.tracees.delete(task);
    const { endStatus } = trace;
    return { ...describe(group, endStatus, ...endOf(endStatus)), ...about };
  }
  const code = trace.stop?.code;
  // waitid(2) without WSTOPPED does not want it.
  if (code === undefined || ((options & WAIT.WUNTRACED) === 0 && isWaitid(options)))
    return undefined;
  if (!keep) trace.hasReport = false;
  return { ...describe(group, (code << 8) | 0x7f, CLD.CLD_TRAPPED, code), ...about };
}

/** Neither kind of stop alone says which call it is; wait4(2) always asks for ends. */
const isWaitid = (options: number): boolean => (options & WAIT.WEXITED) === 0;

/** si_code and si_status of an end. */
function endOf(status: number): [code: number, detail: number] {
  const signal = status & 0x7f;
  return signal === 0 ? [CLD.CLD_EXITED, (status >> 8) & 0xff] : [CLD.CLD_KILLED, signal];
}

/** wait(2): "clone" children are those that send something else than SIGCHLD. */
function matchesKind(child: ThreadGroup, options: number): boolean {
  if ((options & WAIT.__WALL) !== 0) return true;
  const isClone = child.exitSignal !== SIGCHLD;
  return isClone === ((options & WAIT.__WCLONE) !== 0);
}

function reportOf(child: ThreadGroup, options: number): WaitResult | undefined {
  const keep = (options & WAIT.WNOWAIT) !== 0;
  if (child.isZombie) {
    if ((options & WAIT.WEXITED) === 0) return undefined;
    const { exitStatus } = child;
    const result = describe(child, exitStatus, ...endOf(exitStatus));
    if (!keep) reap(child);
    return result;
  }
  if (child.hasUnreportedStop && child.isStopped && (options & WAIT.WUNTRACED) !== 0) {
    if (!keep) child.hasUnreportedStop = false;
    const signal = child.stopSignal;
    return describe(child, (signal << 8) | 0x7f, CLD.CLD_STOPPED, signal);
  }
  if (child.hasUnreportedContinue && (options & WAIT.WCONTINUED) !== 0) {
    if (!keep) child.hasUnreportedContinue = false;
    return describe(child, 0xffff, CLD.CLD_CONTINUED, SIGCONT);
  }
  return undefined;
}

function describe(child: ThreadGroup, status: number, code: number, detail: number): WaitResult {
  const own = child.times();
  return {
    pid: child.pid,
    uid: child.leader.creds.uid,
    status,
    code,
    detail,
    userNs: own.userNs + child.childTimes.userNs,
    systemNs: own.systemNs + child.childTimes.systemNs,
    maxResidentKiB: Math.max(child.maxResidentKiB, child.childMaxResidentKiB),
  };
}
