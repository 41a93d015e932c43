/**
 * Priority-inheritance futexes (futex(2), "Priority-inheritance futexes"): locks whose word holds
 * the owner's tid, handed over by the kernel. A state exists while somebody waits.
 *
 * Deviation: the owner is not boosted; the order of waiters and all that programs can see is kept.
 */

import { EAGAIN, EDEADLK, EFAULT, EINVAL, EPERM, ESRCH, ETIMEDOUT } from '../abi/errno.table.ts';
import { FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS } from '../abi/futex.ts';
import { WaitQueue } from '../base/wait-queue.ts';
import type { FutexKey } from './futex.ts';
import { BLOCKED, ERESTARTNOINTR } from './outcome.ts';
import type { Task } from './task.ts';

/** A task that waits for a lock: in the kernel, or on a condition that will be moved to it. */
export class PiWaiter {
  readonly task: Task;
  readonly queue: WaitQueue = new WaitQueue();
  /** The word, in the task's own address space. */
  readonly addr: number;
  readonly key: FutexKey;
  isGranted = false;
  /** Waits for its lock: FUTEX_CMP_REQUEUE_PI came by. */
  isMoved = false;

  constructor(task: Task, addr: number, key: FutexKey) {
    this.task = task;
    this.addr = addr;
    this.key = key;
  }
}

interface PiState {
  /** Undefined: it died, and the word names nobody yet. */
  owner: Task | undefined;
  readonly waiters: PiWaiter[];
}

export class PiFutexes {
  readonly #states = new Map<object, Map<number, PiState>>();
  /** What a blocked task waits for: chains of these are deadlocks when they close. */
  readonly #blockedOn = new Map<Task, FutexKey>();

  #find(key: FutexKey): PiState | undefined {
    return this.#states.get(key.owner)?.get(key.offset);
  }

  /** FUTEX_LOCK_PI and FUTEX_TRYLOCK_PI: 0, BLOCKED, or -errno. */
  lock(waiter: PiWaiter, tries: boolean, deadlineNs: number | undefined): number {
    const { task, key } = waiter;
    const taken = this.acquire(waiter, false);
    if (taken !== -EAGAIN) return taken;
    if (tries) return -EAGAIN;
    this.enqueue(waiter);
    const giveUp = (result: number) => () => {
      this.remove(waiter);
      return result;
    };
    return task.sleep({
      queues: [waiter.queue],
      attempt: () => (waiter.isGranted ? this.#granted(waiter) : BLOCKED),
      ...(deadlineNs === undefined ? {} : { deadlineNs }),
      timedOut: giveUp(-ETIMEDOUT),
      interrupted: giveUp(-ERESTARTNOINTR),
      abandoned: giveUp(0),
      reason: `futex_lock_pi ${key.offset.toString(16)}`,
    });
  }

  #granted(waiter: PiWaiter): number {
    this.#blockedOn.delete(waiter.task);
    return 0;
  }

  /**
   * Takes a free lock (`futex_lock_pi_atomic`). 0: it is the waiter's; -EAGAIN: it is held, and its
   * word says now that somebody waits; or another -errno.
   */
  acquire(waiter: PiWaiter, otherWaiters: boolean): number {
    const { task, addr, key } = waiter;
    task.kernel.parallel?.hold();
    const word = task.space.readI32(addr);
    if (word === undefined) return -EFAULT;
    const holder = word & FUTEX_TID_MASK;
    if (holder === task.tid) return -EDEADLK;
    const state = this.#find(key);
    if (holder === 0 && state === undefined) {
      const marks = (word & FUTEX_OWNER_DIED) | (otherWaiters ? FUTEX_WAITERS : 0);
      return task.space.writeU32(addr, (marks | task.tid) >>> 0) < 0 ? -EFAULT : 0;
    }
    if (state !== undefined && state.owner?.tid !== holder && holder !== 0) return -EINVAL;
    const owner = state?.owner ?? task.kernel.processes.task(holder);
    if (owner === undefined) return -ESRCH;
    if (this.#leadsTo(owner, task)) return -EDEADLK;
    return task.space.writeU32(addr, (word | FUTEX_WAITERS) >>> 0) < 0 ? -EFAULT : -EAGAIN;
  }

  /** Does `from` wait, over any number of locks, for something that `to` holds? */
  #leadsTo(from: Task, to: Task): boolean {
    const seen = new Set<Task>();
    for (let at: Task | undefined = from; at !== undefined && !seen.has(at); ) {
      if (at === to) return true;
      seen.add(at);
      const key = this.#blockedOn.get(at);
      at = key && this.#find(key)?.owner;
    }
    return false;
  }

  /** Behind the waiters of its priority and above. */
  enqueue(waiter: PiWaiter): void {
    const { key, task } = waiter;
    let byOffset = this.#states.get(key.owner);
    if (byOffset === undefined) {
      byOffset = new Map();
      this.#states.set(key.owner, byOffset);
    }
    let state = byOffset.get(key.offset);
    if (state === undefined) {
      const word = task.space.readI32(waiter.addr) ?? 0;
      const owner = task.kernel.processes.task(word & FUTEX_TID_MASK);
      state = { owner, waiters: [] };
      byOffset.set(key.offset, state);
    }
    const { realtimePriority } = task;
    const at = state.waiters.findIndex((each) => each.task.realtimePriority < realtimePriority);
    state.waiters.splice(at < 0 ? state.waiters.length : at, 0, waiter);
    this.#blockedOn.set(task, key);
  }

  remove(waiter: PiWaiter): void {
    const { key, task } = waiter;
    this.#blockedOn.delete(task);
    const state = this.#find(key);
    const at = state?.waiters.indexOf(waiter) ?? -1;
    if (state === undefined || at < 0) return;
    state.waiters.splice(at, 1);
    this.#settle(key, state);
  }

  #settle(key: FutexKey, state: PiState): void {
    if (state.waiters.length > 0) return;
    const byOffset = this.#states.get(key.owner);
    byOffset?.delete(key.offset);
    if (byOffset?.size === 0) this.#states.delete(key.owner);
  }

  /** FUTEX_UNLOCK_PI: the first waiter owns it then. 0 or -errno. */
  unlock(task: Task, addr: number, key: FutexKey): number {
    const word = task.space.readI32(addr);
    if (word === undefined) return -EFAULT;
    if ((word & FUTEX_TID_MASK) !== task.tid) return -EPERM;
    const state = this.#find(key);
    if (state === undefined) return task.space.writeU32(addr, 0) < 0 ? -EFAULT : 0;
    if (state.owner !== task) return -EINVAL;
    return this.#handOver(key, state, 0);
  }

  /** The word keeps FUTEX_WAITERS, so that the next owner unlocks in the kernel, too. */
  #handOver(key: FutexKey, state: PiState, marks: number): number {
    const next = state.waiters.shift();
    if (next === undefined) return 0;
    const word = (FUTEX_WAITERS | marks | next.task.tid) >>> 0;
    const written = next.task.space.writeU32(next.addr, word);
    state.owner = next.task;
    next.isGranted = true;
    next.queue.wakeAll();
    this.#blockedOn.delete(next.task);
    this.#settle(key, state);
    return written < 0 ? -EFAULT : 0;
  }

  /** A task ends: what it holds and others wait for goes to them, marked FUTEX_OWNER_DIED. */
  ownerEnds(task: Task): void {
    if (this.#states.size === 0) return;
    for (const [owner, byOffset] of [...this.#states])
      for (const [offset, state] of [...byOffset])
        if (state.owner === task) this.#handOver({ owner, offset }, state, FUTEX_OWNER_DIED);
  }
}
