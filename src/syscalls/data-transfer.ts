/**
 * Moving bytes between files and guest memory. Directly where JavaScript may touch the pages,
 * through a buffer of the kernel where a page may vanish (shared and file-backed areas).
 */

import { EAGAIN, EBADF, EFAULT, EFBIG } from '../abi/errno.table.ts';
import { MAX_RW_COUNT, O_APPEND } from '../abi/file-flags.ts';
import { isRegular } from '../abi/file-mode.ts';
import { SIGXFSZ } from '../abi/signal.table.ts';
import { ERESTARTSYS } from '../kernel/outcome.ts';
import type { Task } from '../kernel/task.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import { isNonBlocking, raise, waitForFile, withSigpipe } from './file-support.ts';

/** The file position instead of an explicit offset. */
export const AT_POSITION = -1;
const PROT_WRITE = 2;
const ADDRESS_LIMIT = 0x1_0000_0000;

/** One attempt of read(2) or pread(2); does not block. */
export function readOnce(
  task: Task,
  file: OpenFile,
  addr: number,
  count: number,
  position: number,
): number {
  const length = Math.min(count, MAX_RW_COUNT);
  const { space } = task;
  if (addr + length > ADDRESS_LIMIT) return -EFAULT;
  if (space.isDirect?.(addr, length, true) === true) {
    const { bytes } = space.pages;
    if (position === AT_POSITION) return file.read(bytes, addr, length);
    return file.readAt(position, bytes, addr, length);
  }
  return readThroughBuffer(task, file, addr, length, position);
}

function readThroughBuffer(
  task: Task,
  file: OpenFile,
  addr: number,
  length: number,
  position: number,
): number {
  const { space } = task;
  // A stream's bytes would be lost: find out before.
  if (length > 0 && !space.permits(addr, 1, PROT_WRITE)) return -EFAULT;
  const buffer = task.kernel.transferBuffer;
  let done = 0;
  do {
    const wanted = Math.min(length - done, buffer.length);
    const count =
      position === AT_POSITION
        ? file.read(buffer, 0, wanted)
        : file.readAt(position + done, buffer, 0, wanted);
    if (count <= 0) return done > 0 ? done : count;
    const copied = space.copyOutPartial(addr + done, buffer.subarray(0, count));
    done += copied;
    if (copied < count) {
      if (position === AT_POSITION && file.isSeekable) file.position -= count - copied;
      return done > 0 ? done : -EFAULT;
    }
    if (count < wanted || file.movesAtOnce) break;
  } while (done < length);
  return done;
}

/** One attempt of write(2) or pwrite(2). */
export function writeOnce(
  task: Task,
  file: OpenFile,
  addr: number,
  count: number,
  position: number,
): number {
  const length = limitedLength(task, file, Math.min(count, MAX_RW_COUNT), position);
  if (length < 0) return length;
  const { space } = task;
  if (addr + length > ADDRESS_LIMIT) return -EFAULT;
  if (space.isDirect?.(addr, length, false) === true) {
    const { bytes } = space.pages;
    if (position === AT_POSITION) return file.write(bytes, addr, length);
    return file.writeAt(position, bytes, addr, length);
  }
  return writeThroughBuffer(task, file, addr, length, position);
}

function writeThroughBuffer(
  task: Task,
  file: OpenFile,
  addr: number,
  length: number,
  position: number,
): number {
  const buffer = task.kernel.transferBuffer;
  let done = 0;
  do {
    const wanted = Math.min(length - done, buffer.length);
    const chunk = buffer.subarray(0, wanted);
    const present = wanted === 0 ? 0 : task.space.copyInPartial(addr + done, chunk);
    if (present === 0 && wanted > 0) return done > 0 ? done : -EFAULT;
    const count =
      position === AT_POSITION
        ? file.write(buffer, 0, present)
        : file.writeAt(position + done, buffer, 0, present);
    if (count < 0) return done > 0 ? done : count;
    done += count;
    if (count < wanted) break;
  } while (done < length);
  return done;
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
  return waitForFile(
    task,
    file,
    'read',
    (sleeper) => readOnce(sleeper, file, addr, count, position),
    () => -ERESTARTSYS,
    file.readTimeoutNs,
  );
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
  if (!mayWait || !wantsMore) return withSigpipe(task, first);
  let done = Math.max(0, first);
  return waitForFile(
    task,
    file,
    'write',
    (sleeper) => {
      const result = writeOnce(sleeper, file, addr + done, count - done, position);
      if (result < 0) {
        if (result === -EAGAIN) return -EAGAIN;
        withSigpipe(sleeper, result);
        return done > 0 ? done : result;
      }
      done += result;
      return done < count && file.blocksForAll ? -EAGAIN : done;
    },
    () => (done > 0 ? done : -ERESTARTSYS),
    file.writeTimeoutNs,
    () => (done > 0 ? done : -EAGAIN),
  );
}
