/** Waiting for several files: poll(2), select(2), epoll(7), with their signal-mask variants. */

import { EBADF, EFAULT, EINTR, EINVAL } from '../abi/errno.table.ts';
import { O_CLOEXEC, O_PATH } from '../abi/file-flags.ts';
import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLL_EVENT,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLONESHOT,
  EPOLLWAKEUP,
  POLLERR,
  POLLFD,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLPRI,
  POLLRDBAND,
  POLLRDHUP,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
} from '../abi/poll-events.ts';
import { NS_PER_MS } from '../abi/time.ts';
import type { WaitQueue } from '../base/wait-queue.ts';
import { RLIMIT } from '../kernel/limits.ts';
import { BLOCKED, ERESTART_RESTARTBLOCK, ERESTARTNOHAND } from '../kernel/outcome.ts';
import { endTemporaryMask, useTemporaryMask } from '../kernel/signals/mask.ts';
import type { Task } from '../kernel/task.ts';
import { EpollFile } from '../vfs/epoll.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import * as arg from './args.ts';
import { dataFile } from './file-support.ts';
import { renderFlags } from './flags.ts';
import { row, type SyscallRow } from './row.ts';
import { readSignalSet } from './signals.ts';
import { timespec } from './time.ts';
import { readTimespec, readTimeval, writeTimespec, writeTimeval } from './timespec.ts';

const FOREVER = Number.POSITIVE_INFINITY;
const ALWAYS = POLLERR | POLLHUP;
const MAX_EPOLL_EVENTS = Math.floor(0x7fff_ffff / EPOLL_EVENT.bytes);

/** What a wait watches: files held for its time, and their queues. */
interface Watched {
  readonly files: readonly OpenFile[];
  readonly queues: readonly WaitQueue[];
}

function watch(files: Iterable<OpenFile>): Watched {
  const held = new Set<OpenFile>();
  const queues = new Set<WaitQueue>();
  for (const file of files) {
    if (!held.has(file)) held.add(file.retain());
    if (file.waitQueue !== undefined) queues.add(file.waitQueue);
  }
  return { files: [...held], queues: [...queues] };
}

function unwatch(watched: Watched): void {
  for (const file of watched.files) file.release();
}

/**
 * One wait of any of these calls: `scan` counts what is ready, `finish` writes results out and
 * gives the result of the call from that count.
 */
function waitForEvents(
  task: Task,
  files: () => Iterable<OpenFile>,
  scan: () => number,
  finish: (count: number) => number,
  deadlineNs: number,
  interrupted: () => number,
): number {
  const first = scan();
  if (first !== 0 || deadlineNs <= task.kernel.nowNs()) return finish(first);
  const watched = watch(files());
  const end = (result: number): number => {
    unwatch(watched);
    return endTemporaryMask(task, result);
  };
  return task.sleep({
    queues: watched.queues,
    attempt: () => {
      const count = scan();
      return count === 0 ? BLOCKED : end(finish(count));
    },
    deadlineNs,
    timedOut: () => end(finish(0)),
    interrupted: () => end(interrupted()),
    abandoned: () => unwatch(watched),
    reason: 'do_poll',
  });
}

/** Applies the mask of a p-variant; -errno, or 0. */
export function applyMask(task: Task, maskAt: number, size: number): number {
  if (maskAt === 0) return 0;
  if (size !== 8) return -EINVAL;
  const mask = readSignalSet(task, maskAt);
  if (mask === undefined) return -EFAULT;
  useTemporaryMask(task, mask);
  return 0;
}

const isOver = (result: number): boolean => result !== BLOCKED;

/** A call that ended without sleeping gives its mask back at once. */
function settle(task: Task, result: number): number {
  return isOver(result) ? endTemporaryMask(task, result) : result;
}

// --- poll ------------------------------------------------------------------------------------------

