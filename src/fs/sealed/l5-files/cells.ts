/**
 * Where the contents of one file lie: parts of cells, as items of the tree. Byte layout:
 * docs/formats/volume.md, "Cells".
 *
 * A cell is sealed and opened whole, and never changes. What overwrites some of its blocks is
 * another cell; of the old one the file uses the rest, one or several parts, until no part is left
 * and its space is free. Parts of a cell lie where it was made for, within one aligned window.
 */

import { damaged, type VolumeError } from '../errors.ts';
import {
  POINTER_BYTES,
  type Pointer,
  readPointer,
  readU48,
  writePointer,
} from '../l1-keys/pointer.ts';
import { ITEM, itemKey } from '../l4-store/keys.ts';
import { CELL_BLOCKS, type VolumeStore } from '../l4-store/store.ts';

const SKIP_AT = POINTER_BYTES;
const COUNT_AT = POINTER_BYTES + 1;
const PART_BYTES = POINTER_BYTES + 2;

/** Blocks of a cell that a file uses. */
export class CellPart {
  /** First block in the file. */
  readonly first: number;
  readonly count: number;
  /** Blocks of the cell before it. */
  readonly skip: number;
  /** The cell: where it lies, and its size. */
  readonly block: number;
  readonly blocks: number;
  readonly #value: Uint8Array;

  constructor(first: number, count: number, skip: number, value: Uint8Array) {
    this.first = first;
    this.count = count;
    this.skip = skip;
    this.block = readU48(value, 0);
    this.blocks = value[6] as number;
    this.#value = value;
  }

  /** The whole cell. */
  static of(first: number, pointer: Pointer): CellPart {
    const value = new Uint8Array(POINTER_BYTES);
    writePointer(value, 0, pointer);
    return new CellPart(first, pointer.blocks, 0, value);
  }

  /** undefined when it is nothing that {@link encode} makes for the block `first` of a file. */
  static decode(first: number, value: Uint8Array): CellPart | undefined {
    const isWhole = value.length === POINTER_BYTES;
    if (!isWhole && value.length !== PART_BYTES) return undefined;
    const blocks = value[6] as number;
    const skip = isWhole ? 0 : (value[SKIP_AT] as number);
    const count = isWhole ? blocks : (value[COUNT_AT] as number);
    if (count === 0 || skip + count > blocks || (!isWhole && count === blocks)) return undefined;
    const origin = first - skip;
    if (origin < 0 || (origin % CELL_BLOCKS) + blocks > CELL_BLOCKS) return undefined;
    return new CellPart(first, count, skip, value);
  }

  /** Decoded with each call: most uses of a part do not need it. */
  get pointer(): Pointer {
    return readPointer(this.#value, 0);
  }

  /** The block of the file that the first block of the cell was made for. */
  get origin(): number {
    return this.first - this.skip;
  }

  /** What lies in [from, to), which is a part of it. */
  slice(from: number, to: number): CellPart {
    return new CellPart(from, to - from, this.skip + from - this.first, this.#value);
  }

  /** The value of an item: the pointer; of a part that is not the whole cell also skip and count. */
  encode(): Uint8Array {
    const isWhole = this.count === this.blocks;
    const value = new Uint8Array(isWhole ? POINTER_BYTES : PART_BYTES);
    value.set(this.#value.subarray(0, POINTER_BYTES));
    if (isWhole) return value;
    value[SKIP_AT] = this.skip;
    value[COUNT_AT] = this.count;
    return value;
  }
}

export class FileCells {
  readonly #store: VolumeStore;
  readonly #inode: number;
  readonly #key: number;
  /** Blocks of the file that lie in cells. */
  blocks: number;

  constructor(store: VolumeStore, inode: number, blocks: number) {
    this.#store = store;
    this.#inode = inode;
    this.#key = itemKey(inode, ITEM.extent);
    this.blocks = blocks;
  }

  /** The parts that begin in the blocks [from, to) of the file. Throws VolumeError. */
  partsIn(from: number, to: number): CellPart[] {
    const parts: CellPart[] = [];
    for (let part = this.next(from); part !== undefined && part.first < to; ) {
      parts.push(part);
      part = this.next(part.first + part.count);
    }
    return parts;
  }

  /** The part that holds a block. */
  at(block: number): CellPart | undefined {
    const item = this.#store.tree.floor(this.#key, block);
    if (item === undefined) return undefined;
    const part = this.#decode(item.b, item.value);
    return part.first + part.count > block ? part : undefined;
  }

  /** The first part that begins at or after a block. */
  next(block: number): CellPart | undefined {
    const item = this.#store.tree.ceiling(this.#key, block);
    return item && this.#decode(item.b, item.value);
  }

  /** A new cell from block `first` on; nothing else may lie there. */
  add(first: number, pointer: Pointer): void {
    this.#set(CellPart.of(first, pointer));
    this.blocks += pointer.blocks;
  }

  /** Blocks [from, to) of the file lie in no cell any more; cells that nothing uses are freed. */
  drop(from: number, to: number): void {
    const before = from > 0 ? this.at(from - 1) : undefined;
    if (before !== undefined && before.first + before.count > from) this.#cut(before, from, to);
    for (let part = this.next(from); part !== undefined && part.first < to; ) {
      this.#cut(part, from, to);
      part = this.next(part.first + 1);
    }
  }

  #cut(part: CellPart, from: number, to: number): void {
    const { first, count, origin, block, blocks } = part;
    const end = first + count;
    const left = Math.max(0, from - first);
    const right = Math.max(0, end - to);
    if (left === 0) this.#store.tree.delete(this.#key, first);
    else this.#set(part.slice(first, from));
    if (right > 0) this.#set(part.slice(to, end));
    this.blocks -= count - left - right;
    if (left + right > 0) return;
    const isUsed =
      count < blocks && this.partsIn(origin, origin + blocks).some((p) => p.block === block);
    if (!isUsed) this.#store.freeCell(part.pointer);
  }

  #set(part: CellPart): void {
    this.#store.tree.set(this.#key, part.first, part.encode());
  }

  #decode(first: number, value: Uint8Array): CellPart {
    const part = CellPart.decode(first, value);
    if (part === undefined) throw this.#odd();
    return part;
  }

  #odd(): VolumeError {
    return damaged(this.#store.name, `a cell of inode ${this.#inode} is odd`);
  }
}
