/**
 * The memory that stands for a host file while it is mapped: a copy in a segment, since a host file
 * itself could be truncated or changed under the guest. Shared mappings are written back.
 */

import type { PageSegment, SegmentSource } from '../../vfs/mappable.ts';

const PAGE_BYTES = 4096;

export interface CopiedFile {
  readonly size: number;
  readHost(position: number, target: Uint8Array): number;
  writeHost(position: number, source: Uint8Array): number;
}

export class PageCopy implements Disposable {
  readonly segment: PageSegment;
  readonly #file: CopiedFile;
  /** Pages that hold the file's bytes. */
  readonly #present = new Set<number>();
  /** Bytes as the host has them, by page: what write-back compares with. */
  readonly #onHost = new Map<number, Uint8Array>();
  /** A shared writable mapping exists or existed since the last write-back. */
  mayBeDirty = false;

  private constructor(segment: PageSegment, file: CopiedFile) {
    this.segment = segment;
    this.#file = file;
  }

  static create(source: SegmentSource, name: string, file: CopiedFile): PageCopy | number {
    const made = source.createSegment(name, pagesOf(file.size) * PAGE_BYTES);
    return typeof made === 'number' ? -made : new PageCopy(made, file);
  }

  /** Makes [offset, offset + length) present as far as the file goes. */
  load(offset: number, length: number): number {
    const end = Math.min(pagesOf(this.#file.size), pagesOf(offset + length));
    for (let page = Math.floor(offset / PAGE_BYTES); page < end; page++) {
      if (this.#present.has(page)) continue;
      const bytes = new Uint8Array(PAGE_BYTES);
      const got = this.#file.readHost(page * PAGE_BYTES, bytes);
      if (got < 0) return got;
      const errno = this.segment.write(page * PAGE_BYTES, bytes);
      if (errno !== 0) return -errno;
      this.#present.add(page);
      this.#onHost.set(page, bytes);
    }
    return 0;
  }

  /** The segment follows the size of the file. */
  resize(size: number): number {
    const pages = pagesOf(size);
    for (const page of this.#present) {
      if (page < pages) continue;
      this.#present.delete(page);
      this.#onHost.delete(page);
    }
    const errno = this.segment.resize(pages * PAGE_BYTES);
    if (errno !== 0) return -errno;
    const tail = size % PAGE_BYTES;
    // Beyond the end of the file the last page reads as zeros.
    if (tail !== 0 && this.#present.has(pages - 1))
      this.segment.write(size, new Uint8Array(PAGE_BYTES - tail));
    return 0;
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
