/**
 * The clocks of one instance: those of the host, of which clock_settime(2) and adjtimex(2) may set
 * CLOCK_REALTIME for the guests of this instance. Nothing else follows it: what trusts in time
 * (appraisal, TLS) asks the host's clock.
 */

import type { Clock } from '../base/interfaces.ts';

/** Hears when CLOCK_REALTIME is set: timers that wait for a time of it. */
export interface WallFollower {
  /** It went forward by `byNs` (back, if negative), beside what passed. */
  clockMoved(byNs: number): void;
}

/** What adjtimex(2) keeps. Deviation: nothing is steered by it. */
export interface NtpState {
  offset: bigint;
  /** Parts per million × 2^16. */
  frequency: bigint;
  maxErrorUs: bigint;
  estimatedErrorUs: bigint;
  /** STA_* bits. */
  status: number;
  timeConstant: bigint;
  tickUs: bigint;
  taiOffsetSec: number;
}

export class GuestClock implements Clock {
  readonly #host: Clock;
  #offsetNs = 0n;
  readonly followers = new Set<WallFollower>();
  readonly ntp: NtpState = {
    offset: 0n,
    frequency: 0n,
    maxErrorUs: 16_000_000n,
    estimatedErrorUs: 16_000_000n,
    status: 0x40,
    timeConstant: 2n,
    tickUs: 10_000n,
    taiOffsetSec: 0,
  };
  /** settimeofday(2): kept and told, as on Linux. */
  timezone = { minutesWest: 0, dstTime: 0 };

  constructor(host: Clock) {
    this.#host = host;
  }

  monotonicNs(): bigint {
    return this.#host.monotonicNs();
  }

  nowNs(): number {
    return this.#host.nowNs();
  }

  processorNs(): number {
    return this.#host.processorNs();
  }

  realtimeNs(): bigint {
    return this.#host.realtimeNs() + this.#offsetNs;
  }

  /** Moves CLOCK_REALTIME; who waits for a time of it hears of it. */
  move(byNs: bigint): void {
    this.#offsetNs += byNs;
    for (const follower of [...this.followers]) follower.clockMoved(Number(byNs));
  }
}
