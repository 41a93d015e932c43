/**
 * Host folders for hostfs over system calls that take a descriptor and one component below it, and
 * never follow it. Folders are open with O_PATH where that is enough.
 */

import { fdatasyncSync, fsyncSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { ENOTDIR } from '../abi/errno.table.ts';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  F_SETFL,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOATIME,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_WRONLY,
} from '../abi/file-flags.ts';
import type {
  HostEntry,
  HostFile,
  HostFolder,
  HostHandle,
  HostStat,
  HostTimes,
  HostUsage,
} from '../fs/hostfs/host-folder.ts';
import { attempt, attemptDone } from './errno.ts';
import { type FileCalls, SMALL_BYTES } from './native/file-calls.ts';

/** Opens `path` (followed) as the root of a mount: a folder, or the folder of a single file. */
export function openHostFolder(calls: FileCalls, path: string): HostFolder | number {
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const bytes = Buffer.from(path, 'utf8').toString('latin1');
  const fd = calls.openAt(AT_FDCWD, bytes, flags, 0);
  return fd < 0 ? fd : new NativeFolder(calls, fd);
}

/** What an open file and an open folder have in common: attributes. */
abstract class NativeHandle implements HostHandle {
  readonly calls: FileCalls;
  readonly fd: number;

  constructor(calls: FileCalls, fd: number) {
    this.calls = calls;
    this.fd = fd;
  }

  stat(name: string): HostStat | number {
    return this.calls.statAt(this.fd, name);
  }

  setMode(name: string, mode: number): number {
    return this.calls.setMode(this.fd, name, mode);
  }

  setOwner(name: string, uid: number, gid: number): number {
    return this.calls.setOwner(this.fd, name, uid, gid);
  }

  setTimes(name: string, times: HostTimes): number {
    return this.calls.setTimes(this.fd, name, times);
  }

  getXattr(name: string, xattr: string): Uint8Array | number {
    return this.calls.getXattr(this.fd, name, xattr);
  }

  setXattr(name: string, xattr: string, value: Uint8Array, flags: number): number {
    return this.calls.setXattr(this.fd, name, xattr, value, flags);
  }

  removeXattr(name: string, xattr: string): number {
    return this.calls.removeXattr(this.fd, name, xattr);
  }

  listXattr(name: string): readonly string[] | number {
    return this.calls.listXattr(this.fd, name);
  }

  abstract getFlags(): number;
  abstract setFlags(flags: number): number;
  abstract sync(dataOnly: boolean): number;

  [Symbol.dispose](): void {
    this.calls.close(this.fd);
  }
}

