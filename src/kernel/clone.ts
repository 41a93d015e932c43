/** New tasks: fork(2), vfork(2), clone(2), clone3(2), all through {@link clone}. */

import { EAGAIN, EINVAL, ENOMEM, EPERM } from '../abi/errno.table.ts';
import { PTRACE_EVENT, PTRACE_O, type PtraceEvent } from '../abi/ptrace.ts';
import { SIGCHLD } from '../abi/signal.table.ts';
import { CLONE, CLONE_NAMESPACES } from '../abi/task-flags.ts';
import type { Tid } from '../base/brand.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { inheritedRule } from './executable-rule.ts';
import { RLIMIT } from './limits.ts';
import { BLOCKED } from './outcome.ts';
import { GPR } from './platform.ts';
import { eventStop } from './ptrace/state.ts';
import { stopInCall, traceChild } from './ptrace/tracing.ts';
import { Task } from './task.ts';
import { ThreadGroup } from './thread-group.ts';

/** Who makes so many tasks is likely to make more. */
const MANY_FORKS = 4;

export interface CloneRequest {
  /** CLONE_* bits without the exit signal. */
  readonly flags: number;
  readonly exitSignal: number;
  /** New RSP, 0: the parent's. */
  readonly stackPointer: number;
  readonly parentTid: number;
  readonly childTid: number;
  readonly tls: bigint;
  /** CLONE_PIDFD: makes a descriptor for the child; -errno on failure. */
  readonly makePidfd?: ((child: ThreadGroup) => number) | undefined;
  /** CLONE_CLEAR_SIGHAND of clone3. */
  readonly clearsHandlers?: boolean;
}

/** Makes a task. Its tid, BLOCKED (vfork), or -errno. */
export function clone(parent: Task, request: CloneRequest): number {
  const wrong = checkFlags(request.flags);
  if (wrong !== 0) return wrong;
  const { kernel } = parent;
  const { flags } = request;
  if (kernel.processes.taskCount >= kernel.processes.maxTasks || overUserLimit(parent))
    return -EAGAIN;
  if (parent.deadline !== undefined && !parent.resetsOnFork) return -EAGAIN;
  const sharesMemory = (flags & CLONE.CLONE_VM) !== 0;
  let space: AddressSpace;
  if (sharesMemory) space = parent.space;
  else {
    const copy = parent.space.fork();
    if (typeof copy === 'number') return copy === 0 ? -ENOMEM : copy;
    kernel.platform.adopt(copy, parent.space);
    space = copy;
  }
  const child = makeTask(parent, request, space);
  kernel.forks++;
  if (kernel.forks === MANY_FORKS) kernel.host.expectWork?.();
  writeTids(parent, child, request);
  const pidfd = request.makePidfd?.(child.group) ?? 0;
  if (pidfd < 0) {
    // Nothing ran yet: the child vanishes as if it had never been.
    abandon(child);
    return pidfd;
  }
  const stop = isUntraced(parent, flags)
    ? undefined
    : traceChild(parent, child, eventOf(flags, request.exitSignal));
  kernel.scheduler.enqueue(child);
  const isVfork = (flags & CLONE.CLONE_VFORK) !== 0;
  child.isVforkChild = isVfork;
  const { tid } = child;
  const goOn = (): number => (isVfork ? waitForVfork(parent, child) : tid);
  return stop === undefined ? goOn() : stopInCall(parent, stop, goOn);
}

const isUntraced = ({ trace }: Task, flags: number): boolean =>
  trace === undefined || (flags & CLONE.CLONE_UNTRACED) !== 0;

/** What a tracer calls it. */
function eventOf(flags: number, exitSignal: number): PtraceEvent {
  if ((flags & CLONE.CLONE_VFORK) !== 0) return PTRACE_EVENT.VFORK;
  return exitSignal === SIGCHLD ? PTRACE_EVENT.FORK : PTRACE_EVENT.CLONE;
}

