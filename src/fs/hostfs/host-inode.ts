/** A file or folder of the host. Knows where it was found last: its parent and its name there. */

import { EACCES, EIO, ENOENT, ENOTDIR, EXDEV } from '../../abi/errno.table.ts';
import {
  O_ACCMODE,
  O_RDONLY,
  O_WRONLY,
  RENAME_EXCHANGE,
  SEEK_DATA,
  SEEK_HOLE,
} from '../../abi/file-flags.ts';
import { isDirectory, isRegular, S_IFDIR, S_IFMT, S_IFREG } from '../../abi/file-mode.ts';
import { CookieListing } from '../../vfs/cookie-listing.ts';
import { type DirectorySink, FIRST_COOKIE, Inode, type NodeSpec } from '../../vfs/inode.ts';
import type { SegmentPages } from '../../vfs/mappable.ts';
import type { OpenFile, OpenRequest } from '../../vfs/open-file.ts';
import { type ContentVersion, settledStamp, versionOf } from './content-version.ts';
import type { HostFolder, HostStat, HostTimes } from './host-folder.ts';
import { HostPlace, isName } from './host-place.ts';
import type { Hostfs } from './hostfs.ts';
import { type CopiedFile, PageCopy } from './page-copy.ts';

/** UTIME_OMIT for both times. */
const OMIT = 0x3fff_fffe;
const OMITTED: HostTimes = { atimeSec: 0, atimeNsec: OMIT, mtimeSec: 0, mtimeNsec: OMIT };

