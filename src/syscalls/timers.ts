/** Timers: alarm(2), setitimer(2), timer_create(2), timerfd_create(2), signalfd(2). */

import { CAP_WAKE_ALARM } from '../abi/capability.ts';
import { EBADF, ECANCELED, EFAULT, EINVAL, EOPNOTSUPP, EPERM } from '../abi/errno.table.ts';
import { O_CLOEXEC, O_NONBLOCK } from '../abi/file-flags.ts';
import { SIGALRM } from '../abi/signal.table.ts';
import { CLOCK, ITIMER, NS_PER_SEC, NS_PER_US, SIGEV, TIMER_ABSTIME } from '../abi/time.ts';
import { cpuTarget, cpuTargetNs, timerBase, toDeadline, unchargedNs } from '../kernel/clocks.ts';
import { CpuTimer } from '../kernel/cpu-timer.ts';
import type { GuestClock } from '../kernel/guest-clock.ts';
import type { IntervalTimer } from '../kernel/interval-timer.ts';
import { type CpuTarget, type PosixTimer, ProcessTimers } from '../kernel/process-timers.ts';
import { SignalfdFile } from '../kernel/signals/signalfd.ts';
import type { Task } from '../kernel/task.ts';
import { TimerfdFile } from '../kernel/timerfd.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import * as arg from './args.ts';
import { dataFile } from './file-support.ts';
import { row, type SyscallRow } from './row.ts';
import { readSignalSet } from './signals.ts';
import { putNumber, readTimespec, readTimeval } from './timespec.ts';

const SIGEVENT_BYTES = 64;
const TFD_TIMER_CANCEL_ON_SET = 2;

function timersOf(task: Task): ProcessTimers {
  task.group.timers ??= new ProcessTimers(task.group);
  return task.group.timers;
}

function sysAlarm(task: Task, seconds: number): number {
  const [timer] = timersOf(task).intervals;
  const remaining = timer.remainingNs;
  if (seconds === 0) timer.disarm();
  else timer.armAfter(seconds * NS_PER_SEC, 0);
  if (remaining === 0) return 0;
  // alarm(2) never answers 0 for an alarm that is still due.
  return Math.max(1, Math.round(remaining / NS_PER_SEC));
}

type Setting = Pick<IntervalTimer, 'intervalNs' | 'remainingNs'>;

const wholeProcess = ({ group }: Task): CpuTarget => ({ group, thread: undefined });

/** What is left by now: a timer on processor time is charged at the end of a turn. */
function settingNow(
  task: Task,
  timer: IntervalTimer | CpuTimer,
  cpu: CpuTarget | undefined,
): Setting {
  const { intervalNs, remainingNs } = timer;
  if (!(timer instanceof CpuTimer) || cpu === undefined || remainingNs === 0)
    return { intervalNs, remainingNs };
  return { intervalNs, remainingNs: Math.max(1, remainingNs - unchargedNs(task.kernel, cpu)) };
}

/** Clocks without timers of their own; those that wake a machine have some where it has an RTC. */
const READ_ONLY_CLOCKS: ReadonlySet<number> = new Set([
  CLOCK.CLOCK_MONOTONIC_RAW,
  CLOCK.CLOCK_REALTIME_COARSE,
  CLOCK.CLOCK_MONOTONIC_COARSE,
  CLOCK.CLOCK_REALTIME_ALARM,
  CLOCK.CLOCK_BOOTTIME_ALARM,
]);

/** Interval and value as four 64-bit words: seconds and micro- or nanoseconds. */
function writeSetting(task: Task, addr: number, timer: Setting, unitNs: number): number {
  const view = task.kernel.scratchView;
  for (const [i, ns] of [timer.intervalNs, timer.remainingNs].entries()) {
    const seconds = Math.floor(ns / NS_PER_SEC);
    putNumber(view, 16 * i, seconds);
    putNumber(view, 16 * i + 8, Math.floor((ns - seconds * NS_PER_SEC) / unitNs));
  }
  return task.space.copyOut(addr, task.kernel.scratch.subarray(0, 32)) < 0 ? -EFAULT : 0;
}

