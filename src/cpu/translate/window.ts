/**
 * A private snapshot of guest code around an entry: pages are fetched when first looked at, so that
 * what is decoded is what is translated, whatever the guest's memory does meanwhile.
 */

import type { Arena } from './arena.ts';

/** Where translated source comes from. */
export interface CodeSource {
  /**
   * Copies the 4 KiB guest page into `target` and protects it against writes, if guest code may be
   * executed there; else false.
   */
  fetchPage(page: number, target: Uint8Array): boolean;
  /** True when what is made from the page has to check its source by itself. */
  isSelfChecking?(page: number): boolean;
  /** True when the immediate of the instruction at `rip` keeps changing: it is loaded, not copied. */
  hasLiveImmediate?(rip: number): boolean;
}

const PAGE_SHIFT = 12;
const PAGE = 1 << PAGE_SHIFT;
const MAX_INSTRUCTION_BYTES = 15;
const ADDRESS_LIMIT = 2 ** 32 - 1;
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
  private readonly found: number[] = [];
  private source: CodeSource | undefined;
  /** The code at the address it was opened for lies on pages that are checked at run time. */
  selfChecking = false;

  open(source: CodeSource, rip: number): void {
    this.source = source;
    const last = Math.min(rip + MAX_INSTRUCTION_BYTES - 1, ADDRESS_LIMIT) >>> PAGE_SHIFT;
    this.selfChecking =
      source.isSelfChecking?.(rip >>> PAGE_SHIFT) === true ||
      source.isSelfChecking?.(last) === true;
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
  pages(arena: Arena): Uint32Array {
    const { states, found } = this;
    let count = 0;
    for (let n = 0; n < WINDOW_PAGES; n++)
      if (states[n] === PRESENT) found[count++] = (this.base >>> PAGE_SHIFT) + n;
    return arena.words(found, count);
  }

  hasLiveImmediate(rip: number): boolean {
    return this.source?.hasLiveImmediate?.(rip) === true;
  }

  /** A unit that does not check itself ends before a page that needs it. */
  private present(page: number): boolean {
    const state = this.states[page];
    if (state !== UNKNOWN) return state === PRESENT;
    const target = this.bytes.subarray(page << PAGE_SHIFT, (page + 1) << PAGE_SHIFT);
    const number = (this.base >>> PAGE_SHIFT) + page;
    const isOpen = this.selfChecking || this.source?.isSelfChecking?.(number) !== true;
    const found = isOpen && this.source?.fetchPage(number, target) === true;
    this.states[page] = found ? PRESENT : ABSENT;
    return found;
  }
}
