/**
 * The measured image as a file system of the kernel. Read-only; a file or directory whose bytes
 * are not what was measured answers EIO, and {@link VerityOptions.onDamage} hears of it first: the
 * runtime ends the run there, so that no guest goes on with half an image.
 */

import { EIO, ENODATA, ENOENT, ENOTDIR, EROFS } from '../../abi/errno.table.ts';
import { isDirectory, isRegular, isSymlink } from '../../abi/file-mode.ts';
import { byteString, bytesOf } from '../../vfs/byte-string.ts';
import type { FileClock } from '../../vfs/file-clock.ts';
import { FileSystem, type FileSystemStatistics } from '../../vfs/file-system.ts';
import { type DirectorySink, FIRST_COOKIE, Inode } from '../../vfs/inode.ts';
import type { PageSegment, SegmentPages, SegmentSource } from '../../vfs/mappable.ts';
import { ImageDamage } from './source.ts';
import { ROOT_INODE, type VerityTree } from './verity-tree.ts';

/** EROFS_SUPER_MAGIC_V1: the nearest relative that programs may know. */
const MAGIC = 0xe0f5e1e2;
const LOAD_BYTES = 256 * 1024;
const PAGE_BYTES = 4096;

export interface VerityOptions {
  readonly clock: FileClock;
  /** Memory for mappings; without it mappings copy. */
  readonly segments?: SegmentSource;
  readonly onDamage: (damage: ImageDamage) => void;
}

export class VerityFileSystem extends FileSystem {
  readonly typeName = 'verity';
  readonly magic = MAGIC;
  override readonly isReadOnly = true;
  readonly tree: VerityTree;
  readonly segments: SegmentSource | undefined;
  readonly #onDamage: (damage: ImageDamage) => void;
  readonly #inodes = new Map<number, VerityInode>();

  constructor(tree: VerityTree, options: VerityOptions) {
    super(options.clock);
    this.tree = tree;
    this.segments = options.segments;
    this.#onDamage = options.onDamage;
  }

  get root(): Inode {
    return this.inode(ROOT_INODE);
  }

  override statistics(): FileSystemStatistics {
    let blocks = 0;
    for (let i = 0; i < this.tree.index.sections.blobCount; i++)
      blocks += Math.ceil(this.tree.index.blob(i).sizeBytes / this.blockSize);
    return { ...super.statistics(), blocks, files: this.tree.inodeCount };
  }

  /** One object an inode, so that identity holds; they are small. */
  inode(number: number): VerityInode {
    let inode = this.#inodes.get(number);
    if (inode === undefined) {
      inode = new VerityInode(this, number);
      this.#inodes.set(number, inode);
    }
    return inode;
  }

  /** Runs `read`; damage becomes -EIO after it was reported. */
  guard<T>(read: () => T): T | number {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ImageDamage)) throw error;
      this.#onDamage(error);
      return -EIO;
    }
  }

  /** The last mount is gone: mapped contents are given back. */
  override shutdown(): void {
    for (const inode of this.#inodes.values()) inode.dispose();
    this.#inodes.clear();
  }
}

class VerityInode extends Inode {
  readonly #fs: VerityFileSystem;
  readonly #number: number;
  #segment: PageSegment | undefined;
  /** One byte a page of {@link #segment}: 1 when it holds verified bytes. */
  #present = new Uint8Array(0);
  /** {@link contentKey}, once it was asked for: the digest of what never changes. */
  #contentKey: string | undefined;

  constructor(fs: VerityFileSystem, number: number) {
    const stat = fs.tree.stat(number);
    super(fs, number + 1, stat.mode);
    this.#fs = fs;
    this.#number = number;
    this.uid = stat.uid;
    this.gid = stat.gid;
    this.nlink = stat.nlink;
    this.size = isDirectory(stat.mode) ? PAGE_BYTES : stat.sizeBytes;
    this.blocks = isSymlink(stat.mode) ? 0 : Math.ceil(this.size / PAGE_BYTES) * 8;
    this.rdev = stat.rdev;
    const sec = Number(stat.mtimeSec);
    for (const which of ['atimeSec', 'mtimeSec', 'ctimeSec', 'btimeSec'] as const)
      this[which] = sec;
    for (const which of ['atimeNsec', 'mtimeNsec', 'ctimeNsec', 'btimeNsec'] as const)
      this[which] = stat.mtimeNsec;
  }

