/**
 * Inodes: what every file system implements. Attributes are plain fields, so that stat(2) is a
 * handful of loads. Operations answer a value or a negative errno (`-ENOENT`), never throw.
 *
 * Names and link targets are *byte strings*: JavaScript strings in which each character is one
 * byte (0…255), see byte-string.ts. The Vfs has checked permissions, read-only mounts, names
 * (not empty, not "." or "..", at most 255 bytes), existence and types before it calls.
 */

import {
  EINVAL,
  EIO,
  EISDIR,
  ENODATA,
  ENOTDIR,
  ENOTTY,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
} from '../abi/errno.table.ts';
import { isDirectory, S_IFMT } from '../abi/file-mode.ts';
import type { Acl } from './acl.ts';
import type { Location } from './dentry.ts';
import type { InodeLocks } from './file-locks.ts';
import type { FileSystem } from './file-system.ts';
import type { InodeLeases } from './leases.ts';
import type { SegmentPages } from './mappable.ts';
import type { OpenFile, OpenRequest } from './open-file.ts';
import type { InodeWatches } from './watches.ts';

/** What a new inode shall be; umask and inherited group are already in it. */
export interface NodeSpec {
  /** Type and permission bits. */
  mode: number;
  uid: number;
  gid: number;
  /** Character and block devices only. */
  rdev: number;
  /** From the directory's default list, where the file system keeps such lists. */
  acl?: Acl | undefined;
  defaultAcl?: Acl | undefined;
}

/** Receives directory entries. False: full, the entry was not taken. */
export interface DirectorySink {
  emit(name: string, ino: number, type: number, nextCookie: number): boolean;
}

/** The first cookie of a file system; 0 and 1 are "." and "..", which the Vfs makes. */
export const FIRST_COOKIE = 2;

export abstract class Inode {
  readonly fs: FileSystem;
  ino: number;
  /** Type and permission bits. */
  mode: number;
  uid = 0;
  gid = 0;
  /** Access control list; undefined: the mode says all. */
  acl: Acl | undefined = undefined;
  /** Of a directory, for what is made in it. */
  defaultAcl: Acl | undefined = undefined;
  nlink = 1;
  size = 0;
  /** Units of 512 bytes. */
  blocks = 0;
  rdev = 0;
  atimeSec = 0;
  atimeNsec = 0;
  mtimeSec = 0;
  mtimeNsec = 0;
  ctimeSec = 0;
  ctimeNsec = 0;
  btimeSec = 0;
  btimeNsec = 0;
  /** Open files, mappings and the like that keep an unlinked inode alive. */
  references = 0;
  /** Descriptions that may write: while there is one, execve(2) answers ETXTBSY. */
  writers = 0;
  /** Programs that run from it: while there is one, it may not be opened for writing. */
  runners = 0;
  /** Made by O_TMPFILE without O_EXCL: linkat(2) may give it its first name. */
  isLinkable = false;
  /** F_SET_RW_HINT. */
  writeHint = 0;
  locks: InodeLocks | undefined = undefined;
  leases: InodeLeases | undefined = undefined;
  watches: InodeWatches | undefined = undefined;

  constructor(fs: FileSystem, ino: number, mode: number) {
    this.fs = fs;
    this.ino = ino;
    this.mode = mode;
  }

  get isDirectory(): boolean {
    return (this.mode & S_IFMT) === 0o040000;
  }

  /** Brings the attributes up to date where they come from elsewhere. 0 or a negative errno. */
  refresh(): number {
    return 0;
  }

  // --- directories -----------------------------------------------------------------------------

  /** The inode of a name, or -ENOENT. */
  lookup(_name: string): Inode | number {
    return -ENOTDIR;
  }

  /** Makes a file, directory, FIFO, socket or device. */
  create(_name: string, _spec: NodeSpec): Inode | number {
    return -EPERM;
  }

  symlink(_name: string, _target: string, _spec: NodeSpec): Inode | number {
    return -EPERM;
  }

  /** A regular file without a name (O_TMPFILE), nlink 0; link() may give it one. */
  createUnnamed(_spec: NodeSpec): Inode | number {
    return -EOPNOTSUPP;
  }

  link(_name: string, _target: Inode): number {
    return -EPERM;
  }

  unlink(_name: string, _target: Inode): number {
    return -EPERM;
  }

  /** The target is an empty directory, or -ENOTEMPTY is the answer. */
  rmdir(_name: string, _target: Inode): number {
    return -EPERM;
  }

  /**
   * Moves `source` (called `name` here) to `newName` in `newParent` of the same file system.
   * `replaced` is what the new name is now; the Vfs has checked types. With `exchange` the two
   * change places. With `whiteout` a whiteout is left behind. -ENOTEMPTY for a full directory.
   */
  rename(
    _name: string,
    _source: Inode,
    _newParent: Inode,
    _newName: string,
    _replaced: Inode | undefined,
    _flags: number,
  ): number {
    return -EPERM;
  }

  /**
   * Emits entries (without "." and "..") from `cookie` on, FIRST_COOKIE being the first, until the
   * sink is full. Cookies stay valid while entries come and go. `isQuiet`: O_NOATIME, for file
   * systems that note accesses themselves.
   */
  iterate(_cookie: number, _sink: DirectorySink, _isQuiet = false): number {
    return -ENOTDIR;
  }

  // --- symbolic links --------------------------------------------------------------------------

  /** The target of a symbolic link. */
  readlink(): string | number {
    return -EINVAL;
  }

  /** Links that lead to an object instead of a name (/proc/self/fd/3): that object's place. */
  magicTarget(): Location | number | undefined {
    return undefined;
  }

  // --- contents --------------------------------------------------------------------------------

