/**
 * Address space reserved in large pieces with one ArrayBuffer over each: the first holds what there
 * is one of (the writable view of code memory, the first lookup tables) and the first slots for
 * sandboxes, further ones only slots.
 *
 * measured: V8 counts each view of foreign memory and answers with a full garbage collection (2 ms
 * with an empty heap, 10 and more later); sub-views cost nothing. A view can span 4 TiB.
 */

import { assert } from '../../base/assert.ts';
import { SANDBOX_BYTES, SLOT_BASE_BYTES, SLOT_BYTES } from '../../cpu/sandbox/layout.ts';
import type { MemorySegment, ShownPages } from '../../mm/page-host.ts';
import { type Libc, MAP_ANONYMOUS, MAP_PRIVATE, PROT_NONE, viewOf } from './libc.ts';
import type { PristinePages } from './private-ranges.ts';
import { countShown } from './shown-ranges.ts';
import { type UsedRange, UsedRanges } from './used-ranges.ts';

const ARENA_SLOTS = 256;
const ALIGNMENT = 2 ** 22;
/** Free slots that may have page tables. */
const MAX_WARM_SLOTS = 32;
/** So many programs in turn have their stacks in one place. */
const STACK_PLACE_USES = 32;

/** The 4 GiB of a sandbox as JavaScript sees them, as in `SandboxPages`. */
export interface SlotViews {
  readonly bytes: Uint8Array;
  readonly halves: readonly [lower: Uint8Array, upper: Uint8Array];
  readonly words: Int32Array;
}

/** The views of a slot: every sandbox there has the same ones, since making them takes longer. */
export function viewsOf(slot: Slot): SlotViews {
  if (slot.views !== undefined) return slot.views;
  const { buffer } = slot;
  const offset = slot.offset + SLOT_BASE_BYTES;
  const half = SANDBOX_BYTES / 2;
  slot.views = {
    bytes: new Uint8Array(buffer, offset, SANDBOX_BYTES),
    halves: [new Uint8Array(buffer, offset, half), new Uint8Array(buffer, offset + half, half)],
    words: new Int32Array(buffer, offset, SANDBOX_BYTES / 4),
  };
  return slot.views;
}

/** One slot: `start` is its host address, `buffer` + `offset` the same place for JavaScript. */
export interface Slot {
  readonly start: number;
  readonly buffer: ArrayBuffer;
  readonly offset: number;
  /** The views of its sandbox; made with the first one there. */
  views: SlotViews | undefined;
  /** Where there may be page tables. */
  tables: UsedRanges;
  /** What the last one showed of files and is still mapped, for a next one that wants the same. */
  kept: readonly ShownPages[];
  /** Private memory that is what it was when it was mapped, for a next one that maps the same. */
  pristine: readonly PristinePages[];
  /** Where in that memory pages are there: start and end by turns. */
  present: readonly number[];
  /** As in `SandboxPages`. */
  stackTop: number;
  /** Sandboxes that had it. */
  stackUses: number;
}

const NOTHING: readonly never[] = [];

/** A reserved piece: `headBytes` for other uses, then slots. Nothing is accessible yet. */
export interface Reservation {
  readonly start: number;
  readonly buffer: ArrayBuffer;
  readonly headBytes: number;
  readonly slotCount: number;
}

/**
 * Inaccessible memory, which counts for nothing. Without MAP_NORESERVE, which all else in a slot has: the
 * kernel would join it with a guest's closed pages and cut it again, at 3 µs, each time they are opened.
 */
export const RESERVATION = MAP_PRIVATE | MAP_ANONYMOUS;

/** Undefined: the host has no room, not even for one slot. */
export function reserveArena(libc: Libc, headBytes: number): Reservation | undefined {
  assert(headBytes % ALIGNMENT === 0 && SLOT_BYTES % ALIGNMENT === 0);
  // Smaller arenas are tried when the host limits address space.
  for (let slotCount = ARENA_SLOTS; slotCount >= 1; slotCount = Math.floor(slotCount / 4)) {
    const bytes = headBytes + slotCount * SLOT_BYTES;
    const address = libc.mmap(0, bytes + ALIGNMENT, PROT_NONE, RESERVATION, -1, 0);
    if (address < 0) continue;
    const start = Math.ceil(address / ALIGNMENT) * ALIGNMENT;
    return { start, buffer: viewOf(start as never, bytes), headBytes, slotCount };
  }
  return undefined;
}

export class SlotPool {
  readonly #libc: Libc;
  readonly #free: Slot[] = [];
  #warm = 0;

  constructor(libc: Libc, first: Reservation) {
    this.#libc = libc;
    this.#add(first);
  }

  /**
   * One that shows most of `wanted`, else the slot released last: its page tables are warm. Undefined: no
   * room.
   */
  take(wanted: readonly ShownPages[]): Slot | undefined {
    if (this.#free.length === 0) {
      const more = reserveArena(this.#libc, 0);
      if (more) this.#add(more);
    }
    const index = this.#bestFor(wanted);
    const slot = index < 0 ? this.#free.pop() : this.#free.splice(index, 1)[0];
    if (slot !== undefined && slot.tables.ranges.length > 0) this.#warm--;
    return slot;
  }

  /** Among the slots released last, the warm ones; -1: it does not matter. */
  #bestFor(wanted: readonly ShownPages[]): number {
    const free = this.#free;
    let best = -1;
    let most = 0;
    const end = Math.max(0, free.length - MAX_WARM_SLOTS);
    for (let n = free.length - 1; n >= end && most < wanted.length; n--) {
      const { kept } = free[n] as Slot;
      if (kept.length === 0) continue;
      const count = countShown(kept, wanted);
      if (count <= most) continue;
      most = count;
      best = n;
    }
    return best;
  }

  /** Free slots that still show pages of `segment`. */
  showing(segment: MemorySegment): Slot[] {
    const isOfIt = (pages: { readonly segment: unknown }) => pages.segment === segment;
    return this.#free.filter(({ kept, pristine }) => kept.some(isOfIt) || pristine.some(isOfIt));
  }

  /** True when `slot` may be given back with page tables for `used`, too. */
  mayKeepTables(slot: Slot, used: UsedRanges): boolean {
    for (let n = 0; n < used.ranges.length; n++) {
      const { start, end } = used.ranges[n] as UsedRange;
      slot.tables.add(start, end);
    }
    return this.#warm < MAX_WARM_SLOTS && slot.tables.isSmall;
  }

  /**
   * The caller has unmapped everything but the reservation and what the slot is said to keep; its page tables
   * may be there.
   */
  give(slot: Slot, keepsTables: boolean): void {
    const isEmpty = slot.kept.length === 0 && slot.pristine.length === 0;
    assert(keepsTables || isEmpty, 'what is mapped has page tables');
    if (!keepsTables) slot.tables = new UsedRanges();
    else if (slot.tables.ranges.length > 0) this.#warm++;
    slot.stackUses = (slot.stackUses + 1) % STACK_PLACE_USES;
    if (!keepsTables || slot.stackUses === 0) slot.stackTop = 0;
    this.#free.push(slot);
  }

  #add({ start, buffer, headBytes, slotCount }: Reservation): void {
    for (let n = slotCount - 1; n >= 0; n--) {
      const offset = headBytes + n * SLOT_BYTES;
      const nothing = { kept: NOTHING, pristine: NOTHING, present: NOTHING };
      const unused = { views: undefined, tables: new UsedRanges(), stackTop: 0, stackUses: 0 };
      this.#free.push({ start: start + offset, buffer, offset, ...nothing, ...unused });
    }
  }
}
