/**
 * Nodes of the authenticated tree: a B+ tree from keys (a, b) to short values. `a` is inode number ·
 * 256 + type of item, `b` an offset or hash. Byte layout: docs/formats/volume.md, "Node".
 */

import {
  POINTER_BYTES,
  type Pointer,
  readPointer,
  readU48,
  writePointer,
  writeU48,
} from '../l1-keys/pointer.ts';

/** Largest encoded node; written as one to four blocks. */
export const NODE_BYTES = 16_384;
const HEADER_BYTES = 8;
/** u56 a, u56 b, u16 length of the value. */
export const ITEM_OVERHEAD = 16;
const CHILD_BYTES = 14 + POINTER_BYTES;
/** Three of the largest values always fit one node, so that it can be split. */
export const MAX_VALUE_BYTES = 4800;

export class TreeNode {
  /** 0 for leaves. */
  readonly level: number;
  readonly keysA: number[] = [];
  readonly keysB: number[] = [];
  /** Leaves only. */
  readonly values: Uint8Array[] = [];
  /** Inner nodes: where each child lies; undefined once it is dirty. */
  readonly pointers: (Pointer | undefined)[] = [];
  /** Inner nodes: dirty children. */
  readonly children: (TreeNode | undefined)[] = [];
  bytes = HEADER_BYTES;
  /** Dirty nodes: blocks that the next commit writes it to. */
  block = -1;
  blocks = 0;

  constructor(level: number) {
    this.level = level;
  }

  get count(): number {
    return this.keysA.length;
  }

  /** Index of the first key that is not below (a, b). */
  lowerBound(a: number, b: number): number {
    const { keysA, keysB } = this;
    let low = 0;
    let high = keysA.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const keyA = keysA[middle] as number;
      if (keyA < a || (keyA === a && (keysB[middle] as number) < b)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  hasKeyAt(index: number, a: number, b: number): boolean {
    return this.keysA[index] === a && this.keysB[index] === b;
  }

  /** The child whose range holds (a, b): the last whose first key is not above. */
  childIndex(a: number, b: number): number {
    const index = this.lowerBound(a, b);
    return index < this.count && this.hasKeyAt(index, a, b) ? index : Math.max(0, index - 1);
  }

  insertValue(index: number, a: number, b: number, value: Uint8Array): void {
    this.keysA.splice(index, 0, a);
    this.keysB.splice(index, 0, b);
    this.values.splice(index, 0, value);
    this.bytes += ITEM_OVERHEAD + value.length;
  }

  insertChild(index: number, a: number, b: number, child: TreeNode): void {
    this.keysA.splice(index, 0, a);
    this.keysB.splice(index, 0, b);
    this.pointers.splice(index, 0, undefined);
    this.children.splice(index, 0, child);
    this.bytes += CHILD_BYTES;
  }

  remove(index: number): void {
    this.keysA.splice(index, 1);
    this.keysB.splice(index, 1);
    if (this.level === 0) {
      const [value] = this.values.splice(index, 1);
      this.bytes -= ITEM_OVERHEAD + (value as Uint8Array).length;
    } else {
      this.pointers.splice(index, 1);
      this.children.splice(index, 1);
      this.bytes -= CHILD_BYTES;
    }
  }

  /** Moves the entries from `index` on to the end of `target`. */
  moveTail(index: number, target: TreeNode): void {
    target.keysA.push(...this.keysA.splice(index));
    target.keysB.push(...this.keysB.splice(index));
    if (this.level === 0) target.values.push(...this.values.splice(index));
    else {
      target.pointers.push(...this.pointers.splice(index));
      target.children.push(...this.children.splice(index));
    }
    this.recount();
    target.recount();
  }

  recount(): void {
    this.bytes = HEADER_BYTES;
    if (this.level > 0) this.bytes += this.count * CHILD_BYTES;
    else for (const value of this.values) this.bytes += ITEM_OVERHEAD + value.length;
  }
}

function writeU56(bytes: Uint8Array, at: number, value: number): void {
  writeU48(bytes, at, value % 2 ** 48);
  bytes[at + 6] = Math.floor(value / 2 ** 48);
}

function readU56(bytes: Uint8Array, at: number): number {
  return readU48(bytes, at) + bytes[at + 6]! * 2 ** 48;
}

/** Encodes into `length` bytes (whole blocks), zeros behind the end. Children have pointers. */
export function encodeNode(node: TreeNode, length: number): Uint8Array {
  const out = new Uint8Array(length);
  out[0] = node.level;
  new DataView(out.buffer).setUint32(4, node.count, true);
  let at = HEADER_BYTES;
  for (let i = 0; i < node.count; i++) {
    writeU56(out, at, node.keysA[i] as number);
    writeU56(out, at + 7, node.keysB[i] as number);
    at += 14;
    if (node.level > 0) {
      writePointer(out, at, node.pointers[i] as Pointer);
      at += POINTER_BYTES;
    } else {
      const value = node.values[i] as Uint8Array;
      out[at] = value.length;
      out[at + 1] = value.length >>> 8;
      out.set(value, at + 2);
      at += 2 + value.length;
    }
  }
  return out;
}

/**
 * Decodes an authenticated node; undefined when it is none that {@link encodeNode} makes. Checked
 * all the same: whoever made the volume may be malicious, and fuzzing reaches this directly.
 */
export function decodeNode(bytes: Uint8Array): TreeNode | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const level = bytes[0] as number;
  const count = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
  if (level > 12 || bytes[1] !== 0 || bytes[2] !== 0 || bytes[3] !== 0) return undefined;
  const node = new TreeNode(level);
  let at = HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    if (at + ITEM_OVERHEAD > bytes.length) return undefined;
    const a = readU56(bytes, at);
    const b = readU56(bytes, at + 7);
    if (a > Number.MAX_SAFE_INTEGER || b > Number.MAX_SAFE_INTEGER) return undefined;
    const last = i - 1;
    if (i > 0 && (node.keysA[last]! > a || (node.keysA[last] === a && node.keysB[last]! >= b)))
      return undefined;
    at += 14;
    node.keysA.push(a);
    node.keysB.push(b);
    if (level > 0) {
      if (at + POINTER_BYTES > bytes.length) return undefined;
      node.pointers.push(readPointer(bytes, at));
      node.children.push(undefined);
      at += POINTER_BYTES;
    } else {
      const length = bytes[at]! + bytes[at + 1]! * 256;
      if (length > MAX_VALUE_BYTES || at + 2 + length > bytes.length) return undefined;
      node.values.push(bytes.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
  }
  node.bytes = at;
  return node;
}
