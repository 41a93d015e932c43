/** lseek(2), truncate(2), fallocate(2), fsync(2) and advice: calls about contents. */

import {
  EAGAIN,
  EBADF,
  EFAULT,
  EFBIG,
  EINVAL,
  ENODEV,
  EOPNOTSUPP,
  ESPIPE,
} from '../abi/errno.table.ts';
import {
  AT_FDCWD,
  FALLOC_FL_COLLAPSE_RANGE,
  FALLOC_FL_INSERT_RANGE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
} from '../abi/file-flags.ts';
import { isDirectory, isRegular, S_IFIFO, S_IFMT } from '../abi/file-mode.ts';
import type { Task } from '../kernel/task.ts';
import { truncatePlace } from '../vfs/attributes.ts';
import type { Inode } from '../vfs/inode.ts';
import { WALK_FOLLOW, walk } from '../vfs/walk.ts';
import { fd, flags, int, offset, oneOf, outPointer, path, pointer, size, uint } from './args.ts';
import { mayGrowTo } from './data-transfer.ts';
import { FALLOCATE_FLAG_SET, WHENCE_SET } from './file-flag-sets.ts';
import { baseOf, dataFile, readPath } from './file-support.ts';
import { allBits } from './flags.ts';
import { breaksLease, waitingForLeases } from './leases.ts';
import { row, type SyscallRow } from './row.ts';

function sysLseek(task: Task, fd: number, offset: number, whence: number): number {
  const file = dataFile(task, fd);
  if (file === undefined) return -EBADF;
  if (whence < 0 || whence > 4) return -EINVAL;
  return file.seek(offset, whence);
}

function sysTruncate(task: Task, addr: number, length: number): number {
  if (length < 0) return -EINVAL;
  const path = readPath(task, addr);
  if (typeof path === 'number') return path;
  const base = baseOf(task, AT_FDCWD, path);
  if (typeof base === 'number') return base;
  const { vfs } = task.kernel;
  return waitingForLeases(task, (caller) => {
    const found = walk(vfs, caller, base, path, WALK_FOLLOW);
    if (found < 0) return found;
    const { inode } = vfs.walk.dentry;
    const allowed = isRegular(inode.mode) ? mayGrowTo(caller, length, inode.size) : 0;
    if (allowed < 0) return allowed;
    if (breaksLease(caller, inode)) return -EAGAIN;
    return truncatePlace(caller.creds, vfs.walk, length);
  });
}

function sysFtruncate(task: Task, fd: number, length: number): number {
  if (length < 0) return -EINVAL;
  const file = dataFile(task, fd);
  if (file === undefined) return -EBADF;
  if (!isRegular(file.inode.mode) || !file.isWritable) return -EINVAL;
  const allowed = mayGrowTo(task, length, file.inode.size);
  return allowed < 0 ? allowed : file.truncate(length);
}

/** One more than the largest loff_t. */
const TOP = 2 ** 63;
const FALLOC_BITS = allBits(FALLOCATE_FLAG_SET);

function sysFallocate(task: Task, fd: number, mode: number, at: number, length: number): number {
  const file = dataFile(task, fd);
  if (file === undefined) return -EBADF;
  if (at < 0 || length <= 0) return -EINVAL;
  if ((mode & ~FALLOC_BITS) !== 0) return -EOPNOTSUPP;
  // One mode at a time; a hole never changes the size, a shift always does.
  const kind = mode & ~FALLOC_FL_KEEP_SIZE;
  if ((kind & (kind - 1)) !== 0) return -EOPNOTSUPP;
  const keepsSize = (mode & FALLOC_FL_KEEP_SIZE) !== 0;
  if (kind === FALLOC_FL_PUNCH_HOLE && !keepsSize) return -EOPNOTSUPP;
  const shifts = FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE;
  if ((mode & shifts) !== 0 && keepsSize) return -EOPNOTSUPP;
  if (!file.isWritable) return -EBADF;
  const type = file.inode.mode & S_IFMT;
  if (type === S_IFIFO) return -ESPIPE;
  if (!isRegular(file.inode.mode)) return isDirectory(file.inode.mode) ? -EBADF : -ENODEV;
  if (at + length > TOP) return -EFBIG;
  const { size } = file.inode;
  const end = kind === FALLOC_FL_INSERT_RANGE ? size + length : at + length;
  const grows = !keepsSize && kind !== FALLOC_FL_COLLAPSE_RANGE;
  const allowed = grows ? mayGrowTo(task, end, size) : 0;
  return allowed < 0 ? allowed : file.allocate(mode, at, length);
}

