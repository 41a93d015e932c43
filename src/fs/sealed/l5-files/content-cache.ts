/**
 * The windows of all files of a volume, within a bound. Clean windows may go at any time; dirty ones
 * go when their file has been flushed.
 */

import type { Window } from './window.ts';

export class ContentCache {
  readonly #clean = new Set<Window>();
  readonly #maxBytes: number;
  #cleanBytes = 0;
  #dirtyBytes = 0;
  #neededBlocks = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get dirtyBytes(): number {
    return this.#dirtyBytes;
  }

  /** Blocks that writing all dirty windows may take. */
  get neededBlocks(): number {
    return this.#neededBlocks;
  }

  /** A window is clean (again): it may be evicted from now on. */
  addClean(window: Window): void {
    if (this.#clean.has(window)) return;
    this.#clean.add(window);
    this.#cleanBytes += window.byteLength;
    if (this.#cleanBytes > this.#maxBytes) this.#evict();
  }

  /** A window becomes dirty, or is dropped by its owner. */
  removeClean(window: Window): void {
    if (this.#clean.delete(window)) this.#cleanBytes -= window.byteLength;
  }

  /** A window is dirty; to write it takes up to `neededBlocks`. */
  addDirty(window: Window, neededBlocks: number): void {
    window.neededBlocks = neededBlocks;
    this.#neededBlocks += neededBlocks;
    this.#dirtyBytes += window.byteLength;
  }

  /** As it was added; it changes afterwards. */
  removeDirty(window: Window): void {
    this.#neededBlocks -= window.neededBlocks;
    this.#dirtyBytes -= window.byteLength;
  }

  #evict(): void {
    for (const window of this.#clean) {
      if (this.#cleanBytes <= this.#maxBytes * 0.9) return;
      this.#clean.delete(window);
      if (window.isUsed) {
        window.isUsed = false;
        this.#clean.add(window);
        continue;
      }
      this.#cleanBytes -= window.byteLength;
      window.owner.dropWindow(window.index);
    }
  }
}
