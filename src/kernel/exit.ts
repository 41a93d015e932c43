/** The end of tasks and processes: exit(2), exit_group(2), fatal signals, orphans, reaping. */

import { SA, SIG_IGN, SIGCHLD, SIGCONT, SIGHUP } from '../abi/signal.table.ts';
import { exitInfo } from './child-events.ts';
import { releaseRobustFutexes, wakeClearedTid } from './futex-exit.ts';
import type { ProcessGroup } from './process-group.ts';
import { endOfTask } from './ptrace/tracing.ts';
import { seccompUserEnded } from './seccomp-listener.ts';
import { sendToGroup, sendToProcessGroup, sendToTask } from './signals/send.ts';
import { kernelSignal } from './signals/signal-info.ts';
import { TASK_STATE, type Task } from './task.ts';
import type { ThreadGroup } from './thread-group.ts';

const NO_CHILDREN: readonly ThreadGroup[] = [];

/** Ends every thread of the process; `status` is as wait(2) reports it. */
export function exitGroup(task: Task, status: number): void {
  const { group } = task;
  if (!group.isDying) {
    group.isDying = true;
    group.exitStatus = status;
    group.isStopped = false;
  }
  if (group.tasks.size > 1)
    for (const other of [...group.tasks]) if (other !== task) exitTask(other, group.exitStatus);
  if (group.tasks.has(task)) exitTask(task, group.exitStatus);
}

/** Ends one thread; with the last one the process becomes a zombie. */
export function exitTask(task: Task, status: number): void {
  const { kernel, group } = task;
  if (task.state === TASK_STATE.dead) return;
  kernel.parallel?.recall(task);
  task.abandonSleep();
  kernel.scheduler.remove(task);
  signalChildrenOfThread(task);
  releaseRobustFutexes(task);
  wakeClearedTid(task);
  releaseMemory(task);
  task.files.leave();
  kernel.fsContexts.leave(task.fs);
  task.handlers.leave();
  task.keyrings.leave();
  task.state = TASK_STATE.dead;
  endOfTask(task, status);
  task.isQueued = false;
  group.endedTimes.userNs += task.userNs;
  group.endedTimes.systemNs += task.systemNs;
  group.tasks.delete(task);
  if (task.seccomp !== undefined) seccompUserEnded(task);
  if (group.tasks.size === 0) {
    if (!group.isDying) group.exitStatus = status;
    group.isDying = true;
    task.keyrings.endProcess();
    endProcess(group);
  }
  // The leader's number is the process's: it stays taken until the process is reaped.
  if (!task.isLeader) kernel.processes.removeTask(task);
  task.cpu[Symbol.dispose]();
}

/** Gives up the address space, and lets a vfork parent go on. */
export function releaseMemory(task: Task): void {
  const { group } = task;
  if (!task.isVforkChild)
    group.maxResidentKiB = Math.max(group.maxResidentKiB, 4 * task.space.peakPages);
  task.kernel.spaces.leave(task.space);
  if (!task.isVforkChild) return;
  task.isVforkChild = false;
  task.vforkDone.wakeAll();
}

/** prctl(2), PR_SET_PDEATHSIG: children of this very thread hear of its end. */
function signalChildrenOfThread(task: Task): void {
  for (const child of task.group.children)
    for (const thread of child.tasks)
      if (thread.creator === task) {
        if (thread.parentDeathSignal !== 0)
          sendToTask(thread, kernelSignal(thread.parentDeathSignal));
        thread.creator = undefined;
      }
}

/** The last thread is gone: orphans get a new parent, the parent is told. */
function endProcess(group: ThreadGroup): void {
  const { kernel } = group;
  group.isZombie = true;
  group.timers?.stop();
  group.runs(undefined);
  kernel.semaphores.undoFor(group);
  group.pending.clear();
  leaveSession(group);
  const children = group.children.size === 0 ? NO_CHILDREN : [...group.children];
  reparentChildren(group);
  signalOrphanedGroups(group, children);
  group.exitEvents.wakeAll();
  notifyParent(group);
  kernel.processEnded.wakeAll();
}

