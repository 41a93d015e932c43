/** rename(2), renameat2(2). */

import {
  EACCES,
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EROFS,
  EXDEV,
} from '../abi/errno.table.ts';
import {
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  W_OK,
  X_OK,
} from '../abi/file-flags.ts';
import { isDirectory } from '../abi/file-mode.ts';
import { IN_MOVE_SELF, IN_MOVED_FROM, IN_MOVED_TO } from '../abi/inotify.ts';
import type { Caller } from './caller.ts';
import { checkAccess } from './credentials.ts';
import type { Dentry, Location } from './dentry.ts';
import { notifyEntry } from './notify.ts';
import type { Path } from './path.ts';
import { dropName, mayDelete, reportReplaced } from './remove.ts';
import type { Vfs } from './vfs.ts';
import { lookupChild, WALK_PARENT, walk } from './walk.ts';
import { LAST } from './walk-state.ts';

/** What is to be moved where. */
interface Move {
  readonly oldParent: Dentry;
  readonly newParent: Dentry;
  readonly newName: string;
  readonly source: Dentry;
  readonly target: Dentry | undefined;
  readonly flags: number;
}

/** `flags` are RENAME_* bits, known ones only. */
export function renameAt(
  vfs: Vfs,
  who: Caller,
  oldBase: Location | undefined,
  oldPath: Path,
  newBase: Location | undefined,
  newPath: Path,
  flags: number,
): number {
  const exchange = (flags & RENAME_EXCHANGE) !== 0;
  if (exchange && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) !== 0) return -EINVAL;
  const state = vfs.walk;
  let found = walk(vfs, who, oldBase, oldPath, WALK_PARENT);
  if (found < 0) return found;
  const { mount, dentry: oldParent, lastName: oldName, lastKind: oldKind } = state;
  found = walk(vfs, who, newBase, newPath, WALK_PARENT);
  if (found < 0) return found;
  const { dentry: newParent, lastName: newName } = state;
  if (state.mount !== mount) return -EXDEV;
  if (oldKind !== LAST.name) return -EBUSY;
  if (state.lastKind !== LAST.name) return (flags & RENAME_NOREPLACE) !== 0 ? -EEXIST : -EBUSY;
  if (mount.isReadOnly) return -EROFS;
  const source = lookupChild(vfs, oldParent, oldName);
  if (typeof source === 'number') return source;
  const there = lookupChild(vfs, newParent, newName);
  if (typeof there === 'number' && there !== -ENOENT) return there;
  const target = typeof there === 'number' ? undefined : there;
  if ((flags & RENAME_NOREPLACE) !== 0 && target !== undefined) return -EEXIST;
  if (exchange && target === undefined) return -ENOENT;
  const move = { oldParent, newParent, newName, source, target, flags };
  const refused = checkMove(who, move, oldPath, newPath);
  if (refused !== 0) return refused;
  if (target !== undefined && target.inode === source.inode) return 0;
  return doMove(vfs, move);
}

/** Types, slashes, loops and permissions, in the order of `do_renameat2` and `vfs_rename`. */
function checkMove(who: Caller, move: Move, oldPath: Path, newPath: Path): number {
  const { oldParent, newParent, source, target, flags } = move;
  const exchange = (flags & RENAME_EXCHANGE) !== 0;
  const sourceIsDir = isDirectory(source.inode.mode);
  const targetIsDir = target !== undefined && isDirectory(target.inode.mode);
  if (!sourceIsDir) {
    if (oldPath.hasTrailingSlash) return -ENOTDIR;
    if (!exchange && newPath.hasTrailingSlash) return -ENOTDIR;
  }
  if (exchange && newPath.hasTrailingSlash && !targetIsDir) return -ENOTDIR;
  if (isAncestor(source, newParent)) return -EINVAL;
  if (target !== undefined && isAncestor(target, oldParent)) return exchange ? -EINVAL : -ENOTEMPTY;
  if (target !== undefined && target.inode === source.inode) return 0;
  const mayTake = mayDelete(who, oldParent, source.inode);
  if (mayTake < 0) return mayTake;
  if (newParent.isDeleted) return -ENOENT;
  if (target === undefined) {
    if (checkAccess(who.creds, newParent.inode, W_OK | X_OK) < 0) return -EACCES;
  } else {
    const mayReplace = mayDelete(who, newParent, target.inode);
    if (mayReplace < 0) return mayReplace;
    if (!exchange && sourceIsDir && !targetIsDir) return -ENOTDIR;
    if (!exchange && !sourceIsDir && targetIsDir) return -EISDIR;
  }
  if (newParent !== oldParent) {
    // The directory's ".." changes.
    if (sourceIsDir && checkAccess(who.creds, source.inode, W_OK) < 0) return -EACCES;
    if (exchange && targetIsDir && checkAccess(who.creds, target.inode, W_OK) < 0) return -EACCES;
  }
  if (source.mountCount > 0 || (target?.mountCount ?? 0) > 0) return -EBUSY;
  return 0;
}

function doMove(vfs: Vfs, move: Move): number {
  const { oldParent, newParent, newName, source, target, flags } = move;
  const oldName = source.name;
  const replaced = target?.inode;
  replaced?.retain();
  const result = oldParent.inode.rename(
    oldName,
    source.inode,
    newParent.inode,
    newName,
    replaced,
    flags,
  );
  if (result === 0) {
    const exchange = (flags & RENAME_EXCHANGE) !== 0;
    source.detach();
    if (target !== undefined) {
      if (exchange) target.detach();
      else dropName(target);
    }
    place(source, newParent, newName);
    if (exchange && target !== undefined) place(target, oldParent, oldName);
    report(vfs, move, oldName);
  }
  replaced?.release();
  return result;
}

function place(dentry: Dentry, parent: Dentry, name: string): void {
  dentry.name = name;
  dentry.parent = parent;
  parent.children ??= new Map();
  parent.children.set(name, dentry);
}

function report(vfs: Vfs, move: Move, oldName: string): void {
  const { oldParent, newParent, newName, source, target, flags } = move;
  const cookie = vfs.nextRenameCookie();
  notifyEntry(oldParent.inode, IN_MOVED_FROM, cookie, oldName, source.inode);
  notifyEntry(newParent.inode, IN_MOVED_TO, cookie, newName, source.inode);
  source.inode.watches?.report(IN_MOVE_SELF, 0, undefined);
  if (target === undefined) return;
  if ((flags & RENAME_EXCHANGE) === 0) {
    reportReplaced(target.inode);
    return;
  }
  const back = vfs.nextRenameCookie();
  notifyEntry(newParent.inode, IN_MOVED_FROM, back, newName, target.inode);
  notifyEntry(oldParent.inode, IN_MOVED_TO, back, oldName, target.inode);
  target.inode.watches?.report(IN_MOVE_SELF, 0, undefined);
}

/** `ancestor` is `dentry` or lies above it. */
function isAncestor(ancestor: Dentry, dentry: Dentry): boolean {
  for (let at = dentry; ; at = at.parent) {
    if (at === ancestor) return true;
    if (at.isRoot) return false;
  }
}
