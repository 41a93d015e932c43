/** Removing names: unlink(2), rmdir(2), and the right to do so. */

import { CAP_FOWNER } from '../abi/capability.ts';
import {
  EACCES,
  EBUSY,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EROFS,
} from '../abi/errno.table.ts';
import { W_OK, X_OK } from '../abi/file-flags.ts';
import { isDirectory, S_ISVTX } from '../abi/file-mode.ts';
import { IN_ATTRIB, IN_DELETE } from '../abi/inotify.ts';
import type { Caller } from './caller.ts';
import { checkAccess, hasCapability } from './credentials.ts';
import type { Dentry, Location } from './dentry.ts';
import type { Inode } from './inode.ts';
import { notifyEntry } from './notify.ts';
import type { Path } from './path.ts';
import type { Vfs } from './vfs.ts';
import { lookupChild, WALK_PARENT, walk } from './walk.ts';
import { LAST } from './walk-state.ts';

export function unlinkAt(vfs: Vfs, who: Caller, base: Location | undefined, path: Path): number {
  const found = walk(vfs, who, base, path, WALK_PARENT);
  if (found < 0) return found;
  const { mount, dentry: parent, lastName, lastKind } = vfs.walk;
  if (lastKind !== LAST.name) return -EISDIR;
  const child = lookupChild(vfs, parent, lastName);
  if (typeof child === 'number') return child;
  const isDir = isDirectory(child.inode.mode);
  if (path.hasTrailingSlash) return isDir ? -EISDIR : -ENOTDIR;
  if (mount.isReadOnly) return -EROFS;
  const allowed = mayDelete(who, parent, child.inode);
  if (allowed < 0) return allowed;
  if (isDir) return -EISDIR;
  if (child.mountCount > 0) return -EBUSY;
  const { inode } = child;
  inode.retain();
  const result = parent.inode.unlink(lastName, inode);
  if (result === 0) {
    dropName(child);
    // `vfs_unlink`, `d_delete`: the file hears of it first.
    inode.watches?.report(IN_ATTRIB, 0, undefined);
    watchLastUse(inode, 1);
    notifyEntry(parent.inode, IN_DELETE, 0, lastName, inode);
  }
  inode.release();
  return result;
}

export function rmdirAt(vfs: Vfs, who: Caller, base: Location | undefined, path: Path): number {
  const found = walk(vfs, who, base, path, WALK_PARENT);
  if (found < 0) return found;
  const { mount, dentry: parent, lastName, lastKind } = vfs.walk;
  if (lastKind === LAST.dotDot) return -ENOTEMPTY;
  if (lastKind === LAST.dot) return -EINVAL;
  if (lastKind === LAST.root) return -EBUSY;
  const child = lookupChild(vfs, parent, lastName);
  if (typeof child === 'number') return child;
  if (mount.isReadOnly) return -EROFS;
  const allowed = mayDelete(who, parent, child.inode);
  if (allowed < 0) return allowed;
  if (!isDirectory(child.inode.mode)) return -ENOTDIR;
  if (child.mountCount > 0 || isRootOfSomeone(vfs, child)) return -EBUSY;
  const { inode } = child;
  inode.retain();
  const result = parent.inode.rmdir(lastName, inode);
  if (result === 0) {
    dropName(child);
    watchLastUse(inode, 1);
    notifyEntry(parent.inode, IN_DELETE, 0, lastName, inode);
  }
  inode.release();
  return result;
}

/** A bind mount shows it as its root. */
function isRootOfSomeone(vfs: Vfs, dentry: Dentry): boolean {
  if (dentry.pins === 0) return false;
  for (const mount of vfs.mounts) if (mount.root === dentry) return true;
  return false;
}

/** The dentry is no longer a name. */
export function dropName(dentry: Dentry): void {
  dentry.isDeleted = true;
  dentry.detach();
}

/** Reports to the marks of an inode that lost its name to another (`fsnotify_move`). */
export function reportReplaced(inode: Inode): void {
  if (!isDirectory(inode.mode)) inode.watches?.report(IN_ATTRIB, 0, undefined);
  watchLastUse(inode, 0);
}

/**
 * IN_DELETE_SELF comes when nobody has an inode without names open any more; `own`: how many
 * references the caller has.
 */
function watchLastUse(inode: Inode, own: number): void {
  if (!isDirectory(inode.mode) && inode.nlink > 0) return;
  inode.watches?.endWith(inode.references - own);
}

/** `may_delete`: write and search permission in the directory, and the sticky rule. */
export function mayDelete(who: Caller, parent: Dentry, victim: Inode): number {
  if (parent.isDeleted) return -ENOENT;
  const directory = parent.inode;
  if (checkAccess(who.creds, directory, W_OK | X_OK) < 0) return -EACCES;
  const { fsuid } = who.creds;
  if ((directory.mode & S_ISVTX) === 0 || fsuid === victim.uid || fsuid === directory.uid) return 0;
  return hasCapability(who.creds, CAP_FOWNER) ? 0 : -EPERM;
}
