/** sendfile(2), copy_file_range(2), splice(2), tee(2), vmsplice(2): bytes between descriptors. */

import {
  EAGAIN,
  EBADF,
  EFAULT,
  EFBIG,
  EINVAL,
  EISDIR,
  EOVERFLOW,
  EPIPE,
  ESPIPE,
  EXDEV,
} from '../abi/errno.table.ts';
import { MAX_RW_COUNT, O_APPEND, SPLICE_F_NONBLOCK } from '../abi/file-flags.ts';
import { isDirectory, isRegular } from '../abi/file-mode.ts';
import type { WaitQueue } from '../base/wait-queue.ts';
import { PipeFile } from '../fs/pipefs/pipe-file.ts';
import { BLOCKED, ERESTARTSYS } from '../kernel/outcome.ts';
import type { Task } from '../kernel/task.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import { fd, flags, pointer, size, uint } from './args.ts';
import { AT_POSITION, readBlocking, writeBlocking } from './data-transfer.ts';
import { SPLICE_FLAG_SET } from './file-flag-sets.ts';
import { dataFile, isNonBlocking, withSigpipe } from './file-support.ts';
import { allBits } from './flags.ts';
import { row, type SyscallRow } from './row.ts';

/** One more than the largest loff_t. */
const TOP = 2 ** 63;

/** A file offset in guest memory, or the file's own position. */
class Offset {
  readonly #task: Task;
  readonly #file: OpenFile;
  readonly #addr: number;
  /** Undefined: the file's position counts. */
  #value: number | undefined;
  readonly isFault: boolean;

  constructor(task: Task, file: OpenFile, addr: number) {
    this.#task = task;
    this.#file = file;
    this.#addr = addr;
    const raw = addr === 0 ? 0 : task.space.readU64(addr);
    this.isFault = raw === undefined;
    if (addr !== 0) this.#value = raw ?? 0;
  }

  /** Where the transfer starts. */
  get start(): number {
    return this.#value ?? this.#file.position;
  }

  /** Negative as a loff_t, or so far that `count` bytes end beyond the largest. */
  overflows(count: number): boolean {
    return this.start >= TOP || (count > 0 && this.start + count >= TOP);
  }

