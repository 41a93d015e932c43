/** open(2), openat(2), openat2(2), creat(2), close(2), close_range(2). */

import { E2BIG, EAGAIN, EBADF, EFAULT, EINVAL, EMFILE } from '../abi/errno.table.ts';
import {
  AT_FDCWD,
  CLOSE_RANGE_CLOEXEC,
  CLOSE_RANGE_UNSHARE,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_TMPFILE,
  O_TMPFILE_BIT,
  O_TRUNC,
  O_WRONLY,
  OPEN_FLAGS,
  RESOLVE_BENEATH,
  RESOLVE_CACHED,
  RESOLVE_FLAGS,
  RESOLVE_IN_ROOT,
} from '../abi/file-flags.ts';
import type { Task } from '../kernel/task.ts';
import type { Location } from '../vfs/dentry.ts';
import { openAt } from '../vfs/open.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import type { Path } from '../vfs/path.ts';
import { dirfd, fd, flags, mode, path, struct, uint, ulong } from './args.ts';
import { CLOSE_RANGE_SET, OPEN_FLAG_SET } from './file-flag-sets.ts';
import { baseOf, readPath, waitForFile } from './file-support.ts';
import { renderFlags } from './flags.ts';
import { waitingForLeases } from './leases.ts';
import { row, type SyscallRow } from './row.ts';

function openPath(
  task: Task,
  dirfd: number,
  path: Path,
  how: number,
  mode: number,
  resolve: number,
): number {
  const base = baseOf(task, dirfd, path);
  if (typeof base === 'number') return base;
  if (task.files.isFull(task.group.limits.openFiles)) return -EMFILE;
  return openFrom(task, base, path, how, mode, resolve);
}

/** Opens below `base` once no lease is in the way, and gives a descriptor. */
function openFrom(
  task: Task,
  base: Location | undefined,
  path: Path,
  how: number,
  mode: number,
  resolve: number,
): number {
  return waitingForLeases(task, (opener) => {
    const file = openAt(opener.kernel.vfs, opener, base, path, how, mode, resolve);
    if (typeof file === 'number') return file;
    if (file.isPending) return waitForOpen(opener, file, how);
    return installFile(opener, file, (how & O_CLOEXEC) !== 0);
  });
}

/** Gives an open file the lowest free descriptor; releases it when there is none. */
export function installFile(task: Task, file: OpenFile, closeOnExec: boolean): number {
  const fd = task.files.install(file, task.group.limits.openFiles, closeOnExec);
  if (fd < 0) file.release();
  return fd;
}

/** A FIFO that waits for its other end. */
function waitForOpen(task: Task, file: OpenFile, how: number): number {
  const result = waitForFile(task, file, 'fifo_open', (sleeper) =>
    file.isPending ? -EAGAIN : installFile(sleeper, file.retain(), (how & O_CLOEXEC) !== 0),
  );
  // The sleep holds its own reference; ours goes with the descriptor.
  file.release();
  return result;
}

/** open(2) and openat(2) ignore flags that they do not know, and modes without O_CREAT. */
function openLenient(task: Task, dirfd: number, addr: number, how: number, mode: number): number {
  const path = readPath(task, addr);
  if (typeof path === 'number') return path;
  let known = how & OPEN_FLAGS;
  if ((known & O_PATH) !== 0) known &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const refused = checkFlags(known);
  return refused < 0 ? refused : openPath(task, dirfd, path, known, mode & 0o7777, 0);
}

/** Combinations that make no sense (`build_open_flags`). */
function checkFlags(how: number): number {
  if ((how & O_TMPFILE_BIT) !== 0) {
    if ((how & O_TMPFILE) !== O_TMPFILE || (how & O_CREAT) !== 0) return -EINVAL;
    if ((how & 3) === 0) return -EINVAL;
  } else if ((how & (O_CREAT | O_DIRECTORY)) === (O_CREAT | O_DIRECTORY)) return -EINVAL;
  return 0;
}

const sysOpen = (task: Task, addr: number, how: number, mode: number): number =>
  openLenient(task, AT_FDCWD, addr, how, mode);

const sysOpenat = (task: Task, dirfd: number, addr: number, how: number, mode: number): number =>
  openLenient(task, dirfd, addr, how, mode);