  /** Reads into `target[start, start + length)`; the number of bytes, 0 at the end. */
  readAt(_position: number, _target: Uint8Array, _start: number, _length: number): number {
    return isDirectory(this.mode) ? -EISDIR : -EINVAL;
  }

  /** The same without a new access time, where reading itself stamps it (O_NOATIME). */
  readQuietlyAt(position: number, target: Uint8Array, start: number, length: number): number {
    return this.readAt(position, target, start, length);
  }

  /** Writes, growing the file; the number of bytes, less only when space ran out midway. */
  writeAt(_position: number, _source: Uint8Array, _start: number, _length: number): number {
    return -EINVAL;
  }

  truncate(_size: number): number {
    return -EINVAL;
  }

  /** fallocate(2); `mode` are FALLOC_FL_* bits. */
  allocate(_mode: number, _offset: number, _length: number): number {
    return -EOPNOTSUPP;
  }

  /** The next byte at or after `offset` that is data (SEEK_DATA); -ENXIO when there is none. */
  seekData(offset: number): number {
    return offset < this.size ? offset : -ENXIO;
  }

  /** The next hole at or after `offset`; the end of the file counts as one. */
  seekHole(offset: number): number {
    return offset < this.size ? this.size : -ENXIO;
  }

  /** Makes contents (and attributes, unless `dataOnly`) durable. */
  sync(_dataOnly: boolean): number {
    return 0;
  }

  /**
   * Contents as memory: a segment in which [offset, offset + length) is present and valid, and
   * where byte `offset` lies in it. Page-aligned. Undefined: there is none, mappings copy.
   */
  pages(_offset: number, _length: number): SegmentPages | undefined | number {
    return undefined;
  }

  /** F_SEAL_WRITE or F_SEAL_FUTURE_WRITE: no new shared mapping may write. */
  get isWriteSealed(): boolean {
    return false;
  }

  /** A shared writable mapping was made or synced: its pages may have changed. */
  noteSharedWrite(): void {
    this.touchModified();
  }

  /**
   * Names the bytes as they are now: another value when they changed. Translations of mapped code
   * are shared by it.
   */
  get contentVersion(): string | undefined {
    return this.contentKey;
  }

  /** Names the bytes for good (digest), so that translations of them can be shared. */
  get contentKey(): string | undefined {
    return undefined;
  }

  /** The version, where every change from now on will show in it; else undefined. */
  get settledVersion(): string | undefined {
    return this.contentKey;
  }

  /**
   * The open file description for this inode. Undefined: the Vfs makes the ordinary one for
   * regular files and directories. Devices, FIFOs and the like make their own.
   */
  open(_request: OpenRequest): OpenFile | number | undefined {
    return undefined;
  }

  // --- attributes ------------------------------------------------------------------------------

  /** `mode`: the new permission bits. */
  setMode(mode: number): number {
    this.mode = (this.mode & S_IFMT) | mode;
    this.touchChanged();
    return 0;
  }

  setOwner(uid: number, gid: number): number {
    this.uid = uid;
    this.gid = gid;
    this.touchChanged();
    return 0;
  }

  setAccessTime(sec: number, nsec: number): number {
    this.atimeSec = sec;
    this.atimeNsec = nsec;
    return 0;
  }

  /** A read was noted (relatime). File systems whose store notes reads itself override it. */
  noteAccess(sec: number, nsec: number): void {
    this.setAccessTime(sec, nsec);
  }

  /** utimensat(2): modification time; the change time becomes now. */
  setModificationTime(sec: number, nsec: number): number {
    this.mtimeSec = sec;
    this.mtimeNsec = nsec;
    return 0;
  }

  /** FS_*_FL of ioctl_iflags(2), or -ENOTTY where there are none. */
  getFlags(): number {
    return -ENOTTY;
  }

  setFlags(_flags: number): number {
    return -ENOTTY;
  }

  /** The value of an extended attribute, or -ENODATA. */
  getXattr(_name: string): Uint8Array | number {
    return -EOPNOTSUPP;
  }

  /** `flags`: XATTR_CREATE, XATTR_REPLACE. */
  setXattr(_name: string, _value: Uint8Array, _flags: number): number {
    return -EOPNOTSUPP;
  }

  removeXattr(_name: string): number {
    return -EOPNOTSUPP;
  }

  listXattr(): readonly string[] | number {
    return [];
  }

  // --- lifetime --------------------------------------------------------------------------------

  retain(): void {
    this.references++;
  }

  release(): void {
    this.references--;
    if (this.references > 0) return;
    this.watches?.unused();
    if (this.nlink === 0) this.evict();
  }

  /** No name and no open file is left: frees what the contents occupy. */
  evict(): void {
    this.size = 0;
  }

  // --- helpers for implementations -------------------------------------------------------------

  /** ctime becomes now. */
  touchChanged(): void {
    const clock = this.fs.clock;
    clock.update();
    this.ctimeSec = clock.sec;
    this.ctimeNsec = clock.nsec;
  }

  /** mtime and ctime become now. */
  touchModified(): void {
    const clock = this.fs.clock;
    clock.update();
    this.mtimeSec = clock.sec;
    this.mtimeNsec = clock.nsec;
    this.ctimeSec = clock.sec;
    this.ctimeNsec = clock.nsec;
  }

  /** All four times become now. */
  touchCreated(): void {
    this.touchModified();
    this.atimeSec = this.mtimeSec;
    this.atimeNsec = this.mtimeNsec;
    this.btimeSec = this.mtimeSec;
    this.btimeNsec = this.mtimeNsec;
  }
}

/** What an xattr operation answers for a name that is not there. */
export const NO_XATTR: number = -ENODATA;
/** What contents that cannot be read or verified answer. */
export const BROKEN_CONTENTS: number = -EIO;