  read(target: Uint8Array, length: number): number {
    if (this.#value === undefined) return this.#file.read(target, 0, length);
    const count = this.#file.readAt(this.#value, target, 0, length);
    if (count > 0) this.#value += count;
    return count;
  }

  write(source: Uint8Array, start: number, length: number): number {
    if (this.#value === undefined) return this.#file.write(source, start, length);
    const count = this.#file.writeAt(this.#value, source, start, length);
    if (count > 0) this.#value += count;
    return count;
  }

  /** Takes back what was read but could not be written. */
  back(count: number): void {
    if (this.#value !== undefined) this.#value -= count;
    else if (this.#file.isSeekable) this.#file.position -= count;
  }

  /** Stores the offset for the guest; 0 or -EFAULT. */
  store(): number {
    if (this.#value === undefined) return 0;
    return this.#task.space.writeU64(this.#addr, this.#value) < 0 ? -EFAULT : 0;
  }
}

/** Copies through the kernel's buffer until the source ends or the target is full. */
function pump(task: Task, from: Offset, to: Offset, length: number): number {
  const buffer = task.kernel.transferBuffer;
  let done = 0;
  while (done < length) {
    const wanted = Math.min(length - done, buffer.length);
    const count = from.read(buffer, wanted);
    if (count <= 0) return done > 0 ? done : count;
    let written = 0;
    while (written < count) {
      const result = to.write(buffer, written, count - written);
      if (result <= 0) {
        from.back(count - written);
        const total = done + written;
        return total > 0 ? total : result;
      }
      written += result;
    }
    done += count;
    if (count < wanted) break;
  }
  return done;
}

/** Sleeps on both ends until `attempt` moves something. */
function waitForEither(
  task: Task,
  files: readonly OpenFile[],
  attempt: (task: Task) => number,
): number {
  const queues: WaitQueue[] = [];
  for (const { waitQueue } of files) if (waitQueue !== undefined) queues.push(waitQueue);
  if (queues.length === 0) return -EAGAIN;
  for (const file of files) file.retain();
  const release = () => {
    for (const file of files) file.release();
  };
  return task.sleep({
    queues,
    attempt: (sleeper) => {
      const result = attempt(sleeper);
      if (result === -EAGAIN) return BLOCKED;
      release();
      return result;
    },
    interrupted: () => {
      release();
      return -ERESTARTSYS;
    },
    abandoned: release,
    reason: 'splice',
  });
}

function sysSendfile(task: Task, outFd: number, inFd: number, at: number, count: number): number {
  const source = dataFile(task, inFd);
  const target = dataFile(task, outFd);
  if (source === undefined || !source.isReadable) return -EBADF;
  if (target === undefined || !target.isWritable) return -EBADF;
  if (at !== 0 && !source.isSeekable) return -ESPIPE;
  if ((target.flags & O_APPEND) !== 0) return -EINVAL;
  // Pipes have no splice_read: splice(2) is for them.
  if (source instanceof PipeFile) return -EINVAL;
  if (!isRegular(source.inode.mode) && !source.isSeekable) return -EINVAL;
  if (isDirectory(source.inode.mode) || !source.feedsPipes) return -EINVAL;
  const length = Math.min(count, MAX_RW_COUNT);
  const attempt = (who: Task): number => {
    const from = new Offset(who, source, at);
    if (from.isFault) return -EFAULT;
    if (target instanceof PipeFile && target.pipe.readers === 0) return -EPIPE;
    if (count >= TOP || from.overflows(length)) return -EINVAL;
    const result = pump(who, from, new Offset(who, target, 0), length);
    if (result < 0) return result;
    const stored = from.store();
    return stored < 0 ? stored : result;
  };
  const first = attempt(task);
  if (first !== -EAGAIN || isNonBlocking(target)) return withSigpipe(task, first, target);
  return waitForEither(task, [source, target], (who) => withSigpipe(who, attempt(who), target));
}

function sysCopyFileRange(
  task: Task,
  inFd: number,
  inAt: number,
  outFd: number,
  outAt: number,
  count: number,
  how: number,
): number {
  if (how !== 0) return -EINVAL;
  const source = dataFile(task, inFd);
  const target = dataFile(task, outFd);
  if (source === undefined || target === undefined) return -EBADF;
  if (isDirectory(source.inode.mode) || isDirectory(target.inode.mode)) return -EISDIR;
  if (!isRegular(source.inode.mode) || !isRegular(target.inode.mode)) return -EINVAL;
  if (!source.isReadable || !target.isWritable) return -EBADF;
  if ((target.flags & O_APPEND) !== 0) return -EBADF;
  const from = new Offset(task, source, inAt);
  const to = new Offset(task, target, outAt);
  if (from.isFault || to.isFault) return -EFAULT;
  if (source.inode.fs !== target.inode.fs) return -EXDEV;
  const length = Math.min(count, MAX_RW_COUNT);
  if (from.start >= TOP * 2 - count || to.start >= TOP * 2 - count) return -EOVERFLOW;
  if (from.start >= source.inode.size) return 0;
  if (to.start >= target.inode.fs.maxFileBytes) return -EFBIG;
  if (source.inode === target.inode) {
    const a = from.start;
    const b = to.start;
    const available = Math.max(0, Math.min(length, source.inode.size - a));
    if (a < b + available && b < a + available) return -EINVAL;
  }
  const result = pump(task, from, to, length);
  if (result < 0) return result;
  return Math.min(from.store(), to.store()) < 0 ? -EFAULT : result;
}

const SPLICE_BITS = allBits(SPLICE_FLAG_SET);

function sysSplice(
  task: Task,
  inFd: number,
  inAt: number,
  outFd: number,
  outAt: number,
  count: number,
  how: number,
): number {
  if ((how & ~SPLICE_BITS) !== 0) return -EINVAL;
  if (count === 0) return 0;
  const source = dataFile(task, inFd);
  const target = dataFile(task, outFd);
  if (source === undefined || target === undefined) return -EBADF;
  if (!source.isReadable || !target.isWritable) return -EBADF;
  const fromPipe = source instanceof PipeFile;
  const toPipe = target instanceof PipeFile;
  if (!fromPipe && !toPipe) return -EINVAL;
  if (isDirectory(source.inode.mode) || !source.feedsPipes) return -EINVAL;
  if (fromPipe && toPipe && source.pipe === target.pipe) return -EINVAL;
  if ((fromPipe && inAt !== 0) || (toPipe && outAt !== 0)) return -ESPIPE;
  if ((inAt !== 0 && !source.isSeekable) || (outAt !== 0 && !target.isSeekable)) return -EINVAL;
  if (!toPipe && (target.flags & O_APPEND) !== 0) return -EINVAL;
  const attempt = (who: Task): number => {
    const from = new Offset(who, source, inAt);
    const to = new Offset(who, target, outAt);
    if (from.isFault || to.isFault) return -EFAULT;
    if (from.start >= TOP || to.start >= TOP) return -EINVAL;
    if (toPipe && target.pipe.readers === 0) return -EPIPE;
    // No more than the target pipe holds now: nothing is read that cannot be written.
    const room = toPipe ? target.pipe.room : Number.POSITIVE_INFINITY;
    if (room === 0) return -EAGAIN;
    const length = Math.min(count, MAX_RW_COUNT, toPipe ? room : count);
    const result = fromPipe ? drain(source, to, length) : pump(who, from, to, length);
    if (result < 0) return result;
    return Math.min(from.store(), to.store()) < 0 ? -EFAULT : result;
  };
  const first = attempt(task);
  const mayWait = (how & SPLICE_F_NONBLOCK) === 0 && !isNonBlocking(source);
  if (first !== -EAGAIN || !mayWait) return withSigpipe(task, first, target);
  return waitForEither(task, [source, target], (who) => withSigpipe(who, attempt(who), target));
}

/** From a pipe without a copy in between. */
function drain(source: PipeFile, to: Offset, length: number): number {
  const { pipe } = source;
  if (pipe.length === 0) return pipe.writers === 0 ? 0 : -EAGAIN;
  let done = 0;
  while (done < length) {
    const view = pipe.peek(0, length - done);
    if (view.length === 0) break;
    const count = to.write(view, 0, view.length);
    if (count <= 0) return done > 0 ? done : count;
    pipe.consume(count);
    done += count;
  }
  return done;
}

function sysTee(task: Task, inFd: number, outFd: number, count: number, how: number): number {
  if ((how & ~SPLICE_BITS) !== 0) return -EINVAL;
  if (count === 0) return 0;
  const source = dataFile(task, inFd);
  const target = dataFile(task, outFd);
  if (source === undefined || target === undefined) return -EBADF;
  if (!source.isReadable || !target.isWritable) return -EBADF;
  if (!(source instanceof PipeFile) || !(target instanceof PipeFile)) return -EINVAL;
  if (source.pipe === target.pipe) return -EINVAL;
  const attempt = (): number => {
    if (target.pipe.readers === 0) return -EPIPE;
    if (source.pipe.length === 0) return source.pipe.writers === 0 ? 0 : -EAGAIN;
    const length = Math.min(count, target.pipe.room);
    if (length === 0) return -EAGAIN;
    let done = 0;
    while (done < length) {
      const view = source.pipe.peek(done, length - done);
      if (view.length === 0) break;
      const result = target.pipe.write(view, 0, view.length);
      if (result <= 0) return done > 0 ? done : result;
      done += result;
    }
    return done;
  };
  const first = attempt();
  if (first !== -EAGAIN || (how & SPLICE_F_NONBLOCK) !== 0) return withSigpipe(task, first, target);
  return waitForEither(task, [source, target], (who) => withSigpipe(who, attempt(), target));
}

/** Moves by copying: what a page gift saves on Linux is a copy, not semantics. */
function sysVmsplice(task: Task, fd: number, vectorAt: number, count: number, how: number): number {
  if ((how & ~SPLICE_BITS) !== 0 || count > 1024) return -EINVAL;
  const file = dataFile(task, fd);
  if (!(file instanceof PipeFile)) return -EBADF;
  let done = 0;
  for (let i = 0; i < count; i++) {
    const addr = task.space.readU64(vectorAt + i * 16);
    const length = task.space.readU64(vectorAt + i * 16 + 8);
    if (addr === undefined || length === undefined) return done > 0 ? done : -EFAULT;
    if (length === 0) continue;
    const isLast = i === count - 1 && done === 0;
    const move = file.isWritable ? writeBlocking : readBlocking;
    if (!isLast && file.poll() === 0) return done > 0 ? done : -EAGAIN;
    const result = move(task, file, addr, length, AT_POSITION);
    if (result < 0) return done > 0 && result !== BLOCKED ? done : result;
    done += result;
    if (result < length) break;
  }
  return done;
}

const how = flags(SPLICE_FLAG_SET);

export const TRANSFER_ROWS: readonly SyscallRow[] = [
  row('sendfile', [fd, fd, pointer, size], sysSendfile),
  row('copy_file_range', [fd, pointer, fd, pointer, size, uint], sysCopyFileRange),
  row('splice', [fd, pointer, fd, pointer, size, how], sysSplice),
  row('tee', [fd, fd, size, how], sysTee),
  row('vmsplice', [fd, pointer, size, how], sysVmsplice, {
    coverage: 'partial',
    note: 'pages are copied; several buffers do not wait for room in the middle',
  }),
];
