/** Memory of other processes by their descriptors: process_madvise(2), process_mrelease(2). */

import { CAP_SYS_NICE } from '../abi/capability.ts';
import { EBADF, EFAULT, EINVAL, EPERM, ESRCH } from '../abi/errno.table.ts';
import { SIGKILL } from '../abi/signal.table.ts';
import { mayInspect } from '../kernel/inspect.ts';
import { PidfdFile } from '../kernel/pidfd.ts';
import type { Task } from '../kernel/task.ts';
import * as arg from './args.ts';
import { madvise } from './memory.ts';
import { row, type SyscallRow } from './row.ts';

const IOV_MAX = 1024;
/** WILLNEED, COLD, PAGEOUT, COLLAPSE: what one may advise for another. */
const ADVICE_FOR_OTHERS: ReadonlySet<number> = new Set([3, 20, 21, 25]);

function sysProcessMadvise(
  task: Task,
  fd: number,
  vectorAt: number,
  count: number,
  advice: number,
  flags: number,
): number {
  if (flags !== 0 || count > IOV_MAX) return -EINVAL;
  const ranges: (readonly [addr: number, length: number])[] = [];
  for (let i = 0; i < count; i++) {
    const addr = task.space.readU64(vectorAt + 16 * i);
    const length = task.space.readU64(vectorAt + 16 * i + 8);
    if (addr === undefined || length === undefined) return -EFAULT;
    if (length >= 2 ** 63) return -EINVAL;
    ranges.push([addr, length]);
  }
  const file = task.files.get(fd);
  if (!(file instanceof PidfdFile)) return -EBADF;
  const { group } = file;
  if (group === task.kernel.processes.init) return -EPERM;
  if (group.isZombie) return -ESRCH;
  if (group !== task.group && !ADVICE_FOR_OTHERS.has(advice)) return -EINVAL;
  if (!mayInspect(task, group)) return -EPERM;
  if (group !== task.group && !task.creds.has(CAP_SYS_NICE)) return -EPERM;
  let done = 0;
  for (const [addr, length] of ranges) {
    const result = madvise(group.leader, addr, length, advice);
    if (result < 0) return done > 0 ? done : result;
    done += length;
  }
  return done;
}

/** The memory of a dying process goes with it: there is nothing to hasten. */
function sysProcessMrelease(task: Task, fd: number, flags: number): number {
  if (flags !== 0) return -EINVAL;
  const file = task.files.get(fd);
  if (!(file instanceof PidfdFile)) return -EBADF;
  if (file.group.isZombie) return -ESRCH;
  const { group } = file;
  const isKilled = [group, ...group.tasks].some(({ pending }) => pending.set.has(SIGKILL));
  return group.isDying || isKilled ? 0 : -EINVAL;
}

export const PROCESS_MEMORY_ROWS: readonly SyscallRow[] = [
  row('process_madvise', [arg.fd, arg.pointer, arg.size, arg.int, arg.uint], sysProcessMadvise),
  row('process_mrelease', [arg.fd, arg.uint], sysProcessMrelease),
];
