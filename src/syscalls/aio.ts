/**
 * Native asynchronous I/O: io_setup(2), io_submit(2), io_getevents(2), io_cancel(2), io_destroy(2).
 * A request is carried out when it is submitted, as Linux does where a file cannot do better; its
 * result then waits to be fetched.
 */

import { EAGAIN, EBADF, EFAULT, EINTR, EINVAL } from '../abi/errno.table.ts';
import { isDirectory } from '../abi/file-mode.ts';
import { PROT } from '../abi/mman.ts';
import { EventFile } from '../fs/anonfs/eventfd.ts';
import { AIO_MAX_REQUESTS, type AioContext, type AioEvent } from '../kernel/aio.ts';
import { BLOCKED, ERESTARTNOHAND } from '../kernel/outcome.ts';
import { endTemporaryMask } from '../kernel/signals/mask.ts';
import type { Task } from '../kernel/task.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import * as arg from './args.ts';
import { AT_POSITION, readOnce, writeOnce } from './data-transfer.ts';
import { dataFile } from './file-support.ts';
import { applyMask } from './multiplexing.ts';
import { moveVector, readVector } from './read-write.ts';
import { row, type SyscallRow } from './row.ts';
import { timespec } from './time.ts';
import { readTimespec } from './timespec.ts';

const PAGE = 4096;
/** A larger number of requests does not fit the kernel's arithmetic: EINVAL instead of EAGAIN. */
const REQUESTS_LIMIT = 0x1000_0000;

/** `struct iocb`, linux/aio_abi.h. */
const IOCB = {
  bytes: 64,
  data: 0,
  key: 8,
  rwFlags: 12,
  opcode: 16,
  fildes: 20,
  buffer: 24,
  length: 32,
  offset: 40,
  reserved: 48,
  flags: 56,
  resultFd: 60,
} as const;
const IOCB_FLAG_RESFD = 1;
const EVENT_BYTES = 32;

const OPCODE = { PREAD: 0, PWRITE: 1, FSYNC: 2, FDSYNC: 3, PREADV: 7, PWRITEV: 8 } as const;

/**
 * The number of a context is an address, as on Linux, where results lie in a ring there: libaio
 * looks for the ring's magic number, finds none, and asks the kernel.
 */
function sysIoSetup(task: Task, count: number, contextAt: number): number {
  const { space, kernel } = task;
  const before = space.readBigU64(contextAt);
  if (before === undefined) return -EFAULT;
  if (before !== 0n || count === 0 || count > REQUESTS_LIMIT) return -EINVAL;
  if (kernel.aio.reserved(space) + count > AIO_MAX_REQUESTS) return -EAGAIN;
  const address = space.map({
    addr: 0,
    length: PAGE,
    prot: PROT.PROT_READ | PROT.PROT_WRITE,
    placement: 'data',
    label: '/[aio] (deleted)',
  });
  if (address < 0) return address;
  if (space.writeU64(contextAt, address) < 0) {
    space.unmap(address, PAGE);
    return -EFAULT;
  }
  kernel.aio.add(space, address, count);
  return 0;
}

function sysIoDestroy(task: Task, id: number): number {
  const context = task.kernel.aio.remove(task.space, id);
  if (context === undefined) return -EINVAL;
  context.isDestroyed = true;
  context.queue.wakeAll();
  task.space.unmap(id, PAGE);
  return 0;
}

/** The requests up to the first that is refused; its error when it is the first. */
function sysIoSubmit(task: Task, id: number, count: number, requestsAt: number): number {
  const context = task.kernel.aio.find(task.space, id);
  if (context === undefined || count < 0) return -EINVAL;
  for (let i = 0; i < count; i++) {
    const at = task.space.readU64(requestsAt + 8 * i);
    const result = at === undefined ? -EFAULT : submit(task, context, at);
    if (result < 0) return i > 0 ? i : result;
  }
  return count;
}

function submit(task: Task, context: AioContext, at: number): number {
  const bytes = new Uint8Array(IOCB.bytes);
  if (task.space.copyIn(at, bytes) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const flags = view.getUint32(IOCB.flags, true);
  if (view.getBigUint64(IOCB.reserved, true) !== 0n) return -EINVAL;
  if (context.events.length >= context.capacity) return -EAGAIN;
  const file = dataFile(task, view.getInt32(IOCB.fildes, true));
  if (file === undefined) return -EBADF;
  let counter: OpenFile | undefined;
  if ((flags & IOCB_FLAG_RESFD) !== 0) {
    counter = task.files.get(view.getInt32(IOCB.resultFd, true));
    if (counter === undefined) return -EBADF;
    if (!(counter instanceof EventFile)) return -EINVAL;
  }
  if (task.space.writeU32(at + IOCB.key, 0) < 0) return -EFAULT;
  const started = start(task, file, view);
  if (started.refused < 0) return started.refused;
  context.add({ data: view.getBigUint64(IOCB.data, true), request: at, result: started.result });
  if (counter !== undefined) counter.write(ONE, 0, ONE.length);
  return 0;
}

const ONE = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);

/** What io_submit itself answers when it is an error, else what the request's event says. */
interface Started {
  readonly refused: number;
  readonly result: number;
}
const refuse = (error: number): Started => ({ refused: error, result: 0 });
const done = (result: number): Started => ({ refused: 0, result });

