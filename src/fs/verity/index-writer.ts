/** Encodes a root file system as an image index (docs/formats/image.md). One tree, one encoding. */

import { typeOfMode } from '../../abi/file-mode.ts';
import { assert } from '../../base/assert.ts';
import { bytesOf } from '../../vfs/byte-string.ts';
import {
  type ByteString,
  type DirNode,
  type IndexNode,
  type Ordered,
  orderNodes,
} from './index-model.ts';
import {
  BLOB,
  DIRENT,
  HEADER,
  INDEX_MAGIC,
  INDEX_VERSION,
  INODE,
  type Sections,
  sectionsOf,
  XATTR,
} from './layout.ts';

export interface IndexBlob {
  readonly digest: Uint8Array;
  readonly sizeBytes: number;
}

/** The names, targets and xattrs of an index, in the order of their first use. */
class Heap {
  readonly #parts: Uint8Array[] = [];
  bytes = 0;

  add(part: Uint8Array): number {
    const at = this.bytes;
    this.#parts.push(part);
    this.bytes += part.length;
    return at;
  }

  copyTo(target: Uint8Array): void {
    let at = 0;
    for (const part of this.#parts) {
      target.set(part, at);
      at += part.length;
    }
  }
}

interface XattrRow {
  readonly nameOffset: number;
  readonly nameBytes: number;
  readonly valueOffset: number;
  readonly valueBytes: number;
}

interface DirentRow {
  readonly inode: number;
  readonly nameOffset: number;
  readonly name: ByteString;
}

/** Everything that a section needs to know about another one. */
interface Plan {
  readonly ordered: Ordered;
  readonly heap: Heap;
  readonly dirents: readonly DirentRow[];
  readonly direntFirst: ReadonlyMap<number, number>;
  readonly targets: ReadonlyMap<number, number>;
  readonly xattrs: readonly XattrRow[];
  readonly xattrFirst: ReadonlyMap<number, number>;
}

function plan(root: DirNode): Plan {
  const ordered = orderNodes(root);
  const heap = new Heap();
  const dirents: DirentRow[] = [];
  const direntFirst = new Map<number, number>();
  for (const [dir, entries] of ordered.entries) {
    direntFirst.set(dir, dirents.length);
    for (const { name, inode } of entries) {
      assert(isName(name), `bad name in index: ${name}`);
      dirents.push({ inode, nameOffset: heap.add(bytesOf(name)), name });
    }
  }
  const targets = new Map<number, number>();
  ordered.nodes.forEach((node, i) => {
    if (node.kind === 'symlink') targets.set(i, heap.add(bytesOf(node.target)));
  });
  const xattrs: XattrRow[] = [];
  const xattrFirst = new Map<number, number>();
  ordered.nodes.forEach((node, i) => {
    if (node.xattrs.length === 0) return;
    xattrFirst.set(i, xattrs.length);
    for (const { name, value } of [...node.xattrs].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const nameOffset = heap.add(bytesOf(name));
      const valueOffset = heap.add(value);
      xattrs.push({
        nameOffset,
        nameBytes: name.length,
        valueOffset,
        valueBytes: value.length,
      });
    }
  });
  return { ordered, heap, dirents, direntFirst, targets, xattrs, xattrFirst };
}

/** A name that a directory may hold (path_resolution(7)). */
export function isName(name: ByteString): boolean {
  const sane = name.length > 0 && name.length <= 255 && name !== '.' && name !== '..';
  return sane && !name.includes('/') && !name.includes('\0');
}

