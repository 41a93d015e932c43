/**
 * Pages of a file that are mapped: copies in a memory segment that guests load from and store to
 * without telling anyone. Before contents are read, flushed or cut, changed pages are taken back
 * ({@link MappedPages.pull}); what is written by calls goes into both.
 */

import type { PageSegment, SegmentSource } from '../../../vfs/mappable.ts';
import { BLOCK_BYTES } from '../l0-host/block-host.ts';

/** Contents as calls see them. */
export interface PagedContents {
  readonly size: number;
  read(position: number, target: Uint8Array): void;
  write(position: number, bytes: Uint8Array): void;
}

const roundUp = (size: number): number => Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;

export class MappedPages implements Disposable {
  readonly segment: PageSegment;
  readonly #contents: PagedContents;
  /** Numbers of the pages that the segment holds. */
  readonly #present = new Set<number>();
  readonly #fromSegment = new Uint8Array(BLOCK_BYTES);
  readonly #fromContents = new Uint8Array(BLOCK_BYTES);

  constructor(segment: PageSegment, contents: PagedContents) {
    this.segment = segment;
    this.#contents = contents;
  }

  /** A segment for a file of the present size, or a negative errno. */
  static create(source: SegmentSource, contents: PagedContents): MappedPages | number {
    const made = source.createSegment('sealed', Math.max(BLOCK_BYTES, roundUp(contents.size)));
    return typeof made === 'number' ? -made : new MappedPages(made, contents);
  }

  /** Makes [offset, offset + length) present. 0 or a negative errno. */
  load(offset: number, length: number): number {
    const end = Math.min(offset + length, this.#contents.size);
    for (let page = Math.floor(offset / BLOCK_BYTES); page * BLOCK_BYTES < end; page++) {
      if (this.#present.has(page)) continue;
      this.#readContents(page);
      const errno = this.segment.write(page * BLOCK_BYTES, this.#fromContents);
      if (errno !== 0) return -errno;
      this.#present.add(page);
    }
    return 0;
  }

  /** Takes pages that guests have changed back into the contents. True when there were some. */
  pull(): boolean {
    let changed = false;
    for (const page of this.#present) {
      const at = page * BLOCK_BYTES;
      if (at >= this.#contents.size) continue;
      if (this.segment.read(at, this.#fromSegment) !== 0) continue;
      this.#readContents(page);
      const length = Math.min(BLOCK_BYTES, this.#contents.size - at);
      if (isSame(this.#fromSegment, this.#fromContents, length)) continue;
      this.#contents.write(at, this.#fromSegment.subarray(0, length));
      changed = true;
    }
    return changed;
  }

  /** Contents were written by a call: mappings see it. */
  push(position: number, length: number): void {
    const last = Math.ceil((position + length) / BLOCK_BYTES);
    for (let page = Math.floor(position / BLOCK_BYTES); page < last; page++) {
      if (!this.#present.has(page)) continue;
      this.#readContents(page);
      this.segment.write(page * BLOCK_BYTES, this.#fromContents);
    }
  }

  /** The file has another size now. 0 or a negative errno. */
  resize(size: number): number {
    const errno = this.segment.resize(Math.max(BLOCK_BYTES, roundUp(size)));
    if (errno !== 0) return -errno;
    for (const page of [...this.#present])
      if (page * BLOCK_BYTES >= size) this.#present.delete(page);
    if (size % BLOCK_BYTES !== 0) this.push(size - 1, 1);
    return 0;
  }

  [Symbol.dispose](): void {
    this.segment[Symbol.dispose]();
  }

  /** One page of the contents, zeros behind the end. */
  #readContents(page: number): void {
    const at = page * BLOCK_BYTES;
    const length = Math.max(0, Math.min(BLOCK_BYTES, this.#contents.size - at));
    this.#fromContents.fill(0, length);
    if (length > 0) this.#contents.read(at, this.#fromContents.subarray(0, length));
  }
}

function isSame(a: Uint8Array, b: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return false;
  return true;
}
