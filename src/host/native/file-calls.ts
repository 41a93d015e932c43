/**
 * System calls on files for host folders, as Node.js does not have them: relative to a descriptor,
 * one component at a time, never following a link in it (openat(2) and its relatives), with times
 * in nanoseconds, extended attributes, special files, and the modes of fallocate(2).
 *
 * Strings are byte strings. Results: a value, or -errno. Paths and results go through the bounce
 * buffer, which no call leaves in use.
 */

import { EINTR, EIO, ENOSYS } from '../../abi/errno.table.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  O_NOFOLLOW,
  O_PATH,
} from '../../abi/file-flags.ts';
import { makeDev } from '../../abi/file-mode.ts';
import { FS_IOC_GETFLAGS, FS_IOC_SETFLAGS } from '../../abi/inode-flags.ts';
import { STATFS, STATX, STATX_BASIC_STATS, STATX_BTIME } from '../../abi/stat-layout.ts';
import { assert } from '../../base/assert.ts';
import type { HostEntry, HostStat, HostTimes, HostUsage } from '../../fs/hostfs/host-folder.ts';
import type { NativeContext } from './context.ts';
import { RawSyscalls } from './raw-syscalls.ts';

/** arch/x86/entry/syscalls/syscall_64.tbl */
const NR = {
  lseek: 8,
  chmod: 90,
  fstatfs: 138,
  setxattr: 188,
  lsetxattr: 189,
  getxattr: 191,
  lgetxattr: 192,
  listxattr: 194,
  llistxattr: 195,
  removexattr: 197,
  lremovexattr: 198,
  getdents64: 217,
  openat: 257,
  mkdirat: 258,
  mknodat: 259,
  fchownat: 260,
  unlinkat: 263,
  linkat: 265,
  symlinkat: 266,
  readlinkat: 267,
  utimensat: 280,
  renameat2: 316,
  statx: 332,
  fchmodat2: 452,
} as const;

const TWO_32 = 2 ** 32;
/** Where the two paths and the data of a call lie in the bounce buffer. */
const FIRST = 0;
const SECOND = 8192;
const DATA = 16384;
const DATA_BYTES = 131_072;
const PATH_BYTES = 4096;
/** measured: up to here a read through the buffer takes less than one by node:fs. */
export const SMALL_BYTES = 4096;
const DIRENT_NAME = 19;
const RETRIES = 1000;

export class FileCalls extends RawSyscalls {
  readonly #bytes: Uint8Array;
  readonly #buffer: Buffer;
  readonly #view: DataView;
  readonly #address: number;

  constructor(native: Pick<NativeContext, 'engine' | 'bounce' | 'bounceAddress'>) {
    super(native.engine.mailbox, native.engine.calls.syscall);
    const { bounce } = native;
    assert(bounce.length >= DATA + DATA_BYTES, 'the bounce buffer holds a call');
    this.#bytes = bounce;
    this.#buffer = Buffer.from(bounce.buffer, bounce.byteOffset, bounce.length);
    this.#view = new DataView(bounce.buffer, bounce.byteOffset, bounce.length);
    this.#address = native.bounceAddress;
  }

