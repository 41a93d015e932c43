/**
 * The files that /proc/PID/ns leads to (namespaces(7), `fs/nsfs.c`): one a type, since there is one
 * namespace of each. What ioctl(2) and setns(2) make of them is `syscalls/namespaces.ts`'s.
 */

import { EPERM } from '../../abi/errno.table.ts';
import { O_ACCMODE, O_RDONLY } from '../../abi/file-flags.ts';
import { S_IFREG } from '../../abi/file-mode.ts';
import { NSFS_MAGIC } from '../../abi/stat-layout.ts';
import { CLONE } from '../../abi/task-flags.ts';
import { Dentry, type Location } from '../../vfs/dentry.ts';
import type { FileClock } from '../../vfs/file-clock.ts';
import { FileSystem } from '../../vfs/file-system.ts';
import { Inode } from '../../vfs/inode.ts';
import type { Mount } from '../../vfs/mount.ts';
import { OpenFile, type OpenRequest } from '../../vfs/open-file.ts';
import type { Vfs } from '../../vfs/vfs.ts';

export type NamespaceType = 'cgroup' | 'ipc' | 'mnt' | 'net' | 'pid' | 'time' | 'user' | 'uts';

interface NamespaceRow {
  /** `PROC_*_INIT_INO`. */
  readonly ino: number;
  readonly cloneFlag: number;
}

export const NAMESPACES: Readonly<Record<NamespaceType, NamespaceRow>> = {
  cgroup: { ino: 4026531835, cloneFlag: CLONE.CLONE_NEWCGROUP },
  ipc: { ino: 4026531839, cloneFlag: CLONE.CLONE_NEWIPC },
  mnt: { ino: 4026531841, cloneFlag: CLONE.CLONE_NEWNS },
  net: { ino: 4026531840, cloneFlag: CLONE.CLONE_NEWNET },
  pid: { ino: 4026531836, cloneFlag: CLONE.CLONE_NEWPID },
  time: { ino: 4026531834, cloneFlag: CLONE.CLONE_NEWTIME },
  user: { ino: 4026531837, cloneFlag: CLONE.CLONE_NEWUSER },
  uts: { ino: 4026531838, cloneFlag: CLONE.CLONE_NEWUTS },
};

export class NamespaceFile extends OpenFile {
  declare readonly inode: NamespaceInode;

  get namespaces(): Nsfs {
    return this.inode.fs;
  }

  get type(): NamespaceType {
    return this.inode.type;
  }

  override get anonymousName(): string {
    return `${this.type}:[${this.inode.ino}]`;
  }
}

class NamespaceInode extends Inode {
  declare readonly fs: Nsfs;
  readonly type: NamespaceType;

  constructor(fs: Nsfs, type: NamespaceType) {
    super(fs, NAMESPACES[type].ino, S_IFREG | 0o444);
    this.type = type;
    this.touchCreated();
  }

  /** Such a file is immutable. */
  override open(request: OpenRequest): OpenFile | number {
    return (request.flags & O_ACCMODE) === O_RDONLY ? new NamespaceFile(request) : -EPERM;
  }
}

export class Nsfs extends FileSystem {
  override readonly typeName = 'nsfs';
  override readonly magic = NSFS_MAGIC;
  override readonly hasHandles = false;
  readonly root: Inode;
  readonly #places = new Map<NamespaceType, Location>();
  readonly #mount: Mount;

  constructor(vfs: Vfs, clock: FileClock) {
    super(clock);
    this.root = new NamespaceInode(this, 'mnt');
    this.#mount = vfs.makeMount(this, undefined, 'nsfs', 0);
  }

  place(type: NamespaceType): Location {
    let place = this.#places.get(type);
    if (place === undefined) {
      const dentry = new Dentry('', undefined, new NamespaceInode(this, type));
      // Kept for good: what is opened must not be the last to hold it.
      dentry.pins++;
      dentry.inode.retain();
      place = { mount: this.#mount, dentry };
      this.#places.set(type, place);
    }
    return place;
  }
}
