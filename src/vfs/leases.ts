/**
 * File leases (fcntl(2), F_SETLEASE): whoever holds one is told, and given time, before another
 * opens or truncates the file. One object an inode, made when the first lease is asked for.
 */

import { EAGAIN } from '../abi/errno.table.ts';
import { F_RDLCK, F_UNLCK, F_WRLCK } from '../abi/file-flags.ts';
import { WaitQueue } from '../base/wait-queue.ts';
import type { OpenFile } from './open-file.ts';

const NS_PER_SEC = 1e9;

/** What leases need of the kernel. */
export interface LeaseHost {
  nowNs(): number;
  /** Sends the signal that the holder chose (F_SETSIG), SIGIO else. */
  tell(file: OpenFile, fd: number): void;
}

interface Lease {
  readonly file: OpenFile;
  /** The descriptor that the signal names. */
  readonly fd: number;
  /** F_RDLCK or F_WRLCK. */
  type: number;
  /** What the holder was asked to come down to: F_RDLCK or F_UNLCK; undefined: nothing. */
  target: number | undefined;
  deadlineNs: number;
}

export class InodeLeases {
  #leases: Lease[] = [];
  /** Woken when a lease was given up or weakened. */
  readonly changed: WaitQueue = new WaitQueue();

  /** F_GETLEASE: what `file` holds, or will after the break that is under way. */
  typeOf(file: OpenFile, host: LeaseHost): number {
    this.#expire(host.nowNs());
    const lease = this.#of(file);
    return lease === undefined ? F_UNLCK : (lease.target ?? lease.type);
  }

  /** F_SETLEASE, after the checks of the file itself. 0 or -EAGAIN. */
  set(file: OpenFile, fd: number, type: number, host: LeaseHost): number {
    this.#expire(host.nowNs());
    const own = this.#of(file);
    if (type === F_UNLCK) {
      if (own === undefined) return -EAGAIN;
      this.drop(file);
      return 0;
    }
    for (const other of this.#leases)
      if (other !== own && (type === F_WRLCK || other.target === F_UNLCK)) return -EAGAIN;
    if (own === undefined) this.#leases.push({ file, fd, type, target: undefined, deadlineNs: 0 });
    else {
      own.type = type;
      own.target = undefined;
      this.changed.wakeAll();
    }
    return 0;
  }

  /** The last close gives a lease up. */
  drop(file: OpenFile): void {
    this.#leases = this.#leases.filter((lease) => lease.file !== file);
    this.changed.wakeAll();
  }

  /**
   * Somebody opens the file, or changes its size: asks the holders in the way to come down
   * (`__break_lease`). True while one is still in the way.
   */
  isInTheWay(writes: boolean, host: LeaseHost, breakSec: number): boolean {
    const now = host.nowNs();
    this.#expire(now);
    let isBlocked = false;
    const target = writes ? F_UNLCK : F_RDLCK;
    for (const lease of this.#leases) {
      if (!writes && lease.type === F_RDLCK) continue;
      isBlocked = true;
      if (lease.target === F_UNLCK || lease.target === target) continue;
      lease.target = target;
      lease.deadlineNs = now + breakSec * NS_PER_SEC;
      host.tell(lease.file, lease.fd);
    }
    return isBlocked;
  }

  /** When the next holder's time is over; Infinity when none was asked. */
  get deadlineNs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { target, deadlineNs } of this.#leases)
      if (target !== undefined) next = Math.min(next, deadlineNs);
    return next;
  }

  #of(file: OpenFile): Lease | undefined {
    return this.#leases.find((lease) => lease.file === file);
  }

  /** Holders that did not answer in time come down all the same. */
  #expire(nowNs: number): void {
    for (const lease of [...this.#leases]) {
      if (lease.target === undefined || nowNs < lease.deadlineNs) continue;
      if (lease.target === F_UNLCK) this.drop(lease.file);
      else {
        lease.type = lease.target;
        lease.target = undefined;
        this.changed.wakeAll();
      }
    }
  }
}
