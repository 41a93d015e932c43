/** access(2), chmod(2), chown(2), umask(2), utimensat(2) and their relatives. */

import { EBADF, EFAULT, EINVAL } from '../abi/errno.table.ts';
import { AT_EACCESS, AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../abi/file-flags.ts';
import type { Task } from '../kernel/task.ts';
import {
  accessPlace,
  changeMode,
  changeOwner,
  changeTimes,
  type NewTimes,
} from '../vfs/attributes.ts';
import type { Caller } from '../vfs/caller.ts';
import type { Credentials } from '../vfs/credentials.ts';
import type { Location } from '../vfs/dentry.ts';
import { WALK_EMPTY, WALK_FOLLOW, walk } from '../vfs/walk.ts';
import { dirfd, fd, flags, id, mode, path, struct } from './args.ts';
import { ACCESS_FLAG_SET, ACCESS_MODE_SET, AT_FLAG_SET } from './file-flag-sets.ts';
import { baseOf, dataFile, readPath } from './file-support.ts';
import { row, type SyscallRow } from './row.ts';

/** Walks to what a call is about; the place, or a negative errno. */
function placeAt(
  task: Task,
  dirfd: number,
  addr: number,
  how: number,
  who: Caller = task,
): Location | number {
  const path = readPath(task, addr);
  if (typeof path === 'number') return path;
  const base = baseOf(task, dirfd, path, (how & WALK_EMPTY) !== 0);
  if (typeof base === 'number') return base;
  const { vfs } = task.kernel;
  const found = walk(vfs, who, base, path, how);
  return found < 0 ? found : vfs.walk;
}

const followFlags = (how: number): number =>
  ((how & AT_SYMLINK_NOFOLLOW) === 0 ? WALK_FOLLOW : 0) |
  ((how & AT_EMPTY_PATH) !== 0 ? WALK_EMPTY : 0);

/** access(2) asks with the real ids, and with the capabilities that root would have. */
function realCredentials(task: Task): Credentials {
  const { creds } = task;
  if (creds.uid === creds.fsuid && creds.gid === creds.fsgid) return creds;
  const capabilities = creds.uid === 0 ? Number(creds.permitted & 0xffff_ffffn) | 0 : 0;
  return { fsuid: creds.uid, fsgid: creds.gid, groups: creds.groups, capabilities };
}

function access(task: Task, dirfd: number, addr: number, wanted: number, how: number): number {
  if ((wanted & ~7) !== 0) return -EINVAL;
  if ((how & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const creds = (how & AT_EACCESS) !== 0 ? task.creds : realCredentials(task);
  const who = creds === task.creds ? task : { fs: task.fs, creds };
  const place = placeAt(task, dirfd, addr, followFlags(how), who);
  return typeof place === 'number' ? place : accessPlace(creds, place, wanted);
}

const sysAccess = (task: Task, addr: number, wanted: number): number =>
  access(task, AT_FDCWD, addr, wanted, 0);
const sysFaccessat = (task: Task, dirfd: number, addr: number, wanted: number): number =>
  access(task, dirfd, addr, wanted, 0);
const sysFaccessat2 = (t: Task, dirfd: number, addr: number, wanted: number, how: number): number =>
  access(t, dirfd, addr, wanted, how);

function chmodAt(task: Task, dirfd: number, addr: number, mode: number, how: number): number {
  const place = placeAt(task, dirfd, addr, followFlags(how));
  return typeof place === 'number' ? place : changeMode(task.creds, place, mode);
}

const sysChmod = (task: Task, addr: number, mode: number): number =>
  chmodAt(task, AT_FDCWD, addr, mode, 0);
const sysFchmodat = (task: Task, dirfd: number, addr: number, mode: number): number =>
  chmodAt(task, dirfd, addr, mode, 0);

function sysFchmodat2(task: Task, dirfd: number, addr: number, mode: number, how: number): number {
  if ((how & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  return chmodAt(task, dirfd, addr, mode, how);
}

function sysFchmod(task: Task, fd: number, mode: number): number {
  const file = dataFile(task, fd);
  return file === undefined ? -EBADF : changeMode(task.creds, file, mode);
}

function chownAt(
  task: Task,
  dirfd: number,
  addr: number,
  uid: number,
  gid: number,
  how: number,
): number {
  const place = placeAt(task, dirfd, addr, followFlags(how));
  return typeof place === 'number' ? place : changeOwner(task.creds, place, uid, gid);
}

const sysChown = (task: Task, addr: number, uid: number, gid: number): number =>
  chownAt(task, AT_FDCWD, addr, uid, gid, 0);
const sysLchown = (task: Task, addr: number, uid: number, gid: number): number =>
  chownAt(task, AT_FDCWD, addr, uid, gid, AT_SYMLINK_NOFOLLOW);

function sysFchownat(
  task: Task,
  dirfd: number,
  addr: number,
  uid: number,
  gid: number,
  how: number,
): number {
  if ((how & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  return chownAt(task, dirfd, addr, uid, gid, how);
}

function sysFchown(task: Task, fd: number, uid: number, gid: number): number {
  const file = dataFile(task, fd);
  return file === undefined ? -EBADF : changeOwner(task.creds, file, uid, gid);
}

function sysUmask(task: Task, mask: number): number {
  const before = task.fs.umask;
  task.fs.umask = mask & 0o777;
  return before;
}

// --- times ---------------------------------------------------------------------------------------

const UTIME_NOW = 0x3fff_ffff;
const UTIME_OMIT = 0x3fff_fffe;
const NS_PER_SEC = 1_000_000_000;
const BOTH_NOW: NewTimes = { access: 'now', modification: 'now' };

function setTimes(task: Task, dirfd: number, addr: number, how: number, times: NewTimes): number {
  const place = placeAt(task, dirfd, addr, followFlags(how));
  return typeof place === 'number' ? place : changeTimes(task.creds, place, times);
}

function oneTime(sec: number, nsec: number): NewTimes['access'] | number {
  if (nsec === UTIME_NOW) return 'now';
  if (nsec === UTIME_OMIT) return undefined;
  if (nsec < 0 || nsec >= NS_PER_SEC) return -EINVAL;
  return { sec, nsec };
}

/** Two timespecs. */
function readTimespecs(task: Task, addr: number): NewTimes | number {
  if (addr === 0) return BOTH_NOW;
  const { scratch, scratchView: view } = task.kernel;
  if (task.space.copyIn(addr, scratch.subarray(0, 32)) < 0) return -EFAULT;
  const parts = [0, 16].map((at) =>
    oneTime(Number(view.getBigInt64(at, true)), Number(view.getBigInt64(at + 8, true))),
  );
  const [access, modification] = parts;
  if (typeof access === 'number') return access;
  if (typeof modification === 'number') return modification;
  return { access, modification };
}

/** Two timevals: microseconds. */
function readTimevals(task: Task, addr: number): NewTimes | number {
  if (addr === 0) return BOTH_NOW;
  const { scratch, scratchView: view } = task.kernel;
  if (task.space.copyIn(addr, scratch.subarray(0, 32)) < 0) return -EFAULT;
  const values = [0, 8, 16, 24].map((at) => Number(view.getBigInt64(at, true)));
  const [aSec, aUsec, mSec, mUsec] = values as [number, number, number, number];
  if (aUsec < 0 || aUsec >= 1_000_000 || mUsec < 0 || mUsec >= 1_000_000) return -EINVAL;
  return {
    access: { sec: aSec, nsec: aUsec * 1000 },
    modification: { sec: mSec, nsec: mUsec * 1000 },
  };
}

function sysUtimensat(task: Task, dirfd: number, addr: number, times: number, how: number): number {
  const wanted = readTimespecs(task, times);
  if (typeof wanted === 'number') return wanted;
  // utimensat(2), HISTORY: nothing is looked at when both times are omitted.
  if (wanted.access === undefined && wanted.modification === undefined) return 0;
  if ((how & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  if (addr === 0 && dirfd !== AT_FDCWD) {
    if (how !== 0) return -EINVAL;
    const file = dataFile(task, dirfd);
    return file === undefined ? -EBADF : changeTimes(task.creds, file, wanted);
  }
  return setTimes(task, dirfd, addr, how, wanted);
}

function sysUtimes(task: Task, addr: number, times: number): number {
  const wanted = readTimevals(task, times);
  return typeof wanted === 'number' ? wanted : setTimes(task, AT_FDCWD, addr, 0, wanted);
}

function sysFutimesat(task: Task, dirfd: number, addr: number, times: number): number {
  const wanted = readTimevals(task, times);
  if (typeof wanted === 'number') return wanted;
  if (addr === 0) {
    const file = dataFile(task, dirfd);
    return file === undefined ? -EBADF : changeTimes(task.creds, file, wanted);
  }
  return setTimes(task, dirfd, addr, 0, wanted);
}

function sysUtime(task: Task, addr: number, times: number): number {
  if (times === 0) return setTimes(task, AT_FDCWD, addr, 0, BOTH_NOW);
  const { scratch, scratchView: view } = task.kernel;
  if (task.space.copyIn(times, scratch.subarray(0, 16)) < 0) return -EFAULT;
  const access = { sec: Number(view.getBigInt64(0, true)), nsec: 0 };
  const modification = { sec: Number(view.getBigInt64(8, true)), nsec: 0 };
  return setTimes(task, AT_FDCWD, addr, 0, { access, modification });
}

const timespecs = struct((task, addr) => {
  const parts: string[] = [];
  for (const at of [addr, addr + 16]) {
    const sec = task.space.readU64(at);
    const nsec = task.space.readU64(at + 8);
    if (sec === undefined || nsec === undefined) return undefined;
    parts.push(
      nsec === UTIME_NOW ? 'UTIME_NOW' : nsec === UTIME_OMIT ? 'UTIME_OMIT' : `${sec}.${nsec}`,
    );
  }
  return `[${parts.join(', ')}]`;
});

const wantedAccess = flags(ACCESS_MODE_SET);
const atFlags = flags(AT_FLAG_SET);

export const FILE_ATTRIBUTE_ROWS: readonly SyscallRow[] = [
  row('access', [path, wantedAccess], sysAccess),
  row('faccessat', [dirfd, path, wantedAccess], sysFaccessat),
  row('faccessat2', [dirfd, path, wantedAccess, flags(ACCESS_FLAG_SET)], sysFaccessat2),
  row('chmod', [path, mode], sysChmod),
  row('fchmod', [fd, mode], sysFchmod),
  row('fchmodat', [dirfd, path, mode], sysFchmodat),
  row('fchmodat2', [dirfd, path, mode, atFlags], sysFchmodat2),
  row('chown', [path, id, id], sysChown),
  row('lchown', [path, id, id], sysLchown),
  row('fchown', [fd, id, id], sysFchown),
  row('fchownat', [dirfd, path, id, id, atFlags], sysFchownat),
  row('umask', [mode], sysUmask, { result: 'octal' }),
  row('utimensat', [dirfd, path, timespecs, atFlags], sysUtimensat),
  row('utimes', [path, timespecs], sysUtimes),
  row('futimesat', [dirfd, path, timespecs], sysFutimesat),
  row('utime', [path, timespecs], sysUtime),
];
