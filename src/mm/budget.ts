/**
 * What the address spaces of an instance share of the host: memory, and mappings.
 *
 * How much memory the guests of an instance may have, all together. What is charged is memory that
 * they could fill: writable private and shared anonymous mappings.
 *
 * Programs map more than they touch. So the sum of charges may go to twice the limit; beyond the
 * limit itself a request is refused when that much is really resident.
 */

import { PROT } from '../abi/mman.ts';
import type { Mapping } from './mapping.ts';

/** Mappings of Node.js itself, and room for those that split or move. */
const HOST_MAPPINGS = 3000;
/** Counting the host's mappings takes milliseconds: once in so many areas. */
const LOOK_AREAS = 500;
/** Between two looks at what is resident, so much may be charged. */
const LOOK_BYTES = 2 ** 20;

export class MemoryBudget {
  readonly limitBytes: number;
  readonly #resident: () => number;
  readonly #baseline: number;
  readonly #mappingLimit: number;
  readonly #mappings: () => number;
  readonly #onMappingLimit: () => void;
  #areas = 0;
  /** When the host's mappings were counted last: the areas, and how many mappings were left. */
  #countedAt = Number.NEGATIVE_INFINITY;
  #spareMappings = 0;
  #isToldOfLimit = false;
  #charged = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #isFull = false;

  /** `resident`: bytes that the host process has in memory; `mappings`: how many mappings. */
  constructor(
    limitBytes: number,
    resident: () => number,
    mappingLimit = Number.POSITIVE_INFINITY,
    mappings: () => number = () => mappingLimit,
    onMappingLimit: () => void = () => undefined,
  ) {
    this.limitBytes = limitBytes;
    this.#mappingLimit = mappingLimit;
    this.#mappings = mappings;
    this.#onMappingLimit = onMappingLimit;
    this.#resident = resident;
    this.#baseline = limitBytes === Number.POSITIVE_INFINITY ? 0 : resident();
  }

  get chargedBytes(): number {
    return this.#charged;
  }

  /** Whether `bytes` more may be mapped. */
  admits(bytes: number): boolean {
    const sum = this.#charged + bytes;
    if (sum <= this.limitBytes) return true;
    if (bytes > this.limitBytes || sum > 2 * this.limitBytes) return false;
    if (this.#isFull || Math.abs(sum - this.#lookedAt) >= LOOK_BYTES) {
      this.#lookedAt = sum;
      this.#isFull = this.#resident() - this.#baseline + bytes > this.limitBytes;
    }
    return !this.#isFull;
  }

  change(bytes: number): void {
    this.#charged += bytes;
  }

  /** Areas of all guests: each is at most two mappings of the host, with the hole behind it. */
  changeAreas(count: number): void {
    this.#areas += count;
  }

  /** Whether `count` areas more may come, before the host refuses mappings in awkward places. */
  admitsAreas(count: number): boolean {
    const fits =
      2 * (this.#areas + count) + HOST_MAPPINGS <= this.#mappingLimit || this.#hasRoom(count);
    if (!fits && !this.#isToldOfLimit) this.#onMappingLimit();
    this.#isToldOfLimit ||= !fits;
    return fits;
  }

  /** Most areas have no hole behind them: what the host really has left. */
  #hasRoom(count: number): boolean {
    if (Math.abs(this.#areas - this.#countedAt) >= LOOK_AREAS) {
      this.#countedAt = this.#areas;
      this.#spareMappings = this.#mappingLimit - HOST_MAPPINGS - this.#mappings();
    }
    return 2 * (this.#areas - this.#countedAt + count) <= this.#spareMappings;
  }
}

/** Whether a mapping counts. */
export function isCharged(mapping: Mapping, prot = mapping.prot): boolean {
  const isWritable = (prot & PROT.PROT_WRITE) !== 0;
  if (mapping.shared) return mapping.file === undefined;
  return isWritable;
}
