/**
 * A sealed volume as a file system. Changes stay in memory (contents: in blocks that no commit
 * refers to) until something asks for durability or the bounds are reached; every commit holds all
 * changes up to it, so `fsync` of one file is a commit of all.
 */

import { EIO, ENOSPC, EROFS } from '../../../abi/errno.table.ts';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../../abi/file-mode.ts';
import type { FileClock } from '../../../vfs/file-clock.ts';
import { FileSystem, type FileSystemStatistics } from '../../../vfs/file-system.ts';
import type { NodeSpec } from '../../../vfs/inode.ts';
import type { SegmentSource } from '../../../vfs/mappable.ts';
import { damaged, VolumeError } from '../errors.ts';
import { ITEM, itemKey } from '../l4-store/keys.ts';
import type { VolumeStore } from '../l4-store/store.ts';
import { ContentCache } from '../l5-files/content-cache.ts';
import { decodeRecord, type InodeRecord } from '../l5-files/inode-record.ts';
import { SealedDirectory } from './sealed-directory.ts';
import { SealedFile } from './sealed-file.ts';
import { SealedInode, SealedSymlink } from './sealed-inode.ts';

export const ROOT_INODE = 1;
/** "CLST": no program knows it. */
const MAGIC = 0x434c5354;
const DEFAULT_CACHE_BYTES = 64 << 20;
/** Dirty contents that may wait in memory. */
const MAX_DIRTY_BYTES = 32 << 20;
/** Inodes whose changed attributes wait in memory. */
const MAX_DIRTY_INODES = 16_384;
/** Dirty nodes of the tree (16 KiB each) before a commit is made unasked. */
const MAX_DIRTY_NODES = 4096;

export interface SealedOptions {
  readonly clock: FileClock;
  readonly cacheBytes?: number;
  /** Memory for mappings; without it, only private ones work, and they copy. */
  readonly segments?: SegmentSource;
  /** Hears of damage and of failures of the host, before the guest gets its EIO. */
  readonly onProblem?: (problem: VolumeError) => void;
}

export class SealedFileSystem extends FileSystem {
  readonly typeName = 'sealed';
  readonly magic = MAGIC;
  override readonly isReadOnly: boolean;
  readonly store: VolumeStore;
  readonly cache: ContentCache;
  readonly segments: SegmentSource | undefined;
  /** Files with pages that guests may have stored to. */
  readonly mapped = new Set<SealedFile>();
  readonly #onProblem: (problem: VolumeError) => void;
  /** Weak: path walks and open files hold inodes; what is dirty is held by {@link #dirty}. */
  readonly #inodes = new Map<number, WeakRef<SealedInode>>();
  readonly #dirty = new Set<SealedInode>();
  #root: SealedDirectory | undefined;
  /** Changes that are being made, one inside the other. */
  #depth = 0;

  constructor(store: VolumeStore, options: SealedOptions) {
    super(options.clock);
    this.store = store;
    this.isReadOnly = store.isReadOnly;
    this.cache = new ContentCache(options.cacheBytes ?? DEFAULT_CACHE_BYTES);
    this.segments = options.segments;
    this.#onProblem = options.onProblem ?? (() => undefined);
  }

  /** Makes the root directory of a new volume. Throws VolumeError. */
  format(): void {
    this.store.nextInode = ROOT_INODE;
    const root = this.makeInode({ mode: S_IFDIR | 0o755, uid: 0, gid: 0, rdev: 0 });
    this.#root = root as SealedDirectory;
    this.commit();
  }

