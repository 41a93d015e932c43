/**
 * Reads a whole volume and checks all there is to check: every node and cell is authentic, space is
 * counted exactly, names and inodes fit together. Reports; never repairs.
 */

import { isDirectory, isRegular, typeOfMode } from '../../abi/file-mode.ts';
import { VolumeError } from './errors.ts';
import type { Pointer } from './l1-keys/pointer.ts';
import { SEGMENT_BLOCKS } from './l2-space/space-map.ts';
import type { TreeNode } from './l3-tree/node.ts';
import { ITEM, itemKey } from './l4-store/keys.ts';
import { FIRST_DATA_BLOCK, type VolumeStore } from './l4-store/store.ts';
import { CellPart } from './l5-files/cells.ts';
import { decodeRecord, type InodeRecord } from './l5-files/inode-record.ts';
import { decodeEntries, decodeValues, nameHash } from './l5-files/names.ts';
import { ROOT_INODE } from './l6-vfs/sealed-file-system.ts';

export interface CheckReport {
  readonly problems: readonly string[];
  readonly inodeCount: number;
  readonly nodeCount: number;
  readonly cellCount: number;
  readonly usedBlocks: number;
}

const MAX_PROBLEMS = 100;

/** Checks the state of the last commit; the store must not be dirty. */
export function checkVolume(store: VolumeStore): CheckReport {
  return new Checker(store).run();
}

class Checker {
  readonly #store: VolumeStore;
  readonly #problems: string[] = [];
  /** A byte a block: 1 when something refers to it. */
  #used = new Uint8Array(0);
  readonly #inodes = new Map<number, InodeRecord>();
  readonly #links = new Map<number, number>();
  readonly #subdirectories = new Map<number, number>();
  readonly #orphans = new Set<number>();
  readonly #cellBlocks = new Map<number, number>();
  readonly #entries: { dir: number; inode: number; type: number; name: string }[] = [];
  /** Cells by block, those of which a file uses parts; all parts must agree. */
  readonly #cutCells = new Map<number, string>();
  #last = { inode: 0, end: 0 };
  #nodeCount = 0;
  #cellCount = 0;

  constructor(store: VolumeStore) {
    this.#store = store;
  }

