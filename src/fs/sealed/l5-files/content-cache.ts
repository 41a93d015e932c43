/**
 * The windows of all files of a volume, within a bound. Clean windows may go at any time; dirty ones
 * go when their file has been flushed.
 *
 * Windows that went leave their memory for those to come ({@link ContentCache.freeDropped}), but only
 * when the operation that made them go is over: it may hold one of them, and put it back.
 */

import type { Window } from './window.ts';

export class ContentCache {
  readonly #clean = new Set<Window>();
  readonly #dropped: Window[] = [];
  readonly #maxBytes: number;
  #cleanBytes = 0;
  #dirtyBytes = 0;
  #neededBlocks = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get cleanBytes(): number {
    return this.#cleanBytes;
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

  /** A clean window is not wanted any more; its owner has forgotten it. */
  drop(window: Window): void {
    this.removeClean(window);
    this.#dropped.push(window);
  }

  /** Frees the memory of windows that went. Called where nobody holds one. */
  freeDropped(): void {
    if (this.#dropped.length === 0) return;
    for (const window of this.#dropped) if (!window.owner.hasWindow(window)) window.free();
    this.#dropped.length = 0;
  }

  /** True when a file with so many bytes is too big to be kept for who reads it in order. */
  isTooBig(bytes: number): boolean {
    return bytes > this.#maxBytes / 4;
  }

  /** True when a file that is written in order up to `position` is one of some size. */
  isStream(position: number): boolean {
    return position >= this.#maxBytes / 64;
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
      if (this.#cleanBytes <= this.#maxBytes) return;
      this.#clean.delete(window);
      if (window.isUsed) {
        window.isUsed = false;
        this.#clean.add(window);
        continue;
      }
      this.#cleanBytes -= window.byteLength;
      window.owner.dropWindow(window.index);
      this.#dropped.push(window);
    }
  }
}
