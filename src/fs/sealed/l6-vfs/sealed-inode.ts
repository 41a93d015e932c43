/** What all inodes of a sealed volume share: attributes, extended attributes, lifetime. */

import { EEXIST, ENODATA, ENOSPC, EOPNOTSUPP } from '../../../abi/errno.table.ts';
import { XATTR_CREATE, XATTR_REPLACE } from '../../../abi/file-flags.ts';
import { byteString, bytesOf } from '../../../vfs/byte-string.ts';
import { Inode } from '../../../vfs/inode.ts';
import { damaged } from '../errors.ts';
import { MAX_VALUE_BYTES } from '../l3-tree/node.ts';
import { ITEM, itemKey } from '../l4-store/keys.ts';
import { encodeRecord, type InodeRecord } from '../l5-files/inode-record.ts';
import { decodeValues, encodeValues, type NamedValue, nameHash } from '../l5-files/names.ts';
import type { SealedFileSystem } from './sealed-file-system.ts';

/** FIFOs, sockets and devices are nothing more than this. */
/** Attributes that file systems give a meaning of their own: there are none here. */
const SYSTEM = 'system.';

export class SealedInode extends Inode {
  declare readonly fs: SealedFileSystem;
  #isGone = false;
  /** Someone asked for its durability in this run. */
  wasSynced = false;

  constructor(fs: SealedFileSystem, ino: number, mode: number) {
    super(fs, ino, mode);
    this.fs = fs;
  }

  /** Takes the attributes of a stored inode. */
  restore(record: InodeRecord): void {
    this.uid = record.uid;
    this.gid = record.gid;
    this.nlink = record.nlink;
    this.rdev = record.rdev;
    this.size = record.size;
    const [aSec, aNsec, mSec, mNsec, cSec, cNsec, bSec, bNsec] = record.times;
    this.atimeSec = aSec as number;
    this.atimeNsec = aNsec as number;
    this.mtimeSec = mSec as number;
    this.mtimeNsec = mNsec as number;
    this.ctimeSec = cSec as number;
    this.ctimeNsec = cNsec as number;
    this.btimeSec = bSec as number;
    this.btimeNsec = bNsec as number;
  }

