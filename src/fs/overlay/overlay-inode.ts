/** Inodes of an overlay: the attributes of the layer that counts, and how changes go up. */

import { EINVAL, ENOENT, ENOTDIR, ENOTEMPTY, EXDEV } from '../../abi/errno.table.ts';
import {
  O_ACCMODE,
  O_RDONLY,
  O_TRUNC,
  RENAME_EXCHANGE,
  RENAME_WHITEOUT,
} from '../../abi/file-flags.ts';
import { isDirectory, isRegular, S_IFCHR } from '../../abi/file-mode.ts';
import { assert } from '../../base/assert.ts';
import { type DirectorySink, Inode, type NodeSpec } from '../../vfs/inode.ts';
import type { SegmentPages } from '../../vfs/mappable.ts';
import type { OpenFile, OpenRequest } from '../../vfs/open-file.ts';
import { copyUp, isOpaque, isWhiteout, removeWhiteouts, setOpaque } from './copy-up.ts';
import { MergedListing } from './merged-listing.ts';
import type { Overlay } from './overlay.ts';

const WHITEOUT: NodeSpec = { mode: S_IFCHR, uid: 0, gid: 0, rdev: 0 };

export class OverlayInode extends Inode {
  declare readonly fs: Overlay;
  #parent: OverlayInode | undefined;
  #name: string;
  /** For directories: undefined when nothing of the lower layer shows through. */
  #lower: Inode | undefined;
  #upper: Inode | undefined;
  /**
   * What the layer's link count lacks: names that only the lower layer has, of a file that was
   * copied up under another one; or (negative) names whited out of one that was not.
   */
  #linkShift = 0;
  #listing: MergedListing | undefined;

  constructor(
    fs: Overlay,
    parent: OverlayInode | undefined,
    name: string,
    lower: Inode | undefined,
    upper: Inode | undefined,
  ) {
    const real = (upper ?? lower) as Inode;
    // Numbers of the two layers do not meet; a file keeps its own when it is copied up.
    super(fs, lower !== undefined ? lower.ino * 2 : real.ino * 2 + 1, real.mode);
    this.#parent = parent;
    this.#name = name;
    this.#lower = lower;
    this.#upper = upper;
    upper?.retain();
    this.rdev = real.rdev;
    this.#pull();
  }

  /** The layer that counts. */
  get #real(): Inode {
    return (this.#upper ?? this.#lower) as Inode;
  }

  fits(lower: Inode | undefined, upper: Inode | undefined): boolean {
    if (upper !== undefined) return this.#upper === upper;
    return this.#lower === lower;
  }

  foundAt(parent: OverlayInode | undefined, name: string): void {
    this.#parent = parent;
    this.#name = name;
  }

