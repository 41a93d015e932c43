/** Looking into another process: process_vm_readv(2), process_vm_writev(2), kcmp(2). */

import { EBADF, EFAULT, EINVAL, ENOENT, EPERM, ESRCH } from '../abi/errno.table.ts';
import { mayInspect } from '../kernel/inspect.ts';
import type { Task } from '../kernel/task.ts';
import { EpollFile } from '../vfs/epoll.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import * as arg from './args.ts';
import { row, type SyscallRow } from './row.ts';

const IOV_MAX = 1024;
const CHUNK = 65536;

interface Range {
  addr: number;
  left: number;
}

function readRanges(task: Task, addr: number, count: number): Range[] | number {
  if (count > IOV_MAX) return -EINVAL;
  const ranges: Range[] = [];
  for (let i = 0; i < count; i++) {
    const base = task.space.readU64(addr + 16 * i);
    const left = task.space.readU64(addr + 16 * i + 8);
    if (base === undefined || left === undefined) return -EFAULT;
    // ssize_t: a length with the sign bit (readv(2), EINVAL).
    if (left >= 2 ** 63) return -EINVAL;
    ranges.push({ addr: base, left });
  }
  return ranges;
}

/** Copies range by range; what was copied before the first fault, as the call answers. */
function transfer(
  task: Task,
  pid: number,
  localAt: number,
  localCount: number,
  remoteAt: number,
  remoteCount: number,
  flags: number,
  writes: boolean,
): number {
  if (flags !== 0) return -EINVAL;
  const local = readRanges(task, localAt, localCount);
  if (typeof local === 'number') return local;
  const remote = readRanges(task, remoteAt, remoteCount);
  if (typeof remote === 'number') return remote;
  const target = task.kernel.processes.task(pid);
  if (target === undefined || target.group.isZombie) return -ESRCH;
  if (!mayInspect(task, target.group)) return -EPERM;
  const [from, to] = writes ? [task.space, target.space] : [target.space, task.space];
  const [sources, sinks] = writes ? [local, remote] : [remote, local];
  const buffer = new Uint8Array(CHUNK);
  let done = 0;
  let i = 0;
  let j = 0;
  while (i < sources.length && j < sinks.length) {
    const source = sources[i] as Range;
    const sink = sinks[j] as Range;
    const length = Math.min(source.left, sink.left, CHUNK);
    if (length > 0) {
      const got = from.copyInPartial(source.addr, buffer.subarray(0, length));
      const put = got > 0 ? to.copyOutPartial(sink.addr, buffer.subarray(0, got)) : 0;
      done += Math.max(put, 0);
      if (put < length) return done > 0 ? done : -EFAULT;
    }
    for (const range of [source, sink]) {
      range.addr += length;
      range.left -= length;
    }
    if (source.left === 0) i++;
    if (sink.left === 0) j++;
  }
  return done;
}

function sysProcessVmReadv(
  task: Task,
  pid: number,
  local: number,
  localCount: number,
  remote: number,
  remoteCount: number,
  flags: number,
): number {
  return transfer(task, pid, local, localCount, remote, remoteCount, flags, false);
}

function sysProcessVmWritev(
  task: Task,
  pid: number,
  local: number,
  localCount: number,
  remote: number,
  remoteCount: number,
  flags: number,
): number {
  return transfer(task, pid, local, localCount, remote, remoteCount, flags, true);
}

const KCMP = {
  KCMP_FILE: 0,
  KCMP_VM: 1,
  KCMP_FILES: 2,
  KCMP_FS: 3,
  KCMP_SIGHAND: 4,
  KCMP_IO: 5,
  KCMP_SYSVSEM: 6,
  KCMP_EPOLL_TFD: 7,
} as const;

/** 0: the same; 1 and 2: the first, the second comes first in some order (kcmp(2)). */
function sysKcmp(
  task: Task,
  pid1: number,
  pid2: number,
  type: number,
  index1: number,
  index2: number,
): number {
  const { processes, resourceOrder } = task.kernel;
  if (pid1 === processes.init.pid || pid2 === processes.init.pid) return -EPERM;
  const first = processes.task(pid1);
  const second = processes.task(pid2);
  if (first === undefined || second === undefined) return -ESRCH;
  if (!mayInspect(task, first.group) || !mayInspect(task, second.group)) return -EPERM;
  const same = (a: object, b: object) => resourceOrder.compare(a, b);
  switch (type) {
    case KCMP.KCMP_FILE: {
      const a = first.files.get(index1);
      const b = second.files.get(index2);
      return a === undefined || b === undefined ? -EBADF : same(a, b);
    }
    case KCMP.KCMP_VM:
      return same(first.space, second.space);
    case KCMP.KCMP_FILES:
      return same(first.files, second.files);
    case KCMP.KCMP_FS:
      return same(first.fs, second.fs);
    case KCMP.KCMP_SIGHAND:
      return same(first.handlers, second.handlers);
    // Nobody has an I/O context, and undo lists are those of the process.
    case KCMP.KCMP_IO:
      return 0;
    case KCMP.KCMP_SYSVSEM:
      return same(undoList(first), undoList(second));
    case KCMP.KCMP_EPOLL_TFD: {
      const file = first.files.get(index1);
      if (file === undefined) return -EBADF;
      const watched = watchedFile(task, second, index2);
      return typeof watched === 'number' ? watched : same(file, watched);
    }
    default:
      return -EINVAL;
  }
}

/** What stands for the undo list of those who have none. */
const NO_UNDO = {};

const undoList = ({ group, kernel }: Task): object =>
  kernel.semaphores.hasUndo(group) ? group : NO_UNDO;

/** The file that `struct kcmp_epoll_slot` at `addr` names: u32 efd, tfd, toff. */
function watchedFile(task: Task, owner: Task, addr: number): OpenFile | number {
  const [set, fd, skip] = [0, 4, 8].map((at) => task.space.readU32(addr + at));
  if (set === undefined || fd === undefined || skip === undefined) return -EFAULT;
  const file = owner.files.get(set);
  if (file === undefined) return -EBADF;
  if (!(file instanceof EpollFile)) return -EINVAL;
  return file.watched(fd, skip) ?? -ENOENT;
}

const { pid, pointer, ulong } = arg;
const vectors = [pid, pointer, ulong, pointer, ulong, ulong];

export const INSPECTION_ROWS: readonly SyscallRow[] = [
  row('process_vm_readv', vectors, sysProcessVmReadv),
  row('process_vm_writev', vectors, sysProcessVmWritev),
  row('kcmp', [pid, pid, arg.oneOf(KCMP), ulong, ulong], sysKcmp),
];