  /** Brings attributes (and contents) into the tree. Throws VolumeError. */
  store(): void {
    if (this.#isGone) return;
    const record = encodeRecord({
      mode: this.mode,
      nlink: this.nlink,
      uid: this.uid,
      gid: this.gid,
      rdev: this.rdev,
      size: this.size,
      cellBlocks: this.cellBlocks(),
      times: [
        ...[this.atimeSec, this.atimeNsec, this.mtimeSec, this.mtimeNsec],
        ...[this.ctimeSec, this.ctimeNsec, this.btimeSec, this.btimeNsec],
      ],
      inline: this.inlineBytes(),
    });
    this.fs.store.tree.set(itemKey(this.ino, ITEM.inode), 0, record);
  }

  protected cellBlocks(): number {
    return 0;
  }

  protected inlineBytes(): Uint8Array | undefined {
    return undefined;
  }

  // --- attributes --------------------------------------------------------------------------------

  override setMode(mode: number): number {
    return this.fs.change(() => super.setMode(mode));
  }

  override setOwner(uid: number, gid: number): number {
    return this.fs.change(() => super.setOwner(uid, gid));
  }

  override setAccessTime(sec: number, nsec: number): number {
    super.setAccessTime(sec, nsec);
    if (!this.fs.isReadOnly) this.fs.markDirty(this);
    return 0;
  }

  override setModificationTime(sec: number, nsec: number): number {
    return this.fs.change(() => {
      super.setModificationTime(sec, nsec);
      this.touchChanged();
    });
  }

  override touchChanged(): void {
    super.touchChanged();
    this.fs.markDirty(this);
  }

  override touchModified(): void {
    super.touchModified();
    this.fs.markDirty(this);
  }

  override sync(_dataOnly: boolean): number {
    this.wasSynced = true;
    return this.fs.sync();
  }

  /**
   * Whoever syncs a file and then removes or renames it (SQLite's rollback journal, the replacing
   * of a file) means the second step to last, too, and does not sync the directory, since a kill of
   * a process loses nothing on other systems. Here a kill of the run is a power cut; so that step
   * is made durable at once.
   */
  settleName(): void {
    if (this.wasSynced) this.fs.sync();
  }

  // --- extended attributes -----------------------------------------------------------------------

  override getXattr(name: string): Uint8Array | number {
    if (name.startsWith(SYSTEM)) return -EOPNOTSUPP;
    return this.fs.guard<Uint8Array | number>(() => {
      const found = this.#xattrsAt(this.#hash(name)).find((one) => one.name === name);
      return found?.value ?? -ENODATA;
    });
  }

  override setXattr(name: string, value: Uint8Array, flags: number): number {
    if (name.startsWith(SYSTEM)) return -EOPNOTSUPP;
    return this.fs.change(() => {
      const hash = this.#hash(name);
      const values = this.#xattrsAt(hash);
      const others = values.filter((one) => one.name !== name);
      const exists = others.length < values.length;
      if (exists && (flags & XATTR_CREATE) !== 0) return -EEXIST;
      if (!exists && (flags & XATTR_REPLACE) !== 0) return -ENODATA;
      const next = [...others, { name, value: value.slice() }];
      let bytes = 0;
      for (const one of next) bytes += 3 + one.name.length + one.value.length;
      // As on ext4, all of it must fit one item.
      if (bytes > MAX_VALUE_BYTES) return -ENOSPC;
      this.fs.store.tree.set(this.#xattrKey, hash, encodeValues(next));
      this.touchChanged();
      return 0;
    });
  }

  override removeXattr(name: string): number {
    if (name.startsWith(SYSTEM)) return -EOPNOTSUPP;
    return this.fs.change(() => {
      const hash = this.#hash(name);
      const values = this.#xattrsAt(hash);
      const others = values.filter((one) => one.name !== name);
      if (others.length === values.length) return -ENODATA;
      if (others.length === 0) this.fs.store.tree.delete(this.#xattrKey, hash);
      else this.fs.store.tree.set(this.#xattrKey, hash, encodeValues(others));
      this.touchChanged();
      return 0;
    });
  }

  override listXattr(): readonly string[] | number {
    return this.fs.guard<readonly string[]>(() => {
      const names: string[] = [];
      const { tree } = this.fs.store;
      for (let item = tree.ceiling(this.#xattrKey, 0); item !== undefined; ) {
        for (const { name } of this.#decodeXattrs(item.value)) names.push(name);
        item = tree.ceiling(this.#xattrKey, item.b + 1);
      }
      return names;
    });
  }

  get #xattrKey(): number {
    return itemKey(this.ino, ITEM.xattr);
  }

  #hash(name: string): number {
    return nameHash(name, this.fs.store.nameSeed);
  }

  #xattrsAt(hash: number): readonly NamedValue[] {
    const item = this.fs.store.tree.get(this.#xattrKey, hash);
    return item === undefined ? [] : this.#decodeXattrs(item);
  }

  #decodeXattrs(item: Uint8Array): readonly NamedValue[] {
    const values = decodeValues(item);
    if (values === undefined) throw damaged(this.fs.store.name, 'odd extended attributes');
    return values;
  }

  // --- lifetime ----------------------------------------------------------------------------------

  /** A name of it is gone. Inside {@link SealedFileSystem.change}. */
  dropLink(): void {
    this.nlink--;
    this.touchChanged();
    if (this.nlink > 0) return;
    if (this.references === 0) this.evict();
    else this.addOrphan();
  }

  /** Without a name, but open: found again after a crash, and removed then. */
  addOrphan(): void {
    this.fs.store.tree.set(itemKey(0, ITEM.orphan), this.ino, new Uint8Array(0));
  }

  removeOrphan(): void {
    this.fs.store.tree.delete(itemKey(0, ITEM.orphan), this.ino);
  }

  override evict(): void {
    if (this.#isGone || this.fs.isReadOnly) return;
    this.fs.guard(() => {
      this.fs.store.checkWritable();
      this.freeContents();
      const { tree } = this.fs.store;
      for (let item = tree.ceiling(this.#xattrKey, 0); item !== undefined; ) {
        tree.delete(this.#xattrKey, item.b);
        item = tree.ceiling(this.#xattrKey, 0);
      }
      tree.delete(itemKey(this.ino, ITEM.inode), 0);
      this.removeOrphan();
      this.#isGone = true;
      this.fs.forget(this);
    });
  }

  protected freeContents(): void {
    // Only regular files have some.
  }
}

export class SealedSymlink extends SealedInode {
  #target: string;

  constructor(fs: SealedFileSystem, ino: number, mode: number, target: string) {
    super(fs, ino, mode);
    this.#target = target;
    this.size = target.length;
  }

  override restore(record: InodeRecord): void {
    super.restore(record);
    if (record.inline === undefined) throw damaged(this.fs.store.name, 'a link without a target');
    this.#target = byteString(record.inline);
  }

  protected override inlineBytes(): Uint8Array {
    return bytesOf(this.#target);
  }

  override readlink(): string {
    return this.#target;
  }
}
