/** Open directories: "." and ".." come first, then what the file system has. */

import { EINVAL, EISDIR } from '../abi/errno.table.ts';
import { O_NOATIME, SEEK_CUR, SEEK_SET } from '../abi/file-flags.ts';
import { DT_DIR } from '../abi/file-mode.ts';
import { IN_ACCESS } from '../abi/inotify.ts';
import { noteAccess } from './access-time.ts';
import { type DirectorySink, FIRST_COOKIE } from './inode.ts';
import { notify } from './notify.ts';
import { OpenFile } from './open-file.ts';

export class DirectoryFile extends OpenFile {
  override get isSeekable(): boolean {
    return true;
  }

  override read(): number {
    return -EISDIR;
  }

  override readAt(): number {
    return -EISDIR;
  }

  override seek(offset: number, whence: number): number {
    const next = whence === SEEK_SET ? offset : whence === SEEK_CUR ? this.position + offset : -1;
    if (next < 0) return -EINVAL;
    this.position = next;
    return next;
  }

  override sync(dataOnly: boolean): number {
    return this.inode.sync(dataOnly);
  }

  override iterate(sink: DirectorySink): number {
    const isQuiet = (this.flags & O_NOATIME) !== 0;
    if (!isQuiet) noteAccess(this.mount, this.inode);
    notify(this.dentry, IN_ACCESS);
    if (this.position === 0) {
      if (!sink.emit('.', this.inode.ino, DT_DIR, 1)) return 0;
      this.position = 1;
    }
    if (this.position === 1) {
      if (!sink.emit('..', this.parentIno(), DT_DIR, FIRST_COOKIE)) return 0;
      this.position = FIRST_COOKIE;
    }
    return this.inode.iterate(this.position, new PositionSink(this, sink), isQuiet);
  }

  /** The parent as the mount tree has it. */
  private parentIno(): number {
    let { mount, dentry } = this;
    while (dentry === mount.root && mount.parent !== undefined && mount.mountPoint !== undefined) {
      dentry = mount.mountPoint;
      mount = mount.parent;
    }
    return dentry === mount.root ? dentry.inode.ino : dentry.parent.inode.ino;
  }
}

/** Moves the position over each entry that was taken. */
class PositionSink implements DirectorySink {
  readonly #file: OpenFile;
  readonly #sink: DirectorySink;

  constructor(file: OpenFile, sink: DirectorySink) {
    this.#file = file;
    this.#sink = sink;
  }

  emit(name: string, ino: number, type: number, nextCookie: number): boolean {
    if (!this.#sink.emit(name, ino, type, nextCookie)) return false;
    this.#file.position = nextCookie;
    return true;
  }
}
