/** What the file families share: descriptors, paths and places from arguments, waiting for files. */

import { EAGAIN, EBADF, EFAULT, ENAMETOOLONG, ENOENT, EPIPE } from '../abi/errno.table.ts';
import { AT_FDCWD, O_NONBLOCK, O_PATH, PATH_MAX } from '../abi/file-flags.ts';
import { SIGPIPE } from '../abi/signal.table.ts';
import { BLOCKED, ERESTARTSYS } from '../kernel/outcome.ts';
import { sendToTask } from '../kernel/signals/send.ts';
import { userSignal } from '../kernel/signals/signal-info.ts';
import type { Task } from '../kernel/task.ts';
import { directIndex } from '../mm/address-space.ts';
import type { Location } from '../vfs/dentry.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import type { Path } from '../vfs/path.ts';
import type { UserMemory } from '../vfs/user-memory.ts';

const PAGE_BYTES = 4096;

/** The open file of a descriptor that may move data or attributes: not O_PATH. */
export function dataFile(task: Task, fd: number): OpenFile | undefined {
  const file = task.files.get(fd);
  return file === undefined || (file.flags & O_PATH) !== 0 ? undefined : file;
}

/** A path from guest memory. */
export function readPath(task: Task, addr: number): Path | number {
  const { space } = task;
  const { paths } = task.kernel.vfs;
  // Most paths end in the page they start in.
  const inPage = PAGE_BYTES - (addr % PAGE_BYTES);
  const half = space.direct(addr, inPage, false);
  if (half !== undefined) {
    const start = directIndex(addr);
    const path = paths.findTerminated(half, start, start + inPage);
    if (path !== undefined) return path;
  }
  const bytes = space.readCString(addr, PATH_MAX);
  if (typeof bytes === 'number') return bytes;
  if (bytes.length >= PATH_MAX) return -ENAMETOOLONG;
  return paths.find(bytes, 0, bytes.length);
}

/**
 * Where a relative path starts: undefined for the working directory. An absolute path does not
 * look at `dirfd` at all (openat(2)). An empty one is refused first, unless AT_EMPTY_PATH allows it.
 */
export function baseOf(
  task: Task,
  dirfd: number,
  path: Path,
  mayBeEmpty = false,
): Location | undefined | number {
  if (path.isEmpty && !mayBeEmpty) return -ENOENT;
  if (dirfd === AT_FDCWD || path.isAbsolute) return undefined;
  return task.files.get(dirfd) ?? -EBADF;
}

/** Guest memory for ioctl handlers. */
export class TaskMemory implements UserMemory {
  readonly #task: Task;

  constructor(task: Task) {
    this.#task = task;
  }

  read(addr: number, target: Uint8Array): boolean {
    return this.#task.space.copyIn(addr, target) >= 0;
  }

  write(addr: number, source: Uint8Array): boolean {
    return this.#task.space.copyOut(addr, source) >= 0;
  }
}

/**
 * Sleeps until `attempt` answers something else than -EAGAIN. Holds the file meanwhile, since
 * another thread may close the descriptor. `interrupted`: what a signal makes of it. -EAGAIN for a file
 * that is never woken.
 */
export function waitForFile(
  task: Task,
  file: OpenFile,
  reason: string,
  attempt: (task: Task) => number,
  interrupted: () => number = () => -ERESTARTSYS,
  timeoutNs = 0,
  timedOut: () => number = () => file.timedOutResult,
): number {
  const { waitQueue } = file;
  if (waitQueue === undefined) return -EAGAIN;
  file.retain();
  return task.sleep({
    queues: [waitQueue],
    reason,
    deadlineNs: deadlineOf(task, timeoutNs),
    attempt: (who) => {
      const result = attempt(who);
      if (result === -EAGAIN || result === BLOCKED) return BLOCKED;
      file.release();
      return result;
    },
    interrupted: () => {
      file.release();
      return interrupted();
    },
    timedOut: () => {
      file.release();
      return timedOut();
    },
    abandoned: () => file.release(),
  });
}

/** When a wait of `timeoutNs` ends that begins now; none: it has no bound. */
export function deadlineOf(task: Task, timeoutNs: number): number | undefined {
  const isBounded = timeoutNs !== 0 && timeoutNs !== Number.POSITIVE_INFINITY;
  return isBounded ? task.kernel.nowNs() + timeoutNs : undefined;
}

export const isNonBlocking = (file: OpenFile): boolean => (file.flags & O_NONBLOCK) !== 0;

/** Writes a 32-bit result out; 0 or -EFAULT. */
export function putInt(task: Task, addr: number, value: number): number {
  return task.space.writeU32(addr, value >>> 0) < 0 ? -EFAULT : 0;
}

/** A write to nobody: SIGPIPE for the thread, where the kind of file has it so, and the error. */
export function withSigpipe(task: Task, result: number, file: OpenFile): number {
  if (result === -EPIPE && file.raisesSigpipe) raise(task, SIGPIPE);
  return result;
}

/** `send_sig(signal, current, 0)`: a signal that a task brings on itself. */
export function raise(task: Task, signal: number): void {
  sendToTask(task, userSignal(signal, task.group.pid, task.creds.uid));
}
