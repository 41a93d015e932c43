/**
 * Moving bytes between files and guest memory. Directly where JavaScript may touch the pages,
 * through a buffer of the kernel where a page may vanish (shared and file-backed areas).
 */

import { EAGAIN, EBADF, EFAULT, EFBIG } from '../abi/errno.table.ts';
import { MAX_RW_COUNT, O_APPEND } from '../abi/file-flags.ts';
import { isRegular } from '../abi/file-mode.ts';
import { POLLIN } from '../abi/poll-events.ts';
import { SIGXFSZ } from '../abi/signal.table.ts';
import { assert } from '../base/assert.ts';
import type { WaitQueue } from '../base/wait-queue.ts';
import { BLOCKED, ERESTARTSYS } from '../kernel/outcome.ts';
import type { Sleep } from '../kernel/sleep.ts';
import type { Task } from '../kernel/task.ts';
import { directIndex } from '../mm/address-space.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import { deadlineOf, isNonBlocking, raise, withSigpipe } from './file-support.ts';

/** The file position instead of an explicit offset. */
export const AT_POSITION = -1;
const PROT_WRITE = 2;
/** TASK_SIZE_MAX: what access_ok() refuses. What lies below it but outside a guest only faults. */
const USER_LIMIT = 0x7fff_ffff_f000;

/** Of a source that faults midway a pipe takes whole pages only: a part of one is given up. */
export const wholePages = (file: OpenFile, copied: number): number =>
  file.movesAtOnce ? copied - (copied % 4096) : copied;

/** One direction of transfer: what is done with a file, and with guest memory. */
interface Direction {
  /** Reading a file writes to guest memory. */
  readonly fillsMemory: boolean;
  move(file: OpenFile, bytes: Uint8Array, start: number, length: number, position: number): number;
  /** Through the kernel's buffer, where guest memory is not there to be used as it is. */
  chunk(task: Task, file: OpenFile, addr: number, length: number, position: number): number;
}

const READ: Direction = {
  fillsMemory: true,
  move: (file, bytes, start, length, position) =>
    position === AT_POSITION
      ? file.read(bytes, start, length)
      : file.readAt(position, bytes, start, length),
  chunk(task, file, addr, length, position) {
    const { space } = task;
    const buffer = task.kernel.transferBuffer;
    // A stream's bytes would be lost: find out before. The end of a file asks for no buffer.
    const isLost = length > 0 && !file.isSeekable && !space.permits(addr, 1, PROT_WRITE);
    if (isLost && (file.poll() & POLLIN) !== 0) return -EFAULT;
    const count = READ.move(file, buffer, 0, length, position);
    if (count <= 0) return count;
    const copied = space.copyOutPartial(addr, buffer.subarray(0, count));
    if (copied === count) return count;
    if (position === AT_POSITION && file.isSeekable) file.position -= count - copied;
    return copied === 0 ? -EFAULT : copied;
  },
};

const WRITE: Direction = {
  fillsMemory: false,
  move: (file, bytes, start, length, position) =>
    position === AT_POSITION
      ? file.write(bytes, start, length)
      : file.writeAt(position, bytes, start, length),
  chunk(task, file, addr, length, position) {
    const buffer = task.kernel.transferBuffer;
    if (length === 0 || file.discardsWrites) return WRITE.move(file, buffer, 0, length, position);
    const copied = task.space.copyInPartial(addr, buffer.subarray(0, length));
    const present = copied < length ? wholePages(file, copied) : copied;
    return present === 0 ? -EFAULT : WRITE.move(file, buffer, 0, present, position);
  },
};

function transferOnce(
  direction: Direction,
  task: Task,
  file: OpenFile,
  addr: number,
  length: number,
  position: number,
): number {
  const { space } = task;
  const half = space.direct(addr, length, direction.fillsMemory);
  if (half !== undefined) return direction.move(file, half, directIndex(addr), length, position);
  const chunkBytes = task.kernel.transferBuffer.length;
  let done = 0;
  do {
    const wanted = Math.min(length - done, chunkBytes);
    const at = position === AT_POSITION ? AT_POSITION : position + done;
    const count = direction.chunk(task, file, addr + done, wanted, at);
    if (count < 0) return done > 0 ? done : count;
    done += count;
    if (count < wanted || (direction.fillsMemory && file.movesAtOnce)) break;
  } while (done < length);
  return done;
}

/** One attempt of read(2) or pread(2); does not block. */
export function readOnce(
  task: Task,
  file: OpenFile,
  addr: number,
  count: number,
  position: number,
): number {
  if (addr + count > USER_LIMIT) return -EFAULT;
  return transferOnce(READ, task, file, addr, Math.min(count, MAX_RW_COUNT), position);
}

/** One attempt of write(2) or pwrite(2). */
export function writeOnce(
  task: Task,
  file: OpenFile,
  addr: number,
  count: number,
  position: number,
): number {
  if (addr + count > USER_LIMIT) return -EFAULT;
  const length = limitedLength(task, file, Math.min(count, MAX_RW_COUNT), position);
  return length < 0 ? length : transferOnce(WRITE, task, file, addr, length, position);
}

