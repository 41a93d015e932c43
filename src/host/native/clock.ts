/** {@link Clock} through the C library's clock_gettime(3): the vDSO, to the nanosecond. */

import ffi from 'node:ffi';
import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/interfaces.ts';
import { addressOf } from './libc.ts';

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const NS_PER_SECOND = 1_000_000_000n;

export class NativeClock implements Clock {
  /** A timespec; large enough to lie outside V8's moving heap. */
  readonly #spec = new BigInt64Array(new ArrayBuffer(4096));
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

  realtimeNs(): bigint {
    return this.#read(CLOCK_REALTIME);
  }

  #read(clock: number): bigint {
    assert(this.#gettime(clock, this.#specAddress) === 0, 'clock_gettime');
    return (this.#spec[0] as bigint) * NS_PER_SECOND + (this.#spec[1] as bigint);
  }
}