const sysCreat = (task: Task, addr: number, mode: number): number =>
  openLenient(task, AT_FDCWD, addr, O_CREAT | O_WRONLY | O_TRUNC, mode);

const OPEN_HOW_BYTES = 24;

/** openat2(2): everything unknown is refused. */
function sysOpenat2(task: Task, dirfd: number, addr: number, how: number, size: number): number {
  if (size < OPEN_HOW_BYTES) return -EINVAL;
  if (size > 4096) return -E2BIG;
  const raw = new Uint8Array(size);
  if (task.space.copyIn(how, raw) < 0) return -EFAULT;
  if (raw.subarray(OPEN_HOW_BYTES).some((byte) => byte !== 0)) return -E2BIG;
  const view = new DataView(raw.buffer);
  const wanted = view.getBigUint64(0, true);
  const mode = view.getBigUint64(8, true);
  const resolve = view.getBigUint64(16, true);
  if (wanted > 0xffff_ffffn || (Number(wanted) & ~OPEN_FLAGS) !== 0) return -EINVAL;
  if (resolve > 0xffn || (Number(resolve) & ~RESOLVE_FLAGS) !== 0) return -EINVAL;
  const bits = Number(wanted) | 0;
  const scope = Number(resolve);
  const makes = (bits & (O_CREAT | O_TMPFILE_BIT)) !== 0;
  if (makes ? mode > 0o7777n : mode !== 0n) return -EINVAL;
  if ((scope & RESOLVE_BENEATH) !== 0 && (scope & RESOLVE_IN_ROOT) !== 0) return -EINVAL;
  if ((bits & O_PATH) !== 0 && (bits & ~(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) !== 0)
    return -EINVAL;
  const refused = checkFlags(bits);
  if (refused < 0) return refused;
  // Every name is cached or found at once: RESOLVE_CACHED only rules out what would make files.
  if ((scope & RESOLVE_CACHED) !== 0 && (makes || (bits & O_TRUNC) !== 0)) return -EAGAIN;
  const path = readPath(task, addr);
  if (typeof path === 'number') return path;
  const scoped = scope & (RESOLVE_BENEATH | RESOLVE_IN_ROOT);
  // Under RESOLVE_IN_ROOT even an absolute path starts at dirfd.
  const base = scoped !== 0 && dirfd !== AT_FDCWD ? task.files.get(dirfd) : undefined;
  if (scoped !== 0 && dirfd !== AT_FDCWD && base === undefined) return -EBADF;
  if (base === undefined)
    return openPath(task, dirfd, path, bits, Number(mode), scope & ~RESOLVE_CACHED);
  return openFrom(task, base, path, bits, Number(mode), scope);
}

const sysClose = (task: Task, fd: number): number => task.files.close(fd);

function sysCloseRange(task: Task, first: number, last: number, how: number): number {
  if ((how & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) !== 0) return -EINVAL;
  if (first > last) return -EINVAL;
  if ((how & CLOSE_RANGE_UNSHARE) !== 0 && task.files.isShared) {
    const copy = task.files.clone();
    task.files.leave();
    task.files = copy;
  }
  for (const [fd] of [...task.files.entries()]) {
    if (fd < first || fd > last) continue;
    if ((how & CLOSE_RANGE_CLOEXEC) !== 0) task.files.setCloseOnExec(fd, true);
    else task.files.close(fd);
  }
  return 0;
}

const openFlags = flags(OPEN_FLAG_SET);

const openHow = struct((task, addr) => {
  const bits = task.space.readU32(addr);
  const resolve = task.space.readU32(addr + 16);
  if (bits === undefined || resolve === undefined) return undefined;
  return `{flags=${renderFlags(OPEN_FLAG_SET, bits)}, resolve=0x${resolve.toString(16)}}`;
});

export const OPEN_CLOSE_ROWS: readonly SyscallRow[] = [
  row('open', [path, openFlags, mode], sysOpen),
  row('openat', [dirfd, path, openFlags, mode], sysOpenat),
  row('creat', [path, mode], sysCreat),
  row('openat2', [dirfd, path, openHow, ulong], sysOpenat2),
  row('close', [fd], sysClose),
  row('close_range', [uint, uint, flags(CLOSE_RANGE_SET)], sysCloseRange),
];
