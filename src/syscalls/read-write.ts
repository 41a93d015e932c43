/** read(2), write(2), pread(2), pwrite(2), readv(2) and their relatives. */

import { EAGAIN, EBADF, EFAULT, EINVAL, EOPNOTSUPP, ESPIPE } from '../abi/errno.table.ts';
import {
  IOV_MAX,
  MAX_RW_COUNT,
  O_APPEND,
  RWF_APPEND,
  RWF_DSYNC,
  RWF_NOAPPEND,
  RWF_NOWAIT,
  RWF_SYNC,
} from '../abi/file-flags.ts';
import { ERESTARTSYS } from '../kernel/outcome.ts';
import type { Task } from '../kernel/task.ts';
import { SocketFile } from '../net/socket-file.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import { DECODE, fd, flags, inBytes, int, kind, offset, outBytes, pointer, size } from './args.ts';
import {
  AT_POSITION,
  readBlocking,
  readOnce,
  wholePages,
  writeBlocking,
  writeOnce,
} from './data-transfer.ts';
import { RWF_FLAG_SET } from './file-flag-sets.ts';
import { dataFile, isNonBlocking, waitForFile, withSigpipe } from './file-support.ts';
import { allBits } from './flags.ts';
import { row, type SyscallRow } from './row.ts';

function sysRead(task: Task, fd: number, addr: number, count: number): number {
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  // `sock_read_iter`: nothing of a socket is read, whatever its state.
  if (count === 0 && file instanceof SocketFile) return 0;
  return readBlocking(task, file, addr, count, AT_POSITION);
}

function sysWrite(task: Task, fd: number, addr: number, count: number): number {
  const file = task.files.get(fd);
  return file === undefined ? -EBADF : writeBlocking(task, file, addr, count, AT_POSITION);
}

/** One more than the largest loff_t: a range that reaches it is refused (`rw_verify_area`). */
const TOP = 2 ** 63;

function sysPread(task: Task, fd: number, addr: number, count: number, position: number): number {
  if (position < 0) return -EINVAL;
  const file = dataFile(task, fd);
  if (file === undefined) return -EBADF;
  if (!file.isSeekable) return -ESPIPE;
  if (count > 0 && position + count >= TOP) return -EINVAL;
  return readBlocking(task, file, addr, count, position);
}

function sysPwrite(task: Task, fd: number, addr: number, count: number, position: number): number {
  if (position < 0) return -EINVAL;
  const file = dataFile(task, fd);
  if (file === undefined) return -EBADF;
  if (!file.isSeekable) return -ESPIPE;
  if (count > 0 && position + count >= TOP) return -EINVAL;
  return writeBlocking(task, file, addr, count, position);
}

/** Buffers of readv and writev: addresses and lengths in turn; or a negative errno. */
export function readVector(task: Task, addr: number, count: number): number[] | number {
  if (count < 0 || count > IOV_MAX) return -EINVAL;
  const raw = new Uint8Array(count * 16);
  if (count > 0 && task.space.copyIn(addr, raw) < 0) return -EFAULT;
  const view = new DataView(raw.buffer);
  const parts: number[] = [];
  let total = 0;
  for (let i = 0; i < count; i++) {
    const base = Number(view.getBigUint64(i * 16, true));
    const signedLength = Number(view.getBigInt64(i * 16 + 8, true));
    if (signedLength < 0) return -EINVAL;
    const length = Math.min(signedLength, MAX_RW_COUNT - total);
    total += length;
    parts.push(base, length);
  }
  return parts;
}

const totalOf = (parts: readonly number[]): number => {
  let total = 0;
  for (let i = 1; i < parts.length; i += 2) total += parts[i] as number;
  return total;
};

/** One attempt of a vector call; moves buffer after buffer, or all at once for streams. */
export function moveVector(
  task: Task,
  file: OpenFile,
  parts: readonly number[],
  position: number,
  isWrite: boolean,
  skip: number,
): number {
  if (file.movesAtOnce && parts.length > 2) return moveGathered(task, file, parts, isWrite, skip);
  let done = 0;
  let toSkip = skip;
  for (let i = 0; i < parts.length; i += 2) {
    const whole = parts[i + 1] as number;
    if (whole <= toSkip && (toSkip > 0 || parts.length > 2)) {
      toSkip -= whole;
      continue;
    }
    const addr = (parts[i] as number) + toSkip;
    const length = whole - toSkip;
    toSkip = 0;
    const at = position === AT_POSITION ? AT_POSITION : position + done;
    const count = isWrite
      ? writeOnce(task, file, addr, length, at)
      : readOnce(task, file, addr, length, at);
    if (count < 0) return done > 0 ? done : count;
    done += count;
    if (count < length) break;
  }
  return done;
}

function moveGathered(
  task: Task,
  file: OpenFile,
  parts: readonly number[],
  isWrite: boolean,
  skip: number,
): number {
  const buffer = task.kernel.transferBuffer;
  const total = Math.min(totalOf(parts) - skip, buffer.length);
  if (isWrite) {
    const copied = gather(task, parts, buffer.subarray(0, total), skip);
    const present = copied < total ? wholePages(file, copied) : copied;
    if (present === 0 && total > 0) return -EFAULT;
    return file.write(buffer, 0, present);
  }
  const count = file.read(buffer, 0, total);
  if (count <= 0) return count;
  let done = 0;
  for (let i = 0; i < parts.length && done < count; i += 2) {
    const length = Math.min(parts[i + 1] as number, count - done);
    const source = buffer.subarray(done, done + length);
    const copied = task.space.copyOutPartial(parts[i] as number, source);
    done += copied;
    if (copied < length) return done > 0 ? done : -EFAULT;
  }
  return done;
}

