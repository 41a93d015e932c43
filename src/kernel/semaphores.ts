/** System V semaphores (semop(2)): sets of counters, changed all or nothing, undone at exit. */

import {
  EACCES,
  EAGAIN,
  EEXIST,
  EFBIG,
  EIDRM,
  EINVAL,
  ENOENT,
  ENOSPC,
  ERANGE,
} from '../abi/errno.table.ts';
import { IPC, IPC_PRIVATE, SEM_UNDO, SEMMNI, SEMMSL, SEMOPM, SEMVMX } from '../abi/ipc.ts';
import { WaitQueue } from '../base/wait-queue.ts';
import { IpcIds } from './ipc/ids.ts';
import { IpcPermissions } from './ipc/permissions.ts';
import type { Task } from './task.ts';
import type { ThreadGroup } from './thread-group.ts';

export interface SemaphoreOperation {
  readonly index: number;
  readonly change: number;
  readonly flags: number;
}

export class SemaphoreSet {
  readonly id: number;
  readonly key: number;
  readonly values: Int32Array;
  /** Who changed each one last: GETPID. */
  readonly pids: Int32Array;
  /** Sleepers that wait for an increase, and for zero. */
  readonly increaseWaiters: Int32Array;
  readonly zeroWaiters: Int32Array;
  readonly changed: WaitQueue = new WaitQueue();
  readonly undo = new Map<ThreadGroup, Int32Array>();
  readonly permissions: IpcPermissions;
  operationTimeSec = 0;
  changeTimeSec = 0;
  isRemoved = false;

  constructor(task: Task, id: number, key: number, count: number, mode: number) {
    this.id = id;
    this.key = key;
    this.values = new Int32Array(count);
    this.pids = new Int32Array(count);
    this.increaseWaiters = new Int32Array(count);
    this.zeroWaiters = new Int32Array(count);
    this.permissions = new IpcPermissions(task, mode);
  }

  /**
   * Tries all operations at once. 0; -EAGAIN with nothing changed, and the operation that has to
   * wait in `blocker`; or another -errno.
   */
  tryOperate(
    task: Task,
    operations: readonly SemaphoreOperation[],
    blocker: { operation: SemaphoreOperation | undefined },
  ): number {
    if (this.isRemoved) return -EIDRM;
    const before = this.values.slice();
    const fail = (result: number, operation?: SemaphoreOperation): number => {
      this.values.set(before);
      blocker.operation = operation;
      return result;
    };
    for (const operation of operations) {
      const { index, change } = operation;
      const value = this.values[index] as number;
      if (change === 0 ? value !== 0 : value + change < 0) return fail(-EAGAIN, operation);
      if (value + change > SEMVMX) return fail(-ERANGE);
      this.values[index] = value + change;
    }
    for (const { index, change, flags } of operations) {
      this.pids[index] = task.group.pid;
      if ((flags & SEM_UNDO) !== 0 && change !== 0) this.#undoOf(task.group)[index]! -= change;
    }
    if (operations.some(({ change }) => change !== 0)) this.changed.wakeAll();
    return 0;
  }

  #undoOf(group: ThreadGroup): Int32Array {
    let undo = this.undo.get(group);
    if (undo === undefined) {
      undo = new Int32Array(this.values.length);
      this.undo.set(group, undo);
    }
    return undo;
  }

  /** SETVAL and SETALL: what was to be undone is forgotten. */
  setValue(task: Task, index: number, value: number): void {
    this.values[index] = value;
    this.pids[index] = task.group.pid;
    for (const undo of this.undo.values()) undo[index] = 0;
    this.changed.wakeAll();
  }
}

export class Semaphores {
  readonly #sets = new Map<number, SemaphoreSet>();
  readonly #byKey = new Map<number, SemaphoreSet>();
  #used = 0;
  readonly ids = new IpcIds();
  readonly limits = { perSet: SEMMSL, all: SEMMNI * SEMMSL, operations: SEMOPM, sets: SEMMNI };

  get(id: number): SemaphoreSet | undefined {
    return this.#sets.get(id);
  }

  /** Whether something is to be undone when `group` ends. */
  hasUndo(group: ThreadGroup): boolean {
    for (const set of this.#sets.values()) if (set.undo.has(group)) return true;
    return false;
  }

  get count(): number {
    return this.#sets.size;
  }

  /** Semaphores of all sets. */
  get used(): number {
    return this.#used;
  }

  get highestId(): number {
    let highest = 0;
    for (const id of this.#sets.keys()) highest = Math.max(highest, id);
    return highest;
  }

  all(): SemaphoreSet[] {
    return [...this.#sets.values()];
  }

  /** semget(2): the id, or -errno. */
  open(task: Task, key: number, count: number, flags: number): number {
    const known = key === IPC_PRIVATE ? undefined : this.#byKey.get(key);
    if (count < 0 || count > this.limits.perSet) return -EINVAL;
    if (known === undefined) {
      if (key !== IPC_PRIVATE && (flags & IPC.IPC_CREAT) === 0) return -ENOENT;
      if (count === 0) return -EINVAL;
      if (this.#sets.size >= this.limits.sets) return -ENOSPC;
      if (this.#used + count > this.limits.all) return -ENOSPC;
      const set = new SemaphoreSet(task, this.ids.allocate(this.#sets), key, count, flags & 0o777);
      this.#sets.set(set.id, set);
      this.#used += count;
      if (key !== IPC_PRIVATE) this.#byKey.set(key, set);
      return set.id;
    }
    if ((flags & IPC.IPC_CREAT) !== 0 && (flags & IPC.IPC_EXCL) !== 0) return -EEXIST;
    if (count > known.values.length) return -EINVAL;
    const wanted = (flags | (flags >> 3) | (flags >> 6)) & 7;
    return known.permissions.permits(task, wanted) ? known.id : -EACCES;
  }

  /** IPC_RMID: everybody who sleeps on it hears EIDRM. */
  remove(set: SemaphoreSet): void {
    if (this.#byKey.get(set.key) === set) this.#byKey.delete(set.key);
    if (this.#sets.delete(set.id)) this.#used -= set.values.length;
    set.isRemoved = true;
    set.changed.wakeAll();
  }

  /** A process ended: SEM_UNDO. */
  undoFor(group: ThreadGroup): void {
    for (const set of this.#sets.values()) {
      const undo = set.undo.get(group);
      if (undo === undefined) continue;
      set.undo.delete(group);
      for (let i = 0; i < undo.length; i++) {
        const value = (set.values[i] as number) + (undo[i] as number);
        set.values[i] = Math.max(0, Math.min(value, SEMVMX));
        if (undo[i] !== 0) set.pids[i] = group.pid;
      }
      set.changed.wakeAll();
    }
  }
}

/** An index outside of the set. */
export const BAD_INDEX: number = -EFBIG;
