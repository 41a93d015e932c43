/**
 * An interval timer that runs on processor time: ITIMER_VIRTUAL, ITIMER_PROF, and POSIX timers on
 * CPU-time clocks. Whoever accounts the time charges it.
 */

export class CpuTimer {
  readonly #fired: () => void;
  readonly #armed: () => void;
  /** What of it is charged: one thread, or undefined for all of a process. */
  readonly thread: object | undefined;
  intervalNs = 0;
  /** Processor time until the next expiry, 0 when disarmed. */
  remainingNs = 0;
  /** Periods beyond the first that the last charge took. */
  missed = 0;

  constructor(fired: () => void, armed: () => void, thread?: object) {
    this.#fired = fired;
    this.#armed = armed;
    this.thread = thread;
  }

  /** `unchargedNs`: of the turn under way, which will be charged as a whole. */
  armAfter(valueNs: number, intervalNs: number, unchargedNs: number): void {
    this.remainingNs = valueNs === Number.POSITIVE_INFINITY ? 0 : valueNs + unchargedNs;
    this.intervalNs = intervalNs;
    if (this.isArmed) this.#armed();
  }

  get isArmed(): boolean {
    return this.remainingNs > 0;
  }

  disarm(): void {
    this.remainingNs = 0;
    this.intervalNs = 0;
  }

  /** Processor time of `ns` passed; goes off at most once. */
  charge(ns: number): void {
    if (this.remainingNs === 0) return;
    this.remainingNs -= ns;
    if (this.remainingNs > 0) return;
    const late = -this.remainingNs;
    const { intervalNs } = this;
    this.missed = intervalNs === 0 ? 0 : Math.floor(late / intervalNs);
    this.remainingNs = intervalNs === 0 ? 0 : intervalNs - (late % intervalNs);
    this.#fired();
  }
}
