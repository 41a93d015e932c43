/** State blocks: pages of host memory, made in batches and used again. */

import { assert } from '../../base/assert.ts';
import type { HostAddr } from '../../base/brand.ts';
import type { StateBlock } from '../../cpu/code-host.ts';
import { STATE_BYTES } from '../../cpu/sandbox/layout.ts';
import type { NativeContext } from './context.ts';
import { mustMap } from './engine-object.ts';
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE, viewOf } from './libc.ts';

const BATCH = 64;
const HIGH = 2 ** 32;

export class NativeState implements StateBlock {
  readonly address: HostAddr;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly u64: BigUint64Array;
  /** The address as the two halves that `enter` writes into the mailbox. */
  readonly low: number;
  readonly high: number;
  readonly #pool: StatePool;
  released = false;

  constructor(pool: StatePool, address: HostAddr, buffer: ArrayBuffer, offset: number) {
    this.#pool = pool;
    this.address = address;
    this.u8 = new Uint8Array(buffer, offset, STATE_BYTES);
    this.i32 = new Int32Array(buffer, offset, STATE_BYTES / 4);
    this.u64 = new BigUint64Array(buffer, offset, STATE_BYTES / 8);
    this.low = address | 0;
    this.high = Math.floor(address / HIGH);
  }

  [Symbol.dispose](): void {
    if (this.released) return;
    this.released = true;
    this.#pool.give(this);
  }
}

export class StatePool {
  readonly #native: NativeContext;
  readonly #free: NativeState[] = [];

  constructor(native: NativeContext) {
    this.#native = native;
  }

  /** All zero. */
  take(): NativeState {
    if (this.#free.length === 0) this.#allocate();
    const state = this.#free.pop();
    assert(state);
    state.released = false;
    state.u8.fill(0);
    return state;
  }

  give(state: NativeState): void {
    this.#free.push(state);
  }

  #allocate(): void {
    const bytes = BATCH * STATE_BYTES;
    const flags = MAP_PRIVATE | MAP_ANONYMOUS;
    const { libc } = this.#native;
    const at = mustMap(libc.mmap(0, bytes, PROT_READ | PROT_WRITE, flags, -1, 0), 'state blocks');
    const buffer = viewOf(at, bytes);
    for (let n = BATCH - 1; n >= 0; n--) {
      const offset = n * STATE_BYTES;
      this.#free.push(new NativeState(this, (at + offset) as HostAddr, buffer, offset));
    }
  }
}
