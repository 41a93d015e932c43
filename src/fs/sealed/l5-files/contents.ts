/**
 * Contents of one file: a cache of windows over cells in the tree. Contents of at most {@link
 * INLINE_BYTES} lie in the inode's own item instead; then there are no windows.
 *
 * A cell is read and written whole. Blocks that were written in order share cells of up to 64 KiB;
 * where single blocks of a cell are changed, it is split into cells of one block, so that the next
 * change costs one block. Bytes behind the end of the file are zero everywhere.
 */

import { damaged } from '../errors.ts';
import { BLOCK_BYTES } from '../l0-host/block-host.ts';
import type { Pointer } from '../l1-keys/pointer.ts';
import { POINTER_BYTES, readPointer, writePointer } from '../l1-keys/pointer.ts';
import { ITEM, itemKey } from '../l4-store/keys.ts';
import { CELL_BLOCKS, type VolumeStore } from '../l4-store/store.ts';
import {
  blocksInFile,
  copyOrZero,
  countBits,
  MANY_BLOCKS,
  maskOf,
  runsOf,
  SMALL_BLOCKS,
} from './cell-runs.ts';
import {
  type ContentCache,
  WINDOW_BLOCKS,
  WINDOW_BYTES,
  Window,
  type WindowOwner,
} from './content-cache.ts';

export const INLINE_BYTES = 2048;
/** Handed to the store in one piece. */
const FLUSH_WINDOWS = 32;
export class FileContents implements WindowOwner {
  readonly #store: VolumeStore;
  readonly #cache: ContentCache;
  readonly #key: number;
  readonly #windows = new Map<number, Window>();
  readonly #dirty = new Set<Window>();
  /** Contents in the inode's item; undefined when they lie in cells. */
  inline: Uint8Array | undefined;
  /** Blocks in cells of this file, as of the last flush. */
  cellBlocks: number;

