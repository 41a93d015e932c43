/** A file or folder of the host. Knows where it was found last: its parent and its name there. */

import { EACCES, EIO, ENOENT, ENOTDIR, EOPNOTSUPP, EXDEV } from '../../abi/errno.table.ts';
import { isDirectory, isRegular, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG } from '../../abi/file-mode.ts';
import { type DirectorySink, FIRST_COOKIE, Inode, type NodeSpec } from '../../vfs/inode.ts';
import type { SegmentPages } from '../../vfs/mappable.ts';
import type { OpenFile, OpenRequest } from '../../vfs/open-file.ts';
import type { HostEntry, HostFile, HostFolder, HostStat } from './host-folder.ts';
import type { Hostfs } from './hostfs.ts';
import type { HandleOwner } from './open-handles.ts';
import { type CopiedFile, PageCopy } from './page-copy.ts';

const NS_PER_SEC = 1_000_000_000n;
const RENAME_EXCHANGE = 2;

export class HostInode extends Inode implements HandleOwner, CopiedFile {
  readonly #fs: Hostfs;
  #parent: HostInode | undefined;
  #name: string;
  #folder: HostFolder | undefined;
  /** A root's folder was given to it and stays. */
  readonly #ownsRoot: boolean;
  #file: HostFile | undefined;
  #isUnlinked = false;
  #copy: PageCopy | undefined;
  /** The listing that a reader of the directory is going through. */
  #entries: readonly HostEntry[] = [];

  constructor(
    fs: Hostfs,
    ino: number,
    stat: HostStat,
    parent: HostInode | undefined,
    name: string,
    folder: HostFolder | undefined,
  ) {
    super(fs, ino, stat.mode);
    this.#fs = fs;
    this.#parent = parent;
    this.#name = name;
    this.#folder = folder;
    this.#ownsRoot = folder !== undefined;
    this.take(stat);
  }

  /** Takes over attributes of the host. */
  take(stat: HostStat): void {
    this.mode = (this.mode & S_IFMT) | (stat.mode & 0o7777);
    this.nlink = stat.nlink;
    this.uid = stat.uid;
    this.gid = stat.gid;
    this.rdev = stat.rdev;
    if (this.size !== stat.size) this.#copy?.resize(stat.size);
    this.size = stat.size;
    this.blocks = stat.blocks;
    for (const [which, ns] of [
      ['atime', stat.atimeNs],
      ['mtime', stat.mtimeNs],
      ['ctime', stat.ctimeNs],
    ] as const) {
      this[`${which}Sec`] = Number(ns / NS_PER_SEC);
      this[`${which}Nsec`] = Number(((ns % NS_PER_SEC) + NS_PER_SEC) % NS_PER_SEC);
    }
  }

