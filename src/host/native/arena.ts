/**
 * Slots for sandboxes: address space reserved in large pieces, one ArrayBuffer over each.
 *
 * measured: a separate 4 GiB view a sandbox costs a full garbage collection (2 ms) each; sub-views
 * of one buffer cost nothing. A view can span 4 TiB, so arenas hold fewer slots than that.
 */

import { assert } from '../../base/assert.ts';
import { SLOT_BYTES } from '../../cpu/sandbox/layout.ts';
import { type Libc, MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE, PROT_NONE, viewOf } from './libc.ts';

const ARENA_SLOTS = 256;
const ALIGNMENT = 2 ** 22;
/** Smaller arenas are tried when the host limits address space. */
const MIN_ARENA_SLOTS = 1;

/** One slot: `start` is its host address, `buffer` + `offset` the same place for JavaScript. */
export interface Slot {
  readonly start: number;
  readonly buffer: ArrayBuffer;
  readonly offset: number;
}

export class SlotPool {
  readonly #libc: Libc;
  readonly #free: Slot[] = [];

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** The slot released last is taken first: its page tables are warm. Undefined: no room. */
  take(): Slot | undefined {
    if (this.#free.length === 0) this.#reserve();
    return this.#free.pop();
  }

  /** The caller has unmapped everything but the reservation. */
  give(slot: Slot): void {
    this.#free.push(slot);
  }

  #reserve(): void {
    for (let slots = ARENA_SLOTS; slots >= MIN_ARENA_SLOTS; slots = Math.floor(slots / 4)) {
      const bytes = slots * SLOT_BYTES + ALIGNMENT;
      const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
      const address = this.#libc.mmap(0, bytes, PROT_NONE, flags, -1, 0);
      if (address < 0) continue;
      const start = Math.ceil(address / ALIGNMENT) * ALIGNMENT;
      assert(SLOT_BYTES % ALIGNMENT === 0, 'slots keep the alignment of the arena');
      const buffer = viewOf(start as never, slots * SLOT_BYTES);
      for (let n = slots - 1; n >= 0; n--)
        this.#free.push({ start: start + n * SLOT_BYTES, buffer, offset: n * SLOT_BYTES });
      return;
    }
  }
}
