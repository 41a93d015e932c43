/** What all inodes of tmpfs share: owner, times, xattrs, inode accounting. */

import { EEXIST, EINVAL, ENODATA, ENOSPC } from '../../abi/errno.table.ts';
import { XATTR_CREATE, XATTR_REPLACE } from '../../abi/file-flags.ts';
import { Inode, type NodeSpec } from '../../vfs/inode.ts';
import type { Tmpfs } from './tmpfs.ts';

/** FIFOs, sockets and devices are nothing more than this. */
export class TmpfsInode extends Inode {
  declare readonly fs: Tmpfs;
  #xattrs: Map<string, Uint8Array> | undefined = undefined;

  constructor(fs: Tmpfs, ino: number, spec: NodeSpec) {
    super(fs, ino, spec.mode);
    this.uid = spec.uid;
    this.gid = spec.gid;
    this.rdev = spec.rdev;
    this.touchCreated();
  }

  override evict(): void {
    this.fs.space.giveInode();
  }

  /** A name of it is gone. */
  dropLink(): void {
    this.nlink--;
    this.touchChanged();
    if (this.nlink === 0 && this.references === 0) this.evict();
  }

  override getXattr(name: string): Uint8Array | number {
    return this.#xattrs?.get(name) ?? -ENODATA;
  }

  override setXattr(name: string, value: Uint8Array, flags: number): number {
    const exists = this.#xattrs?.has(name) === true;
    if (exists && (flags & XATTR_CREATE) !== 0) return -EEXIST;
    if (!exists && (flags & XATTR_REPLACE) !== 0) return -ENODATA;
    this.#xattrs ??= new Map();
    if (!exists && this.#xattrs.size >= 1024) return -ENOSPC;
    this.#xattrs.set(name, value.slice());
    this.touchChanged();
    return 0;
  }

  override removeXattr(name: string): number {
    if (this.#xattrs?.delete(name) !== true) return -ENODATA;
    this.touchChanged();
    return 0;
  }

  override listXattr(): readonly string[] {
    return this.#xattrs === undefined ? [] : [...this.#xattrs.keys()];
  }
}

export class TmpfsSymlink extends TmpfsInode {
  readonly #target: string;

  constructor(fs: Tmpfs, ino: number, spec: NodeSpec, target: string) {
    super(fs, ino, spec);
    this.#target = target;
    this.size = target.length;
  }

  override readlink(): string | number {
    return this.#target.length === 0 ? -EINVAL : this.#target;
  }
}
