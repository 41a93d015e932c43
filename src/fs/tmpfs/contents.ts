/**
 * Contents of a tmpfs file: chunks of 64 KiB with a bit for each of their 16 pages, or, once the
 * file is mapped, a memory segment with the same bits. A page whose bit is clear is a hole: it
 * costs nothing and reads as zeros. Bytes behind the end of the file are always zero.
 */

import { EINVAL, ENOSPC } from '../../abi/errno.table.ts';
import { assert } from '../../base/assert.ts';
import type { PageSegment, SegmentSource } from '../../vfs/mappable.ts';
import { PAGE_BYTES, type Space } from './space.ts';

const CHUNK_BYTES = 65_536;
const PAGES_PER_CHUNK = CHUNK_BYTES / PAGE_BYTES;
const ALL_PAGES = (1 << PAGES_PER_CHUNK) - 1;
/** Below this, copying byte by byte beats making two views (measured: file-data). */
const SMALL_BYTES = 48;

export class Contents {
  readonly #space: Space;
  /** A chunk may be shorter than CHUNK_BYTES; the rest of it reads as zeros. */
  #chunks: (Uint8Array | undefined)[] = [];
  #masks: number[] = [];
  #segment: PageSegment | undefined = undefined;
  /** Pages that are present. */
  pageCount = 0;

  constructor(space: Space) {
    this.#space = space;
  }