function checkFlags(flags: number): number {
  const has = (bit: number) => (flags & bit) !== 0;
  if (has(CLONE.CLONE_THREAD) && !has(CLONE.CLONE_SIGHAND)) return -EINVAL;
  if (has(CLONE.CLONE_SIGHAND) && !has(CLONE.CLONE_VM)) return -EINVAL;
  if (has(CLONE.CLONE_FS) && has(CLONE.CLONE_NEWNS)) return -EINVAL;
  if (has(CLONE.CLONE_PIDFD) && has(CLONE.CLONE_DETACHED)) return -EINVAL;
  if (has(CLONE.CLONE_FS) && has(CLONE.CLONE_NEWUSER)) return -EINVAL;
  // `copy_process` and `copy_namespaces`: threads share theirs, and undo lists go with semaphores.
  if (has(CLONE.CLONE_THREAD) && (has(CLONE.CLONE_NEWUSER) || has(CLONE.CLONE_NEWPID)))
    return -EINVAL;
  if (has(CLONE.CLONE_NEWIPC) && has(CLONE.CLONE_SYSVSEM)) return -EINVAL;
  // Deviation: namespaces are not implemented; Linux without privileges refuses them like this.
  return (flags & CLONE_NAMESPACES) !== 0 ? -EPERM : 0;
}

/** RLIMIT_NPROC counts the tasks of a user; root may exceed it. */
function overUserLimit(parent: Task): boolean {
  const limit = parent.group.limits.soft[RLIMIT.NPROC] as number;
  const { uid } = parent.creds;
  const { processes } = parent.kernel;
  if (processes.taskCount < limit || parent.creds.has(24) || parent.creds.has(21)) return false;
  let count = 0;
  for (const task of processes.tasks()) if (task.creds.uid === uid) count++;
  return count >= limit;
}

function makeTask(parent: Task, request: CloneRequest, space: AddressSpace): Task {
  const { kernel } = parent;
  const { flags } = request;
  const isThread = (flags & CLONE.CLONE_THREAD) !== 0;
  const tid = kernel.allocatePid();
  const group = isThread ? parent.group : new ThreadGroup(kernel, tid, parent.group.limits.clone());
  const cpu = kernel.platform.createCpu();
  cpu.copyFrom(parent.cpu);
  cpu.gprs[GPR.rax] = 0n;
  if (request.stackPointer !== 0) cpu.gprs[GPR.rsp] = BigInt(request.stackPointer);
  if ((flags & CLONE.CLONE_SETTLS) !== 0) cpu.fsBase = request.tls;
  const handlers =
    (flags & CLONE.CLONE_SIGHAND) !== 0 ? parent.handlers.share() : parent.handlers.clone();
  if (request.clearsHandlers === true) handlers.resetForExec();
  const child = new Task({
    ...{ kernel, tid: tid as Tid, group, cpu, handlers },
    space: kernel.spaces.enter(space),
    files: (flags & CLONE.CLONE_FILES) !== 0 ? parent.files.share() : parent.files.clone(),
    fs: kernel.fsContexts.enter((flags & CLONE.CLONE_FS) !== 0 ? parent.fs : parent.fs.clone()),
    creds: parent.creds,
    comm: parent.comm,
  });
  child.blocked.copyFrom(parent.blocked);
  inheritScheduling(parent, child);
  child.virtualRuntime = parent.virtualRuntime;
  // Its creator's turn is not over and not charged yet: else a chain of forks would never age.
  kernel.scheduler.charge(child, kernel.turnNs(parent));
  child.timerSlackNs = parent.timerSlackNs;
  child.defaultTimerSlackNs = parent.timerSlackNs;
  child.ioPriority = parent.ioPriority;
  child.affinity = parent.affinity;
  child.seccomp = parent.seccomp;
  child.keyrings = parent.keyrings.forChild(isThread);
  child.creator = parent;
  const sharesStack = (flags & (CLONE.CLONE_VM | CLONE.CLONE_VFORK)) === CLONE.CLONE_VM;
  if (!sharesStack) child.alternateStack.copyFrom(parent.alternateStack);
  if ((flags & CLONE.CLONE_CHILD_CLEARTID) !== 0) child.clearChildTid = request.childTid;
  if (!isThread) joinFamily(parent, child, request);
  group.tasks.add(child);
  kernel.processes.addTask(child);
  return child;
}