/** Copies buffers together; the bytes that were there. */
function gather(task: Task, parts: readonly number[], target: Uint8Array, skip: number): number {
  let done = 0;
  let toSkip = skip;
  for (let i = 0; i < parts.length && done < target.length; i += 2) {
    const whole = parts[i + 1] as number;
    const skipped = Math.min(whole, toSkip);
    toSkip -= skipped;
    const length = Math.min(whole - skipped, target.length - done);
    if (length === 0) continue;
    const part = target.subarray(done, done + length);
    const copied = task.space.copyInPartial((parts[i] as number) + skipped, part);
    done += copied;
    if (copied < length) return done;
  }
  return done;
}

function vectorCall(
  task: Task,
  fd: number,
  addr: number,
  count: number,
  position: number,
  isWrite: boolean,
  nowait = false,
): number {
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  if (isWrite ? !file.isWritable : !file.isReadable) return -EBADF;
  if (position !== AT_POSITION && !file.isSeekable) return -ESPIPE;
  const parts = readVector(task, addr, count);
  if (typeof parts === 'number') return parts;
  const total = totalOf(parts);
  const attempt = (who: Task, skip: number) =>
    moveVector(who, file, parts, position, isWrite, skip);
  const first = attempt(task, 0);
  const mayWait = !isNonBlocking(file) && !nowait;
  if (!isWrite) {
    if (first !== -EAGAIN || !mayWait) return first;
    const wait = (who: Task) => attempt(who, 0);
    return waitForFile(task, file, 'read', wait, () => -ERESTARTSYS, file.readTimeoutNs);
  }
  const wantsMore = first === -EAGAIN || (first >= 0 && first < total && file.blocksForAll);
  if (!mayWait || !wantsMore) return withSigpipe(task, first, file);
  let done = Math.max(0, first);
  return waitForFile(
    task,
    file,
    'write',
    (who) => {
      const result = attempt(who, done);
      if (result === -EAGAIN) return -EAGAIN;
      if (result < 0) return done > 0 ? done : withSigpipe(who, result, file);
      done += result;
      return done < total && file.blocksForAll ? -EAGAIN : done;
    },
    () => (done > 0 ? done : -ERESTARTSYS),
    file.writeTimeoutNs,
    () => (done > 0 ? done : -EAGAIN),
  );
}

const sysReadv = (task: Task, fd: number, addr: number, count: number): number =>
  vectorCall(task, fd, addr, count, AT_POSITION, false);
const sysWritev = (task: Task, fd: number, addr: number, count: number): number =>
  vectorCall(task, fd, addr, count, AT_POSITION, true);

// On x86-64 the low half carries the whole offset; the high half is shifted out.
const sysPreadv = (
  task: Task,
  fd: number,
  addr: number,
  count: number,
  position: number,
): number => (position < 0 ? -EINVAL : vectorCall(task, fd, addr, count, position, false));
const sysPwritev = (
  task: Task,
  fd: number,
  addr: number,
  count: number,
  position: number,
): number => (position < 0 ? -EINVAL : vectorCall(task, fd, addr, count, position, true));

const RWF_BITS = allBits(RWF_FLAG_SET);

function vector2(
  task: Task,
  fd: number,
  addr: number,
  count: number,
  position: number,
  how: number,
  isWrite: boolean,
): number {
  if ((how & ~RWF_BITS) !== 0) return -EOPNOTSUPP;
  if ((how & RWF_NOAPPEND) !== 0 && (how & RWF_APPEND) !== 0) return -EINVAL;
  if (position < -1) return -EINVAL;
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  if (isWrite && (how & RWF_APPEND) !== 0) {
    const at = position === AT_POSITION ? file.position : -1;
    const result = vectorCall(task, fd, addr, count, file.inode.size, true, true);
    if (at >= 0 && result > 0) file.position = file.inode.size;
    return result;
  }
  const nowait = (how & RWF_NOWAIT) !== 0;
  const appends = isWrite && (how & RWF_NOAPPEND) !== 0 ? file.flags & O_APPEND : 0;
  // Regular files never wait: the flag is back before anyone else looks.
  file.flags &= ~appends;
  const result = vectorCall(task, fd, addr, count, position, isWrite, nowait);
  file.flags |= appends;
  if (isWrite && result > 0 && (how & (RWF_SYNC | RWF_DSYNC)) !== 0) {
    const synced = file.sync((how & RWF_SYNC) === 0);
    if (synced < 0) return synced;
  }
  return result;
}

const sysPreadv2 = (
  t: Task,
  f: number,
  a: number,
  n: number,
  at: number,
  _h: number,
  how: number,
) => vector2(t, f, a, n, at, how, false);
const sysPwritev2 = (
  t: Task,
  f: number,
  a: number,
  n: number,
  at: number,
  _h: number,
  how: number,
) => vector2(t, f, a, n, at, how, true);

const rwf = flags(RWF_FLAG_SET);
const iovecs = pointer;
const highHalf = kind(DECODE.ulong, String);

export const READ_WRITE_ROWS: readonly SyscallRow[] = [
  row('read', [fd, outBytes, size], sysRead),
  row('write', [fd, inBytes(2), size], sysWrite),
  row('pread64', [fd, outBytes, size, offset], sysPread),
  row('pwrite64', [fd, inBytes(2), size, offset], sysPwrite),
  row('readv', [fd, iovecs, int], sysReadv),
  row('writev', [fd, iovecs, int], sysWritev),
  row('preadv', [fd, iovecs, int, offset, highHalf], sysPreadv),
  row('pwritev', [fd, iovecs, int, offset, highHalf], sysPwritev),
  row('preadv2', [fd, iovecs, int, offset, highHalf, rwf], sysPreadv2),
  row('pwritev2', [fd, iovecs, int, offset, highHalf, rwf], sysPwritev2),
];
