/** Scheduling: sched_yield(2), priorities, policies, affinity, ioprio. */

import { CAP_SYS_NICE } from '../abi/capability.ts';
import { E2BIG, EACCES, EBUSY, EFAULT, EINVAL, EPERM, ESRCH } from '../abi/errno.table.ts';
import { SCHED, SCHED_RESET_ON_FORK } from '../abi/task-flags.ts';
import type { Schedulable } from '../kernel/init-task.ts';
import { RLIMIT } from '../kernel/limits.ts';
import type { Task } from '../kernel/task.ts';
import * as arg from './args.ts';
import { row, type SyscallRow } from './row.ts';
import { putNumber, writeTimespec } from './timespec.ts';

const PRIO = { PRIO_PROCESS: 0, PRIO_PGRP: 1, PRIO_USER: 2 } as const;
const RR_INTERVAL_NS = 100_000_000;
const SLICE_NS = 3_000_000;
const SCHED_ATTR_BYTES = 56;
const SCHED_ATTR_MINIMUM = 48;
const SCHED_FLAG_RESET_ON_FORK = 1;
const SCHED_FLAGS_KNOWN = 0x7f;

function sysSchedYield(task: Task): number {
  task.kernel.scheduler.yieldTask(task);
  return task.kernel.scheduler.isEmpty ? 0 : task.yieldProcessor(0);
}

function sysGetcpu(task: Task, cpuAt: number, nodeAt: number): number {
  // The first one that it may run on: which host thread runs it changes with each turn.
  const { affinity } = task;
  const cpu = (affinity & -affinity).toString(2).length - 1;
  if (cpuAt !== 0 && task.space.writeU32(cpuAt, cpu) < 0) return -EFAULT;
  if (nodeAt !== 0 && task.space.writeU32(nodeAt, 0) < 0) return -EFAULT;
  return 0;
}

function find(task: Task, pid: number): Schedulable | undefined {
  const { processes } = task.kernel;
  if (pid === processes.init.pid) return processes.initTask;
  return pid === 0 ? task : processes.task(pid);
}

function sysSchedGetaffinity(task: Task, pid: number, length: number, maskAt: number): number {
  if (length < 8 || length % 8 !== 0) return -EINVAL;
  const target = find(task, pid);
  if (target === undefined) return -ESRCH;
  return task.space.writeBigU64(maskAt, target.affinity) < 0 ? -EFAULT : 8;
}

function sysSchedSetaffinity(task: Task, pid: number, length: number, maskAt: number): number {
  const target = find(task, pid);
  if (target === undefined) return -ESRCH;
  const bytes = new Uint8Array(Math.min(length, 128));
  if (task.space.copyIn(maskAt, bytes) < 0) return -EFAULT;
  if (!mayControl(task, target)) return -EPERM;
  const word = new Uint8Array(8);
  word.set(bytes.subarray(0, 8));
  const wanted = new DataView(word.buffer).getBigUint64(0, true);
  const affinity = wanted & task.kernel.allProcessors;
  if (affinity === 0n) return -EINVAL;
  target.affinity = affinity;
  return 0;
}

/** `check_same_owner` or CAP_SYS_NICE. */
function mayControl(task: Task, target: Schedulable): boolean {
  const { euid } = task.creds;
  return euid === target.creds.euid || euid === target.creds.uid || task.creds.has(CAP_SYS_NICE);
}

function targets(task: Task, which: number, who: number): Schedulable[] | number {
  const { processes } = task.kernel;
  const all: Schedulable[] = [processes.initTask, ...processes.tasks()];
  if (which === PRIO.PRIO_PROCESS) {
    const target = find(task, who);
    return target === undefined ? [] : [target];
  }
  if (which === PRIO.PRIO_PGRP) {
    const id = who === 0 ? task.group.processGroup.id : who;
    return all.filter((other) => other.group.processGroup.id === id);
  }
  if (which !== PRIO.PRIO_USER) return -EINVAL;
  const uid = who === 0 ? task.creds.uid : who;
  return all.filter((other) => other.creds.uid === uid);
}

/** The raw call answers 20 - nice, so that it is never negative. */
function sysGetpriority(task: Task, which: number, who: number): number {
  const found = targets(task, which, who);
  if (typeof found === 'number') return found;
  if (found.length === 0) return -ESRCH;
  return Math.max(...found.map(({ nice }) => 20 - nice));
}

