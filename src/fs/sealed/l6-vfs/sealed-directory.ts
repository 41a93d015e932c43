/** Directories of a sealed volume: entries by hash of their name. */

import { EINVAL, ENOENT, ENOSPC } from '../../../abi/errno.table.ts';
import { isDirectory, typeOfMode } from '../../../abi/file-mode.ts';
import { assert } from '../../../base/assert.ts';
import { type EntryDirectory, moveEntry, removeDirectory } from '../../../vfs/entry-moves.ts';
import { type DirectorySink, FIRST_COOKIE, type Inode, type NodeSpec } from '../../../vfs/inode.ts';
import { damaged, VolumeError } from '../errors.ts';
import { MAX_VALUE_BYTES } from '../l3-tree/node.ts';
import { ITEM, itemKey } from '../l4-store/keys.ts';
import { decodeEntries, encodeEntries, type NamedInode, nameHash } from '../l5-files/names.ts';
import type { SealedFileSystem } from './sealed-file-system.ts';
import { SealedInode } from './sealed-inode.ts';

/** Counted for an entry in st_size. */
const ENTRY_BYTES = 32;
/** Places in the list of one hash that a cookie can name. */
const LIST_PLACES = 256;

export class SealedDirectory extends SealedInode implements EntryDirectory<SealedInode> {
  readonly #key: number;

  constructor(fs: SealedFileSystem, ino: number, mode: number) {
    super(fs, ino, mode);
    this.nlink = 2;
    this.#key = itemKey(ino, ITEM.dirent);
  }

  get isEmpty(): boolean {
    return this.fs.store.tree.ceiling(this.#key, 0) === undefined;
  }

  override lookup(name: string): Inode | number {
    return this.fs.guard<Inode | number>(() => {
      const entry = this.#list(this.#hash(name)).find((one) => one.name === name);
      return entry === undefined ? -ENOENT : this.fs.inode(entry.inode);
    });
  }

  override create(name: string, spec: NodeSpec): Inode | number {
    return this.#make(name, spec, '');
  }

  override symlink(name: string, target: string, spec: NodeSpec): Inode | number {
    return this.#make(name, spec, target);
  }

  override createUnnamed(spec: NodeSpec): Inode | number {
    return this.fs.change<Inode | number>(() => {
      if (!this.fs.hasRoom(1)) return -ENOSPC;
      const inode = this.fs.makeInode(spec);
      inode.nlink = 0;
      inode.addOrphan();
      return inode;
    });
  }

  override link(name: string, target: Inode): number {
    assert(target instanceof SealedInode);
    return this.fs.change(() => {
      if (!this.fs.hasRoom(1)) return -ENOSPC;
      this.insertEntry(name, target);
      if (target.nlink === 0) target.removeOrphan();
      target.nlink++;
      target.touchChanged();
      return 0;
    });
  }

  override unlink(name: string, target: Inode): number {
    assert(target instanceof SealedInode);
    const result = this.fs.change(() => {
      this.removeEntry(name);
      target.dropLink();
    });
    if (result === 0) target.settleName();
    return result;
  }

  override rmdir(name: string, target: Inode): number {
    assert(target instanceof SealedDirectory);
    return this.fs.change(() => removeDirectory(this, name, target));
  }

  override rename(
    name: string,
    source: Inode,
    newParent: Inode,
    newName: string,
    replaced: Inode | undefined,
    flags: number,
  ): number {
    assert(source instanceof SealedInode && newParent instanceof SealedDirectory);
    assert(replaced === undefined || replaced instanceof SealedInode);
    const result = this.fs.change(() => {
      if (!this.fs.hasRoom(2)) return -ENOSPC;
      return moveEntry({ from: this, name, source, to: newParent, newName, replaced, flags });
    });
    if (result === 0) source.settleName();
    return result;
  }

  override iterate(cookie: number, sink: DirectorySink): number {
    if (cookie < FIRST_COOKIE) return -EINVAL;
    return this.fs.guard(() => {
      const from = cookie - FIRST_COOKIE;
      const { tree } = this.fs.store;
      const firstHash = Math.floor(from / LIST_PLACES);
      for (let item = tree.ceiling(this.#key, firstHash); item !== undefined; ) {
        const hash = item.b;
        const list = this.#decode(item.value);
        for (let i = hash === firstHash ? from % LIST_PLACES : 0; i < list.length; i++) {
          const { name, inode, type } = list[i] as NamedInode;
          const next = hash * LIST_PLACES + i + 1 + FIRST_COOKIE;
          if (!sink.emit(name, inode, type, next)) return 0;
        }
        item = tree.ceiling(this.#key, hash + 1);
      }
      return 0;
    });
  }

  // --- entries, inside of change() ---------------------------------------------------------------

  #make(name: string, spec: NodeSpec, target: string): Inode | number {
    return this.fs.change<Inode | number>(() => {
      if (!this.fs.hasRoom(1)) return -ENOSPC;
      const inode = this.fs.makeInode(spec, target);
      this.insertEntry(name, inode);
      if (isDirectory(spec.mode)) this.nlink++;
      return inode;
    });
  }

  #hash(name: string): number {
    return nameHash(name, this.fs.store.nameSeed);
  }

  #list(hash: number): NamedInode[] {
    const item = this.fs.store.tree.get(this.#key, hash);
    return item === undefined ? [] : this.#decode(item);
  }

  #decode(item: Uint8Array): NamedInode[] {
    const list = decodeEntries(item);
    if (list === undefined) throw damaged(this.fs.store.name, `directory ${this.ino} is odd`);
    return list;
  }

  insertEntry(name: string, inode: SealedInode): void {
    const hash = this.#hash(name);
    const list = this.#list(hash);
    list.push({ name, inode: inode.ino, type: typeOfMode(inode.mode) });
    const value = encodeEntries(list);
    if (value.length > MAX_VALUE_BYTES || list.length >= LIST_PLACES)
      throw new VolumeError('CLOISTER_VOLUME_FULL', 'too many names with the same hash');
    this.fs.store.tree.set(this.#key, hash, value);
    this.size += ENTRY_BYTES;
    this.touchModified();
  }

  removeEntry(name: string): void {
    const hash = this.#hash(name);
    const list = this.#list(hash);
    const left = list.filter((one) => one.name !== name);
    if (left.length === list.length)
      throw damaged(this.fs.store.name, `directory ${this.ino} lost an entry`);
    if (left.length === 0) this.fs.store.tree.delete(this.#key, hash);
    else this.fs.store.tree.set(this.#key, hash, encodeEntries(left));
    this.size -= ENTRY_BYTES;
    this.touchModified();
  }

  linksChanged(): void {
    this.fs.markDirty(this);
  }
}
