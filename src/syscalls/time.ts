/** Clocks and sleeping: clock_gettime(2), gettimeofday, nanosleep, adjtimex and their kin. */

import { EFAULT, EINTR, EINVAL, EOPNOTSUPP } from '../abi/errno.table.ts';
import { CLOCK, NS_PER_SEC, NS_PER_US, TIMER_ABSTIME } from '../abi/time.ts';
import { WaitQueue } from '../base/wait-queue.ts';
import {
  clockResolution,
  cpuTarget,
  cpuTargetNs,
  readClock,
  timerBase,
  toDeadline,
  unchargedNs,
} from '../kernel/clocks.ts';
import { CpuTimer } from '../kernel/cpu-timer.ts';
import { BLOCKED, ERESTART_RESTARTBLOCK, ERESTARTNOHAND } from '../kernel/outcome.ts';
import type { CpuTarget } from '../kernel/process-timers.ts';
import type { Task } from '../kernel/task.ts';
import * as arg from './args.ts';
import { row, type SyscallRow } from './row.ts';
import { sysAdjtimex, sysClockAdjtime, sysClockSettime, sysSettimeofday } from './time-setting.ts';
import { readTimespec, writePair, writeTimespec } from './timespec.ts';

const SECOND = BigInt(NS_PER_SEC);

/** The vDSO does not know the time yet: it may by now. */
function noteAsked({ kernel }: Task): void {
  kernel.refreshTimePage(kernel.nowNs());
}

function sysClockGettime(task: Task, id: number, addr: number): number {
  const ns = readClock(task, id);
  if (typeof ns === 'number') return ns;
  noteAsked(task);
  return writePair(task, addr, Number(ns / SECOND), Number(ns % SECOND));
}

function sysClockGetres(task: Task, id: number, addr: number): number {
  const ns = clockResolution(task, id);
  if (ns < 0 || addr === 0) return Math.min(ns, 0);
  return writeTimespec(task, addr, ns);
}

function sysGettimeofday(task: Task, timevalAt: number, timezoneAt: number): number {
  if (timevalAt !== 0) {
    noteAsked(task);
    const ns = task.kernel.clock.realtimeNs();
    const us = Number((ns % SECOND) / BigInt(NS_PER_US));
    if (writePair(task, timevalAt, Number(ns / SECOND), us) < 0) return -EFAULT;
  }
  if (timezoneAt === 0) return 0;
  const { minutesWest, dstTime } = task.kernel.clock.timezone;
  const zone = new Uint8Array(Int32Array.of(minutesWest, dstTime).buffer);
  return task.space.copyOut(timezoneAt, zone) < 0 ? -EFAULT : 0;
}

function sysTime(task: Task, addr: number): number {
  noteAsked(task);
  const seconds = Number(task.kernel.clock.realtimeNs() / SECOND);
  if (addr !== 0 && task.space.writeU64(addr, seconds) < 0) return -EFAULT;
  return seconds;
}

/** Sleeps until `deadlineNs`; a relative sleep that is interrupted tells what remains. */
function sleepUntil(task: Task, deadlineNs: number, remainingAt: number): number {
  task.restartBlock = (again) => sleepUntil(again, deadlineNs, remainingAt);
  return task.sleep({
    queues: [],
    attempt: () => BLOCKED,
    deadlineNs,
    timedOut: 0,
    interrupted: () => {
      if (remainingAt !== 0) {
        const remaining = Math.max(0, deadlineNs - task.kernel.nowNs());
        if (writeTimespec(task, remainingAt, remaining) < 0) return -EFAULT;
      }
      return -ERESTART_RESTARTBLOCK;
    },
    reason: 'hrtimer_nanosleep',
  });
}

function sysNanosleep(task: Task, requestAt: number, remainingAt: number): number {
  const ns = readTimespec(task, requestAt);
  if (ns < 0) return ns;
  return sleepUntil(task, task.kernel.nowNs() + ns, remainingAt);
}

