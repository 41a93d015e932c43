/**
 * A host folder as hostfs needs it; implemented in `host/`, by a hostile fake in tests. Every name
 * is one component, relative to an open folder, and never followed when it is a symbolic link: so
 * nothing that a guest does inside can lead out of the mount. Names are byte strings. Results: a
 * value, or -errno.
 */

/** lstat(2) of the host; times in nanoseconds since the epoch. */
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
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

export interface HostEntry {
  readonly name: string;
  /** DT_*. */
  readonly type: number;
}

export interface HostFile extends Disposable {
  readonly isWritable: boolean;
  stat(): HostStat | number;
  read(position: number, target: Uint8Array, start: number, length: number): number;
  write(position: number, source: Uint8Array, start: number, length: number): number;
  truncate(size: number): number;
  sync(dataOnly: boolean): number;
}

export interface HostFolder extends Disposable {
  stat(): HostStat | number;
  statAt(name: string): HostStat | number;
  list(): readonly HostEntry[] | number;
  openFolder(name: string): HostFolder | number;
  openFile(name: string, writable: boolean): HostFile | number;
  /** Makes a new regular file (O_EXCL) and opens it for reading and writing. */
  createFile(name: string, mode: number): HostFile | number;
  makeFolder(name: string, mode: number): number;
  makeFifo(name: string, mode: number): number;
  symlink(name: string, target: string): number;
  readlink(name: string): string | number;
  link(name: string, from: HostFolder, fromName: string): number;
  unlink(name: string): number;
  removeFolder(name: string): number;
  rename(name: string, to: HostFolder, toName: string): number;
  setMode(name: string, mode: number): number;
  setOwner(name: string, uid: number, gid: number): number;
  setTimes(name: string, atimeNs: bigint, mtimeNs: bigint): number;
}