export class HostInode extends Inode implements CopiedFile {
  readonly #fs: Hostfs;
  readonly #place: HostPlace;
  #copy: PageCopy | undefined;
  #version: ContentVersion | undefined;
  /** The content that the copy was made from; undefined where a change might not have shown. */
  #copyStamp: string | undefined;
  /** The listing that readers of the directory are going through. */
  #listing: CookieListing | undefined = undefined;

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
    this.#place = new HostPlace(
      this,
      fs.handles,
      parent === undefined ? undefined : parent.#place,
      name,
      folder,
    );
    this.take(stat);
  }

  /** Takes over attributes of the host. */
  take(stat: HostStat): void {
    this.mode = (this.mode & S_IFMT) | (stat.mode & 0o7777);
    this.nlink = stat.nlink;
    this.uid = stat.uid;
    this.gid = stat.gid;
    this.rdev = stat.rdev;
    const grew = this.size !== stat.size;
    this.size = stat.size;
    if (grew) this.#copy?.resize(stat.size);
    this.blocks = stat.blocks;
    this.atimeSec = stat.atimeSec;
    this.atimeNsec = stat.atimeNsec;
    this.mtimeSec = stat.mtimeSec;
    this.mtimeNsec = stat.mtimeNsec;
    this.ctimeSec = stat.ctimeSec;
    this.ctimeNsec = stat.ctimeNsec;
    this.btimeSec = stat.btimeSec;
    this.btimeNsec = stat.btimeNsec;
  }

  /** A lookup found it here. */
  foundAt(parent: HostInode, name: string): void {
    this.#place.foundAt(parent.#place, name);
  }

  override refresh(): number {
    if (this.#fs.cachesNames) return 0;
    const stat = this.#place.onItself((handle, name) => handle.stat(name));
    if (typeof stat === 'number') return this.#place.hasName ? stat : 0;
    this.take(stat);
    return 0;
  }

  // --- folders -----------------------------------------------------------------------------------

  #within<T>(work: (folder: HostFolder) => T | number): T | number {
    if (!isDirectory(this.mode)) return -ENOTDIR;
    const folder = this.#place.folder();
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
      const stat = folder.stat(name);
      return typeof stat === 'number' ? stat : this.#fs.inodeOf(this, name, stat);
    });
  }

  override iterate(cookie: number, sink: DirectorySink, isQuiet = false): number {
    if (this.#isHidden) return -EACCES;
    this.#listing ??= new CookieListing();
    if (cookie <= FIRST_COOKIE || !this.#listing.isKnown) {
      const listed = this.#within((folder) => folder.list(isQuiet));
      if (typeof listed === 'number') return listed;
      const shown = listed.filter(({ name }) => isName(name) && this.#fs.isVisible(this, name));
      this.#listing.take(shown);
    }
    return this.#listing.emit(cookie, sink);
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
        default:
          return folder.makeNode(name, spec.mode, spec.rdev);
      }
    });
  }

  override createUnnamed(spec: NodeSpec): Inode | number {
    return this.#within((folder) => {
      const file = folder.createUnnamed(spec.mode & 0o7777);
      if (typeof file === 'number') return file;
      if (this.#fs.mayChangeOwner) {
        file.setOwner('', spec.uid, spec.gid);
        if ((spec.mode & 0o6000) !== 0) file.setMode('', spec.mode & 0o7777);
      }
      const stat = file.stat('');
      if (typeof stat === 'number') {
        file[Symbol.dispose]();
        return stat;
      }
      const inode = this.#fs.inodeOf(this, '', stat);
      inode.#place.adopt(file);
      return inode;
    });
  }

  override symlink(name: string, target: string, spec: NodeSpec): Inode | number {
    return this.#made(name, spec, (folder) => folder.symlink(name, target));
  }

  #made(name: string, spec: NodeSpec, make: (folder: HostFolder) => number): Inode | number {
    return this.#within((folder) => {
      const result = make(folder);
      if (result < 0) return result;
      const stat = folder.stat(name);
      if (typeof stat === 'number') return stat;
      const isOwned = stat.uid === spec.uid && stat.gid === spec.gid;
      const inode = this.#fs.inodeOf(this, name, stat);
      if (isOwned || !this.#fs.mayChangeOwner) return inode;
      folder.setOwner(name, spec.uid, spec.gid);
      // chown clears the set-user-ID and set-group-ID bits.
      if ((spec.mode & 0o6000) !== 0) folder.setMode(name, spec.mode & 0o7777);
      inode.refresh();
      return inode;
    });
  }

  override link(name: string, target: Inode): number {
    if (!(target instanceof HostInode)) return -EXDEV;
    const result = this.#within((folder) =>
      target.#place.hasName
        ? target.#place.inParent((from, fromName) => folder.link(name, from, fromName))
        : target.#place.onItself((from, fromName) => folder.link(name, from, fromName)),
    );
    if (result !== 0) return result;
    if (!target.#place.hasName) target.foundAt(this, name);
    target.refresh();
    return 0;
  }

  override unlink(name: string, target: Inode): number {
    if (target instanceof HostInode) target.#place.keepOpen();
    const result = this.#within((folder) => folder.unlink(name));
    if (result === 0 && target instanceof HostInode) target.#lostName(this, name);
    return result;
  }

  override rmdir(name: string, target: Inode): number {
    if (target instanceof HostInode) target.#place.keepOpen();
    const result = this.#within((folder) => folder.removeFolder(name));
    if (result === 0 && target instanceof HostInode) target.#lostName(this, name);
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
    const exchange = (flags & RENAME_EXCHANGE) !== 0;
    if (replaced instanceof HostInode && !exchange) replaced.#place.keepOpen();
    const result = this.#within((from) =>
      newParent.#within((to) => from.rename(name, to, newName, flags)),
    );
    if (result !== 0) return result;
    source.foundAt(newParent, newName);
    if (!(replaced instanceof HostInode) || replaced === source) return 0;
    if (exchange) replaced.foundAt(this, name);
    else replaced.#lostName(newParent, newName);
    return 0;
  }

  #lostName(parent: HostInode, name: string): void {
    this.#place.lostName(parent.#place, name);
    const before = this.nlink;
    if (this.refresh() < 0 || this.nlink === before) this.nlink = before - 1;
    if (isDirectory(this.mode)) this.nlink = 0;
    if (this.nlink === 0) this.#fs.forget(this);
  }

  override readlink(): string | number {
    return this.#place.linkTarget(this.#fs.cachesNames);
  }

  // --- contents ----------------------------------------------------------------------------------

  override open(request: OpenRequest): OpenFile | number | undefined {
    if (this.#isHidden) return -EACCES;
    if (this.#fs.isPublicOnly || !isRegular(this.mode)) return undefined;
    // At once: the host may refuse, and later the name may be gone.
    const access = request.flags & O_ACCMODE;
    // What others have open tells nothing: the file may have become immutable since.
    const allowed = access === O_RDONLY ? 0 : this.#place.mayOpen(access);
    if (allowed < 0) return allowed;
    const opened = this.#place.file(access);
    return typeof opened === 'number' ? opened : undefined;
  }

  override readAt(position: number, target: Uint8Array, start: number, length: number): number {
    if (!isRegular(this.mode)) return super.readAt(position, target, start, length);
    if (this.#isHidden) return -EACCES;
    const file = this.#place.file(O_RDONLY);
    if (typeof file === 'number') return file;
    const count = file.read(position, target, start, length);
    if (count > length) return -EIO;
    if (count > 0) this.#copy?.overlay(position, target, start, count);
    return count;
  }

  override readQuietlyAt(
    position: number,
    target: Uint8Array,
    start: number,
    length: number,
  ): number {
    const file = this.#place.file(O_RDONLY);
    if (typeof file === 'number') return file;
    file.keepAccessTime(true);
    const count = this.readAt(position, target, start, length);
    file.keepAccessTime(false);
    return count;
  }

  override writeAt(position: number, source: Uint8Array, start: number, length: number): number {
    if (!isRegular(this.mode)) return super.writeAt(position, source, start, length);
    const file = this.#place.file(O_WRONLY);
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
    const file = this.#place.file(O_WRONLY);
    if (typeof file === 'number') return file;
    const result = file.truncate(size);
    if (result !== 0) return result;
    this.size = size;
    this.touchModified();
    return this.#copy?.resize(size) ?? 0;
  }

  override allocate(mode: number, offset: number, length: number): number {
    const file = this.#place.file(O_WRONLY);
    if (typeof file === 'number') return file;
    const back = this.writeBack();
    if (back < 0) return back;
    const result = file.allocate(mode, offset, length);
    if (result !== 0) return result;
    const stat = this.refresh();
    // Holes and shifts change what mappings show, from `offset` on.
    return stat < 0 ? stat : (this.#copy?.reload(offset) ?? 0);
  }

  override seekData(offset: number): number {
    return this.writeBack() || this.seekHost(offset, SEEK_DATA);
  }

  override seekHole(offset: number): number {
    return this.writeBack() || this.seekHost(offset, SEEK_HOLE);
  }

  seekHost(offset: number, whence: number): number {
    const file = this.#place.file(O_RDONLY);
    return typeof file === 'number' ? file : file.seek(offset, whence);
  }

  override sync(dataOnly: boolean): number {
    const back = this.writeBack();
    if (back < 0) return back;
    if (isDirectory(this.mode)) return this.#within((folder) => folder.sync(dataOnly));
    const file = this.#place.anyFile();
    return typeof file === 'number' ? file : file.sync(dataOnly);
  }

  override pages(offset: number, length: number): SegmentPages | undefined | number {
    const { segments } = this.#fs;
    if (segments === undefined || !isRegular(this.mode)) return undefined;
    this.refresh();
    if (this.#copy === undefined) {
      const stamp = this.#settledStamp();
      const kept = this.#fs.copies.take(this, stamp);
      const made = kept ?? PageCopy.create(segments, `hostfs:${this.ino}`, this);
      if (typeof made === 'number') return made;
      this.#copy = made;
      this.#copyStamp = stamp;
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

  get isReadOnly(): boolean {
    return this.#fs.isReadOnly;
  }

  get hostDescriptor(): number | undefined {
    return this.#place.descriptor;
  }

  readHost(position: number, target: Uint8Array): number {
    const file = this.#place.file(O_RDONLY);
    return typeof file === 'number' ? file : file.read(position, target, 0, target.length);
  }

  writeHost(position: number, source: Uint8Array): number {
    const file = this.#place.file(O_WRONLY);
    return typeof file === 'number' ? file : file.write(position, source, 0, source.length);
  }

  writeBack(): number {
    return this.#copy?.writeBack() ?? 0;
  }

  override get contentVersion(): string | undefined {
    if (!isRegular(this.mode)) return undefined;
    this.#version = versionOf(this, this.#version);
    return this.#version.text;
  }

  /** In the read-only view of a machine a file is taken to stay as it was first seen. */
  override get contentKey(): string | undefined {
    return this.#fs.isPublicOnly ? this.contentVersion : undefined;
  }

  /** What mappings store shows in no time until it is written back. */
  override get settledVersion(): string | undefined {
    if (this.#fs.isPublicOnly) return this.contentVersion;
    if (!isRegular(this.mode) || this.#copy?.mayBeDirty === true) return undefined;
    return this.#settledStamp();
  }

  // --- attributes --------------------------------------------------------------------------------

  override setMode(mode: number): number {
    const result = this.#place.onItself((handle, name) => handle.setMode(name, mode));
    return result === 0 ? super.setMode(mode) : result;
  }

  override setOwner(uid: number, gid: number): number {
    const result = this.#place.onItself((handle, name) => handle.setOwner(name, uid, gid));
    return result === 0 ? super.setOwner(uid, gid) : result;
  }

  override setAccessTime(sec: number, nsec: number): number {
    super.setAccessTime(sec, nsec);
    return this.#setTimes({ ...OMITTED, atimeSec: sec, atimeNsec: nsec });
  }

  /** The host notes reads of its files itself: setting a time there would change the others. */
  override noteAccess(sec: number, nsec: number): void {
    super.setAccessTime(sec, nsec);
  }

  override setModificationTime(sec: number, nsec: number): number {
    super.setModificationTime(sec, nsec);
    return this.#setTimes({ ...OMITTED, mtimeSec: sec, mtimeNsec: nsec });
  }

  #setTimes(times: HostTimes): number {
    return this.#place.onItself((handle, name) => handle.setTimes(name, times));
  }

  override getFlags(): number {
    const handle = isDirectory(this.mode) ? undefined : this.#place.anyFile();
    if (typeof handle === 'number') return handle;
    return handle?.getFlags() ?? this.#within((folder) => folder.getFlags());
  }

  override setFlags(flags: number): number {
    const handle = isDirectory(this.mode) ? undefined : this.#place.anyFile();
    if (typeof handle === 'number') return handle;
    return handle?.setFlags(flags) ?? this.#within((folder) => folder.setFlags(flags));
  }

  override getXattr(xattr: string): Uint8Array | number {
    return this.#place.onItself((handle, name) => handle.getXattr(name, xattr));
  }

  override setXattr(xattr: string, value: Uint8Array, flags: number): number {
    return this.#place.onItself((handle, name) => handle.setXattr(name, xattr, value, flags));
  }

  override removeXattr(xattr: string): number {
    return this.#place.onItself((handle, name) => handle.removeXattr(name, xattr));
  }

  override listXattr(): readonly string[] | number {
    return this.#place.onItself((handle, name) => handle.listXattr(name));
  }

  // --- lifetime ----------------------------------------------------------------------------------

  override release(): void {
    super.release();
    if (this.references > 0) return;
    this.writeBack();
    // The programs of a machine are run again and again: their pages stay.
    if (!this.#fs.isPublicOnly) this.#giveUpCopy();
    this.#place.released();
  }

  /** Kept for the next mapping if the file is still what the copy was made from. */
  #giveUpCopy(): void {
    const copy = this.#copy;
    if (copy === undefined) return;
    this.#copy = undefined;
    const isGone = copy.mayBeDirty || this.refresh() < 0 || this.nlink === 0;
    const stamp = isGone ? undefined : this.#settledStamp();
    if (stamp === this.#copyStamp && stamp) this.#fs.copies.keep(this, copy, stamp, this.size);
    else copy[Symbol.dispose]();
  }

  #settledStamp(): string | undefined {
    return settledStamp(this, this.#fs.clock);
  }

  dispose(): void {
    this.#place.closeHandle();
    this.#copy?.[Symbol.dispose]();
    this.#copy = undefined;
  }
}
