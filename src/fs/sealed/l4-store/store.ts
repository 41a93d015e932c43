/**
 * The transactional store under the files: an authenticated tree, data cells, and commits. Whatever
 * is changed between two commits is in memory or in blocks that no commit refers to; {@link
 * VolumeStore.commit} makes it the state of the volume in one step.
 *
 * Owner: one file system instance. After a failed barrier the store refuses further changes, since
 * nobody knows then what the host has kept.
 */

import { assert } from '../../../base/assert.ts';
import { freeMemory } from '../../../base/free-memory.ts';
import type { Crypto } from '../../../base/interfaces.ts';
import { damaged, VolumeError } from '../errors.ts';
import { BLOCK_BYTES } from '../l0-host/block-host.ts';
import type { UnlockedHeader } from '../l1-keys/header.ts';
import type { Pointer } from '../l1-keys/pointer.ts';
import { KIND } from '../l1-keys/sealer.ts';
import { FIRST_SUPER_BLOCK } from '../l1-keys/unlock.ts';
import { SpaceMap } from '../l2-space/space-map.ts';
import { decodeNode, encodeNode, type TreeNode } from '../l3-tree/node.ts';
import { type NodeStore, type Root, Tree } from '../l3-tree/tree.ts';
import {
  type AnchorState,
  commitmentInput,
  type FreshnessAnchor,
  MARK_BYTES,
  MAX_KEPT_BYTES,
} from './anchor.ts';
import { ITEM, itemKey } from './keys.ts';
import { NodeCache } from './node-cache.ts';
import type { PieceIo } from './piece-io.ts';
import { encodeSuperblock, MAX_MANIFEST, type Superblock } from './superblock.ts';

/** Blocks below this belong to header copies and superblocks. */
export const FIRST_DATA_BLOCK = 16;
export const CELL_BLOCKS = 16;
const SPACE_KEY = itemKey(0, ITEM.space);
const ANCHOR_KEY = itemKey(0, ITEM.anchor);
const NO_MARK = new Uint8Array(MARK_BYTES);
const MAX_ROUNDS = 64;
const CELL_DAMAGE = 'contents of a file are not what was written';

export interface StoreParts {
  readonly name: string;
  readonly io: PieceIo;
  readonly crypto: Crypto;
  readonly unlocked: UnlockedHeader;
  readonly superblock: Superblock | undefined;
  readonly limitBlocks: number;
  /** Of a new volume; else the superblock has it. */
  readonly nameSeed?: Uint8Array;
  readonly isReadOnly: boolean;
  /** Both superblocks name the last commit, and it needs no manifest. */
  readonly isClosed?: boolean;
  /** What opening found that a crash leaves, and an attack might. */
  readonly remark?: string | undefined;
  /** The superblock of the last commit; absent of a new volume. */
  readonly block?: Uint8Array;
}

export class VolumeStore implements NodeStore {
  readonly name: string;
  readonly io: PieceIo;
  readonly crypto: Crypto;
  readonly tree: Tree;
  readonly space: SpaceMap;
  readonly isReadOnly: boolean;
  readonly remark: string | undefined;
  unlocked: UnlockedHeader;
  generation: number;
  nextInode: number;
  fileCount: number;
  readonly nameSeed: Uint8Array;
  #anchor: FreshnessAnchor | undefined;
  #anchorState: AnchorState | undefined;
  readonly #cache = new NodeCache();
  #failure: unknown;
  #isClosed: boolean;
  #lastBlock: Uint8Array | undefined;
  /** Something besides the tree must be stored: the next inode number, the header. */
  isTouched = false;

  constructor(parts: StoreParts) {
    const { superblock } = parts;
    this.name = parts.name;
    this.io = parts.io;
    this.crypto = parts.crypto;
    this.unlocked = parts.unlocked;
    this.isReadOnly = parts.isReadOnly;
    this.#isClosed = parts.isClosed ?? false;
    this.remark = parts.remark;
    this.#lastBlock = parts.block;
    this.generation = superblock?.generation ?? 0;
    this.nextInode = superblock?.nextInode ?? 1;
    this.fileCount = superblock?.fileCount ?? 0;
    this.nameSeed = superblock?.nameSeed ?? parts.nameSeed ?? new Uint8Array(8);
    this.tree = new Tree(this, superblock?.root);
    const state = {
      high: superblock?.high ?? FIRST_DATA_BLOCK,
      used: superblock?.used ?? 0,
      cursor: superblock?.cursor ?? FIRST_DATA_BLOCK,
    };
    this.space = new SpaceMap(state, FIRST_DATA_BLOCK, parts.limitBlocks, (index) =>
      this.tree.get(SPACE_KEY, index),
    );
  }

