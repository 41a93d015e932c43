/** Regular files of tmpfs, with the seals of memfd_create(2). */

import { EBUSY, EINVAL, ENXIO, EOPNOTSUPP, EPERM } from '../../abi/errno.table.ts';
import {
  F_SEAL_EXEC,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
} from '../../abi/file-flags.ts';
import type { NodeSpec } from '../../vfs/inode.ts';
import type { SegmentPages } from '../../vfs/mappable.ts';
import { Contents } from './contents.ts';
import { PAGE_BYTES } from './space.ts';
import type { Tmpfs } from './tmpfs.ts';
import { TmpfsInode } from './tmpfs-inode.ts';

const WRITE_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
const SEALS =
  F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC;
const NO_WRITE = F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;

export class TmpfsFile extends TmpfsInode {
  readonly #contents: Contents;
  /** F_SEAL_* bits; memfd_create(2) with MFD_ALLOW_SEALING starts with none. */
  seals = F_SEAL_SEAL;

  constructor(fs: Tmpfs, ino: number, spec: NodeSpec) {
    super(fs, ino, spec);
    this.#contents = new Contents(fs.space);
  }

  override readAt(position: number, target: Uint8Array, start: number, length: number): number {
    const count = Math.min(length, this.size - position);
    return count > 0 ? this.#contents.read(position, target, start, count) : 0;
  }

  override writeAt(position: number, source: Uint8Array, start: number, length: number): number {
    if (length === 0) return 0;
    if ((this.seals & NO_WRITE) !== 0) return -EPERM;
    const end = position + length;
    if (end > this.size && (this.seals & F_SEAL_GROW) !== 0) return -EPERM;
    if (end > this.size) {
      // A mapped file's segment must reach as far as the file does.
      const grown = this.#contents.resize(this.size, end);
      if (grown < 0) return grown;
    }
    const count = this.#contents.write(position, source, start, length);
    if (count > 0) {
      if (position + count > this.size) this.size = position + count;
      this.#changed();
    }
    return count;
  }

  override truncate(size: number): number {
    if (size < this.size && (this.seals & F_SEAL_SHRINK) !== 0) return -EPERM;
    if (size > this.size && (this.seals & F_SEAL_GROW) !== 0) return -EPERM;
    const result = this.#contents.resize(this.size, size);
    if (result < 0) return result;
    this.size = size;
    this.#changed();
    return 0;
  }

  override allocate(mode: number, offset: number, length: number): number {
    if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) !== 0) return -EOPNOTSUPP;
    if ((mode & FALLOC_FL_PUNCH_HOLE) !== 0) {
      if ((this.seals & NO_WRITE) !== 0) return -EPERM;
      // A hole up to the end takes the whole last page with it.
      const whole = Math.ceil(this.size / PAGE_BYTES) * PAGE_BYTES;
      const end = Math.min(offset + length, whole);
      if (end > offset) this.#contents.punch(offset, end - offset);
      this.#changed();
      return 0;
    }
    const end = offset + length;
    const grows = end > this.size && (mode & FALLOC_FL_KEEP_SIZE) === 0;
    if (grows && (this.seals & F_SEAL_GROW) !== 0) return -EPERM;
    const result = this.#contents.reserve(offset, length);
    if (result < 0) return result;
    if (grows) {
      const resized = this.#contents.resize(this.size, end);
      if (resized < 0) return resized;
      this.size = end;
    }
    this.#changed();
    return 0;
  }

  override seekData(offset: number): number {
    if (offset >= this.size) return -ENXIO;
    const next = this.#contents.nextData(offset);
    return next < 0 || next >= this.size ? -ENXIO : next;
  }

  override seekHole(offset: number): number {
    if (offset >= this.size) return -ENXIO;
    return Math.min(this.#contents.nextHole(offset), this.size);
  }

  override pages(offset: number, length: number): SegmentPages | undefined | number {
    const segment = this.#contents.segment(this.fs.segments, this.size, offset, length);
    if (segment === undefined || typeof segment === 'number') return segment;
    this.blocks = this.#contents.pageCount * (PAGE_BYTES / 512);
    return { segment, offset };
  }

  override get isWriteSealed(): boolean {
    return (this.seals & NO_WRITE) !== 0;
  }

  override setMode(mode: number): number {
    if ((this.seals & F_SEAL_EXEC) !== 0 && ((mode ^ this.mode) & 0o111) !== 0) return -EPERM;
    return super.setMode(mode);
  }

  /** F_ADD_SEALS. `isMapped`: a shared mapping may write, which F_SEAL_WRITE must not meet. */
  addSeals(seals: number, isMapped: () => boolean): number {
    if ((seals & ~SEALS) !== 0) return -EINVAL;
    if ((this.seals & F_SEAL_SEAL) !== 0) return -EPERM;
    // What stays executable must not be written any more (`memfd_add_seals`).
    const isProgram = (seals & F_SEAL_EXEC) !== 0 && (this.mode & 0o111) !== 0;
    const wanted = isProgram ? seals | WRITE_SEALS : seals;
    if ((wanted & F_SEAL_WRITE) !== 0 && (this.seals & F_SEAL_WRITE) === 0)
      if (isMapped()) return -EBUSY;
    this.seals |= wanted;
    return 0;
  }

  override evict(): void {
    this.#contents.clear();
    super.evict();
  }

  #changed(): void {
    this.blocks = this.#contents.pageCount * (PAGE_BYTES / 512);
    this.touchModified();
  }
}
