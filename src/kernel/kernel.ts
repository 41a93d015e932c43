/** The kernel instance: everything that outlives a task. No module state: several can live. */

import type { Clock, Entropy, Logger } from '../base/interfaces.ts';

export interface Kernel {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  /** CLOCK_MONOTONIC in nanoseconds as a number: for deadlines. */
  nowNs(): number;
}