  get isDirty(): boolean {
    return this.isTouched || this.tree.dirtyRoot !== undefined;
  }

  /** Blocks that stay free for nodes, so that a full volume can still be emptied. */
  get reserveBlocks(): number {
    return Math.min(2048, Math.floor(this.space.limit / 8));
  }

  /** True when `blocks` more blocks of contents fit. */
  hasRoom(blocks: number): boolean {
    return this.space.free - blocks >= this.reserveBlocks;
  }

  /** True when so much is free that space may be lent for speed (docs/formats/volume.md, "Cells"). */
  get hasPlenty(): boolean {
    return this.space.free >= this.space.limit / 4;
  }

  /** Throws unless changes are possible. */
  checkWritable(): void {
    if (this.#failure !== undefined)
      throw new VolumeError(
        'CLOISTER_VOLUME_IO',
        `volume ${this.name} takes no more changes since the host failed; what was synced is ` +
          'safe, open it again',
        this.#failure,
      );
    assert(!this.isReadOnly, 'a change to a volume that was opened for reading');
  }

  /** No more changes and no commit: what is in memory is not a whole state. */
  fail(cause: unknown): void {
    this.#failure ??= cause;
  }

  // --- freshness ---------------------------------------------------------------------------------

  /** From now on `anchor`, which was asked and remembers `state`, hears of every commit. */
  setAnchor(anchor: FreshnessAnchor, state: AnchorState | undefined): void {
    this.#anchor = anchor;
    this.#anchorState = state;
  }

  /** The commit that the anchor remembers: the last one, or one before it. */
  get anchoredGeneration(): number | undefined {
    return this.#anchorState?.generation;
  }

  /** The volume gets an anchor that does not know it yet; the next commit is the first it hears of. */
  establishAnchor(anchor: FreshnessAnchor): void {
    this.checkWritable();
    const kept = anchor.establish?.(this.unlocked.header.volumeId);
    assert((kept?.length ?? 0) <= MAX_KEPT_BYTES, 'an anchor keeps too much in the volume');
    if (kept !== undefined) this.tree.set(ANCHOR_KEY, 0, kept);
    else if (this.anchorKept !== undefined) this.tree.delete(ANCHOR_KEY, 0);
    this.isTouched = true;
    this.setAnchor(anchor, undefined);
  }

  /** What the volume keeps for its anchor. */
  get anchorKept(): Uint8Array | undefined {
    return this.tree.get(ANCHOR_KEY, 0);
  }

  // --- nodes -------------------------------------------------------------------------------------

  readNode(pointer: Pointer, level: number): TreeNode {
    const known = this.#cache.get(pointer.block);
    if (known !== undefined) return known;
    const plain = this.io.read(KIND.node, pointer, 'a node of its tree is not what was written');
    const node = decodeNode(plain);
    if (node === undefined || node.level !== level || (node.count === 0 && level > 0))
      throw damaged(this.name, `block ${pointer.block} is no node of level ${level}`);
    this.#cache.set(pointer.block, node);
    return node;
  }

  freeNode(pointer: Pointer): void {
    this.#cache.delete(pointer.block);
    this.space.give(pointer.block, pointer.blocks);
  }

  // --- cells -------------------------------------------------------------------------------------

  readCell(pointer: Pointer): Uint8Array {
    return this.io.read(KIND.cell, pointer, CELL_DAMAGE);
  }

  /** Copies the contents of cells to `target`, one after the other from `start` on. */
  readCells(pointers: readonly Pointer[], target: Uint8Array, start: number): void {
    this.io.readInto(KIND.cell, pointers, target, start, CELL_DAMAGE);
  }

  freeCell(pointer: Pointer): void {
    this.io.forget(pointer);
    this.space.give(pointer.block, pointer.blocks);
  }

  /**
   * Seals and writes contents, each a whole number of blocks, at most {@link CELL_BLOCKS}. Throws
   * VolumeError when there is no room; then nothing has been taken.
   */
  writeCells(plains: readonly Uint8Array[]): Pointer[] {
    this.checkWritable();
    const places = this.#placeCells(plains.map((plain) => plain.length / BLOCK_BYTES));
    const sealed = plains.map((plain, i) => this.io.seal(KIND.cell, places[i] as number, plain));
    const pieces = sealed.map(({ piece, pointer }) => ({
      block: pointer.block,
      ciphertext: piece.ciphertext,
    }));
    try {
      this.io.writeLater(pieces);
    } catch (error) {
      for (const { pointer } of sealed) this.freeCell(pointer);
      throw error;
    }
    return sealed.map(({ pointer }) => pointer);
  }

  #placeCells(sizes: readonly number[]): number[] {
    let total = 0;
    for (const size of sizes) total += size;
    if (!this.hasRoom(total)) throw this.#full();
    // All in a row where possible: one write of the host, and one read later.
    const row = total <= 1024 ? this.space.take(total) : -1;
    const places: number[] = [];
    if (row >= 0) {
      let at = row;
      for (const size of sizes) {
        places.push(at);
        at += size;
      }
      return places;
    }
    for (const size of sizes) {
      const at = this.space.take(size);
      if (at < 0) {
        places.forEach((place, i) => {
          this.space.give(place, sizes[i] as number);
        });
        throw this.#full();
      }
      places.push(at);
    }
    return places;
  }

