/**
 * The copy-on-write B+ tree. Reading loads nodes through {@link NodeStore} and keeps some; a change
 * makes the nodes on its path dirty, in memory, until the commit gives them new places. A dirty
 * node's ancestors are dirty, too, so the tree on disk stays whole until its root is exchanged.
 */

import { assert } from '../../../base/assert.ts';
import type { Pointer } from '../l1-keys/pointer.ts';
import { ITEM_OVERHEAD, MAX_VALUE_BYTES, NODE_BYTES, TreeNode } from './node.ts';

/** Where clean nodes come from; throws when one is damaged. */
export interface NodeStore {
  readNode(pointer: Pointer, level: number): TreeNode;
  /** A clean node becomes dirty: forget it; its old place is free after the next commit. */
  freeNode(pointer: Pointer): void;
}

export interface Item {
  readonly a: number;
  readonly b: number;
  readonly value: Uint8Array;
}

export type Root = { readonly pointer: Pointer; readonly level: number } | undefined;

const MERGE_BYTES = NODE_BYTES / 4;

export class Tree {
  readonly #store: NodeStore;
  #rootPointer: Root;
  /** The root while it is dirty. */
  #root: TreeNode | undefined;
  /** Nodes that became dirty since the last commit, about. */
  dirtyCount = 0;

  constructor(store: NodeStore, root: Root) {
    this.#store = store;
    this.#rootPointer = root;
    if (root === undefined) this.#root = new TreeNode(0);
  }

  /** The root of the last commit. */
  get cleanRoot(): Root {
    return this.#rootPointer;
  }

  get dirtyRoot(): TreeNode | undefined {
    return this.#root;
  }

  /** Makes the root dirty, so that a commit writes it. */
  touch(): void {
    this.#dirtyTop();
  }

  /** The commit is durable: the dirty root became this. */
  setClean(root: Root): void {
    this.#rootPointer = root;
    this.#root = undefined;
    this.dirtyCount = 0;
  }

  get(a: number, b: number): Uint8Array | undefined {
    const leaf = this.#leaf(a, b);
    const index = leaf.lowerBound(a, b);
    return leaf.hasKeyAt(index, a, b) ? leaf.values[index] : undefined;
  }

  /** The first item at or after (a, b) whose key begins with `a`. */
  ceiling(a: number, b: number): Item | undefined {
    const item = this.#ceiling(this.#top(), a, b);
    return item?.a === a ? item : undefined;
  }

  /** The first item of all at or after (a, b). */
  next(a: number, b: number): Item | undefined {
    return this.#ceiling(this.#top(), a, b);
  }

  /** The last item at or before (a, b) whose key begins with `a`. */
  floor(a: number, b: number): Item | undefined {
    const item = this.#floor(this.#top(), a, b);
    return item?.a === a ? item : undefined;
  }

  set(a: number, b: number, value: Uint8Array): void {
    assert(value.length <= MAX_VALUE_BYTES, 'a value is too long for the tree');
    const root = this.#dirtyTop();
    const split = this.#insert(root, a, b, value);
    if (split === undefined) return;
    this.dirtyCount++;
    const grown = new TreeNode(root.level + 1);
    grown.insertChild(0, root.keysA[0] as number, root.keysB[0] as number, root);
    grown.insertChild(1, split.keysA[0] as number, split.keysB[0] as number, split);
    this.#root = grown;
  }

  /** False when there was no such item. */
  delete(a: number, b: number): boolean {
    if (this.get(a, b) === undefined) return false;
    const root = this.#dirtyTop();
    this.#remove(root, a, b);
    let top = root;
    while (top.level > 0 && top.count === 1) {
      // A root with one child is that child.
      top = this.#dirtyChild(top, 0);
    }
    this.#root = top.level > 0 && top.count === 0 ? new TreeNode(0) : top;
    return true;
  }

  /** Every pointer to a node, parents first; for checks. The visitor sees clean and dirty nodes. */
  walk(visit: (node: TreeNode, pointer: Pointer | undefined) => void): void {
    const go = (node: TreeNode, pointer: Pointer | undefined): void => {
      visit(node, pointer);
      if (node.level > 0)
        for (let i = 0; i < node.count; i++) go(this.#child(node, i), node.pointers[i]);
    };
    go(this.#top(), this.#root === undefined ? this.#rootPointer?.pointer : undefined);
  }

  #top(): TreeNode {
    if (this.#root !== undefined) return this.#root;
    const { pointer, level } = this.#rootPointer as NonNullable<Root>;
    return this.#store.readNode(pointer, level);
  }

  #dirtyTop(): TreeNode {
    if (this.#root === undefined) {
      // The store forgets the clean node, so it can be changed in place.
      this.#root = this.#top();
      this.dirtyCount++;
      this.#store.freeNode((this.#rootPointer as NonNullable<Root>).pointer);
    }
    return this.#root;
  }

  #child(node: TreeNode, index: number): TreeNode {
    const dirty = node.children[index];
    if (dirty !== undefined) return dirty;
    return this.#store.readNode(node.pointers[index] as Pointer, node.level - 1);
  }

