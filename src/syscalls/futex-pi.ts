/** Priority-inheritance operations of futex(2). */

import { EAGAIN, EFAULT, EINVAL } from '../abi/errno.table.ts';
import { type FutexKey, futexKey } from '../kernel/futex.ts';
import { PiWaiter } from '../kernel/futex-pi.ts';
import type { Task } from '../kernel/task.ts';

export function lockPi(
  task: Task,
  addr: number,
  isPrivate: boolean,
  tries: boolean,
  deadlineNs: number | undefined,
): number {
  const key = futexKey(task.space, addr, isPrivate);
  if (typeof key === 'number') return key;
  return task.kernel.piFutexes.lock(new PiWaiter(task, addr, key), tries, deadlineNs);
}

export function unlockPi(task: Task, addr: number, isPrivate: boolean): number {
  const key = futexKey(task.space, addr, isPrivate);
  return typeof key === 'number' ? key : task.kernel.piFutexes.unlock(task, addr, key);
}

/** FUTEX_WAIT_REQUEUE_PI: waits on `addr` until it owns `addr2`. */
export function waitRequeuePi(
  task: Task,
  addr: number,
  addr2: number,
  isPrivate: boolean,
  expected: number,
  deadlineNs: number | undefined,
): number {
  if (addr === addr2) return -EINVAL;
  const from = futexKey(task.space, addr, isPrivate);
  if (typeof from === 'number') return from;
  const to = futexKey(task.space, addr2, isPrivate);
  if (typeof to === 'number') return to;
  const word = task.space.readI32(addr);
  if (word === undefined) return -EFAULT;
  if (word !== expected) return -EAGAIN;
  const waiter = new PiWaiter(task, addr2, to);
  return task.kernel.futexes.waitForRequeue(task, from, waiter, deadlineNs);
}

/**
 * FUTEX_CMP_REQUEUE_PI: the first waiter gets the lock if it is free, the others wait for it. How
 * many were woken and moved.
 */
export function requeuePi(
  task: Task,
  keys: readonly [FutexKey, FutexKey],
  addr: number,
  wakeCount: number,
  moveCount: number,
  expected: number,
): number {
  if (wakeCount !== 1) return -EINVAL;
  const [from, to] = keys;
  const word = task.space.readI32(addr);
  if (word === undefined) return -EFAULT;
  if (word !== expected) return -EAGAIN;
  const { futexes, piFutexes } = task.kernel;
  const waiters = futexes.waitersOf(from);
  if (waiters.some(({ pi }) => pi?.key.owner !== to.owner || pi.key.offset !== to.offset))
    return -EINVAL;
  let done = 0;
  for (const waiter of waiters.slice(0, moveCount + 1)) {
    const { pi } = waiter;
    if (pi === undefined) return -EINVAL;
    const taken = piFutexes.acquire(pi, waiters.length > done + 1);
    if (taken < 0 && taken !== -EAGAIN) return done > 0 ? done : taken;
    futexes.leaveForLock(waiter);
    if (taken === 0) {
      pi.isGranted = true;
      pi.queue.wakeAll();
    } else piFutexes.enqueue(pi);
    done++;
  }
  return done;
}
