/** Regular files of a sealed volume. */

import { ENOSPC, ENXIO, EOPNOTSUPP } from '../../../abi/errno.table.ts';
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from '../../../abi/file-flags.ts';
import type { SegmentPages } from '../../../vfs/mappable.ts';
import { BLOCK_BYTES } from '../l0-host/block-host.ts';
import { FileContents } from '../l5-files/contents.ts';
import type { InodeRecord } from '../l5-files/inode-record.ts';
import { MappedPages, type PagedContents } from './mapped-pages.ts';
import type { SealedFileSystem } from './sealed-file-system.ts';
import { SealedInode } from './sealed-inode.ts';

/** Written in one go; larger writes are cut, so that memory stays bounded. */
const WRITE_BYTES = 4 << 20;

export class SealedFile extends SealedInode {
  readonly contents: FileContents;
  #mapped: MappedPages | undefined;

  constructor(fs: SealedFileSystem, ino: number, mode: number, record: InodeRecord | undefined) {
    super(fs, ino, mode);
    const inline = record === undefined ? new Uint8Array(0) : record.inline;
    this.contents = new FileContents(fs.store, fs.cache, ino, inline, record?.cellBlocks ?? 0);
  }

  override restore(record: InodeRecord): void {
    super.restore(record);
    this.#countBlocks();
  }

  override store(): void {
    this.#pull();
    this.contents.flush(this.size);
    this.#countBlocks();
    super.store();
  }

  protected override cellBlocks(): number {
    return this.contents.cellBlocks;
  }

  protected override inlineBytes(): Uint8Array | undefined {
    return this.contents.inline;
  }

  protected override freeContents(): void {
    this.#unmap();
    this.contents.clear();
  }

  // --- mappings ----------------------------------------------------------------------------------

  override pages(offset: number, length: number): SegmentPages | undefined | number {
    const { segments } = this.fs;
    if (segments === undefined) return undefined;
    return this.fs.guard<SegmentPages | undefined | number>(() => {
      if (this.#mapped === undefined) {
        const made = MappedPages.create(segments, this.#paged());
        if (typeof made === 'number') return made;
        this.#mapped = made;
        this.fs.mapped.add(this);
      }
      const result = this.#mapped.load(offset, length);
      return result < 0 ? result : { segment: this.#mapped.segment, offset };
    });
  }

  /** Stores of guests through mappings become changes of the file. Throws VolumeError. */
  pullMapped(): void {
    if (this.#mapped !== undefined && this.#pull()) this.touchModified();
  }

  override release(): void {
    // The last mapping and open file is gone: what was stored is taken back, the memory given back.
    if (this.references === 1 && this.#mapped !== undefined && !this.fs.isReadOnly)
      this.fs.guard(() => this.pullMapped());
    if (this.references === 1) this.#unmap();
    super.release();
  }

  #paged(): PagedContents {
    const file = this;
    return {
      get size() {
        return file.size;
      },
      read: (position, target) => file.contents.read(position, target, 0, target.length),
      write: (position, bytes) => file.contents.write(position, bytes, 0, bytes.length, file.size),
    };
  }

  #pull(): boolean {
    return this.#mapped !== undefined && !this.fs.isReadOnly && this.#mapped.pull();
  }

  #unmap(): void {
    this.#mapped?.[Symbol.dispose]();
    this.#mapped = undefined;
    this.fs.mapped.delete(this);
  }

  // --- contents ----------------------------------------------------------------------------------

  override readAt(position: number, target: Uint8Array, start: number, length: number): number {
    const count = Math.min(length, this.size - position);
    if (count <= 0) return 0;
    return this.fs.guard(() => {
      this.pullMapped();
      this.contents.read(position, target, start, count);
      return count;
    });
  }

  override writeAt(position: number, source: Uint8Array, start: number, length: number): number {
    let done = 0;
    while (done < length) {
      const count = Math.min(WRITE_BYTES, length - done);
      const result = this.#write(position + done, source, start + done, count);
      if (result < 0) return done > 0 ? done : result;
      done += count;
    }
    return done;
  }

  #write(position: number, source: Uint8Array, start: number, length: number): number {
    return this.fs.change(() => {
      if (!this.fs.hasRoom(Math.ceil(length / BLOCK_BYTES) + 1)) return -ENOSPC;
      this.pullMapped();
      this.contents.write(position, source, start, length, this.size);
      if (position + length > this.size) {
        this.size = position + length;
        const resized = this.#mapped?.resize(this.size) ?? 0;
        if (resized < 0) return resized;
      }
      this.#mapped?.push(position, length);
      this.#countBlocks();
      this.touchModified();
      return 0;
    });
  }

  override truncate(size: number): number {
    return this.fs.change(() => {
      this.pullMapped();
      if (size < this.size) this.contents.shrink(size);
      this.size = size;
      this.#countBlocks();
      this.touchModified();
      return this.#mapped?.resize(size) ?? 0;
    });
  }

  override allocate(mode: number, offset: number, length: number): number {
    if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) !== 0) return -EOPNOTSUPP;
    return this.fs.change(() => {
      const end = offset + length;
      if ((mode & FALLOC_FL_PUNCH_HOLE) !== 0) {
        const stop = Math.min(end, this.size);
        this.pullMapped();
        if (stop > offset) {
          this.contents.punch(offset, stop - offset);
          this.#mapped?.push(offset, stop - offset);
        }
      } else {
        // Deviation: nothing is reserved, since every write takes new blocks anyway; but a request
        // that cannot fit is refused.
        if (!this.fs.hasRoom(Math.ceil(length / BLOCK_BYTES))) return -ENOSPC;
        if (end > this.size && (mode & FALLOC_FL_KEEP_SIZE) === 0) {
          this.size = end;
          const resized = this.#mapped?.resize(end) ?? 0;
          if (resized < 0) return resized;
        }
      }
      this.#countBlocks();
      this.touchModified();
      return 0;
    });
  }

  override seekData(offset: number): number {
    if (offset >= this.size) return -ENXIO;
    return this.fs.guard(() => {
      const block = Math.floor(offset / BLOCK_BYTES);
      const found = this.contents.nextData(block);
      const at = found === block ? offset : found * BLOCK_BYTES;
      return found < 0 || at >= this.size ? -ENXIO : at;
    });
  }

  override seekHole(offset: number): number {
    if (offset >= this.size) return -ENXIO;
    return this.fs.guard(() => {
      const block = Math.floor(offset / BLOCK_BYTES);
      const found = this.contents.nextHole(block);
      const at = found === block ? offset : found * BLOCK_BYTES;
      return Math.min(at, this.size);
    });
  }

  #countBlocks(): void {
    this.blocks = this.contents.cellBlocks * (BLOCK_BYTES / 512);
  }
}
