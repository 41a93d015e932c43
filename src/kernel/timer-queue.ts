/** Pending timers of a kernel as a binary heap by deadline (monotonic nanoseconds). */

import { assert } from '../base/assert.ts';

/** One timer; armed or not. Reusable. */
export class Timer {
  deadlineNs = 0;
  /** Place in the heap, -1 when not armed. */
  index = -1;
  readonly expired: () => void;

  constructor(expired: () => void) {
    this.expired = expired;
  }

  get isArmed(): boolean {
    return this.index >= 0;
  }
}

export class TimerQueue {
  readonly #heap: Timer[] = [];
  /** Told of every timer that is armed. */
  onArmed: (() => void) | undefined = undefined;

  /** Undefined when nothing is armed. */
  get nextDeadlineNs(): number | undefined {
    return this.#heap[0]?.deadlineNs;
  }

  arm(timer: Timer, deadlineNs: number): void {
    if (timer.isArmed) this.cancel(timer);
    timer.deadlineNs = deadlineNs;
    timer.index = this.#heap.length;
    this.#heap.push(timer);
    this.#up(timer.index);
    this.onArmed?.();
  }

  cancel(timer: Timer): void {
    const at = timer.index;
    if (at < 0) return;
    timer.index = -1;
    const last = this.#heap.pop() as Timer;
    if (last === timer) return;
    assert(at < this.#heap.length, 'timer is in this queue');
    this.#heap[at] = last;
    last.index = at;
    this.#up(at);
    this.#down(last.index);
  }

  /** Fires everything due; handlers may arm and cancel. */
  expire(nowNs: number): void {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.deadlineNs > nowNs) return;
      this.cancel(first);
      first.expired();
    }
  }

  #up(start: number): void {
    let at = start;
    const timer = this.#heap[at] as Timer;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#heap[above] as Timer;
      if (parent.deadlineNs <= timer.deadlineNs) break;
      this.#place(parent, at);
      at = above;
    }
    this.#place(timer, at);
  }

  #down(start: number): void {
    let at = start;
    const timer = this.#heap[at] as Timer;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= this.#heap.length) break;
      const right = this.#heap[below + 1];
      if (right && right.deadlineNs < (this.#heap[below] as Timer).deadlineNs) below++;
      const child = this.#heap[below] as Timer;
      if (timer.deadlineNs <= child.deadlineNs) break;
      this.#place(child, at);
      at = below;
    }
    this.#place(timer, at);
  }

  #place(timer: Timer, at: number): void {
    this.#heap[at] = timer;
    timer.index = at;
  }
}
