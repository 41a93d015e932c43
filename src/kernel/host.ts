/** What the kernel needs of the outside; implemented in `host/`, by fakes in tests. */

import type { Clock, Entropy, Logger } from '../base/interfaces.ts';

/** What has to be asked for events of the host's sockets: they do not come through the event loop. */
export interface HostSocketService {
  /** There are sockets to be served. */
  readonly isActive: boolean;
  /**
   * Waits up to `timeoutNs` for events and hands them to their sockets. False when the host's event
   * loop wants its turn, too.
   */
  serve(timeoutNs: number): boolean;
}

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
  /** Sockets of the host; undefined where there are none. */
  readonly sockets?: HostSocketService | undefined;
  /** The event loop has had its turn since it was last given something to watch. */
  readonly mayBlock?: boolean;
  /** From now on there is much to do: what it is worth to make fast is made fast sooner. */
  expectWork?(): void;
  /** The event loop gets turns while guests run, whether anything is awaited or not. */
  readonly needsTurns?: boolean;
  /** Host operations are under way that only the event loop can complete. */
  readonly hasPendingIo: boolean;
}
