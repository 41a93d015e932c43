/**
 * Windows of file contents in memory, shared by all files of a volume and bounded. A window is 64
 * KiB of one file, with a bit a block: which are valid, which are dirty. Clean windows may go at any
 * time; dirty ones go when their file has been flushed.
 */

import { BLOCK_BYTES } from '../l0-host/block-host.ts';
import { CELL_BLOCKS } from '../l4-store/store.ts';

export const WINDOW_BLOCKS = CELL_BLOCKS;
export const WINDOW_BYTES = WINDOW_BLOCKS * BLOCK_BYTES;

export interface WindowOwner {
  /** Forgets a clean window. */
  dropWindow(index: number): void;
}

export class Window {
  readonly owner: WindowOwner;
  readonly index: number;
  buffer: Uint8Array;
  /** Bits of blocks that hold what the file holds. Behind the buffer's end all is zero. */
  valid = 0;
  dirty = 0;
  /** Looked at since the last round of eviction. */
  isUsed = false;

  constructor(owner: WindowOwner, index: number, blocks: number) {
    this.owner = owner;
    this.index = index;
    this.buffer = new Uint8Array(blocks * BLOCK_BYTES);
  }

  /** Makes room for the first `blocks` blocks. */
  reserve(blocks: number): void {
    if (this.buffer.length >= blocks * BLOCK_BYTES) return;
    const grown = new Uint8Array((blocks > 4 ? WINDOW_BLOCKS : 4) * BLOCK_BYTES);
    grown.set(this.buffer);
    this.buffer = grown;
  }
}

export class ContentCache {
  readonly #clean = new Set<Window>();
  readonly #maxBytes: number;
  #cleanBytes = 0;
  dirtyBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A window is clean (again): it may be evicted from now on. */
  addClean(window: Window): void {
    if (this.#clean.has(window)) return;
    this.#clean.add(window);
    this.#cleanBytes += window.buffer.length;
    if (this.#cleanBytes > this.#maxBytes) this.#evict();
  }

  /** A window becomes dirty, or is dropped by its owner. */
  removeClean(window: Window): void {
    if (this.#clean.delete(window)) this.#cleanBytes -= window.buffer.length;
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
      this.#cleanBytes -= window.buffer.length;
      window.owner.dropWindow(window.index);
    }
  }
}
