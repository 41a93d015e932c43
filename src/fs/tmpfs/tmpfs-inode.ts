/** What all inodes of tmpfs share: owner, times, xattrs, inode accounting. */

import { EACCES, EEXIST, EINVAL, ENODATA, ENOSPC, EOPNOTSUPP } from '../../abi/errno.table.ts';
import { XATTR_CREATE, XATTR_REPLACE } from '../../abi/file-flags.ts';
import { isDirectory, isSymlink } from '../../abi/file-mode.ts';
import {
  ACL_ACCESS,
  ACL_DEFAULT,
  aclAndMode,
  aclForMode,
  formatAcl,
  parseAcl,
} from '../../vfs/acl.ts';
import { Inode, type NodeSpec } from '../../vfs/inode.ts';
import type { Tmpfs } from './tmpfs.ts';

const SYSTEM = 'system.';
const NOTHING = new Uint8Array(0);

/** FIFOs, sockets and devices are nothing more than this. */
export class TmpfsInode extends Inode {
  declare readonly fs: Tmpfs;
  #xattrs: Map<string, Uint8Array> | undefined = undefined;

  constructor(fs: Tmpfs, ino: number, spec: NodeSpec) {
    super(fs, ino, spec.mode);
    this.uid = spec.uid;
    this.gid = spec.gid;
    this.rdev = spec.rdev;
    this.acl = spec.acl;
    this.defaultAcl = spec.defaultAcl;
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
    if (name.startsWith(SYSTEM)) return this.#getAcl(name);
    return this.#xattrs?.get(name) ?? -ENODATA;
  }

  override setXattr(name: string, value: Uint8Array, flags: number): number {
    if (name.startsWith(SYSTEM)) return this.#setAcl(name, value);
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
    if (name.startsWith(SYSTEM)) return this.#setAcl(name, NOTHING);
    if (this.#xattrs?.delete(name) !== true) return -ENODATA;
    this.touchChanged();
    return 0;
  }

  override listXattr(): readonly string[] {
    const { acl, defaultAcl } = this;
    if (acl === undefined && defaultAcl === undefined)
      return this.#xattrs === undefined ? [] : [...this.#xattrs.keys()];
    const lists = [acl && ACL_ACCESS, defaultAcl && ACL_DEFAULT].filter(
      (name) => name !== undefined,
    );
    return [...lists, ...(this.#xattrs?.keys() ?? [])];
  }

  override setMode(mode: number): number {
    if (this.acl !== undefined) this.acl = aclForMode(this.acl, mode);
    return super.setMode(mode);
  }

  #getAcl(name: string): Uint8Array | number {
    if (isSymlink(this.mode)) return -EOPNOTSUPP;
    if (name !== ACL_ACCESS && name !== ACL_DEFAULT) return -EOPNOTSUPP;
    const acl = name === ACL_ACCESS ? this.acl : this.defaultAcl;
    return acl === undefined ? -ENODATA : formatAcl(acl);
  }

  /** Without entries: takes the list away. */
  #setAcl(name: string, value: Uint8Array): number {
    if (isSymlink(this.mode)) return -EOPNOTSUPP;
    if (name !== ACL_ACCESS && name !== ACL_DEFAULT) return -EOPNOTSUPP;
    const acl = parseAcl(value);
    if (typeof acl === 'number') return acl;
    if (name === ACL_DEFAULT) {
      if (!isDirectory(this.mode)) return acl === undefined ? 0 : -EACCES;
      this.defaultAcl = acl;
    } else {
      const next = acl === undefined ? { acl, mode: this.mode } : aclAndMode(acl, this.mode);
      this.acl = next.acl;
      this.mode = next.mode;
    }
    this.touchChanged();
    return 0;
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
