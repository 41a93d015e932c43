/**
 * tmpfs(5): files in memory. Also the file system behind memfd_create(2), /dev/shm and shared
 * anonymous memory.
 */

import { EINVAL, ENOSPC } from '../../abi/errno.table.ts';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../abi/file-mode.ts';
import { TMPFS_MAGIC } from '../../abi/stat-layout.ts';
import type { FileClock } from '../../vfs/file-clock.ts';
import { FileSystem, type FileSystemStatistics } from '../../vfs/file-system.ts';
import type { NodeSpec } from '../../vfs/inode.ts';
import type { SegmentSource } from '../../vfs/mappable.ts';
import { TmpfsDirectory } from './directory.ts';
import { TmpfsFile } from './file.ts';
import { parseOptions } from './options.ts';
import { PAGE_BYTES, Space } from './space.ts';
import { TmpfsInode, TmpfsSymlink } from './tmpfs-inode.ts';

export interface TmpfsOptions {
  sizeBytes?: number;
  inodeLimit?: number;
  mode?: number;
  uid?: number;
  gid?: number;
}

const DEFAULT_BYTES = 1024 * 1024 * 1024;
const DEFAULT_INODES = 1_000_000;

export class Tmpfs extends FileSystem {
  override readonly typeName: string = 'tmpfs';
  override readonly magic: number = TMPFS_MAGIC;
  readonly space: Space;
  readonly segments: SegmentSource | undefined;
  readonly root: TmpfsDirectory;
  #nextIno = 1;

  constructor(clock: FileClock, segments: SegmentSource | undefined, options: TmpfsOptions = {}) {
    super(clock);
    this.segments = segments;
    const bytes = options.sizeBytes ?? DEFAULT_BYTES;
    this.space = new Space(
      Math.ceil(bytes / PAGE_BYTES) || Number.POSITIVE_INFINITY,
      options.inodeLimit || DEFAULT_INODES,
    );
    this.space.takeInode();
    this.root = new TmpfsDirectory(this, this.#nextIno++, {
      mode: S_IFDIR | (options.mode ?? 0o1777),
      uid: options.uid ?? 0,
      gid: options.gid ?? 0,
      rdev: 0,
    });
  }

  /** A new inode with no name yet (nlink as for one name), or -ENOSPC. */
  makeInode(spec: NodeSpec, target = ''): TmpfsInode | number {
    if (!this.space.takeInode()) return -ENOSPC;
    const ino = this.#nextIno++;
    switch (spec.mode & S_IFMT) {
      case S_IFDIR:
        return new TmpfsDirectory(this, ino, spec);
      case S_IFREG:
        return new TmpfsFile(this, ino, spec);
      case S_IFLNK:
        return new TmpfsSymlink(this, ino, spec, target);
      default:
        return new TmpfsInode(this, ino, spec);
    }
  }

  override statistics(): FileSystemStatistics {
    const { pageLimit, pagesUsed, inodeLimit, inodesUsed } = this.space;
    const free = Math.max(0, pageLimit - pagesUsed);
    const isLimited = Number.isFinite(pageLimit);
    return {
      ...super.statistics(),
      blocks: isLimited ? pageLimit : 0,
      blocksFree: isLimited ? free : 0,
      blocksAvailable: isLimited ? free : 0,
      files: inodeLimit,
      filesFree: inodeLimit - inodesUsed,
    };
  }

  override get options(): string {
    const { pageLimit } = this.space;
    return Number.isFinite(pageLimit) ? `size=${(pageLimit * PAGE_BYTES) / 1024}k` : '';
  }

  override remount(options: string): number {
    const parsed = parseOptions(options);
    if (typeof parsed === 'number') return parsed;
    const { space } = this;
    if (parsed.sizeBytes !== undefined) {
      const pages = Math.ceil(parsed.sizeBytes / PAGE_BYTES) || Number.POSITIVE_INFINITY;
      if (pages < space.pagesUsed) return -EINVAL;
      space.pageLimit = pages;
    }
    if (parsed.inodeLimit !== undefined) {
      if (parsed.inodeLimit < space.inodesUsed) return -EINVAL;
      space.inodeLimit = parsed.inodeLimit;
    }
    return 0;
  }
}
