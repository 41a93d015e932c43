/** Mounts: where the root of a file system (or a part of it) stands in the tree. */

import {
  ST_NOATIME,
  ST_NODEV,
  ST_NODIRATIME,
  ST_NOEXEC,
  ST_NOSUID,
  ST_RDONLY,
  ST_RELATIME,
} from '../abi/stat-layout.ts';
import type { Dentry } from './dentry.ts';
import type { FileSystem } from './file-system.ts';

export class Mount {
  readonly id: number;
  readonly fs: FileSystem;
  /** What of the file system is shown: its root, or another dentry for bind mounts. */
  readonly root: Dentry;
  /** The first field of /proc/mounts: a byte string. */
  readonly source: string;
  /** ST_* bits: ST_RDONLY, ST_NOSUID, ST_NODEV, ST_NOEXEC, ST_NOATIME, ST_RELATIME. */
  flags: number;
  /** Undefined for the root of the tree and for detached mounts. */
  parent: Mount | undefined = undefined;
  mountPoint: Dentry | undefined = undefined;
  readonly children: Set<Mount> = new Set();
  /** Open files, working directories and roots on it. */
  pins = 0;
  /** Files open for writing: a mount with some does not become read-only. */
  writers = 0;
  /** MS_UNBINDABLE. */
  isUnbindable = false;
  /** MNT_EXPIRE asked once; a use since then takes it back. */
  isExpiring = false;

  constructor(id: number, fs: FileSystem, root: Dentry, source: string, flags: number) {
    this.id = id;
    this.fs = fs;
    this.root = root;
    this.source = source;
    this.flags = flags;
  }

  get isReadOnly(): boolean {
    return (this.flags & ST_RDONLY) !== 0 || this.fs.isReadOnly;
  }

  get forbidsExec(): boolean {
    return (this.flags & ST_NOEXEC) !== 0;
  }

  get ignoresSetuid(): boolean {
    return (this.flags & ST_NOSUID) !== 0;
  }

  /** Options as in the fourth field of /proc/mounts. */
  get optionsText(): string {
    const names: string[] = [this.isReadOnly ? 'ro' : 'rw'];
    for (const [bit, name] of FLAG_NAMES) if (this.flags & bit) names.push(name);
    return names.join(',');
  }
}

const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [ST_NOSUID, 'nosuid'],
  [ST_NODEV, 'nodev'],
  [ST_NOEXEC, 'noexec'],
  [ST_NOATIME, 'noatime'],
  [ST_NODIRATIME, 'nodiratime'],
  [ST_RELATIME, 'relatime'],
];
