/** Volumes for tests: created, opened and used without a kernel. */

import { hash } from 'node:crypto';
import { S_IFDIR, S_IFREG } from '../../../abi/file-mode.ts';
import { nodeCrypto, nodeEntropy } from '../../../host/crypto.ts';
import { FixedFileClock } from '../../../vfs/file-clock.ts';
import type { Inode } from '../../../vfs/inode.ts';
import type { BlockHost } from '../l0-host/block-host.ts';
import { rawKey } from '../l1-keys/unlock.ts';
import type { FreshnessAnchor } from '../l4-store/anchor.ts';
import { createStore, openStore } from '../l4-store/open.ts';
import { SealedFileSystem, type SealedOptions } from '../l6-vfs/sealed-file-system.ts';

export const TEST_KEY = new Uint8Array(32).fill(7);

export interface TestOptions {
  readonly sizeBytes?: number;
  readonly cacheBytes?: number;
  readonly isReadOnly?: boolean;
  readonly anchor?: FreshnessAnchor;
  readonly onProblem?: SealedOptions['onProblem'];
}

function contextOf(host: BlockHost, options: TestOptions) {
  const { anchor } = options;
  return {
    host,
    crypto: nodeCrypto,
    entropy: nodeEntropy,
    name: 'test',
    ...(anchor === undefined ? {} : { anchor }),
  };
}

function optionsOf(options: TestOptions): SealedOptions {
  const { cacheBytes, onProblem } = options;
  return {
    clock: new FixedFileClock(),
    ...(cacheBytes === undefined ? {} : { cacheBytes }),
    ...(onProblem === undefined ? {} : { onProblem }),
  };
}

export function createVolume(host: BlockHost, options: TestOptions = {}): SealedFileSystem {
  const store = createStore(contextOf(host, options), {
    sizeBytes: options.sizeBytes ?? 1 << 30,
    slots: [{ name: 'test', maker: rawKey(TEST_KEY) }],
  });
  const fs = new SealedFileSystem(store, optionsOf(options));
  fs.format();
  return fs;
}

export function openVolume(host: BlockHost, options: TestOptions = {}): SealedFileSystem {
  const store = openStore(contextOf(host, options), {
    secret: rawKey(TEST_KEY),
    isReadOnly: options.isReadOnly ?? false,
  });
  return new SealedFileSystem(store, optionsOf(options));
}

/** The value, or an exception that names the errno. */
export function ok<T>(value: T | number): T {
  if (typeof value === 'number' && value < 0) throw new Error(`errno ${-value}`);
  return value as T;
}

export function makeFile(dir: Inode, name: string): Inode {
  return ok(dir.create(name, { mode: S_IFREG | 0o644, uid: 1, gid: 2, rdev: 0 }) as Inode);
}

export function makeDirectory(dir: Inode, name: string): Inode {
  return ok(dir.create(name, { mode: S_IFDIR | 0o755, uid: 1, gid: 2, rdev: 0 }) as Inode);
}

export function readAll(file: Inode): Uint8Array {
  const out = new Uint8Array(file.size);
  ok(file.readAt(0, out, 0, out.length));
  return out;
}

/** Every file below a directory: path → contents, or a mark for what has none. */
export function treeOf(dir: Inode, path = ''): Map<string, string> {
  const out = new Map<string, string>();
  const names: string[] = [];
  const result = dir.iterate(2, { emit: (name) => names.push(name) > 0 });
  if (result < 0) throw new Error(`errno ${-result}`);
  for (const name of names.sort()) {
    const child = ok(dir.lookup(name) as Inode);
    if (child.isDirectory) {
      out.set(`${path}/${name}`, 'directory');
      for (const [below, contents] of treeOf(child, `${path}/${name}`)) out.set(below, contents);
    } else if (child.size > 0 && typeof child.readlink() === 'string')
      out.set(`${path}/${name}`, `link ${child.readlink()}`);
    else out.set(`${path}/${name}`, contentsText(readAll(child)));
  }
  return out;
}

/** Contents in a {@link treeOf}: short ones as text (latin1), of others size and SHA-256. */
export function contentsText(bytes: Uint8Array): string {
  if (bytes.length <= 256) return Buffer.from(bytes).toString('latin1');
  return `${bytes.length} bytes, ${hash('sha256', bytes)}`;
}
