/**
 * Contents of one file: a cache of windows over cells in the tree. Contents of at most {@link
 * INLINE_BYTES} lie in the inode's own item instead; then there are no windows.
 *
 * Blocks that were written in order share cells of up to 64 KiB. Where single blocks of a cell are
 * changed, they get cells of their own and the old cell keeps the rest ({@link blocksToWrite}), so
 * that a change costs one block. Bytes behind the end of the file are zero everywhere.
 */

import { freeMemory } from '../../../base/free-memory.ts';
import { VolumeError } from '../errors.ts';
import { BLOCK_BYTES } from '../l0-host/block-host.ts';
import type { Pointer } from '../l1-keys/pointer.ts';
import type { VolumeStore } from '../l4-store/store.ts';
import { blocksToWrite, leftOf, runsOf } from './cell-runs.ts';
import { FileCells } from './cells.ts';
import type { ContentCache } from './content-cache.ts';
import {
  copyOrZero,
  maskOf,
  WINDOW_BLOCKS,
  WINDOW_BYTES,
  Window,
  type WindowOwner,
} from './window.ts';

export const INLINE_BYTES = 2048;
/** Handed to the store in one piece. */
const FLUSH_WINDOWS = 32;
const ALL_BLOCKS = maskOf(0, WINDOW_BLOCKS);

export class FileContents implements WindowOwner {
  readonly #store: VolumeStore;
  readonly #cache: ContentCache;
  readonly #cells: FileCells;
  readonly #windows = new Map<number, Window>();
  readonly #dirty = new Set<Window>();
  /** Contents in the inode's item; undefined when they lie in cells. */
  inline: Uint8Array | undefined;
  /** Where the last read ended. */
  #readEnd = 0;

  constructor(
    store: VolumeStore,
    cache: ContentCache,
    inode: number,
    inline: Uint8Array | undefined,
    cellBlocks: number,
  ) {
    this.#store = store;
    this.#cache = cache;
    this.#cells = new FileCells(store, inode, cellBlocks);
    this.inline = inline;
  }

