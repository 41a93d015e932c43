/** Clean nodes of the tree, bounded; a node that was used since it was last looked at stays. */

import type { TreeNode } from '../l3-tree/node.ts';

interface Entry {
  readonly node: TreeNode;
  used: boolean;
}

export class NodeCache {
  readonly #entries = new Map<number, Entry>();
  readonly #max: number;

  constructor(max = 2048) {
    this.#max = max;
  }

  get(block: number): TreeNode | undefined {
    const entry = this.#entries.get(block);
    if (entry === undefined) return undefined;
    entry.used = true;
    return entry.node;
  }

  set(block: number, node: TreeNode): void {
    while (this.#entries.size >= this.#max) this.#evictOne();
    this.#entries.set(block, { node, used: false });
  }

  delete(block: number): void {
    this.#entries.delete(block);
  }

  clear(): void {
    this.#entries.clear();
  }

  #evictOne(): void {
    for (const [block, entry] of this.#entries) {
      this.#entries.delete(block);
      if (!entry.used) return;
      entry.used = false;
      this.#entries.set(block, entry);
    }
  }
}