/** RLIMIT_FSIZE for a file that shall grow to `size`: 0, or -EFBIG with SIGXFSZ. */
export function mayGrowTo(task: Task, size: number, current: number): number {
  if (size <= current || size <= task.group.limits.fileSize) return 0;
  raise(task, SIGXFSZ);
  return -EFBIG;
}

/** RLIMIT_FSIZE: what may be written, or -EFBIG with SIGXFSZ. */
function limitedLength(task: Task, file: OpenFile, length: number, position: number): number {
  const limit = task.group.limits.fileSize;
  if (limit === Number.POSITIVE_INFINITY || length === 0 || !isRegular(file.inode.mode))
    return length;
  let at = position === AT_POSITION ? file.position : position;
  if ((file.flags & O_APPEND) !== 0) at = file.inode.size;
  if (at >= limit) {
    raise(task, SIGXFSZ);
    return -EFBIG;
  }
  return Math.min(length, limit - at);
}

/** read(2) with waiting. */
export function readBlocking(
  task: Task,
  file: OpenFile,
  addr: number,
  count: number,
  position: number,
): number {
  if (!file.isReadable) return -EBADF;
  const result = readOnce(task, file, addr, count, position);
  if (result !== -EAGAIN || isNonBlocking(file)) return result;
  return sleepOf(task).start(task, file, false, addr, count, position, 0);
}

/** write(2) with waiting; pipes and the like go on until everything is written. */
export function writeBlocking(
  task: Task,
  file: OpenFile,
  addr: number,
  count: number,
  position: number,
): number {
  if (!file.isWritable) return -EBADF;
  const first = writeOnce(task, file, addr, count, position);
  const mayWait = !isNonBlocking(file);
  const wantsMore = first === -EAGAIN || (first >= 0 && first < count && file.blocksForAll);
  if (!mayWait || !wantsMore) return withSigpipe(task, first, file);
  return sleepOf(task).start(task, file, true, addr, count, position, Math.max(0, first));
}

/** What `task` waits with: kept for its next wait. measured: 8 % of a hand-over were allocations. */
function sleepOf(task: Task): TransferSleep {
  const { keptSleep } = task;
  if (keptSleep instanceof TransferSleep) return keptSleep;
  const sleep = new TransferSleep();
  task.keptSleep = sleep;
  return sleep;
}

/** A read or write that waits; it holds the file meanwhile. */
class TransferSleep implements Sleep {
  readonly queues: WaitQueue[] = [];
  reason = '';
  deadlineNs: number | undefined;
  #file: OpenFile | undefined;
  #isWrite = false;
  #addr = 0;
  #count = 0;
  #position = 0;
  /** Bytes that were written. */
  #done = 0;

  /** Goes to sleep; -EAGAIN for a file that is never woken. */
  start(
    task: Task,
    file: OpenFile,
    isWrite: boolean,
    addr: number,
    count: number,
    position: number,
    done: number,
  ): number {
    const { waitQueue } = file;
    if (waitQueue === undefined) return -EAGAIN;
    assert(this.#file === undefined, 'one wait at a time');
    this.queues[0] = waitQueue;
    this.reason = isWrite ? 'write' : 'read';
    this.deadlineNs = deadlineOf(task, isWrite ? file.writeTimeoutNs : file.readTimeoutNs);
    this.#file = file;
    this.#isWrite = isWrite;
    this.#addr = addr;
    this.#count = count;
    this.#position = position;
    this.#done = done;
    file.retain();
    return task.sleep(this);
  }

  attempt(task: Task): number {
    const result = this.#isWrite
      ? this.#write(task)
      : readOnce(task, this.#held(), this.#addr, this.#count, this.#position);
    if (result === -EAGAIN || result === BLOCKED) return BLOCKED;
    this.#release();
    return result;
  }

  interrupted(): number {
    this.#release();
    return this.#done > 0 ? this.#done : -ERESTARTSYS;
  }

  timedOut(): number {
    const { timedOutResult } = this.#held();
    this.#release();
    if (this.#isWrite) return this.#done > 0 ? this.#done : -EAGAIN;
    return timedOutResult;
  }

  abandoned(): void {
    this.#release();
  }

  #held(): OpenFile {
    assert(this.#file !== undefined, 'a wait is under way');
    return this.#file;
  }

  #release(): void {
    const file = this.#held();
    this.#file = undefined;
    file.release();
  }

  #write(task: Task): number {
    const file = this.#held();
    const done = this.#done;
    const result = writeOnce(task, file, this.#addr + done, this.#count - done, this.#position);
    if (result < 0) {
      if (result === -EAGAIN) return -EAGAIN;
      withSigpipe(task, result, file);
      return done > 0 ? done : result;
    }
    this.#done += result;
    return this.#done < this.#count && file.blocksForAll ? -EAGAIN : this.#done;
  }
}
