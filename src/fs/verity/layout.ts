/**
 * Byte layout of the image index, version 1 (docs/formats/image.md): little-endian, sections one
 * after the other without gaps: header, inodes, directory entries, xattrs, blobs, heap.
 */

export const INDEX_MAGIC = new Uint8Array([0x43, 0x4c, 0x53, 0x54, 0x52, 0x49, 0x44, 0x58]); // CLSTRIDX
export const INDEX_VERSION = 1;

export const HEADER = {
  bytes: 64,
  version: 8,
  inodeCount: 12,
  direntCount: 16,
  xattrCount: 20,
  blobCount: 24,
  reserved: 28,
  heapBytes: 32,
  zero: 40,
} as const;

export const INODE = {
  bytes: 96,
  mode: 0,
  nlink: 4,
  uid: 8,
  gid: 12,
  size: 16,
  mtimeSec: 24,
  mtimeNsec: 32,
  rdev: 36,
  xattrFirst: 40,
  xattrCount: 44,
  /** Directories: first entry, number of entries, inode of the parent. */
  direntFirst: 48,
  direntCount: 52,
  parent: 56,
  /** Regular files: blob, offset of the data in it, root hash. The tree follows the data. */
  blob: 48,
  dataOffset: 56,
  rootHash: 64,
  /** Symbolic links: offset of the target in the heap; its length is the size. */
  target: 48,
} as const;

export const DIRENT = { bytes: 12, inode: 0, nameOffset: 4, nameBytes: 8, type: 10 } as const;

export const XATTR = {
  bytes: 16,
  nameOffset: 0,
  nameBytes: 4,
  valueOffset: 8,
  valueBytes: 12,
} as const;

export const BLOB = { bytes: 40, digest: 0, size: 32 } as const;

export interface Sections {
  readonly inodeCount: number;
  readonly direntCount: number;
  readonly xattrCount: number;
  readonly blobCount: number;
  readonly inodes: number;
  readonly dirents: number;
  readonly xattrs: number;
  readonly blobs: number;
  readonly heap: number;
  readonly heapBytes: number;
  readonly totalBytes: number;
}

type Counts = Pick<
  Sections,
  'inodeCount' | 'direntCount' | 'xattrCount' | 'blobCount' | 'heapBytes'
>;

export function sectionsOf(counts: Counts): Sections {
  const inodes = HEADER.bytes;
  const dirents = inodes + counts.inodeCount * INODE.bytes;
  const xattrs = dirents + counts.direntCount * DIRENT.bytes;
  const blobs = xattrs + counts.xattrCount * XATTR.bytes;
  const heap = blobs + counts.blobCount * BLOB.bytes;
  const totalBytes = heap + counts.heapBytes;
  return { ...counts, inodes, dirents, xattrs, blobs, heap, totalBytes };
}
