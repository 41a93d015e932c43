/** mount(2) and umount2(2): what the root of an instance may do to its own tree. */

import { CAP_SYS_ADMIN } from '../abi/capability.ts';
import { EFAULT, EINVAL, ENAMETOOLONG, ENOENT, ENOSYS, EPERM } from '../abi/errno.table.ts';
import { PATH_MAX } from '../abi/file-flags.ts';
import * as M from '../abi/mount-flags.ts';
import {
  ST_NOATIME,
  ST_NODEV,
  ST_NODIRATIME,
  ST_NOEXEC,
  ST_NOSUID,
  ST_RDONLY,
  ST_RELATIME,
} from '../abi/stat-layout.ts';
import type { Task } from '../kernel/task.ts';
import { byteString, bytesOf } from '../vfs/byte-string.ts';
import { type Location, sameLocation } from '../vfs/dentry.ts';
import { bindMount, mountNew, moveMount, pivotRoot, remount, unmount } from '../vfs/mounting.ts';
import { WALK_DIRECTORY, WALK_FOLLOW, walk } from '../vfs/walk.ts';
import { flags, int, kind, path, pointer } from './args.ts';
import { MOUNT_FLAG_SET, UMOUNT_FLAG_SET } from './file-flag-sets.ts';
import { readPath } from './file-support.ts';
import { allBits } from './flags.ts';
import { row, type SyscallRow } from './row.ts';

const PAGE = 4096;
/** mount(2)'s flag on the left, the mount's on the right. */
const MOUNT_BITS: readonly (readonly [number, number])[] = [
  [M.MS_RDONLY, ST_RDONLY],
  [M.MS_NOSUID, ST_NOSUID],
  [M.MS_NODEV, ST_NODEV],
  [M.MS_NOEXEC, ST_NOEXEC],
  [M.MS_NOATIME, ST_NOATIME],
  [M.MS_NODIRATIME, ST_NODIRATIME],
];
const PROPAGATION = M.MS_SHARED | M.MS_PRIVATE | M.MS_SLAVE | M.MS_UNBINDABLE;

/** A lasting place for a path, or a negative errno. */
function placeOf(task: Task, addr: number, how: number): Location | number {
  const path = readPath(task, addr);
  if (typeof path === 'number') return path;
  const { vfs } = task.kernel;
  const found = walk(vfs, task, undefined, path, how);
  return found < 0 ? found : vfs.walk.location;
}

/** A string of at most a page; undefined for a null pointer. */
function readString(task: Task, addr: number): string | undefined | number {
  if (addr === 0) return undefined;
  const bytes = task.space.readCString(addr, PATH_MAX);
  if (typeof bytes === 'number') return bytes === -ENAMETOOLONG ? -EINVAL : bytes;
  return byteString(bytes);
}

/** The data page: text up to its end, or up to where memory ends. */
function readOptions(task: Task, addr: number): string | number {
  if (addr === 0) return '';
  const bytes = new Uint8Array(PAGE);
  const length = task.space.copyInPartial(addr, bytes);
  if (length === 0) return -EFAULT;
  const end = bytes.indexOf(0);
  return byteString(bytes, 0, end < 0 ? length : Math.min(end, length));
}

function mountFlags(how: number): number {
  let bits = 0;
  for (const [asked, bit] of MOUNT_BITS) if ((how & asked) !== 0) bits |= bit;
  const isStrict = (how & (M.MS_NOATIME | M.MS_STRICTATIME)) !== 0;
  return isStrict ? bits : bits | ST_RELATIME;
}

function sysMount(
  task: Task,
  sourceAt: number,
  targetAt: number,
  typeAt: number,
  howGiven: number,
  dataAt: number,
): number {
  const type = readString(task, typeAt);
  if (typeof type === 'number') return type;
  const source = readString(task, sourceAt);
  if (typeof source === 'number') return source;
  const options = readOptions(task, dataAt);
  if (typeof options === 'number') return options;
  const at = placeOf(task, targetAt, WALK_FOLLOW);
  if (typeof at === 'number') return at;
  if (!task.creds.has(CAP_SYS_ADMIN)) return -EPERM;
  const hasMagic = (howGiven & 0xffff_0000) === (M.MS_MGC_VAL | 0);
  const how = hasMagic ? howGiven & 0xffff : howGiven;
  const { vfs } = task.kernel;
  if ((how & M.MS_REMOUNT) !== 0)
    return remount(at, options, mountFlags(how), (how & M.MS_BIND) === 0);
  if ((how & (M.MS_BIND | M.MS_MOVE)) !== 0) {
    if (source === undefined || source === '') return -EINVAL;
    const from = placeOf(task, sourceAt, WALK_FOLLOW);
    if (typeof from === 'number') return from;
    if ((how & M.MS_BIND) === 0) return moveMount(vfs, from, at);
    return bindMount(vfs, from, at, (how & M.MS_REC) !== 0);
  }
  if ((how & PROPAGATION) !== 0) return setPropagation(at, how);
  if (type === undefined) return -EINVAL;
  return mountNew(vfs, at, type, source ?? 'none', options, mountFlags(how));
}

