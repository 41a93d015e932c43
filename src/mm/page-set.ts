/**
 * A set of page numbers that is asked far more often than it changes, and mostly says no: a filter
 * answers that without a look into the set.
 */

const FILTER_BITS = 2048;

export class PageSet {
  readonly #pages = new Set<number>();
  /** Bit `page % FILTER_BITS` is set for each page that is in, or was since the set was empty. */
  readonly #filter = new Int32Array(FILTER_BITS / 32);

  get size(): number {
    return this.#pages.size;
  }

  has(page: number): boolean {
    const bit = page & (FILTER_BITS - 1);
    return ((this.#filter[bit >> 5]! >>> (bit & 31)) & 1) === 1 && this.#pages.has(page);
  }

  add(page: number): void {
    const bit = page & (FILTER_BITS - 1);
    this.#filter[bit >> 5]! |= 1 << (bit & 31);
    this.#pages.add(page);
  }

  /** True when it was there. */
  delete(page: number): boolean {
    const was = this.#pages.delete(page);
    if (was && this.#pages.size === 0) this.#filter.fill(0);
    return was;
  }

  [Symbol.iterator](): Iterator<number> {
    return this.#pages[Symbol.iterator]();
  }
}
