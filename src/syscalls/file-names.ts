/** mkdir(2) … rename(2), link(2), readlink(2), getcwd(2), chdir(2), chroot(2). */

import { CAP_SYS_CHROOT } from '../abi/capability.ts';
import {
  EACCES,
  EBADF,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOTDIR,
  EPERM,
  ERANGE,
} from '../abi/errno.table.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  X_OK,
} from '../abi/file-flags.ts';
import { isDirectory } from '../abi/file-mode.ts';
import type { Task } from '../kernel/task.ts';
import { bytesOf } from '../vfs/byte-string.ts';
import { checkAccess } from '../vfs/credentials.ts';
import type { Location } from '../vfs/dentry.ts';
import { linkAt, mkdirAt, mknodAt, readlinkAt, symlinkAt } from '../vfs/names.ts';
import type { Path } from '../vfs/path.ts';
import { pathFrom } from '../vfs/place.ts';
import { rmdirAt, unlinkAt } from '../vfs/remove.ts';
import { renameAt } from '../vfs/rename.ts';
import { WALK_DIRECTORY, WALK_FOLLOW, walk } from '../vfs/walk.ts';
import { dirfd, fd, flags, mode, outBytes, path, size, uint } from './args.ts';
import { AT_FLAG_SET, RENAME_FLAG_SET, UNLINK_FLAG_SET } from './file-flag-sets.ts';
import { baseOf, readPath } from './file-support.ts';
import { allBits } from './flags.ts';
import { row, type SyscallRow } from './row.ts';

/** Reads a path, finds its base and calls; the frame of every call on one name. */
function onPath(
  task: Task,
  dirfd: number,
  addr: number,
  call: (base: Location | undefined, path: Path) => number,
  mayBeEmpty = false,
): number {
  const path = readPath(task, addr);
  if (typeof path === 'number') return path;
  const base = baseOf(task, dirfd, path, mayBeEmpty);
  return typeof base === 'number' ? base : call(base, path);
}

const sysMkdirat = (task: Task, dirfd: number, addr: number, mode: number): number =>
  onPath(task, dirfd, addr, (base, path) => mkdirAt(task.kernel.vfs, task, base, path, mode));
const sysMkdir = (task: Task, addr: number, mode: number): number =>
  sysMkdirat(task, AT_FDCWD, addr, mode);

const sysMknodat = (task: Task, dirfd: number, addr: number, mode: number, dev: number): number =>
  onPath(task, dirfd, addr, (base, path) =>
    mknodAt(task.kernel.vfs, task, base, path, mode & 0xffff, dev),
  );
const sysMknod = (task: Task, addr: number, mode: number, dev: number): number =>
  sysMknodat(task, AT_FDCWD, addr, mode, dev);

const sysRmdir = (task: Task, addr: number): number =>
  onPath(task, AT_FDCWD, addr, (base, path) => rmdirAt(task.kernel.vfs, task, base, path));
const sysUnlink = (task: Task, addr: number): number =>
  onPath(task, AT_FDCWD, addr, (base, path) => unlinkAt(task.kernel.vfs, task, base, path));

function sysUnlinkat(task: Task, dirfd: number, addr: number, how: number): number {
  if ((how & ~AT_REMOVEDIR) !== 0) return -EINVAL;
  const remove = (how & AT_REMOVEDIR) !== 0 ? rmdirAt : unlinkAt;
  return onPath(task, dirfd, addr, (base, path) => remove(task.kernel.vfs, task, base, path));
}

const RENAME_BITS = allBits(RENAME_FLAG_SET);

function sysRenameat2(
  task: Task,
  oldDir: number,
  oldAddr: number,
  newDir: number,
  newAddr: number,
  how: number,
): number {
  if ((how & ~RENAME_BITS) !== 0) return -EINVAL;
  return onPath(task, oldDir, oldAddr, (oldBase, oldPath) =>
    onPath(task, newDir, newAddr, (newBase, newPath) =>
      renameAt(task.kernel.vfs, task, oldBase, oldPath, newBase, newPath, how),
    ),
  );
}

const sysRenameat = (t: Task, oldDir: number, oldAddr: number, newDir: number, newAddr: number) =>
  sysRenameat2(t, oldDir, oldAddr, newDir, newAddr, 0);
const sysRename = (task: Task, oldAddr: number, newAddr: number): number =>
  sysRenameat2(task, AT_FDCWD, oldAddr, AT_FDCWD, newAddr, 0);