  /** A lookup found it here. */
  foundAt(parent: HostInode, name: string): void {
    if (this.#ownsRoot) return;
    this.#parent = parent;
    this.#name = name;
  }

  override refresh(): number {
    if (this.#fs.cachesNames) return 0;
    const stat = this.#file?.stat() ?? this.#stat();
    if (typeof stat === 'number') return this.#isUnlinked ? 0 : stat;
    this.take(stat);
    return 0;
  }

  #stat(): HostStat | number {
    if (this.#ownsRoot && this.#folder !== undefined)
      return this.#name === '' ? this.#folder.stat() : this.#folder.statAt(this.#name);
    return this.#inParent((folder) => folder.statAt(this.#name));
  }

  // --- folders -----------------------------------------------------------------------------------

  /** This folder, open. */
  #open(): HostFolder | number {
    if (this.#folder === undefined) {
      const opened = this.#inParent((folder) => folder.openFolder(this.#name));
      if (typeof opened === 'number') return opened;
      this.#folder = opened;
    }
    if (!this.#ownsRoot) this.#fs.handles.used(this);
    return this.#folder;
  }

  #inParent<T>(work: (folder: HostFolder) => T | number): T | number {
    if (this.#ownsRoot && this.#folder !== undefined) return work(this.#folder);
    const parent = this.#parent;
    const folder = parent === undefined ? -ENOENT : parent.#open();
    return typeof folder === 'number' ? folder : work(folder);
  }

  #within<T>(work: (folder: HostFolder) => T | number): T | number {
    if (!isDirectory(this.mode)) return -ENOTDIR;
    const folder = this.#open();
    return typeof folder === 'number' ? folder : work(folder);
  }

  get #isHidden(): boolean {
    if (!this.#fs.isPublicOnly) return false;
    return (this.mode & (isDirectory(this.mode) ? 0o005 : 0o004)) === 0;
  }

  override lookup(name: string): Inode | number {
    if (this.#isHidden) return -EACCES;
    if (!this.#fs.isVisible(this, name)) return -ENOENT;
    return this.#within((folder) => {
      const stat = folder.statAt(name);
      return typeof stat === 'number' ? stat : this.#fs.inodeOf(this, name, stat);
    });
  }

  override iterate(cookie: number, sink: DirectorySink): number {
    if (this.#isHidden) return -EACCES;
    if (cookie <= FIRST_COOKIE) {
      const listed = this.#within((folder) => folder.list());
      if (typeof listed === 'number') return listed;
      this.#entries = listed.filter(({ name }) => isName(name) && this.#fs.isVisible(this, name));
    }
    for (let i = Math.max(0, cookie - FIRST_COOKIE); i < this.#entries.length; i++) {
      const { name, type } = this.#entries[i] as HostEntry;
      // The number is not looked up for a listing: it would cost a stat an entry.
      if (!sink.emit(name, i + FIRST_COOKIE, type, i + 1 + FIRST_COOKIE)) return 0;
    }
    return 0;
  }

  override create(name: string, spec: NodeSpec): Inode | number {
    const mode = spec.mode & 0o7777;
    return this.#made(name, spec, (folder) => {
      switch (spec.mode & S_IFMT) {
        case S_IFREG: {
          const file = folder.createFile(name, mode);
          if (typeof file === 'number') return file;
          file[Symbol.dispose]();
          return 0;
        }
        case S_IFDIR:
          return folder.makeFolder(name, mode);
        case S_IFIFO:
          return folder.makeFifo(name, mode);
        default:
          return -EOPNOTSUPP;
      }
    });
  }

  override symlink(name: string, target: string, spec: NodeSpec): Inode | number {
    return this.#made(name, spec, (folder) => folder.symlink(name, target));
  }

