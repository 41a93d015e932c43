/** A set of signals 1 … 64 as two 32-bit halves: no BigInt on the way of a system call. */

import { SIGKILL, SIGSTOP } from '../../abi/signal.table.ts';

export class SignalSet {
  lo: number;
  hi: number;

  constructor(lo = 0, hi = 0) {
    this.lo = lo | 0;
    this.hi = hi | 0;
  }

  static of(...signals: readonly number[]): SignalSet {
    const set = new SignalSet();
    for (const signal of signals) set.add(signal);
    return set;
  }

  has(signal: number): boolean {
    return signal <= 32
      ? (this.lo & (1 << (signal - 1))) !== 0
      : (this.hi & (1 << (signal - 33))) !== 0;
  }

  add(signal: number): void {
    if (signal <= 32) this.lo |= 1 << (signal - 1);
    else this.hi |= 1 << (signal - 33);
  }

  delete(signal: number): void {
    if (signal <= 32) this.lo &= ~(1 << (signal - 1));
    else this.hi &= ~(1 << (signal - 33));
  }

  copyFrom(other: SignalSet): void {
    this.lo = other.lo;
    this.hi = other.hi;
  }

  clone(): SignalSet {
    return new SignalSet(this.lo, this.hi);
  }

  union(other: SignalSet): void {
    this.lo |= other.lo;
    this.hi |= other.hi;
  }

  get isEmpty(): boolean {
    return (this.lo | this.hi) === 0;
  }

  /** SIGKILL and SIGSTOP can be neither blocked nor waited for. */
  withoutUnblockable(): this {
    this.delete(SIGKILL);
    this.delete(SIGSTOP);
    return this;
  }

  toBigInt(): bigint {
    return (BigInt(this.hi >>> 0) << 32n) | BigInt(this.lo >>> 0);
  }
}