function sysLinkat(
  task: Task,
  oldDir: number,
  oldAddr: number,
  newDir: number,
  newAddr: number,
  how: number,
): number {
  if ((how & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const follow = (how & AT_SYMLINK_FOLLOW) !== 0;
  const empty = (how & AT_EMPTY_PATH) !== 0;
  const { vfs } = task.kernel;
  const link = (oldBase: Location | undefined, oldPath: Path) => {
    let isNamed = false;
    const result = onPath(task, newDir, newAddr, (newBase, newPath) => {
      isNamed = true;
      return linkAt(vfs, task, oldBase, oldPath, newBase, newPath, follow, empty);
    });
    if (isNamed || oldPath.isEmpty) return result;
    // What is wrong with the old name comes before a new one that cannot be read.
    return Math.min(walk(vfs, task, oldBase, oldPath, follow ? WALK_FOLLOW : 0), 0) || result;
  };
  return onPath(task, oldDir, oldAddr, link, empty);
}

const sysLink = (task: Task, oldAddr: number, newAddr: number): number =>
  sysLinkat(task, AT_FDCWD, oldAddr, AT_FDCWD, newAddr, 0);

function sysSymlinkat(task: Task, target: number, dirfd: number, addr: number): number {
  const text = readPath(task, target);
  if (typeof text === 'number') return text;
  return onPath(task, dirfd, addr, (base, path) =>
    symlinkAt(task.kernel.vfs, task, text, base, path),
  );
}

const sysSymlink = (task: Task, target: number, addr: number): number =>
  sysSymlinkat(task, target, AT_FDCWD, addr);

function sysReadlinkat(
  task: Task,
  dirfd: number,
  addr: number,
  target: number,
  size: number,
): number {
  if ((size | 0) <= 0 || size > 0x7fff_ffff) return -EINVAL;
  const path = readPath(task, addr);
  if (typeof path === 'number') return path;
  const base = baseOf(task, dirfd, path, true);
  if (typeof base === 'number') return base;
  const text = readlinkAt(task.kernel.vfs, task, base, path);
  if (typeof text === 'number') return text;
  const bytes = bytesOf(text).subarray(0, size);
  return task.space.copyOut(target, bytes) < 0 ? -EFAULT : bytes.length;
}

const sysReadlink = (task: Task, addr: number, target: number, size: number): number =>
  sysReadlinkat(task, AT_FDCWD, addr, target, size);

function sysGetcwd(task: Task, addr: number, size: number): number {
  const { cwd, root } = task.fs;
  if (cwd.dentry.isDeleted) return -ENOENT;
  const path = pathFrom(root, cwd) ?? `(unreachable)${pathFrom(task.kernel.vfs.root, cwd) ?? '/'}`;
  const bytes = bytesOf(`${path}\0`);
  if (bytes.length > size) return -ERANGE;
  return task.space.copyOut(addr, bytes) < 0 ? -EFAULT : bytes.length;
}

function changeDirectory(task: Task, place: Location): number {
  if (checkAccess(task.creds, place.dentry.inode, X_OK) < 0) return -EACCES;
  task.fs.cwd = { mount: place.mount, dentry: place.dentry };
  return 0;
}

function sysChdir(task: Task, addr: number): number {
  const path = readPath(task, addr);
  if (typeof path === 'number') return path;
  const { vfs } = task.kernel;
  const found = walk(vfs, task, undefined, path, WALK_FOLLOW | WALK_DIRECTORY);
  return found < 0 ? found : changeDirectory(task, vfs.walk);
}

function sysFchdir(task: Task, fd: number): number {
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  return isDirectory(file.inode.mode) ? changeDirectory(task, file) : -ENOTDIR;
}

function sysChroot(task: Task, addr: number): number {
  const path = readPath(task, addr);
  if (typeof path === 'number') return path;
  const { vfs } = task.kernel;
  const found = walk(vfs, task, undefined, path, WALK_FOLLOW | WALK_DIRECTORY);
  if (found < 0) return found;
  if (checkAccess(task.creds, vfs.walk.dentry.inode, X_OK) < 0) return -EACCES;
  if (!task.creds.has(CAP_SYS_CHROOT)) return -EPERM;
  task.fs.root = vfs.walk.location;
  return 0;
}

const renameFlags = flags(RENAME_FLAG_SET);

export const FILE_NAME_ROWS: readonly SyscallRow[] = [
  row('mkdir', [path, mode], sysMkdir),
  row('mkdirat', [dirfd, path, mode], sysMkdirat),
  row('mknod', [path, mode, uint], sysMknod),
  row('mknodat', [dirfd, path, mode, uint], sysMknodat),
  row('rmdir', [path], sysRmdir),
  row('unlink', [path], sysUnlink),
  row('unlinkat', [dirfd, path, flags(UNLINK_FLAG_SET)], sysUnlinkat),
  row('rename', [path, path], sysRename),
  row('renameat', [dirfd, path, dirfd, path], sysRenameat),
  row('renameat2', [dirfd, path, dirfd, path, renameFlags], sysRenameat2),
  row('link', [path, path], sysLink),
  row('linkat', [dirfd, path, dirfd, path, flags(AT_FLAG_SET)], sysLinkat),
  row('symlink', [path, path], sysSymlink),
  row('symlinkat', [path, dirfd, path], sysSymlinkat),
  row('readlink', [path, outBytes, size], sysReadlink),
  row('readlinkat', [dirfd, path, outBytes, size], sysReadlinkat),
  row('getcwd', [outBytes, size], sysGetcwd),
  row('chdir', [path], sysChdir),
  row('fchdir', [fd], sysFchdir),
  row('chroot', [path], sysChroot),
];