function sysGetitimer(task: Task, which: number, addr: number): number {
  const timer = timersOf(task).intervals[which];
  if (timer === undefined) return -EINVAL;
  return writeSetting(task, addr, settingNow(task, timer, wholeProcess(task)), NS_PER_US);
}

function sysSetitimer(task: Task, which: number, newAt: number, oldAt: number): number {
  let intervalNs = 0;
  let valueNs = 0;
  if (newAt !== 0) {
    intervalNs = readTimeval(task, newAt);
    valueNs = readTimeval(task, newAt + 16);
    if (intervalNs < 0) return intervalNs;
    if (valueNs < 0) return valueNs;
  }
  const timer = timersOf(task).intervals[which];
  if (timer === undefined) return -EINVAL;
  const cpu = wholeProcess(task);
  const before = settingNow(task, timer, cpu);
  if (oldAt !== 0 && writeSetting(task, oldAt, before, NS_PER_US) < 0) return -EFAULT;
  if (valueNs === 0) timer.disarm();
  else if (timer instanceof CpuTimer)
    timer.armAfter(valueNs, intervalNs, unchargedNs(task.kernel, cpu));
  else timer.armAfter(valueNs, intervalNs);
  // Those on processor time keep the interval of a timer that is not armed (`set_cpu_itimer`).
  if (timer instanceof CpuTimer) timer.intervalNs = intervalNs;
  return 0;
}

function sysTimerCreate(task: Task, clock: number, eventAt: number, idAt: number): number {
  const cpu = cpuTarget(task, clock);
  if (timerBase(clock) === undefined && cpu === undefined)
    return READ_ONLY_CLOCKS.has(clock) ? -EOPNOTSUPP : -EINVAL;
  let signal = SIGALRM;
  let value: bigint | undefined;
  let thread: Task | undefined;
  let isSilent = false;
  if (eventAt !== 0) {
    const bytes = new Uint8Array(SIGEVENT_BYTES);
    if (task.space.copyIn(eventAt, bytes) < 0) return -EFAULT;
    const view = new DataView(bytes.buffer);
    const notify = view.getInt32(12, true);
    value = view.getBigUint64(0, true);
    signal = view.getInt32(8, true);
    if (notify === (SIGEV.SIGEV_SIGNAL | SIGEV.SIGEV_THREAD_ID)) {
      thread = task.kernel.processes.task(view.getInt32(16, true));
      if (thread === undefined || thread.group !== task.group) return -EINVAL;
    } else if (notify === SIGEV.SIGEV_NONE) isSilent = true;
    else if (notify !== SIGEV.SIGEV_SIGNAL && notify !== SIGEV.SIGEV_THREAD) return -EINVAL;
    if (!isSilent && (signal <= 0 || signal > 64)) return -EINVAL;
  }
  const timers = timersOf(task);
  const timer = timers.create({ clock, signal, value: value ?? 0n, thread, isSilent, cpu });
  if (typeof timer === 'number') return timer;
  if (value === undefined) Object.assign(timer.request, { value: BigInt(timer.id) });
  if (task.space.writeU32(idAt, timer.id) >= 0) return 0;
  timers.delete(timer.id);
  return -EFAULT;
}

function find(task: Task, id: number): PosixTimer | undefined {
  return task.group.timers?.get(id);
}

/** Deadline of a setting; 0 for "disarm", or -errno. */
function deadlineOf(task: Task, clock: number, absolute: boolean, valueNs: number): number {
  if (valueNs === 0) return 0;
  if (!absolute) return task.kernel.nowNs() + valueNs;
  return Math.max(1, toDeadline(task, timerBase(clock) ?? 'monotonic', valueNs));
}

/** The clock whose setting moves an absolute time of `clock`. */
function wallOf(task: Task, clock: number, absolute: boolean): GuestClock | undefined {
  return absolute && timerBase(clock) === 'realtime' ? task.kernel.clock : undefined;
}