  #pull(): void {
    const real = this.#real;
    this.mode = real.mode;
    this.acl = real.acl;
    this.defaultAcl = real.defaultAcl;
    this.uid = real.uid;
    this.gid = real.gid;
    this.nlink = real.nlink + this.#linkShift;
    this.size = real.size;
    this.blocks = real.blocks;
    this.atimeSec = real.atimeSec;
    this.atimeNsec = real.atimeNsec;
    this.mtimeSec = real.mtimeSec;
    this.mtimeNsec = real.mtimeNsec;
    this.ctimeSec = real.ctimeSec;
    this.ctimeNsec = real.ctimeNsec;
    this.btimeSec = real.btimeSec;
    this.btimeNsec = real.btimeNsec;
  }

  override refresh(): number {
    if (this.nlink === 0 && this.#upper === undefined) return 0;
    const result = this.#real.refresh();
    this.#pull();
    return result;
  }

  /** This inode in the upper layer, copied there when it is not. */
  #up(): Inode | number {
    if (this.#upper !== undefined) return this.#upper;
    const upper = this.#copyUp();
    if (typeof upper === 'number') return upper;
    upper.retain();
    if (!isDirectory(this.mode)) this.#linkShift = Math.max(0, this.nlink - 1);
    this.#upper = upper;
    this.fs.gotUpper(this, upper);
    this.#pull();
    return upper;
  }

  /** A name of it that the upper layer does not have yet. */
  #upName(folder: Inode, name: string): number {
    if (typeof folder.lookup(name) !== 'number') return 0;
    const result = folder.link(name, this.#upper as Inode);
    if (result === 0) this.#linkShift--;
    return result;
  }

  #copyUp(): Inode | number {
    const lower = this.#lower as Inode;
    const parent = this.#parent;
    if (this.nlink === 0 || parent === undefined)
      return copyUp(lower, this.fs.upper.root, undefined);
    const folder = parent.#up();
    return typeof folder === 'number' ? folder : copyUp(lower, folder, this.#name);
  }

  // --- directories -------------------------------------------------------------------------------

  #lowerChild(name: string): Inode | undefined {
    const found = this.#lower?.lookup(name);
    return found === undefined || typeof found === 'number' ? undefined : found;
  }

  override lookup(name: string): Inode | number {
    if (!isDirectory(this.mode)) return -ENOTDIR;
    const above = this.#upper?.lookup(name) ?? -ENOENT;
    if (typeof above === 'number') {
      if (above !== -ENOENT || this.#lower === undefined) return above;
      const below = this.#lower.lookup(name);
      return typeof below === 'number' ? below : this.fs.node(this, name, below, undefined);
    }
    if (isWhiteout(above)) return -ENOENT;
    const below = isDirectory(above.mode) && !isOpaque(above) ? this.#lowerChild(name) : undefined;
    const merged = below !== undefined && isDirectory(below.mode) ? below : undefined;
    return this.fs.node(this, name, merged, above);
  }

  override iterate(cookie: number, sink: DirectorySink): number {
    this.#listing ??= new MergedListing();
    return this.#listing.iterate(this.#lower, this.#upper, cookie, sink);
  }

  /** Makes room for a new name above: 0, 1 when a whiteout was there, or an error. */
  #clear(folder: Inode, name: string): number {
    const there = folder.lookup(name);
    if (typeof there === 'number' || !isWhiteout(there)) return 0;
    const result = folder.unlink(name, there);
    return result < 0 ? result : 1;
  }

  #make(name: string, make: (folder: Inode) => Inode | number): Inode | number {
    const folder = this.#up();
    if (typeof folder === 'number') return folder;
    const cleared = this.#clear(folder, name);
    if (cleared < 0) return cleared;
    const made = make(folder);
    if (typeof made === 'number') {
      if (cleared === 1) folder.create(name, WHITEOUT);
      return made;
    }
    // What the lower layer has under this name must not show through.
    if (cleared === 1 && isDirectory(made.mode)) setOpaque(made);
    this.#changed();
    return this.fs.node(this, name, undefined, made);
  }

  #changed(): void {
    this.#listing?.invalidate();
    this.#pull();
  }

  override create(name: string, spec: NodeSpec): Inode | number {
    return this.#make(name, (folder) => folder.create(name, spec));
  }

  override symlink(name: string, target: string, spec: NodeSpec): Inode | number {
    return this.#make(name, (folder) => folder.symlink(name, target, spec));
  }

  override createUnnamed(spec: NodeSpec): Inode | number {
    const folder = this.#up();
    const made = typeof folder === 'number' ? folder : folder.createUnnamed(spec);
    return typeof made === 'number' ? made : this.fs.node(this, '', undefined, made);
  }

  override link(name: string, target: Inode): number {
    assert(target instanceof OverlayInode);
    const file = target.#up();
    if (typeof file === 'number') return file;
    const made = this.#make(name, (folder) => {
      const result = folder.link(name, file);
      return result < 0 ? result : file;
    });
    target.#pull();
    return typeof made === 'number' ? made : 0;
  }

  /** Takes a name away: above for real, below by a whiteout. */
  #remove(name: string, remove: (folder: Inode, there: Inode) => number): number {
    const isBelow = this.#lowerChild(name) !== undefined;
    const folder = isBelow ? this.#up() : (this.#upper as Inode);
    if (typeof folder === 'number') return folder;
    const there = folder.lookup(name);
    if (typeof there !== 'number') {
      const result = remove(folder, there);
      if (result < 0) return result;
    }
    if (isBelow) {
      const whiteout = folder.create(name, WHITEOUT);
      if (typeof whiteout === 'number') return whiteout;
    }
    this.#changed();
    return 0;
  }

  override unlink(name: string, target: Inode): number {
    assert(target instanceof OverlayInode);
    let wasAbove = false;
    const result = this.#remove(name, (folder, there) => {
      wasAbove = true;
      return folder.unlink(name, there);
    });
    if (result === 0) target.#lostName(wasAbove);
    return result;
  }

  override rmdir(name: string, target: Inode): number {
    assert(target instanceof OverlayInode);
    if (!target.#isEmpty()) return -ENOTEMPTY;
    const result = this.#remove(name, (folder, there) => {
      removeWhiteouts(there);
      return folder.rmdir(name, there);
    });
    if (result === 0) target.nlink = 0;
    return result;
  }

  #lostName(wasAbove: boolean): void {
    if (this.#upper === undefined || !wasAbove) this.#linkShift--;
    this.#pull();
  }

  #isEmpty(): boolean {
    let isEmpty = true;
    this.iterate(0, {
      emit() {
        isEmpty = false;
        return false;
      },
    });
    return isEmpty;
  }

  override rename(
    name: string,
    source: Inode,
    newParent: Inode,
    newName: string,
    replaced: Inode | undefined,
    flags: number,
  ): number {
    assert(source instanceof OverlayInode && newParent instanceof OverlayInode);
    assert(replaced === undefined || replaced instanceof OverlayInode);
    // `ovl_rename`: its own whiteouts are nothing that a caller may leave.
    if ((flags & RENAME_WHITEOUT) !== 0) return -EINVAL;
    const isExchange = (flags & RENAME_EXCHANGE) !== 0;
    if (!isExchange && replaced !== undefined && isDirectory(replaced.mode))
      if (!replaced.#isEmpty()) return -ENOTEMPTY;
    const whole = source.#upWhole();
    if (whole < 0) return whole;
    if (isExchange) {
      const other = replaced === undefined ? -EINVAL : replaced.#upWhole();
      if (other < 0) return other;
    }
    const from = this.#up();
    const to = newParent.#up();
    if (typeof from === 'number') return from;
    if (typeof to === 'number') return to;
    const cleared = newParent.#clear(to, newName);
    if (cleared < 0) return cleared;
    const named = source.#upName(from, name);
    if (named < 0) return named;
    if (isExchange && replaced !== undefined) {
      const other = replaced.#upName(to, newName);
      if (other < 0) return other;
    }
    const there = to.lookup(newName);
    const target = typeof there === 'number' ? undefined : there;
    if (!isExchange && target !== undefined && isDirectory(target.mode)) removeWhiteouts(target);
    const leavesName = this.#lowerChild(name) !== undefined && !isExchange;
    const moved = source.#upper as Inode;
    const done = from.rename(name, moved, to, newName, target, flags);
    if (done < 0) return done;
    if (leavesName) from.create(name, WHITEOUT);
    source.foundAt(newParent, newName);
    if (isExchange) replaced?.foundAt(this, name);
    else if (replaced !== undefined) {
      if (isDirectory(replaced.mode)) replaced.nlink = 0;
      else replaced.#lostName(target !== undefined);
    }
    this.#changed();
    newParent.#changed();
    return 0;
  }

  /** Copies up with everything below, so that nothing of the lower layer is needed any more. */
  #upWhole(): number {
    const upper = this.#up();
    if (typeof upper === 'number') return upper;
    if (!isDirectory(this.mode)) return 0;
    if (this.#lower !== undefined) {
      const names: string[] = [];
      this.iterate(0, { emit: (name) => names.push(name) > 0 });
      for (const name of names) {
        const child = this.lookup(name);
        if (!(child instanceof OverlayInode)) return typeof child === 'number' ? child : -EXDEV;
        const result = child.#upWhole();
        if (result < 0) return result;
      }
    }
    this.#lower = undefined;
    this.#listing?.invalidate();
    return setOpaque(upper);
  }

  // --- contents ----------------------------------------------------------------------------------

  override open(request: OpenRequest): OpenFile | number | undefined {
    const writes = (request.flags & O_ACCMODE) !== O_RDONLY || (request.flags & O_TRUNC) !== 0;
    if (!isRegular(this.mode)) return undefined;
    if (writes) {
      const upper = this.#up();
      if (typeof upper === 'number') return upper;
    }
    // The layer may refuse; what it would open itself is not for an overlay.
    const answer = this.#real.open(request);
    return typeof answer === 'number' ? answer : undefined;
  }

  override readlink(): string | number {
    return this.#real.readlink();
  }

  override readAt(position: number, target: Uint8Array, start: number, length: number): number {
    return this.#real.readAt(position, target, start, length);
  }

  /** Changes the upper layer and takes its attributes over. */
  #change(change: (upper: Inode) => number): number {
    const upper = this.#up();
    if (typeof upper === 'number') return upper;
    const result = change(upper);
    this.#pull();
    return result;
  }

  override writeAt(position: number, source: Uint8Array, start: number, length: number): number {
    return this.#change((upper) => upper.writeAt(position, source, start, length));
  }

  override truncate(size: number): number {
    return this.#change((upper) => upper.truncate(size));
  }

  override allocate(mode: number, offset: number, length: number): number {
    return this.#change((upper) => upper.allocate(mode, offset, length));
  }

  override seekData(offset: number): number {
    return this.#real.seekData(offset);
  }

  override seekHole(offset: number): number {
    return this.#real.seekHole(offset);
  }

  override sync(dataOnly: boolean): number {
    return this.#upper?.sync(dataOnly) ?? 0;
  }

  override pages(offset: number, length: number): SegmentPages | undefined | number {
    return this.#real.pages(offset, length);
  }

  override get contentVersion(): string | undefined {
    return this.#real.contentVersion;
  }

  override get contentKey(): string | undefined {
    return this.#real.contentKey;
  }

  override get settledVersion(): string | undefined {
    return this.#real.settledVersion;
  }

  // --- attributes --------------------------------------------------------------------------------

  override setMode(mode: number): number {
    return this.#change((upper) => upper.setMode(mode));
  }

  override setOwner(uid: number, gid: number): number {
    return this.#change((upper) => upper.setOwner(uid, gid));
  }

  /** Reading alone copies nothing up: as with a read-only mount, the time stays. */
  override setAccessTime(sec: number, nsec: number): number {
    if (this.#upper === undefined) return 0;
    return this.#change((upper) => upper.setAccessTime(sec, nsec));
  }

  override setModificationTime(sec: number, nsec: number): number {
    return this.#change((upper) => upper.setModificationTime(sec, nsec));
  }

  override touchChanged(): void {
    this.#upper?.touchChanged();
    this.#pull();
  }

  override touchModified(): void {
    this.#upper?.touchModified();
    this.#pull();
  }

  override getXattr(name: string): Uint8Array | number {
    return this.#real.getXattr(name);
  }

  override setXattr(name: string, value: Uint8Array, flags: number): number {
    return this.#change((upper) => upper.setXattr(name, value, flags));
  }

  override removeXattr(name: string): number {
    return this.#change((upper) => upper.removeXattr(name));
  }

  override listXattr(): readonly string[] | number {
    const names = this.#real.listXattr();
    if (typeof names === 'number') return names;
    return names.filter((name) => !name.startsWith('trusted.overlay.'));
  }

  override evict(): void {
    this.fs.forget(this.#upper, this.#lower);
    this.#upper?.release();
  }
}
