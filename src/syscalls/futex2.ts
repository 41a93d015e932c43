/** futex_waitv(2), futex_wake, futex_wait, futex_requeue: the newer calls, with 32-bit words only. */

import { EAGAIN, EFAULT, EINVAL } from '../abi/errno.table.ts';
import { FUTEX_PRIVATE_FLAG } from '../abi/futex.ts';
import { CLOCK } from '../abi/time.ts';
import { type FutexKey, futexKey } from '../kernel/futex.ts';
import type { Task } from '../kernel/task.ts';
import * as arg from './args.ts';
import { row, type SyscallRow } from './row.ts';
import { readTimespec } from './timespec.ts';

const SIZE_U32 = 2;
const WAITV_MAX = 128;
const WAITV_BYTES = 24;

const areFlagsKnown = (flags: number): boolean =>
  (flags & ~(SIZE_U32 | FUTEX_PRIVATE_FLAG)) === 0 && (flags & 3) === SIZE_U32;

interface Word {
  readonly key: FutexKey;
  readonly addr: number;
  readonly expected: number;
}

/** `struct futex_waitv` × count, or -errno. */
function readWords(task: Task, addr: number, count: number): Word[] | number {
  const bytes = new Uint8Array(WAITV_BYTES * count);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const words: Word[] = [];
  for (let at = 0; at < bytes.length; at += WAITV_BYTES) {
    const flags = view.getUint32(at + 16, true);
    if (!areFlagsKnown(flags) || view.getUint32(at + 20, true) !== 0) return -EINVAL;
    if (view.getUint32(at + 4, true) !== 0) return -EINVAL;
    const word = Number(view.getBigUint64(at + 8, true));
    const key = futexKey(task.space, word, (flags & FUTEX_PRIVATE_FLAG) !== 0);
    if (typeof key === 'number') return key;
    words.push({ key, addr: word, expected: view.getInt32(at, true) });
  }
  return words;
}

/** Absolute, on CLOCK_MONOTONIC or CLOCK_REALTIME; undefined for none, or -errno. */
function deadlineOf(task: Task, timeoutAt: number, clock: number): number | undefined {
  if (timeoutAt === 0) return undefined;
  if (clock !== CLOCK.CLOCK_MONOTONIC && clock !== CLOCK.CLOCK_REALTIME) return -EINVAL;
  const ns = readTimespec(task, timeoutAt);
  if (ns < 0 || clock === CLOCK.CLOCK_MONOTONIC) return ns;
  return Math.max(0, task.kernel.nowNs() + ns - Number(task.kernel.clock.realtimeNs()));
}

function sysFutexWaitv(
  task: Task,
  addr: number,
  count: number,
  flags: number,
  timeoutAt: number,
  clock: number,
): number {
  if (flags !== 0 || count === 0 || count > WAITV_MAX || addr === 0) return -EINVAL;
  const deadlineNs = deadlineOf(task, timeoutAt, clock);
  if (deadlineNs !== undefined && deadlineNs < 0) return deadlineNs;
  const words = readWords(task, addr, count);
  return typeof words === 'number' ? words : waitForAny(task, words, -1, deadlineNs);
}

function waitForAny(
  task: Task,
  words: readonly Word[],
  bitset: number,
  deadlineNs: number | undefined,
): number {
  for (const { addr, expected } of words) {
    const found = task.space.readI32(addr);
    if (found === undefined) return -EFAULT;
    if (found !== expected) return -EAGAIN;
  }
  const named = words.map(({ key }) => ({ key, bitset }));
  return task.kernel.futexes.waitForAny(task, named, deadlineNs);
}

function sysFutexWake(task: Task, addr: number, mask: number, count: number, flags: number) {
  if (!areFlagsKnown(flags) || mask === 0) return -EINVAL;
  const key = futexKey(task.space, addr, (flags & FUTEX_PRIVATE_FLAG) !== 0);
  return typeof key === 'number' ? key : task.kernel.futexes.wake(key, count, mask | 0);
}

function sysFutexWait(
  task: Task,
  addr: number,
  expected: number,
  mask: number,
  flags: number,
  timeoutAt: number,
): number {
  const clock = Number(BigInt.asIntN(32, task.cpu.gprs[9] as bigint));
  if (!areFlagsKnown(flags) || mask === 0) return -EINVAL;
  const deadlineNs = deadlineOf(task, timeoutAt, clock);
  if (deadlineNs !== undefined && deadlineNs < 0) return deadlineNs;
  const key = futexKey(task.space, addr, (flags & FUTEX_PRIVATE_FLAG) !== 0);
  if (typeof key === 'number') return key;
  return waitForAny(task, [{ key, addr, expected: expected | 0 }], mask | 0, deadlineNs);
}

function sysFutexRequeue(task: Task, addr: number, flags: number, wakes: number, moves: number) {
  if (flags !== 0 || addr === 0) return -EINVAL;
  const words = readWords(task, addr, 2);
  if (typeof words === 'number') return words;
  if (wakes < 0 || moves < 0) return -EINVAL;
  const [from, to] = words as [Word, Word];
  const found = task.space.readI32(from.addr);
  if (found === undefined) return -EFAULT;
  if (found !== from.expected) return -EAGAIN;
  const { futexes } = task.kernel;
  const woken = futexes.wake(from.key, wakes, -1);
  return woken < 0 ? woken : woken + futexes.requeue(from.key, to.key, moves);
}

const { pointer, uint, int, ulong } = arg;

export const FUTEX2_ROWS: readonly SyscallRow[] = [
  row('futex_waitv', [pointer, uint, uint, pointer, int], sysFutexWaitv),
  row('futex_wake', [pointer, ulong, int, uint], sysFutexWake),
  row('futex_wait', [pointer, ulong, ulong, uint, pointer, int], sysFutexWait),
  row('futex_requeue', [pointer, uint, int, int], sysFutexRequeue),
];