function sysSetpriority(task: Task, which: number, who: number, priority: number): number {
  const found = targets(task, which, who);
  if (typeof found === 'number') return found;
  if (found.length === 0) return -ESRCH;
  const nice = Math.max(-20, Math.min(19, priority));
  let error = 0;
  for (const target of found) {
    const result = setNice(task, target, nice);
    if (result !== 0) error = result;
  }
  return error;
}

/** `can_nice`: RLIMIT_NICE or CAP_SYS_NICE. */
function mayHaveNice(task: Task, target: Schedulable, nice: number): boolean {
  const floor = 20 - (target.group.limits.soft[RLIMIT.NICE] as number);
  return nice >= floor || task.creds.has(CAP_SYS_NICE);
}

function setNice(task: Task, target: Schedulable, nice: number): number {
  if (!mayControl(task, target)) return -EPERM;
  if (nice < target.nice && !mayHaveNice(task, target, nice)) return -EACCES;
  target.nice = nice;
  return 0;
}

const isRealtime = (policy: number) => policy === SCHED.SCHED_FIFO || policy === SCHED.SCHED_RR;
const isPolicy = (policy: number) =>
  Object.values<number>(SCHED).includes(policy) && policy !== SCHED.SCHED_DEADLINE;

function setPolicy(
  task: Task,
  target: Schedulable,
  policy: number,
  priority: number,
  resetsOnFork: boolean,
): number {
  if (!isPolicy(policy)) return -EINVAL;
  const inRange = isRealtime(policy) ? priority >= 1 && priority <= 99 : priority === 0;
  if (!inRange) return -EINVAL;
  if (!mayControl(task, target)) return -EPERM;
  const limit = target.group.limits.soft[RLIMIT.RTPRIO] as number;
  if (isRealtime(policy) && priority > limit && !task.creds.has(CAP_SYS_NICE)) return -EPERM;
  // SCHED_IDLE is as low as it gets: leaving it is raising the priority (sched(7)).
  const leavesIdle = target.policy === SCHED.SCHED_IDLE && policy !== SCHED.SCHED_IDLE;
  if (leavesIdle && !mayHaveNice(task, target, target.nice)) return -EPERM;
  if (target.resetsOnFork && !resetsOnFork && !task.creds.has(CAP_SYS_NICE)) return -EPERM;
  target.policy = policy;
  target.deadline = undefined;
  target.realtimePriority = priority;
  target.resetsOnFork = resetsOnFork;
  task.kernel.scheduler.reconsider();
  return 0;
}

function sysSchedSetscheduler(task: Task, pid: number, policy: number, paramAt: number): number {
  if (policy < 0 || pid < 0 || paramAt === 0) return -EINVAL;
  const priority = task.space.readI32(paramAt);
  if (priority === undefined) return -EFAULT;
  const target = find(task, pid);
  if (target === undefined) return -ESRCH;
  const resets = (policy & SCHED_RESET_ON_FORK) !== 0;
  if ((policy & ~SCHED_RESET_ON_FORK) === SCHED.SCHED_DEADLINE) return -EINVAL;
  return setPolicy(task, target, policy & ~SCHED_RESET_ON_FORK, priority, resets);
}

function sysSchedSetparam(task: Task, pid: number, paramAt: number): number {
  if (pid < 0 || paramAt === 0) return -EINVAL;
  const priority = task.space.readI32(paramAt);
  if (priority === undefined) return -EFAULT;
  const target = find(task, pid);
  if (target === undefined) return -ESRCH;
  return setPolicy(task, target, target.policy, priority, target.resetsOnFork);
}

function sysSchedGetscheduler(task: Task, pid: number): number {
  if (pid < 0) return -EINVAL;
  const target = find(task, pid);
  if (target === undefined) return -ESRCH;
  return target.resetsOnFork ? target.policy | SCHED_RESET_ON_FORK : target.policy;
}

function sysSchedGetparam(task: Task, pid: number, paramAt: number): number {
  if (pid < 0 || paramAt === 0) return -EINVAL;
  const target = find(task, pid);
  if (target === undefined) return -ESRCH;
  return task.space.writeU32(paramAt, target.realtimePriority) < 0 ? -EFAULT : 0;
}

const sysSchedGetPriorityMax = (_task: Task, policy: number) =>
  isRealtime(policy) ? 99 : isPolicy(policy) || policy === SCHED.SCHED_DEADLINE ? 0 : -EINVAL;
