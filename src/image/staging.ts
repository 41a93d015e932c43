/**
 * The root file system while it is being put together: nodes as the index will hold them, and for
 * each regular file where its bytes come from. Symbolic links inside the tree are followed the way
 * a process in the image would follow them, so that a file for `/lib/x` lands in `/usr/lib/x` on a
 * system with merged `/usr`.
 */

import { S_IFLNK, S_IFREG } from '../abi/file-mode.ts';
import {
  type ByteString,
  type DirNode,
  type FileNode,
  type IndexNode,
  type NodeMeta,
  newDir,
  type SymlinkNode,
  showBytes,
} from '../fs/verity/index-model.ts';
import { bytesOf } from '../vfs/byte-string.ts';
import { ImageError } from './host-files.ts';

/** Bytes of a regular file: on the host, or made by the builder. */
export type FileSource = { readonly host: ByteString } | { readonly bytes: Uint8Array };

const MAX_LINKS = 40;

/** The parts of an absolute path, without `.` and empty ones; `..` is kept. */
export function partsOf(path: ByteString): ByteString[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

export class Staging {
  readonly root: DirNode = newDir();
  readonly sources = new Map<FileNode, FileSource>();

  /** The node at `path`, links in the middle followed, the last one only on demand. */
  find(path: ByteString, followLast = false): IndexNode | undefined {
    const parts = partsOf(path);
    const last = parts.at(-1);
    if (last === undefined) return this.root;
    const place = this.#walk(parts.slice(0, -1), false);
    if (place === undefined) return undefined;
    const node = last === '..' ? place.at(-2) : place.at(-1)!.entries.get(last);
    if (!followLast || node?.kind !== 'symlink') return node;
    return this.#follow(place, node);
  }

  /** The directory at `path`, made (mode 0755, root's) where it is missing. */
  directory(path: ByteString): DirNode {
    return this.#walk(partsOf(path), true)!.at(-1)!;
  }

  /** Puts `node` at `path`. A directory stays, and takes the attributes; else the last one wins. */
  put(path: ByteString, node: IndexNode): IndexNode {
    const parts = partsOf(path);
    const name = parts.pop();
    if (name === undefined || name === '..')
      throw new ImageError('CLOISTER_BUILD', `cannot put a file at ${showBytes(path)}`);
    const parent = this.#walk(parts, true)!.at(-1)!;
    const there = parent.entries.get(name);
    if (there?.kind === 'dir') {
      if (node.kind === 'dir') return Object.assign(there, metaOf(node));
      throw new ImageError(
        'CLOISTER_BUILD',
        `${showBytes(path)} is a directory in the image already, and cannot become a ${node.kind}`,
      );
    }
    parent.entries.set(name, node);
    return node;
  }

  putFile(path: ByteString, source: FileSource, meta: Partial<NodeMeta>): FileNode {
    const node: FileNode = {
      ...DEFAULT_META,
      ...meta,
      kind: 'file',
      mode: S_IFREG | ((meta.mode ?? 0o644) & 0o7777),
      sizeBytes: 0,
      rootHash: new Uint8Array(32),
      blob: 0,
      dataOffsetBytes: 0,
    };
    this.sources.set(node, source);
    this.put(path, node);
    return node;
  }

  putSymlink(path: ByteString, target: ByteString, meta: Partial<NodeMeta> = {}): void {
    const node: SymlinkNode = {
      ...DEFAULT_META,
      ...meta,
      kind: 'symlink',
      mode: S_IFLNK | 0o777,
      target,
    };
    this.put(path, node);
  }

  putText(path: ByteString, text: string, mode = 0o644): void {
    this.putFile(path, { bytes: new TextEncoder().encode(text) }, { mode });
  }

  /** Removes `path` and what lies below it. */
  remove(path: ByteString): void {
    const parts = partsOf(path);
    const name = parts.pop();
    if (name !== undefined) this.#walk(parts, false)?.at(-1)?.entries.delete(name);
  }

  /** Every node under every name, parents first; paths without links in the middle. */
  *walk(dir: DirNode = this.root, path = ''): Generator<[ByteString, IndexNode]> {
    for (const [name, node] of dir.entries) {
      yield [`${path}/${name}`, node];
      if (node.kind === 'dir') yield* this.walk(node, `${path}/${name}`);
    }
  }

  /** The chain of directories from the root; undefined when one is missing and not to be made. */
  #walk(parts: readonly ByteString[], make: boolean): DirNode[] | undefined {
    const pending = [...parts].reverse();
    let chain: DirNode[] = [this.root];
    let links = 0;
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      if (part === '..') {
        if (chain.length > 1) chain.pop();
        continue;
      }
      const here = chain.at(-1)!;
      const next = here.entries.get(part);
      if (next?.kind === 'dir') chain.push(next);
      else if (next?.kind === 'symlink') {
        if (++links > MAX_LINKS) return notDirectory(parts, make);
        if (next.target.startsWith('/')) chain = [this.root];
        pending.push(...partsOf(next.target).reverse());
      } else if (next === undefined && make) {
        const made = newDir();
        here.entries.set(part, made);
        chain.push(made);
      } else return notDirectory(parts, make);
    }
    return chain;
  }

  #follow(place: readonly DirNode[], link: SymlinkNode): IndexNode | undefined {
    let chain = place;
    let node: IndexNode | undefined = link;
    for (let links = 0; node?.kind === 'symlink'; links++) {
      if (links > MAX_LINKS) return undefined;
      const base: readonly DirNode[] = node.target.startsWith('/') ? [this.root] : chain;
      const parts = partsOf(node.target);
      const last = parts.pop();
      if (last === undefined) return this.root;
      const next = this.#walkFrom(base, parts);
      if (next === undefined) return undefined;
      node = last === '..' ? next.at(-2) : next.at(-1)!.entries.get(last);
      chain = next;
    }
    return node;
  }

  #walkFrom(base: readonly DirNode[], parts: readonly ByteString[]): DirNode[] | undefined {
    // A chain of directories is named by its path again; links in it are resolved already.
    const names: ByteString[] = [];
    for (let i = 1; i < base.length; i++)
      for (const [name, node] of base[i - 1]!.entries) if (node === base[i]) names.push(name);
    return this.#walk([...names, ...parts], false);
  }
}

const DEFAULT_META = { uid: 0, gid: 0, mtimeSec: 0, mtimeNsec: 0, xattrs: [] } as const;

function metaOf(node: NodeMeta): NodeMeta {
  const { mode, uid, gid, mtimeSec, mtimeNsec, xattrs } = node;
  return { mode, uid, gid, mtimeSec, mtimeNsec, xattrs };
}

function notDirectory(parts: readonly ByteString[], make: boolean): undefined {
  if (!make) return undefined;
  const path = showBytes(`/${parts.join('/')}`);
  throw new ImageError('CLOISTER_BUILD', `${path}: a part of this path is not a directory`);
}

/** UTF-8 text of a configuration as a byte string. */
export function utf8ByteString(text: string): ByteString {
  const bytes = new TextEncoder().encode(text);
  let out = '';
  for (const byte of bytes) out += String.fromCharCode(byte);
  return out;
}

/** A byte string as text, for messages and JSON. */
export function textOf(path: ByteString): string {
  return new TextDecoder().decode(bytesOf(path));
}