  #made(name: string, spec: NodeSpec, make: (folder: HostFolder) => number): Inode | number {
    return this.#within((folder) => {
      const result = make(folder);
      if (result < 0) return result;
      if (this.#fs.mayChangeOwner) {
        folder.setOwner(name, spec.uid, spec.gid);
        // chown clears the set-user-ID and set-group-ID bits.
        if ((spec.mode & 0o6000) !== 0) folder.setMode(name, spec.mode & 0o7777);
      }
      const stat = folder.statAt(name);
      return typeof stat === 'number' ? stat : this.#fs.inodeOf(this, name, stat);
    });
  }

  override link(name: string, target: Inode): number {
    if (!(target instanceof HostInode)) return -EXDEV;
    const result = this.#within((folder) =>
      target.#inParent((from) => folder.link(name, from, target.#name)),
    );
    if (result === 0) target.refresh();
    return result;
  }

  override unlink(name: string, target: Inode): number {
    if (target instanceof HostInode) target.#keepOpen();
    const result = this.#within((folder) => folder.unlink(name));
    if (result === 0 && target instanceof HostInode) target.#lostName();
    return result;
  }

  override rmdir(name: string, target: Inode): number {
    const result = this.#within((folder) => folder.removeFolder(name));
    if (result === 0 && target instanceof HostInode) target.#lostName();
    return result;
  }

  override rename(
    name: string,
    source: Inode,
    newParent: Inode,
    newName: string,
    replaced: Inode | undefined,
    flags: number,
  ): number {
    if (!(newParent instanceof HostInode) || !(source instanceof HostInode)) return -EXDEV;
    if ((flags & RENAME_EXCHANGE) !== 0) return this.#exchange(name, newParent, newName, replaced);
    if (replaced instanceof HostInode) replaced.#keepOpen();
    const result = this.#within((from) =>
      newParent.#within((to) => from.rename(name, to, newName)),
    );
    if (result !== 0) return result;
    source.foundAt(newParent, newName);
    if (replaced instanceof HostInode && replaced !== source) replaced.#lostName();
    return 0;
  }

  /** Node.js has no renameat2(2): three renames, undone when one fails. Not atomic on the host. */
  #exchange(name: string, to: HostInode, toName: string, other: Inode | undefined): number {
    if (!(other instanceof HostInode)) return -ENOENT;
    const spare = `.cloister-exchange-${this.ino}-${other.ino}`;
    const move = (from: HostInode, fromName: string, into: HostInode, intoName: string) =>
      from.#within((a) => into.#within((b) => a.rename(fromName, b, intoName)));
    let result = move(this, name, this, spare);
    if (result !== 0) return result;
    result = move(to, toName, this, name);
    if (result !== 0) {
      move(this, spare, this, name);
      return result;
    }
    result = move(this, spare, to, toName);
    other.foundAt(this, name);
    return result;
  }

  /** A file in use stays usable after its name is gone. */
  #keepOpen(): void {
    if (this.references === 0 || !isRegular(this.mode)) return;
    // For writing where the host permits it: it cannot be opened again afterwards.
    if (typeof this.#contents(true) === 'number') this.#contents(false);
  }

  #lostName(): void {
    this.refresh();
    if (this.nlink > 0 && this.#file === undefined && !isDirectory(this.mode)) {
      const stat = this.#stat();
      if (typeof stat !== 'number') return;
    }
    if (isDirectory(this.mode) || this.nlink <= 1) this.nlink = 0;
    this.#isUnlinked = this.nlink === 0;
    if (this.#isUnlinked) this.#fs.forget(this);
  }

  override readlink(): string | number {
    return this.#inParent((folder) => folder.readlink(this.#name));
  }

  // --- contents ----------------------------------------------------------------------------------

  override open(_request: OpenRequest): OpenFile | number | undefined {
    return this.#isHidden ? -EACCES : undefined;
  }

  #contents(writable: boolean): HostFile | number {
    const have = this.#file;
    if (have !== undefined && (have.isWritable || !writable)) {
      this.#fs.handles.used(this);
      return have;
    }
    const opened = this.#inParent((folder) => folder.openFile(this.#name, writable));
    if (typeof opened === 'number') return opened;
    have?.[Symbol.dispose]();
    this.#file = opened;
    this.#fs.handles.used(this);
    return opened;
  }

  override readAt(position: number, target: Uint8Array, start: number, length: number): number {
    if (!isRegular(this.mode)) return super.readAt(position, target, start, length);
    if (this.#isHidden) return -EACCES;
    const file = this.#contents(false);
    if (typeof file === 'number') return file;
    const count = file.read(position, target, start, length);
    if (count > length) return -EIO;
    if (count > 0) this.#copy?.overlay(position, target, start, count);
    return count;
  }

  override writeAt(position: number, source: Uint8Array, start: number, length: number): number {
    if (!isRegular(this.mode)) return super.writeAt(position, source, start, length);
    const file = this.#contents(true);
    if (typeof file === 'number') return file;
    const count = file.write(position, source, start, length);
    if (count > length) return -EIO;
    if (count > 0) {
      this.size = Math.max(this.size, position + count);
      this.touchModified();
      if (this.#copy !== undefined) {
        this.#copy.resize(this.size);
        this.#copy.written(position, source.subarray(start, start + count));
      }
    }
    return count;
  }

  override truncate(size: number): number {
    const file = this.#contents(true);
    if (typeof file === 'number') return file;
    const result = file.truncate(size);
    if (result !== 0) return result;
    this.size = size;
    this.touchModified();
    return this.#copy?.resize(size) ?? 0;
  }

  /** posix_fallocate's meaning by growing the file; holes and the like are refused. */
  override allocate(mode: number, offset: number, length: number): number {
    const KEEP_SIZE = 1;
    if ((mode & ~KEEP_SIZE) !== 0) return -EOPNOTSUPP;
    if (mode === KEEP_SIZE || offset + length <= this.size) return 0;
    return this.truncate(offset + length);
  }

  override sync(dataOnly: boolean): number {
    const back = this.writeBack();
    if (back < 0 || !isRegular(this.mode)) return back;
    const file = this.#contents(false);
    return typeof file === 'number' ? file : file.sync(dataOnly);
  }

  override pages(offset: number, length: number): SegmentPages | undefined | number {
    const { segments } = this.#fs;
    if (segments === undefined || !isRegular(this.mode)) return undefined;
    this.refresh();
    if (this.#copy === undefined) {
      const made = PageCopy.create(segments, `hostfs:${this.ino}`, this);
      if (typeof made === 'number') return made;
      this.#copy = made;
    }
    const loaded = this.#copy.load(offset, length);
    return loaded < 0 ? loaded : { segment: this.#copy.segment, offset };
  }

  override noteSharedWrite(): void {
    if (this.#copy !== undefined) {
      this.#copy.mayBeDirty = true;
      this.#copy.writeBack();
    }
    this.touchModified();
  }

  readHost(position: number, target: Uint8Array): number {
    const file = this.#contents(false);
    return typeof file === 'number' ? file : file.read(position, target, 0, target.length);
  }

  writeHost(position: number, source: Uint8Array): number {
    const file = this.#contents(true);
    return typeof file === 'number' ? file : file.write(position, source, 0, source.length);
  }

  writeBack(): number {
    return this.#copy?.writeBack() ?? 0;
  }

  /** Changes come from the host, or through this mount: both change the size or a time. */
  override get contentVersion(): string | undefined {
    if (!isRegular(this.mode)) return undefined;
    return `host:${this.#fs.dev}:${this.ino}:${this.size}:${this.mtimeSec}.${this.mtimeNsec}`;
  }

  /** In the read-only view of a machine a file is taken to stay as it was first seen. */
  override get contentKey(): string | undefined {
    return this.#fs.isPublicOnly ? this.contentVersion : undefined;
  }

  // --- attributes --------------------------------------------------------------------------------

  override setMode(mode: number): number {
    const result = this.#inParent((folder) => folder.setMode(this.#name || '.', mode));
    return result === 0 ? super.setMode(mode) : result;
  }

  override setOwner(uid: number, gid: number): number {
    const result = this.#inParent((folder) => folder.setOwner(this.#name || '.', uid, gid));
    return result === 0 ? super.setOwner(uid, gid) : result;
  }

  override setAccessTime(sec: number, nsec: number): number {
    super.setAccessTime(sec, nsec);
    return this.#setTimes();
  }

  /** The host notes reads of its files itself: setting a time there would change the others. */
  override noteAccess(sec: number, nsec: number): void {
    super.setAccessTime(sec, nsec);
  }

  override setModificationTime(sec: number, nsec: number): number {
    super.setModificationTime(sec, nsec);
    return this.#setTimes();
  }

  #setTimes(): number {
    if (this.#fs.isReadOnly) return 0;
    const atime = BigInt(this.atimeSec) * NS_PER_SEC + BigInt(this.atimeNsec);
    const mtime = BigInt(this.mtimeSec) * NS_PER_SEC + BigInt(this.mtimeNsec);
    return this.#inParent((folder) => folder.setTimes(this.#name || '.', atime, mtime));
  }

  // --- lifetime ----------------------------------------------------------------------------------

  get mustStayOpen(): boolean {
    return this.#isUnlinked && this.references > 0;
  }

  closeHandle(): void {
    if (!this.#ownsRoot) this.#folder?.[Symbol.dispose]();
    this.#file?.[Symbol.dispose]();
    if (!this.#ownsRoot) this.#folder = undefined;
    this.#file = undefined;
  }

  override release(): void {
    super.release();
    if (this.references > 0) return;
    this.writeBack();
    // The programs of a machine are run again and again: their pages stay.
    if (!this.#fs.isPublicOnly) {
      this.#copy?.[Symbol.dispose]();
      this.#copy = undefined;
    }
    if (this.#file !== undefined) {
      this.#file[Symbol.dispose]();
      this.#file = undefined;
      if (this.#folder === undefined) this.#fs.handles.closed(this);
    }
  }

  dispose(): void {
    this.closeHandle();
    this.#copy?.[Symbol.dispose]();
    this.#copy = undefined;
  }
}

/** Names that the host may answer: one component, not "." or "..". */
function isName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/') && name.length <= 255;
}