  /** Blocks in cells of this file, as of the last flush. */
  get cellBlocks(): number {
    return this.#cells.blocks;
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** Reads; the range lies inside the file. Throws VolumeError. */
  read(position: number, target: Uint8Array, start: number, length: number): void {
    if (this.inline !== undefined) {
      copyOrZero(this.inline, position, target, start, length);
      return;
    }
    const isBig = this.#cache.isTooBig(this.#cells.blocks * BLOCK_BYTES);
    const isScan = isBig && position === this.#readEnd;
    this.#readEnd = position + length;
    for (let done = 0; done < length; ) {
      const at = position + done;
      const index = Math.floor(at / WINDOW_BYTES);
      const offset = at - index * WINDOW_BYTES;
      const count = Math.min(length - done, WINDOW_BYTES - offset);
      const first = Math.floor(offset / BLOCK_BYTES);
      const last = Math.ceil((offset + count) / BLOCK_BYTES);
      const from = start + done;
      if (isBig && count === WINDOW_BYTES) {
        const windows = Math.floor((length - done) / WINDOW_BYTES);
        const bytes = this.#readThrough(index, windows, target, from);
        done += bytes;
        if (bytes > 0) continue;
      }
      done += count;
      const window = this.#window(index);
      this.#load(window, first, last);
      window.isUsed = true;
      window.read(offset, target, from, count);
      if (isScan && last === WINDOW_BLOCKS && window.dirty === 0) this.#drop(window);
    }
    this.#cache.freeDropped();
  }

  /** Writes; the caller has checked that there is room, and sets the size. Throws VolumeError. */
  write(
    position: number,
    source: Uint8Array,
    start: number,
    length: number,
    oldSize: number,
  ): void {
    const end = position + length;
    if (this.inline !== undefined && end <= INLINE_BYTES) {
      if (end > this.inline.length) {
        const grown = new Uint8Array(end);
        grown.set(this.inline);
        this.inline = grown;
      }
      this.inline.set(source.subarray(start, start + length), position);
      return;
    }
    if (this.inline !== undefined) this.#leaveInline();
    for (let done = 0; done < length; ) {
      const at = position + done;
      const index = Math.floor(at / WINDOW_BYTES);
      const offset = at - index * WINDOW_BYTES;
      const from = start + done;
      const whole = offset === 0 ? Math.floor((length - done) / WINDOW_BYTES) : 0;
      if (whole > 0) {
        const bytes = Math.min(whole, FLUSH_WINDOWS) * WINDOW_BYTES;
        this.#writeThrough(index, source.subarray(from, from + bytes));
        done += bytes;
        continue;
      }
      const count = Math.min(length - done, WINDOW_BYTES - offset);
      this.#writeWindow(index, offset, source.subarray(from, from + count), oldSize);
      done += count;
    }
    this.#cache.freeDropped();
  }

  /** The file becomes shorter: `size` is the new end. */
  shrink(size: number): void {
    if (this.inline !== undefined) {
      if (this.inline.length > size) this.inline = this.inline.slice(0, size);
      return;
    }
    const keepBlocks = Math.ceil(size / BLOCK_BYTES);
    if (size % BLOCK_BYTES !== 0) this.#zeroInBlock(size, keepBlocks * BLOCK_BYTES);
    this.#dropBlocks(keepBlocks, Number.MAX_SAFE_INTEGER);
  }

  /** Zeros a range inside the file and frees the whole blocks in it. */
  punch(position: number, length: number): void {
    const end = position + length;
    if (this.inline !== undefined) {
      this.inline.fill(0, position, end);
      return;
    }
    const firstWhole = Math.ceil(position / BLOCK_BYTES);
    const lastWhole = Math.floor(end / BLOCK_BYTES);
    if (firstWhole > lastWhole) this.#zeroInBlock(position, end);
    else {
      this.#zeroInBlock(position, firstWhole * BLOCK_BYTES);
      this.#zeroInBlock(lastWhole * BLOCK_BYTES, end);
      this.#dropBlocks(firstWhole, lastWhole);
    }
  }

  /** The first block at or after `block` that is not a hole, or -1. */
  nextData(block: number): number {
    if (this.inline !== undefined) return block === 0 && this.inline.length > 0 ? 0 : -1;
    let found = -1;
    for (const window of this.#dirty)
      for (let i = 0; i < WINDOW_BLOCKS; i++) {
        const at = window.index * WINDOW_BLOCKS + i;
        if ((window.dirty & (1 << i)) !== 0 && at >= block && (found < 0 || at < found)) found = at;
      }
    if (this.#cells.at(block) !== undefined) return block;
    const next = this.#cells.next(block);
    return next !== undefined && (found < 0 || next.first < found) ? next.first : found;
  }

  nextHole(block: number): number {
    let at = block;
    while (this.nextData(at) === at) {
      const part = this.#cells.at(at);
      at = part === undefined ? at + 1 : part.first + part.count;
    }
    return at;
  }

  /** Brings everything into the tree. `size` is the size of the file. Throws VolumeError. */
  flush(size: number): void {
    if (size <= INLINE_BYTES && this.cellBlocks === 0) {
      if (this.inline === undefined) this.#enterInline(size);
      return;
    }
    if (this.inline !== undefined) this.#leaveInline();
    const windows = [...this.#dirty].sort((a, b) => a.index - b.index);
    for (let i = 0; i < windows.length; i += FLUSH_WINDOWS)
      this.#flushWindows(windows.slice(i, i + FLUSH_WINDOWS), size);
  }

  /** Frees all cells and forgets all windows. */
  clear(): void {
    this.#dropBlocks(0, Number.MAX_SAFE_INTEGER);
    this.#dropWindows();
    this.#cache.freeDropped();
    this.inline = new Uint8Array(0);
  }

  dropWindow(index: number): void {
    this.#windows.delete(index);
  }

  hasWindow(window: Window): boolean {
    return this.#windows.get(window.index) === window;
  }

  // --- windows -----------------------------------------------------------------------------------

  #drop(window: Window): void {
    this.#windows.delete(window.index);
    this.#cache.drop(window);
  }

  #dropWindows(): void {
    for (const window of this.#windows.values()) this.#cache.drop(window);
    this.#windows.clear();
  }

  #window(index: number): Window {
    let window = this.#windows.get(index);
    if (window === undefined) {
      window = new Window(this, index);
      this.#windows.set(index, window);
      this.#cache.addClean(window);
    }
    return window;
  }

  /** Changes the buffer of a window that the caller holds; it may have been evicted in between. */
  #resize(window: Window, change: () => void): void {
    const isDirty = window.dirty !== 0;
    if (isDirty) this.#cache.removeDirty(window);
    else this.#cache.removeClean(window);
    change();
    this.#windows.set(window.index, window);
    if (isDirty) this.#addDirty(window);
    else this.#cache.addClean(window);
  }

  #reserve(window: Window, from: number, to: number): void {
    if (window.holds(from, to) && this.#windows.get(window.index) === window) return;
    this.#resize(window, () => window.reserve(from, to));
  }

  /** Makes the blocks [first, last) of a window valid. */
  #load(window: Window, first: number, last: number): void {
    const wanted = maskOf(first, last);
    if ((window.valid & wanted) === wanted) return;
    const base = window.index * WINDOW_BLOCKS;
    const opened = new Map<number, Uint8Array>();
    // The cell that holds the first wanted block may begin before it, but never before the window.
    for (const part of this.#cells.partsIn(base, base + WINDOW_BLOCKS)) {
      const from = part.first - base;
      const to = from + part.count;
      const mask = maskOf(from, to);
      if ((mask & wanted & ~window.valid) === 0) continue;
      const plain = opened.get(part.block) ?? this.#store.readCell(part.pointer);
      if (window.valid === 0 && part.count === part.blocks) {
        // Nothing to merge with: the plaintext becomes the window.
        this.#resize(window, () => window.adopt(from, plain));
        window.valid |= mask;
        continue;
      }
      opened.set(part.block, plain);
      this.#reserve(window, from, to);
      for (let i = from; i < to; i++) {
        if ((window.valid & (1 << i)) !== 0) continue;
        const at = (part.skip + i - from) * BLOCK_BYTES;
        window.write(i * BLOCK_BYTES, plain.subarray(at, at + BLOCK_BYTES));
      }
      window.valid |= mask;
    }
    for (const plain of opened.values()) freeMemory(plain);
    // What no cell holds is a hole, and the window has zeros there.
    window.valid |= wanted;
  }

