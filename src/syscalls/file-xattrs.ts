/** getxattr(2), setxattr(2), listxattr(2), removexattr(2), by path, link and descriptor. */

import { E2BIG, EBADF, EFAULT, EINVAL, ENAMETOOLONG, ERANGE } from '../abi/errno.table.ts';
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  XATTR_LIST_MAX,
  XATTR_NAME_MAX,
  XATTR_SIZE_MAX,
} from '../abi/file-flags.ts';
import type { Task } from '../kernel/task.ts';
import { byteString, bytesOf } from '../vfs/byte-string.ts';
import type { Location } from '../vfs/dentry.ts';
import { WALK_EMPTY, WALK_FOLLOW, walk } from '../vfs/walk.ts';
import { fitResult, getXattr, listXattr, removeXattr, setXattr } from '../vfs/xattrs.ts';
import { dirfd, fd, flags, inBytes, outBytes, path, pointer, size } from './args.ts';
import { XATTR_FLAG_SET } from './file-flag-sets.ts';
import { baseOf, dataFile, readPath } from './file-support.ts';
import { allBits } from './flags.ts';
import { type Handler, row, type SyscallRow } from './row.ts';

/** How a call names its file. */
type Find = (task: Task, what: number) => Location | number;

const byPath =
  (how: number): Find =>
  (task, addr) => {
    const path = readPath(task, addr);
    if (typeof path === 'number') return path;
    const { vfs } = task.kernel;
    const found = walk(vfs, task, undefined, path, how);
    return found < 0 ? found : vfs.walk;
  };

const follow = byPath(WALK_FOLLOW);
const noFollow = byPath(0);
const byFd: Find = (task, fd) => dataFile(task, fd) ?? -EBADF;

function readName(task: Task, addr: number): string | number {
  const bytes = task.space.readCString(addr, XATTR_NAME_MAX + 1);
  if (typeof bytes === 'number') return bytes === -ENAMETOOLONG ? -ERANGE : bytes;
  if (bytes.length === 0 || bytes.length > XATTR_NAME_MAX) return -ERANGE;
  return byteString(bytes);
}

const get =
  (find: Find) =>
  (task: Task, what: number, nameAt: number, valueAt: number, size: number): number => {
    const name = readName(task, nameAt);
    if (typeof name === 'number') return name;
    const place = find(task, what);
    if (typeof place === 'number') return place;
    const value = getXattr(task.creds, place, name);
    if (typeof value === 'number') return value;
    const fit = fitResult(value.length, Math.min(size, XATTR_SIZE_MAX));
    if (fit < 0 || size === 0) return fit;
    return task.space.copyOut(valueAt, value) < 0 ? -EFAULT : fit;
  };

const XATTR_BITS = allBits(XATTR_FLAG_SET);

const set =
  (find: Find) =>
  (task: Task, what: number, nameAt: number, valueAt: number, size: number, how: number) => {
    if ((how & ~XATTR_BITS) !== 0) return -EINVAL;
    const name = readName(task, nameAt);
    if (typeof name === 'number') return name;
    if (size > XATTR_SIZE_MAX) return -E2BIG;
    const value = new Uint8Array(size);
    if (size > 0 && task.space.copyIn(valueAt, value) < 0) return -EFAULT;
    const place = find(task, what);
    return typeof place === 'number' ? place : setXattr(task.creds, place, name, value, how);
  };

const list =
  (find: Find) =>
  (task: Task, what: number, listAt: number, size: number): number => {
    const place = find(task, what);
    if (typeof place === 'number') return place;
    const names = listXattr(task.creds, place);
    if (typeof names === 'number') return names;
    const bytes = bytesOf(names.map((name) => `${name}\0`).join(''));
    const fit = fitResult(bytes.length, Math.min(size, XATTR_LIST_MAX));
    if (fit < 0 || size === 0) return fit;
    return task.space.copyOut(listAt, bytes) < 0 ? -EFAULT : fit;
  };

const remove =
  (find: Find) =>
  (task: Task, what: number, nameAt: number): number => {
    const name = readName(task, nameAt);
    if (typeof name === 'number') return name;
    const place = find(task, what);
    return typeof place === 'number' ? place : removeXattr(task.creds, place, name);
  };

const AT_BITS = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
const XATTR_ARGS_BYTES = 16;