const sysSchedGetPriorityMin = (_task: Task, policy: number) =>
  isRealtime(policy) ? 1 : isPolicy(policy) || policy === SCHED.SCHED_DEADLINE ? 0 : -EINVAL;

function sysSchedRrGetInterval(task: Task, pid: number, addr: number): number {
  if (pid < 0) return -EINVAL;
  const target = find(task, pid);
  if (target === undefined) return -ESRCH;
  const { policy } = target;
  const ns =
    policy === SCHED.SCHED_RR
      ? RR_INTERVAL_NS
      : policy === SCHED.SCHED_FIFO || target.deadline !== undefined
        ? 0
        : SLICE_NS;
  return writeTimespec(task, addr, ns);
}

function sysSchedGetattr(
  task: Task,
  pid: number,
  addr: number,
  size: number,
  flags: number,
): number {
  if (pid < 0 || addr === 0 || flags !== 0 || size < SCHED_ATTR_MINIMUM || size > 4096)
    return -EINVAL;
  const target = find(task, pid);
  if (target === undefined) return -ESRCH;
  const view = task.kernel.scratchView;
  const length = Math.min(size, SCHED_ATTR_BYTES);
  const bytes = task.kernel.scratch.subarray(0, length).fill(0);
  view.setUint32(0, length, true);
  view.setUint32(4, target.policy, true);
  if (target.resetsOnFork) view.setUint32(8, SCHED_FLAG_RESET_ON_FORK, true);
  view.setInt32(16, target.nice, true);
  view.setUint32(20, target.realtimePriority, true);
  const { deadline } = target;
  if (deadline !== undefined) {
    putNumber(view, 24, deadline.runtimeNs);
    putNumber(view, 32, deadline.deadlineNs);
    putNumber(view, 40, deadline.periodNs);
  } else if (!isRealtime(target.policy)) view.setUint32(24, SLICE_NS, true);
  return task.space.copyOut(addr, bytes) < 0 ? -EFAULT : 0;
}

/** `DL_SCALE`, and the bounds of a period (`sched_deadline_period_*_us`). */
const DEADLINE_LEAST_NS = 1024;
const PERIOD_NS = { least: 100_000, most: 2 ** 22 * 1000 } as const;
/** What tasks with deadlines may take of the processor (`sched_rt_runtime_us`). */
const DEADLINE_SHARE = 0.95;

/** Deviation: such a task is admitted and reported as one, and runs like any other. */
function setDeadline(task: Task, target: Schedulable, view: DataView, resets: boolean): number {
  const word = (at: number) => Number(view.getBigUint64(at, true));
  const [runtimeNs, deadlineNs] = [word(24), word(32)];
  const periodNs = word(40) === 0 ? deadlineNs : word(40);
  if (view.getUint32(20, true) !== 0 || deadlineNs === 0) return -EINVAL;
  if (runtimeNs < DEADLINE_LEAST_NS || deadlineNs >= 2 ** 63 || periodNs >= 2 ** 63) return -EINVAL;
  if (periodNs < deadlineNs || deadlineNs < runtimeNs) return -EINVAL;
  if (periodNs < PERIOD_NS.least || periodNs > PERIOD_NS.most) return -EINVAL;
  if (!task.creds.has(CAP_SYS_NICE)) return -EPERM;
  let share = runtimeNs / periodNs;
  for (const each of task.kernel.processes.tasks())
    if (each !== target && each.deadline !== undefined)
      share += each.deadline.runtimeNs / each.deadline.periodNs;
  if (share > DEADLINE_SHARE) return -EBUSY;
  Object.assign(target, {
    policy: SCHED.SCHED_DEADLINE,
    realtimePriority: 0,
    resetsOnFork: resets,
  });
  target.deadline = { runtimeNs, deadlineNs, periodNs };
  task.kernel.scheduler.reconsider();
  return 0;
}

