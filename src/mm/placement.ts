/**
 * Where mappings go when the address is free to choose.
 *
 * - Modules (executables, libraries): below 2 GiB, so that translated code can use sign-extended
 *   32-bit immediates; each at a base that is the same for every process of the instance, so that
 *   translations are shared. The instance has a random slide.
 * - Data: above 2 GiB, top-down from a random offset of the process, then below 2 GiB.
 */

import type { Entropy } from '../base/interfaces.ts';
import type { IntervalMap } from '../base/interval-map.ts';
import type { Mapping } from './mapping.ts';

const PAGE = 4096;
const MIB = 2 ** 20;
export const GUEST_LOW = 0x1_0000;
export const GUEST_HIGH = 2 ** 32 - 0x1_0000;
export const MODULE_TOP = 2 ** 31;
/** Modules never go below this; heaps grow up to here. */
const MODULE_FLOOR = 0x1000_0000;
/** Room left below the top for the main stack and its growth. */
const STACK_ROOM = 64 * MIB;
const MODULE_SLIDE_PAGES = 16 * 256;
const DATA_SLIDE_PAGES = 16 * 256;

/** Random page counts; none when layouts shall repeat. */
export class LayoutRandom {
  readonly #entropy: Entropy | undefined;

  constructor(entropy: Entropy | undefined) {
    this.#entropy = entropy;
  }

  /** A multiple of the page size below `pages` pages. */
  bytes(pages: number): number {
    if (this.#entropy === undefined) return 0;
    const word = new Uint32Array(1);
    this.#entropy.fill(new Uint8Array(word.buffer));
    return ((word[0] as number) % pages) * PAGE;
  }
}

/** Bases of modules, shared by all processes of an instance. */
export class ModuleBases {
  readonly #bases = new Map<string, number>();
  #top: number;

  constructor(random: LayoutRandom) {
    this.#top = MODULE_TOP - MIB - random.bytes(MODULE_SLIDE_PAGES);
  }

  /** The instance's base of a module; undefined when module space is used up. */
  baseOf(key: string, length: number): number | undefined {
    const known = this.#bases.get(key);
    if (known !== undefined) return known;
    // 64 KiB apart, so that one module's end says nothing of the next one's start.
    const base = Math.floor((this.#top - length) / 0x1_0000) * 0x1_0000;
    if (base < MODULE_FLOOR) return undefined;
    this.#top = base - 0x1_0000;
    this.#bases.set(key, base);
    return base;
  }
}

export class Placement {
  readonly #modules: ModuleBases;
  readonly #dataTop: number;

  constructor(modules: ModuleBases, random: LayoutRandom) {
    this.#modules = modules;
    this.#dataTop = GUEST_HIGH - STACK_ROOM - random.bytes(DATA_SLIDE_PAGES);
  }

  /** A free range, or -1. */
  choose(
    mappings: IntervalMap<Mapping>,
    length: number,
    kind: 'module' | 'data',
    moduleKey: string | undefined,
  ): number {
    if (kind === 'module') {
      const base = moduleKey && this.#modules.baseOf(moduleKey, length);
      if (typeof base === 'number' && mappings.isFree(base, base + length)) return base;
      const below = mappings.findGapBelow(MODULE_FLOOR, MODULE_TOP, length, PAGE);
      if (below >= 0) return below;
    }
    const data = mappings.findGapBelow(MODULE_TOP, this.#dataTop, length, PAGE);
    if (data >= 0) return data;
    const low = mappings.findGapBelow(MODULE_FLOOR, MODULE_TOP, length, PAGE);
    if (low >= 0) return low;
    return mappings.findGapBelow(GUEST_LOW, GUEST_HIGH, length, PAGE);
  }
}
