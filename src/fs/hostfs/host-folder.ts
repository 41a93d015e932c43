/**
 * A host folder as hostfs needs it; implemented in `host/`, by a hostile fake in tests. Every name
 * is one component, relative to an open folder, and never followed when it is a symbolic link: so
 * nothing that a guest does inside can lead out of the mount. Names are byte strings. Results: a
 * value, or -errno.
 */

/** lstat(2) of the host; times since the epoch. */
export interface HostStat {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  /** 512-byte units. */
  readonly blocks: number;
  readonly atimeSec: number;
  readonly atimeNsec: number;
  readonly mtimeSec: number;
  readonly mtimeNsec: number;
  readonly ctimeSec: number;
  readonly ctimeNsec: number;
  /** 0 where the host knows none. */
  readonly btimeSec: number;
  readonly btimeNsec: number;
}

/** For setTimes; a nanosecond field may be UTIME_OMIT. */
export type HostTimes = Pick<HostStat, 'atimeSec' | 'atimeNsec' | 'mtimeSec' | 'mtimeNsec'>;

/** statfs(2). */
export interface HostUsage {
  readonly magic: number;
  readonly blockSize: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly blocksAvailable: number;
  readonly files: number;
  readonly filesFree: number;
  readonly nameMax: number;
}

export interface HostEntry {
  readonly name: string;
  /** DT_*. */
  readonly type: number;
  readonly ino: number;
}

/** Attributes of an entry of a folder, or, where the name is empty, of what is open itself. */
export interface HostHandle extends Disposable {
  stat(name: string): HostStat | number;
  setMode(name: string, mode: number): number;
  setOwner(name: string, uid: number, gid: number): number;
  setTimes(name: string, times: HostTimes): number;
  getXattr(name: string, xattr: string): Uint8Array | number;
  /** `flags`: XATTR_CREATE, XATTR_REPLACE. */
  setXattr(name: string, xattr: string, value: Uint8Array, flags: number): number;
  removeXattr(name: string, xattr: string): number;
  listXattr(name: string): readonly string[] | number;
  /** FS_IOC_GETFLAGS and FS_IOC_SETFLAGS of what is open itself. */
  getFlags(): number;
  setFlags(flags: number): number;
  /** Makes what is open durable. */
  sync(dataOnly: boolean): number;
}

export interface HostFile extends HostHandle {
  readonly isReadable: boolean;
  readonly isWritable: boolean;
  /** The host's number for it, while it is open; undefined: it has none. */
  readonly descriptor?: number;
  read(position: number, target: Uint8Array, start: number, length: number): number;
  write(position: number, source: Uint8Array, start: number, length: number): number;
  /** Whether reads leave the access time alone (O_NOATIME), as far as the host permits it. */
  keepAccessTime(kept: boolean): void;
  truncate(size: number): number;
  /** fallocate(2) with FALLOC_FL_*. */
  allocate(mode: number, offset: number, length: number): number;
  /** lseek(2) with SEEK_DATA or SEEK_HOLE. */
  seek(offset: number, whence: number): number;
}

export interface HostFolder extends HostHandle {
  /** `isQuiet`: without an access to be noted, where the host permits that. */
  list(isQuiet: boolean): readonly HostEntry[] | number;
  usage(): HostUsage | number;
  openFolder(name: string): HostFolder | number;
  /** `access`: O_RDONLY, O_WRONLY, O_RDWR. */
  openFile(name: string, access: number): HostFile | number;
  /** Holds an entry of any type, for its attributes alone (O_PATH). */
  openPlace(name: string): HostHandle | number;
  /** Makes a new regular file (O_EXCL) and opens it for reading and writing. */
  createFile(name: string, mode: number): HostFile | number;
  /** A regular file without a name (O_TMPFILE). */
  createUnnamed(mode: number): HostFile | number;
  makeFolder(name: string, mode: number): number;
  /** mknod(2): FIFO, socket or device, `mode` with the type. */
  makeNode(name: string, mode: number, rdev: number): number;
  symlink(name: string, target: string): number;
  readlink(name: string): string | number;
  /** A further name for an entry of a folder, or, with an empty name, for an open file. */
  link(name: string, from: HostHandle, fromName: string): number;
  unlink(name: string): number;
  removeFolder(name: string): number;
  /** renameat2(2); `flags`: RENAME_*. */
  rename(name: string, to: HostFolder, toName: string, flags: number): number;
}