function sysClockNanosleep(
  task: Task,
  id: number,
  flags: number,
  requestAt: number,
  remainingAt: number,
): number {
  if (id === CLOCK.CLOCK_THREAD_CPUTIME_ID) return -EOPNOTSUPP;
  const cpu = cpuTarget(task, id);
  const base = timerBase(id);
  if (base === undefined && cpu === undefined) return invalidSleep(id);
  const ns = readTimespec(task, requestAt);
  if (ns < 0) return ns;
  if (base === undefined) {
    // `posix_cpu_nsleep`: a thread that sleeps uses no time of its own.
    if (cpu?.thread === task) return -EINVAL;
    const past = (flags & TIMER_ABSTIME) !== 0 && cpu !== undefined ? cpuTargetNs(cpu) : 0;
    return ns <= past ? 0 : sleepOnCpuTime(task, cpu as CpuTarget, ns - past);
  }
  if ((flags & TIMER_ABSTIME) === 0) return sleepUntil(task, task.kernel.nowNs() + ns, remainingAt);
  const deadlineNs = toDeadline(task, base, ns);
  return task.sleep({
    queues: [],
    attempt: () => BLOCKED,
    deadlineNs,
    followsWall: base === 'realtime',
    timedOut: 0,
    interrupted: -ERESTARTNOHAND,
    reason: 'hrtimer_nanosleep',
  });
}

/** Until the threads meant have used `ns` of processor time. */
function sleepOnCpuTime(task: Task, cpu: CpuTarget, ns: number): number {
  const queue = new WaitQueue();
  let isOver = false;
  const over = (): void => {
    isOver = true;
    queue.wakeAll();
  };
  const timer = new CpuTimer(over, () => task.kernel.turnLength.shorten(), cpu.thread);
  cpu.group.cpuTimers.add(timer);
  timer.armAfter(ns, 0, unchargedNs(task.kernel, cpu));
  const end = (result: number) => {
    cpu.group.cpuTimers.delete(timer);
    return result;
  };
  return task.sleep({
    queues: [queue],
    attempt: () => (isOver ? end(0) : BLOCKED),
    // Deviation: after a handler it never restarts by itself.
    interrupted: () => end(-EINTR),
    abandoned: () => end(0),
    reason: 'do_cpu_nanosleep',
  });
}

/** Clocks that exist but cannot be slept on are EOPNOTSUPP. */
const invalidSleep = (id: number): number =>
  Object.values<number>(CLOCK).includes(id) || (id < 0 && (id & 7) === CLOCKFD)
    ? -EOPNOTSUPP
    : -EINVAL;
/** The clock of an open device: the low bits of its number. */
const CLOCKFD = 3;

const clockId = arg.oneOf(CLOCK);
export const timespec = (direction: 'in' | 'out' = 'in') =>
  arg.struct((task, addr) => {
    const seconds = task.space.readU64(addr);
    const ns = task.space.readU64(addr + 8);
    if (seconds === undefined || ns === undefined) return undefined;
    return `{tv_sec=${seconds}, tv_nsec=${ns}}`;
  }, direction);
const timeval = arg.struct((task, addr) => {
  const seconds = task.space.readU64(addr);
  const us = task.space.readU64(addr + 8);
  if (seconds === undefined || us === undefined) return undefined;
  return `{tv_sec=${seconds}, tv_usec=${us}}`;
}, 'out');

/** Of adjtimex(2). */
const NOT_STEERED = 'frequency, tick and offset are kept, but steer nothing';

export const TIME_ROWS: readonly SyscallRow[] = [
  row('clock_gettime', [clockId, timespec('out')], sysClockGettime),
  row('clock_getres', [clockId, timespec('out')], sysClockGetres),
  row('clock_settime', [clockId, timespec()], sysClockSettime),
  row('gettimeofday', [timeval, arg.outPointer], sysGettimeofday),
  row('settimeofday', [arg.pointer, arg.pointer], sysSettimeofday),
  row('time', [arg.outPointer], sysTime),
  row('nanosleep', [timespec(), timespec('out')], sysNanosleep),
  row(
    'clock_nanosleep',
    [clockId, arg.flags({ TIMER_ABSTIME }), timespec(), timespec('out')],
    sysClockNanosleep,
  ),
  row('adjtimex', [arg.pointer], sysAdjtimex, { coverage: 'partial', note: NOT_STEERED }),
  row('clock_adjtime', [clockId, arg.pointer], sysClockAdjtime, {
    coverage: 'partial',
    note: NOT_STEERED,
  }),
];
