/**
 * The memory that stands for a host file while it is mapped: a copy in a segment, since a host file
 * itself could be truncated or changed under the guest. Shared mappings are written back.
 */

import { ENXIO } from '../../abi/errno.table.ts';
import { SEEK_DATA } from '../../abi/file-flags.ts';
import type { PageSegment, SegmentSource } from '../../vfs/mappable.ts';

const PAGE_BYTES = 4096;
/** Pages that are read at once: a call for each costs more than the copy. */
const CHUNK_PAGES = 16;
/** The same where the host copies by itself. */
const COPIED_PAGES = 4096;
/** Pages that are compared with what the host has at once. */
const COMPARED_PAGES = 256;
/** What the host has of a page in a hole; never changed. */
const ZEROS = new Uint8Array(PAGE_BYTES);

export interface CopiedFile {
  readonly size: number;
  /** Never written through mappings: nothing to compare with is kept. */
  readonly isReadOnly: boolean;
  /** The host's number for the file, if it has one. */
  readonly hostDescriptor: number | undefined;
  /** Units of 512 bytes. */
  readonly blocks: number;
  /** lseek(2) with SEEK_DATA. */
  seekHost(offset: number, whence: number): number;
  readHost(position: number, target: Uint8Array): number;
  writeHost(position: number, source: Uint8Array): number;
}

export class PageCopy implements Disposable {
  readonly segment: PageSegment;
  readonly #file: CopiedFile;
  /** Size of the file when the segment was sized. */
  #size: number;
  /** Pages that hold the file's bytes. */
  readonly #present = new Set<number>();
  /** A range of pages that are all present: libraries are mapped again and again. */
  #wholeFrom = 0;
  #wholeTo = 0;
  /** Bytes as the host has them, by page: what write-back compares with. */
  readonly #onHost = new Map<number, Uint8Array>();
  /** A shared writable mapping exists or existed since the last write-back. */
  mayBeDirty = false;
  /** Pages that mappings asked for, beyond the end of the file, too. */
  #wantedPages = 0;

  private constructor(segment: PageSegment, file: CopiedFile) {
    this.segment = segment;
    this.#file = file;
    this.#size = file.size;
  }

  static create(source: SegmentSource, name: string, file: CopiedFile): PageCopy | number {
    const made = source.createSegment(name, pagesOf(file.size) * PAGE_BYTES);
    return typeof made === 'number' ? -made : new PageCopy(made, file);
  }