class NativeFolder extends NativeHandle implements HostFolder {
  /** Runs `work` with this folder open for reading, which O_PATH is not. */
  #reading(work: (fd: number) => number): number {
    const fd = this.calls.openAt(this.fd, '.', O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) return fd;
    const result = work(fd);
    this.calls.close(fd);
    return result;
  }

  list(isQuiet: boolean): readonly HostEntry[] | number {
    const all: HostEntry[] = [];
    const result = this.#reading((fd) => {
      // Refused to those who do not own the folder: then it is noted.
      if (isQuiet) this.calls.fcntl(fd, F_SETFL, O_NOATIME);
      while (true) {
        const some = this.calls.readFolder(fd);
        if (typeof some === 'number') return some;
        if (some.length === 0) return 0;
        all.push(...some);
      }
    });
    return result < 0 ? result : all;
  }

  usage(): HostUsage | number {
    return this.calls.usage(this.fd);
  }

  sync(dataOnly: boolean): number {
    return this.#reading((fd) => syncDescriptor(fd, dataOnly));
  }

  getFlags(): number {
    return this.#reading((fd) => this.calls.getFlags(fd));
  }

  setFlags(flags: number): number {
    return this.#reading((fd) => this.calls.setFlags(fd, flags));
  }

  openFolder(name: string): HostFolder | number {
    const flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const fd = this.calls.openAt(this.fd, name, flags, 0);
    return fd < 0 ? fd : new NativeFolder(this.calls, fd);
  }

  openFile(name: string, access: number): HostFile | number {
    // O_NONBLOCK: the host may have put a FIFO there meanwhile.
    const flags = access | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    return this.#file(this.calls.openAt(this.fd, name, flags, 0), access);
  }

  openPlace(name: string): HostHandle | number {
    const flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    return this.#file(this.calls.openAt(this.fd, name, flags, 0), O_RDONLY);
  }

  createFile(name: string, mode: number): HostFile | number {
    const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    return this.#whole(this.#file(this.calls.openAt(this.fd, name, flags, mode), O_RDWR), mode);
  }

  createUnnamed(mode: number): HostFile | number {
    const flags = O_TMPFILE | O_RDWR | O_CLOEXEC;
    return this.#whole(this.#file(this.calls.openAt(this.fd, '.', flags, mode), O_RDWR), mode);
  }

  #file(fd: number, access: number): NativeFile | number {
    return fd < 0 ? fd : new NativeFile(this.calls, fd, access);
  }

  /** Gives a new file the bits that the process's umask and the folder took or added. */
  #whole(file: NativeFile | number, mode: number): HostFile | number {
    if (typeof file === 'number') return file;
    const result = file.setMode('', mode);
    if (result === 0) return file;
    file[Symbol.dispose]();
    return result;
  }

  makeFolder(name: string, mode: number): number {
    const result = this.calls.makeFolder(this.fd, name, mode);
    return result < 0 ? result : this.setMode(name, mode);
  }

  makeNode(name: string, mode: number, rdev: number): number {
    const result = this.calls.makeNode(this.fd, name, mode, rdev);
    return result < 0 ? result : this.setMode(name, mode & 0o7777);
  }

  symlink(name: string, target: string): number {
    return this.calls.symlink(target, this.fd, name);
  }

  readlink(name: string): string | number {
    return this.calls.readlink(this.fd, name);
  }

  link(name: string, from: HostHandle, fromName: string): number {
    if (!(from instanceof NativeHandle)) return -ENOTDIR;
    return this.calls.link(from.fd, fromName, this.fd, name);
  }

  unlink(name: string): number {
    return this.calls.unlink(this.fd, name, 0);
  }

  removeFolder(name: string): number {
    return this.calls.unlink(this.fd, name, AT_REMOVEDIR);
  }

  rename(name: string, to: HostFolder, toName: string, flags: number): number {
    if (!(to instanceof NativeFolder)) return -ENOTDIR;
    return this.calls.rename(this.fd, name, to.fd, toName, flags);
  }
}

function syncDescriptor(fd: number, dataOnly: boolean): number {
  return attemptDone(() => (dataOnly ? fdatasyncSync(fd) : fsyncSync(fd)));
}

/** Most contents go through node:fs, which takes arrays wherever they lie. */
class NativeFile extends NativeHandle implements HostFile {
  readonly isReadable: boolean;
  readonly isWritable: boolean;

  constructor(calls: FileCalls, fd: number, access: number) {
    super(calls, fd);
    this.isReadable = access !== O_WRONLY;
    this.isWritable = access !== O_RDONLY;
  }

  get descriptor(): number {
    return this.fd;
  }

  read(position: number, target: Uint8Array, start: number, length: number): number {
    if (length <= SMALL_BYTES)
      return this.calls.readSmall(this.fd, position, target, start, length);
    return attempt(() => readSync(this.fd, target, start, length, position));
  }

  write(position: number, source: Uint8Array, start: number, length: number): number {
    return attempt(() => writeSync(this.fd, source, start, length, position));
  }

  keepAccessTime(kept: boolean): void {
    this.calls.fcntl(this.fd, F_SETFL, kept ? O_NOATIME : 0);
  }

  truncate(size: number): number {
    return attemptDone(() => ftruncateSync(this.fd, size));
  }

  allocate(mode: number, offset: number, length: number): number {
    return this.calls.allocate(this.fd, mode, offset, length);
  }

  seek(offset: number, whence: number): number {
    return this.calls.seek(this.fd, offset, whence);
  }

  getFlags(): number {
    return this.calls.getFlags(this.fd);
  }

  setFlags(flags: number): number {
    return this.calls.setFlags(this.fd, flags);
  }

  sync(dataOnly: boolean): number {
    return syncDescriptor(this.fd, dataOnly);
  }
}