  constructor(
    store: VolumeStore,
    cache: ContentCache,
    inode: number,
    inline: Uint8Array | undefined,
    cellBlocks: number,
  ) {
    this.#store = store;
    this.#cache = cache;
    this.#key = itemKey(inode, ITEM.extent);
    this.inline = inline;
    this.cellBlocks = cellBlocks;
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
    for (let done = 0; done < length; ) {
      const at = position + done;
      const index = Math.floor(at / WINDOW_BYTES);
      const offset = at - index * WINDOW_BYTES;
      const count = Math.min(length - done, WINDOW_BYTES - offset);
      const first = Math.floor(offset / BLOCK_BYTES);
      const last = Math.ceil((offset + count) / BLOCK_BYTES);
      const window = this.#window(index, 0);
      this.#load(window, first, last);
      window.isUsed = true;
      copyOrZero(window.buffer, offset, target, start + done, count);
      done += count;
    }
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
    const before = this.#store.tree.floor(this.#key, block);
    if (before !== undefined && before.b + this.#pointer(before.value).blocks > block) return block;
    const item = this.#store.tree.ceiling(this.#key, block);
    return item !== undefined && (found < 0 || item.b < found) ? item.b : found;
  }

  nextHole(block: number): number {
    let at = block;
    while (this.nextData(at) === at) {
      const cell = this.#store.tree.floor(this.#key, at);
      const end = cell === undefined ? 0 : cell.b + this.#pointer(cell.value).blocks;
      at = Math.max(at + 1, end);
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
    for (const one of this.#windows.values()) this.#cache.removeClean(one);
    this.#windows.clear();
    this.inline = new Uint8Array(0);
  }

  /** All pointers with their first block in the file; for checks. */
  *cells(): Generator<{ first: number; pointer: Pointer }> {
    const { tree } = this.#store;
    for (let item = tree.ceiling(this.#key, 0); item !== undefined; ) {
      yield { first: item.b, pointer: this.#pointer(item.value) };
      item = tree.ceiling(this.#key, item.b + 1);
    }
  }

  dropWindow(index: number): void {
    this.#windows.delete(index);
  }

  // --- windows -----------------------------------------------------------------------------------

  #window(index: number, blocks: number): Window {
    let window = this.#windows.get(index);
    if (window === undefined) {
      window = new Window(this, index, blocks);
      this.#windows.set(index, window);
      this.#cache.addClean(window);
    }
    this.#reserve(window, blocks);
    return window;
  }

  /** Makes room in a window that the caller holds; it may have been evicted in between. */
  #reserve(window: Window, blocks: number): void {
    if (this.#windows.get(window.index) !== window) {
      this.#windows.set(window.index, window);
      if (window.dirty === 0) this.#cache.addClean(window);
    }
    if (window.buffer.length >= blocks * BLOCK_BYTES) return;
    const isClean = window.dirty === 0;
    if (isClean) this.#cache.removeClean(window);
    else this.#cache.dirtyBytes -= window.buffer.length;
    window.reserve(blocks);
    if (isClean) this.#cache.addClean(window);
    else this.#cache.dirtyBytes += window.buffer.length;
    this.#windows.set(window.index, window);
  }

  /** The plaintext of a cell becomes the buffer of a window without valid blocks. */
  #adopt(window: Window, plain: Uint8Array): void {
    this.#cache.removeClean(window);
    window.buffer = plain;
    this.#windows.set(window.index, window);
    this.#cache.addClean(window);
  }

  /** Makes the blocks [first, last) of a window valid. */
  #load(window: Window, first: number, last: number): void {
    const wanted = maskOf(first, last);
    if ((window.valid & wanted) === wanted) return;
    const base = window.index * WINDOW_BLOCKS;
    // The cell that holds the first wanted block may begin before it, but never before the window.
    for (const { first: at, pointer } of this.#cellsIn(base, base + WINDOW_BLOCKS)) {
      const from = at - base;
      const to = from + pointer.blocks;
      const mask = maskOf(from, to);
      if ((mask & wanted & ~window.valid) === 0) continue;
      const plain = this.#store.readCell(pointer);
      if (window.valid === 0 && from === 0 && plain.length >= window.buffer.length) {
        // Nothing to merge with: the plaintext becomes the window.
        this.#adopt(window, plain);
        window.valid |= mask;
        continue;
      }
      this.#reserve(window, to);
      for (let i = from; i < to; i++) {
        if ((window.valid & (1 << i)) !== 0) continue;
        const part = (i - from) * BLOCK_BYTES;
        window.buffer.set(plain.subarray(part, part + BLOCK_BYTES), i * BLOCK_BYTES);
      }
      window.valid |= mask;
    }
    // What no cell holds is a hole, and the buffer has zeros there.
    window.valid |= wanted;
  }

  #cellsIn(from: number, to: number): { first: number; pointer: Pointer }[] {
    const cells: { first: number; pointer: Pointer }[] = [];
    const { tree } = this.#store;
    for (let item = tree.ceiling(this.#key, from); item !== undefined && item.b < to; ) {
      const pointer = this.#pointer(item.value);
      const end = item.b + pointer.blocks;
      if (pointer.blocks === 0 || pointer.blocks > CELL_BLOCKS || end > to)
        throw damaged(
          this.#store.name,
          `a cell of inode ${(this.#key - ITEM.extent) / 256} is odd`,
        );
      cells.push({ first: item.b, pointer });
      item = tree.ceiling(this.#key, end);
    }
    return cells;
  }

  #pointer(value: Uint8Array): Pointer {
    if (value.length !== POINTER_BYTES) throw damaged(this.#store.name, 'a cell has no pointer');
    return readPointer(value, 0);
  }

  #writeWindow(index: number, offset: number, bytes: Uint8Array, oldSize: number): void {
    const end = offset + bytes.length;
    const first = Math.floor(offset / BLOCK_BYTES);
    const last = Math.ceil(end / BLOCK_BYTES);
    const window = this.#window(index, last);
    const base = index * WINDOW_BYTES;
    // A block that is written in part needs what it held, unless it lies behind the old end.
    if (offset % BLOCK_BYTES !== 0) this.#loadForWrite(window, first, base, oldSize);
    if (end % BLOCK_BYTES !== 0 && base + end < oldSize)
      this.#loadForWrite(window, last - 1, base, oldSize);
    window.buffer.set(bytes, offset);
    const mask = maskOf(first, last);
    window.valid |= mask;
    this.#markDirty(window, mask);
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
        this.#cache.removeClean(window);
        this.#windows.delete(index + i);
      }
      const base = (index + i) * WINDOW_BLOCKS;
      for (const cell of this.#cellsIn(base, base + WINDOW_BLOCKS))
        this.#removeCell(cell.first, cell.pointer);
      this.#addCell(base, pointer);
    });
  }