function sysSchedSetattr(task: Task, pid: number, addr: number, flags: number): number {
  if (pid < 0 || flags !== 0 || addr === 0) return -EINVAL;
  const size = task.space.readU32(addr);
  if (size === undefined) return -EFAULT;
  if ((size !== 0 && size < SCHED_ATTR_MINIMUM) || size > 4096) {
    // The caller learns how large the structure is here.
    return task.space.writeU32(addr, SCHED_ATTR_BYTES) < 0 ? -EFAULT : -E2BIG;
  }
  const bytes = new Uint8Array(SCHED_ATTR_MINIMUM);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  if (size > SCHED_ATTR_BYTES) {
    const more = new Uint8Array(size - SCHED_ATTR_BYTES);
    if (task.space.copyIn(addr + SCHED_ATTR_BYTES, more) < 0) return -EFAULT;
    if (more.some((byte) => byte !== 0))
      return task.space.writeU32(addr, SCHED_ATTR_BYTES) < 0 ? -EFAULT : -E2BIG;
  }
  const view = new DataView(bytes.buffer);
  const target = find(task, pid);
  if (target === undefined) return -ESRCH;
  if (view.getUint32(12, true) !== 0 || (view.getUint32(8, true) & ~SCHED_FLAGS_KNOWN) !== 0)
    return -EINVAL;
  const resets = (view.getUint32(8, true) & SCHED_FLAG_RESET_ON_FORK) !== 0;
  const policy = view.getUint32(4, true);
  if (policy === SCHED.SCHED_DEADLINE) return setDeadline(task, target, view, resets);
  const result = setPolicy(task, target, policy, view.getUint32(20, true), resets);
  if (result !== 0 || isRealtime(policy)) return result;
  return setNice(task, target, Math.max(-20, Math.min(19, view.getInt32(16, true))));
}

/** ioprio_get(2): the best of the tasks meant. */
const sysIoprioGet = (task: Task, which: number, who: number) => {
  if (which < 1 || which > 3) return -EINVAL;
  const found = targets(task, which - 1, who);
  if (typeof found === 'number') return found;
  const chosen = found.map(({ ioPriority }) => ioPriority).filter((each) => each !== 0);
  if (chosen.length > 0) return Math.min(...chosen);
  return found.length === 0 ? -ESRCH : 0;
};

const IO_CLASS = { NONE: 0, RT: 1, BE: 2, IDLE: 3 } as const;

function sysIoprioSet(task: Task, which: number, who: number, priority: number): number {
  const ioClass = (priority >> 13) & 7;
  const level = priority & 0x1fff;
  if (ioClass > IO_CLASS.IDLE || (ioClass === IO_CLASS.NONE && level !== 0)) return -EINVAL;
  if (ioClass === IO_CLASS.RT && !task.creds.has(CAP_SYS_NICE)) return -EPERM;
  if (which < 1 || which > 3) return -EINVAL;
  const found = targets(task, which - 1, who);
  if (typeof found === 'number') return found;
  if (found.some((target) => !mayControl(task, target))) return -EPERM;
  for (const target of found) target.ioPriority = priority & 0xffff;
  return found.length === 0 ? -ESRCH : 0;
}

const policy = arg.oneOf(SCHED);
const which = arg.oneOf(PRIO);
const { pid, pointer, outPointer, int, uint } = arg;
const anyPartial = { coverage: 'partial', note: 'kept, but tasks run on any processor' } as const;

export const SCHEDULING_ROWS: readonly SyscallRow[] = [
  row('sched_yield', [], sysSchedYield),
  row('getcpu', [outPointer, outPointer, pointer], sysGetcpu, anyPartial),
  row('sched_getaffinity', [pid, arg.uint, outPointer], sysSchedGetaffinity),
  row('sched_setaffinity', [pid, arg.uint, pointer], sysSchedSetaffinity, anyPartial),
  row('getpriority', [which, int], sysGetpriority),
  row('setpriority', [which, int, int], sysSetpriority),
  row('sched_setscheduler', [pid, policy, pointer], sysSchedSetscheduler),
  row('sched_getscheduler', [pid], sysSchedGetscheduler),
  row('sched_setparam', [pid, pointer], sysSchedSetparam),
  row('sched_getparam', [pid, outPointer], sysSchedGetparam),
  row('sched_get_priority_max', [policy], sysSchedGetPriorityMax),
  row('sched_get_priority_min', [policy], sysSchedGetPriorityMin),
  row('sched_rr_get_interval', [pid, outPointer], sysSchedRrGetInterval),
  row('sched_getattr', [pid, outPointer, uint, uint], sysSchedGetattr),
  row('sched_setattr', [pid, pointer, uint], sysSchedSetattr, {
    coverage: 'partial',
    note: 'SCHED_DEADLINE is admitted and reported, without effect',
  }),
  row('ioprio_get', [int, int], sysIoprioGet),
  row('ioprio_set', [int, int, int], sysIoprioSet, {
    coverage: 'partial',
    note: 'checked, without effect',
  }),
];