/** There is one namespace, so nothing propagates: only "unbindable" makes a difference. */
function setPropagation({ mount, dentry }: Location, how: number): number {
  const kinds = how & PROPAGATION;
  if ((kinds & (kinds - 1)) !== 0) return -EINVAL;
  if ((how & ~(PROPAGATION | M.MS_REC | M.MS_SILENT)) !== 0) return -EINVAL;
  if (mount.root !== dentry) return -EINVAL;
  mount.isUnbindable = kinds === M.MS_UNBINDABLE;
  return 0;
}

const UMOUNT_BITS = allBits(UMOUNT_FLAG_SET);

function sysUmount2(task: Task, targetAt: number, how: number): number {
  if ((how & ~UMOUNT_BITS) !== 0) return -EINVAL;
  const at = placeOf(task, targetAt, (how & M.UMOUNT_NOFOLLOW) !== 0 ? 0 : WALK_FOLLOW);
  if (typeof at === 'number') return at;
  if (!task.creds.has(CAP_SYS_ADMIN)) return -EPERM;
  const expire = (how & M.MNT_EXPIRE) !== 0;
  if (at.mount.root !== at.dentry) return -EINVAL;
  if (expire && (how & (M.MNT_FORCE | M.MNT_DETACH)) !== 0) return -EINVAL;
  return unmount(task.kernel.vfs, at, { lazily: (how & M.MNT_DETACH) !== 0, expire });
}

function sysPivotRoot(task: Task, nextAt: number, oldAt: number): number {
  if (!task.creds.has(CAP_SYS_ADMIN)) return -EPERM;
  const next = placeOf(task, nextAt, WALK_FOLLOW | WALK_DIRECTORY);
  if (typeof next === 'number') return next;
  const old = placeOf(task, oldAt, WALK_FOLLOW | WALK_DIRECTORY);
  if (typeof old === 'number') return old;
  const { vfs, processes } = task.kernel;
  const { root } = task.fs;
  const result = pivotRoot(vfs, root, next, old);
  if (result < 0) return result;
  // Whoever stands in the old root comes along (`chroot_fs_refs`).
  for (const { fs } of processes.tasks()) {
    if (sameLocation(fs.root, root)) fs.root = next;
    if (sameLocation(fs.cwd, root)) fs.cwd = next;
  }
  return 0;
}

/** sysfs(2): file system types by number and by name; where there are no more, EINVAL. */
function sysSysfs(task: Task, option: number, first: number, second: number): number {
  const names = [...task.kernel.vfs.fileSystemTypes.keys()];
  if (option === 3) return names.length;
  if (option === 1) {
    const name = readString(task, first);
    if (typeof name === 'number') return name;
    if (name === undefined) return -EFAULT;
    const index = names.indexOf(name);
    return index < 0 ? -EINVAL : index;
  }
  const name = option === 2 ? names[first] : undefined;
  if (name === undefined) return -EINVAL;
  return task.space.copyOut(second, bytesOf(`${name}\0`)) < 0 ? -EFAULT : 0;
}

/** Refused as a kernel without CONFIG_BSD_PROCESS_ACCT does, after the checks that come first. */
function sysAcct(task: Task, addr: number): number {
  if (!task.creds.has(CAP_SYS_ADMIN)) return -EPERM;
  if (addr === 0) return -ENOSYS;
  const place = placeOf(task, addr, WALK_FOLLOW);
  return typeof place === 'number' ? place : -ENOSYS;
}

const Q_SYNC = 0x800001;

/** No file system here has quotas. */
function sysQuotactl(task: Task, command: number, special: number): number {
  if (command >>> 8 === Q_SYNC && special === 0) return 0;
  const place = placeOf(task, special, WALK_FOLLOW);
  return typeof place === 'number' ? place : -ENOENT;
}

const mountBits = flags(MOUNT_FLAG_SET);
const command = kind(1, (value) => `0x${value.toString(16)}`);

export const MOUNT_ROWS: readonly SyscallRow[] = [
  row('mount', [path, path, path, mountBits, pointer], sysMount, {
    coverage: 'partial',
    note: 'tmpfs, proc, devpts, bind, move, remount; one namespace, so nothing propagates',
  }),
  row('umount2', [path, flags(UMOUNT_FLAG_SET)], sysUmount2),
  row('sysfs', [int, pointer, pointer], sysSysfs),
  row('pivot_root', [path, path], sysPivotRoot),
  row('acct', [path], sysAcct, { coverage: 'refused' }),
  row('quotactl', [command, path, pointer, pointer], sysQuotactl, { coverage: 'refused' }),
];
