/**
 * Futexes (futex(2)). A word is named by its address space and address when it is private, by the
 * memory behind it when it is shared: segment and offset, so that processes that map the same pages
 * meet. Values are compared and waiters queued without a guest instruction in between.
 */

import { EAGAIN, EFAULT, EINTR, EINVAL, ETIMEDOUT } from '../abi/errno.table.ts';
import { WaitQueue } from '../base/wait-queue.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { PiWaiter } from './futex-pi.ts';
import { BLOCKED, ERESTART_RESTARTBLOCK, ERESTARTNOINTR, ERESTARTSYS } from './outcome.ts';
import type { Sleep } from './sleep.ts';
import type { Task } from './task.ts';

/** Identity of a futex word. */
export interface FutexKey {
  readonly owner: object;
  readonly offset: number;
}

export interface FutexWaiter {
  readonly task: Task;
  readonly bitset: number;
  readonly queue: WaitQueue;
  /** Which word it waits on: another one after a requeue. */
  owner: object;
  offset: number;
  isWoken: boolean;
  /** FUTEX_WAIT_REQUEUE_PI: the lock that it waits for in the end. */
  readonly pi?: PiWaiter;
}

/**
 * A wait on one word. Kept by its task for the next one: measured, a fifth of a hand-over was
 * making it and telling the collector about it.
 */
class FutexWait implements FutexWaiter, Sleep {
  readonly task: Task;
  readonly queue: WaitQueue = new WaitQueue();
  readonly queues: readonly WaitQueue[] = [this.queue];
  readonly reason = 'futex_wait_queue';
  readonly #table: FutexTable;
  bitset = 0;
  owner: object;
  offset = 0;
  isWoken = false;
  deadlineNs: number | undefined;

  constructor(task: Task, table: FutexTable) {
    this.task = task;
    this.owner = task;
    this.#table = table;
  }

  attempt(): number {
    return this.isWoken ? this.#end(0) : BLOCKED;
  }

  timedOut(): number {
    return this.#giveUp(-ETIMEDOUT);
  }

  interrupted(): number {
    return this.#giveUp(this.deadlineNs === undefined ? -ERESTARTSYS : -ERESTART_RESTARTBLOCK);
  }

  abandoned(): void {
    this.#giveUp(0);
  }

  #giveUp(result: number): number {
    this.#table.remove(this);
    return this.#end(result);
  }

  /** Keeps no address space alive. */
  #end(result: number): number {
    this.owner = this.task;
    return result;
  }
}

/** Words that nobody waits on any more keep their lists, so many of an owner. */
const KEPT_LISTS = 64;

export class FutexTable {
  /** By owner, then by offset: waiters in the order in which they came. */
  readonly #waiters = new WeakMap<object, Map<number, FutexWaiter[]>>();

