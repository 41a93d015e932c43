/** Guest clocks (clock_gettime(2)) in nanoseconds as BigInt: exact at any date. */

import { EINVAL } from '../abi/errno.table.ts';
import { CLOCK, NS_PER_MS } from '../abi/time.ts';
import type { Kernel } from './kernel.ts';
import type { CpuTarget } from './process-timers.ts';
import type { Task } from './task.ts';
import type { ThreadGroup } from './thread-group.ts';

/**
 * TAI is ahead of UTC by the leap seconds; Linux starts with none known. The ALARM clocks need a
 * real-time clock that wakes the machine: without one Linux does not have them either (EINVAL).
 */
const TICK_NS = BigInt(4 * NS_PER_MS);
/** Low bits of a CPU-time clock that counts in nanoseconds. */
const CPUCLOCK_SCHED = 2;

/** The time of clock `id`, or -EINVAL. */
export function readClock(task: Task, id: number): bigint | number {
  const { clock } = task.kernel;
  switch (id) {
    case CLOCK.CLOCK_REALTIME:
    case CLOCK.CLOCK_TAI:
      return clock.realtimeNs();
    case CLOCK.CLOCK_REALTIME_COARSE:
      return (clock.realtimeNs() / TICK_NS) * TICK_NS;
    case CLOCK.CLOCK_MONOTONIC:
    case CLOCK.CLOCK_MONOTONIC_RAW:
    case CLOCK.CLOCK_BOOTTIME:
      return clock.monotonicNs();
    case CLOCK.CLOCK_MONOTONIC_COARSE:
      return (clock.monotonicNs() / TICK_NS) * TICK_NS;
    case CLOCK.CLOCK_PROCESS_CPUTIME_ID:
      return BigInt(Math.floor(processNs(task.group)));
    case CLOCK.CLOCK_THREAD_CPUTIME_ID:
      return BigInt(Math.floor(threadNs(task)));
    default:
      return id < 0 ? readCpuClock(task, id) : -EINVAL;
  }
}

/** Includes the turn that is under way. */
function threadNs(task: Task): number {
  return task.userNs + task.systemNs + task.kernel.turnNs(task);
}

function processNs(group: ThreadGroup): number {
  const { userNs, systemNs } = group.times();
  const { current } = group.kernel;
  return userNs + systemNs + (current?.group === group ? group.kernel.turnNs(current) : 0);
}

/** `clock_getcpuclockid`: bits 3 and up are ~pid, bit 2 says thread, bits 0…1 which clock. */
function readCpuClock(task: Task, id: number): bigint | number {
  const target = cpuTarget(task, id);
  return target === undefined ? -EINVAL : BigInt(Math.floor(cpuTargetNs(target)));
}

/** Whose time a CPU-time clock tells; undefined when `id` is no such clock, or of nobody. */
export function cpuTarget(task: Task, id: number): CpuTarget | undefined {
  if (id === CLOCK.CLOCK_PROCESS_CPUTIME_ID) return { group: task.group, thread: undefined };
  if (id === CLOCK.CLOCK_THREAD_CPUTIME_ID) return { group: task.group, thread: task };
  if (id >= 0 || (id & 3) === 3) return undefined;
  const pid = ~(id >> 3);
  const isThread = (id & 4) !== 0;
  const { init } = task.kernel.processes;
  if (pid === init.pid && !isThread) return { group: init, thread: undefined };
  const target = pid === 0 ? task : task.kernel.processes.task(pid);
  if (target === undefined || (isThread && target.group !== task.group)) return undefined;
  return { group: target.group, thread: isThread ? target : undefined };
}

export function cpuTargetNs({ group, thread }: CpuTarget): number {
  return thread === undefined ? processNs(group) : threadNs(thread);
}

/** What a turn that is under way has added to the clock, and nobody has charged yet. */
export function unchargedNs(kernel: Kernel, { group, thread }: CpuTarget): number {
  const { current } = kernel;
  if (current === undefined) return 0;
  const isMeant = thread === undefined ? current.group === group : current === thread;
  return isMeant ? kernel.turnNs(current) : 0;
}

/** Resolution of a clock in nanoseconds, or -EINVAL. */
export function clockResolution(task: Task, id: number): number {
  const value = readClock(task, id);
  if (typeof value === 'number') return value;
  // A CPU-time clock that is not exact counts ticks (CPUCLOCK_PROF and CPUCLOCK_VIRT).
  if (id < 0 && (id & 3) !== CPUCLOCK_SCHED) return Number(TICK_NS);
  const coarse = id === CLOCK.CLOCK_REALTIME_COARSE || id === CLOCK.CLOCK_MONOTONIC_COARSE;
  return coarse ? Number(TICK_NS) : 1;
}

/** How a timer's clock relates to the kernel's own. */
export type TimerBase = 'monotonic' | 'realtime';

/** The base of a clock that can be slept on, or -EINVAL / undefined for CPU-time clocks. */
export function timerBase(id: number): TimerBase | undefined {
  switch (id) {
    case CLOCK.CLOCK_REALTIME:
    case CLOCK.CLOCK_TAI:
      return 'realtime';
    case CLOCK.CLOCK_MONOTONIC:
    case CLOCK.CLOCK_BOOTTIME:
      return 'monotonic';
    default:
      return undefined;
  }
}

/** An absolute time of `base` as a deadline of the kernel's monotonic clock. */
export function toDeadline(task: Task, base: TimerBase, ns: number): number {
  if (base === 'monotonic') return ns;
  const { kernel } = task;
  return kernel.nowNs() + (ns - Number(kernel.clock.realtimeNs()));
}
