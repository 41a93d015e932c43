/**
 * Random operations on a volume, and the same on a model in memory. The model is a plain tree of
 * objects; hard links are shared objects. Everything follows from the seed.
 */

import { ENOTEMPTY } from '../../../abi/errno.table.ts';
import { S_IFLNK } from '../../../abi/file-mode.ts';
import { SeededRandom } from '../../../base/random.ts';
import type { Inode } from '../../../vfs/inode.ts';
import type { SealedFileSystem } from '../l6-vfs/sealed-file-system.ts';
import { contentsText, makeDirectory, makeFile, ok } from './volume.ts';

interface ModelFile {
  data: Uint8Array;
  readonly xattrs: Map<string, string>;
}

type ModelNode = ModelFile | string | ModelDirectory;

interface ModelDirectory {
  readonly entries: Map<string, ModelNode>;
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'longer name', 'ü\xff'];

const isDirectory = (node: ModelNode | undefined): node is ModelDirectory =>
  typeof node === 'object' && 'entries' in node;
const isFile = (node: ModelNode | undefined): node is ModelFile =>
  typeof node === 'object' && 'data' in node;

export interface ModelLimits {
  /** Largest file. */
  readonly fileBytes: number;
}

export class ModelRun {
  fs: SealedFileSystem;
  readonly random: SeededRandom;
  readonly #limits: ModelLimits;
  readonly root: ModelDirectory = { entries: new Map() };

  constructor(fs: SealedFileSystem, seed: number, limits: ModelLimits = { fileBytes: 400_000 }) {
    this.fs = fs;
    this.random = new SeededRandom(seed);
    this.#limits = limits;
  }

  /** One random change on both sides. */
  step(): void {
    const [dir, model] = this.#place();
    const name = this.random.pick(NAMES);
    const node = model.entries.get(name);
    const choice = this.random.below(100);
    if (node === undefined) this.#make(dir, model, name, choice);
    else if (choice < 12) this.#remove(dir, model, name, node);
    else if (choice < 22) this.#rename(dir, model, name, node);
    else if (isFile(node)) this.#change(ok(dir.lookup(name) as Inode), node, choice);
  }

  /** What {@link treeOf} gives for the model. */
  tree(dir: ModelDirectory = this.root, path = ''): Map<string, string> {
    const out = new Map<string, string>();
    for (const name of [...dir.entries.keys()].sort()) {
      const node = dir.entries.get(name) as ModelNode;
      if (isDirectory(node)) {
        out.set(`${path}/${name}`, 'directory');
        for (const [below, contents] of this.tree(node, `${path}/${name}`))
          out.set(below, contents);
      } else if (typeof node === 'string') out.set(`${path}/${name}`, `link ${node}`);
      else out.set(`${path}/${name}`, contentsText(node.data));
    }
    return out;
  }

