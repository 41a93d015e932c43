/** What the kernel needs of the outside; implemented in `host/`, by fakes in tests. */

import type { Clock, Entropy, Logger } from '../base/interfaces.ts';

export interface Host {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  /**
   * Lets the host's event loop run: until {@link Host.wake}, or until `timeoutNs` have passed
   * (Infinity: no limit; 0: serve only what is ready). Answers only after I/O callbacks had a turn.
   */
  waitForEvents(timeoutNs: number): Promise<void>;
  /** Something happened (host input, a control request): ends {@link Host.waitForEvents}. */
  wake(): void;
  /** Host operations are under way that only the event loop can complete. */
  readonly hasPendingIo: boolean;
}
