/** The kernel's {@link Host} over Node.js: clocks, entropy, the event loop. */

import type { Clock, Entropy, Logger } from '../base/interfaces.ts';
import type { Host, HostSocketService } from '../kernel/host.ts';

const NS_PER_MS = 1_000_000;
/** setTimeout takes 32 bits of milliseconds. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
/** measured: setTimeout wakes up to a millisecond late; the rest is slept exactly. */
const EXACT_MS = 1.5;

/** Of the launcher (bin/cloister); what it names is the pinned Node.js, whose options are known. */
const PATIENCE = '--invocation-count-for-maglev=';
/**
 * measured: what a process creation runs is called once or a few times for each, so that a thousand
 * ran unoptimised code; V8 itself waits for 400 calls, and for 500 after it has seen something new.
 */
const IMPATIENCE = [`${PATIENCE}50`, '--minimum-invocations-after-ic-update=50'];

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
  /** Ctrl-C stops a busy guest, and whoever controls an instance is answered. */
  readonly needsTurns = true;
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

  /** Where the launcher has V8 wait long before it optimises, for the sake of short runs. */
  expectWork(): void {
    if (!process.execArgv.some((word) => word.startsWith(PATIENCE))) return;
    // Loaded when it is needed: 3 ms of each start.
    const { setFlagsFromString } = process.getBuiltinModule('node:v8');
    for (const flag of IMPATIENCE) setFlagsFromString(flag);
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