  /**
   * Whole windows go straight to the reader, as long as each is one cell and not in memory. How many
   * bytes that were.
   */
  #readThrough(first: number, windows: number, target: Uint8Array, start: number): number {
    const pointers: Pointer[] = [];
    for (let index = first; index < first + windows; index++) {
      if (this.#windows.has(index)) break;
      const part = this.#cells.at(index * WINDOW_BLOCKS);
      // Of so many blocks, it lies nowhere else.
      if (part?.count !== WINDOW_BLOCKS) break;
      pointers.push(part.pointer);
    }
    this.#store.readCells(pointers, target, start);
    return pointers.length * WINDOW_BYTES;
  }

  #writeWindow(index: number, offset: number, bytes: Uint8Array, oldSize: number): void {
    const end = offset + bytes.length;
    const first = Math.floor(offset / BLOCK_BYTES);
    const last = Math.ceil(end / BLOCK_BYTES);
    const window = this.#window(index);
    const base = index * WINDOW_BYTES;
    // A block that is written in part needs what it held, unless it lies behind the old end.
    if (offset % BLOCK_BYTES !== 0) this.#loadForWrite(window, first, base, oldSize);
    if (end % BLOCK_BYTES !== 0 && base + end < oldSize)
      this.#loadForWrite(window, last - 1, base, oldSize);
    this.#reserve(window, first, last);
    window.write(offset, bytes);
    const mask = maskOf(first, last);
    window.valid |= mask;
    this.#markDirty(window, mask);
    const isFull = window.dirty === ALL_BLOCKS && end === WINDOW_BYTES;
    if (isFull && this.#cache.isStream(base + end)) this.#writeStream(window);
  }

  /** A window that was written in order is sealed at once, while the processor's cache holds it. */
  #writeStream(window: Window): void {
    let pointer: Pointer | undefined;
    try {
      [pointer] = this.#store.writeCells([window.blocks(0, WINDOW_BLOCKS)]);
    } catch (error) {
      // It waits as others do; whoever flushes hears of it.
      if (error instanceof VolumeError && error.code === 'CLOISTER_VOLUME_FULL') return;
      throw error;
    }
    this.#setCell(window.index, pointer as Pointer);
    this.#markClean(window);
    if (this.#cache.isTooBig(this.#cells.blocks * BLOCK_BYTES)) this.#drop(window);
  }

