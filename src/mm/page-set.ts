/** A set of page numbers that is asked for ranges: 32 pages a word. */

const ALL = -1;

export class PageSet {
  /** By number of the word; words without a page are not there. */
  readonly #words = new Map<number, number>();

  get isEmpty(): boolean {
    return this.#words.size === 0;
  }

  has(page: number): boolean {
    const word = this.#words.get(page >>> 5);
    return word !== undefined && ((word >>> (page & 31)) & 1) === 1;
  }

  add(page: number): void {
    const key = page >>> 5;
    this.#words.set(key, (this.#words.get(key) ?? 0) | (1 << (page & 31)));
  }

  delete(page: number): void {
    this.deleteRange(page, page + 1);
  }

  /** Takes out [first, end); true when any was there. */
  deleteRange(first: number, end: number): boolean {
    let any = false;
    for (let page = first; page < end; page = nextWord(page)) {
      const key = page >>> 5;
      const word = this.#words.get(key);
      if (word === undefined) continue;
      const left = word & ~maskFrom(page, end);
      if (left === word) continue;
      any = true;
      if (left === 0) this.#words.delete(key);
      else this.#words.set(key, left);
    }
    return any;
  }

  /** The lowest in [first, end), or -1. */
  firstIn(first: number, end: number): number {
    for (let page = first; page < end; page = nextWord(page)) {
      const word = (this.#words.get(page >>> 5) ?? 0) & maskFrom(page, end);
      if (word !== 0) return (page & ~31) + 31 - Math.clz32(word & -word);
    }
    return -1;
  }

  *[Symbol.iterator](): Iterator<number> {
    for (const [key, word] of this.#words)
      for (let bit = 0; bit < 32; bit++) if (((word >>> bit) & 1) === 1) yield key * 32 + bit;
  }
}

const nextWord = (page: number): number => (page & ~31) + 32;

/** The bits of a word from `page` on that lie below `end`. */
function maskFrom(page: number, end: number): number {
  const bits = Math.min(32 - (page & 31), end - page);
  return (bits === 32 ? ALL : (1 << bits) - 1) << (page & 31);
}