  #list(key: FutexKey): FutexWaiter[] | undefined {
    return this.#waiters.get(key.owner)?.get(key.offset);
  }

  #insert(waiter: FutexWaiter): void {
    const { owner, offset } = waiter;
    let byOffset = this.#waiters.get(owner);
    if (byOffset === undefined) {
      byOffset = new Map();
      this.#waiters.set(owner, byOffset);
    }
    const list = byOffset.get(offset);
    if (list !== undefined) {
      list.push(waiter);
      return;
    }
    if (byOffset.size >= KEPT_LISTS)
      for (const [at, { length }] of byOffset) if (length === 0) byOffset.delete(at);
    byOffset.set(offset, [waiter]);
  }

  remove(waiter: FutexWaiter): void {
    const list = this.#list(waiter);
    if (list !== undefined) removeFrom(list, waiter);
  }

  /** Waits until woken; the word was found equal to what the caller expects. */
  wait(task: Task, key: FutexKey, bitset: number, deadlineNs: number | undefined): number {
    const { futexWait } = task;
    const waiter = futexWait instanceof FutexWait ? futexWait : new FutexWait(task, this);
    task.futexWait = waiter;
    waiter.bitset = bitset;
    waiter.owner = key.owner;
    waiter.offset = key.offset;
    waiter.isWoken = false;
    waiter.deadlineNs = deadlineNs;
    this.#insert(waiter);
    return task.sleep(waiter);
  }

  /** Waits for the first of several words: its index. */
  waitForAny(
    task: Task,
    words: readonly { readonly key: FutexKey; readonly bitset: number }[],
    deadlineNs: number | undefined,
  ): number {
    const queue = new WaitQueue();
    const waiters = words.map(({ key: { owner, offset }, bitset }) => ({
      ...{ task, bitset, queue, owner, offset, isWoken: false },
    }));
    for (const waiter of waiters) this.#insert(waiter);
    const end = (result: number) => {
      for (const waiter of waiters) this.remove(waiter);
      return result;
    };
    return task.sleep({
      queues: [queue],
      attempt: () => {
        const woken = waiters.findIndex(({ isWoken }) => isWoken);
        return woken < 0 ? BLOCKED : end(woken);
      },
      ...(deadlineNs === undefined ? {} : { deadlineNs }),
      timedOut: () => end(-ETIMEDOUT),
      interrupted: () => end(deadlineNs === undefined ? -ERESTARTSYS : -EINTR),
      abandoned: () => end(0),
      reason: 'futex_wait_multiple',
    });
  }

  /** Waits until FUTEX_CMP_REQUEUE_PI has made the task owner of `pi`'s lock. */
  waitForRequeue(task: Task, key: FutexKey, pi: PiWaiter, deadlineNs: number | undefined): number {
    const waiter: FutexWaiter = {
      ...{ task, bitset: -1, queue: pi.queue, owner: key.owner, offset: key.offset },
      ...{ isWoken: false, pi },
    };
    this.#insert(waiter);
    const giveUp = (result: number) => () => {
      this.remove(waiter);
      task.kernel.piFutexes.remove(pi);
      return result;
    };
    return task.sleep({
      queues: [pi.queue],
      attempt: () => (pi.isGranted ? 0 : BLOCKED),
      ...(deadlineNs === undefined ? {} : { deadlineNs }),
      timedOut: giveUp(-ETIMEDOUT),
      // One that waits for the lock already leaves it to its program to try again.
      interrupted: () => giveUp(pi.isMoved ? -EAGAIN : -ERESTARTNOINTR)(),
      abandoned: giveUp(0),
      reason: 'futex_wait_requeue_pi',
    });
  }

  /** Who waits on `key`, in the order of arrival. */
  waitersOf(key: FutexKey): readonly FutexWaiter[] {
    return [...(this.#list(key) ?? [])];
  }

  /** It waits for its lock from now on. */
  leaveForLock(waiter: FutexWaiter): void {
    if (waiter.pi !== undefined) waiter.pi.isMoved = true;
    this.remove(waiter);
  }

  /** Wakes at most `count` waiters whose bits meet `bitset`; how many. */
  wake(key: FutexKey, count: number, bitset: number): number {
    const list = this.#list(key);
    if (list === undefined) return 0;
    let woken = 0;
    for (let i = 0; i < list.length && woken < count; ) {
      const waiter = list[i] as FutexWaiter;
      if (waiter.pi !== undefined) return -EINVAL;
      if ((waiter.bitset & bitset) === 0) {
        i++;
        continue;
      }
      removeFrom(list, waiter);
      waiter.isWoken = true;
      waiter.queue.wakeAll();
      woken++;
    }
    return woken;
  }

  /** Moves at most `count` waiters to another word; how many. */
  requeue(from: FutexKey, to: FutexKey, count: number): number {
    const list = this.#list(from);
    if (list === undefined) return 0;
    const moved = list.slice(0, count);
    for (const waiter of moved) {
      this.remove(waiter);
      waiter.owner = to.owner;
      waiter.offset = to.offset;
      this.#insert(waiter);
    }
    return moved.length;
  }
}

/** measured: splice() is a call into the runtime; mostly one waits alone. */
function removeFrom(list: FutexWaiter[], waiter: FutexWaiter): void {
  const at = list.indexOf(waiter);
  if (at === list.length - 1) list.pop();
  else if (at >= 0) list.splice(at, 1);
}

/** The name of the word at `addr`, or -errno. */
export function futexKey(space: AddressSpace, addr: number, isPrivate: boolean): FutexKey | number {
  if (addr % 4 !== 0) return -EINVAL;
  if (addr >= 0x1_0000_0000) return -EFAULT;
  if (isPrivate) return { owner: space, offset: addr };
  const area = space.areaAt(addr);
  if (area === undefined) return -EFAULT;
  if (!area.shared) return { owner: space, offset: addr };
  return space.sharedIdentity(addr) ?? { owner: space, offset: addr };
}

/** Reads the word; undefined when it cannot be read (EFAULT). */
export function futexWord(space: AddressSpace, addr: number): number | undefined {
  return space.readI32(addr);
}

/** The word differs from what the waiter expects. */
export const FUTEX_CHANGED: number = -EAGAIN;
