/**
 * Wait queues: who waits for an event, and how it hears of it. No promises, no allocation on wake.
 * A waiter registers entries and re-checks its condition when woken; an entry stays registered
 * until it is removed. Owned by whatever can become ready: pipes, sockets, processes, futexes.
 */

/** Something that waits. `events` are `POLL*` bits that may have changed; all bits when unknown. */
export interface Waiter {
  /** Must not run guest code or block. True when an exclusive wake-up was consumed. */
  onWake(events: number, queue: WaitQueue): boolean;
}

/** One registration of a waiter on a queue. Reusable: add it again after removing it. */
export class WaitEntry {
  queue: WaitQueue | undefined = undefined;
  previous: WaitEntry | undefined = undefined;
  next: WaitEntry | undefined = undefined;
  exclusive = false;
  readonly waiter: Waiter;

  constructor(waiter: Waiter) {
    this.waiter = waiter;
  }
}

export const ALL_EVENTS = ~0;

export class WaitQueue {
  #first: WaitEntry | undefined = undefined;
  #last: WaitEntry | undefined = undefined;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** Entries are woken in the order in which they were added. */
  add(entry: WaitEntry, exclusive = false): void {
    if (entry.queue !== undefined) entry.queue.remove(entry);
    entry.queue = this;
    entry.exclusive = exclusive;
    entry.previous = this.#last;
    entry.next = undefined;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
  }

  /** Does nothing when the entry is not on this queue. */
  remove(entry: WaitEntry): void {
    if (entry.queue !== this) return;
    if (entry.previous === undefined) this.#first = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === undefined) this.#last = entry.previous;
    else entry.next.previous = entry.previous;
    entry.queue = undefined;
    entry.previous = undefined;
    entry.next = undefined;
  }

  /**
   * Wakes every shared waiter, and exclusive waiters until `exclusiveCount` of them consumed the
   * event. Waiters may remove their own entry meanwhile.
   */
  wake(events: number = ALL_EVENTS, exclusiveCount = 1): void {
    let remaining = exclusiveCount;
    let entry = this.#first;
    while (entry !== undefined) {
      const next: WaitEntry | undefined = entry.next;
      if (!entry.exclusive) entry.waiter.onWake(events, this);
      else if (remaining > 0 && entry.waiter.onWake(events, this)) remaining--;
      entry = next;
    }
  }

  /** Wakes every waiter, exclusive or not. */
  wakeAll(events: number = ALL_EVENTS): void {
    this.wake(events, Number.POSITIVE_INFINITY);
  }
}
