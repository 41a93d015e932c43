/**
 * The path walk: path_resolution(7), openat2(2). Results stand in `vfs.walk`; the value is 0 or a
 * negative errno.
 */

import { EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EXDEV } from '../abi/errno.table.ts';
import {
  NAME_MAX,
  PATH_MAX,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  SYMLINK_MAX,
  X_OK,
} from '../abi/file-flags.ts';
import { S_IFDIR, S_IFLNK, S_IFMT } from '../abi/file-mode.ts';
import { noteAccess } from './access-time.ts';
import type { Caller } from './caller.ts';
import { type Credentials, checkAccess } from './credentials.ts';
import type { Dentry, Location } from './dentry.ts';
import type { Inode } from './inode.ts';
import type { Path } from './path.ts';
import type { Vfs } from './vfs.ts';
import { LAST, type WalkState } from './walk-state.ts';

/** Follow a symbolic link in last position. */
export const WALK_FOLLOW = 0x100;
/** Stop before the last component: the result is its parent, `lastName` its name. */
export const WALK_PARENT = 0x200;
/** An empty path means the start itself (AT_EMPTY_PATH). */
export const WALK_EMPTY = 0x400;
/** The result must be a directory. */
export const WALK_DIRECTORY = 0x800;
const SCOPED = RESOLVE_BENEATH | RESOLVE_IN_ROOT;

/**
 * Walks `path` from `base` (the working directory when undefined). `flags`: WALK_* and RESOLVE_*.
 */
export function walk(
  vfs: Vfs,
  who: Caller,
  base: Location | undefined,
  path: Path,
  flags: number,
): number {
  const scope = (flags & SCOPED) !== 0 ? (base ?? who.fs.cwd) : who.fs.root;
  return walkFrom(vfs, who, base ?? who.fs.cwd, scope, path, flags, 0, false);
}

function walkFrom(
  vfs: Vfs,
  who: Caller,
  base: Location,
  scope: Location,
  path: Path,
  flags: number,
  links: number,
  wantsDirectory: boolean,
): number {
  const state = vfs.walk;
  const start = path.isAbsolute ? scope : base;
  state.begin(start, scope, links, wantsDirectory || path.hasTrailingSlash);
  const length = path.text.length;
  if (length === 0) return (flags & WALK_EMPTY) === 0 ? -ENOENT : checkResult(state, flags);
  if (length >= PATH_MAX) return -ENAMETOOLONG;
  if (path.isAbsolute && (flags & RESOLVE_BENEATH) !== 0) return -EXDEV;
  return walkParts(vfs, who.creds, scope, path.components, flags);
}

/** Goes on after a link found in last position by a parent walk (open with O_CREAT). */
export function walkLink(vfs: Vfs, who: Caller, link: Inode, flags: number): number {
  const state = vfs.walk;
  const target = linkTarget(vfs, link, flags);
  if (typeof target === 'number') return target;
  const base = { mount: state.mount, dentry: state.dentry };
  const { scope, links, wantsDirectory } = state;
  return walkFrom(vfs, who, base, scope, target, flags, links, wantsDirectory);
}

