/**
 * Directory entries: the names that are in use, as a tree per file system. They give open files and
 * working directories a place (getcwd, /proc/self/fd), and spare path walks the file system.
 */

import type { Inode } from './inode.ts';
import type { Mount } from './mount.ts';

export class Dentry {
  name: string;
  /** The root of a file system is its own parent. */
  parent: Dentry;
  readonly inode: Inode;
  /** Known children; undefined until there is one. */
  children: Map<string, Dentry> | undefined = undefined;
  /** Mounts that have this dentry as mount point. */
  mountCount = 0;
  /** Open files, working directories and roots that stand here: not to be forgotten. */
  pins = 0;
  /** Unlinked, or replaced by a rename. */
  isDeleted = false;

  constructor(name: string, parent: Dentry | undefined, inode: Inode) {
    this.name = name;
    this.parent = parent ?? this;
    this.inode = inode;
  }

  get isRoot(): boolean {
    return this.parent === this;
  }

  addChild(name: string, inode: Inode): Dentry {
    const child = new Dentry(name, this, inode);
    this.children ??= new Map();
    this.children.set(name, child);
    return child;
  }

  /** Takes this name out of its parent. */
  detach(): void {
    const siblings = this.parent.children;
    if (siblings?.get(this.name) === this) siblings.delete(this.name);
  }
}

/** A place: a dentry as seen through a mount. Immutable. */
export interface Location {
  readonly mount: Mount;
  readonly dentry: Dentry;
}

export const sameLocation = (a: Location, b: Location): boolean =>
  a.mount === b.mount && a.dentry === b.dentry;
