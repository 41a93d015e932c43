/** Making names: mkdir(2), mknod(2), symlink(2), link(2). */

import { CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_MKNOD } from '../abi/capability.ts';
import {
  EACCES,
  EEXIST,
  EINVAL,
  EMLINK,
  ENAMETOOLONG,
  ENOENT,
  EPERM,
  EROFS,
  EXDEV,
} from '../abi/errno.table.ts';
import { LINK_MAX, NAME_MAX, PATH_MAX, W_OK, X_OK } from '../abi/file-flags.ts';
import {
  isDirectory,
  isSymlink,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  S_ISVTX,
} from '../abi/file-mode.ts';
import { IN_ATTRIB, IN_CREATE } from '../abi/inotify.ts';
import type { Caller } from './caller.ts';
import { checkAccess, hasCapability } from './credentials.ts';
import type { Dentry, Location } from './dentry.ts';
import type { Inode } from './inode.ts';
import { makeSpec } from './new-node.ts';
import { notifyEntry } from './notify.ts';
import type { Path } from './path.ts';
import type { Vfs } from './vfs.ts';
import { lookupChild, WALK_EMPTY, WALK_FOLLOW, WALK_PARENT, walk } from './walk.ts';
import { LAST } from './walk-state.ts';

export function mkdirAt(
  vfs: Vfs,
  who: Caller,
  base: Location | undefined,
  path: Path,
  mode: number,
): number {
  const found = prepareNew(vfs, who, base, path, true);
  if (found < 0) return found;
  const { dentry: parent, lastName: name } = vfs.walk;
  if (parent.inode.nlink >= LINK_MAX) return -EMLINK;
  const spec = makeSpec(who, parent.inode, S_IFDIR | (mode & (0o777 | S_ISVTX)), 0);
  return made(vfs, parent, name, parent.inode.create(name, spec));
}

export function mknodAt(
  vfs: Vfs,
  who: Caller,
  base: Location | undefined,
  path: Path,
  mode: number,
  rdev: number,
): number {
  const type = (mode & S_IFMT) === 0 ? S_IFREG : mode & S_IFMT;
  if (type === S_IFDIR) return -EPERM;
  const isDevice = type === S_IFCHR || type === S_IFBLK;
  if (!isDevice && type !== S_IFREG && type !== S_IFIFO && type !== S_IFSOCK) return -EINVAL;
  const found = prepareNew(vfs, who, base, path, false);
  if (found < 0) return found;
  // Character device 0:0 is a whiteout, which everyone may make.
  if (isDevice && !(type === S_IFCHR && rdev === 0) && !hasCapability(who.creds, CAP_MKNOD))
    return -EPERM;
  const { dentry: parent, lastName: name } = vfs.walk;
  const spec = makeSpec(who, parent.inode, type | (mode & 0o7777), isDevice ? rdev : 0);
  return made(vfs, parent, name, parent.inode.create(name, spec));
}

export function symlinkAt(
  vfs: Vfs,
  who: Caller,
  target: Path,
  base: Location | undefined,
  path: Path,
): number {
  if (target.isEmpty) return -ENOENT;
  if (target.text.length >= PATH_MAX) return -ENAMETOOLONG;
  const found = prepareNew(vfs, who, base, path, false);
  if (found < 0) return found;
  const { dentry: parent, lastName: name } = vfs.walk;
  const spec = makeSpec(who, parent.inode, S_IFLNK | 0o777, 0);
  return made(vfs, parent, name, parent.inode.symlink(name, target.text, spec));
}

/** `follow`: AT_SYMLINK_FOLLOW; `empty`: AT_EMPTY_PATH. */
export function linkAt(
  vfs: Vfs,
  who: Caller,
  oldBase: Location | undefined,
  oldPath: Path,
  newBase: Location | undefined,
  newPath: Path,
  follow: boolean,
  empty: boolean,
): number {
  if (empty && oldPath.isEmpty && !hasCapability(who.creds, CAP_DAC_READ_SEARCH)) return -ENOENT;
  const how = (follow ? WALK_FOLLOW : 0) | (empty ? WALK_EMPTY : 0);
  const found = walk(vfs, who, oldBase, oldPath, how);
  if (found < 0) return found;
  const { mount, dentry: source } = vfs.walk;
  const prepared = prepareNew(vfs, who, newBase, newPath, false);
  if (prepared < 0) return prepared;
  if (vfs.walk.mount !== mount) return -EXDEV;
  const { inode } = source;
  if (isDirectory(inode.mode)) return -EPERM;
  // An unlinked file has no name to link from, but O_TMPFILE files do get their first one.
  if (inode.nlink === 0 && !inode.isLinkable) return -ENOENT;
  if (inode.nlink >= LINK_MAX) return -EMLINK;
  if (!mayHardLink(who, inode)) return -EPERM;
  const { dentry: parent, lastName: name } = vfs.walk;
  const result = parent.inode.link(name, inode);
  if (result < 0) return result;
  inode.isLinkable = false;
  vfs.noteDentry();
  parent.addChild(name, inode);
  // The link count belongs to the file, not to one of its names.
  inode.watches?.report(IN_ATTRIB, 0, undefined);
  notifyEntry(parent.inode, IN_CREATE, 0, name, inode);
  return 0;
}

/** `fs.protected_hardlinks`, on in every distribution: own files, or ordinary readable ones. */
function mayHardLink(who: Caller, inode: Inode): boolean {
  if (who.creds.fsuid === inode.uid || hasCapability(who.creds, CAP_FOWNER)) return true;
  if ((inode.mode & S_IFMT) !== S_IFREG || (inode.mode & 0o4000) !== 0) return false;
  if ((inode.mode & 0o2010) === 0o2010) return false;
  return checkAccess(who.creds, inode, 6) === 0;
}

/** Walks to the parent of a name that must not exist, and checks that it may be made. */
function prepareNew(
  vfs: Vfs,
  who: Caller,
  base: Location | undefined,
  path: Path,
  isDirectoryWanted: boolean,
): number {
  const found = walk(vfs, who, base, path, WALK_PARENT);
  if (found < 0) return found;
  const state = vfs.walk;
  if (state.lastKind !== LAST.name) return -EEXIST;
  const { dentry: parent, lastName: name } = state;
  if (name.length > NAME_MAX) return -ENAMETOOLONG;
  const child = lookupChild(vfs, parent, name);
  if (typeof child !== 'number') return -EEXIST;
  if (child !== -ENOENT || parent.inode.fs.hasFixedNames) return child;
  // A trailing slash only makes sense for a directory.
  if (!isDirectoryWanted && path.hasTrailingSlash) return -ENOENT;
  if (state.mount.isReadOnly) return -EROFS;
  if (parent.isDeleted) return -ENOENT;
  return checkAccess(who.creds, parent.inode, W_OK | X_OK) < 0 ? -EACCES : 0;
}

function made(vfs: Vfs, parent: Dentry, name: string, inode: Inode | number): number {
  if (typeof inode === 'number') return inode;
  vfs.noteDentry();
  parent.addChild(name, inode);
  notifyEntry(parent.inode, IN_CREATE, 0, name, inode);
  return 0;
}

/** readlink(2): the target, or a negative errno. */
export function readlinkAt(
  vfs: Vfs,
  who: Caller,
  base: Location | undefined,
  path: Path,
): string | number {
  const found = walk(vfs, who, base, path, WALK_EMPTY);
  if (found < 0) return found;
  const { inode } = vfs.walk.dentry;
  if (!isSymlink(inode.mode)) return path.isEmpty ? -ENOENT : -EINVAL;
  return inode.readlink();
}
