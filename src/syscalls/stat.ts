/** stat(2), statx(2), statfs(2) and their relatives. */

import { EBADF, EFAULT, EINVAL } from '../abi/errno.table.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_NO_AUTOMOUNT,
  AT_STATX_SYNC_TYPE,
  AT_SYMLINK_NOFOLLOW,
} from '../abi/file-flags.ts';
import { majorOf, minorOf } from '../abi/file-mode.ts';
import {
  ST_RDONLY,
  ST_VALID,
  STAT,
  STATFS,
  STATX,
  STATX_ATTR_MOUNT_ROOT,
  STATX_BASIC_STATS,
  STATX_BTIME,
  STATX_MNT_ID,
  STATX_RESERVED,
} from '../abi/stat-layout.ts';
import type { Task } from '../kernel/task.ts';
import { directIndex } from '../mm/address-space.ts';
import type { Location } from '../vfs/dentry.ts';
import type { Inode } from '../vfs/inode.ts';
import { WALK_EMPTY, WALK_FOLLOW, walk } from '../vfs/walk.ts';
import { dirfd, fd, flags, outPointer, path, pointer, struct, uint } from './args.ts';
import { AT_FLAG_SET } from './file-flag-sets.ts';
import { baseOf, readPath } from './file-support.ts';
import { row, type SyscallRow } from './row.ts';

/** `struct ustat`. */
const USTAT_BYTES = 32;
const TWO_32 = 0x1_0000_0000;

/** Stores a non-negative number below 2^53 as 64 bits. */
function put64(view: DataView, at: number, value: number): void {
  // Conversion to 32 bits takes the low half by itself; `%` on doubles is slow (measured: file-stat).
  view.setUint32(at, value, true);
  view.setUint32(at + 4, value < TWO_32 ? 0 : Math.floor(value / TWO_32), true);
}

/** Times may be negative. */
function putTime(view: DataView, at: number, sec: number, nsec: number): void {
  view.setUint32(at, sec >>> 0, true);
  view.setInt32(at + 4, sec >= 0 && sec < TWO_32 ? 0 : Math.floor(sec / TWO_32), true);
  view.setUint32(at + 8, nsec, true);
  view.setUint32(at + 12, 0, true);
}

/** Words of a struct stat at index `base`, so that the most frequent structure needs no DataView. */
function setWord(words: Int32Array, base: number, at: number, value: number): void {
  words[base + (at >> 2)] = value;
  words[base + (at >> 2) + 1] = value < TWO_32 ? 0 : Math.floor(value / TWO_32);
}

function setTimeWords(
  words: Int32Array,
  base: number,
  at: number,
  sec: number,
  nsec: number,
): void {
  words[base + (at >> 2)] = sec;
  words[base + (at >> 2) + 1] = sec >= 0 && sec < TWO_32 ? 0 : Math.floor(sec / TWO_32);
  words[base + (at >> 2) + 2] = nsec;
  words[base + (at >> 2) + 3] = 0;
}

function statInode(task: Task, inode: Inode, addr: number): number {
  const refreshed = inode.refresh();
  if (refreshed < 0) return refreshed;
  const { space } = task;
  // measured: filling a buffer and copying it is a fifth of a stat(2).
  const direct = space.directWords(addr, STAT.bytes, true);
  if (direct !== undefined) {
    fillStat(direct, addr / 4, inode);
    return 0;
  }
  const { scratchWords, scratchStat } = task.kernel;
  fillStat(scratchWords, 0, inode);
  return space.copyOut(addr, scratchStat) < 0 ? -EFAULT : 0;
}

function fillStat(words: Int32Array, base: number, inode: Inode): void {
  const { fs } = inode;
  setWord(words, base, STAT.dev, fs.dev);
  setWord(words, base, STAT.ino, inode.ino);
  setWord(words, base, STAT.nlink, inode.nlink);
  words[base + (STAT.mode >> 2)] = inode.mode;
  words[base + (STAT.uid >> 2)] = inode.uid;
  words[base + (STAT.gid >> 2)] = inode.gid;
  words[base + (STAT.gid >> 2) + 1] = 0;
  setWord(words, base, STAT.rdev, inode.rdev);
  setWord(words, base, STAT.size, inode.size);
  setWord(words, base, STAT.blksize, fs.blockSize);
  setWord(words, base, STAT.blocks, inode.blocks);
  setTimeWords(words, base, STAT.atimeSec, inode.atimeSec, inode.atimeNsec);
  setTimeWords(words, base, STAT.mtimeSec, inode.mtimeSec, inode.mtimeNsec);
  setTimeWords(words, base, STAT.ctimeSec, inode.ctimeSec, inode.ctimeNsec);
  for (let at = 120 >> 2; at < STAT.bytes >> 2; at++) words[base + at] = 0;
}