function syncFile(task: Task, fd: number, dataOnly: boolean): number {
  const file = dataFile(task, fd);
  return file === undefined ? -EBADF : file.sync(dataOnly);
}

const sysFsync = (task: Task, fd: number): number => syncFile(task, fd, false);
const sysFdatasync = (task: Task, fd: number): number => syncFile(task, fd, true);

function sysSync(task: Task): number {
  const seen = new Set<unknown>();
  for (const { fs } of task.kernel.vfs.mounts) {
    if (!seen.has(fs)) fs.sync();
    seen.add(fs);
  }
  return 0;
}

function sysSyncfs(task: Task, fd: number): number {
  const file = dataFile(task, fd);
  return file === undefined ? -EBADF : file.inode.fs.sync();
}

function sysSyncFileRange(task: Task, fd: number, at: number, length: number, how: number): number {
  const file = dataFile(task, fd);
  if (file === undefined) return -EBADF;
  if ((how & ~7) !== 0 || at < 0 || length < 0 || at + length >= TOP) return -EINVAL;
  if (isDirectory(file.inode.mode)) return 0;
  if (!isRegular(file.inode.mode)) return -ESPIPE;
  return file.sync(true);
}

function sysFadvise(task: Task, fd: number, _at: number, length: number, advice: number): number {
  const file = dataFile(task, fd);
  if (file === undefined) return -EBADF;
  if ((file.inode.mode & S_IFMT) === S_IFIFO) return -ESPIPE;
  return length < 0 || advice < 0 || advice > 5 ? -EINVAL : 0;
}

function sysReadahead(task: Task, fd: number, _at: number, _count: number): number {
  const file = dataFile(task, fd);
  if (file === undefined || !file.isReadable) return -EBADF;
  return isRegular(file.inode.mode) ? 0 : -EINVAL;
}

const PAGE = 4096;
/** `struct cachestat`: five counts of pages. */
const CACHESTAT_BYTES = 40;

/** Of a file in memory, or of a host's, all pages but those of holes count as cached, and as clean. */
function cachedPages(inode: Inode, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; ) {
    const data = inode.seekData(at);
    if (data < 0 || data >= to) break;
    const hole = inode.seekHole(data);
    const first = Math.floor(data / PAGE);
    const end = Math.max(first + 1, Math.ceil(Math.min(hole, to) / PAGE));
    count += end - first;
    at = end * PAGE;
  }
  return count;
}

/** cachestat(2) of Linux 6.5. */
function sysCachestat(
  task: Task,
  fd: number,
  rangeAt: number,
  target: number,
  how: number,
): number {
  const file = dataFile(task, fd);
  if (file === undefined) return -EBADF;
  const offset = task.space.readU64(rangeAt);
  const length = task.space.readU64(rangeAt + 8);
  if (offset === undefined || length === undefined) return -EFAULT;
  if (how !== 0) return -EINVAL;
  const counts = new BigUint64Array(CACHESTAT_BYTES / 8);
  const { inode } = file;
  if (isRegular(inode.mode)) {
    inode.refresh();
    const last = length === 0 ? Number.POSITIVE_INFINITY : offset + length - 1;
    const to = Math.min(inode.size, (Math.floor(last / PAGE) + 1) * PAGE);
    counts[0] = BigInt(cachedPages(inode, Math.floor(offset / PAGE) * PAGE, to));
  }
  return task.space.copyOut(target, new Uint8Array(counts.buffer)) < 0 ? -EFAULT : 0;
}

export const FILE_DATA_ROWS: readonly SyscallRow[] = [
  row('lseek', [fd, offset, oneOf(WHENCE_SET)], sysLseek),
  row('truncate', [path, offset], sysTruncate),
  row('ftruncate', [fd, offset], sysFtruncate),
  row('fallocate', [fd, flags(FALLOCATE_FLAG_SET), offset, offset], sysFallocate, {
    coverage: 'partial',
    note: 'COLLAPSE_RANGE, INSERT_RANGE and ZERO_RANGE on host folders only, as tmpfs has them not',
  }),
  row('fsync', [fd], sysFsync),
  row('fdatasync', [fd], sysFdatasync),
  row('sync', [], sysSync),
  row('syncfs', [fd], sysSyncfs),
  row('sync_file_range', [fd, offset, offset, int], sysSyncFileRange),
  row('fadvise64', [fd, offset, offset, int], sysFadvise),
  row('readahead', [fd, offset, size], sysReadahead),
  row('cachestat', [fd, pointer, outPointer, uint], sysCachestat),
];
