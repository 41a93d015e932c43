/**
 * overlay: a read-only tree below, a writable one above (Documentation/filesystems/overlayfs.rst).
 * Whiteouts are character devices 0:0, opaque directories carry `trusted.overlay.opaque`, as in
 * Linux, so that an upper layer on a volume outlives the run.
 *
 * Deviation: renaming a directory of the lower layer copies it up whole instead of answering EXDEV,
 * and hard links of the lower layer stay links when one of them is copied up.
 */

import { OVERLAYFS_SUPER_MAGIC } from '../../abi/stat-layout.ts';
import type { FileClock } from '../../vfs/file-clock.ts';
import { FileSystem, type FileSystemStatistics } from '../../vfs/file-system.ts';
import type { Inode } from '../../vfs/inode.ts';
import { OverlayInode } from './overlay-inode.ts';

export class Overlay extends FileSystem {
  override readonly typeName = 'overlay';
  override readonly magic = OVERLAYFS_SUPER_MAGIC;
  override readonly blockSize: number;
  override readonly maxFileBytes: number;
  readonly lower: FileSystem;
  readonly upper: FileSystem;
  readonly root: OverlayInode;
  /** By the inode of either layer: two names of one file are one inode here, too. */
  readonly #nodes = new Map<Inode, OverlayInode>();

  constructor(clock: FileClock, lower: FileSystem, upper: FileSystem) {
    super(clock);
    this.lower = lower;
    this.upper = upper;
    this.blockSize = upper.blockSize;
    this.maxFileBytes = upper.maxFileBytes;
    this.root = this.node(undefined, '', lower.root, upper.root);
  }

  /** The node over what the layers have; `lower` or `upper` may be missing, not both. */
  node(
    parent: OverlayInode | undefined,
    name: string,
    lower: Inode | undefined,
    upper: Inode | undefined,
  ): OverlayInode {
    const known =
      (upper && this.#nodes.get(upper)) ?? (lower && upper === undefined && this.#nodes.get(lower));
    if (known !== undefined && known !== false && known.fits(lower, upper)) {
      known.foundAt(parent, name);
      return known;
    }
    const made = new OverlayInode(this, parent, name, lower, upper);
    if (upper !== undefined) this.#nodes.set(upper, made);
    if (lower !== undefined) this.#nodes.set(lower, made);
    return made;
  }

  /** `node` was copied up. */
  gotUpper(node: OverlayInode, upper: Inode): void {
    this.#nodes.set(upper, node);
  }

  forget(...inodes: readonly (Inode | undefined)[]): void {
    for (const inode of inodes) if (inode !== undefined) this.#nodes.delete(inode);
  }

  override statistics(): FileSystemStatistics {
    return { ...this.upper.statistics(), magic: this.magic };
  }

  override sync(): number {
    return this.upper.sync();
  }

  override shutdown(): void {
    this.upper.shutdown();
    this.lower.shutdown();
  }
}