  #full(): VolumeError {
    return new VolumeError('CLOISTER_VOLUME_FULL', `volume ${this.name} is full`);
  }

  // --- commit ------------------------------------------------------------------------------------

  /**
   * Makes everything durable. When it throws for lack of room or a failed write, the changes are
   * still in memory and a later commit may succeed; after a failed barrier none will.
   */
  commit(): void {
    if (!this.isDirty) return;
    this.checkWritable();
    // Even a commit without a change in the tree has a root of its own generation.
    if (this.tree.dirtyRoot === undefined) this.tree.touch();
    let block: Uint8Array;
    try {
      this.io.flush();
      this.#assignPlaces();
      const pieces: { block: number; ciphertext: Uint8Array }[] = [];
      const root = this.#sealNode(this.tree.dirtyRoot as TreeNode, pieces);
      pieces.sort((a, b) => a.block - b.block);
      this.io.write(pieces);
      for (const { ciphertext } of pieces) freeMemory(ciphertext);
      let manifest = this.io.unsettled();
      if (manifest === undefined || manifest.length > MAX_MANIFEST) {
        this.#barrier();
        manifest = [];
      }
      const { level } = this.tree.dirtyRoot as TreeNode;
      block = this.#superblock({ pointer: root, level }, manifest);
      this.#isClosed = false;
      this.#publish(block);
      this.#settle(root);
    } catch (error) {
      this.#unplace(this.tree.dirtyRoot);
      this.io.distrust();
      throw error;
    }
    this.#advanceAnchor(block);
  }

  /**
   * Ends the work on a volume: both superblocks name the last commit, as one that a barrier covers.
   * Until then damage to the last commit cannot be told from a crash in the middle of it, and
   * opening would take the commit before; from then on it is damage.
   */
  close(): void {
    if (this.isReadOnly || this.#isClosed || this.#failure !== undefined) return;
    assert(!this.isDirty, 'closing a volume whose changes are not committed');
    const root = this.tree.cleanRoot;
    if (root === undefined) return;
    for (let place = 0; place < 2; place++) {
      const block = this.#superblock(root, []);
      this.#publish(block);
      this.generation += 1;
      this.#advanceAnchor(block);
    }
    this.#isClosed = true;
    this.#tellAnchor((anchor) => anchor.settle?.());
  }

  #superblock(root: NonNullable<Root>, manifest: Superblock['manifest']): Uint8Array {
    return encodeSuperblock(this.io.sealer, {
      volumeId: this.unlocked.header.volumeId,
      generation: this.generation + 1,
      headerGeneration: this.unlocked.header.generation,
      root,
      nextInode: this.nextInode,
      limitBlocks: this.space.limit,
      ...this.space.state,
      fileCount: this.fileCount,
      nameSeed: this.nameSeed,
      manifest,
      mark: this.#anchor?.mark ?? NO_MARK,
    });
  }

  /**
   * Writes the superblock and makes it durable. A failure here leaves open whether the host has it,
   * so nothing that it refers to may be written over: the store takes no more changes.
   */
  #publish(block: Uint8Array): void {
    try {
      this.io.writeBlock(FIRST_SUPER_BLOCK + ((this.generation + 1) % 2), block);
    } catch (error) {
      this.#failure = error;
      throw error;
    }
    this.#barrier();
  }

  /** SHA-256 that names the last commit, as freshness anchors remember it. */
  get commitment(): Uint8Array {
    const block = this.#lastBlock;
    assert(block !== undefined, 'a volume without a commit has no commitment');
    const { volumeId } = this.unlocked.header;
    return this.crypto.sha256(...commitmentInput(volumeId, this.generation, block));
  }

  /** Moves the anchor to the commit that the superblock `block` holds. */
  #advanceAnchor(block: Uint8Array): void {
    this.#lastBlock = block;
    const { volumeId } = this.unlocked.header;
    this.#tellAnchor((anchor) => {
      const next = { generation: this.generation, commitment: this.commitment };
      anchor.advance(volumeId, this.#anchorState, next);
      this.#anchorState = next;
    });
  }

  #tellAnchor(tell: (anchor: FreshnessAnchor) => void): void {
    if (this.#anchor === undefined) return;
    try {
      tell(this.#anchor);
    } catch (cause) {
      this.#failure = cause;
      throw cause;
    }
  }

  #barrier(): void {
    try {
      this.io.barrier();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /**
   * Gives every dirty node a place, and stores the bitmaps that this changes, which may make more
   * nodes dirty: until nothing changes any more. Places only grow, so this ends.
   */
  #assignPlaces(): void {
    for (let round = 0; ; round++) {
      assert(round < MAX_ROUNDS, 'the places of a commit do not settle');
      let changed = false;
      const place = (node: TreeNode): void => {
        const needed = Math.ceil(node.bytes / BLOCK_BYTES);
        if (node.block < 0 || node.blocks < needed) {
          if (node.block >= 0) this.space.give(node.block, node.blocks);
          node.block = this.space.take(needed);
          if (node.block < 0) throw this.#full();
          node.blocks = needed;
          changed = true;
        }
        for (const child of node.children) if (child !== undefined) place(child);
      };
      place(this.tree.dirtyRoot as TreeNode);
      for (const index of [...this.space.dirty]) {
        const stored = this.space.takeStored(index);
        if (stored === undefined) continue;
        this.tree.set(SPACE_KEY, index, stored);
        changed = true;
      }
      if (!changed) return;
    }
  }

  /** Seals children first, since a parent holds their tags. */
  #sealNode(node: TreeNode, pieces: { block: number; ciphertext: Uint8Array }[]): Pointer {
    for (let i = 0; i < node.children.length; i++) {
      const child = node.children[i];
      if (child !== undefined) node.pointers[i] = this.#sealNode(child, pieces);
    }
    const plain = encodeNode(node, node.blocks * BLOCK_BYTES);
    const { piece, pointer } = this.io.seal(KIND.node, node.block, plain);
    freeMemory(plain);
    pieces.push({ block: node.block, ciphertext: piece.ciphertext });
    return pointer;
  }

  /** The commit is durable: dirty nodes are clean, freed blocks are free. */
  #settle(root: Pointer): void {
    const top = this.tree.dirtyRoot as TreeNode;
    const clean = (node: TreeNode): void => {
      for (let i = 0; i < node.children.length; i++) {
        const child = node.children[i];
        if (child !== undefined) clean(child);
        node.children[i] = undefined;
      }
      this.#cache.set(node.block, node);
      node.block = -1;
      node.blocks = 0;
    };
    clean(top);
    this.tree.setClean({ pointer: root, level: top.level });
    this.space.release();
    this.generation += 1;
    this.isTouched = false;
  }

  /** The commit failed: its places are free again. */
  #unplace(node: TreeNode | undefined): void {
    if (node === undefined) return;
    if (node.block >= 0) this.space.give(node.block, node.blocks);
    node.block = -1;
    node.blocks = 0;
    for (const child of node.children) this.#unplace(child);
  }
}