  /** A whole window is one cell from now on. */
  #setCell(index: number, pointer: Pointer): void {
    const base = index * WINDOW_BLOCKS;
    this.#cells.drop(base, base + WINDOW_BLOCKS);
    this.#cells.add(base, pointer);
  }

  /** Whole windows go straight into cells: no copy in memory, nothing to write later. */
  #writeThrough(index: number, bytes: Uint8Array): void {
    const plains: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += WINDOW_BYTES)
      plains.push(bytes.subarray(at, at + WINDOW_BYTES));
    const pointers = this.#store.writeCells(plains);
    pointers.forEach((pointer, i) => {
      const window = this.#windows.get(index + i);
      if (window !== undefined) {
        this.#markClean(window);
        this.#drop(window);
      }
      this.#setCell(index + i, pointer);
    });
  }

  #loadForWrite(window: Window, block: number, base: number, oldSize: number): void {
    if (base + block * BLOCK_BYTES < oldSize) this.#load(window, block, block + 1);
  }

  #markDirty(window: Window, mask: number): void {
    if (window.dirty === 0) {
      this.#cache.removeClean(window);
      this.#addDirty(window);
      this.#dirty.add(window);
      this.#windows.set(window.index, window);
    }
    window.dirty |= mask;
  }

  /** A file without cells needs room for what it holds, another may have to write whole windows. */
  #addDirty(window: Window): void {
    const blocks = this.#cells.blocks === 0 ? window.byteLength / BLOCK_BYTES : WINDOW_BLOCKS;
    this.#cache.addDirty(window, blocks);
  }

  #markClean(window: Window): void {
    if (window.dirty === 0) return;
    window.dirty = 0;
    this.#dirty.delete(window);
    this.#cache.removeDirty(window);
    this.#cache.addClean(window);
  }

  /** Zeros bytes of one block, if it is not a hole. */
  #zeroInBlock(from: number, to: number): void {
    if (from >= to) return;
    const block = Math.floor(from / BLOCK_BYTES);
    if (this.nextData(block) !== block) return;
    const index = Math.floor(from / WINDOW_BYTES);
    const inWindow = block - index * WINDOW_BLOCKS;
    const window = this.#window(index);
    this.#load(window, inWindow, inWindow + 1);
    const base = index * WINDOW_BYTES;
    window.zero(from - base, to - base);
    this.#markDirty(window, 1 << inWindow);
  }

  /** Blocks [from, to) of the file become holes. */
  #dropBlocks(from: number, to: number): void {
    for (const window of [...this.#windows.values()]) this.#dropInWindow(window, from, to);
    this.#cells.drop(from, to);
    const [first, last] = [Math.floor(from / WINDOW_BLOCKS), Math.floor(to / WINDOW_BLOCKS)];
    this.#relocate(first);
    if (last !== first) this.#relocate(last);
  }

  /** What is left of cells that are not worth their space becomes dirty: it gets new ones. */
  #relocate(index: number): void {
    const base = index * WINDOW_BLOCKS;
    const parts = this.#cells.partsIn(base, base + WINDOW_BLOCKS);
    const left = leftOf(parts, base, 0, false);
    if (left === 0) return;
    const window = this.#window(index);
    this.#loadMask(window, left);
    this.#markDirty(window, left);
  }

  #loadMask(window: Window, mask: number): void {
    for (const [from, to] of runsOf(mask)) this.#load(window, from, to);
  }

  #dropInWindow(window: Window, from: number, to: number): void {
    const base = window.index * WINDOW_BLOCKS;
    const first = Math.max(0, from - base);
    const last = Math.min(WINDOW_BLOCKS, to - base);
    if (first >= last) return;
    const gone = maskOf(first, last);
    window.zero(first * BLOCK_BYTES, last * BLOCK_BYTES);
    window.valid |= gone;
    const dirty = window.dirty & ~gone;
    if (dirty === 0) this.#markClean(window);
    else window.dirty = dirty;
  }

  // --- flushing ----------------------------------------------------------------------------------

  /** Small contents without cells move into the inode's item: no windows are left. */
  #enterInline(size: number): void {
    const window = this.#window(0);
    this.#load(window, 0, 1);
    const contents = new Uint8Array(size);
    window.read(0, contents, 0, size);
    for (const dirty of [...this.#dirty]) this.#markClean(dirty);
    this.#dropWindows();
    this.inline = contents;
  }

  #leaveInline(): void {
    const inline = this.inline as Uint8Array;
    this.inline = undefined;
    if (inline.length === 0) return;
    const window = this.#window(0);
    this.#reserve(window, 0, 1);
    window.write(0, inline);
    window.valid |= 1;
    this.#markDirty(window, 1);
  }

  #flushWindows(windows: readonly Window[], size: number): void {
    const plains: Uint8Array[] = [];
    const runs: [number, number][] = [];
    for (const window of windows) {
      const base = window.index * WINDOW_BLOCKS;
      const parts = this.#cells.partsIn(base, base + WINDOW_BLOCKS);
      const mask = blocksToWrite(parts, window, size, !this.#store.hasPlenty);
      this.#loadMask(window, mask);
      window.dirty |= mask;
      for (const [from, to] of runsOf(mask)) {
        plains.push(window.blocks(from, to));
        runs.push([base + from, base + to]);
      }
    }
    const pointers = this.#store.writeCells(plains);
    pointers.forEach((pointer, i) => {
      const [from, to] = runs[i] as [number, number];
      this.#cells.drop(from, to);
      this.#cells.add(from, pointer);
    });
    for (const window of windows) this.#markClean(window);
  }
}