function writeInode(view: DataView, at: number, node: IndexNode, i: number, p: Plan): void {
  view.setUint32(at + INODE.mode, node.mode, true);
  view.setUint32(at + INODE.nlink, p.ordered.nlinks[i] as number, true);
  view.setUint32(at + INODE.uid, node.uid, true);
  view.setUint32(at + INODE.gid, node.gid, true);
  view.setBigInt64(at + INODE.mtimeSec, BigInt(node.mtimeSec), true);
  view.setUint32(at + INODE.mtimeNsec, node.mtimeNsec, true);
  view.setUint32(at + INODE.xattrFirst, p.xattrFirst.get(i) ?? 0, true);
  view.setUint32(at + INODE.xattrCount, node.xattrs.length, true);
  const setSize = (size: number) => view.setBigUint64(at + INODE.size, BigInt(size), true);
  if (node.kind === 'dir') {
    view.setUint32(at + INODE.direntFirst, p.direntFirst.get(i) as number, true);
    view.setUint32(at + INODE.direntCount, node.entries.size, true);
    view.setUint32(at + INODE.parent, p.ordered.parents.get(i) as number, true);
  } else if (node.kind === 'file') {
    setSize(node.sizeBytes);
    view.setUint32(at + INODE.blob, node.blob, true);
    view.setBigUint64(at + INODE.dataOffset, BigInt(node.dataOffsetBytes), true);
    new Uint8Array(view.buffer, view.byteOffset + at + INODE.rootHash, 32).set(node.rootHash);
  } else if (node.kind === 'symlink') {
    setSize(node.target.length);
    view.setBigUint64(at + INODE.target, BigInt(p.targets.get(i) as number), true);
  } else view.setUint32(at + INODE.rdev, node.rdev, true);
}

function writeHeader(view: DataView, s: Sections): void {
  view.setUint32(HEADER.version, INDEX_VERSION, true);
  view.setUint32(HEADER.inodeCount, s.inodeCount, true);
  view.setUint32(HEADER.direntCount, s.direntCount, true);
  view.setUint32(HEADER.xattrCount, s.xattrCount, true);
  view.setUint32(HEADER.blobCount, s.blobCount, true);
  view.setBigUint64(HEADER.heapBytes, BigInt(s.heapBytes), true);
}

/** The bytes of the index over `root`; its file nodes name blobs by their place in `blobs`. */
export function encodeIndex(root: DirNode, blobs: readonly IndexBlob[]): Uint8Array {
  const p = plan(root);
  const s = sectionsOf({
    inodeCount: p.ordered.nodes.length,
    direntCount: p.dirents.length,
    xattrCount: p.xattrs.length,
    blobCount: blobs.length,
    heapBytes: p.heap.bytes,
  });
  assert(s.heapBytes < 2 ** 32, 'more than 4 GiB of names');
  const out = new Uint8Array(s.totalBytes);
  const view = new DataView(out.buffer);
  out.set(INDEX_MAGIC);
  writeHeader(view, s);
  p.ordered.nodes.forEach((node, i) => {
    writeInode(view, s.inodes + i * INODE.bytes, node, i, p);
  });
  p.dirents.forEach((row, i) => {
    const at = s.dirents + i * DIRENT.bytes;
    view.setUint32(at + DIRENT.inode, row.inode, true);
    view.setUint32(at + DIRENT.nameOffset, row.nameOffset, true);
    view.setUint16(at + DIRENT.nameBytes, row.name.length, true);
    out[at + DIRENT.type] = typeOfMode((p.ordered.nodes[row.inode] as IndexNode).mode);
  });
  p.xattrs.forEach((row, i) => {
    const at = s.xattrs + i * XATTR.bytes;
    view.setUint32(at + XATTR.nameOffset, row.nameOffset, true);
    view.setUint16(at + XATTR.nameBytes, row.nameBytes, true);
    view.setUint32(at + XATTR.valueOffset, row.valueOffset, true);
    view.setUint32(at + XATTR.valueBytes, row.valueBytes, true);
  });
  blobs.forEach((blob, i) => {
    const at = s.blobs + i * BLOB.bytes;
    out.set(blob.digest, at + BLOB.digest);
    view.setBigUint64(at + BLOB.size, BigInt(blob.sizeBytes), true);
  });
  p.heap.copyTo(out.subarray(s.heap));
  return out;
}