/** The place of the calls with a directory: with AT_EMPTY_PATH and no path, the descriptor's own file. */
function placeOf(task: Task, dirfd: number, addr: number, how: number): Location | number {
  if ((how & ~AT_BITS) !== 0) return -EINVAL;
  const mayBeEmpty = (how & AT_EMPTY_PATH) !== 0;
  if (mayBeEmpty && addr === 0 && dirfd >= 0) return byFd(task, dirfd);
  const path = readPath(task, addr);
  if (typeof path === 'number') return path;
  if (mayBeEmpty && path.isEmpty && dirfd >= 0) return byFd(task, dirfd);
  const base = baseOf(task, dirfd, path, mayBeEmpty);
  if (typeof base === 'number') return base;
  const follow = (how & AT_SYMLINK_NOFOLLOW) === 0 ? WALK_FOLLOW : 0;
  const { vfs } = task.kernel;
  const found = walk(vfs, task, base, path, follow | (mayBeEmpty ? WALK_EMPTY : 0));
  return found < 0 ? found : vfs.walk;
}

/** `struct xattr_args`. */
interface XattrArgs {
  readonly value: number;
  readonly size: number;
  readonly flags: number;
}

function readXattrArgs(task: Task, addr: number, size: number): XattrArgs | number {
  if (size < XATTR_ARGS_BYTES) return -EINVAL;
  if (size > 4096) return -E2BIG;
  const raw = new Uint8Array(size);
  if (task.space.copyIn(addr, raw) < 0) return -EFAULT;
  if (raw.subarray(XATTR_ARGS_BYTES).some((byte) => byte !== 0)) return -E2BIG;
  const view = new DataView(raw.buffer);
  const value = Number(view.getBigUint64(0, true));
  return { value, size: view.getUint32(8, true), flags: view.getUint32(12, true) };
}

function sysSetxattrat(
  ...[task, dirfd, pathAt, how, nameAt, argsAt, size]: Parameters<Handler>
): number {
  const args = readXattrArgs(task, argsAt, size);
  if (typeof args === 'number') return args;
  const find = () => placeOf(task, dirfd, pathAt, how);
  if ((how & ~AT_BITS) !== 0) return -EINVAL;
  return set(find)(task, 0, nameAt, args.value, args.size, args.flags);
}

function sysGetxattrat(
  ...[task, dirfd, pathAt, how, nameAt, argsAt, size]: Parameters<Handler>
): number {
  const args = readXattrArgs(task, argsAt, size);
  if (typeof args === 'number') return args;
  if (args.flags !== 0 || (how & ~AT_BITS) !== 0) return -EINVAL;
  const find = () => placeOf(task, dirfd, pathAt, how);
  return get(find)(task, 0, nameAt, args.value, args.size);
}

const sysListxattrat: Handler = (task, dirfd, pathAt, how, listAt, size) =>
  list(() => placeOf(task, dirfd, pathAt, how))(task, 0, listAt, size);

const sysRemovexattrat: Handler = (task, dirfd, pathAt, how, nameAt) =>
  (how & ~AT_BITS) !== 0
    ? -EINVAL
    : remove(() => placeOf(task, dirfd, pathAt, how))(task, 0, nameAt);

const how = flags(XATTR_FLAG_SET);
const at = flags({ AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH });

export const FILE_XATTR_ROWS: readonly SyscallRow[] = [
  row('getxattr', [path, path, outBytes, size], get(follow)),
  row('lgetxattr', [path, path, outBytes, size], get(noFollow)),
  row('fgetxattr', [fd, path, outBytes, size], get(byFd)),
  row('setxattr', [path, path, inBytes(3), size, how], set(follow)),
  row('lsetxattr', [path, path, inBytes(3), size, how], set(noFollow)),
  row('fsetxattr', [fd, path, inBytes(3), size, how], set(byFd)),
  row('listxattr', [path, outBytes, size], list(follow)),
  row('llistxattr', [path, outBytes, size], list(noFollow)),
  row('flistxattr', [fd, outBytes, size], list(byFd)),
  row('removexattr', [path, path], remove(follow)),
  row('lremovexattr', [path, path], remove(noFollow)),
  row('fremovexattr', [fd, path], remove(byFd)),
  row('setxattrat', [dirfd, path, at, path, pointer, size], sysSetxattrat),
  row('getxattrat', [dirfd, path, at, path, pointer, size], sysGetxattrat),
  row('listxattrat', [dirfd, path, at, outBytes, size], sysListxattrat),
  row('removexattrat', [dirfd, path, at, path], sysRemovexattrat),
];
