/**
 * Timestamps of files without BigInt: the two halves of a timespec. Linux stamps files with the
 * time of the last tick; so does this clock: {@link FileClock.update} reads the real one.
 */

import type { Clock } from '../base/interfaces.ts';

export interface FileClock {
  /** Seconds since the epoch at the last update. */
  readonly sec: number;
  readonly nsec: number;
  /** Reads the time. Called before a stamp is taken; an implementation may skip updates. */
  update(): void;
}

const NS_PER_SEC = 1_000_000_000n;

/** A file clock over the kernel's clock. */
export class RealFileClock implements FileClock {
  sec = 0;
  nsec = 0;
  #clock: Pick<Clock, 'realtimeNs'>;

  constructor(clock: Pick<Clock, 'realtimeNs'>) {
    this.#clock = clock;
    this.update();
  }

  /** Another clock from now on: that of the kernel, which guests may set. */
  follow(clock: Pick<Clock, 'realtimeNs'>): void {
    this.#clock = clock;
    this.update();
  }

  update(): void {
    const now = this.#clock.realtimeNs();
    this.sec = Number(now / NS_PER_SEC);
    this.nsec = Number(now % NS_PER_SEC);
  }
}

/** A clock that a test sets. */
export class FixedFileClock implements FileClock {
  sec: number;
  nsec: number;

  constructor(sec = 1_000_000_000, nsec = 0) {
    this.sec = sec;
    this.nsec = nsec;
  }

  update(): void {
    this.nsec += 1;
  }
}
