/**
 * Generating signals: `send_signal_locked`, `prepare_signal` and `complete_signal` of Linux. Stops
 * and continuations take effect when a signal is generated, everything else at delivery.
 */

import { CAP_KILL } from '../../abi/capability.ts';
import { EAGAIN, EINVAL, EPERM, ESRCH } from '../../abi/errno.table.ts';
import { CLD, SA, SI_USER, SIGCHLD, SIGCONT, SIGKILL, SIGRTMIN } from '../../abi/signal.table.ts';
import { childInfo } from '../child-events.ts';
import { RLIMIT } from '../limits.ts';
import type { ProcessGroup } from '../process-group.ts';
import { hearsContinue, releaseForKill } from '../ptrace/state.ts';
import type { Task } from '../task.ts';
import type { ThreadGroup } from '../thread-group.ts';
import { isStopSignal } from './handlers.ts';
import type { SignalInfo } from './signal-info.ts';

const STOP_SIGNALS = [19, 20, 21, 22];

/** To a process: any of its threads may take it. 0 or -EAGAIN (the queue is full). */
export function sendToGroup(group: ThreadGroup, info: SignalInfo): number {
  if (group.isZombie || group.tasks.size === 0) return 0;
  if (!prepare(group, group.leader, info)) return 0;
  const result = queue(group, group.pending, info);
  if (result !== 0) return result;
  complete(group, info.signal, info.timerId !== undefined);
  return 0;
}

/** To one thread. 0 or -EAGAIN. */
export function sendToTask(task: Task, info: SignalInfo): number {
  const { group } = task;
  if (!group.tasks.has(task)) return 0;
  if (!prepare(group, task, info)) return 0;
  const result = queue(group, task.pending, info);
  if (result !== 0) return result;
  if (info.signal === SIGKILL) complete(group, SIGKILL);
  task.updateSignalPending();
  task.interrupt();
  return 0;
}

export function sendToProcessGroup(group: ProcessGroup, info: SignalInfo): void {
  for (const member of [...group.members]) sendToGroup(member, info);
}

/**
 * A synchronous signal that cannot be put off (`force_sig_fault`): blocked or ignored, it gets the
 * default action, which ends the process.
 */
export function forceSignal(task: Task, info: SignalInfo): void {
  const { handlers } = task;
  if (task.blocked.has(info.signal) || handlers.ignores(info.signal)) {
    handlers.reset(info.signal);
    task.blocked.delete(info.signal);
  }
  task.pending.discard(info.signal);
  task.pending.add(info);
  task.updateSignalPending();
}

function queue(group: ThreadGroup, pending: ThreadGroup['pending'], info: SignalInfo): number {
  const limit = group.limits.soft[RLIMIT.SIGPENDING] as number;
  if (info.signal >= SIGRTMIN && pending.queuedCount >= limit) {
    // kill(2) falls back to a bit without information; sigqueue(3) fails.
    if (info.code !== SI_USER) return -EAGAIN;
  }
  pending.add(info);
  group.signalEvents.wakeAll();
  return 0;
}

/** Stop and continue signals act here. False: the signal is ignored, nothing is queued. */
function prepare(group: ThreadGroup, task: Task, info: SignalInfo): boolean {
  const { signal } = info;
  if (isStopSignal(signal)) discardEverywhere(group, SIGCONT);
  else if (signal === SIGCONT) {
    for (const stop of STOP_SIGNALS) discardEverywhere(group, stop);
    continueGroup(group);
  } else if (signal === SIGKILL) {
    resumeTasks(group);
    for (const other of group.tasks) releaseForKill(other);
  }
  if (task.blocked.has(signal) || task.trace?.isLive === true) return true;
  return signal === SIGKILL || !task.handlers.ignores(signal);
}

function discardEverywhere(group: ThreadGroup, signal: number): void {
  group.pending.discard(signal);
  for (const task of group.tasks) task.pending.discard(signal);
  group.updateSignalPending();
}

/**
 * A thread that does not block the signal is woken, the leader first. One of a timer wakes none while
 * one runs that takes it (`send_sigqueue` prefers the current thread).
 */
