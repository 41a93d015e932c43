/**
 * How much of a turn was processor time: on a busy machine the host may run something else in the
 * middle of it. The clock of the host's processor time costs a system call, so it is asked once a
 * millisecond at most, and for long turns; shorter ones count as they are.
 */

import type { Clock } from '../base/interfaces.ts';

const GRAIN_NS = 1_000_000;

export class ProcessorTime {
  readonly #clock: Clock;
  /** When the clock was asked last, and what it said. */
  #askedAtNs = Number.NEGATIVE_INFINITY;
  #cpuNs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Before a turn. */
  begin(nowNs: number): void {
    if (nowNs - this.#askedAtNs > GRAIN_NS) this.#ask(nowNs);
  }

  /** Of the `elapsedNs` of a turn that ended at `nowNs`: not more than all of the host's threads had. */
  of(elapsedNs: number, nowNs: number): number {
    if (elapsedNs <= GRAIN_NS) return elapsedNs;
    const before = this.#cpuNs;
    this.#ask(nowNs);
    return amount(elapsedNs, this.#cpuNs - before);
  }

  /** The same of a turn under way: what it gives never goes back, nor does `of` give less later. */
  soFar(elapsedNs: number): number {
    if (elapsedNs <= GRAIN_NS) return elapsedNs;
    return amount(elapsedNs, this.#clock.processorNs() - this.#cpuNs);
  }

  #ask(nowNs: number): void {
    this.#askedAtNs = nowNs;
    this.#cpuNs = this.#clock.processorNs();
  }
}

/** The first part of a turn counts as it is, so that a clock that was read in it need not go back. */
const amount = (elapsedNs: number, cpuNs: number): number =>
  Math.max(GRAIN_NS, Math.min(elapsedNs, cpuNs));
