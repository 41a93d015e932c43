/**
 * Reads an image index lazily: a record is fetched and verified when it is first looked at. The
 * index is authentic once its bytes verify, but its maker may be malicious, so every number in it
 * is checked against its section before use.
 */

import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, typeOfMode } from '../../abi/file-mode.ts';
import { byteString } from '../../vfs/byte-string.ts';
import type { ByteString } from './index-model.ts';
import { isName } from './index-writer.ts';
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
import { BLOCK_BYTES, HASH_BYTES } from './merkle.ts';
import { type DigestHex, ImageDamage } from './source.ts';
import type { VerifiedFile } from './verified-file.ts';

/** Larger indexes (over 10 million files) would not fit one buffer. */
const MAX_INDEX_BYTES = 2 ** 32;
/** Fetched at once around a record. */
const CHUNK_BYTES = 8 * BLOCK_BYTES;
const PATH_MAX = 4096;

export interface InodeStat {
  readonly inode: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSec: bigint;
  readonly mtimeNsec: number;
  readonly rdev: number;
}

export interface DirEntry {
  readonly name: ByteString;
  readonly inode: number;
  /** `DT_*` of getdents(2). */
  readonly type: number;
}

export interface FileExtent {
  readonly blob: number;
  readonly dataOffsetBytes: number;
  readonly sizeBytes: number;
  readonly rootHash: Uint8Array;
}

const WHERE = 'the image index';

function bad(what: string): never {
  throw new ImageDamage(WHERE, what);
}

/** The index as lazily verified bytes. */
export class IndexReader {
  readonly sections: Sections;
  readonly #file: VerifiedFile;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** One byte a chunk: 1 when it is in {@link #bytes}. */
  readonly #present: Uint8Array;

  constructor(file: VerifiedFile) {
    if (file.sizeBytes < HEADER.bytes || file.sizeBytes > MAX_INDEX_BYTES)
      bad(`impossible size ${file.sizeBytes}`);
    this.#file = file;
    this.#bytes = new Uint8Array(file.sizeBytes);
    this.#view = new DataView(this.#bytes.buffer);
    this.#present = new Uint8Array(Math.ceil(file.sizeBytes / CHUNK_BYTES));
    this.sections = this.#header();
  }

  stat(inode: number): InodeStat {
    const at = this.#inodeAt(inode);
    const v = this.#view;
    return {
      inode,
      mode: v.getUint32(at + INODE.mode, true),
      nlink: v.getUint32(at + INODE.nlink, true),
      uid: v.getUint32(at + INODE.uid, true),
      gid: v.getUint32(at + INODE.gid, true),
      sizeBytes: this.#u64(at + INODE.size),
      mtimeSec: v.getBigInt64(at + INODE.mtimeSec, true),
      mtimeNsec: v.getUint32(at + INODE.mtimeNsec, true),
      rdev: v.getUint32(at + INODE.rdev, true),
    };
  }

  modeOf(inode: number): number {
    return this.#view.getUint32(this.#inodeAt(inode) + INODE.mode, true);
  }

  parentOf(inode: number): number {
    const at = this.#typed(inode, S_IFDIR);
    return this.#checkedInode(this.#view.getUint32(at + INODE.parent, true));
  }

  /** First entry of a directory in the entry section, and their number. */
  direntRange(inode: number): { first: number; count: number } {
    const at = this.#typed(inode, S_IFDIR);
    const first = this.#view.getUint32(at + INODE.direntFirst, true);
    const count = this.#view.getUint32(at + INODE.direntCount, true);
    if (first + count > this.sections.direntCount) bad('a directory lies outside its section');
    return { first, count };
  }