function start(task: Task, file: OpenFile, request: DataView): Started {
  const opcode = request.getUint16(IOCB.opcode, true);
  const length = Number(request.getBigUint64(IOCB.length, true));
  const buffer = Number(request.getBigUint64(IOCB.buffer, true));
  const offset = Number(request.getBigInt64(IOCB.offset, true));
  if (opcode === OPCODE.FSYNC || opcode === OPCODE.FDSYNC) {
    if (buffer !== 0 || length !== 0 || offset !== 0) return refuse(-EINVAL);
    if (request.getUint32(IOCB.rwFlags, true) !== 0) return refuse(-EINVAL);
    return done(file.sync(opcode === OPCODE.FDSYNC));
  }
  const isVector = opcode === OPCODE.PREADV || opcode === OPCODE.PWRITEV;
  const writes = opcode === OPCODE.PWRITE || opcode === OPCODE.PWRITEV;
  if (!isVector && opcode !== OPCODE.PREAD && opcode !== OPCODE.PWRITE) return refuse(-EINVAL);
  if (writes ? !file.isWritable : !file.isReadable) return refuse(-EBADF);
  if (isDirectory(file.inode.mode) || (file.isSeekable && offset < 0)) return refuse(-EINVAL);
  const position = file.isSeekable ? offset : AT_POSITION;
  if (isVector) {
    const parts = readVector(task, buffer, length);
    if (typeof parts === 'number') return refuse(parts);
    return done(moveVector(task, file, parts, position, writes, 0));
  }
  // Signed, as access_ok() and the iterator take it.
  if (length >= 2 ** 63) return refuse(-EINVAL);
  const move = writes ? writeOnce : readOnce;
  return done(move(task, file, buffer, length, position));
}

/** Deviation: nothing is ever under way, so there is nothing to cancel. */
function sysIoCancel(task: Task, _id: number, requestAt: number, _resultAt: number): number {
  return task.space.readU32(requestAt + IOCB.key) === undefined ? -EFAULT : -EINVAL;
}

const sysIoGetevents = (
  task: Task,
  id: number,
  least: number,
  most: number,
  eventsAt: number,
  timeoutAt: number,
): number => getEvents(task, id, least, most, eventsAt, timeoutAt, -EINTR, (result) => result);

/** `interrupted` is what a signal makes of it; every result passes `settle`. */
function getEvents(
  task: Task,
  id: number,
  least: number,
  most: number,
  eventsAt: number,
  timeoutAt: number,
  interrupted: number,
  settle: (result: number) => number,
): number {
  let deadlineNs: number | undefined;
  if (timeoutAt !== 0) {
    const ns = readTimespec(task, timeoutAt);
    if (ns < 0) return settle(ns);
    deadlineNs = task.kernel.nowNs() + ns;
  }
  const context = task.kernel.aio.find(task.space, id);
  if (context === undefined || least < 0 || least > most) return settle(-EINVAL);
  let fetched = 0;
  const attempt = (): number => {
    const count = fetch(task, context, eventsAt + fetched * EVENT_BYTES, most - fetched);
    if (count < 0) return fetched > 0 ? fetched : count;
    fetched += count;
    return fetched < least && !context.isDestroyed ? BLOCKED : fetched;
  };
  const first = attempt();
  if (first !== BLOCKED) return settle(first);
  return task.sleep({
    queues: [context.queue],
    attempt: () => {
      const result = attempt();
      return result === BLOCKED ? result : settle(result);
    },
    deadlineNs,
    timedOut: () => settle(fetched),
    interrupted: () => settle(fetched > 0 ? fetched : interrupted),
    reason: 'read_events',
  });
}

/** io_getevents with a signal mask for its time: `struct __aio_sigset` is {pointer, size}. */
function sysIoPgetevents(
  task: Task,
  id: number,
  least: number,
  most: number,
  eventsAt: number,
  timeoutAt: number,
  maskAt: number,
): number {
  if (maskAt !== 0) {
    const setAt = task.space.readU64(maskAt);
    const size = task.space.readU64(maskAt + 8);
    if (setAt === undefined || size === undefined) return -EFAULT;
    const applied = applyMask(task, setAt, size);
    if (applied < 0) return applied;
  }
  const settle = (result: number): number => endTemporaryMask(task, result);
  return getEvents(task, id, least, most, eventsAt, timeoutAt, -ERESTARTNOHAND, settle);
}

/** Moves at most `most` results to the guest; those that fault stay. */
function fetch(task: Task, context: AioContext, addr: number, most: number): number {
  const count = Math.min(most, context.events.length);
  const bytes = new Uint8Array(EVENT_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) {
    const event = context.events[0] as AioEvent;
    view.setBigUint64(0, event.data, true);
    view.setBigUint64(8, BigInt(event.request), true);
    view.setBigInt64(16, BigInt(event.result), true);
    if (task.space.copyOut(addr + i * EVENT_BYTES, bytes) < 0) return i > 0 ? i : -EFAULT;
    context.events.shift();
  }
  return count;
}

const { ulong, long, uint, pointer, outPointer } = arg;

export const AIO_ROWS: readonly SyscallRow[] = [
  row('io_setup', [uint, outPointer], sysIoSetup),
  row('io_destroy', [ulong], sysIoDestroy),
  row('io_submit', [ulong, long, pointer], sysIoSubmit, {
    coverage: 'partial',
    note: 'carried out at once; no IOCB_CMD_POLL; what would wait is EAGAIN in its event',
  }),
  row('io_cancel', [ulong, pointer, outPointer], sysIoCancel),
  row('io_pgetevents', [ulong, long, long, outPointer, timespec(), pointer], sysIoPgetevents),
  row('io_getevents', [ulong, long, long, outPointer, timespec()], sysIoGetevents),
];
