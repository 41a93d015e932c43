/** What a thread that ends owes other threads: its cleared tid and its robust futexes. */

import {
  FUTEX_OWNER_DIED,
  FUTEX_TID_MASK,
  FUTEX_WAITERS,
  ROBUST_LIST_LIMIT,
} from '../abi/futex.ts';
import { futexKey } from './futex.ts';
import type { Task } from './task.ts';

/** CLONE_CHILD_CLEARTID: zero the word and wake one waiter; only if someone else can see it. */
export function wakeClearedTid(task: Task): void {
  const addr = task.clearChildTid;
  task.clearChildTid = 0;
  if (addr === 0 || task.kernel.spaces.users(task.space) <= 1) return;
  if (task.space.writeU32(addr, 0) < 0) return;
  wakeOne(task, addr);
}

function wakeOne(task: Task, addr: number): void {
  const { futexes } = task.kernel;
  const own = futexKey(task.space, addr, true);
  if (typeof own !== 'number') futexes.wake(own, 1, -1);
  const shared = futexKey(task.space, addr, false);
  if (typeof shared !== 'number' && typeof own !== 'number' && shared.owner !== own.owner)
    futexes.wake(shared, 1, -1);
}

/** `exit_robust_list`: marks the mutexes that the thread holds (set_robust_list(2)). */
export function releaseRobustFutexes(task: Task): void {
  markRobustList(task);
  task.kernel.piFutexes.ownerEnds(task);
}

function markRobustList(task: Task): void {
  const head = task.robustList;
  task.robustList = 0;
  if (head === 0) return;
  const { space } = task;
  const offsetBits = space.readBigU64(head + 8);
  const pendingEntry = space.readU64(head + 16);
  let entry = space.readU64(head);
  if (offsetBits === undefined || pendingEntry === undefined || entry === undefined) return;
  const offset = Number(BigInt.asIntN(64, offsetBits));
  const pending = pendingEntry - (pendingEntry % 2);
  for (let i = 0; i < ROBUST_LIST_LIMIT; i++) {
    const at = entry - (entry % 2);
    if (at === head) break;
    const next = space.readU64(at);
    if (at !== pending) markDead(task, at + offset, entry % 2 === 1);
    if (next === undefined) return;
    entry = next;
  }
  if (pending !== 0) markDead(task, pending + offset, pendingEntry % 2 === 1);
}

/** Waiters of a lock with priority inheritance are served by {@link PiFutexes.ownerEnds}. */
function markDead(task: Task, addr: number, isPi: boolean): void {
  if (addr < 0 || addr >= 0x1_0000_0000 || addr % 4 !== 0) return;
  task.kernel.parallel?.hold();
  const word = task.space.readI32(addr);
  if (word === undefined || (word & FUTEX_TID_MASK) !== task.tid) return;
  task.space.writeU32(addr, ((word & FUTEX_WAITERS) | FUTEX_OWNER_DIED) >>> 0);
  if ((word & FUTEX_WAITERS) !== 0 && !isPi) wakeOne(task, addr);
}
