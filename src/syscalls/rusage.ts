/** getrusage(2) and times(2). */

import { EFAULT, EINVAL } from '../abi/errno.table.ts';
import { CLK_TCK } from '../abi/task-flags.ts';
import { NS_PER_SEC, NS_PER_US } from '../abi/time.ts';
import type { Task } from '../kernel/task.ts';
import * as arg from './args.ts';
import { row, type SyscallRow } from './row.ts';
import { putNumber } from './timespec.ts';

const RUSAGE = { RUSAGE_SELF: 0, RUSAGE_CHILDREN: -1, RUSAGE_THREAD: 1 } as const;
const RUSAGE_BYTES = 144;

export interface Usage {
  readonly userNs: number;
  readonly systemNs: number;
  readonly maxResidentKiB: number;
  readonly voluntarySwitches?: number;
  readonly involuntarySwitches?: number;
}

/** Writes a `struct rusage`. 0 or -EFAULT. */
export function writeRusage(task: Task, addr: number, usage: Usage): number {
  const bytes = task.kernel.scratch.subarray(0, RUSAGE_BYTES).fill(0);
  const view = task.kernel.scratchView;
  putTime(view, 0, usage.userNs);
  putTime(view, 16, usage.systemNs);
  putNumber(view, 32, usage.maxResidentKiB);
  putNumber(view, 128, usage.voluntarySwitches ?? 0);
  putNumber(view, 136, usage.involuntarySwitches ?? 0);
  return task.space.copyOut(addr, bytes) < 0 ? -EFAULT : 0;
}

function putTime(view: DataView, at: number, ns: number): void {
  const seconds = Math.floor(ns / NS_PER_SEC);
  putNumber(view, at, seconds);
  putNumber(view, at + 8, Math.floor((ns - seconds * NS_PER_SEC) / NS_PER_US));
}

function sysGetrusage(task: Task, who: number, addr: number): number {
  const { group } = task;
  const peakKiB = () => (task.space.usage().peakPages || 0) * 4;
  if (who === RUSAGE.RUSAGE_SELF) {
    let voluntarySwitches = 0;
    let involuntarySwitches = 0;
    for (const thread of group.tasks) {
      voluntarySwitches += thread.voluntarySwitches;
      involuntarySwitches += thread.involuntarySwitches;
    }
    const switches = { voluntarySwitches, involuntarySwitches };
    return writeRusage(task, addr, { ...group.times(), maxResidentKiB: peakKiB(), ...switches });
  }
  if (who === RUSAGE.RUSAGE_CHILDREN)
    return writeRusage(task, addr, {
      ...group.childTimes,
      maxResidentKiB: group.childMaxResidentKiB,
    });
  if (who !== RUSAGE.RUSAGE_THREAD) return -EINVAL;
  const { userNs, systemNs, voluntarySwitches, involuntarySwitches } = task;
  const own = { userNs, systemNs, voluntarySwitches, involuntarySwitches };
  return writeRusage(task, addr, { ...own, maxResidentKiB: peakKiB() });
}

/** Clock ticks since boot; four counters of ticks. */
function sysTimes(task: Task, addr: number): number {
  const tick = NS_PER_SEC / CLK_TCK;
  const ticks = (ns: number) => Math.floor(ns / tick);
  if (addr !== 0) {
    const own = task.group.times();
    const { childTimes } = task.group;
    const view = task.kernel.scratchView;
    putNumber(view, 0, ticks(own.userNs));
    putNumber(view, 8, ticks(own.systemNs));
    putNumber(view, 16, ticks(childTimes.userNs));
    putNumber(view, 24, ticks(childTimes.systemNs));
    if (task.space.copyOut(addr, task.kernel.scratch.subarray(0, 32)) < 0) return -EFAULT;
  }
  return ticks(task.kernel.nowNs());
}

export const RUSAGE_ROWS: readonly SyscallRow[] = [
  row('getrusage', [arg.oneOf(RUSAGE), arg.outPointer], sysGetrusage, {
    coverage: 'partial',
    note: 'page faults and I/O blocks are 0; ru_maxrss is the peak of mapped memory',
  }),
  row('times', [arg.outPointer], sysTimes),
];
