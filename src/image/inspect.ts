/** What `cloister inspect` shows, as data: the command line renders it. */

import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../abi/file-mode.ts';
import { showBytes } from '../fs/verity/index-model.ts';
import { ROOT_INODE, type VerityTree } from '../fs/verity/verity-tree.ts';
import { toHex } from './canonical-json.ts';
import type { ImageConfig } from './config-schema.ts';
import { MEDIA } from './oci.ts';
import type { Image } from './open.ts';

export interface InspectedFile {
  readonly path: string;
  readonly type: 'directory' | 'file' | 'symlink' | 'special';
  /** Permission bits, octal. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSec: number;
  readonly target?: string;
  /** The fs-verity digest: what `fsverity digest FILE` prints. */
  readonly digest?: string;
}

export interface InspectedImage {
  readonly measurement: string;
  /** Raw Ed25519 public keys, hexadecimal. */
  readonly signers: readonly string[];
  readonly config: ImageConfig;
  readonly fileCount: number;
  readonly contentBytes: number;
  /** The layer of translations, where there is one: its digest is part of the measurement. */
  readonly translations: { readonly digest: string; readonly layerBytes: number } | undefined;
}

export function inspectImage(image: Image): InspectedImage {
  const content = image.manifest.layers.filter((layer) =>
    layer.mediaType.startsWith(MEDIA.content),
  );
  const layer = image.manifest.layers.find((one) => one.mediaType.startsWith(MEDIA.translations));
  return {
    measurement: image.measurement,
    signers: image.signers.map(toHex),
    config: image.config,
    fileCount: image.tree.inodeCount,
    contentBytes: content.reduce((sum, layer) => sum + layer.size, 0),
    translations: layer && { digest: layer.digest, layerBytes: layer.size },
  };
}

/** Every file with its digest, depth first, names sorted by bytes. */
export function* inspectFiles(tree: VerityTree): Generator<InspectedFile> {
  yield inspectOne(tree, ROOT_INODE, '/');
  yield* below(tree, ROOT_INODE, '');
}

function* below(tree: VerityTree, dir: number, path: string): Generator<InspectedFile> {
  for (let i = 0; i < tree.direntCount(dir); i++) {
    const entry = tree.direntAt(dir, i);
    if (entry === undefined) return;
    const child = `${path}/${entry.name}`;
    yield inspectOne(tree, entry.inode, child);
    if (entry.type << 12 === S_IFDIR) yield* below(tree, entry.inode, child);
  }
}

function inspectOne(tree: VerityTree, inode: number, path: string): InspectedFile {
  const stat = tree.stat(inode);
  const type = stat.mode & S_IFMT;
  const common = {
    path: showBytes(path),
    mode: (stat.mode & 0o7777).toString(8).padStart(4, '0'),
    uid: stat.uid,
    gid: stat.gid,
    sizeBytes: stat.sizeBytes,
    mtimeSec: Number(stat.mtimeSec),
  };
  if (type === S_IFDIR) return { ...common, type: 'directory' };
  if (type === S_IFREG)
    return { ...common, type: 'file', digest: `sha256:${toHex(tree.fileDigest(inode))}` };
  if (type !== S_IFLNK) return { ...common, type: 'special' };
  const target = new TextDecoder().decode(tree.readlink(inode));
  return { ...common, type: 'symlink', target };
}

/** Symbolic links followed on a path, as path_resolution(7) has it. */
const MAX_LINKS = 40;
/** The largest file that is read whole. */
const MAX_READ_BYTES = 1 << 30;

/**
 * A regular file whole, every byte verified, by its path from the root; undefined when there is none.
 * Links are followed inside the image.
 */
export function readImageFile(tree: VerityTree, path: string): Uint8Array | undefined {
  const inode = resolve(tree, path);
  if (inode === undefined) return undefined;
  const { mode, sizeBytes } = tree.stat(inode);
  if ((mode & S_IFMT) !== S_IFREG || sizeBytes > MAX_READ_BYTES) return undefined;
  const bytes = new Uint8Array(sizeBytes);
  return bytes.subarray(0, tree.read(inode, 0, bytes));
}

function resolve(tree: VerityTree, path: string): number | undefined {
  let inode = ROOT_INODE;
  let links = 0;
  const names = path.split('/').reverse();
  for (let name = names.pop(); name !== undefined; name = names.pop()) {
    if (name === '' || name === '.') continue;
    if ((tree.stat(inode).mode & S_IFMT) !== S_IFDIR) return undefined;
    if (name === '..') {
      inode = tree.parentOf(inode);
      continue;
    }
    const next = tree.lookup(inode, new TextEncoder().encode(name));
    if (next === undefined) return undefined;
    if ((tree.stat(next).mode & S_IFMT) !== S_IFLNK) {
      inode = next;
      continue;
    }
    if (++links > MAX_LINKS) return undefined;
    const target = new TextDecoder().decode(tree.readlink(next));
    if (target.startsWith('/')) inode = ROOT_INODE;
    names.push(...target.split('/').reverse());
  }
  return inode;
}
