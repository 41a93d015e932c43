/**
 * A timer that may repeat, as setitimer(2), timer_settime(2) and timerfd_settime(2) know it: next
 * expiry, interval, and how often it went off since someone looked.
 */

import type { GuestClock, WallFollower } from './guest-clock.ts';
import { Timer, type TimerQueue } from './timer-queue.ts';

export class IntervalTimer implements WallFollower {
  readonly #queue: TimerQueue;
  readonly #now: () => number;
  readonly #timer: Timer;
  readonly #fired: () => void;
  #wall: GuestClock | undefined;
  intervalNs = 0;

  /** `fired` is called at each expiry. */
  constructor(queue: TimerQueue, now: () => number, fired: () => void) {
    this.#queue = queue;
    this.#now = now;
    this.#fired = fired;
    this.#timer = new Timer(() => this.#expire());
  }

  get isArmed(): boolean {
    return this.#timer.isArmed;
  }

  /** Time until the next expiry, 0 when disarmed. */
  get remainingNs(): number {
    return this.#timer.isArmed ? Math.max(1, this.#timer.deadlineNs - this.#now()) : 0;
  }

  /** With `wall`, the deadline is a time of CLOCK_REALTIME, and moves when that is set. */
  arm(deadlineNs: number, intervalNs: number, wall?: GuestClock): void {
    this.intervalNs = intervalNs;
    this.#follow(wall);
    if (deadlineNs === Number.POSITIVE_INFINITY) this.#queue.cancel(this.#timer);
    else this.#queue.arm(this.#timer, deadlineNs);
  }

  /** From now on. */
  armAfter(valueNs: number, intervalNs: number): void {
    this.arm(this.#now() + valueNs, intervalNs);
  }

  clockMoved(byNs: number): void {
    if (this.#timer.isArmed) this.#queue.arm(this.#timer, this.#timer.deadlineNs - byNs);
  }

  #follow(wall: GuestClock | undefined): void {
    if (this.#wall === wall) return;
    this.#wall?.followers.delete(this);
    this.#wall = wall;
    wall?.followers.add(this);
  }

  disarm(): void {
    this.intervalNs = 0;
    this.#follow(undefined);
    this.#queue.cancel(this.#timer);
  }

  /** Expires what is due by now, though the queue has not come to it yet. */
  fireDue(): void {
    if (!this.#timer.isArmed || this.#timer.deadlineNs > this.#now()) return;
    this.#queue.cancel(this.#timer);
    this.#expire();
  }

  /** Periods that have passed since the last expiry without a call of `fired`. */
  missed = 0;

  #expire(): void {
    if (this.intervalNs > 0) {
      const now = this.#now();
      const late = Math.floor((now - this.#timer.deadlineNs) / this.intervalNs);
      this.missed = Math.max(0, late);
      this.#queue.arm(this.#timer, this.#timer.deadlineNs + (this.missed + 1) * this.intervalNs);
    } else {
      this.missed = 0;
      this.#follow(undefined);
    }
    this.#fired();
  }
}
