/**
 * Locks of an inode: POSIX and open-file-description record locks (fcntl_locking(2)), and
 * flock(2). One object an inode, made when the first lock is asked for.
 */

import { EAGAIN } from '../abi/errno.table.ts';
import { F_UNLCK, F_WRLCK } from '../abi/file-flags.ts';
import { WaitQueue } from '../base/wait-queue.ts';

/** Who holds a lock: a process's descriptor table (POSIX), or an open file (OFD, flock). */
export type LockOwner = object;

export interface RecordLock {
  /** F_RDLCK or F_WRLCK. */
  type: number;
  start: number;
  /** Exclusive; LOCK_END for "to the end of the file, however it grows". */
  end: number;
  owner: LockOwner;
  /** What F_GETLK shows: a process id, -1 for open-file-description locks. */
  pid: number;
}

/** What a sleeping owner wants, for finding circles. */
export interface LockWait {
  readonly locks: InodeLocks;
  readonly wish: RecordLock;
}

export const LOCK_END: number = Number.MAX_SAFE_INTEGER;

export class InodeLocks {
  /** Sorted by start. */
  records: RecordLock[] = [];
  readonly #flocks = new Map<LockOwner, number>();
  /** Woken when a lock was given up or weakened. */
  readonly released = new WaitQueue();

  /** The first lock that stands against the wish, or undefined. */
  conflict(wish: RecordLock): RecordLock | undefined {
    for (const held of this.records) {
      if (held.start >= wish.end) break;
      if (held.owner === wish.owner || held.end <= wish.start) continue;
      if (held.type === F_WRLCK || wish.type === F_WRLCK) return held;
    }
    return undefined;
  }

  /** What F_GETLK and F_OFD_GETLK tell: with F_UNLCK the first lock of the asker's own. */
  blocking(wish: RecordLock): RecordLock | undefined {
    if (wish.type !== F_UNLCK) return this.conflict(wish);
    return this.records.find(
      ({ owner, start, end }) => owner === wish.owner && start < wish.end && end > wish.start,
    );
  }

  /** Sets, changes or (F_UNLCK) gives up a range. 0 or -EAGAIN. */
  setRecord(wish: RecordLock): number {
    if (wish.type !== F_UNLCK && this.conflict(wish) !== undefined) return -EAGAIN;
    const kept: RecordLock[] = [];
    let merged: RecordLock = { ...wish };
    for (const held of this.records) {
      if (held.owner !== wish.owner || held.end < wish.start || held.start > wish.end) {
        kept.push(held);
        continue;
      }
      if (held.type === wish.type) {
        merged = {
          ...merged,
          start: Math.min(merged.start, held.start),
          end: Math.max(merged.end, held.end),
        };
        continue;
      }
      if (held.start < wish.start) kept.push({ ...held, end: Math.min(held.end, wish.start) });
      if (held.end > wish.end) kept.push({ ...held, start: Math.max(held.start, wish.end) });
    }
    if (wish.type !== F_UNLCK) kept.push(merged);
    this.records = kept
      .filter((lock) => lock.start < lock.end)
      .sort((a, b) => a.start - b.start || a.end - b.end);
    if (wish.type !== F_WRLCK) this.released.wakeAll();
    return 0;
  }

  /** Gives up every record lock of an owner: close(2) of any descriptor of the file. */
  dropRecords(owner: LockOwner): void {
    if (!this.records.some((lock) => lock.owner === owner)) return;
    this.records = this.records.filter((lock) => lock.owner !== owner);
    this.released.wakeAll();
  }

  /** flock(2): `type` is F_RDLCK, F_WRLCK or F_UNLCK. 0 or -EAGAIN. */
  setFlock(owner: LockOwner, type: number): number {
    if (type === F_UNLCK) {
      if (this.#flocks.delete(owner)) this.released.wakeAll();
      return 0;
    }
    const before = this.#flocks.get(owner);
    if (before === type) return 0;
    // flock(2): a conversion first gives up what is held, and may lose it.
    if (before !== undefined) {
      this.#flocks.delete(owner);
      this.released.wakeAll();
    }
    for (const held of this.#flocks.values())
      if (held === F_WRLCK || type === F_WRLCK) return -EAGAIN;
    this.#flocks.set(owner, type);
    return 0;
  }

  hasFlock(owner: LockOwner): boolean {
    return this.#flocks.has(owner);
  }

  get isEmpty(): boolean {
    return this.records.length === 0 && this.#flocks.size === 0;
  }

  get flocks(): ReadonlyMap<LockOwner, number> {
    return this.#flocks;
  }
}
