/**
 * Files without a place in the tree: eventfd, epoll, signalfd, timerfd, inotify. As in Linux they
 * share one inode, and /proc/self/fd shows them as "anon_inode:[name]".
 */

import { ANON_INODE_FS_MAGIC } from '../abi/stat-layout.ts';
import type { Credentials } from './credentials.ts';
import { Dentry } from './dentry.ts';
import type { FileClock } from './file-clock.ts';
import { FileSystem } from './file-system.ts';
import { Inode } from './inode.ts';
import { OpenFile, type OpenRequest } from './open-file.ts';
import type { Vfs } from './vfs.ts';

class AnonymousInode extends Inode {
  constructor(fs: FileSystem) {
    // anon_inode_getfile: mode 0600 without a type.
    super(fs, 1, 0o600);
    this.touchCreated();
  }
}

export class AnonymousFs extends FileSystem {
  override readonly typeName = 'anon_inodefs';
  override readonly magic = ANON_INODE_FS_MAGIC;
  readonly root: Inode;

  constructor(clock: FileClock) {
    super(clock);
    this.root = new AnonymousInode(this);
  }
}

/** What {@link AnonymousFile} needs; `flags` are O_RDWR, O_NONBLOCK and the like. */
export function anonymousRequest(vfs: Vfs, who: Credentials, flags: number): OpenRequest {
  const mount = vfs.anonymousMount;
  return { mount, dentry: mount.root, inode: mount.root.inode, flags, credentials: who };
}

/** The base of files that have no path. */
export abstract class AnonymousFile extends OpenFile {
  /** "[eventfd]" and the like. */
  protected abstract readonly kind: string;

  override get anonymousName(): string {
    return `anon_inode:${this.kind}`;
  }

  override get movesAtOnce(): boolean {
    return true;
  }

  override get feedsPipes(): boolean {
    return false;
  }

  /** `noop_llseek`: there is no position, and moving it is no error. */
  override seek(): number {
    return 0;
  }
}

/** A place for a file that only has an inode: pipes, sockets, memfd. */
export function placeless(name: string, inode: Inode): Dentry {
  return new Dentry(name, undefined, inode);
}
