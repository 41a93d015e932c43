/** inotify_init(2), inotify_add_watch(2), inotify_rm_watch(2). */

import { EACCES, EBADF, EINVAL } from '../abi/errno.table.ts';
import { R_OK } from '../abi/file-flags.ts';
import {
  IN_ALL_EVENTS,
  IN_CLOEXEC,
  IN_DONT_FOLLOW,
  IN_MASK_ADD,
  IN_MASK_CREATE,
  IN_NONBLOCK,
  IN_ONLYDIR,
  IN_WATCH_BITS,
} from '../abi/inotify.ts';
import { InotifyFile } from '../fs/anonfs/inotify.ts';
import type { Task } from '../kernel/task.ts';
import { checkAccess } from '../vfs/credentials.ts';
import { WALK_DIRECTORY, WALK_FOLLOW, walk } from '../vfs/walk.ts';
import { fd, flags, int, path } from './args.ts';
import { INOTIFY_INIT_SET, INOTIFY_MASK_SET } from './file-flag-sets.ts';
import { dataFile, readPath } from './file-support.ts';
import { installFile } from './open-close.ts';
import { row, type SyscallRow } from './row.ts';

function sysInotifyInit1(task: Task, how: number): number {
  if ((how & ~(IN_CLOEXEC | IN_NONBLOCK)) !== 0) return -EINVAL;
  const file = new InotifyFile(task.kernel.vfs, task.creds, how);
  return installFile(task, file, (how & IN_CLOEXEC) !== 0);
}

const sysInotifyInit = (task: Task): number => sysInotifyInit1(task, 0);

function sysInotifyAddWatch(task: Task, fd: number, addr: number, mask: number): number {
  if ((mask & ~IN_WATCH_BITS) !== 0 || (mask & IN_ALL_EVENTS) === 0) return -EINVAL;
  const file = dataFile(task, fd);
  if (file === undefined) return -EBADF;
  if ((mask & IN_MASK_ADD) !== 0 && (mask & IN_MASK_CREATE) !== 0) return -EINVAL;
  if (!(file instanceof InotifyFile)) return -EINVAL;
  const path = readPath(task, addr);
  if (typeof path === 'number') return path;
  const { vfs } = task.kernel;
  const follow = (mask & IN_DONT_FOLLOW) === 0 ? WALK_FOLLOW : 0;
  const only = (mask & IN_ONLYDIR) !== 0 ? WALK_DIRECTORY : 0;
  const found = walk(vfs, task, undefined, path, follow | only);
  if (found < 0) return found;
  const { inode } = vfs.walk.dentry;
  return checkAccess(task.creds, inode, R_OK) < 0 ? -EACCES : file.addWatch(inode, mask);
}

function sysInotifyRmWatch(task: Task, fd: number, wd: number): number {
  const file = dataFile(task, fd);
  if (file === undefined) return -EBADF;
  return file instanceof InotifyFile ? file.removeWatch(wd) : -EINVAL;
}

export const INOTIFY_ROWS: readonly SyscallRow[] = [
  row('inotify_init', [], sysInotifyInit),
  row('inotify_init1', [flags(INOTIFY_INIT_SET)], sysInotifyInit1),
  row('inotify_add_watch', [fd, path, flags(INOTIFY_MASK_SET)], sysInotifyAddWatch),
  row('inotify_rm_watch', [fd, int], sysInotifyRmWatch),
];
