/**
 * A measured root file system: lookups, attributes and file contents, each verified when it is
 * touched. Read-only and synchronous; every wrong byte of the host ends in {@link ImageDamage}.
 */

import { S_IFDIR, S_IFMT } from '../../abi/file-mode.ts';
import type { Crypto } from '../../base/interfaces.ts';
import { type ByteString, showBytes } from './index-model.ts';
import { type DirEntry, IndexReader, type InodeStat } from './index-reader.ts';
import { fsverityDigest, treeBytes } from './merkle.ts';
import { PieceCache } from './piece-cache.ts';
import { type Blob, type BlobSource, type DigestHex, ImageDamage } from './source.ts';
import { VerifiedFile } from './verified-file.ts';

export const ROOT_INODE = 0;

/** Open files whose hash blocks stay cached. */
const MAX_OPEN_FILES = 256;

/** Where the index lies and what it must hash to; part of the measured manifest. */
export interface IndexLocation {
  readonly digest: DigestHex;
  readonly sizeBytes: number;
  readonly rootHash: Uint8Array;
}

export class VerityTree {
  readonly #crypto: Crypto;
  readonly #source: BlobSource;
  readonly #index: IndexReader;
  readonly #blobs = new Map<number, Blob>();
  readonly #files = new Map<number, VerifiedFile>();
  readonly #cache = new PieceCache();

  constructor(source: BlobSource, location: IndexLocation, crypto: Crypto) {
    this.#source = source;
    this.#crypto = crypto;
    const where = 'the image index';
    const blob = openBlob(source, location.digest, where);
    const wanted = location.sizeBytes + treeBytes(location.sizeBytes);
    if (blob.sizeBytes !== wanted)
      throw new ImageDamage(where, `its blob has ${blob.sizeBytes} bytes instead of ${wanted}`);
    const range = {
      blob,
      dataOffsetBytes: 0,
      treeOffsetBytes: location.sizeBytes,
      sizeBytes: location.sizeBytes,
      rootHash: location.rootHash,
      where: () => where,
    };
    this.#index = new IndexReader(new VerifiedFile(range, crypto, new PieceCache(0)));
    if ((this.#index.modeOf(ROOT_INODE) & S_IFMT) !== S_IFDIR)
      throw new ImageDamage(where, 'its root is not a directory');
  }

  get inodeCount(): number {
    return this.#index.sections.inodeCount;
  }

  /** The reader of the index, for checks of the whole. */
  get index(): IndexReader {
    return this.#index;
  }

  stat(inode: number): InodeStat {
    return this.#index.stat(inode);
  }

  parentOf(inode: number): number {
    return this.#index.parentOf(inode);
  }

  /** The inode under `name`, or undefined. `dir` must be a directory. */
  lookup(dir: number, name: Uint8Array): number | undefined {
    const { first, count } = this.#index.direntRange(dir);
    let low = first;
    let high = first + count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = this.#index.compareName(middle, name);
      if (order === 0) return this.#index.dirent(middle).inode;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return undefined;
  }

  direntCount(dir: number): number {
    return this.#index.direntRange(dir).count;
  }

  /** Entry `position` of a directory (without `.` and `..`), or undefined behind the last. */
  direntAt(dir: number, position: number): DirEntry | undefined {
    const { first, count } = this.#index.direntRange(dir);
    return position < count ? this.#index.dirent(first + position) : undefined;
  }

  readlink(inode: number): Uint8Array {
    return this.#index.symlinkTarget(inode);
  }

  xattrs(inode: number): { name: ByteString; value: Uint8Array }[] {
    return this.#index.xattrs(inode);
  }

  /** Copies verified bytes of a regular file; returns how many. */
  read(inode: number, offsetBytes: number, target: Uint8Array): number {
    return this.#file(inode).read(offsetBytes, target);
  }

  /** The fs-verity digest of a regular file. */
  fileDigest(inode: number): Uint8Array {
    const { sizeBytes, rootHash } = this.#index.extent(inode);
    return fsverityDigest(this.#crypto, sizeBytes, rootHash);
  }

  /** A path of `inode`, for messages: found by search, so only for the unhappy case. */
  pathOf(inode: number): string {
    const pending: [number, string][] = [[ROOT_INODE, '']];
    const seen = new Set<number>();
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const [dir, path] = next;
      if (seen.has(dir)) continue;
      seen.add(dir);
      for (let i = 0; ; i++) {
        const entry = this.direntAt(dir, i);
        if (entry === undefined) break;
        const child = `${path}/${entry.name}`;
        if (entry.inode === inode) return showBytes(child);
        if (entry.type << 12 === S_IFDIR) pending.push([entry.inode, child]);
      }
    }
    return `inode ${inode}`;
  }

  #file(inode: number): VerifiedFile {
    const known = this.#files.get(inode);
    if (known) return known;
    const extent = this.#index.extent(inode);
    const where = () => this.#nameFile(inode);
    const total = extent.sizeBytes + treeBytes(extent.sizeBytes);
    const blob = extent.sizeBytes === 0 ? EMPTY_BLOB : this.#blob(extent.blob, where);
    if (extent.dataOffsetBytes + total > blob.sizeBytes)
      throw new ImageDamage(where(), 'it lies outside its blob');
    const treeOffsetBytes = extent.dataOffsetBytes + extent.sizeBytes;
    const file = new VerifiedFile(
      { ...extent, blob, treeOffsetBytes, where },
      this.#crypto,
      this.#cache,
    );
    if (this.#files.size >= MAX_OPEN_FILES)
      for (const oldest of this.#files.keys()) {
        this.#files.delete(oldest);
        break;
      }
    this.#files.set(inode, file);
    return file;
  }

  #nameFile(inode: number): string {
    try {
      return this.pathOf(inode);
    } catch {
      return `inode ${inode}`;
    }
  }

  #blob(number: number, where: () => string): Blob {
    const known = this.#blobs.get(number);
    if (known) return known;
    const { digest, sizeBytes } = this.#index.blob(number);
    const blob = openBlob(this.#source, digest, `${where()} (blob sha256:${digest})`);
    if (blob.sizeBytes !== sizeBytes)
      throw new ImageDamage(
        `blob sha256:${digest}`,
        `it has ${blob.sizeBytes} bytes instead of ${sizeBytes}`,
      );
    this.#blobs.set(number, blob);
    return blob;
  }
}

const EMPTY_BLOB: Blob = { sizeBytes: 0, readAt: () => 0 };

function openBlob(source: BlobSource, digest: DigestHex, where: string): Blob {
  try {
    return source.open(digest);
  } catch (cause) {
    throw new ImageDamage(where, `the host has no such blob (${String(cause)})`, cause);
  }
}
