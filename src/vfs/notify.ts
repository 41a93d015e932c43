/** Reports to inotify (`fsnotify`): to the marks of the parent first, then of the inode itself. */

import { isDirectory } from '../abi/file-mode.ts';
import { IN_ISDIR } from '../abi/inotify.ts';
import type { Dentry } from './dentry.ts';
import type { Inode } from './inode.ts';

/** Something happened to the file that `dentry` names. */
export function notify(dentry: Dentry, mask: number): void {
  const own = dentry.inode.watches;
  const parents = dentry.parent.inode.watches;
  if (own === undefined && parents === undefined) return;
  const full = isDirectory(dentry.inode.mode) ? mask | IN_ISDIR : mask;
  if (parents !== undefined && !dentry.isRoot)
    parents.report(full, 0, dentry.name, dentry.isDeleted);
  own?.report(full, 0, undefined);
}

/** An entry of a directory came, went or moved. */
export function notifyEntry(
  directory: Inode,
  mask: number,
  cookie: number,
  name: string,
  target: Inode,
): void {
  directory.watches?.report(isDirectory(target.mode) ? mask | IN_ISDIR : mask, cookie, name);
}
