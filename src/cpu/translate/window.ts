/**
 * A private snapshot of guest code around an entry: pages are fetched when first looked at, so that
 * what is decoded is what is translated, whatever the guest's memory does meanwhile.
 */

/** Where translated source comes from. */
export interface CodeSource {
  /**
   * Copies the 4 KiB guest page into `target` and protects it against writes, if guest code may be
   * executed there; else false.
   */
  fetchPage(page: number, target: Uint8Array): boolean;
}

const PAGE_SHIFT = 12;
const PAGE = 1 << PAGE_SHIFT;
const PAGES_BELOW = 8;
export const WINDOW_PAGES = 40;
export const WINDOW_BYTES = WINDOW_PAGES * PAGE;

const UNKNOWN = 0;
const PRESENT = 1;
const ABSENT = 2;

export class Window {
  readonly bytes = new Uint8Array(WINDOW_BYTES);
  /** Guest address of bytes[0]. */
  base = 0;
  private readonly states = new Uint8Array(WINDOW_PAGES);
  private source: CodeSource | undefined;

  open(source: CodeSource, rip: number): void {
    this.source = source;
    this.base = Math.max(0, (rip >>> PAGE_SHIFT) - PAGES_BELOW) * PAGE;
    this.states.fill(UNKNOWN);
  }

  contains(rip: number): boolean {
    return rip >= this.base && rip < this.base + WINDOW_BYTES - PAGE;
  }

  /** End (offset in the window) of the bytes at `rip` that may be decoded; 0: none. */
  limitAt(rip: number): number {
    const offset = rip - this.base;
    const page = offset >>> PAGE_SHIFT;
    if (!this.present(page)) return 0;
    const end = (page + 1) << PAGE_SHIFT;
    if (end - offset >= 15 || page + 1 >= WINDOW_PAGES) return end;
    return this.present(page + 1) ? end + PAGE : end;
  }

  /** Guest pages that were looked at and are there, ascending. */
  pages(): Uint32Array {
    const found: number[] = [];
    for (let n = 0; n < WINDOW_PAGES; n++)
      if (this.states[n] === PRESENT) found.push((this.base >>> PAGE_SHIFT) + n);
    return Uint32Array.from(found);
  }

  private present(page: number): boolean {
    const state = this.states[page];
    if (state !== UNKNOWN) return state === PRESENT;
    const target = this.bytes.subarray(page << PAGE_SHIFT, (page + 1) << PAGE_SHIFT);
    const found = this.source?.fetchPage((this.base >>> PAGE_SHIFT) + page, target) === true;
    this.states[page] = found ? PRESENT : ABSENT;
    return found;
  }
}