  /** A random directory, on both sides. */
  #place(): [Inode, ModelDirectory] {
    let dir: Inode = this.fs.root;
    let model = this.root;
    while (this.random.below(3) > 0) {
      const below = [...model.entries].filter(([, node]) => isDirectory(node));
      if (below.length === 0) break;
      const [name, node] = this.random.pick(below);
      dir = ok(dir.lookup(name) as Inode);
      model = node as ModelDirectory;
    }
    return [dir, model];
  }

  #make(dir: Inode, model: ModelDirectory, name: string, choice: number): void {
    if (choice < 15) {
      makeDirectory(dir, name);
      model.entries.set(name, { entries: new Map() });
    } else if (choice < 25) {
      ok(dir.symlink(name, `to ${name}`, { mode: S_IFLNK | 0o777, uid: 0, gid: 0, rdev: 0 }));
      model.entries.set(name, `to ${name}`);
    } else if (choice < 35) {
      const [from, fromModel] = this.#place();
      const files = [...fromModel.entries].filter(([, node]) => isFile(node));
      if (files.length === 0) return;
      const [old, node] = this.random.pick(files);
      ok(dir.link(name, ok(from.lookup(old) as Inode)));
      model.entries.set(name, node);
    } else {
      const file = makeFile(dir, name);
      const node: ModelFile = { data: new Uint8Array(0), xattrs: new Map() };
      model.entries.set(name, node);
      this.#change(file, node, 50);
    }
  }

  #remove(dir: Inode, model: ModelDirectory, name: string, node: ModelNode): void {
    const inode = ok(dir.lookup(name) as Inode);
    if (isDirectory(node)) {
      const result = dir.rmdir(name, inode);
      if (result !== 0) {
        if (result !== -ENOTEMPTY) throw new Error(`errno ${-result}`);
        if (node.entries.size === 0) throw new Error('an empty directory was not removed');
        return;
      }
      if (node.entries.size > 0) throw new Error('a full directory was removed');
    } else ok(dir.unlink(name, inode));
    model.entries.delete(name);
  }

  #rename(dir: Inode, model: ModelDirectory, name: string, node: ModelNode): void {
    const [target, targetModel] = isDirectory(node) ? [dir, model] : this.#place();
    const newName = this.random.pick(NAMES);
    const there = targetModel.entries.get(newName);
    if (there === node || isDirectory(there) !== isDirectory(node)) {
      if (there !== undefined) return;
    }
    if (isDirectory(there) && there.entries.size > 0) return;
    const source = ok(dir.lookup(name) as Inode);
    const replaced = there === undefined ? undefined : ok(target.lookup(newName) as Inode);
    ok(dir.rename(name, source, target, newName, replaced, 0));
    model.entries.delete(name);
    targetModel.entries.set(newName, node);
  }

  #change(file: Inode, node: ModelFile, choice: number): void {
    const { random } = this;
    const limit = this.#limits.fileBytes;
    const anywhere = random.below(4) === 0 ? limit : Math.min(limit, node.data.length + 5000);
    if (choice < 70) {
      const at = random.below(4) === 0 ? node.data.length : random.below(anywhere);
      const length = random.below(3) === 0 ? random.below(limit - at + 1) : random.below(6000);
      this.#write(file, node, at, Math.min(length, limit - at));
    } else if (choice < 80) {
      const size = random.below(anywhere);
      ok(file.truncate(size));
      const next = new Uint8Array(size);
      next.set(node.data.subarray(0, size));
      node.data = next;
    } else if (choice < 88) {
      if (node.data.length === 0) return;
      const at = random.below(node.data.length);
      const length = 1 + random.below(node.data.length - at);
      ok(file.allocate(3, at, length));
      node.data.fill(0, at, at + length);
    } else if (choice < 93) {
      const key = `user.${random.below(4)}`;
      const value = String(random.uint32());
      ok(file.setXattr(key, new TextEncoder().encode(value), 0));
      node.xattrs.set(key, value);
    } else this.#compare(file, node);
  }

  #write(file: Inode, node: ModelFile, at: number, length: number): void {
    if (length === 0) return;
    const bytes = new Uint8Array(length).fill(1 + this.random.below(255));
    const written = file.writeAt(at, bytes, 0, length);
    if (written !== length) throw new Error(`wrote ${written} of ${length}`);
    if (at + length > node.data.length) {
      const grown = new Uint8Array(at + length);
      grown.set(node.data);
      node.data = grown;
    }
    node.data.set(bytes, at);
  }

  #compare(file: Inode, node: ModelFile): void {
    const { random } = this;
    if (file.size !== node.data.length) throw new Error(`size ${file.size}`);
    const at = random.below(node.data.length + 1);
    const target = new Uint8Array(random.below(node.data.length - at + 1));
    ok(file.readAt(at, target, 0, target.length));
    const wanted = node.data.subarray(at, at + target.length);
    if (Buffer.compare(target, wanted) !== 0) throw new Error(`other bytes at ${at}`);
    for (const [key, value] of node.xattrs) {
      const got = ok(file.getXattr(key) as Uint8Array);
      if (new TextDecoder().decode(got) !== value) throw new Error(`other xattr ${key}`);
    }
  }
}
