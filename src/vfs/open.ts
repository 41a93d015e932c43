/** Opening files: open(2), openat2(2), O_TMPFILE, O_PATH. */

import {
  EACCES,
  EAGAIN,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENOENT,
  ENOTDIR,
  ENXIO,
  EPERM,
  EROFS,
  ETXTBSY,
} from '../abi/errno.table.ts';
import {
  O_ACCMODE,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_EXCL,
  O_LARGEFILE,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_TMPFILE_BIT,
  O_TRUNC,
  O_WRONLY,
  R_OK,
  W_OK,
  X_OK,
} from '../abi/file-flags.ts';
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from '../abi/file-mode.ts';
import { IN_CREATE, IN_MODIFY, IN_OPEN } from '../abi/inotify.ts';
import { ST_NODEV } from '../abi/stat-layout.ts';
import type { Caller } from './caller.ts';
import { checkAccess, ownsOrCapable } from './credentials.ts';
import { Dentry, type Location } from './dentry.ts';
import { DirectoryFile } from './directory-file.ts';
import { makeSpec } from './new-node.ts';
import { notify, notifyEntry } from './notify.ts';
import type { OpenFile, OpenRequest } from './open-file.ts';
import type { Path } from './path.ts';
import { PathFile } from './path-file.ts';
import { RegularFile } from './regular-file.ts';
import type { Vfs } from './vfs.ts';
import { lookupChild, WALK_DIRECTORY, WALK_FOLLOW, WALK_PARENT, walk, walkLink } from './walk.ts';
import { LAST } from './walk-state.ts';

/** Flags that only steer the opening; F_GETFL does not show them. */
const CREATION_FLAGS = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC;

/** Opens `path`. `mode` counts for new files; `resolve` are RESOLVE_* bits. */
export function openAt(
  vfs: Vfs,
  who: Caller,
  base: Location | undefined,
  path: Path,
  flags: number,
  mode: number,
  resolve = 0,
): OpenFile | number {
  if ((flags & O_PATH) !== 0) return openPath(vfs, who, base, path, flags, resolve);
  if ((flags & O_TMPFILE_BIT) !== 0) return openUnnamed(vfs, who, base, path, flags, mode, resolve);
  if ((flags & O_CREAT) !== 0) return openCreating(vfs, who, base, path, flags, mode, resolve);
  let how = resolve;
  if ((flags & O_NOFOLLOW) === 0) how |= WALK_FOLLOW;
  if ((flags & O_DIRECTORY) !== 0) how |= WALK_DIRECTORY;
  const found = walk(vfs, who, base, path, how);
  if (found < 0) return found;
  return openFound(vfs, who, vfs.walk, flags);
}

function openPath(
  vfs: Vfs,
  who: Caller,
  base: Location | undefined,
  path: Path,
  flags: number,
  resolve: number,
): OpenFile | number {
  let how = resolve;
  if ((flags & O_NOFOLLOW) === 0) how |= WALK_FOLLOW;
  if ((flags & O_DIRECTORY) !== 0) how |= WALK_DIRECTORY;
  const found = walk(vfs, who, base, path, how);
  if (found < 0) return found;
  const kept = flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW);
  return new PathFile(request(vfs.walk, who, kept));
}

function openCreating(
  vfs: Vfs,
  who: Caller,
  base: Location | undefined,
  path: Path,
  flags: number,
  mode: number,
  resolve: number,
): OpenFile | number {
  const state = vfs.walk;
  let step = walk(vfs, who, base, path, WALK_PARENT | resolve);
  while (step === 0) {
    if (state.lastKind !== LAST.name) return -EISDIR;
    if (state.wantsDirectory) return -EISDIR;
    const child = lookupChild(vfs, state.dentry, state.lastName);
    if (typeof child === 'number')
      return child === -ENOENT ? createAndOpen(vfs, who, flags, mode) : child;
    if ((flags & O_EXCL) !== 0) return -EEXIST;
    const type = child.inode.mode & S_IFMT;
    if (type !== S_IFLNK || (flags & O_NOFOLLOW) !== 0) {
      state.dentry = child;
      for (let over = vfs.mountedAt(state.mount, child); over !== undefined; ) {
        state.mount = over;
        state.dentry = over.root;
        over = vfs.mountedAt(over, over.root);
      }
      return openFound(vfs, who, state, flags);
    }
    const magic = child.inode.magicTarget();
    if (typeof magic === 'number') return magic;
    if (magic !== undefined) return openFound(vfs, who, magic, flags);
    step = walkLink(vfs, who, child.inode, WALK_PARENT | resolve);
  }
  return step;
}

function createAndOpen(vfs: Vfs, who: Caller, flags: number, mode: number): OpenFile | number {
  const { mount, dentry: parent, lastName: name } = vfs.walk;
  if (parent.inode.fs.hasFixedNames) return -ENOENT;
  if (mount.isReadOnly) return -EROFS;
  if (parent.isDeleted) return -ENOENT;
  const access = checkAccess(who.creds, parent.inode, W_OK | X_OK);
  if (access < 0) return access;
  const spec = makeSpec(who, parent.inode, S_IFREG | (mode & 0o7777), 0);
  const inode = parent.inode.create(name, spec);
  if (typeof inode === 'number') return inode;
  vfs.noteDentry();
  const child = parent.addChild(name, inode);
  notifyEntry(parent.inode, IN_CREATE, 0, name, inode);
  const file = makeOpenFile(vfs, { mount, dentry: child }, who, flags & ~O_TRUNC);
  if (typeof file === 'object') file.wasCreated = true;
  return file;
}

