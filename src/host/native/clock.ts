/** {@link Clock} through the C library's clock_gettime(3): the vDSO, to the nanosecond. */

import ffi from 'node:ffi';
import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/interfaces.ts';
import { addressOf } from './libc.ts';

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const CLOCK_PROCESS_CPUTIME_ID = 2;
const NS_PER_SECOND = 1_000_000_000n;
const HIGH = 2 ** 32;

export class NativeClock implements Clock {
  /** A timespec; large enough to lie outside V8's moving heap. */
  readonly #spec = new BigInt64Array(new ArrayBuffer(4096));
  /** The same words in halves: reading them makes no BigInt. */
  readonly #halves = new Int32Array(this.#spec.buffer);
  readonly #specAddress = BigInt(addressOf(this.#spec));
  readonly #gettime: (clock: number, spec: bigint) => number;

  constructor() {
    const { functions } = ffi.dlopen('libc.so.6', {
      clock_gettime: { arguments: ['int32', 'pointer'], return: 'int32' },
    });
    this.#gettime = functions.clock_gettime as (clock: number, spec: bigint) => number;
  }

  monotonicNs(): bigint {
    return this.#read(CLOCK_MONOTONIC);
  }

  nowNs(): number {
    return this.#number(CLOCK_MONOTONIC);
  }

  processorNs(): number {
    return this.#number(CLOCK_PROCESS_CPUTIME_ID);
  }

  #number(clock: number): number {
    assert(this.#gettime(clock, this.#specAddress) === 0, 'clock_gettime');
    const halves = this.#halves;
    const seconds = ((halves[0] as number) >>> 0) + (halves[1] as number) * HIGH;
    return seconds * 1e9 + (halves[2] as number);
  }

  realtimeNs(): bigint {
    return this.#read(CLOCK_REALTIME);
  }

  #read(clock: number): bigint {
    assert(this.#gettime(clock, this.#specAddress) === 0, 'clock_gettime');
    return (this.#spec[0] as bigint) * NS_PER_SECOND + (this.#spec[1] as bigint);
  }
}