/** `atEnd`: before it answers, whatever it answers. */
function poll(
  task: Task,
  fdsAt: number,
  count: number,
  deadlineNs: number,
  interrupted: number,
  atEnd: () => void = () => undefined,
): number {
  if (count > (task.group.limits.soft[RLIMIT.NOFILE] as number)) return -EINVAL;
  const bytes = new Uint8Array(count * POLLFD.bytes);
  if (task.space.copyIn(fdsAt, bytes) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const fileAt = (i: number): OpenFile | undefined => {
    const fd = view.getInt32(i * POLLFD.bytes + POLLFD.fd, true);
    return fd < 0 ? undefined : dataFile(task, fd);
  };
  const scan = (): number => {
    let ready = 0;
    for (let i = 0; i < count; i++) {
      const at = i * POLLFD.bytes;
      const fd = view.getInt32(at + POLLFD.fd, true);
      const wanted = view.getInt16(at + POLLFD.events, true) | ALWAYS;
      const file = fileAt(i);
      let events = 0;
      if (fd >= 0) events = file === undefined ? POLLNVAL : file.poll() & wanted;
      view.setInt16(at + POLLFD.revents, events, true);
      if (events !== 0) ready++;
    }
    return ready;
  };
  const finish = (ready: number): number => {
    atEnd();
    return count > 0 && task.space.copyOut(fdsAt, bytes) < 0 ? -EFAULT : ready;
  };
  const interrupt = (): number => {
    atEnd();
    return interrupted;
  };
  const files = function* () {
    for (let i = 0; i < count; i++) {
      const file = fileAt(i);
      if (file !== undefined) yield file;
    }
  };
  return waitForEvents(task, files, scan, finish, deadlineNs, interrupt);
}

function pollUntil(task: Task, fdsAt: number, count: number, deadlineNs: number): number {
  task.restartBlock = (again) => pollUntil(again, fdsAt, count, deadlineNs);
  return poll(task, fdsAt, count, deadlineNs, -ERESTART_RESTARTBLOCK);
}

function sysPoll(task: Task, fdsAt: number, count: number, timeoutMs: number): number {
  const now = timeoutMs === 0 ? 0 : task.kernel.nowNs();
  return pollUntil(task, fdsAt, count, timeoutMs < 0 ? FOREVER : now + timeoutMs * NS_PER_MS);
}

/** Deadline of a timeout in memory; -errno for a bad one. */
function deadlineAt(task: Task, addr: number, read: typeof readTimespec): number {
  if (addr === 0) return FOREVER;
  const ns = read(task, addr);
  return ns <= 0 ? ns : task.kernel.nowNs() + ns;
}

/** Linux tells what remains of the timeout; a call that is made again takes it from there. */
function withRemaining(
  task: Task,
  addr: number,
  deadlineNs: number,
  write: typeof writeTimespec,
): void {
  if (addr === 0 || deadlineNs === FOREVER) return;
  write(task, addr, deadlineNs === 0 ? 0 : Math.max(0, deadlineNs - task.kernel.nowNs()));
}

function sysPpoll(
  task: Task,
  fdsAt: number,
  count: number,
  timeoutAt: number,
  maskAt: number,
  size: number,
): number {
  const deadline = deadlineAt(task, timeoutAt, readTimespec);
  if (deadline < 0) return deadline;
  const masked = applyMask(task, maskAt, size);
  if (masked < 0) return masked;
  const atEnd = (): void => withRemaining(task, timeoutAt, deadline, writeTimespec);
  return settle(task, poll(task, fdsAt, count, deadline, -ERESTARTNOHAND, atEnd));
}

// --- select ----------------------------------------------------------------------------------------

const IN_EVENTS = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR;
const OUT_EVENTS = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR;
const SETS = [IN_EVENTS, OUT_EVENTS, POLLPRI] as const;

function select(
  task: Task,
  nfds: number,
  setsAt: readonly [number, number, number],
  deadlineNs: number,
  atEnd: () => void,
): number {
  if (nfds < 0) return -EINVAL;
  const count = Math.min(nfds, task.files.capacity);
  const setBytes = Math.ceil(count / 64) * 8;
  const wanted = setsAt.map(() => new Uint8Array(setBytes));
  const found = setsAt.map(() => new Uint8Array(setBytes));
  for (const [i, addr] of setsAt.entries())
    if (addr !== 0 && task.space.copyIn(addr, wanted[i] as Uint8Array) < 0) return -EFAULT;
  const fds: number[] = [];
  for (let fd = 0; fd < count; fd++)
    if (wanted.some((set) => hasBit(set, fd))) {
      if (dataFile(task, fd) === undefined) return -EBADF;
      fds.push(fd);
    }
  const scan = (): number => {
    let ready = 0;
    for (const set of found) set.fill(0);
    for (const fd of fds) {
      const events = task.files.get(fd)?.poll() ?? POLLNVAL;
      for (let i = 0; i < 3; i++) {
        const isReady = (events & (SETS[i] as number)) !== 0;
        if (!isReady || !hasBit(wanted[i] as Uint8Array, fd)) continue;
        (found[i] as Uint8Array)[fd >> 3]! |= 1 << (fd & 7);
        ready++;
      }
    }
    return ready;
  };
  const finish = (ready: number): number => {
    atEnd();
    for (const [i, addr] of setsAt.entries())
      if (addr !== 0 && task.space.copyOut(addr, found[i] as Uint8Array) < 0) return -EFAULT;
    return ready;
  };
  const interrupted = (): number => {
    atEnd();
    return -ERESTARTNOHAND;
  };
  const files = () => fds.map((fd) => task.files.get(fd)).filter((file) => file !== undefined);
  return waitForEvents(task, files, scan, finish, deadlineNs, interrupted);
}

const hasBit = (set: Uint8Array, fd: number): boolean =>
  ((set[fd >> 3] as number) & (1 << (fd & 7))) !== 0;

function sysSelect(
  task: Task,
  nfds: number,
  inAt: number,
  outAt: number,
  exceptAt: number,
  timeoutAt: number,
): number {
  const deadline = deadlineAt(task, timeoutAt, readTimeval);
  if (deadline < 0) return deadline;
  return select(task, nfds, [inAt, outAt, exceptAt], deadline, () =>
    withRemaining(task, timeoutAt, deadline, writeTimeval),
  );
}

function sysPselect6(
  task: Task,
  nfds: number,
  inAt: number,
  outAt: number,
  exceptAt: number,
  timeoutAt: number,
  packAt: number,
): number {
  const deadline = deadlineAt(task, timeoutAt, readTimespec);
  if (deadline < 0) return deadline;
  if (packAt !== 0) {
    const maskAt = task.space.readU64(packAt);
    const size = task.space.readU64(packAt + 8);
    if (maskAt === undefined || size === undefined) return -EFAULT;
    const masked = applyMask(task, maskAt, size);
    if (masked < 0) return masked;
  }
  return settle(
    task,
    select(task, nfds, [inAt, outAt, exceptAt], deadline, () =>
      withRemaining(task, timeoutAt, deadline, writeTimespec),
    ),
  );
}

// --- epoll -----------------------------------------------------------------------------------------

function sysEpollCreate1(task: Task, flags: number): number {
  if ((flags & ~O_CLOEXEC) !== 0) return -EINVAL;
  const file = new EpollFile(task.kernel.vfs, task.creds);
  const fd = task.files.install(file, task.group.limits.openFiles, flags !== 0);
  if (fd < 0) file.release();
  return fd;
}

const sysEpollCreate = (task: Task, size: number) =>
  size <= 0 ? -EINVAL : sysEpollCreate1(task, 0);

function sysEpollCtl(task: Task, epfd: number, op: number, fd: number, eventAt: number): number {
  let events = 0;
  let low = 0;
  let high = 0;
  if (op !== EPOLL_CTL_DEL) {
    const bytes = task.kernel.scratch.subarray(0, EPOLL_EVENT.bytes);
    if (task.space.copyIn(eventAt, bytes) < 0) return -EFAULT;
    const view = task.kernel.scratchView;
    events = view.getInt32(EPOLL_EVENT.events, true);
    low = view.getInt32(EPOLL_EVENT.data, true);
    high = view.getInt32(EPOLL_EVENT.data + 4, true);
  }
  const set = task.files.get(epfd);
  const file = task.files.get(fd);
  if (set === undefined || file === undefined || (file.flags & O_PATH) !== 0) return -EBADF;
  if (!(set instanceof EpollFile)) return -EINVAL;
  switch (op) {
    case EPOLL_CTL_ADD:
      return set.add(file, fd, events, low, high);
    case EPOLL_CTL_MOD:
      return set.modify(file, fd, events, low, high);
    case EPOLL_CTL_DEL:
      return set.remove(file, fd);
    default:
      return -EINVAL;
  }
}

function epollWait(
  task: Task,
  epfd: number,
  eventsAt: number,
  max: number,
  deadlineNs: number,
): number {
  if (max <= 0 || max > MAX_EPOLL_EVENTS) return -EINVAL;
  const set = dataFile(task, epfd);
  if (set === undefined) return -EBADF;
  if (!(set instanceof EpollFile)) return -EINVAL;
  // What a scan finds is written out before anything else runs: the kernel's buffer will do.
  let { transferBuffer: bytes, transferView: view } = task.kernel;
  let at = 0;
  const sink = {
    emit(events: number, low: number, high: number) {
      view.setInt32(at + EPOLL_EVENT.events, events, true);
      view.setInt32(at + EPOLL_EVENT.data, low, true);
      view.setInt32(at + EPOLL_EVENT.data + 4, high, true);
      at += EPOLL_EVENT.bytes;
    },
  };
  const scan = (): number => {
    at = 0;
    const limit = Math.min(max, set.readyCount);
    if (limit * EPOLL_EVENT.bytes > bytes.length) {
      bytes = new Uint8Array(limit * EPOLL_EVENT.bytes);
      view = new DataView(bytes.buffer);
    }
    return set.harvest(limit, sink);
  };
  const finish = (count: number): number => {
    const used = bytes.subarray(0, count * EPOLL_EVENT.bytes);
    return count > 0 && task.space.copyOut(eventsAt, used) < 0 ? -EFAULT : count;
  };
  return waitForEvents(
    task,
    () => [set],
    scan,
    finish,
    deadlineNs,
    () => -EINTR,
  );
}

const millisecondDeadline = (task: Task, timeoutMs: number): number =>
  timeoutMs < 0 ? FOREVER : timeoutMs === 0 ? 0 : task.kernel.nowNs() + timeoutMs * NS_PER_MS;

function sysEpollWait(task: Task, epfd: number, eventsAt: number, max: number, timeout: number) {
  return epollWait(task, epfd, eventsAt, max, millisecondDeadline(task, timeout));
}

function sysEpollPwait(
  task: Task,
  epfd: number,
  eventsAt: number,
  max: number,
  timeout: number,
  maskAt: number,
  size: number,
): number {
  const masked = applyMask(task, maskAt, size);
  if (masked < 0) return masked;
  const deadline = millisecondDeadline(task, timeout);
  return settle(task, epollWait(task, epfd, eventsAt, max, deadline));
}

function sysEpollPwait2(
  task: Task,
  epfd: number,
  eventsAt: number,
  max: number,
  timeoutAt: number,
  maskAt: number,
  size: number,
): number {
  const deadline = deadlineAt(task, timeoutAt, readTimespec);
  if (deadline < 0) return deadline;
  const masked = applyMask(task, maskAt, size);
  if (masked < 0) return masked;
  return settle(task, epollWait(task, epfd, eventsAt, max, deadline));
}

// --- rows ------------------------------------------------------------------------------------------

const POLL_NAMES = {
  POLLIN,
  POLLPRI,
  POLLOUT,
  POLLERR,
  POLLHUP,
  POLLNVAL,
  POLLRDNORM,
  POLLRDBAND,
  POLLWRNORM,
  POLLWRBAND,
  POLLRDHUP,
} as const;
const EPOLL_NAMES = { EPOLLEXCLUSIVE, EPOLLWAKEUP, EPOLLONESHOT, EPOLLET } as const;

const pollfds = arg.kind(arg.DECODE.ulong, (addr, { task, args }) => {
  const shown = Math.min(args[1] ?? 0, 32);
  const bytes = new Uint8Array(shown * POLLFD.bytes);
  if (task.space.copyIn(addr, bytes) < 0) return `0x${addr.toString(16)}`;
  const view = new DataView(bytes.buffer);
  const items = Array.from({ length: shown }, (_, i) => {
    const fd = view.getInt32(i * POLLFD.bytes, true);
    const events = view.getInt16(i * POLLFD.bytes + POLLFD.events, true);
    return `{fd=${fd}, events=${renderFlags(POLL_NAMES, events)}}`;
  });
  return `[${items.join(', ')}]`;
});

const epollEvent = arg.struct((task, addr) => {
  const events = task.space.readI32(addr);
  const data = task.space.readBigU64(addr + EPOLL_EVENT.data);
  if (events === undefined || data === undefined) return undefined;
  const shown = renderFlags({ ...POLL_NAMES, ...EPOLL_NAMES }, events).replaceAll('POLL', 'EPOLL');
  return `{events=${shown.replaceAll('EEPOLL', 'EPOLL')}, data=0x${data.toString(16)}}`;
});

const { fd, int, uint, pointer, outPointer, size } = arg;
const operation = arg.oneOf({ EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD });
const create = arg.flags({ EPOLL_CLOEXEC: O_CLOEXEC });

export const MULTIPLEXING_ROWS: readonly SyscallRow[] = [
  row('poll', [pollfds, uint, int], sysPoll),
  row('ppoll', [pollfds, uint, timespec(), pointer, size], sysPpoll),
  row('select', [int, pointer, pointer, pointer, pointer], sysSelect),
  row('pselect6', [int, pointer, pointer, pointer, pointer, pointer], sysPselect6),
  row('epoll_create', [int], sysEpollCreate),
  row('epoll_create1', [create], sysEpollCreate1),
  row('epoll_ctl', [fd, operation, fd, epollEvent], sysEpollCtl),
  row('epoll_wait', [fd, outPointer, int, int], sysEpollWait),
  row('epoll_pwait', [fd, outPointer, int, int, pointer, size], sysEpollPwait),
  row('epoll_pwait2', [fd, outPointer, int, timespec(), pointer, size], sysEpollPwait2),
];
