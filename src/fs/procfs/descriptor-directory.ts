/** /proc/PID/fd and /proc/PID/fdinfo. */

import { EACCES, ENOENT } from '../../abi/errno.table.ts';
import { O_ACCMODE, O_CLOEXEC, O_RDONLY, O_WRONLY } from '../../abi/file-flags.ts';
import type { Location } from '../../vfs/dentry.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import { describePlace } from '../../vfs/place.ts';
import { NumberedDirectory, ProcFile, ProcLink } from './nodes.ts';
import type { Procfs } from './procfs.ts';

export class DescriptorDirectory extends NumberedDirectory {
  declare readonly fs: Procfs;
  readonly #tid: number;
  readonly #kind: 'link' | 'info';
  readonly #known = new Map<number, { readonly file: OpenFile; readonly node: Inode }>();

  constructor(fs: Procfs, tid: number, kind: 'link' | 'info') {
    super(fs, kind === 'link' ? 0o500 : 0o555);
    this.#tid = tid;
    this.#kind = kind;
  }

  #task() {
    const task = this.fs.tasks.find(this.#tid);
    if (task === undefined) return -ENOENT;
    return task.mayInspect() ? task : -EACCES;
  }

  protected override numbers(): readonly number[] | number {
    const task = this.#task();
    return typeof task === 'number' ? task : task.descriptors();
  }

  protected override entry(fd: number): Inode | number {
    const task = this.#task();
    if (typeof task === 'number') return task;
    const file = task.descriptor(fd);
    if (file === undefined) {
      this.#known.delete(fd);
      return -ENOENT;
    }
    const known = this.#known.get(fd);
    if (known?.file === file) return known.node;
    const node = this.#kind === 'link' ? this.#link(fd, file) : this.#info(fd);
    node.uid = this.uid;
    node.gid = this.gid;
    this.#known.set(fd, { file, node });
    return node;
  }

  #link(fd: number, opened: OpenFile): Inode {
    const find = (): OpenFile | number => {
      const task = this.#task();
      return typeof task === 'number' ? task : (task.descriptor(fd) ?? -ENOENT);
    };
    const read = (): string | number => {
      const file = find();
      if (typeof file === 'number') return file;
      const root = this.fs.tasks.current().fs?.root ?? this.fs.vfs.root;
      return file.anonymousName ?? describePlace(root, file);
    };
    const target = (): Location | number => find();
    const access = opened.flags & O_ACCMODE;
    const rights = access === O_RDONLY ? 0o500 : access === O_WRONLY ? 0o300 : 0o700;
    return new ProcLink(this.fs, { read, target }, rights);
  }

  #info(fd: number): Inode {
    const read = (): string | number => {
      const task = this.#task();
      if (typeof task === 'number') return task;
      const file = task.descriptor(fd);
      if (file === undefined) return -ENOENT;
      const closes = task.closesOnExec(fd) ? O_CLOEXEC : 0;
      const flags = (file.flags | closes).toString(8);
      return (
        `pos:\t${file.position}\nflags:\t0${flags}\nmnt_id:\t${file.mount.id}\n` +
        `ino:\t${file.inode.ino}\n${file.extraInfo}`
      );
    };
    return new ProcFile(this.fs, { read }, 0o444);
  }
}