  /** Puts a string with its end into the buffer; its address. */
  #put(at: number, text: string): number {
    assert(text.length < PATH_BYTES, 'a path fits');
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      assert(code > 0 && code < 256, 'a byte string without an end inside');
      this.#bytes[at + i] = code;
    }
    this.#bytes[at + text.length] = 0;
    return this.#address + at;
  }

  /** A byte string out of the buffer. */
  #text(start: number, end: number): string {
    return this.#buffer.toString('latin1', start, end);
  }

  /** `fd` itself as a path: its magic link, which works for O_PATH, too. */
  #self(fd: number): number {
    return this.#put(FIRST, `/proc/self/fd/${fd}`);
  }

  openAt(folder: number, name: string, flags: number, mode: number): number {
    const path = this.#put(FIRST, name);
    return repeated(() => this.call(NR.openat, folder, path, flags, mode));
  }

  /** pread(2) of few bytes: at most {@link SMALL_BYTES}. */
  readSmall(
    fd: number,
    position: number,
    target: Uint8Array,
    start: number,
    length: number,
  ): number {
    assert(length <= SMALL_BYTES && start + length <= target.length, 'few bytes');
    const got = repeated(() => this.pread(fd, this.#address + DATA, length, position));
    if (got > length) return -EIO;
    if (got > 0) target.set(this.#bytes.subarray(DATA, DATA + got), start);
    return got;
  }

  /** statx(2) of an entry, or of the descriptor itself when `name` is empty. */
  statAt(folder: number, name: string): HostStat | number {
    const flags = AT_SYMLINK_NOFOLLOW | (name === '' ? AT_EMPTY_PATH : 0);
    const mask = STATX_BASIC_STATS | STATX_BTIME;
    const target = this.#address + DATA;
    const result = this.call(NR.statx, folder, this.#put(FIRST, name), flags, mask, target);
    return result < 0 ? result : this.#takeStat();
  }

  /** Fields are checked here, once: the host may answer anything. */
  #takeStat(): HostStat {
    const u32 = (at: number) => this.#view.getUint32(DATA + at, true);
    const nsec = (at: number) => Math.min(u32(at), 999_999_999);
    const device = (at: number) => makeDev(u32(at), u32(at + 4));
    const hasBirth = (u32(STATX.mask) & STATX_BTIME) !== 0;
    return {
      dev: device(STATX.devMajor),
      ino: this.#number(STATX.ino),
      mode: this.#view.getUint16(DATA + STATX.mode, true),
      nlink: u32(STATX.nlink),
      uid: u32(STATX.uid),
      gid: u32(STATX.gid),
      rdev: device(STATX.rdevMajor),
      size: this.#number(STATX.size),
      blocks: this.#number(STATX.blocks),
      atimeSec: this.#signed(STATX.atimeSec),
      atimeNsec: nsec(STATX.atimeNsec),
      mtimeSec: this.#signed(STATX.mtimeSec),
      mtimeNsec: nsec(STATX.mtimeNsec),
      ctimeSec: this.#signed(STATX.ctimeSec),
      ctimeNsec: nsec(STATX.ctimeNsec),
      btimeSec: hasBirth ? this.#signed(STATX.btimeSec) : 0,
      btimeNsec: hasBirth ? nsec(STATX.btimeNsec) : 0,
    };
  }

  /** 64 bits as a natural number; 0 where the host gives nonsense. */
  #number(at: number): number {
    const low = this.#view.getUint32(DATA + at, true);
    return natural(this.#view.getUint32(DATA + at + 4, true) * TWO_32 + low);
  }

  #signed(at: number): number {
    const low = this.#view.getUint32(DATA + at, true);
    const number = this.#view.getInt32(DATA + at + 4, true) * TWO_32 + low;
    return Number.isSafeInteger(number) ? number : 0;
  }

  makeFolder(folder: number, name: string, mode: number): number {
    return this.call(NR.mkdirat, folder, this.#put(FIRST, name), mode);
  }

  makeNode(folder: number, name: string, mode: number, rdev: number): number {
    return this.call(NR.mknodat, folder, this.#put(FIRST, name), mode, rdev);
  }

  symlink(target: string, folder: number, name: string): number {
    return this.call(NR.symlinkat, this.#put(FIRST, target), folder, this.#put(SECOND, name));
  }

  readlink(folder: number, name: string): string | number {
    const target = this.#address + DATA;
    const count = this.call(NR.readlinkat, folder, this.#put(FIRST, name), target, PATH_BYTES);
    if (count < 0) return count;
    return count > PATH_BYTES ? -EIO : this.#text(DATA, DATA + count);
  }

  /** `fromName` empty: the file that is open as `from`. */
  link(from: number, fromName: string, folder: number, name: string): number {
    const to = this.#put(SECOND, name);
    if (fromName === '')
      return this.call(NR.linkat, AT_FDCWD, this.#self(from), folder, to, AT_SYMLINK_FOLLOW);
    return this.call(NR.linkat, from, this.#put(FIRST, fromName), folder, to, 0);
  }

  /** `flags`: AT_REMOVEDIR. */
  unlink(folder: number, name: string, flags: number): number {
    return this.call(NR.unlinkat, folder, this.#put(FIRST, name), flags);
  }

  /** `flags`: RENAME_*. */
  rename(folder: number, name: string, to: number, toName: string, flags: number): number {
    const source = this.#put(FIRST, name);
    return this.call(NR.renameat2, folder, source, to, this.#put(SECOND, toName), flags);
  }

  /** Of an entry, or of the descriptor itself when `name` is empty; likewise below. */
  setMode(folder: number, name: string, mode: number): number {
    if (name === '') return this.call(NR.chmod, this.#self(folder), mode);
    const path = this.#put(FIRST, name);
    const result = this.call(NR.fchmodat2, folder, path, mode, AT_SYMLINK_NOFOLLOW);
    if (result !== -ENOSYS) return result;
    // Linux before 6.6: the thing itself is opened, and changed by its magic link.
    const fd = this.openAt(folder, name, O_PATH | O_NOFOLLOW, 0);
    if (fd < 0) return fd;
    const done = this.call(NR.chmod, this.#self(fd), mode);
    this.close(fd);
    return done;
  }

  setOwner(folder: number, name: string, uid: number, gid: number): number {
    const flags = name === '' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW;
    return this.call(NR.fchownat, folder, this.#put(FIRST, name), uid, gid, flags);
  }

  setTimes(folder: number, name: string, times: HostTimes): number {
    const words = [times.atimeSec, times.atimeNsec, times.mtimeSec, times.mtimeNsec];
    for (const [i, word] of words.entries()) {
      this.#view.setInt32(DATA + i * 8, word | 0, true);
      this.#view.setInt32(DATA + i * 8 + 4, Math.floor(word / TWO_32), true);
    }
    const at = this.#address + DATA;
    if (name === '') return this.call(NR.utimensat, AT_FDCWD, this.#self(folder), at, 0);
    return this.call(NR.utimensat, folder, this.#put(FIRST, name), at, AT_SYMLINK_NOFOLLOW);
  }

  // --- extended attributes: by path, since there are no *at calls before Linux 6.13 ----------------

  #xattrPath(folder: number, name: string): number {
    const self = `/proc/self/fd/${folder}`;
    return this.#put(FIRST, name === '' ? self : `${self}/${name}`);
  }

  getXattr(folder: number, name: string, xattr: string): Uint8Array | number {
    const path = this.#xattrPath(folder, name);
    const number = name === '' ? NR.getxattr : NR.lgetxattr;
    const data = this.#address + DATA;
    return this.#bytesOf(this.call(number, path, this.#put(SECOND, xattr), data, DATA_BYTES));
  }

  setXattr(folder: number, name: string, xattr: string, value: Uint8Array, flags: number): number {
    assert(value.length <= DATA_BYTES, 'a value fits');
    this.#bytes.set(value, DATA);
    const path = this.#xattrPath(folder, name);
    const number = name === '' ? NR.setxattr : NR.lsetxattr;
    const data = this.#address + DATA;
    return this.call(number, path, this.#put(SECOND, xattr), data, value.length, flags);
  }

  removeXattr(folder: number, name: string, xattr: string): number {
    const path = this.#xattrPath(folder, name);
    const number = name === '' ? NR.removexattr : NR.lremovexattr;
    return this.call(number, path, this.#put(SECOND, xattr));
  }

  listXattr(folder: number, name: string): readonly string[] | number {
    const path = this.#xattrPath(folder, name);
    const number = name === '' ? NR.listxattr : NR.llistxattr;
    const list = this.#bytesOf(this.call(number, path, this.#address + DATA, DATA_BYTES));
    if (typeof list === 'number') return list;
    return this.#text(DATA, DATA + list.length)
      .split('\0')
      .filter((xattr) => xattr !== '');
  }

  /** What a call left in the buffer. */
  #bytesOf(count: number): Uint8Array | number {
    if (count < 0) return count;
    return count > DATA_BYTES ? -EIO : this.#bytes.slice(DATA, DATA + count);
  }

  // --- open files and folders ----------------------------------------------------------------------

  /** lseek(2); only SEEK_DATA and SEEK_HOLE are of use, nothing here has a position. */
  seek(fd: number, offset: number, whence: number): number {
    return this.call(NR.lseek, fd, offset, whence);
  }

  /** The next entries of an open folder; empty at the end. */
  readFolder(fd: number): readonly HostEntry[] | number {
    const count = this.call(NR.getdents64, fd, this.#address + DATA, DATA_BYTES);
    if (count < 0) return count;
    const entries: HostEntry[] = [];
    const end = DATA + Math.min(count, DATA_BYTES);
    for (let at = DATA; at + DIRENT_NAME < end; ) {
      const length = this.#view.getUint16(at + 16, true);
      if (length <= DIRENT_NAME || at + length > end) return -EIO;
      const type = this.#bytes[at + 18] as number;
      const from = at + DIRENT_NAME;
      const stop = this.#bytes.indexOf(0, from);
      if (stop < 0 || stop >= at + length) return -EIO;
      entries.push({ name: this.#text(from, stop), type, ino: this.#number(at - DATA) });
      at += length;
    }
    return entries;
  }

  usage(fd: number): HostUsage | number {
    const result = this.call(NR.fstatfs, fd, this.#address + DATA);
    if (result < 0) return result;
    return {
      magic: this.#view.getUint32(DATA + STATFS.type, true),
      blockSize: this.#number(STATFS.bsize),
      blocks: this.#number(STATFS.blocks),
      blocksFree: this.#number(STATFS.bfree),
      blocksAvailable: this.#number(STATFS.bavail),
      files: this.#number(STATFS.files),
      filesFree: this.#number(STATFS.ffree),
      nameMax: this.#number(STATFS.namelen),
    };
  }

  getFlags(fd: number): number {
    this.#view.setUint32(DATA, 0, true);
    const result = this.ioctl(fd, FS_IOC_GETFLAGS, this.#address + DATA);
    return result < 0 ? result : this.#view.getUint32(DATA, true);
  }

  setFlags(fd: number, flags: number): number {
    this.#view.setUint32(DATA, flags, true);
    return this.ioctl(fd, FS_IOC_SETFLAGS, this.#address + DATA);
  }

  allocate(fd: number, mode: number, offset: number, length: number): number {
    return repeated(() => this.fallocate(fd, mode, offset, length));
  }
}

/** A call again as long as a signal interrupts it. */
function repeated(call: () => number): number {
  for (let i = 0; ; i++) {
    const result = call();
    if (result !== -EINTR || i === RETRIES) return result;
  }
}

const natural = (value: number): number => (Number.isSafeInteger(value) && value >= 0 ? value : 0);