  /** Makes [offset, offset + length) present as far as the file goes. */
  load(offset: number, length: number): number {
    this.#wantedPages = Math.max(this.#wantedPages, pagesOf(offset + length));
    const end = Math.min(pagesOf(this.#file.size), pagesOf(offset + length));
    const start = Math.floor(offset / PAGE_BYTES);
    if (start >= this.#wholeFrom && end <= this.#wholeTo) return 0;
    const most = this.#isCopied ? COPIED_PAGES : CHUNK_PAGES;
    for (let page = start; page < end; ) {
      const holes = this.#present.has(page) ? 0 : this.#loadHole(page, end);
      if (holes < 0) return holes;
      if (holes > 0) {
        page += holes;
        continue;
      }
      let count = 0;
      while (count < most && page + count < end && !this.#present.has(page + count)) count++;
      const loaded = count === 0 ? 0 : this.#loadPages(page, count);
      if (loaded < 0) return loaded;
      page += Math.max(1, count);
    }
    const touches = start <= this.#wholeTo && end >= this.#wholeFrom;
    this.#wholeFrom = touches ? Math.min(start, this.#wholeFrom) : start;
    this.#wholeTo = touches ? Math.max(end, this.#wholeTo) : end;
    return 0;
  }

  /** Pages of a hole need no bytes: how many there are at `page`, or -errno. */
  #loadHole(page: number, end: number): number {
    const data = Math.min(Math.floor(this.#dataFrom(page * PAGE_BYTES) / PAGE_BYTES), end);
    let count = 0;
    while (page + count < data && !this.#present.has(page + count)) count++;
    // Asking again for each few pages of a file with many holes would cost more than it saves.
    if (count < CHUNK_PAGES) return 0;
    const errno = this.segment.punch(page * PAGE_BYTES, count * PAGE_BYTES);
    if (errno !== 0) return -errno;
    for (let n = 0; n < count; n++) {
      this.#present.add(page + n);
      if (!this.#file.isReadOnly) this.#onHost.set(page + n, ZEROS);
    }
    return count;
  }

  /** Where the next bytes are that are no hole. */
  #dataFrom(position: number): number {
    const { size, blocks } = this.#file;
    // As many blocks as bytes: there is no hole to ask for.
    if (blocks * 512 >= size) return position;
    const found = this.#file.seekHost(position, SEEK_DATA);
    // ENXIO: nothing but a hole up to the end. What else goes wrong shows when it is read.
    return found === -ENXIO ? size : Math.max(position, found);
  }

  #forget(page: number): void {
    this.#present.delete(page);
    this.#wholeFrom = 0;
    this.#wholeTo = 0;
  }

  /** Nobody compares with what it held, and the host can copy it. */
  get #isCopied(): boolean {
    return this.#file.isReadOnly && this.segment.copyFrom !== undefined;
  }

  #loadPages(page: number, count: number): number {
    const descriptor = this.#isCopied ? this.#file.hostDescriptor : undefined;
    if (descriptor === undefined) return this.#readPages(page, count);
    const [start, length] = [page * PAGE_BYTES, count * PAGE_BYTES];
    const copied = this.segment.copyFrom?.(start, descriptor, start, length) ?? 0;
    if (copied < 0) return copied;
    // Beyond the end of the file there are zeros, whatever was there before.
    if (copied < length) this.segment.write(start + copied, new Uint8Array(length - copied));
    for (let n = 0; n < count; n++) this.#present.add(page + n);
    return 0;
  }

  #readPages(page: number, count: number): number {
    const bytes = new Uint8Array(count * PAGE_BYTES);
    for (let done = 0; done < bytes.length; ) {
      const got = this.#file.readHost(page * PAGE_BYTES + done, bytes.subarray(done));
      if (got < 0) return got;
      if (got === 0) break;
      done += got;
    }
    const errno = this.segment.write(page * PAGE_BYTES, bytes);
    if (errno !== 0) return -errno;
    for (let n = 0; n < count; n++) {
      this.#present.add(page + n);
      if (!this.#file.isReadOnly)
        this.#onHost.set(page + n, bytes.subarray(n * PAGE_BYTES, (n + 1) * PAGE_BYTES));
    }
    return 0;
  }

  /** The host's bytes changed from `offset` on: reads present pages again. */
  reload(offset: number): number {
    const first = Math.floor(offset / PAGE_BYTES);
    for (const page of [...this.#present].filter((each) => each >= first)) {
      this.#forget(page);
      const loaded = this.load(page * PAGE_BYTES, PAGE_BYTES);
      if (loaded < 0) return loaded;
    }
    return 0;
  }

  /** The segment follows the size of the file. */
  resize(size: number): number {
    const pages = pagesOf(size);
    for (const page of this.#present) {
      if (page < pages) continue;
      this.#forget(page);
      this.#onHost.delete(page);
    }
    const errno = this.segment.resize(pages * PAGE_BYTES);
    if (errno !== 0) return -errno;
    // A mapping reaches as far as the file does now.
    const before = this.#size;
    const known = pagesOf(before);
    this.#size = size;
    // What mappings stored beyond the old end does not become part of the file.
    if (size > before) this.#clearTail(before);
    if (pages > known && this.#wantedPages > known) {
      const from = known * PAGE_BYTES;
      const loaded = this.load(from, Math.min(pages, this.#wantedPages) * PAGE_BYTES - from);
      if (loaded < 0) return loaded;
    }
    this.#clearTail(size);
    return 0;
  }

  /** Beyond the end of the file its last page reads as zeros. */
  #clearTail(size: number): void {
    const tail = size % PAGE_BYTES;
    if (tail !== 0 && this.#present.has(pagesOf(size) - 1))
      this.segment.write(size, new Uint8Array(PAGE_BYTES - tail));
  }

  /** A read(2) sees what shared mappings wrote. */
  overlay(position: number, target: Uint8Array, start: number, length: number): void {
    if (!this.mayBeDirty) return;
    for (let done = 0; done < length; ) {
      const at = position + done;
      const count = Math.min(length - done, PAGE_BYTES - (at % PAGE_BYTES));
      if (this.#present.has(Math.floor(at / PAGE_BYTES)))
        this.segment.read(at, target.subarray(start + done, start + done + count));
      done += count;
    }
  }

  /** A write(2) is seen by mappings. */
  written(position: number, source: Uint8Array): void {
    for (let done = 0; done < source.length; ) {
      const at = position + done;
      const page = Math.floor(at / PAGE_BYTES);
      const count = Math.min(source.length - done, PAGE_BYTES - (at % PAGE_BYTES));
      const part = source.subarray(done, done + count);
      if (this.#present.has(page)) {
        this.segment.write(at, part);
        this.#ownBytes(page)?.set(part, at % PAGE_BYTES);
      }
      done += count;
    }
  }

  /** What the host has of a page, to be changed: pages of holes share theirs. */
  #ownBytes(page: number): Uint8Array | undefined {
    const known = this.#onHost.get(page);
    if (known !== ZEROS) return known;
    const own = new Uint8Array(PAGE_BYTES);
    this.#onHost.set(page, own);
    return own;
  }

  /** Writes the pages that shared mappings changed. */
  writeBack(): number {
    if (!this.mayBeDirty) return 0;
    const last = Math.min(pagesOf(this.#file.size), this.segment.sizeBytes / PAGE_BYTES);
    const bytes = new Uint8Array(Math.min(last, COMPARED_PAGES) * PAGE_BYTES);
    for (let from = 0; from < last; from += COMPARED_PAGES) {
      const count = Math.min(COMPARED_PAGES, last - from);
      let isRead = false;
      for (let n = 0; n < count; n++) {
        const known = this.#onHost.get(from + n);
        if (known === undefined || !this.#present.has(from + n)) continue;
        if (!isRead) this.segment.read(from * PAGE_BYTES, bytes.subarray(0, count * PAGE_BYTES));
        isRead = true;
        const now = bytes.subarray(n * PAGE_BYTES, (n + 1) * PAGE_BYTES);
        const written = this.#writeBackPage(from + n, now, known);
        if (written < 0) return written;
      }
    }
    return 0;
  }

  #writeBackPage(page: number, bytes: Uint8Array, known: Uint8Array): number {
    const length = Math.min(PAGE_BYTES, this.#file.size - page * PAGE_BYTES);
    if (length <= 0 || equal(bytes, known, length)) return 0;
    const got = this.#file.writeHost(page * PAGE_BYTES, bytes.subarray(0, length));
    if (got < 0) return got;
    this.#ownBytes(page)?.set(bytes);
    return 0;
  }

  [Symbol.dispose](): void {
    this.segment[Symbol.dispose]();
  }
}

const pagesOf = (bytes: number): number => Math.max(1, Math.ceil(bytes / PAGE_BYTES));

/** Two pages, up to `length`: by words as far as they go. */
function equal(a: Uint8Array, b: Uint8Array, length: number): boolean {
  const words = length >> 2;
  const [left, right] = [wordsOf(a, words), wordsOf(b, words)];
  for (let i = 0; i < words; i++) if (left[i] !== right[i]) return false;
  for (let i = words << 2; i < length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const wordsOf = (page: Uint8Array, count: number): Int32Array =>
  new Int32Array(page.buffer, page.byteOffset, count);