function openUnnamed(
  vfs: Vfs,
  who: Caller,
  base: Location | undefined,
  path: Path,
  flags: number,
  mode: number,
  resolve: number,
): OpenFile | number {
  const how = resolve | WALK_DIRECTORY | ((flags & O_NOFOLLOW) === 0 ? WALK_FOLLOW : 0);
  const found = walk(vfs, who, base, path, how);
  if (found < 0) return found;
  const { mount, dentry: parent } = vfs.walk;
  if (mount.isReadOnly) return -EROFS;
  const access = checkAccess(who.creds, parent.inode, W_OK | X_OK);
  if (access < 0) return access;
  const inode = parent.inode.createUnnamed(
    makeSpec(who, parent.inode, S_IFREG | (mode & 0o7777), 0),
  );
  if (typeof inode === 'number') return inode;
  inode.isLinkable = (flags & O_EXCL) === 0;
  const dentry = new Dentry(`#${inode.ino}`, parent, inode);
  dentry.isDeleted = true;
  return makeOpenFile(vfs, { mount, dentry }, who, flags);
}

/** Opens what a handle names. */
export function openPlace(
  vfs: Vfs,
  who: Caller,
  place: Location,
  flags: number,
): OpenFile | number {
  if ((flags & O_PATH) === 0) return openFound(vfs, who, place, flags);
  return new PathFile(request(place, who, flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW)));
}

/** Opens something that exists: `may_open` and what follows. */
function openFound(vfs: Vfs, who: Caller, place: Location, flags: number): OpenFile | number {
  const { mount, dentry } = place;
  const { inode } = dentry;
  const type = inode.mode & S_IFMT;
  const access = flags & O_ACCMODE;
  const writes = access !== O_RDONLY || (flags & O_TRUNC) !== 0;
  if (type === S_IFLNK) return -ELOOP;
  if (type === S_IFDIR && (writes || (flags & O_CREAT) !== 0)) return -EISDIR;
  if (type !== S_IFDIR && (flags & O_DIRECTORY) !== 0) return -ENOTDIR;
  const isDevice = type === S_IFCHR || type === S_IFBLK;
  if (isDevice && (mount.flags & ST_NODEV) !== 0) return -EACCES;
  let wanted = access === O_RDONLY ? R_OK : access === O_WRONLY ? W_OK : R_OK | W_OK;
  if ((flags & O_TRUNC) !== 0) wanted |= W_OK;
  const allowed = checkAccess(who.creds, inode, wanted);
  if (allowed < 0) return allowed;
  if (writes && mount.isReadOnly && type === S_IFREG) return -EROFS;
  if ((flags & O_NOATIME) !== 0 && !ownsOrCapable(who.creds, inode)) return -EPERM;
  if (writes && type === S_IFREG && inode.runners > 0) return -ETXTBSY;
  if (inode.leases !== undefined && vfs.breaksLease(inode, writes)) {
    if ((flags & O_NONBLOCK) === 0) vfs.leaseInTheWay = inode.leases;
    return -EAGAIN;
  }
  const file = makeOpenFile(vfs, place, who, flags);
  if (typeof file === 'number') return file;
  if ((flags & O_TRUNC) !== 0 && type === S_IFREG) {
    const result = inode.truncate(0);
    if (result < 0) {
      file.release();
      return result;
    }
    notify(dentry, IN_MODIFY);
  }
  return file;
}

function makeOpenFile(vfs: Vfs, place: Location, who: Caller, flags: number): OpenFile | number {
  // Terminals want to know of O_NOCTTY.
  const wanted = request(place, who, flags & ~(CREATION_FLAGS & ~O_NOCTTY));
  let file = wanted.inode.open(wanted);
  if (file === undefined) file = ordinaryFile(vfs, wanted);
  if (typeof file === 'object') {
    // `do_dentry_open`; what was made on the way stays.
    if ((flags & O_DIRECT) !== 0 && !file.takesDirectIo) {
      file.release();
      return -EINVAL;
    }
    file.flags = (file.flags & ~O_NOCTTY) | O_LARGEFILE;
    notify(wanted.dentry, IN_OPEN);
  }
  return file;
}

function ordinaryFile(vfs: Vfs, wanted: OpenRequest): OpenFile | number {
  switch (wanted.inode.mode & S_IFMT) {
    case S_IFREG:
      return openRegular(wanted);
    case S_IFDIR:
      return new DirectoryFile(wanted);
    case S_IFIFO:
      return vfs.nodeOpener?.openFifo(wanted) ?? -ENXIO;
    case S_IFCHR:
    case S_IFBLK:
      return vfs.nodeOpener?.openDevice(wanted) ?? -ENXIO;
    case S_IFSOCK:
      return -ENXIO;
    default:
      // Files without names: `no_open` of Linux.
      return -ENXIO;
  }
}

/** Counts those that may write (ETXTBSY of execve); the file gives the count back when it closes. */
function openRegular(wanted: OpenRequest): OpenFile | number {
  const file = new RegularFile(wanted);
  if (file.isWritable) file.countsAsWriter();
  return file;
}

/** Opens what `place` names once more, for reading: `/proc/self/fd` and execve of O_PATH files. */
export function openAgain(vfs: Vfs, who: Caller, place: Location): OpenFile | number {
  return openFound(vfs, who, place, O_RDONLY);
}

function request(place: Location, who: Caller, flags: number): OpenRequest {
  return {
    mount: place.mount,
    dentry: place.dentry,
    inode: place.dentry.inode,
    flags,
    credentials: who.creds,
  };
}