  override lookup(name: string): Inode | number {
    if (!isDirectory(this.mode)) return -ENOTDIR;
    return this.#fs.guard(() => {
      const child = this.#fs.tree.lookup(this.#number, bytesOf(name));
      return child === undefined ? -ENOENT : this.#fs.inode(child);
    });
  }

  override iterate(cookie: number, sink: DirectorySink): number {
    if (!isDirectory(this.mode)) return -ENOTDIR;
    return this.#fs.guard(() => {
      for (let i = Math.max(0, cookie - FIRST_COOKIE); ; i++) {
        const entry = this.#fs.tree.direntAt(this.#number, i);
        if (entry === undefined) return 0;
        if (!sink.emit(entry.name, entry.inode + 1, entry.type, i + 1 + FIRST_COOKIE)) return 0;
      }
    });
  }

  override readlink(): string | number {
    if (!isSymlink(this.mode)) return super.readlink();
    return this.#fs.guard(() => byteString(this.#fs.tree.readlink(this.#number)));
  }

  override readAt(position: number, target: Uint8Array, start: number, length: number): number {
    if (!isRegular(this.mode)) return super.readAt(position, target, start, length);
    const part = target.subarray(start, start + length);
    return this.#fs.guard(() => this.#fs.tree.read(this.#number, position, part));
  }

  override pages(offset: number, length: number): SegmentPages | undefined | number {
    const { segments } = this.#fs;
    if (segments === undefined || !isRegular(this.mode)) return undefined;
    if (this.#segment === undefined) {
      const bytes = Math.max(1, Math.ceil(this.size / PAGE_BYTES)) * PAGE_BYTES;
      const made = segments.createSegment(`verity:${this.ino}`, bytes);
      if (typeof made === 'number') return -made;
      this.#segment = made;
      this.#present = new Uint8Array(bytes / PAGE_BYTES);
    }
    const result = this.#load(this.#segment, offset, Math.min(this.size, offset + length));
    return result < 0 ? result : { segment: this.#segment, offset };
  }

  override get contentKey(): string | undefined {
    if (this.#contentKey !== undefined || !isRegular(this.mode)) return this.#contentKey;
    const digest = this.#fs.guard(() => this.#fs.tree.fileDigest(this.#number));
    if (typeof digest !== 'number') this.#contentKey = `sha256:${hex(digest)}`;
    return this.#contentKey;
  }

  override setMode(): number {
    return -EROFS;
  }

  override setOwner(): number {
    return -EROFS;
  }

  override getXattr(name: string): Uint8Array | number {
    return this.#fs.guard(() => {
      const found = this.#fs.tree.xattrs(this.#number).find((one) => one.name === name);
      return found === undefined ? -ENODATA : found.value;
    });
  }

  override listXattr(): readonly string[] | number {
    return this.#fs.guard(() => this.#fs.tree.xattrs(this.#number).map((one) => one.name));
  }

  dispose(): void {
    this.#segment?.[Symbol.dispose]();
    this.#segment = undefined;
  }

  /** Brings verified bytes of [offset, end) into the segment. 0 or a negative errno. */
  #load(segment: PageSegment, offset: number, end: number): number {
    for (let at = offset - (offset % PAGE_BYTES); at < end; ) {
      if (this.#present[at / PAGE_BYTES] === 1) {
        at += PAGE_BYTES;
        continue;
      }
      let stop = at + PAGE_BYTES;
      while (stop < end && stop - at < LOAD_BYTES && this.#present[stop / PAGE_BYTES] === 0)
        stop += PAGE_BYTES;
      const bytes = new Uint8Array(Math.min(stop, this.size) - at);
      const got = this.readAt(at, bytes, 0, bytes.length);
      if (got < 0) return got;
      const errno = segment.write(at, bytes);
      if (errno !== 0) return -errno;
      this.#present.fill(1, at / PAGE_BYTES, stop / PAGE_BYTES);
      at = stop;
    }
    return 0;
  }
}

function hex(bytes: Uint8Array): string {
  let out = '';
  for (const byte of bytes) out += byte.toString(16).padStart(2, '0');
  return out;
}