/** Copies the start of the kernel's scratch out; without a view where that is allowed. */
function copyOutScratch(task: Task, scratch: Uint8Array, addr: number, length: number): number {
  const { space } = task;
  const half = space.direct(addr, length, true);
  if (half !== undefined) {
    const at = directIndex(addr);
    for (let i = 0; i < length; i++) half[at + i] = scratch[i] as number;
    return 0;
  }
  return space.copyOut(addr, scratch.subarray(0, length)) < 0 ? -EFAULT : 0;
}

function statAt(task: Task, dirfd: number, addr: number, how: number, target: number): number {
  const path = readPath(task, addr);
  if (typeof path === 'number') return path;
  const base = baseOf(task, dirfd, path, (how & WALK_EMPTY) !== 0);
  if (typeof base === 'number') return base;
  const { vfs } = task.kernel;
  const found = walk(vfs, task, base, path, how);
  return found < 0 ? found : statInode(task, vfs.walk.dentry.inode, target);
}

const sysStat = (task: Task, addr: number, target: number): number =>
  statAt(task, AT_FDCWD, addr, WALK_FOLLOW, target);

const sysLstat = (task: Task, addr: number, target: number): number =>
  statAt(task, AT_FDCWD, addr, 0, target);

function sysFstat(task: Task, fd: number, target: number): number {
  const file = task.files.get(fd);
  return file === undefined ? -EBADF : statInode(task, file.inode, target);
}

const STAT_FLAGS = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;

function walkFlags(how: number): number {
  const follow = (how & AT_SYMLINK_NOFOLLOW) === 0 ? WALK_FOLLOW : 0;
  return follow | ((how & AT_EMPTY_PATH) !== 0 ? WALK_EMPTY : 0);
}

function sysNewfstatat(task: Task, dir: number, addr: number, target: number, how: number): number {
  if ((how & ~(STAT_FLAGS & ~AT_STATX_SYNC_TYPE)) !== 0) return -EINVAL;
  return statAt(task, dir, addr, walkFlags(how), target);
}

function sysStatx(
  task: Task,
  dirfd: number,
  addr: number,
  how: number,
  mask: number,
  target: number,
): number {
  if ((mask & STATX_RESERVED) !== 0) return -EINVAL;
  if ((how & ~STAT_FLAGS) !== 0) return -EINVAL;
  if ((how & AT_STATX_SYNC_TYPE) === AT_STATX_SYNC_TYPE) return -EINVAL;
  if (addr === 0 && (how & AT_EMPTY_PATH) !== 0 && dirfd !== AT_FDCWD) {
    const file = task.files.get(dirfd);
    return file === undefined ? -EBADF : statxPlace(task, file, mask, target);
  }
  const path = readPath(task, addr);
  if (typeof path === 'number') return path;
  const base = baseOf(task, dirfd, path, (how & AT_EMPTY_PATH) !== 0);
  if (typeof base === 'number') return base;
  const { vfs } = task.kernel;
  const found = walk(vfs, task, base, path, walkFlags(how));
  return found < 0 ? found : statxPlace(task, vfs.walk, mask, target);
}