function armTimer(
  task: Task,
  { timer, request }: PosixTimer,
  absolute: boolean,
  valueNs: number,
  intervalNs: number,
): void {
  if (timer instanceof CpuTimer) {
    const past = absolute && request.cpu !== undefined ? cpuTargetNs(request.cpu) : 0;
    const uncharged = request.cpu === undefined ? 0 : unchargedNs(task.kernel, request.cpu);
    timer.armAfter(Math.max(1, valueNs - past), intervalNs, uncharged);
  } else {
    const deadlineNs = deadlineOf(task, request.clock, absolute, valueNs);
    timer.arm(deadlineNs, intervalNs, wallOf(task, request.clock, absolute));
  }
}

function sysTimerSettime(
  task: Task,
  id: number,
  flags: number,
  newAt: number,
  oldAt: number,
): number {
  if (newAt === 0) return -EINVAL;
  const timer = find(task, id);
  const intervalNs = readTimespec(task, newAt);
  if (intervalNs < 0) return intervalNs;
  const valueNs = readTimespec(task, newAt + 16);
  if (valueNs < 0) return valueNs;
  if (timer === undefined) return -EINVAL;
  const before = settingNow(task, timer.timer, timer.request.cpu);
  timer.resetOverrun();
  if (valueNs === 0) timer.timer.disarm();
  else armTimer(task, timer, (flags & TIMER_ABSTIME) !== 0, valueNs, intervalNs);
  // Linux arms first: a fault leaves the timer as it was set.
  return oldAt === 0 ? 0 : writeSetting(task, oldAt, before, 1);
}

function sysTimerGettime(task: Task, id: number, addr: number): number {
  const timer = find(task, id);
  if (timer === undefined) return -EINVAL;
  return writeSetting(task, addr, settingNow(task, timer.timer, timer.request.cpu), 1);
}

const sysTimerGetoverrun = (task: Task, id: number) => find(task, id)?.lastOverrun ?? -EINVAL;
const sysTimerDelete = (task: Task, id: number) => task.group.timers?.delete(id) ?? -EINVAL;

/** Installs a file that the caller owns. */
function install(task: Task, file: OpenFile, closeOnExec: boolean): number {
  const fd = task.files.install(file, task.group.limits.openFiles, closeOnExec);
  if (fd < 0) file.release();
  return fd;
}

const FILE_FLAGS = { O_CLOEXEC, O_NONBLOCK } as const;
const KNOWN_FILE_FLAGS = O_CLOEXEC | O_NONBLOCK;

function sysTimerfdCreate(task: Task, clock: number, flags: number): number {
  if ((flags & ~KNOWN_FILE_FLAGS) !== 0) return -EINVAL;
  const base = TIMERFD_CLOCKS[clock];
  if (base === undefined) return -EINVAL;
  // Of the clocks that wake a machine from sleep: this one never sleeps.
  if (base !== clock && !task.creds.has(CAP_WAKE_ALARM)) return -EPERM;
  const file = new TimerfdFile(task, base, flags & O_NONBLOCK);
  return install(task, file, (flags & O_CLOEXEC) !== 0);
}

/** What a timerfd can be made on, and the clock that it then follows. */
const TIMERFD_CLOCKS: Readonly<Record<number, number>> = {
  [CLOCK.CLOCK_REALTIME]: CLOCK.CLOCK_REALTIME,
  [CLOCK.CLOCK_MONOTONIC]: CLOCK.CLOCK_MONOTONIC,
  [CLOCK.CLOCK_BOOTTIME]: CLOCK.CLOCK_BOOTTIME,
  [CLOCK.CLOCK_REALTIME_ALARM]: CLOCK.CLOCK_REALTIME,
  [CLOCK.CLOCK_BOOTTIME_ALARM]: CLOCK.CLOCK_MONOTONIC,
};

