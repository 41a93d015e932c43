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
/** Between two looks at what is resident, so much may be charged. */
const LOOK_BYTES = 2 ** 20;

export class MemoryBudget {
  readonly limitBytes: number;
  readonly #resident: () => number;
  readonly #baseline: number;
  readonly #mappingLimit: number;
  readonly #onMappingLimit: () => void;
  #areas = 0;
  #isToldOfLimit = false;
  #charged = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #isFull = false;

  /** `resident`: bytes that the host process has in memory. */
  constructor(
    limitBytes: number,
    resident: () => number,
    mappingLimit = Number.POSITIVE_INFINITY,
    onMappingLimit: () => void = () => undefined,
  ) {
    this.limitBytes = limitBytes;
    this.#mappingLimit = mappingLimit;
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

  /** Areas of all guests: each is about two mappings of the host, with the hole behind it. */
  changeAreas(count: number): void {
    this.#areas += count;
  }

  /** Whether `count` areas more may come, before the host refuses mappings in awkward places. */
  admitsAreas(count: number): boolean {
    const fits = 2 * (this.#areas + count) + HOST_MAPPINGS <= this.#mappingLimit;
    if (!fits && !this.#isToldOfLimit) this.#onMappingLimit();
    this.#isToldOfLimit ||= !fits;
    return fits;
  }
}

/** Whether a mapping counts. */
export function isCharged(mapping: Mapping, prot = mapping.prot): boolean {
  const isWritable = (prot & PROT.PROT_WRITE) !== 0;
  if (mapping.shared) return mapping.file === undefined;
  return isWritable;
}
