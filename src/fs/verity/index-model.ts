/**
 * A root file system about to be measured, and the order in which the index lists it. Byte strings
 * (names, targets) are JavaScript strings with one byte a code unit ("latin1"), so that they can be
 * keys and compare like bytes.
 */

import { S_IFDIR, S_IFMT } from '../../abi/file-mode.ts';
import { bytesOf } from '../../vfs/byte-string.ts';

/** Bytes as a string, one code unit below 256 each. */
export type ByteString = string;

export interface Xattr {
  readonly name: ByteString;
  readonly value: Uint8Array;
}

export interface NodeMeta {
  /** Type and permission bits, as in `st_mode`. */
  mode: number;
  uid: number;
  gid: number;
  mtimeSec: number;
  mtimeNsec: number;
  xattrs: readonly Xattr[];
}

export interface DirNode extends NodeMeta {
  readonly kind: 'dir';
  readonly entries: Map<ByteString, IndexNode>;
}

export interface FileNode extends NodeMeta {
  readonly kind: 'file';
  sizeBytes: number;
  rootHash: Uint8Array;
  /** Number of the blob in the index, and where the data begins in it. */
  blob: number;
  dataOffsetBytes: number;
}

export interface SymlinkNode extends NodeMeta {
  readonly kind: 'symlink';
  readonly target: ByteString;
}

/** Devices, FIFOs and sockets. */
export interface SpecialNode extends NodeMeta {
  readonly kind: 'special';
  readonly rdev: number;
}

/** The same object under two names is a hard link. */
export type IndexNode = DirNode | FileNode | SymlinkNode | SpecialNode;

export interface OrderedEntry {
  readonly name: ByteString;
  readonly inode: number;
}

export interface Ordered {
  readonly nodes: readonly IndexNode[];
  /** Per inode: number of names (directories: as on ext4, 2 + sub-directories). */
  readonly nlinks: readonly number[];
  /** Per directory inode, its entries sorted by bytes. */
  readonly entries: ReadonlyMap<number, readonly OrderedEntry[]>;
  readonly parents: ReadonlyMap<number, number>;
}

export function newDir(mode = 0o755): DirNode {
  return {
    kind: 'dir',
    mode: S_IFDIR | (mode & ~S_IFMT),
    uid: 0,
    gid: 0,
    mtimeSec: 0,
    mtimeNsec: 0,
    xattrs: [],
    entries: new Map(),
  };
}

/** The canonical order: breadth first from the root, names of a directory sorted by bytes. */
export function orderNodes(root: DirNode): Ordered {
  const nodes: IndexNode[] = [root];
  const numbers = new Map<IndexNode, number>([[root, 0]]);
  const nlinks = [2];
  const entries = new Map<number, readonly OrderedEntry[]>();
  const parents = new Map<number, number>([[0, 0]]);
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i] as IndexNode;
    if (node.kind !== 'dir') continue;
    const listed: OrderedEntry[] = [];
    // Code units are bytes, and `<` compares code units: this is memcmp order.
    for (const name of [...node.entries.keys()].sort((a, b) => (a < b ? -1 : 1))) {
      const child = node.entries.get(name) as IndexNode;
      let number = numbers.get(child);
      if (number === undefined) {
        number = nodes.push(child) - 1;
        numbers.set(child, number);
        nlinks[number] = child.kind === 'dir' ? 2 : 1;
        if (child.kind === 'dir') {
          parents.set(number, i);
          nlinks[i]! += 1;
        }
      } else nlinks[number]! += 1;
      listed.push({ name, inode: number });
    }
    entries.set(i, listed);
  }
  return { nodes, nlinks, entries, parents };
}

/** For people: UTF-8 where it is valid, `\xNN` for other bytes. */
export function showBytes(text: ByteString): string {
  const decoded = new TextDecoder().decode(bytesOf(text));
  if (!decoded.includes('\ufffd') && !/\p{Cc}/u.test(decoded)) return decoded;
  return text.replace(
    /[^\x20-\x7e]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