function timerfdOf(task: Task, fd: number): TimerfdFile | number {
  const file = dataFile(task, fd);
  if (file === undefined) return -EBADF;
  return file instanceof TimerfdFile ? file : -EINVAL;
}

function sysTimerfdSettime(
  task: Task,
  fd: number,
  flags: number,
  newAt: number,
  oldAt: number,
): number {
  if ((flags & ~(TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) !== 0) return -EINVAL;
  const intervalNs = readTimespec(task, newAt);
  if (intervalNs < 0) return intervalNs;
  const valueNs = readTimespec(task, newAt + 16);
  if (valueNs < 0) return valueNs;
  const file = timerfdOf(task, fd);
  if (typeof file === 'number') return file;
  if (oldAt !== 0 && writeSetting(task, oldAt, file.timer, 1) < 0) return -EFAULT;
  const isAbsolute = (flags & TIMER_ABSTIME) !== 0;
  const deadline = deadlineOf(task, file.clock, isAbsolute, valueNs);
  const wall = wallOf(task, file.clock, isAbsolute);
  const wasCancelled = file.watch((flags & TFD_TIMER_CANCEL_ON_SET) !== 0 ? wall : undefined);
  file.resetExpiries();
  if (deadline === 0) file.timer.disarm();
  else file.timer.arm(deadline, intervalNs, wall);
  return wasCancelled ? -ECANCELED : 0;
}

function sysTimerfdGettime(task: Task, fd: number, addr: number): number {
  const file = timerfdOf(task, fd);
  return typeof file === 'number' ? file : writeSetting(task, addr, file.timer, 1);
}

function sysSignalfd4(task: Task, fd: number, maskAt: number, size: number, flags: number): number {
  if (size !== 8 || (flags & ~KNOWN_FILE_FLAGS) !== 0) return -EINVAL;
  const wanted = readSignalSet(task, maskAt);
  if (wanted === undefined) return -EFAULT;
  wanted.withoutUnblockable();
  if (fd === -1)
    return install(
      task,
      new SignalfdFile(task, wanted, flags & O_NONBLOCK),
      (flags & O_CLOEXEC) !== 0,
    );
  const file = dataFile(task, fd);
  if (file === undefined) return -EBADF;
  if (!(file instanceof SignalfdFile)) return -EINVAL;
  file.wanted.copyFrom(wanted);
  file.waitQueue.wakeAll();
  return fd;
}

const sysSignalfd = (task: Task, fd: number, maskAt: number, size: number) =>
  sysSignalfd4(task, fd, maskAt, size, 0);

const { fd, int, uint, pointer, outPointer, size } = arg;
const clockId = arg.oneOf(CLOCK);
const fileFlags = arg.flags(FILE_FLAGS);
const settime = arg.flags({ TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET });

export const TIMER_ROWS: readonly SyscallRow[] = [
  row('alarm', [uint], sysAlarm),
  row('getitimer', [arg.oneOf(ITIMER), outPointer], sysGetitimer),
  row('setitimer', [arg.oneOf(ITIMER), pointer, outPointer], sysSetitimer, {
    coverage: 'partial',
    note: 'ITIMER_VIRTUAL counts time in the kernel, too',
  }),
  row('timer_create', [clockId, pointer, outPointer], sysTimerCreate),
  row('timer_settime', [int, settime, pointer, outPointer], sysTimerSettime),
  row('timer_gettime', [int, outPointer], sysTimerGettime),
  row('timer_getoverrun', [int], sysTimerGetoverrun),
  row('timer_delete', [int], sysTimerDelete),
  row('timerfd_create', [clockId, fileFlags], sysTimerfdCreate),
  row('timerfd_settime', [fd, settime, pointer, outPointer], sysTimerfdSettime),
  row('timerfd_gettime', [fd, outPointer], sysTimerfdGettime),
  row('signalfd', [fd, pointer, size], sysSignalfd),
  row('signalfd4', [fd, pointer, size, fileFlags], sysSignalfd4),
];
