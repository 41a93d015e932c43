/** The file system behind pipe(2), and the pipes behind FIFOs of other file systems. */

import { ENXIO } from '../../abi/errno.table.ts';
import { O_DIRECT, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from '../../abi/file-flags.ts';
import { S_IFIFO } from '../../abi/file-mode.ts';
import { PIPEFS_MAGIC } from '../../abi/stat-layout.ts';
import { placeless } from '../../vfs/anonymous.ts';
import type { Credentials } from '../../vfs/credentials.ts';
import type { FileClock } from '../../vfs/file-clock.ts';
import { FileSystem } from '../../vfs/file-system.ts';
import { Inode } from '../../vfs/inode.ts';
import type { Mount } from '../../vfs/mount.ts';
import type { OpenFile, OpenRequest } from '../../vfs/open-file.ts';
import type { Vfs } from '../../vfs/vfs.ts';
import { Pipe } from './pipe.ts';
import { PipeFile } from './pipe-file.ts';

class PipeInode extends Inode {
  readonly pipe = new Pipe();

  constructor(fs: FileSystem, ino: number, who: Credentials) {
    super(fs, ino, S_IFIFO | 0o600);
    this.uid = who.fsuid;
    this.gid = who.fsgid;
    this.touchCreated();
  }

  /** /proc/self/fd/N: another end of the same pipe. */
  override open(request: OpenRequest): OpenFile {
    return new PipeFile(request, this.pipe, false);
  }
}

export class PipeFs extends FileSystem {
  override readonly typeName = 'pipefs';
  override readonly magic = PIPEFS_MAGIC;
  readonly root: Inode;
  readonly #mount: Mount;
  readonly #fifos = new WeakMap<Inode, Pipe>();
  #nextIno = 2;

  constructor(vfs: Vfs, clock: FileClock) {
    super(clock);
    this.root = new PipeInode(this, 1, { fsuid: 0, fsgid: 0, groups: [], capabilities: 0 });
    this.#mount = vfs.makeMount(this, undefined, 'pipefs', 0);
  }

  /** pipe2(2): reading end, writing end. `flags`: O_NONBLOCK, O_DIRECT; of at most `limitBytes`. */
  makePipe(
    who: Credentials,
    flags: number,
    limitBytes = Number.POSITIVE_INFINITY,
  ): [PipeFile, PipeFile] {
    const inode = new PipeInode(this, this.#nextIno++, who);
    inode.nlink = 1;
    const { pipe } = inode;
    pipe.capacity = Math.min(pipe.capacity, limitBytes);
    const dentry = placeless('', inode);
    const kept = flags & (O_NONBLOCK | O_DIRECT);
    const common = { mount: this.#mount, dentry, inode, credentials: who };
    return [
      new PipeFile({ ...common, flags: O_RDONLY | kept }, pipe, false),
      new PipeFile({ ...common, flags: O_WRONLY | kept }, pipe, false),
    ];
  }

  /** fifo(7): opening one end waits for the other. */
  openFifo(request: OpenRequest): OpenFile | number {
    let pipe = this.#fifos.get(request.inode);
    if (pipe === undefined) {
      pipe = new Pipe();
      this.#fifos.set(request.inode, pipe);
    }
    const access = request.flags & 3;
    const mayWait = (request.flags & O_NONBLOCK) === 0;
    if (access === O_WRONLY && pipe.readers === 0) {
      if (!mayWait) return -ENXIO;
      return new PipeFile(request, pipe, true, 'reader');
    }
    if (access === O_RDONLY && pipe.writers === 0 && mayWait)
      return new PipeFile(request, pipe, true, 'writer');
    return new PipeFile(access === 3 ? { ...request, flags: O_RDWR } : request, pipe, true);
  }
}