function complete(group: ThreadGroup, signal: number, isOfTimer = false): void {
  for (const task of group.tasks) task.updateSignalPending();
  if (signal === SIGKILL) {
    for (const task of group.tasks) task.interrupt();
    return;
  }
  const takes = (task: Task) => !task.isSleeping && !task.blocked.has(signal);
  if (isOfTimer && [...group.tasks].some(takes)) return;
  const { leader } = group;
  if (group.tasks.has(leader) && !leader.blocked.has(signal)) {
    leader.interrupt();
    return;
  }
  for (const task of group.tasks) {
    if (task.blocked.has(signal)) continue;
    task.interrupt();
    return;
  }
}

/** A child stopped or went on (`do_notify_parent_cldstop`). */
function notifyParentOfChild(child: ThreadGroup, code: number, status: number): void {
  const { parent } = child;
  if (parent === undefined || parent === child.kernel.processes.init) return;
  parent.childEvents.wakeAll();
  const action = parent.leader.handlers.get(SIGCHLD);
  if ((action.flags & SA.SA_NOCLDSTOP) !== 0) return;
  sendToGroup(parent, childInfo(child, SIGCHLD, code, status));
}

/** The default action of a stop signal. */
export function stopGroup(group: ThreadGroup, signal: number): void {
  if (group.isStopped) return;
  group.isStopped = true;
  group.stopSignal = signal;
  group.hasUnreportedStop = true;
  group.hasUnreportedContinue = false;
  notifyParentOfChild(group, CLD.CLD_STOPPED, signal);
}

function continueGroup(group: ThreadGroup): void {
  if (!group.isStopped) return;
  resumeTasks(group);
  for (const task of group.tasks) hearsContinue(task);
  group.hasUnreportedStop = false;
  group.hasUnreportedContinue = true;
  notifyParentOfChild(group, CLD.CLD_CONTINUED, SIGCONT);
}

function resumeTasks(group: ThreadGroup): void {
  if (!group.isStopped) return;
  group.isStopped = false;
  for (const task of group.tasks) {
    if (!task.isParked || task.trace?.stop !== undefined) continue;
    task.isParked = false;
    group.kernel.scheduler.enqueue(task);
  }
}

/** May `sender` signal `target` (kill(2))? 0 or -EPERM. */
export function checkKill(sender: Task, target: ThreadGroup, signal: number): number {
  if (sender.group === target) return 0;
  const from = sender.creds;
  const to = target.leader.creds;
  const sameUser =
    from.euid === to.suid || from.euid === to.uid || from.uid === to.suid || from.uid === to.uid;
  if (sameUser || from.has(CAP_KILL)) return 0;
  const sameSession = sender.group.processGroup.session === target.processGroup.session;
  return signal === SIGCONT && sameSession ? 0 : -EPERM;
}

/** May `sender` signal process 1? It is not there to take what it is sent. 0 or -EPERM. */
export function checkKillInit({ creds }: Task): number {
  return creds.has(CAP_KILL) ? 0 : -EPERM;
}

/** kill(2) for one process; signal 0 only checks. */
export function killGroup(sender: Task, target: ThreadGroup, info: SignalInfo): number {
  const allowed = checkKill(sender, target, info.signal);
  if (allowed !== 0 || info.signal === 0) return allowed;
  return sendToGroup(target, info);
}

/** kill(2) in all its forms of `pid`. */
export function kill(sender: Task, pid: number, info: SignalInfo): number {
  if (info.signal < 0 || info.signal > 64) return -EINVAL;
  const { processes } = sender.kernel;
  if (pid > 0) {
    if (pid === processes.init.pid) return checkKillInit(sender);
    const target = processes.group(pid) ?? processes.task(pid)?.group;
    return target === undefined ? -ESRCH : killGroup(sender, target, info);
  }
  if (pid === -0x8000_0000) return -ESRCH;
  const targets =
    pid === -1
      ? processes.groups().filter((group) => group !== sender.group)
      : [...(groupOf(sender, pid)?.members ?? [])];
  let reached = 0;
  let error = -ESRCH;
  for (const target of targets) {
    const result = killGroup(sender, target, info);
    if (result === 0) reached++;
    else error = result;
  }
  return reached > 0 ? 0 : error;
}

function groupOf(sender: Task, pid: number): ProcessGroup | undefined {
  return pid === 0 ? sender.group.processGroup : sender.kernel.processes.processGroup(-pid);
}