/** sched(7): SCHED_RESET_ON_FORK takes privileged scheduling away from the child. */
function inheritScheduling(parent: Task, child: Task): void {
  const resets = parent.resetsOnFork;
  const isPlain = resets && parent.realtimePriority > 0;
  child.nice = resets ? Math.max(parent.nice, 0) : parent.nice;
  // clone(2) of a task with a deadline needs SCHED_RESET_ON_FORK.
  child.policy = isPlain || parent.deadline !== undefined ? 0 : parent.policy;
  child.realtimePriority = isPlain ? 0 : parent.realtimePriority;
}

/** A new process: parent, session, process group, what fork copies. */
function joinFamily(parent: Task, child: Task, request: CloneRequest): void {
  const { kernel } = parent;
  const { group } = child;
  const from = parent.group;
  group.leader = child;
  group.exitSignal = request.exitSignal;
  const isSibling = (request.flags & CLONE.CLONE_PARENT) !== 0;
  const father = isSibling ? (from.parent as ThreadGroup) : from;
  if (isSibling) group.exitSignal = from.exitSignal;
  group.parent = father;
  father.children.add(group);
  group.dumpable = from.dumpable;
  group.personality = from.personality;
  group.oomScoreAdjust = from.oomScoreAdjust;
  group.kept = from.kept;
  group.hugePagesOff = from.hugePagesOff;
  group.membarriers = from.membarriers;
  group.executableRule = inheritedRule(from.executableRule);
  group.memoryErrorPolicy = from.memoryErrorPolicy;
  group.runs(from.executable);
  group.layout = from.layout;
  from.processGroup.add(group);
  kernel.processes.addGroup(group);
}

/** Addresses that cannot be written are ignored, as Linux ignores them. */
function writeTids(parent: Task, child: Task, request: CloneRequest): void {
  const { flags } = request;
  if ((flags & CLONE.CLONE_CHILD_SETTID) !== 0) child.space.writeU32(request.childTid, child.tid);
  if ((flags & CLONE.CLONE_PARENT_SETTID) !== 0)
    parent.space.writeU32(request.parentTid, child.tid);
}

function abandon(child: Task): void {
  const { kernel, group } = child;
  const isProcess = group.leader === child;
  group.tasks.delete(child);
  kernel.processes.removeTask(child);
  kernel.spaces.leave(child.space);
  child.files.leave();
  kernel.fsContexts.leave(child.fs);
  child.handlers.leave();
  child.keyrings.leave();
  child.cpu[Symbol.dispose]();
  if (!isProcess) return;
  group.runs(undefined);
  group.parent?.children.delete(group);
  kernel.processes.removeGroup(group);
}

/** The parent sleeps until the child has its own memory or is gone. */
function waitForVfork(parent: Task, child: Task): number {
  const { tid } = child;
  const done = (): number => {
    const { trace } = parent;
    if (trace?.has(PTRACE_O.TRACEVFORKDONE) === true)
      trace.due.push(eventStop(parent, PTRACE_EVENT.VFORK_DONE, tid));
    return tid;
  };
  // Its tracer may have let the child run on before.
  if (!child.isVforkChild) return done();
  return parent.sleep({
    queues: [child.vforkDone],
    attempt: () => (child.isVforkChild ? BLOCKED : done()),
    uninterruptible: true,
    reason: 'kernel_clone',
  });
}
