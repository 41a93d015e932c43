/**
 * Pending signals of a thread or a process: standard signals once, real-time signals queued
 * (signal(7)). Lower numbers are delivered first, synchronous faults before all others.
 */

import { SIGRTMIN } from '../../abi/signal.table.ts';
import type { SignalInfo } from './signal-info.ts';
import { SignalSet } from './signal-set.ts';

/** SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS: `SYNCHRONOUS_MASK`. */
const SYNCHRONOUS_LO =
  (1 << (11 - 1)) | (1 << (7 - 1)) | (1 << (4 - 1)) | (1 << (5 - 1)) | (1 << (8 - 1)) | (1 << 30);

export class PendingSignals {
  readonly set: SignalSet = new SignalSet();
  #queue: SignalInfo[] = [];

  get queuedCount(): number {
    return this.#queue.length;
  }

  /** False when a standard signal was pending already, or the queue is full (`limit`). */
  add(info: SignalInfo, limit: number = Number.POSITIVE_INFINITY): boolean {
    const { signal } = info;
    if (signal < SIGRTMIN && this.set.has(signal)) return false;
    if (this.#queue.length >= limit && signal >= SIGRTMIN) return false;
    this.set.add(signal);
    this.#queue.push(info);
    return true;
  }

  /** The queue, the oldest first: PTRACE_PEEKSIGINFO. */
  entries(): readonly SignalInfo[] {
    return this.#queue;
  }

  /** The lowest pending signal outside `blocked`, 0 when there is none. */
  next(blocked: SignalSet): number {
    let lo = this.set.lo & ~blocked.lo;
    if (lo !== 0) {
      const synchronous = lo & SYNCHRONOUS_LO;
      if (synchronous !== 0) lo = synchronous;
      return 32 - Math.clz32(lo & -lo);
    }
    const hi = this.set.hi & ~blocked.hi;
    return hi === 0 ? 0 : 64 - Math.clz32(hi & -hi);
  }

  /** Takes one `signal` out of the queue. */
  take(signal: number): SignalInfo | undefined {
    if (this.#queue.length === 1 && this.#queue[0]?.signal === signal) {
      this.set.delete(signal);
      return this.#queue.pop();
    }
    const at = this.#queue.findIndex((info) => info.signal === signal);
    if (at < 0) {
      this.set.delete(signal);
      return undefined;
    }
    const [info] = this.#queue.splice(at, 1);
    if (!this.#queue.some((other) => other.signal === signal)) this.set.delete(signal);
    return info;
  }

  /** Takes this very signal out. */
  drop(info: SignalInfo): void {
    const { length } = this.#queue;
    this.#queue = this.#queue.filter((each) => each !== info);
    if (this.#queue.length === length) return;
    if (!this.#queue.some(({ signal }) => signal === info.signal)) this.set.delete(info.signal);
  }

  /** Forgets every pending `signal`: SIG_IGN, SIGCONT against stops. */
  discard(signal: number): void {
    if (!this.set.has(signal)) return;
    this.set.delete(signal);
    this.#queue = this.#queue.filter((info) => info.signal !== signal);
  }

  clear(): void {
    this.set.lo = 0;
    this.set.hi = 0;
    this.#queue = [];
  }
}
