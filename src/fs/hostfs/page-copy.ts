/**
 * The memory that stands for a host file while it is mapped: a copy in a segment, since a host file
 * itself could be truncated or changed under the guest. Shared mappings are written back.
 */

import type { PageSegment, SegmentSource } from '../../vfs/mappable.ts';

const PAGE_BYTES = 4096;
/** Pages that are read at once: a call for each costs more than the copy. */
const CHUNK_PAGES = 16;
/** The same where the host copies by itself. */
const COPIED_PAGES = 4096;

export interface CopiedFile {
  readonly size: number;
  /** Never written through mappings: nothing to compare with is kept. */
  readonly isReadOnly: boolean;
  /** The host's number for the file, if it has one. */
  readonly hostDescriptor: number | undefined;
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
        this.#onHost.get(page)?.set(part, at % PAGE_BYTES);
      }
      done += count;
    }
  }

  /** Writes the pages that shared mappings changed. */
  writeBack(): number {
    if (!this.mayBeDirty) return 0;
    const bytes = new Uint8Array(PAGE_BYTES);
    for (const page of this.#present) {
      const length = Math.min(PAGE_BYTES, this.#file.size - page * PAGE_BYTES);
      const known = this.#onHost.get(page);
      if (length <= 0 || known === undefined) continue;
      this.segment.read(page * PAGE_BYTES, bytes);
      if (equal(bytes, known, length)) continue;
      const got = this.#file.writeHost(page * PAGE_BYTES, bytes.subarray(0, length));
      if (got < 0) return got;
      known.set(bytes);
    }
    return 0;
  }

  [Symbol.dispose](): void {
    this.segment[Symbol.dispose]();
  }
}

const pagesOf = (bytes: number): number => Math.max(1, Math.ceil(bytes / PAGE_BYTES));

function equal(a: Uint8Array, b: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return false;
  return true;
}
