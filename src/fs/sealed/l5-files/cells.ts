/**
 * Where the contents of one file lie: parts of cells, as items of the tree. Byte layout:
 * docs/formats/volume.md, "Cells".
 *
 * A cell is sealed and opened whole, and never changes. What overwrites some of its blocks is
 * another cell; of the old one the file uses the rest, one or several parts, until no part is left
 * and its space is free. Parts of a cell lie where it was made for, within one aligned window.
 */

import { damaged, type VolumeError } from '../errors.ts';
import { POINTER_BYTES, type Pointer, readPointer, writePointer } from '../l1-keys/pointer.ts';
import { ITEM, itemKey } from '../l4-store/keys.ts';
import { CELL_BLOCKS, type VolumeStore } from '../l4-store/store.ts';

/** Blocks of a cell that a file uses. */
export interface CellPart {
  /** First block in the file. */
  readonly first: number;
  readonly count: number;
  /** Blocks of the cell before it. */
  readonly skip: number;
  readonly pointer: Pointer;
}

const PART_BYTES = POINTER_BYTES + 2;

/** The value of an item: the pointer; of a part that is not the whole cell also skip and count. */
export function encodePart({ count, skip, pointer }: Omit<CellPart, 'first'>): Uint8Array {
  const isWhole = count === pointer.blocks;
  const value = new Uint8Array(isWhole ? POINTER_BYTES : PART_BYTES);
  writePointer(value, 0, pointer);
  if (isWhole) return value;
  value[POINTER_BYTES] = skip;
  value[POINTER_BYTES + 1] = count;
  return value;
}

/** undefined when it is nothing that {@link encodePart} makes for the block `first` of a file. */
export function decodePart(first: number, value: Uint8Array): CellPart | undefined {
  const isWhole = value.length === POINTER_BYTES;
  if (!isWhole && value.length !== PART_BYTES) return undefined;
  const pointer = readPointer(value, 0);
  const { blocks } = pointer;
  const skip = isWhole ? 0 : (value[POINTER_BYTES] as number);
  const count = isWhole ? blocks : (value[POINTER_BYTES + 1] as number);
  if (count === 0 || skip + count > blocks || (!isWhole && count === blocks)) return undefined;
  const origin = first - skip;
  const inWindow = ((origin % CELL_BLOCKS) + CELL_BLOCKS) % CELL_BLOCKS;
  return origin < 0 || inWindow + blocks > CELL_BLOCKS
    ? undefined
    : { first, count, skip, pointer };
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
    this.#set({ first, count: pointer.blocks, skip: 0, pointer });
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
    const { first, count, skip, pointer } = part;
    const left = Math.max(0, from - first);
    const right = Math.max(0, first + count - to);
    if (left === 0) this.#store.tree.delete(this.#key, first);
    else this.#set({ first, count: left, skip, pointer });
    if (right > 0) this.#set({ first: to, count: right, skip: skip + to - first, pointer });
    this.blocks -= count - left - right;
    if (left + right > 0) return;
    const origin = first - skip;
    const isUsed =
      count < pointer.blocks &&
      this.partsIn(origin, origin + pointer.blocks).some((p) => p.pointer.block === pointer.block);
    if (!isUsed) this.#store.freeCell(pointer);
  }

  #set(part: CellPart): void {
    this.#store.tree.set(this.#key, part.first, encodePart(part));
  }

  #decode(first: number, value: Uint8Array): CellPart {
    const part = decodePart(first, value);
    if (part === undefined) throw this.#odd();
    return part;
  }

  #odd(): VolumeError {
    return damaged(this.#store.name, `a cell of inode ${this.#inode} is odd`);
  }
}
