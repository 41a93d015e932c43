/**
 * `struct timespec` and `struct timeval` in guest memory as nanoseconds in a number: exact below
 * 104 days, then to about a microsecond over centuries. What needs every nanosecond of the epoch
 * (clock_gettime) uses BigInt.
 */

import { EFAULT, EINVAL } from '../abi/errno.table.ts';
import { NS_PER_SEC, NS_PER_US } from '../abi/time.ts';
import type { Task } from '../kernel/task.ts';

/** Longest time that is kept: longer ones wait for ever. */
const FOREVER_SEC = 9_000_000_000;

/** Nanoseconds, or -EFAULT, or -EINVAL when it is not normalised or negative. */
export function readTimespec(task: Task, addr: number): number {
  return readPair(task, addr, NS_PER_SEC, 1);
}

/** The same of a `struct timeval`. */
export function readTimeval(task: Task, addr: number): number {
  return readPair(task, addr, 1_000_000, NS_PER_US);
}

function readPair(task: Task, addr: number, bound: number, scale: number): number {
  const bytes = task.kernel.scratch.subarray(0, 16);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  const view = task.kernel.scratchView;
  const high = view.getInt32(4, true);
  const fractionHigh = view.getInt32(12, true);
  const fraction = view.getUint32(8, true);
  if (high < 0 || fractionHigh !== 0 || fraction >= bound) return -EINVAL;
  const seconds = high * 0x1_0000_0000 + view.getUint32(0, true);
  if (seconds > FOREVER_SEC) return Number.POSITIVE_INFINITY;
  return seconds * NS_PER_SEC + fraction * scale;
}

/** Writes seconds and nanoseconds. 0 or -EFAULT. */
export function writeTimespec(task: Task, addr: number, ns: number): number {
  const seconds = Math.floor(ns / NS_PER_SEC);
  return writePair(task, addr, seconds, Math.floor(ns - seconds * NS_PER_SEC));
}

/** Writes seconds and microseconds. 0 or -EFAULT. */
export function writeTimeval(task: Task, addr: number, ns: number): number {
  const seconds = Math.floor(ns / NS_PER_SEC);
  return writePair(task, addr, seconds, Math.floor((ns - seconds * NS_PER_SEC) / NS_PER_US));
}

/** Two 64-bit words. */
export function writePair(task: Task, addr: number, first: number, second: number): number {
  const view = task.kernel.scratchView;
  putNumber(view, 0, first);
  putNumber(view, 8, second);
  return task.space.copyOut(addr, task.kernel.scratch.subarray(0, 16)) < 0 ? -EFAULT : 0;
}

/** A number as a 64-bit little-endian integer, without BigInt. */
export function putNumber(view: DataView, at: number, value: number): void {
  view.setInt32(at, value | 0, true);
  view.setInt32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}