  /** Reads; the range lies inside the file. */
  read(position: number, target: Uint8Array, start: number, length: number): number {
    if (this.#segment !== undefined) return this.#readSegment(position, target, start, length);
    let done = 0;
    while (done < length) {
      const at = position + done;
      const index = Math.floor(at / CHUNK_BYTES);
      const offset = at - index * CHUNK_BYTES;
      const count = Math.min(length - done, CHUNK_BYTES - offset);
      copyOrZero(this.#chunks[index], offset, target, start + done, count);
      done += count;
    }
    return length;
  }

  /** Writes; bytes written, or -ENOSPC when not even one page was left. */
  write(position: number, source: Uint8Array, start: number, length: number): number {
    let done = 0;
    while (done < length) {
      const at = position + done;
      const index = Math.floor(at / CHUNK_BYTES);
      const offset = at - index * CHUNK_BYTES;
      const wanted = Math.min(length - done, CHUNK_BYTES - offset);
      const count = this.#claim(index, offset, wanted);
      if (count === 0) return done > 0 ? done : -ENOSPC;
      if (this.#segment !== undefined) {
        const from = start + done;
        this.#segment.write(at, source.subarray(from, from + count));
      } else copyBytes(source, start + done, this.#chunk(index, offset + count), offset, count);
      done += count;
      if (count < wanted) return done;
    }
    return done;
  }

  /** Makes pages present (fallocate); 0 or -ENOSPC. */
  reserve(position: number, length: number): number {
    const first = Math.floor(position / PAGE_BYTES);
    const last = Math.ceil((position + length) / PAGE_BYTES);
    if (last - first - this.#countPresent(first, last) > this.#pagesLeft()) return -ENOSPC;
    for (let page = first; page < last; ) {
      const index = Math.floor(page / PAGES_PER_CHUNK);
      const inChunk = page - index * PAGES_PER_CHUNK;
      const count = Math.min(last - page, PAGES_PER_CHUNK - inChunk);
      this.#claim(index, inChunk * PAGE_BYTES, count * PAGE_BYTES);
      page += count;
    }
    return 0;
  }

  /** Zeros a range and frees the whole pages in it. */
  punch(position: number, length: number): void {
    const end = position + length;
    const firstWhole = Math.ceil(position / PAGE_BYTES);
    const lastWhole = Math.floor(end / PAGE_BYTES);
    if (firstWhole > lastWhole) {
      this.#zero(position, length);
      return;
    }
    this.#zero(position, firstWhole * PAGE_BYTES - position);
    this.#zero(lastWhole * PAGE_BYTES, end - lastWhole * PAGE_BYTES);
    this.#segment?.punch(firstWhole * PAGE_BYTES, (lastWhole - firstWhole) * PAGE_BYTES);
    this.#drop(firstWhole, lastWhole);
  }

  /** The file becomes `size` bytes long; it was `oldSize`. 0 or a negative errno. */
  resize(oldSize: number, size: number): number {
    if (this.#segment !== undefined) {
      const result = this.#segment.resize(roundUp(size));
      if (result !== 0) return -result;
    }
    if (size >= oldSize) return 0;
    const firstGone = Math.ceil(size / PAGE_BYTES);
    this.#zero(size, Math.min(firstGone * PAGE_BYTES, oldSize) - size);
    this.#drop(firstGone, Math.max(firstGone, Math.ceil(oldSize / PAGE_BYTES)));
    const chunkCount = Math.ceil(size / CHUNK_BYTES);
    // Pages reserved behind the end (FALLOC_FL_KEEP_SIZE) go with a truncation, too.
    this.#drop(firstGone, this.#masks.length * PAGES_PER_CHUNK);
    if (this.#masks.length > chunkCount) this.#masks.length = chunkCount;
    if (this.#chunks.length > chunkCount) this.#chunks.length = chunkCount;
    return 0;
  }

  /** The next present page's byte at or after `offset`, or -1. */
  nextData(offset: number): number {
    const pages = this.#masks.length * PAGES_PER_CHUNK;
    for (let page = Math.floor(offset / PAGE_BYTES); page < pages; page++)
      if (this.#isPresent(page)) return Math.max(offset, page * PAGE_BYTES);
    return -1;
  }

  nextHole(offset: number): number {
    let page = Math.floor(offset / PAGE_BYTES);
    while (this.#isPresent(page)) page++;
    return Math.max(offset, page * PAGE_BYTES);
  }

  /** The segment that holds the contents from now on, with a range of pages made present. */
  segment(
    source: SegmentSource | undefined,
    size: number,
    offset: number,
    length: number,
  ): PageSegment | undefined | number {
    if (this.#segment === undefined) {
      const made = source?.createSegment('tmpfs', roundUp(size));
      if (made === undefined) return undefined;
      if (typeof made === 'number') return -made;
      for (let index = 0; index < this.#chunks.length; index++) {
        const chunk = this.#chunks[index];
        if (chunk === undefined) continue;
        const at = index * CHUNK_BYTES;
        const used = chunk.subarray(0, Math.max(0, Math.min(chunk.length, size - at)));
        const result = made.write(at, used);
        if (result !== 0) return -result;
      }
      this.#segment = made;
      this.#chunks = [];
    }
    const last = Math.ceil(Math.min(offset + length, size) / PAGE_BYTES);
    for (let page = Math.floor(offset / PAGE_BYTES); page < last; page++) this.#force(page);
    return this.#segment;
  }

  /** Frees everything. */
  clear(): void {
    this.#drop(0, this.#masks.length * PAGES_PER_CHUNK);
    this.#chunks = [];
    this.#masks = [];
    this.#segment?.[Symbol.dispose]();
    this.#segment = undefined;
    assert(this.pageCount === 0, 'all pages were counted');
  }

  #readSegment(position: number, target: Uint8Array, start: number, length: number): number {
    const result = this.#segment?.read(position, target.subarray(start, start + length));
    return result === 0 ? length : -(result ?? EINVAL);
  }

  /** Makes the pages of a range in one chunk present; the bytes from `offset` on that fit. */
  #claim(index: number, offset: number, length: number): number {
    const first = Math.floor(offset / PAGE_BYTES);
    const last = Math.ceil((offset + length) / PAGE_BYTES);
    const mask = this.#masks[index] ?? 0;
    const wanted = ((1 << last) - (1 << first)) & ALL_PAGES;
    if ((mask & wanted) === wanted) return length;
    while (this.#masks.length <= index) this.#masks.push(0);
    let present = mask;
    let page = first;
    for (; page < last; page++) {
      if ((present & (1 << page)) !== 0) continue;
      if (!this.#space.takePages(1)) break;
      this.pageCount++;
      present |= 1 << page;
    }
    this.#masks[index] = present;
    return Math.max(0, Math.min(length, page * PAGE_BYTES - offset));
  }

  /** The chunk with room for `size` bytes. */
  #chunk(index: number, size: number): Uint8Array {
    while (this.#chunks.length <= index) this.#chunks.push(undefined);
    const known = this.#chunks[index];
    if (known !== undefined && known.length >= size) return known;
    let capacity = known === undefined ? 256 : known.length;
    // Files that are written through to the next chunk need the whole one anyway.
    while (capacity < size) capacity *= 4;
    const grown = new Uint8Array(Math.min(capacity, CHUNK_BYTES));
    if (known !== undefined) grown.set(known);
    this.#chunks[index] = grown;
    return grown;
  }

  #zero(position: number, length: number): void {
    if (length <= 0) return;
    if (this.#segment !== undefined) {
      this.#segment.punch(position, length);
      return;
    }
    for (let at = position; at < position + length; ) {
      const index = Math.floor(at / CHUNK_BYTES);
      const offset = at - index * CHUNK_BYTES;
      const count = Math.min(position + length - at, CHUNK_BYTES - offset);
      this.#chunks[index]?.fill(0, offset, offset + count);
      at += count;
    }
  }

  /** Frees pages [first, last); chunk memory goes when none of its pages is left. */
  #drop(first: number, last: number): void {
    let page = first;
    const end = Math.min(last, this.#masks.length * PAGES_PER_CHUNK);
    while (page < end) {
      const index = Math.floor(page / PAGES_PER_CHUNK);
      const inChunk = page - index * PAGES_PER_CHUNK;
      const count = Math.min(end - page, PAGES_PER_CHUNK - inChunk);
      const range = ((1 << (inChunk + count)) - (1 << inChunk)) & ALL_PAGES;
      const gone = countBits((this.#masks[index] ?? 0) & range);
      this.#masks[index] = (this.#masks[index] ?? 0) & ~range;
      this.#space.givePages(gone);
      this.pageCount -= gone;
      if (this.#masks[index] === 0) this.#chunks[index] = undefined;
      else this.#chunks[index]?.fill(0, inChunk * PAGE_BYTES, (inChunk + count) * PAGE_BYTES);
      page += count;
    }
  }

  #isPresent(page: number): boolean {
    const index = Math.floor(page / PAGES_PER_CHUNK);
    return ((this.#masks[index] ?? 0) & (1 << (page - index * PAGES_PER_CHUNK))) !== 0;
  }

  #force(page: number): void {
    if (this.#isPresent(page)) return;
    const index = Math.floor(page / PAGES_PER_CHUNK);
    while (this.#masks.length <= index) this.#masks.push(0);
    this.#masks[index] = (this.#masks[index] ?? 0) | (1 << (page - index * PAGES_PER_CHUNK));
    this.#space.forcePages(1);
    this.pageCount++;
  }

  #countPresent(first: number, last: number): number {
    let count = 0;
    const end = Math.min(last, this.#masks.length * PAGES_PER_CHUNK);
    for (let page = first; page < end; page++) if (this.#isPresent(page)) count++;
    return count;
  }

  #pagesLeft(): number {
    return this.#space.pageLimit - this.#space.pagesUsed;
  }
}

const roundUp = (size: number): number => Math.ceil(size / PAGE_BYTES) * PAGE_BYTES;

function countBits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}

function copyOrZero(
  chunk: Uint8Array | undefined,
  offset: number,
  target: Uint8Array,
  start: number,
  length: number,
): void {
  const have = chunk === undefined ? 0 : Math.max(0, Math.min(length, chunk.length - offset));
  if (have > 0) copyBytes(chunk as Uint8Array, offset, target, start, have);
  if (have < length) target.fill(0, start + have, start + length);
}

function copyBytes(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  count: number,
): void {
  if (count > SMALL_BYTES) {
    target.set(source.subarray(from, from + count), to);
    return;
  }
  for (let i = 0; i < count; i++) target[to + i] = source[from + i] as number;
}
