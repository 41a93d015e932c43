/** fcntl(2), F_NOTIFY: a signal when a directory or what is in it changes (`fs/notify/dnotify`). */

import { ENOTDIR } from '../abi/errno.table.ts';
import { DN, F_OWNER_PID } from '../abi/file-flags.ts';
import { isDirectory } from '../abi/file-mode.ts';
import {
  IN_ACCESS,
  IN_ATTRIB,
  IN_CREATE,
  IN_DELETE,
  IN_MODIFY,
  IN_MOVED_FROM,
  IN_MOVED_TO,
} from '../abi/inotify.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { FILE_EVENT, signalOwner } from '../kernel/signals/file-signals.ts';
import type { Task } from '../kernel/task.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import { type InodeWatch, InodeWatches } from '../vfs/watches.ts';

/** What each bit waits for; DN_RENAME comes from both halves of a move within the directory. */
const CAUSES: readonly (readonly [number, number])[] = [
  [DN.DN_DELETE, IN_DELETE | IN_MOVED_FROM],
  [DN.DN_CREATE, IN_CREATE | IN_MOVED_TO],
  [DN.DN_MODIFY, IN_MODIFY],
  [DN.DN_ACCESS, IN_ACCESS],
  [DN.DN_ATTRIB, IN_ATTRIB],
];

/** F_NOTIFY. `bits`: DN_*, without any but DN_MULTISHOT: no more. */
export function notifyOfDirectory(task: Task, file: OpenFile, fd: number, bits: number): number {
  const { inode } = file;
  const holder = task.files;
  if ((bits & ~DN.DN_MULTISHOT) === 0) {
    inode.watches?.dropOf(file, holder);
    return 0;
  }
  if (!isDirectory(inode.mode)) return -ENOTDIR;
  if (file.owner === undefined || file.owner.type < 0)
    file.owner = { type: F_OWNER_PID, id: task.group.pid, signal: file.owner?.signal ?? 0 };
  inode.watches ??= new InodeWatches();
  const known = inode.watches.find(
    (watch): watch is DirectoryNotice =>
      watch instanceof DirectoryNotice && watch.isOf(file, holder),
  );
  if (known === undefined)
    inode.watches.add(new DirectoryNotice(task.kernel, { file, holder, fd, bits }));
  else known.extend(fd, bits);
  return 0;
}

class DirectoryNotice implements InodeWatch {
  readonly #kernel: Kernel;
  readonly #file: OpenFile;
  readonly #holder: object;
  #fd: number;
  #bits: number;
  /** Of the last name that was moved away from here. */
  #cookie = 0;

  constructor(
    kernel: Kernel,
    asked: { readonly file: OpenFile; readonly holder: object; fd: number; bits: number },
  ) {
    this.#kernel = kernel;
    this.#file = asked.file;
    this.#holder = asked.holder;
    this.#fd = asked.fd;
    this.#bits = asked.bits;
  }

  isOf(file: OpenFile, holder: object): boolean {
    return file === this.#file && holder === this.#holder;
  }

  extend(fd: number, bits: number): void {
    this.#fd = fd;
    this.#bits |= bits;
  }

  onEvent(mask: number, cookie: number): void {
    const isRename = (mask & IN_MOVED_TO) !== 0 && cookie === this.#cookie;
    if ((mask & IN_MOVED_FROM) !== 0) this.#cookie = cookie;
    if (isRename && (this.#bits & DN.DN_RENAME) !== 0 && !this.#tell()) return;
    for (const [bit, causes] of CAUSES)
      if ((this.#bits & bit) !== 0 && (mask & causes) !== 0 && !this.#tell()) return;
  }

  /** False when this was the last time. */
  #tell(): boolean {
    signalOwner(this.#kernel, this.#file, this.#fd, FILE_EVENT.message);
    if ((this.#bits & DN.DN_MULTISHOT) !== 0) return true;
    this.#file.inode.watches?.delete(this);
    return false;
  }

  onGone(): void {
    // The open directory keeps its inode: there is nothing to tell.
  }
}
