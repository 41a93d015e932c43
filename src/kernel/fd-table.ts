/**
 * The file descriptor table of a process: shared by CLONE_FILES, copied by fork. Holds one
 * reference on each open file description. Lowest free number first (POSIX, open(2)).
 */

import { EBADF, EMFILE } from '../abi/errno.table.ts';
import { assert } from '../base/assert.ts';
import type { OpenFile } from '../vfs/open-file.ts';

/** Descriptor flag of fcntl(2), the only one. */
export const FD_CLOEXEC = 1;

/** BITS_PER_LONG, and what 1,024 bytes of pointers hold. */
const FIRST_CAPACITY = 64;
const GROWTH = 128;

export class FdTable {
  readonly #files: (OpenFile | undefined)[] = [];
  readonly #closeOnExec: boolean[] = [];
  /** No number below is free. */
  #lowestFree = 0;
  #owners = 1;

  /** Undefined when `fd` is not open: EBADF. */
  get(fd: number): OpenFile | undefined {
    return this.#files[fd];
  }

  /** The number that an install from `from` on would take; -EMFILE. */
  lowestFree(from: number, limit: number): number {
    let fd = Math.max(from, this.#lowestFree);
    while (this.#files[fd] !== undefined) fd++;
    return fd < limit ? fd : -EMFILE;
  }

  /** True when the lowest free number reaches `limit`: an open is not even tried (EMFILE). */
  isFull(limit: number): boolean {
    while (this.#files[this.#lowestFree] !== undefined) this.#lowestFree++;
    return this.#lowestFree >= limit;
  }

  /**
   * Puts `file` at the lowest free number ≥ `from`; takes over the caller's reference. -EMFILE when
   * that number would reach `limit` (RLIMIT_NOFILE).
   */
  install(file: OpenFile, limit: number, closeOnExec = false, from = 0): number {
    const fd = this.lowestFree(from, limit);
    if (fd < 0) return fd;
    this.#put(fd, file, closeOnExec);
    if (from <= this.#lowestFree) this.#lowestFree = fd + 1;
    return fd;
  }

  /** dup2: puts `file` at `fd`, closing what was there; takes over the caller's reference. */
  replace(fd: number, file: OpenFile, closeOnExec: boolean): void {
    const previous = this.#files[fd];
    this.#put(fd, file, closeOnExec);
    if (previous !== undefined) this.#drop(previous);
  }

  /** What close(2) owes a file: flush, F_NOTIFY, and the record locks of this process. */
  #drop(file: OpenFile): void {
    file.descriptorClosed();
    file.inode.watches?.dropOf(file, this);
    file.inode.locks?.dropRecords(this);
    file.release();
  }

  #put(fd: number, file: OpenFile, closeOnExec: boolean): void {
    while (this.#files.length < fd) {
      this.#files.push(undefined);
      this.#closeOnExec.push(false);
    }
    this.#files[fd] = file;
    this.#closeOnExec[fd] = closeOnExec;
  }

  #take(fd: number): OpenFile | undefined {
    const file = this.#files[fd];
    if (file === undefined) return undefined;
    this.#files[fd] = undefined;
    this.#closeOnExec[fd] = false;
    if (fd < this.#lowestFree) this.#lowestFree = fd;
    return file;
  }

  /** 0 or -EBADF. */
  close(fd: number): number {
    const file = this.#take(fd);
    if (file === undefined) return -EBADF;
    this.#drop(file);
    return 0;
  }

  getCloseOnExec(fd: number): boolean {
    return this.#closeOnExec[fd] === true;
  }

  setCloseOnExec(fd: number, value: boolean): void {
    assert(this.#files[fd] !== undefined, 'descriptor is open');
    this.#closeOnExec[fd] = value;
  }

  /** Open descriptors in ascending order. */
  *entries(): IterableIterator<[number, OpenFile]> {
    for (let fd = 0; fd < this.#files.length; fd++) {
      const file = this.#files[fd];
      if (file !== undefined) yield [fd, file];
    }
  }

  /**
   * Numbers that the table has room for, as Linux grows it (fs/file.c, alloc_fdtable): 64, then powers
   * of two from 128. select(2) does not look at descriptors beyond it.
   */
  get capacity(): number {
    const highest = this.#files.length - 1;
    if (highest < FIRST_CAPACITY) return FIRST_CAPACITY;
    return GROWTH * 2 ** Math.ceil(Math.log2(Math.floor(highest / GROWTH) + 1));
  }

  get openCount(): number {
    let count = 0;
    for (const file of this.#files) if (file !== undefined) count++;
    return count;
  }

  /** fork: the same open file descriptions under the same numbers. */
  clone(): FdTable {
    const copy = new FdTable();
    const files = this.#files;
    for (let fd = 0; fd < files.length; fd++) {
      const file = files[fd];
      if (file === undefined) continue;
      file.retain();
      copy.#put(fd, file, this.#closeOnExec[fd] === true);
    }
    copy.#lowestFree = this.#lowestFree;
    return copy;
  }

  get isShared(): boolean {
    return this.#owners > 1;
  }

  /** CLONE_FILES: one more task uses this very table. */
  share(): FdTable {
    this.#owners++;
    return this;
  }

  /** A task exits or unshares; the last one closes everything. */
  leave(): void {
    assert(this.#owners > 0, 'table has an owner');
    if (--this.#owners > 0) return;
    for (let fd = 0; fd < this.#files.length; fd++) this.close(fd);
  }

  /** execve: closes what is marked FD_CLOEXEC. */
  closeOnExec(): void {
    for (let fd = 0; fd < this.#files.length; fd++) if (this.#closeOnExec[fd]) this.close(fd);
  }
}
