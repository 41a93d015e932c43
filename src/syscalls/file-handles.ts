/**
 * name_to_handle_at(2), open_by_handle_at(2). A handle is a number that this kernel gave to a file;
 * it lives as long as the file's name is known here, else ESTALE.
 */

import { CAP_DAC_READ_SEARCH } from '../abi/capability.ts';
import { EBADF, EFAULT, EINVAL, EOPNOTSUPP, EOVERFLOW, EPERM, ESTALE } from '../abi/errno.table.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_HANDLE_FID,
  AT_SYMLINK_FOLLOW,
  O_CLOEXEC,
  OPEN_FLAGS,
} from '../abi/file-flags.ts';
import type { Task } from '../kernel/task.ts';
import { openPlace } from '../vfs/open.ts';
import { WALK_EMPTY, WALK_FOLLOW, walk } from '../vfs/walk.ts';
import { dirfd, fd, flags, path, pointer } from './args.ts';
import { HANDLE_FLAG_SET, OPEN_FLAG_SET } from './file-flag-sets.ts';
import { baseOf, readPath } from './file-support.ts';
import { installFile } from './open-close.ts';
import { row, type SyscallRow } from './row.ts';

/** `struct file_handle`: handle_bytes, handle_type, then the handle. */
const HEADER_BYTES = 8;
const HANDLE_BYTES = 8;
const MAX_HANDLE_BYTES = 128;
/** Ours alone: "CL". */
const HANDLE_TYPE = 0x434c;

function sysNameToHandleAt(
  task: Task,
  dir: number,
  nameAt: number,
  handleAt: number,
  mountIdAt: number,
  how: number,
): number {
  if ((how & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | AT_HANDLE_FID)) !== 0) return -EINVAL;
  const name = readPath(task, nameAt);
  const isEmptyAllowed = (how & AT_EMPTY_PATH) !== 0;
  if (typeof name === 'number') return name;
  const base = baseOf(task, dir, name, isEmptyAllowed);
  if (typeof base === 'number') return base;
  const { vfs } = task.kernel;
  const follow = (how & AT_SYMLINK_FOLLOW) !== 0 ? WALK_FOLLOW : 0;
  const found = walk(vfs, task, base, name, follow | (isEmptyAllowed ? WALK_EMPTY : 0));
  if (found < 0) return found;
  const { mount, dentry } = vfs.walk;
  if (!dentry.inode.fs.hasHandles) return -EOPNOTSUPP;
  const { space } = task;
  const room = space.readU32(handleAt);
  if (room === undefined) return -EFAULT;
  if (room > MAX_HANDLE_BYTES) return -EINVAL;
  if (space.writeU32(mountIdAt, mount.id) < 0) return -EFAULT;
  if (space.writeU32(handleAt, HANDLE_BYTES) < 0) return -EFAULT;
  if (room < HANDLE_BYTES) return -EOVERFLOW;
  if (space.writeU32(handleAt + 4, HANDLE_TYPE) < 0) return -EFAULT;
  const handle = vfs.handles.handleOf(dentry);
  return space.writeU64(handleAt + HEADER_BYTES, handle) < 0 ? -EFAULT : 0;
}

function sysOpenByHandleAt(task: Task, mountFd: number, handleAt: number, how: number): number {
  const { space } = task;
  const length = space.readU32(handleAt);
  const type = space.readU32(handleAt + 4);
  if (length === undefined || type === undefined) return -EFAULT;
  if (length === 0 || length > MAX_HANDLE_BYTES) return -EINVAL;
  const place = mountFd === AT_FDCWD ? task.fs.cwd : task.files.get(mountFd);
  if (place === undefined) return -EBADF;
  if (!task.creds.has(CAP_DAC_READ_SEARCH)) return -EPERM;
  const handle = space.readU64(handleAt + HEADER_BYTES);
  if (handle === undefined) return -EFAULT;
  const { vfs } = task.kernel;
  const isOurs = type === HANDLE_TYPE && length === HANDLE_BYTES;
  const dentry = isOurs ? vfs.handles.dentryOf(handle) : undefined;
  if (dentry === undefined || dentry.inode.fs !== place.mount.fs) return -ESTALE;
  const known = how & OPEN_FLAGS;
  const file = openPlace(vfs, task, { mount: place.mount, dentry }, known);
  if (typeof file === 'number') return file;
  return installFile(task, file, (how & O_CLOEXEC) !== 0);
}

export const FILE_HANDLE_ROWS: readonly SyscallRow[] = [
  row(
    'name_to_handle_at',
    [dirfd, path, pointer, pointer, flags(HANDLE_FLAG_SET)],
    sysNameToHandleAt,
    { coverage: 'partial', note: 'a handle lives as long as its file has a name here' },
  ),
  row('open_by_handle_at', [fd, pointer, flags(OPEN_FLAG_SET)], sysOpenByHandleAt),
];