function walkParts(
  vfs: Vfs,
  creds: Credentials,
  scope: Location,
  components: readonly string[],
  flags: number,
): number {
  const state = vfs.walk;
  let parts = components;
  let index = 0;
  while (true) {
    if (index === parts.length) {
      const outer = state.pendingParts.pop();
      if (outer === undefined) break;
      parts = outer;
      index = state.pendingIndex.pop() as number;
      continue;
    }
    const name = parts[index++] as string;
    const isLast = index === parts.length && state.pendingParts.length === 0;
    const directory = state.dentry.inode;
    if ((directory.mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
    if (!maySearch(creds, directory)) return -EACCES;
    if (isLast && (flags & WALK_PARENT) !== 0) {
      state.lastName = name;
      state.lastKind = name === '.' ? LAST.dot : name === '..' ? LAST.dotDot : LAST.name;
      // Its length is the matter of whoever looks it up.
      return 0;
    }
    if (name === '.') continue;
    if (name === '..') {
      const up = stepUp(vfs, scope, flags);
      if (up !== 0) return up;
      continue;
    }
    const child = lookupChild(vfs, state.dentry, name);
    if (typeof child === 'number') return child;
    if ((child.inode.mode & S_IFMT) !== S_IFLNK) {
      state.dentry = child;
      if (child.mountCount > 0 && !enterMounts(vfs, state, flags)) return -EXDEV;
      continue;
    }
    if (isLast && (flags & WALK_FOLLOW) === 0 && !state.wantsDirectory) {
      state.dentry = child;
      continue;
    }
    const followed = followLink(vfs, child.inode, scope, flags);
    if (typeof followed === 'number') {
      if (followed !== 0) return followed;
      continue;
    }
    if (isLast) state.wantsDirectory ||= followed.hasTrailingSlash;
    if (index < parts.length) {
      state.pendingParts.push(parts);
      state.pendingIndex.push(index);
    }
    parts = followed.components;
    index = 0;
  }
  return checkResult(state, flags);
}

function checkResult(state: WalkState, flags: number): number {
  const wantsDirectory = state.wantsDirectory || (flags & WALK_DIRECTORY) !== 0;
  if (wantsDirectory && (state.dentry.inode.mode & S_IFMT) !== S_IFDIR) return -ENOTDIR;
  return 0;
}

/** The common case, everyone may search, before the whole check. */
function maySearch(creds: Credentials, directory: Inode): boolean {
  const isOpen = (directory.mode & 0o111) === 0o111 && directory.acl === undefined;
  return isOpen || checkAccess(creds, directory, X_OK) === 0;
}

/** One step to "..": never above the scope. */
function stepUp(vfs: Vfs, scope: Location, flags: number): number {
  const state = vfs.walk;
  while (true) {
    if (state.mount === scope.mount && state.dentry === scope.dentry)
      return (flags & RESOLVE_BENEATH) !== 0 ? -EXDEV : 0;
    if (state.dentry !== state.mount.root) break;
    const { parent, mountPoint } = state.mount;
    if (parent === undefined || mountPoint === undefined) return 0;
    if ((flags & RESOLVE_NO_XDEV) !== 0) return -EXDEV;
    state.mount = parent;
    state.dentry = mountPoint;
  }
  state.dentry = state.dentry.parent;
  return enterMounts(vfs, state, flags) ? 0 : -EXDEV;
}

/** Steps onto what is mounted here; false when RESOLVE_NO_XDEV forbids it. */
function enterMounts(vfs: Vfs, state: WalkState, flags: number): boolean {
  let over = vfs.mountedAt(state.mount, state.dentry);
  while (over !== undefined) {
    if ((flags & RESOLVE_NO_XDEV) !== 0) return false;
    state.mount = over;
    state.dentry = over.root;
    over = vfs.mountedAt(state.mount, state.dentry);
  }
  return true;
}

/** A path to go on with, or 0 (a magic link was taken), or an error. */
function followLink(vfs: Vfs, link: Inode, scope: Location, flags: number): Path | number {
  const state = vfs.walk;
  const magic = link.magicTarget();
  if (magic !== undefined) {
    if (typeof magic === 'number') return magic;
    if (++state.links > SYMLINK_MAX) return -ELOOP;
    if ((flags & (RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS)) !== 0) return -ELOOP;
    if ((flags & SCOPED) !== 0) return -EXDEV;
    if ((flags & RESOLVE_NO_XDEV) !== 0 && magic.mount !== state.mount) return -EXDEV;
    state.mount = magic.mount;
    state.dentry = magic.dentry;
    return 0;
  }
  const target = linkTarget(vfs, link, flags);
  if (typeof target === 'number') return target;
  if (target.isAbsolute) {
    if ((flags & RESOLVE_BENEATH) !== 0) return -EXDEV;
    if ((flags & RESOLVE_NO_XDEV) !== 0 && scope.mount !== state.mount) return -EXDEV;
    state.mount = scope.mount;
    state.dentry = scope.dentry;
  }
  return target;
}

function linkTarget(vfs: Vfs, link: Inode, flags: number): Path | number {
  if (++vfs.walk.links > SYMLINK_MAX) return -ELOOP;
  if ((flags & RESOLVE_NO_SYMLINKS) !== 0) return -ELOOP;
  const text = link.readlink();
  if (typeof text === 'number') return text;
  if (text.length === 0) return -ENOENT;
  noteAccess(vfs.walk.mount, link);
  return vfs.linkPath(text);
}

/** The dentry of a name in a directory, or a negative errno. Permission is the caller's matter. */
export function lookupChild(vfs: Vfs, parent: Dentry, name: string): Dentry | number {
  const known = parent.children?.get(name);
  if (known !== undefined && parent.inode.fs.cachesNames) return known;
  if (name.length > NAME_MAX) return -ENAMETOOLONG;
  const inode = parent.inode.lookup(name);
  if (typeof inode === 'number') {
    if (known !== undefined) {
      known.isDeleted = true;
      known.detach();
    }
    return inode;
  }
  if (known !== undefined) {
    if (known.inode === inode) return known;
    known.isDeleted = true;
    known.detach();
  }
  vfs.noteDentry();
  return parent.addChild(name, inode);
}
