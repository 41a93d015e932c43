/** The kernel's {@link Host} over Node.js: clocks, entropy, the event loop. */

import type { Clock, Entropy, Logger } from '../base/interfaces.ts';
import type { Host, HostSocketService } from '../kernel/host.ts';

const NS_PER_MS = 1_000_000;
/** setTimeout takes 32 bits of milliseconds. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
/** measured: setTimeout wakes up to a millisecond late; the rest is slept exactly. */
const EXACT_MS = 1.5;

export interface NodeHostParts {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
}

export class NodeHost implements Host {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  sockets: HostSocketService | undefined = undefined;
  #pendingCount = 0;
  /** What libuv was told to watch is in its epoll set only after a turn of the loop. */
  #owesTurn = true;
  #wakeUp: (() => void) | undefined;
  #wasWoken = false;
  readonly #sleepCell = new Int32Array(new SharedArrayBuffer(4));

  constructor(parts: NodeHostParts) {
    this.clock = parts.clock;
    this.entropy = parts.entropy;
    this.logger = parts.logger;
  }

  get hasPendingIo(): boolean {
    return this.#pendingCount > 0;
  }

  /** Host input is awaited (+1), or came (−1). */
  readonly countPending = (change: 1 | -1): void => {
    this.#pendingCount += change;
    this.#owesTurn = true;
    if (change === -1) this.wake();
  };

  get mayBlock(): boolean {
    return !this.#owesTurn && !this.#wasWoken;
  }

  wake(): void {
    this.#wasWoken = true;
    this.#wakeUp?.();
  }

  waitForEvents(timeoutNs: number): Promise<void> {
    const ms = timeoutNs / NS_PER_MS;
    if (this.#wasWoken || ms <= 0) return this.#yield();
    if (ms <= EXACT_MS && this.#pendingCount === 0) {
      Atomics.wait(this.#sleepCell, 0, 0, ms);
      return this.#yield();
    }
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const done = () => {
        clearTimeout(timer);
        this.#wakeUp = undefined;
        this.#wasWoken = false;
        resolve();
      };
      this.#wakeUp = done;
      // Without a deadline the timer only keeps the event loop alive.
      timer = setTimeout(done, Math.min(MAX_TIMEOUT_MS, Math.max(1, Math.floor(ms - 1))));
    });
  }

  /** Lets every callback that is ready have its turn. */
  #yield(): Promise<void> {
    this.#wasWoken = false;
    return new Promise((resolve) =>
      setImmediate(() => {
        this.#owesTurn = false;
        resolve();
      }),
    );
  }
}
