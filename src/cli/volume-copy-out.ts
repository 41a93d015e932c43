/** Volume → host, for `cloister volume cp`. Names and links in a volume may be anyone's: none leads out. */

import {
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { isDirectory, isRegular, isSymlink } from '../abi/file-mode.ts';
import { bytesOf, toText } from '../vfs/byte-string.ts';
import type { Inode } from '../vfs/inode.ts';
import {
  CHUNK_BYTES,
  type CopyOptions,
  expect,
  findInode,
  namesOf,
  refusal,
  turn,
} from './volume-copy.ts';

/** Volume → host file, folder or `-`, as cp(1) would. */
export async function copyOut(
  root: Inode,
  path: string,
  target: string,
  options: CopyOptions,
): Promise<void> {
  const inode = findInode(root, path);
  if (inode === undefined) throw refusal(`${path}: no such file in the volume`);
  if (isDirectory(inode.mode) && (!options.isRecursive || target === '-'))
    throw refusal(`${path} is a directory: give -r, and a folder`);
  if (target === '-') return toStream(inode, path);
  const isInto = statSync(target, { throwIfNoEntry: false })?.isDirectory() === true;
  // `/`, `/dir/.` and `/dir/..` have no name of their own: their contents are meant.
  const own = /\/\.{0,2}$/.test(path) ? '' : basename(path);
  const isNamed = !isInto || own === '';
  const into = isNamed ? target : join(target, own);
  await new CopyOut(options).put(inode, Buffer.from(into), path, isNamed);
}

async function toStream(inode: Inode, path: string): Promise<void> {
  if (!isRegular(inode.mode)) throw refusal(`${path} is no file`);
  for (const piece of contentsOf(inode, path))
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(piece, (error) => (error ? reject(error) : resolve()));
    });
}

class CopyOut {
  readonly #options: CopyOptions;

  constructor(options: CopyOptions) {
    this.#options = options;
  }

  /** `isNamed`: `target` is what the command line says, which may be a link; no other is followed. */
  async put(inode: Inode, target: Buffer, path: string, isNamed: boolean): Promise<void> {
    if (isDirectory(inode.mode)) await this.#directory(inode, target, path, isNamed);
    else if (isSymlink(inode.mode)) this.#link(inode, target, path);
    else if (isRegular(inode.mode)) this.#file(inode, target, path, isNamed);
    else this.#options.skip(path, 'neither file, directory nor link');
  }

  async #directory(dir: Inode, target: Buffer, path: string, isNamed: boolean): Promise<void> {
    const there = (isNamed ? statSync : lstatSync)(target, { throwIfNoEntry: false });
    if (there === undefined) mkdirSync(target, { mode: 0o700 });
    else if (!there.isDirectory()) throw refusal(`${target} is no folder, ${path} is a directory`);
    await turn();
    for (const name of namesOf(dir)) {
      const below = `${path.replace(/\/+$/, '')}/${toText(name)}`;
      const child = expect<Inode>(dir.lookup(name), below);
      await this.put(child, Buffer.concat([target, SLASH, bytesOf(name)]), below, false);
    }
    if (there !== undefined) return;
    chmodSync(target, dir.mode & 0o777 & ~process.umask());
    utimesSync(target, ...timesOf(dir));
  }

  #link(inode: Inode, target: Buffer, path: string): void {
    const to = bytesOf(expect<string>(inode.readlink(), path));
    const there = lstatSync(target, { throwIfNoEntry: false });
    if (there?.isDirectory()) throw refusal(`${target} is a folder, ${path} is a symbolic link`);
    if (there !== undefined) unlinkSync(target);
    symlinkSync(Buffer.from(to), target);
  }

  #file(inode: Inode, target: Buffer, path: string, isNamed: boolean): void {
    const there = lstatSync(target, { throwIfNoEntry: false });
    // A link that an earlier copy made would lead elsewhere.
    if (!isNamed && there?.isSymbolicLink()) unlinkSync(target);
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
    const flags = O_WRONLY | O_CREAT | O_TRUNC | (isNamed ? 0 : O_NOFOLLOW);
    const fd = openSync(target, flags, inode.mode & 0o777);
    let isWhole = false;
    try {
      for (const piece of contentsOf(inode, path))
        for (let done = 0; done < piece.length; )
          done += writeSync(fd, piece, done, piece.length - done);
      isWhole = true;
    } finally {
      closeSync(fd);
      // Half a file would pass for a whole one.
      if (!isWhole && there === undefined) unlinkSync(target);
    }
    if (there === undefined || there.isFile()) utimesSync(target, ...timesOf(inode));
  }
}

const SLASH = Buffer.from('/');

function* contentsOf(inode: Inode, path: string): Generator<Uint8Array> {
  for (let at = 0; at < inode.size; ) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const got = expect(inode.readAt(at, chunk, 0, chunk.length), `reading ${path}`);
    if (got === 0) return;
    yield chunk.subarray(0, got);
    at += got;
  }
}

/** Access and modification time for utimes: seconds. */
function timesOf(inode: Inode): [number, number] {
  return [inode.atimeSec + inode.atimeNsec / 1e9, inode.mtimeSec + inode.mtimeNsec / 1e9];
}
