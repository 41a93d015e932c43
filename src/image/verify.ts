/**
 * Reads every byte of an image and checks all there is to check: digests of blobs, hash trees of
 * files, and that the index is the one canonical encoding of its tree.
 */

import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../abi/file-mode.ts';
import {
  type ByteString,
  type DirNode,
  type IndexNode,
  type NodeMeta,
  newDir,
} from '../fs/verity/index-model.ts';
import { encodeIndex, type IndexBlob } from '../fs/verity/index-writer.ts';
import { treeBytes } from '../fs/verity/merkle.ts';
import { ImageDamage } from '../fs/verity/source.ts';
import { ROOT_INODE, type VerityTree } from '../fs/verity/verity-tree.ts';
import { byteString, bytesOf } from '../vfs/byte-string.ts';
import { fromHex } from './canonical-json.ts';
import { storedBytesOf } from './encryption.ts';
import { digestOf, MEDIA } from './oci.ts';
import type { Image } from './open.ts';

export interface VerifyProgress {
  readonly filesDone: number;
  readonly filesTotal: number;
}

export interface VerifyResult {
  readonly fileCount: number;
  readonly contentBytes: number;
}

const CHUNK_BYTES = 256 * 1024;

/** Throws {@link ImageDamage} at the first thing that is wrong. */
export function verifyImage(
  image: Image,
  onProgress: (progress: VerifyProgress) => void = () => undefined,
): VerifyResult {
  const { tree } = image;
  checkBlobList(image);
  checkCanonical(tree);
  const chunk = new Uint8Array(CHUNK_BYTES);
  let fileCount = 0;
  let contentBytes = 0;
  const covered = new Map<number, Map<number, number>>();
  for (let inode = 0; inode < tree.inodeCount; inode++) {
    onProgress({ filesDone: inode, filesTotal: tree.inodeCount });
    if ((tree.index.modeOf(inode) & S_IFMT) !== S_IFREG) continue;
    fileCount += 1;
    const extent = tree.index.extent(inode);
    for (let at = 0; at < extent.sizeBytes; at += CHUNK_BYTES) tree.read(inode, at, chunk);
    contentBytes += extent.sizeBytes;
    if (extent.sizeBytes === 0) continue;
    const length = extent.sizeBytes + treeBytes(extent.sizeBytes);
    const ranges = covered.get(extent.blob) ?? new Map<number, number>();
    covered.set(extent.blob, ranges.set(extent.dataOffsetBytes, length));
  }
  checkCoverage(tree, covered);
  return { fileCount, contentBytes };
}

/** The blobs of the index are the content layers of the manifest, in the same order. */
function checkBlobList(image: Image): void {
  const layers = image.manifest.layers.filter((layer) => layer.mediaType.startsWith(MEDIA.content));
  const storedBytes = image.isEncrypted ? storedBytesOf : (bytes: number) => bytes;
  const { index } = image.tree;
  const count = index.sections.blobCount;
  const same =
    layers.length === count &&
    layers.every((layer, i) => {
      const blob = index.blob(i);
      return digestOf(layer) === blob.digest && layer.size === storedBytes(blob.sizeBytes);
    });
  if (!same) throw new ImageDamage('the manifest', 'its content layers are not those of the index');
}

/** Every byte of every blob belongs to a file: nothing is hidden, nothing overlaps. */
function checkCoverage(
  tree: VerityTree,
  covered: ReadonlyMap<number, ReadonlyMap<number, number>>,
): void {
  for (let i = 0; i < tree.index.sections.blobCount; i++) {
    let end = 0;
    const ranges = [...(covered.get(i) ?? [])].sort((a, b) => a[0] - b[0]);
    for (const [start, length] of ranges) {
      if (start !== end) throw new ImageDamage(`content blob ${i}`, `byte ${end} is in no file`);
      end = start + length;
    }
    if (end !== tree.index.blob(i).sizeBytes)
      throw new ImageDamage(`content blob ${i}`, `byte ${end} is in no file`);
  }
}

/** Encodes the tree again: it must give the same bytes. */
function checkCanonical(tree: VerityTree): void {
  const blobs: IndexBlob[] = [];
  for (let i = 0; i < tree.index.sections.blobCount; i++) {
    const { digest, sizeBytes } = tree.index.blob(i);
    blobs.push({ digest: fromHex(digest, 32) as Uint8Array, sizeBytes });
  }
  const again = encodeIndex(rebuild(tree), blobs);
  const bytes = tree.index.wholeBytes();
  if (again.length !== bytes.length || again.some((byte, i) => byte !== bytes[i]))
    throw new ImageDamage('the image index', 'it is not in canonical form');
}

function rebuild(tree: VerityTree): DirNode {
  const known = new Map<number, IndexNode>();
  const root: DirNode = { ...newDir(), ...metaOf(tree, ROOT_INODE) };
  known.set(ROOT_INODE, root);
  const pending: [number, DirNode][] = [[ROOT_INODE, root]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [dir, node] = next;
    for (let i = 0; i < tree.direntCount(dir); i++) {
      const entry = tree.direntAt(dir, i);
      if (entry === undefined) break;
      let child = known.get(entry.inode);
      if (child?.kind === 'dir')
        throw new ImageDamage('the image index', `directory ${entry.inode} has two names`);
      if (child === undefined) {
        child = nodeOf(tree, entry.inode);
        known.set(entry.inode, child);
        if (child.kind === 'dir') pending.push([entry.inode, child]);
      }
      node.entries.set(entry.name, child);
    }
  }
  return root;
}

function metaOf(tree: VerityTree, inode: number): NodeMeta {
  const { mode, uid, gid, mtimeSec, mtimeNsec } = tree.stat(inode);
  const xattrs = tree.xattrs(inode);
  return { mode, uid, gid, mtimeSec: Number(mtimeSec), mtimeNsec, xattrs };
}

function nodeOf(tree: VerityTree, inode: number): IndexNode {
  const meta = metaOf(tree, inode);
  const type = meta.mode & S_IFMT;
  if (type === S_IFDIR) return { ...meta, kind: 'dir', entries: new Map<ByteString, IndexNode>() };
  if (type === S_IFLNK)
    return { ...meta, kind: 'symlink', target: byteString(tree.readlink(inode)) };
  if (type === S_IFREG) return { ...meta, kind: 'file', ...tree.index.extent(inode) };
  return { ...meta, kind: 'special', rdev: tree.stat(inode).rdev };
}

/** Resolves an absolute path without symbolic links; for `inspect` and tests. */
export function findPath(tree: VerityTree, path: ByteString): number | undefined {
  let inode: number | undefined = ROOT_INODE;
  for (const part of path.split('/')) {
    if (part === '') continue;
    if ((tree.index.modeOf(inode) & S_IFMT) !== S_IFDIR) return undefined;
    inode = tree.lookup(inode, bytesOf(part));
    if (inode === undefined) return undefined;
  }
  return inode;
}
