/** getdents(2), getdents64(2). */

import { EBADF, EFAULT, EINVAL, ENOENT, ENOTDIR } from '../abi/errno.table.ts';
import { isDirectory } from '../abi/file-mode.ts';
import { DIRENT, DIRENT64 } from '../abi/stat-layout.ts';
import type { Task } from '../kernel/task.ts';
import type { DirectorySink } from '../vfs/inode.ts';
import { fd, outPointer, uint } from './args.ts';
import { dataFile } from './file-support.ts';
import { row, type SyscallRow } from './row.ts';

const TWO_32 = 0x1_0000_0000;

/** Packs entries into a buffer; `length` bytes are used. */
class DirentWriter implements DirectorySink {
  length = 0;
  /** An entry came that did not fit. */
  isFull = false;
  readonly #target: Uint8Array;
  readonly #capacity: number;
  readonly #is64: boolean;

  constructor(target: Uint8Array, capacity: number, is64: boolean) {
    this.#target = target;
    this.#capacity = capacity;
    this.#is64 = is64;
  }

  emit(name: string, ino: number, type: number, nextCookie: number): boolean {
    const nameAt = this.#is64 ? DIRENT64.name : DIRENT.name;
    // The old layout keeps the type in the last byte.
    const needed = nameAt + name.length + (this.#is64 ? 1 : 2);
    const record = (needed + 7) & ~7;
    const at = this.length;
    if (at + record > this.#capacity) {
      this.isFull = true;
      return false;
    }
    const target = this.#target;
    put64(target, at + DIRENT64.ino, ino);
    put64(target, at + DIRENT64.off, nextCookie);
    target[at + DIRENT64.reclen] = record;
    target[at + DIRENT64.reclen + 1] = record >> 8;
    if (this.#is64) target[at + DIRENT64.type] = type;
    for (let i = 0; i < name.length; i++) target[at + nameAt + i] = name.charCodeAt(i);
    target.fill(0, at + nameAt + name.length, at + record);
    if (!this.#is64) target[at + record - 1] = type;
    this.length = at + record;
    return true;
  }
}

function put64(target: Uint8Array, at: number, value: number): void {
  put32(target, at, value);
  put32(target, at + 4, Math.floor(value / TWO_32));
}

function put32(target: Uint8Array, at: number, value: number): void {
  target[at] = value;
  target[at + 1] = value >>> 8;
  target[at + 2] = value >>> 16;
  target[at + 3] = value >>> 24;
}

function readEntries(task: Task, fd: number, addr: number, size: number, is64: boolean): number {
  const file = dataFile(task, fd);
  if (file === undefined) return -EBADF;
  if (!isDirectory(file.inode.mode)) return -ENOTDIR;
  if (file.dentry.isDeleted) return -ENOENT;
  const buffer = task.kernel.transferBuffer;
  const writer = new DirentWriter(buffer, Math.min(size, buffer.length), is64);
  const before = file.position;
  const result = file.iterate(writer);
  if (writer.length === 0) {
    if (result < 0) return result;
    return writer.isFull ? -EINVAL : 0;
  }
  if (task.space.copyOut(addr, buffer.subarray(0, writer.length)) < 0) {
    file.position = before;
    return -EFAULT;
  }
  return writer.length;
}

const sysGetdents64 = (task: Task, fd: number, addr: number, size: number): number =>
  readEntries(task, fd, addr, size, true);
const sysGetdents = (task: Task, fd: number, addr: number, size: number): number =>
  readEntries(task, fd, addr, size, false);

export const GETDENTS_ROWS: readonly SyscallRow[] = [
  row('getdents64', [fd, outPointer, uint], sysGetdents64),
  row('getdents', [fd, outPointer, uint], sysGetdents),
];
