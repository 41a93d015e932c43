/**
 * Where mappings go when the address is free to choose.
 *
 * - The main stack: below 2 GiB. V8 keeps integers up to there without a heap number; what guests pass
 *   to system calls all the time should lie there (measured: 30 ns a call otherwise).
 * - Modules (executables, libraries): below the stack, so that translated code can use sign-extended
 *   32-bit immediates; each at a base that is the same for every process of the instance, so that
 *   translations are shared. The instance has a random slide.
 * - Small data: in half a gigabyte below that, top-down from a random offset of the process; the heap of
 *   a program that can be loaded anywhere grows up to there.
 * - Other data: above 2 GiB in one piece, top-down from a random offset, then wherever there is room.
 */

import type { Entropy } from '../base/interfaces.ts';
import type { IntervalMap } from '../base/interval-map.ts';
import type { Mapping } from './mapping.ts';

const PAGE = 4096;
const MIB = 2 ** 20;
export const GUEST_LOW = 0x1_0000;
export const GUEST_HIGH = 2 ** 32 - 0x1_0000;
/** The main stack ends here, or somewhat below. */
export const STACK_CEILING = 2 ** 31;
/** Room left below for the main stack and its growth. */
const STACK_ROOM = 64 * MIB;
export const MODULE_TOP = STACK_CEILING - STACK_ROOM;
/** Modules never go below this. */
const MODULE_FLOOR = 0x1000_0000;
/** Where the heap begins of a program that can be loaded anywhere. */
export const HEAP_FLOOR = MODULE_FLOOR;
const SMALL_FLOOR = 0x4000_0000;
const SMALL_TOP = 0x6000_0000;
/** Data mappings up to this size are small: stacks of threads, arenas, buffers. */
const SMALL_BYTES = 16 * MIB;
/** Large ones go here first. */
const LARGE_FLOOR = 2 ** 31;
const MODULE_SLIDE_PAGES = 16 * 256;
const DATA_SLIDE_PAGES = 16 * 256;

/** Random page counts; none when layouts shall repeat. */
export class LayoutRandom {
  readonly #entropy: Entropy | undefined;
  readonly #word = new Uint32Array(1);
  readonly #bytes = new Uint8Array(this.#word.buffer);

  constructor(entropy: Entropy | undefined) {
    this.#entropy = entropy;
  }

  /** A multiple of the page size below `pages` pages. */
  bytes(pages: number): number {
    if (this.#entropy === undefined) return 0;
    this.#entropy.fill(this.#bytes);
    return ((this.#word[0] as number) % pages) * PAGE;
  }
}

/** Bases of modules, shared by all processes of an instance. */
export class ModuleBases {
  /** By what is mapped, then where in it and how much of it. */
  readonly #bases = new Map<string, Map<number, number>>();
  #top: number;

  constructor(random: LayoutRandom) {
    this.#top = MODULE_TOP - MIB - random.bytes(MODULE_SLIDE_PAGES);
  }

  /** The instance's base of a part of a module; undefined when module space is used up. */
  baseOf(version: string, offset: number, length: number, align: number): number | undefined {
    let parts = this.#bases.get(version);
    if (parts === undefined) {
      parts = new Map();
      this.#bases.set(version, parts);
    }
    // Lengths are below 2^20 pages: one number for both.
    const part = (offset / PAGE) * 2 ** 20 + length / PAGE;
    const known = parts.get(part);
    if (known !== undefined) return known;
    // 64 KiB apart, so that one module's end says nothing of the next one's start.
    const unit = Math.max(0x1_0000, align);
    const base = Math.floor((this.#top - length) / unit) * unit;
    if (base < MODULE_FLOOR) return undefined;
    this.#top = base - 0x1_0000;
    parts.set(part, base);
    return base;
  }
}

export class Placement {
  readonly #modules: ModuleBases;
  readonly #smallTop: number;
  readonly #largeTop: number;

  constructor(modules: ModuleBases, random: LayoutRandom) {
    this.#modules = modules;
    this.#smallTop = SMALL_TOP - random.bytes(DATA_SLIDE_PAGES);
    this.#largeTop = GUEST_HIGH - random.bytes(DATA_SLIDE_PAGES);
  }

  /** A free range, or -1. */
  choose(
    mappings: IntervalMap<Mapping>,
    length: number,
    kind: 'module' | 'data',
    version: string | undefined,
    offset: number,
    align: number = PAGE,
  ): number {
    if (kind === 'module') {
      const base =
        version === undefined ? undefined : this.#modules.baseOf(version, offset, length, align);
      if (base !== undefined && mappings.isFree(base, base + length)) return base;
      const below = mappings.findGapBelow(MODULE_FLOOR, MODULE_TOP, length, align);
      if (below >= 0) return below;
    }
    if (length <= SMALL_BYTES) {
      const small = mappings.findGapBelow(SMALL_FLOOR, this.#smallTop, length, align);
      if (small >= 0) return small;
    }
    const large = mappings.findGapBelow(LARGE_FLOOR, this.#largeTop, length, align);
    if (large >= 0) return large;
    const low = mappings.findGapBelow(MODULE_FLOOR, MODULE_TOP, length, align);
    if (low >= 0) return low;
    return mappings.findGapBelow(GUEST_LOW, GUEST_HIGH, length, PAGE);
  }
}
