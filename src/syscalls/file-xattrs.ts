/** getxattr(2), setxattr(2), listxattr(2), removexattr(2), by path, link and descriptor. */

import { E2BIG, EBADF, EFAULT, EINVAL, ENAMETOOLONG, ERANGE } from '../abi/errno.table.ts';
import { XATTR_LIST_MAX, XATTR_NAME_MAX, XATTR_SIZE_MAX } from '../abi/file-flags.ts';
import type { Task } from '../kernel/task.ts';
import { byteString, bytesOf } from '../vfs/byte-string.ts';
import type { Location } from '../vfs/dentry.ts';
import { WALK_FOLLOW, walk } from '../vfs/walk.ts';
import { fitResult, getXattr, listXattr, removeXattr, setXattr } from '../vfs/xattrs.ts';
import { fd, flags, inBytes, outBytes, path, size } from './args.ts';
import { XATTR_FLAG_SET } from './file-flag-sets.ts';
import { dataFile, readPath } from './file-support.ts';
import { allBits } from './flags.ts';
import { row, type SyscallRow } from './row.ts';

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

const how = flags(XATTR_FLAG_SET);

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
];