  get root(): SealedDirectory {
    if (this.#root === undefined) {
      const root = this.inode(ROOT_INODE);
      if (!(root instanceof SealedDirectory)) throw damaged(this.store.name, 'it has no root');
      this.#root = root;
      if (!this.isReadOnly) this.guard(() => this.#removeOrphans());
    }
    return this.#root;
  }

  override statistics(): FileSystemStatistics {
    const { space, reserveBlocks } = this.store;
    // What waits for the next commit counts as free: whoever needs it makes that commit.
    const free = Math.max(0, space.free + space.pending - reserveBlocks);
    return {
      ...super.statistics(),
      blocks: space.limit,
      blocksFree: free,
      blocksAvailable: free,
      files: this.store.fileCount + free,
      filesFree: free,
    };
  }

  override sync(): number {
    return this.isReadOnly ? 0 : this.guard(() => this.commit());
  }

  /** Commits and closes; a failure is told as every problem is. */
  override shutdown(): void {
    if (this.isReadOnly) return;
    this.guard(() => {
      this.commit();
      this.store.close();
    });
  }

  // --- for inodes --------------------------------------------------------------------------------

  /** Runs an operation that answers a value or an errno; VolumeErrors become errnos. */
  guard<T>(operation: () => T): T extends void ? number : T | number {
    type Result = T extends void ? number : T | number;
    try {
      return (operation() ?? 0) as Result;
    } catch (error) {
      if (!(error instanceof VolumeError)) throw error;
      if (error.code === 'CLOISTER_VOLUME_FULL') return -ENOSPC as Result;
      this.#onProblem(error);
      return -EIO as Result;
    }
  }

  /** As {@link guard}, for changes: first makes room and checks that changes are possible. */
  change<T>(operation: () => T): T extends void ? number : T | number {
    if (this.isReadOnly) return -EROFS as T extends void ? number : T | number;
    return this.guard(() => {
      this.store.checkWritable();
      // A change inside of a change (a whiteout) must not be torn from it by a commit.
      if (this.#depth === 0) this.#relieve();
      this.#depth++;
      try {
        return operation();
      } catch (error) {
        // It stopped half-way: that half must not become durable.
        if (error instanceof VolumeError && error.code !== 'CLOISTER_VOLUME_FULL')
          this.store.fail(error);
        throw error;
      } finally {
        this.#depth--;
      }
    });
  }

  /** A new inode without a name. */
  makeInode(spec: NodeSpec, target = ''): SealedInode {
    const { store } = this;
    const ino = store.nextInode++;
    store.fileCount++;
    store.isTouched = true;
    const inode = this.#construct(ino, spec.mode, undefined, target);
    inode.uid = spec.uid;
    inode.gid = spec.gid;
    inode.rdev = spec.rdev;
    inode.touchCreated();
    this.#inodes.set(ino, new WeakRef(inode));
    this.markDirty(inode);
    return inode;
  }

  /** The inode with a number; throws VolumeError when there is none. */
  inode(ino: number): SealedInode {
    const known = this.#inodes.get(ino)?.deref();
    if (known !== undefined) return known;
    const item = this.store.tree.get(itemKey(ino, ITEM.inode), 0);
    const record = item && decodeRecord(item);
    if (record === undefined) throw damaged(this.store.name, `there is no inode ${ino}`);
    const inode = this.#construct(ino, record.mode, record, '');
    inode.restore(record);
    this.#inodes.set(ino, new WeakRef(inode));
    return inode;
  }

  markDirty(inode: SealedInode): void {
    this.#dirty.add(inode);
  }

  forget(inode: SealedInode): void {
    this.#dirty.delete(inode);
    this.#inodes.delete(inode.ino);
    this.store.fileCount--;
    this.store.isTouched = true;
  }

  /** Makes all changes durable. Throws VolumeError. */
  commit(): void {
    for (const file of this.mapped) file.pullMapped();
    this.#flushInodes();
    this.store.commit();
    if (this.#inodes.size > 100_000) this.#sweep();
  }

  /** Room for `blocks` more blocks besides what waits in memory; a commit may be needed for it. */
  hasRoom(blocks: number): boolean {
    if (this.store.hasRoom(blocks + this.cache.neededBlocks)) return true;
    if (!this.store.isDirty || this.#depth > 1) return false;
    // What earlier changes freed can be used once they are durable.
    this.commit();
    return this.store.hasRoom(blocks);
  }

  #construct(
    ino: number,
    mode: number,
    record: InodeRecord | undefined,
    target: string,
  ): SealedInode {
    switch (mode & S_IFMT) {
      case S_IFDIR:
        return new SealedDirectory(this, ino, mode);
      case S_IFREG:
        return new SealedFile(this, ino, mode, record);
      case S_IFLNK:
        return new SealedSymlink(this, ino, mode, target);
      default:
        return new SealedInode(this, ino, mode);
    }
  }

  #flushInodes(): void {
    for (const inode of [...this.#dirty]) {
      inode.store();
      this.#dirty.delete(inode);
    }
  }

  /** Writes what waits in memory to the host, without a commit. 0 or a negative errno. */
  relieve(): number {
    return this.isReadOnly ? 0 : this.guard(() => this.#flushInodes());
  }

  /** Keeps what waits in memory within its bounds. */
  #relieve(): void {
    if (this.cache.dirtyBytes > MAX_DIRTY_BYTES || this.#dirty.size > MAX_DIRTY_INODES)
      this.#flushInodes();
    if (this.store.tree.dirtyCount > MAX_DIRTY_NODES) this.commit();
  }

  /** Files that had no name any more when the last run ended. */
  #removeOrphans(): void {
    const key = itemKey(0, ITEM.orphan);
    for (let item = this.store.tree.ceiling(key, 0); item !== undefined; ) {
      const inode = this.inode(item.b);
      if (inode.nlink === 0 && inode.references === 0) inode.evict();
      else this.store.tree.delete(key, item.b);
      item = this.store.tree.ceiling(key, item.b + 1);
    }
  }

  #sweep(): void {
    for (const [ino, reference] of this.#inodes)
      if (reference.deref() === undefined) this.#inodes.delete(ino);
  }
}