  run(): CheckReport {
    this.#used = new Uint8Array(this.#store.space.state.high);
    this.#guard(() =>
      this.#store.tree.walk((node, pointer) => {
        this.#nodeCount++;
        if (pointer !== undefined) this.#take(pointer, 'a node');
        if (node.level === 0) this.#leaf(node);
      }),
    );
    if (this.#problems.length === 0) {
      this.#checkNames();
      this.#checkSpace();
    }
    let usedBlocks = 0;
    for (const one of this.#used) usedBlocks += one;
    return {
      problems: this.#problems,
      inodeCount: this.#inodes.size,
      nodeCount: this.#nodeCount,
      cellCount: this.#cellCount,
      usedBlocks,
    };
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof VolumeError)) throw error;
      this.#report(error.message);
    }
  }

  #report(problem: string): void {
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push(problem);
  }

  #take(pointer: Pointer, what: string): void {
    const { block, blocks } = pointer;
    if (block < FIRST_DATA_BLOCK || block + blocks > this.#used.length) {
      this.#report(`${what} at block ${block} lies outside of the volume`);
      return;
    }
    for (let i = block; i < block + blocks; i++) {
      if (this.#used[i] === 1) this.#report(`block ${i} is used twice, by ${what} the second time`);
      this.#used[i] = 1;
    }
  }

  #leaf(node: TreeNode): void {
    for (let i = 0; i < node.count; i++) {
      const a = node.keysA[i] as number;
      const b = node.keysB[i] as number;
      const inode = Math.floor(a / 256);
      this.#guard(() => this.#item(inode, a % 256, b, node.values[i] as Uint8Array));
    }
  }

  #item(inode: number, type: number, b: number, value: Uint8Array): void {
    if (type === ITEM.inode) {
      const record = decodeRecord(value);
      if (record === undefined || b !== 0) this.#report(`inode ${inode} is odd`);
      else this.#inodes.set(inode, record);
    } else if (type === ITEM.dirent) this.#directory(inode, b, value);
    else if (type === ITEM.extent) this.#cell(inode, b, value);
    else if (type === ITEM.xattr) {
      if (decodeValues(value) === undefined) this.#report(`xattrs of inode ${inode} are odd`);
    } else if (type === ITEM.orphan) this.#orphans.add(b);
    else if (type !== ITEM.space && type !== ITEM.anchor)
      this.#report(`an item of unknown type ${type}`);
  }

  #directory(dir: number, hash: number, value: Uint8Array): void {
    const list = decodeEntries(value);
    if (list === undefined || list.length === 0) {
      this.#report(`directory ${dir} is odd`);
      return;
    }
    for (const { name, inode, type } of list) {
      if (nameHash(name, this.#store.nameSeed) !== hash)
        this.#report(`directory ${dir} has an entry in the wrong place`);
      this.#entries.push({ dir, inode, type, name });
    }
  }

  #cell(inode: number, first: number, value: Uint8Array): void {
    const part = CellPart.decode(first, value);
    if (part === undefined) {
      this.#report(`a cell of inode ${inode} is odd`);
      return;
    }
    const { count, pointer } = part;
    // Items come in order.
    if (this.#last.inode === inode && first < this.#last.end)
      this.#report(`cells of inode ${inode} overlap`);
    this.#last = { inode, end: first + count };
    this.#cellBlocks.set(inode, (this.#cellBlocks.get(inode) ?? 0) + count);
    const cell = cellOf(inode, part);
    if (count < pointer.blocks && this.#cutCells.get(pointer.block) === cell) return;
    if (count < pointer.blocks) this.#cutCells.set(pointer.block, cell);
    this.#cellCount++;
    this.#take(pointer, `a cell of inode ${inode}`);
    this.#store.readCell(pointer);
  }

  #checkNames(): void {
    for (const { dir, inode, type, name } of this.#entries) {
      const record = this.#inodes.get(inode);
      const parent = this.#inodes.get(dir);
      if (parent === undefined || !isDirectory(parent.mode))
        this.#report(`entries of inode ${dir}, which is no directory`);
      if (record === undefined) this.#report(`${JSON.stringify(name)} names no inode`);
      else {
        if (typeOfMode(record.mode) !== type) this.#report(`an entry has the wrong type`);
        this.#links.set(inode, (this.#links.get(inode) ?? 0) + 1);
        if (isDirectory(record.mode))
          this.#subdirectories.set(dir, (this.#subdirectories.get(dir) ?? 0) + 1);
      }
    }
    for (const [inode, record] of this.#inodes) this.#checkInode(inode, record);
    for (const inode of this.#orphans)
      if (!this.#inodes.has(inode)) this.#report(`orphan ${inode} has no inode`);
    if (this.#inodes.size !== this.#store.fileCount)
      this.#report(`${this.#inodes.size} inodes, counted ${this.#store.fileCount}`);
  }

  #checkInode(inode: number, record: InodeRecord): void {
    const names = this.#links.get(inode) ?? 0;
    let wanted = names;
    if (isDirectory(record.mode)) {
      const isNamed = inode === ROOT_INODE || names === 1;
      wanted = isNamed ? 2 + (this.#subdirectories.get(inode) ?? 0) : 0;
    }
    if (record.nlink !== wanted)
      this.#report(`inode ${inode} counts ${record.nlink} links, it has ${wanted}`);
    if (record.nlink === 0 && !this.#orphans.has(inode))
      this.#report(`inode ${inode} has neither name nor orphan entry`);
    const cells = this.#cellBlocks.get(inode) ?? 0;
    if (cells !== record.cellBlocks)
      this.#report(`inode ${inode} counts ${record.cellBlocks} blocks, it has ${cells}`);
    if (cells > 0 && !isRegular(record.mode))
      this.#report(`inode ${inode} has contents and is no file`);
    if (inode >= this.#store.nextInode) this.#report(`inode ${inode} is not yet given out`);
  }

  #checkSpace(): void {
    const { space, tree } = this.#store;
    let used = 0;
    for (let segment = 0; segment * SEGMENT_BLOCKS < this.#used.length; segment++) {
      const bitmap = tree.get(itemKey(0, ITEM.space), segment);
      for (let i = 0; i < SEGMENT_BLOCKS; i++) {
        const block = segment * SEGMENT_BLOCKS + i;
        const marked = bitmap !== undefined && (bitmap[i >>> 3]! & (1 << (i & 7))) !== 0;
        const isUsed = this.#used[block] === 1;
        if (isUsed) used++;
        if (marked !== isUsed)
          this.#report(`block ${block} is ${marked ? 'lost' : 'in use but marked free'}`);
      }
    }
    if (used !== space.state.used)
      this.#report(`${used} blocks are in use, counted ${space.state.used}`);
  }
}

/** What all parts of one cell have in common. */
function cellOf(inode: number, { origin, pointer }: CellPart): string {
  const { blocks, session, counter, tag } = pointer;
  return [inode, origin, blocks, counter, session, tag].join(' ');
}
