/**
 * How long a turn lasts before the running task is asked whether others want to run. A tick costs the
 * task some hundred microseconds, and as long as nobody waits for the processor, for a time or for
 * the host it changes nothing: then ticks are rare. The first in whose favour one would be brings the
 * frequent ones back at once.
 */

import type { Kernel } from './kernel.ts';
import { RLIMIT } from './limits.ts';
import type { Task } from './task.ts';

/** Microseconds of CPU time; the host's own clock ticks every 4 ms on most machines (CONFIG_HZ). */
const SHORT_TURN_US = 1000;
/** What a key or a signal of the host waits for at worst. */
const LONG_TURN_US = 20_000;
/**
 * The first: in it most programs start, or are over. Its tick would load the translator for what a
 * unit that was kept does not say of itself (20 ms).
 */
const FIRST_TURN_US = 400_000;

export class TurnLength {
  readonly #kernel: Kernel;
  #periodUs = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    kernel.scheduler.onQueued = () => this.shorten();
    kernel.timers.onArmed = () => this.shorten();
  }

  /** Guests begin to run, as yet one of them. */
  begin(): void {
    this.#set(FIRST_TURN_US);
  }

  end(): void {
    this.#kernel.platform.setTick(0);
  }

  /** Somebody waits from now on. */
  shorten(): void {
    if (this.#periodUs > SHORT_TURN_US && this.#kernel.current !== undefined)
      this.#set(SHORT_TURN_US);
  }

  /** `task` ran until a tick came. */
  wasPreempted(task: Task): void {
    const periodUs = this.#nobodyWaits(task) ? LONG_TURN_US : SHORT_TURN_US;
    if (periodUs !== this.#periodUs) this.#set(periodUs);
  }

  #nobodyWaits({ group }: Task): boolean {
    const { scheduler, timers, host } = this.#kernel;
    return (
      scheduler.isEmpty &&
      !scheduler.isRandom &&
      timers.nextDeadlineNs === undefined &&
      !host.hasPendingIo &&
      host.sockets?.isActive !== true &&
      group.timers?.countCpu !== true &&
      group.cpuTimers.size === 0 &&
      group.limits.soft[RLIMIT.CPU] === Number.POSITIVE_INFINITY
    );
  }

  #set(periodUs: number): void {
    this.#periodUs = periodUs;
    this.#kernel.platform.setTick(periodUs);
  }
}
