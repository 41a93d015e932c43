/** Open regular files, over any inode that implements readAt and writeAt. */

import { CAP_FSETID } from '../abi/capability.ts';
import { EBADF, EFBIG, EINVAL, ENODEV, ENXIO } from '../abi/errno.table.ts';
import {
  O_APPEND,
  O_DSYNC,
  O_NOATIME,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  SEEK_SET,
} from '../abi/file-flags.ts';
import { S_ISGID, S_ISUID, S_IXGRP } from '../abi/file-mode.ts';
import { IN_ACCESS, IN_MODIFY } from '../abi/inotify.ts';
import { noteAccess } from './access-time.ts';
import { hasCapability } from './credentials.ts';
import { FileMapping } from './file-mapping.ts';
import type { Inode } from './inode.ts';
import { notify } from './notify.ts';
import { OpenFile } from './open-file.ts';
import { describePlace } from './place.ts';

export class RegularFile extends OpenFile {
  #isWriter = false;

  /** It was opened for writing by name: see {@link Inode.writers}. */
  countsAsWriter(): void {
    this.#isWriter = true;
    this.inode.writers++;
    this.mount.writers++;
  }

  override get isSeekable(): boolean {
    return true;
  }

  override get takesDirectIo(): boolean {
    return true;
  }

  override read(target: Uint8Array, start: number, length: number): number {
    const count = this.readAt(this.position, target, start, length);
    if (count > 0) this.position += count;
    return count;
  }

  override readAt(position: number, target: Uint8Array, start: number, length: number): number {
    if (position >= this.inode.fs.maxFileBytes) return 0;
    const isQuiet = (this.flags & O_NOATIME) !== 0;
    const count = isQuiet
      ? this.inode.readQuietlyAt(position, target, start, length)
      : this.inode.readAt(position, target, start, length);
    if (!isQuiet) noteAccess(this.mount, this.inode);
    if (count > 0) this.report(IN_ACCESS);
    return count;
  }

  override write(source: Uint8Array, start: number, length: number): number {
    if ((this.flags & O_APPEND) !== 0) this.position = this.appendPosition();
    const count = this.writeInode(this.position, source, start, length);
    if (count > 0) this.position += count;
    return count;
  }

  override writeAt(position: number, source: Uint8Array, start: number, length: number): number {
    // pwrite(2), BUGS: with O_APPEND Linux appends whatever the offset.
    const at = (this.flags & O_APPEND) !== 0 ? this.appendPosition() : position;
    return this.writeInode(at, source, start, length);
  }

  private appendPosition(): number {
    this.inode.refresh();
    return this.inode.size;
  }

  private writeInode(position: number, source: Uint8Array, start: number, length: number): number {
    const limit = this.inode.fs.maxFileBytes;
    if (length > 0 && position >= limit) return -EFBIG;
    const room = Math.min(length, limit - position);
    if (room > 0) dropPrivileges(this);
    const count = this.inode.writeAt(position, source, start, room);
    if (count > 0) {
      this.report(IN_MODIFY);
      if ((this.flags & O_DSYNC) !== 0) {
        const synced = this.inode.sync(true);
        if (synced < 0) return synced;
      }
    }
    return count;
  }

  private report(mask: number): void {
    const { dentry, inode } = this;
    if (inode.watches !== undefined || dentry.parent.inode.watches !== undefined)
      notify(dentry, mask);
  }

  override seek(offset: number, whence: number): number {
    const next = seekTarget(this.inode, this.position, offset, whence);
    if (next >= 0) this.position = next;
    return next;
  }

  override truncate(size: number): number {
    if (!this.isWritable) return -EINVAL;
    if (size > this.inode.fs.maxFileBytes) return -EFBIG;
    dropPrivileges(this);
    const result = this.inode.truncate(size);
    if (result === 0) this.report(IN_MODIFY);
    return result;
  }

  override allocate(mode: number, offset: number, length: number): number {
    if (!this.isWritable) return -EBADF;
    if (offset + length > this.inode.fs.maxFileBytes) return -EFBIG;
    dropPrivileges(this);
    const result = this.inode.allocate(mode, offset, length);
    if (result === 0) this.report(IN_MODIFY);
    return result;
  }

  override sync(dataOnly: boolean): number {
    return this.inode.sync(dataOnly);
  }

  override mapping(): FileMapping | number {
    if (this.mount.root === undefined) return -ENODEV;
    return new FileMapping(this, (file) =>
      describePlace({ mount: file.mount, dentry: file.mount.root }, file),
    );
  }

  protected override closed(): void {
    if (this.#isWriter) {
      this.inode.writers--;
      this.mount.writers--;
    }
  }
}

/** lseek(2) for files with a size. */
export function seekTarget(inode: Inode, position: number, offset: number, whence: number): number {
  let next: number;
  switch (whence) {
    case SEEK_SET:
      next = offset;
      break;
    case SEEK_CUR:
      next = position + offset;
      break;
    case SEEK_END:
      inode.refresh();
      next = inode.size + offset;
      break;
    case SEEK_DATA:
      return offset < 0 ? -ENXIO : inode.seekData(offset);
    case SEEK_HOLE:
      return offset < 0 ? -ENXIO : inode.seekHole(offset);
    default:
      return -EINVAL;
  }
  return next < 0 || next > inode.fs.maxFileBytes ? -EINVAL : next;
}

/** A write by someone without CAP_FSETID takes set-user-ID and set-group-ID away. */
export function dropPrivileges(file: OpenFile): void {
  const { inode } = file;
  if ((inode.mode & (S_ISUID | S_ISGID)) === 0) return;
  if (hasCapability(file.credentials, CAP_FSETID)) return;
  let mode = inode.mode & 0o7777 & ~S_ISUID;
  if ((mode & S_IXGRP) !== 0) mode &= ~S_ISGID;
  if (mode !== (inode.mode & 0o7777)) inode.setMode(mode);
}
