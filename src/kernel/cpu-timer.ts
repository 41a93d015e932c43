/** An interval timer that runs on the processor time of a process: ITIMER_VIRTUAL, ITIMER_PROF. */

export class CpuTimer {
  readonly #fired: () => void;
  intervalNs = 0;
  /** Processor time until the next expiry, 0 when disarmed. */
  remainingNs = 0;

  constructor(fired: () => void) {
    this.#fired = fired;
  }

  armAfter(valueNs: number, intervalNs: number): void {
    this.remainingNs = valueNs === Number.POSITIVE_INFINITY ? 0 : valueNs;
    this.intervalNs = intervalNs;
  }

  disarm(): void {
    this.remainingNs = 0;
    this.intervalNs = 0;
  }

  /** The process ran for `ns`; goes off at most once. */
  charge(ns: number): void {
    if (this.remainingNs === 0) return;
    this.remainingNs -= ns;
    if (this.remainingNs > 0) return;
    const late = -this.remainingNs;
    this.remainingNs = this.intervalNs === 0 ? 0 : this.intervalNs - (late % this.intervalNs);
    this.#fired();
  }
}