function statxPlace(task: Task, place: Location, wanted: number, addr: number): number {
  const { inode } = place.dentry;
  const refreshed = inode.refresh();
  if (refreshed < 0) return refreshed;
  const { scratchView: view, scratch } = task.kernel;
  scratch.fill(0, 0, STATX.bytes);
  const hasBirth = inode.btimeSec !== 0 && (wanted & STATX_BTIME) !== 0;
  const mask = STATX_BASIC_STATS | STATX_MNT_ID | (hasBirth ? STATX_BTIME : 0);
  view.setUint32(STATX.mask, mask, true);
  view.setUint32(STATX.blksize, inode.fs.blockSize, true);
  const isMountRoot = place.mount.root === place.dentry;
  put64(view, STATX.attributes, isMountRoot ? STATX_ATTR_MOUNT_ROOT : 0);
  put64(view, STATX.attributesMask, STATX_ATTR_MOUNT_ROOT);
  view.setUint32(STATX.nlink, inode.nlink, true);
  view.setUint32(STATX.uid, inode.uid, true);
  view.setUint32(STATX.gid, inode.gid, true);
  view.setUint16(STATX.mode, inode.mode, true);
  put64(view, STATX.ino, inode.ino);
  put64(view, STATX.size, inode.size);
  put64(view, STATX.blocks, inode.blocks);
  putTime(view, STATX.atimeSec, inode.atimeSec, inode.atimeNsec);
  if (hasBirth) putTime(view, STATX.btimeSec, inode.btimeSec, inode.btimeNsec);
  putTime(view, STATX.ctimeSec, inode.ctimeSec, inode.ctimeNsec);
  putTime(view, STATX.mtimeSec, inode.mtimeSec, inode.mtimeNsec);
  view.setUint32(STATX.rdevMajor, majorOf(inode.rdev), true);
  view.setUint32(STATX.rdevMinor, minorOf(inode.rdev), true);
  view.setUint32(STATX.devMajor, majorOf(inode.fs.dev), true);
  view.setUint32(STATX.devMinor, minorOf(inode.fs.dev), true);
  put64(view, STATX.mountId, place.mount.id);
  return copyOutScratch(task, scratch, addr, STATX.bytes);
}

function statfsPlace(task: Task, place: Location, addr: number): number {
  const { mount } = place;
  const facts = place.dentry.inode.fs.statistics();
  const { scratchView: view, scratch } = task.kernel;
  scratch.fill(0, 0, STATFS.bytes);
  put64(view, STATFS.type, facts.magic);
  put64(view, STATFS.bsize, facts.blockSize);
  put64(view, STATFS.blocks, facts.blocks);
  put64(view, STATFS.bfree, facts.blocksFree);
  put64(view, STATFS.bavail, facts.blocksAvailable);
  put64(view, STATFS.files, facts.files);
  put64(view, STATFS.ffree, facts.filesFree);
  put64(view, STATFS.fsid, mount.fs.dev);
  put64(view, STATFS.namelen, facts.nameMax);
  put64(view, STATFS.frsize, facts.blockSize);
  const readOnly = mount.isReadOnly ? ST_RDONLY : 0;
  put64(view, STATFS.flags, ST_VALID | mount.flags | readOnly);
  return copyOutScratch(task, scratch, addr, STATFS.bytes);
}

function sysStatfs(task: Task, addr: number, target: number): number {
  const path = readPath(task, addr);
  if (typeof path === 'number') return path;
  const { vfs } = task.kernel;
  const found = walk(vfs, task, undefined, path, WALK_FOLLOW);
  return found < 0 ? found : statfsPlace(task, vfs.walk, target);
}

function sysFstatfs(task: Task, fd: number, target: number): number {
  const file = task.files.get(fd);
  return file === undefined ? -EBADF : statfsPlace(task, file, target);
}

/** `struct ustat`: what a mounted device, or what stands for one, has left. */
function sysUstat(task: Task, device: number, target: number): number {
  for (const { fs } of task.kernel.vfs.mounts) {
    if (fs.dev !== device) continue;
    const { blocksFree, filesFree } = fs.statistics();
    const { scratchView: view, scratch } = task.kernel;
    scratch.fill(0, 0, USTAT_BYTES);
    view.setInt32(0, blocksFree, true);
    put64(view, 8, filesFree);
    return copyOutScratch(task, scratch, target, USTAT_BYTES);
  }
  return -EINVAL;
}

/** As strace prints it in short: type and permissions, size or device. */
const statBuffer = struct((task, addr) => {
  const mode = task.space.readU32(addr + STAT.mode);
  const size = task.space.readU64(addr + STAT.size);
  if (mode === undefined || size === undefined) return undefined;
  return `{st_mode=0${mode.toString(8)}, st_size=${size}, ...}`;
}, 'out');

const atFlags = flags(AT_FLAG_SET);

export const STAT_ROWS: readonly SyscallRow[] = [
  row('stat', [path, statBuffer], sysStat),
  row('lstat', [path, statBuffer], sysLstat),
  row('fstat', [fd, statBuffer], sysFstat),
  row('newfstatat', [dirfd, path, statBuffer, atFlags], sysNewfstatat),
  row('statx', [dirfd, path, atFlags, uint, pointer], sysStatx),
  row('statfs', [path, outPointer], sysStatfs),
  row('ustat', [uint, outPointer], sysUstat),
  row('fstatfs', [fd, outPointer], sysFstatfs),
];
