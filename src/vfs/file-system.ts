/** A mounted file system instance (a superblock). Owned by the mounts that show it. */

import { EINVAL } from '../abi/errno.table.ts';
import { NAME_MAX } from '../abi/file-flags.ts';
import type { FileClock } from './file-clock.ts';
import type { Inode } from './inode.ts';

/** What statfs(2) reports; sizes in blocks of `blockSize`. */
export interface FileSystemStatistics {
  magic: number;
  blockSize: number;
  blocks: number;
  blocksFree: number;
  blocksAvailable: number;
  files: number;
  filesFree: number;
  nameMax: number;
}

export abstract class FileSystem {
  /** As in /proc/filesystems and the third field of /proc/mounts. */
  abstract readonly typeName: string;
  abstract readonly magic: number;
  /** st_dev; given by the Vfs when the file system is made known to it. */
  dev = 0;
  /** No change ever succeeds (EROFS), whatever the mount says. */
  readonly isReadOnly: boolean = false;
  /**
   * Names that were found stay valid until they are changed through this kernel, so path walks
   * may keep them. False where entries come and go by themselves (procfs, host folders).
   */
  readonly cachesNames: boolean = true;
  /** Files can be named by handles (name_to_handle_at(2)). */
  readonly hasHandles: boolean = true;
  /** A name that is not there is no place for a new one: ENOENT, whatever is asked (procfs). */
  readonly hasFixedNames: boolean = false;
  /** Reading stamps access times by itself (a host does): the Vfs leaves them alone. */
  readonly stampsAccess: boolean = false;
  readonly blockSize: number = 4096;
  /** Largest file size (s_maxbytes). */
  readonly maxFileBytes: number = Number.MAX_SAFE_INTEGER;
  readonly clock: FileClock;

  constructor(clock: FileClock) {
    this.clock = clock;
  }

  abstract get root(): Inode;

  statistics(): FileSystemStatistics {
    return {
      magic: this.magic,
      blockSize: this.blockSize,
      blocks: 0,
      blocksFree: 0,
      blocksAvailable: 0,
      files: 0,
      filesFree: 0,
      nameMax: NAME_MAX,
    };
  }

  /** Options as the fourth field of /proc/mounts, without rw/ro. */
  get options(): string {
    return '';
  }

  /** Makes everything durable. 0 or a negative errno. */
  sync(): number {
    return 0;
  }

  /** Changes options (mount(2) with MS_REMOUNT). 0 or a negative errno. */
  remount(_options: string): number {
    return -EINVAL;
  }

  /** The last mount is gone, or the instance ends. */
  shutdown(): void {
    this.sync();
  }
}
