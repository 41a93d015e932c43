/** Directories of tmpfs: a map by name, and a list by cookie for readdir. */

import { EINVAL, ENOENT } from '../../abi/errno.table.ts';
import { isDirectory, typeOfMode } from '../../abi/file-mode.ts';
import { assert } from '../../base/assert.ts';
import { type EntryDirectory, moveEntry, removeDirectory } from '../../vfs/entry-moves.ts';
import { type DirectorySink, FIRST_COOKIE, type Inode, type NodeSpec } from '../../vfs/inode.ts';
import type { Tmpfs } from './tmpfs.ts';
import { TmpfsInode } from './tmpfs-inode.ts';

interface Entry {
  readonly name: string;
  readonly inode: TmpfsInode;
  readonly cookie: number;
}

/** What Linux's tmpfs counts for an entry in st_size. */
const ENTRY_BYTES = 20;

export class TmpfsDirectory extends TmpfsInode implements EntryDirectory<TmpfsInode> {
  readonly #entries = new Map<string, Entry>();
  /** Ascending by cookie; removed entries leave holes until half of the list is holes. */
  #order: (Entry | undefined)[] = [];
  #nextCookie = FIRST_COOKIE;

  constructor(fs: Tmpfs, ino: number, spec: NodeSpec) {
    super(fs, ino, spec);
    this.nlink = 2;
    this.size = 2 * ENTRY_BYTES;
  }

  linksChanged(): void {
    // Kept in memory only.
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  override lookup(name: string): Inode | number {
    return this.#entries.get(name)?.inode ?? -ENOENT;
  }

  override create(name: string, spec: NodeSpec): Inode | number {
    return this.#adopt(name, this.fs.makeInode(spec));
  }

  override symlink(name: string, target: string, spec: NodeSpec): Inode | number {
    return this.#adopt(name, this.fs.makeInode(spec, target));
  }

  override createUnnamed(spec: NodeSpec): Inode | number {
    const inode = this.fs.makeInode(spec);
    if (typeof inode !== 'number') inode.nlink = 0;
    return inode;
  }

  override link(name: string, target: Inode): number {
    assert(target instanceof TmpfsInode);
    target.nlink++;
    target.touchChanged();
    this.insertEntry(name, target);
    return 0;
  }

  override unlink(name: string, target: Inode): number {
    assert(target instanceof TmpfsInode);
    this.removeEntry(name);
    target.dropLink();
    return 0;
  }

  override rmdir(name: string, target: Inode): number {
    assert(target instanceof TmpfsDirectory);
    return removeDirectory(this, name, target);
  }

  override rename(
    name: string,
    source: Inode,
    newParent: Inode,
    newName: string,
    replaced: Inode | undefined,
    flags: number,
  ): number {
    assert(source instanceof TmpfsInode && newParent instanceof TmpfsDirectory);
    assert(replaced === undefined || replaced instanceof TmpfsInode);
    return moveEntry({ from: this, name, source, to: newParent, newName, replaced, flags });
  }

  override iterate(cookie: number, sink: DirectorySink): number {
    if (cookie < FIRST_COOKIE) return -EINVAL;
    for (let at = this.#find(cookie); at < this.#order.length; at++) {
      const entry = this.#order[at];
      if (entry === undefined) continue;
      const { name, inode } = entry;
      if (!sink.emit(name, inode.ino, typeOfMode(inode.mode), entry.cookie + 1)) return 0;
    }
    return 0;
  }

  /** The first list position whose cookie is not below `cookie`. */
  #find(cookie: number): number {
    if (cookie === FIRST_COOKIE) return 0;
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      let middle = (low + high) >>> 1;
      const from = middle;
      while (middle < high && this.#order[middle] === undefined) middle++;
      if (middle === high) high = from;
      else if ((this.#order[middle] as Entry).cookie < cookie) low = middle + 1;
      else high = from;
    }
    return low;
  }

  #adopt(name: string, inode: TmpfsInode | number): Inode | number {
    if (typeof inode === 'number') return inode;
    this.insertEntry(name, inode);
    if (isDirectory(inode.mode)) this.nlink++;
    return inode;
  }

  insertEntry(name: string, inode: TmpfsInode): void {
    const entry = { name, inode, cookie: this.#nextCookie++ };
    this.#entries.set(name, entry);
    this.#order.push(entry);
    this.size += ENTRY_BYTES;
    this.touchModified();
  }

  removeEntry(name: string): void {
    const entry = this.#entries.get(name);
    assert(entry !== undefined, 'name exists');
    this.#entries.delete(name);
    let at = this.#find(entry.cookie);
    while (this.#order[at] !== entry) at++;
    this.#order[at] = undefined;
    if (this.#order.length > 32 && this.#entries.size * 2 < this.#order.length)
      this.#order = this.#order.filter((known) => known !== undefined);
    this.size -= ENTRY_BYTES;
    this.touchModified();
  }
}
