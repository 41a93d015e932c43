/**
 * How much memory the guests of an instance may have, all together. What is charged is memory that
 * they could fill: writable private and shared anonymous mappings.
 *
 * Programs map more than they touch. So the sum of charges may go to twice the limit; beyond the
 * limit itself a request is refused when that much is really resident.
 */

import { PROT } from '../abi/mman.ts';
import type { Mapping } from './mapping.ts';

/** Between two looks at what is resident, so much may be charged. */
const LOOK_BYTES = 2 ** 20;

export class MemoryBudget {
  readonly limitBytes: number;
  readonly #resident: () => number;
  readonly #baseline: number;
  #charged = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #isFull = false;

  /** `resident`: bytes that the host process has in memory. */
  constructor(limitBytes: number, resident: () => number) {
    this.limitBytes = limitBytes;
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
}

/** Whether a mapping counts. */
export function isCharged(mapping: Mapping): boolean {
  const isWritable = (mapping.prot & PROT.PROT_WRITE) !== 0;
  if (mapping.shared) return mapping.file === undefined;
  return isWritable;
}
