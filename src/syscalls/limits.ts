/** getrlimit(2), setrlimit(2), prlimit64(2). */

import { CAP_SYS_RESOURCE } from '../abi/capability.ts';
import { EFAULT, EINVAL, EPERM, ESRCH } from '../abi/errno.table.ts';
import { RLIMIT } from '../kernel/limits.ts';
import type { Task } from '../kernel/task.ts';
import type { ThreadGroup } from '../kernel/thread-group.ts';
import * as arg from './args.ts';
import { row, type SyscallRow } from './row.ts';

const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;
/** `fs.nr_open`. */
const NR_OPEN = 1048576;

const toNumber = (value: bigint): number =>
  value === RLIM_INFINITY ? Number.POSITIVE_INFINITY : Number(value);
const toBits = (value: number): bigint =>
  value === Number.POSITIVE_INFINITY ? RLIM_INFINITY : BigInt(value);

function sysPrlimit64(
  task: Task,
  pid: number,
  resource: number,
  newAt: number,
  oldAt: number,
): number {
  if (resource < 0 || resource > 15) return -EINVAL;
  const { processes } = task.kernel;
  const group =
    pid === 0
      ? task.group
      : pid === processes.init.pid
        ? processes.init
        : processes.task(pid)?.group;
  if (group === undefined) return -ESRCH;
  if (group !== task.group && !mayChange(task, group)) return -EPERM;
  const { limits } = group;
  const before = [limits.soft[resource] as number, limits.hard[resource] as number] as const;
  if (newAt !== 0) {
    const result = setLimit(task, group, resource, newAt);
    if (result < 0) return result;
  }
  if (oldAt === 0) return 0;
  const view = task.kernel.scratchView;
  view.setBigUint64(0, toBits(before[0]), true);
  view.setBigUint64(8, toBits(before[1]), true);
  return task.space.copyOut(oldAt, task.kernel.scratch.subarray(0, 16)) < 0 ? -EFAULT : 0;
}

function mayChange(task: Task, group: ThreadGroup): boolean {
  const mine = task.creds;
  const { init, initTask } = task.kernel.processes;
  const theirs = group === init ? initTask.creds : group.leader.creds;
  const sameUser = [theirs.uid, theirs.euid, theirs.suid].every((id) => id === mine.uid);
  const sameGroup = [theirs.gid, theirs.egid, theirs.sgid].every((id) => id === mine.gid);
  return (sameUser && sameGroup) || mine.has(CAP_SYS_RESOURCE);
}

function setLimit(task: Task, group: ThreadGroup, resource: number, addr: number): number {
  if (task.space.copyIn(addr, task.kernel.scratch.subarray(0, 16)) < 0) return -EFAULT;
  const view = task.kernel.scratchView;
  const soft = toNumber(view.getBigUint64(0, true));
  const hard = toNumber(view.getBigUint64(8, true));
  if (soft > hard) return -EINVAL;
  if (resource === RLIMIT.NOFILE && hard > NR_OPEN) return -EPERM;
  const { limits } = group;
  if (hard > (limits.hard[resource] as number) && !task.creds.has(CAP_SYS_RESOURCE)) return -EPERM;
  limits.soft[resource] = soft;
  limits.hard[resource] = hard;
  for (const thread of group.tasks) task.kernel.applyMemoryLimits(thread.space, limits);
  return 0;
}

const sysGetrlimit = (task: Task, resource: number, addr: number) =>
  addr === 0 ? -EFAULT : sysPrlimit64(task, 0, resource, 0, addr);
const sysSetrlimit = (task: Task, resource: number, addr: number) =>
  addr === 0 ? -EFAULT : sysPrlimit64(task, 0, resource, addr, 0);

const NAMES = Object.fromEntries(
  Object.entries(RLIMIT).map(([name, number]) => [`RLIMIT_${name}`, number]),
);
const resource = arg.oneOf(NAMES);

const rlimit = (direction: 'in' | 'out') =>
  arg.struct((task, addr) => {
    const soft = task.space.readBigU64(addr);
    const hard = task.space.readBigU64(addr + 8);
    if (soft === undefined || hard === undefined) return undefined;
    const text = (bits: bigint) => (bits === RLIM_INFINITY ? 'RLIM64_INFINITY' : String(bits));
    return `{rlim_cur=${text(soft)}, rlim_max=${text(hard)}}`;
  }, direction);

export const LIMIT_ROWS: readonly SyscallRow[] = [
  row('getrlimit', [resource, rlimit('out')], sysGetrlimit),
  row('setrlimit', [resource, rlimit('in')], sysSetrlimit),
  row('prlimit64', [arg.pid, resource, rlimit('in'), rlimit('out')], sysPrlimit64),
];