  dirent(index: number): DirEntry {
    const at = this.#ensure(this.sections.dirents + index * DIRENT.bytes, DIRENT.bytes);
    const inode = this.#checkedInode(this.#view.getUint32(at + DIRENT.inode, true));
    const name = byteString(this.#direntName(at));
    if (!isName(name)) bad('a directory entry has a name that no file may have');
    const type = this.#bytes[at + DIRENT.type] as number;
    if (type !== typeOfMode(this.modeOf(inode))) bad('a directory entry has the wrong type');
    return { name, inode, type };
  }

  /** Compares the name of entry `index` with `name`, as memcmp does. */
  compareName(index: number, name: Uint8Array): number {
    const at = this.#ensure(this.sections.dirents + index * DIRENT.bytes, DIRENT.bytes);
    const own = this.#direntName(at);
    const common = Math.min(own.length, name.length);
    for (let i = 0; i < common; i++) if (own[i] !== name[i]) return own[i]! - name[i]!;
    return own.length - name.length;
  }

  symlinkTarget(inode: number): Uint8Array {
    const at = this.#typed(inode, S_IFLNK);
    const size = this.#u64(at + INODE.size);
    if (size === 0 || size >= PATH_MAX) bad('a symbolic link has an impossible length');
    return this.#heap(this.#u64(at + INODE.target), size).slice();
  }

  extent(inode: number): FileExtent {
    const at = this.#typed(inode, S_IFREG);
    return {
      blob: this.#view.getUint32(at + INODE.blob, true),
      dataOffsetBytes: this.#u64(at + INODE.dataOffset),
      sizeBytes: this.#u64(at + INODE.size),
      rootHash: this.#bytes.slice(at + INODE.rootHash, at + INODE.rootHash + HASH_BYTES),
    };
  }

  xattrs(inode: number): { name: ByteString; value: Uint8Array }[] {
    const at = this.#inodeAt(inode);
    const first = this.#view.getUint32(at + INODE.xattrFirst, true);
    const count = this.#view.getUint32(at + INODE.xattrCount, true);
    if (first + count > this.sections.xattrCount) bad('extended attributes outside their section');
    const list: { name: ByteString; value: Uint8Array }[] = [];
    for (let i = first; i < first + count; i++) {
      const row = this.#ensure(this.sections.xattrs + i * XATTR.bytes, XATTR.bytes);
      const nameOffset = this.#view.getUint32(row + XATTR.nameOffset, true);
      const nameBytes = this.#view.getUint16(row + XATTR.nameBytes, true);
      const valueOffset = this.#view.getUint32(row + XATTR.valueOffset, true);
      const valueBytes = this.#view.getUint32(row + XATTR.valueBytes, true);
      const name = byteString(this.#heap(nameOffset, nameBytes));
      list.push({ name, value: this.#heap(valueOffset, valueBytes).slice() });
    }
    return list;
  }

  blob(index: number): { digest: DigestHex; sizeBytes: number } {
    if (index >= this.sections.blobCount) bad('a file names a blob that the index does not list');
    const at = this.#ensure(this.sections.blobs + index * BLOB.bytes, BLOB.bytes);
    let digest = '';
    for (let i = 0; i < HASH_BYTES; i++)
      digest += this.#bytes[at + BLOB.digest + i]!.toString(16).padStart(2, '0');
    return { digest, sizeBytes: this.#u64(at + BLOB.size) };
  }

  /** All bytes, verified; for checks of the whole index. */
  wholeBytes(): Uint8Array {
    this.#ensure(0, this.#bytes.length);
    return this.#bytes;
  }

  #header(): Sections {
    this.#ensure(0, HEADER.bytes);
    const v = this.#view;
    if (INDEX_MAGIC.some((byte, i) => this.#bytes[i] !== byte)) bad('it does not begin as one');
    const version = v.getUint32(HEADER.version, true);
    if (version !== INDEX_VERSION) bad(`version ${version}, this Cloister reads ${INDEX_VERSION}`);
    const sections = sectionsOf({
      inodeCount: v.getUint32(HEADER.inodeCount, true),
      direntCount: v.getUint32(HEADER.direntCount, true),
      xattrCount: v.getUint32(HEADER.xattrCount, true),
      blobCount: v.getUint32(HEADER.blobCount, true),
      heapBytes: this.#u64(HEADER.heapBytes),
    });
    if (sections.inodeCount === 0 || sections.totalBytes !== this.#bytes.length)
      bad('its sections do not add up to its size');
    return sections;
  }

  #direntName(at: number): Uint8Array {
    const nameOffset = this.#view.getUint32(at + DIRENT.nameOffset, true);
    return this.#heap(nameOffset, this.#view.getUint16(at + DIRENT.nameBytes, true));
  }

  #heap(offset: number, length: number): Uint8Array {
    if (offset + length > this.sections.heapBytes) bad('a name lies outside the heap');
    const at = this.#ensure(this.sections.heap + offset, length);
    return this.#bytes.subarray(at, at + length);
  }

  #checkedInode(inode: number): number {
    if (inode >= this.sections.inodeCount) bad(`there is no inode ${inode}`);
    return inode;
  }

  #inodeAt(inode: number): number {
    this.#checkedInode(inode);
    return this.#ensure(this.sections.inodes + inode * INODE.bytes, INODE.bytes);
  }

  #typed(inode: number, type: number): number {
    const at = this.#inodeAt(inode);
    if ((this.#view.getUint32(at, true) & S_IFMT) !== type) bad(`inode ${inode} has another type`);
    return at;
  }

  /** A 64-bit number that must be exact as a double. */
  #u64(at: number): number {
    const value = Number(this.#view.getBigUint64(at, true));
    if (value > Number.MAX_SAFE_INTEGER) bad('a size is out of range');
    return value;
  }

  /** Makes sure that the bytes are there and verified; answers `offset`. */
  #ensure(offset: number, length: number): number {
    const last = Math.floor((offset + Math.max(1, length) - 1) / CHUNK_BYTES);
    for (let i = Math.floor(offset / CHUNK_BYTES); i <= last; i++) {
      if (this.#present[i] === 1 || i >= this.#present.length) continue;
      const chunk = this.#bytes.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES);
      this.#file.read(i * CHUNK_BYTES, chunk);
      this.#present[i] = 1;
    }
    return offset;
  }
}