  #loadForWrite(window: Window, block: number, base: number, oldSize: number): void {
    if (base + block * BLOCK_BYTES < oldSize) this.#load(window, block, block + 1);
  }

  #markDirty(window: Window, mask: number): void {
    if (window.dirty === 0) {
      this.#cache.removeClean(window);
      this.#cache.dirtyBytes += window.buffer.length;
      this.#dirty.add(window);
      this.#windows.set(window.index, window);
    }
    window.dirty |= mask;
  }

  #markClean(window: Window): void {
    if (window.dirty === 0) return;
    window.dirty = 0;
    this.#dirty.delete(window);
    this.#cache.dirtyBytes -= window.buffer.length;
    this.#cache.addClean(window);
  }

  /** Zeros bytes of one block, if it is not a hole. */
  #zeroInBlock(from: number, to: number): void {
    if (from >= to) return;
    const block = Math.floor(from / BLOCK_BYTES);
    if (this.nextData(block) !== block) return;
    const index = Math.floor(from / WINDOW_BYTES);
    const inWindow = block - index * WINDOW_BLOCKS;
    const window = this.#window(index, inWindow + 1);
    this.#load(window, inWindow, inWindow + 1);
    const base = index * WINDOW_BYTES;
    window.buffer.fill(0, from - base, to - base);
    this.#markDirty(window, 1 << inWindow);
  }

  /** Blocks [from, to) of the file become holes. */
  #dropBlocks(from: number, to: number): void {
    for (const window of [...this.#windows.values()]) this.#dropInWindow(window, from, to);
    const { tree } = this.#store;
    const before = from > 0 ? tree.floor(this.#key, from - 1) : undefined;
    if (before !== undefined) this.#cutCell(before.b, this.#pointer(before.value), from, to);
    for (let item = tree.ceiling(this.#key, from); item !== undefined && item.b < to; ) {
      const pointer = this.#pointer(item.value);
      this.#cutCell(item.b, pointer, from, to);
      item = tree.ceiling(this.#key, item.b + 1);
    }
  }

  #dropInWindow(window: Window, from: number, to: number): void {
    const base = window.index * WINDOW_BLOCKS;
    const first = Math.max(0, from - base);
    const last = Math.min(WINDOW_BLOCKS, to - base);
    if (first >= last) return;
    const gone = maskOf(first, last);
    window.buffer.fill(0, first * BLOCK_BYTES, last * BLOCK_BYTES);
    window.valid |= gone;
    const dirty = window.dirty & ~gone;
    if (dirty === 0) this.#markClean(window);
    else window.dirty = dirty;
  }

  /** Takes [from, to) out of a cell: it goes, and what is left of it becomes dirty. */
  #cutCell(first: number, pointer: Pointer, from: number, to: number): void {
    const end = first + pointer.blocks;
    if (end <= from || first >= to) return;
    const index = Math.floor(first / WINDOW_BLOCKS);
    const base = index * WINDOW_BLOCKS;
    const all = maskOf(first - base, end - base);
    const cutFrom = Math.max(first, from);
    const cutTo = Math.min(end, to);
    const rest = all & ~maskOf(cutFrom - base, cutTo - base);
    if (rest !== 0) {
      const window = this.#window(index, end - base);
      this.#load(window, first - base, end - base);
      // What is cut must not come back from the cell that was just loaded.
      window.buffer.fill(0, (cutFrom - base) * BLOCK_BYTES, (cutTo - base) * BLOCK_BYTES);
      this.#markDirty(window, rest);
    }
    this.#removeCell(first, pointer);
  }

  #addCell(first: number, pointer: Pointer): void {
    const value = new Uint8Array(POINTER_BYTES);
    writePointer(value, 0, pointer);
    this.#store.tree.set(this.#key, first, value);
    this.cellBlocks += pointer.blocks;
  }

  #removeCell(first: number, pointer: Pointer): void {
    this.#store.tree.delete(this.#key, first);
    this.#store.freeCell(pointer);
    this.cellBlocks -= pointer.blocks;
  }

  // --- flushing ----------------------------------------------------------------------------------

  /** Small contents without cells move into the inode's item: no windows are left. */
  #enterInline(size: number): void {
    const window = this.#window(0, 1);
    this.#load(window, 0, 1);
    const contents = window.buffer.slice(0, size);
    for (const dirty of [...this.#dirty]) this.#markClean(dirty);
    for (const one of this.#windows.values()) this.#cache.removeClean(one);
    this.#windows.clear();
    this.inline = contents;
  }

  #leaveInline(): void {
    const inline = this.inline as Uint8Array;
    this.inline = undefined;
    if (inline.length === 0) return;
    const window = this.#window(0, 1);
    window.buffer.set(inline);
    window.valid |= 1;
    this.#markDirty(window, 1);
  }

  #flushWindows(windows: readonly Window[], size: number): void {
    const plains: Uint8Array[] = [];
    const places: number[] = [];
    const replaced: { first: number; pointer: Pointer }[] = [];
    for (const window of windows) {
      const written = window.dirty;
      replaced.push(...this.#completeDirty(window, size));
      for (const [from, to] of runsOf(window, written, size)) {
        plains.push(window.buffer.subarray(from * BLOCK_BYTES, to * BLOCK_BYTES));
        places.push(window.index * WINDOW_BLOCKS + from);
      }
    }
    const pointers = this.#store.writeCells(plains);
    for (const { first, pointer } of replaced) this.#removeCell(first, pointer);
    pointers.forEach((pointer, i) => {
      this.#addCell(places[i] as number, pointer);
    });
    for (const window of windows) this.#markClean(window);
  }

  /**
   * Old cells that the dirty blocks of a window touch: they will be replaced, so all their blocks
   * must be dirty. A window in which several blocks changed is written anew as a whole: sealing 64
   * KiB once costs less than sealing a few blocks one by one (measured: bench storage).
   */
  #completeDirty(window: Window, size: number): { first: number; pointer: Pointer }[] {
    const base = window.index * WINDOW_BLOCKS;
    const inFile = blocksInFile(window, size);
    const isWhole = inFile <= SMALL_BLOCKS || countBits(window.dirty) >= MANY_BLOCKS;
    const touched: { first: number; pointer: Pointer }[] = [];
    let dirty = window.dirty;
    for (const cell of this.#cellsIn(base, base + WINDOW_BLOCKS)) {
      const from = cell.first - base;
      const mask = maskOf(from, from + cell.pointer.blocks);
      if ((mask & window.dirty) === 0 && !isWhole) continue;
      touched.push(cell);
      if ((mask & ~window.dirty) === 0) continue;
      this.#load(window, from, from + cell.pointer.blocks);
      dirty |= mask;
    }
    window.dirty = dirty;
    this.#reserve(window, inFile);
    return touched;
  }
}