  /** The child as a dirty node; `node` is dirty. */
  #dirtyChild(node: TreeNode, index: number): TreeNode {
    const known = node.children[index];
    if (known !== undefined) return known;
    const pointer = node.pointers[index] as Pointer;
    const child = this.#store.readNode(pointer, node.level - 1);
    this.#store.freeNode(pointer);
    this.dirtyCount++;
    node.children[index] = child;
    node.pointers[index] = undefined;
    return child;
  }

  #leaf(a: number, b: number): TreeNode {
    let node = this.#top();
    while (node.level > 0) node = this.#child(node, node.childIndex(a, b));
    return node;
  }

  #ceiling(node: TreeNode, a: number, b: number): Item | undefined {
    if (node.level === 0) return itemAt(node, node.lowerBound(a, b));
    for (let i = node.childIndex(a, b); i < node.count; i++) {
      const found = this.#ceiling(this.#child(node, i), a, b);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #floor(node: TreeNode, a: number, b: number): Item | undefined {
    if (node.level === 0) {
      const index = node.lowerBound(a, b);
      return itemAt(node, node.hasKeyAt(index, a, b) ? index : index - 1);
    }
    for (let i = node.childIndex(a, b); i >= 0; i--) {
      const found = this.#floor(this.#child(node, i), a, b);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Inserts below a dirty node; the new right sibling when it had to be split. */
  #insert(node: TreeNode, a: number, b: number, value: Uint8Array): TreeNode | undefined {
    if (node.level === 0) {
      const index = node.lowerBound(a, b);
      if (node.hasKeyAt(index, a, b)) {
        node.bytes += value.length - (node.values[index] as Uint8Array).length;
        node.values[index] = value;
      } else node.insertValue(index, a, b, value);
      return node.bytes > NODE_BYTES ? splitNode(node, index) : undefined;
    }
    const index = node.childIndex(a, b);
    const split = this.#insert(this.#dirtyChild(node, index), a, b, value);
    const child = node.children[index] as TreeNode;
    node.keysA[index] = child.keysA[0] as number;
    node.keysB[index] = child.keysB[0] as number;
    if (split === undefined) return undefined;
    node.insertChild(index + 1, split.keysA[0] as number, split.keysB[0] as number, split);
    return node.bytes > NODE_BYTES ? splitNode(node, index + 1) : undefined;
  }

  #remove(node: TreeNode, a: number, b: number): void {
    if (node.level === 0) {
      const index = node.lowerBound(a, b);
      assert(node.hasKeyAt(index, a, b));
      node.remove(index);
      return;
    }
    const index = node.childIndex(a, b);
    const child = this.#dirtyChild(node, index);
    this.#remove(child, a, b);
    if (child.count === 0) node.remove(index);
    else {
      node.keysA[index] = child.keysA[0] as number;
      node.keysB[index] = child.keysB[0] as number;
      if (child.bytes < MERGE_BYTES) this.#merge(node, index);
    }
  }

  /** Joins a small child with a neighbour when both fit well into one node. */
  #merge(node: TreeNode, index: number): void {
    const left = index > 0 ? index - 1 : index;
    if (left + 1 >= node.count) return;
    const sizes = this.#child(node, left).bytes + this.#child(node, left + 1).bytes;
    if (sizes > NODE_BYTES * 0.75) return;
    const right = this.#dirtyChild(node, left + 1);
    right.moveTail(0, this.#dirtyChild(node, left));
    node.remove(left + 1);
  }
}

function itemAt(node: TreeNode, index: number): Item | undefined {
  const value = node.values[index];
  if (value === undefined) return undefined;
  return { a: node.keysA[index] as number, b: node.keysB[index] as number, value };
}

/** Splits a dirty node that is too large; `touched` is where the insertion was. */
function splitNode(node: TreeNode, touched: number): TreeNode {
  const right = new TreeNode(node.level);
  // Keys that come in order would leave every node half full: keep the left one full instead.
  let at = touched === node.count - 1 && node.count > 1 ? touched : middleOf(node);
  if (node.level > 0) at = Math.min(at, node.count - 1);
  node.moveTail(Math.max(1, at), right);
  assert(node.bytes <= NODE_BYTES && right.bytes <= NODE_BYTES);
  return right;
}

/** Where both halves have about the same number of bytes. */
function middleOf(node: TreeNode): number {
  if (node.level > 0) return node.count >>> 1;
  let bytes = 0;
  for (let i = 0; i < node.count; i++) {
    bytes += ITEM_OVERHEAD + (node.values[i] as Uint8Array).length;
    if (bytes >= node.bytes / 2) return Math.max(1, bytes > NODE_BYTES ? i : i + 1);
  }
  return node.count - 1;
}