/** A session leader that ends hangs up the foreground group of its terminal. */
function leaveSession(group: ThreadGroup): void {
  const { session } = group.processGroup;
  if (session.leader !== group) return;
  const foreground = session.terminal?.foreground();
  session.terminal?.detach();
  session.terminal = undefined;
  if (foreground === undefined) return;
  const target = group.kernel.processes.processGroup(foreground);
  if (target === undefined) return;
  sendToProcessGroup(target, kernelSignal(SIGHUP));
  sendToProcessGroup(target, kernelSignal(SIGCONT));
}

/**
 * POSIX: a stopped process group that becomes orphaned gets SIGHUP and SIGCONT. It does when the one
 * that ends was the connection of its own group to its parent's, or of a child's group to its own;
 * the children have their new parent already (`kill_orphaned_pgrp`).
 */
function signalOrphanedGroups(ending: ThreadGroup, children: readonly ThreadGroup[]): void {
  const own = ending.processGroup;
  const affected = new Set<ProcessGroup>();
  const { parent } = ending;
  if (parent?.processGroup !== own && parent?.processGroup?.session === own.session)
    affected.add(own);
  for (const { processGroup } of children)
    if (processGroup !== own && processGroup.session === own.session) affected.add(processGroup);
  for (const group of affected) {
    if (!group.hasStoppedMember || !group.isOrphaned(ending)) continue;
    sendToProcessGroup(group, kernelSignal(SIGHUP));
    sendToProcessGroup(group, kernelSignal(SIGCONT));
  }
}

/** Orphans go to the nearest subreaper, else to init, which forgets the dead ones at once. */
function reparentChildren(group: ThreadGroup): void {
  if (group.children.size === 0) return;
  const reaper = findReaper(group);
  for (const child of [...group.children]) {
    group.children.delete(child);
    child.parent = reaper;
    reaper.children.add(child);
    if (!child.isZombie) continue;
    if (reaper === group.kernel.processes.init) reap(child);
    else notifyParent(child);
  }
}

function findReaper(group: ThreadGroup): ThreadGroup {
  const { init } = group.kernel.processes;
  for (let at = group.parent; at !== undefined && at !== init; at = at.parent)
    if (at.isSubreaper && !at.isZombie) return at;
  return init;
}

/** SIGCHLD and wait(2); children that nobody shall wait for vanish (`do_notify_parent`). */
export function notifyParent(group: ThreadGroup): void {
  const { parent, kernel } = group;
  if (parent === undefined) return;
  if (parent === kernel.processes.init) {
    if (!kernel.keepsEnded(group)) reap(group);
    return;
  }
  const action = parent.leader.handlers.get(SIGCHLD);
  const ignoresChildren =
    group.exitSignal === SIGCHLD &&
    (action.handler === SIG_IGN || (action.flags & SA.SA_NOCLDWAIT) !== 0);
  const wantsSignal = group.exitSignal > 0 && action.handler !== SIG_IGN;
  if (wantsSignal || (group.exitSignal > 0 && group.exitSignal !== SIGCHLD))
    sendToGroup(parent, exitInfo(group));
  if (ignoresChildren) reap(group);
  parent.childEvents.wakeAll();
}

/** The process has been waited for: nothing of it remains. */
export function reap(group: ThreadGroup): void {
  const { parent, kernel } = group;
  if (parent !== undefined) {
    parent.children.delete(group);
    if (parent !== kernel.processes.init) {
      const own = group.times();
      parent.childTimes.userNs += own.userNs + group.childTimes.userNs;
      parent.childTimes.systemNs += own.systemNs + group.childTimes.systemNs;
      parent.childMaxResidentKiB = Math.max(
        parent.childMaxResidentKiB,
        group.maxResidentKiB,
        group.childMaxResidentKiB,
      );
    }
  }
  kernel.processes.removeTask(group.leader);
  kernel.processes.removeGroup(group);
}
