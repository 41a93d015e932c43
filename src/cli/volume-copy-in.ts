/** Host → volume, for `cloister volume cp`. A file is replaced when its new contents are complete. */

import {
  type BigIntStats,
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs';
import { basename } from 'node:path';
import { S_IFDIR, S_IFLNK, S_IFREG } from '../abi/file-mode.ts';
import { byteString, toText } from '../vfs/byte-string.ts';
import type { Inode } from '../vfs/inode.ts';
import {
  CHUNK_BYTES,
  type CopyOptions,
  expect,
  findInode,
  nameOf,
  refusal,
  turn,
} from './volume-copy.ts';

const OWNER = { uid: 0, gid: 0, rdev: 0 };

export interface CopyInOptions extends CopyOptions {
  /** The volume's own file, which is not copied into it. */
  readonly self: string;
}

/** Host file, folder or `-` → volume, as cp(1) would. */
export async function copyIn(
  root: Inode,
  source: string,
  path: string,
  options: CopyInOptions,
): Promise<void> {
  const there = findInode(root, path);
  const isInto = there?.isDirectory === true || path.endsWith('/');
  if (isInto && source === '-') throw refusal('a stream needs the name of a file to become');
  const own = basename(source);
  // `.`, `..`, `folder/.` and `/` have no name of their own: their contents are meant.
  const isContents = source !== '-' && (own === '' || own === '.' || own === '..');
  const into = isInto && !isContents ? `${path.replace(/\/+$/, '')}/${own}` : path;
  const copier = new CopyIn(options);
  if (isContents && there?.isDirectory === true) {
    if (!options.isRecursive) throw refusal(`${source} is a folder: give -r`);
    await copier.entries(there, Buffer.from(source));
    return;
  }
  const target = into.replace(/(?<=[^/])\/+$/, '');
  const cut = target.lastIndexOf('/');
  const parent = findInode(root, target.slice(0, cut));
  if (parent?.isDirectory !== true)
    throw refusal(`${target.slice(0, cut) || '/'}: no such directory in the volume`);
  const name = nameOf(target.slice(cut + 1), target);
  if (source === '-') await copier.stream(parent, name);
  else await copier.put(parent, name, Buffer.from(source), true);
}

class CopyIn {
  readonly #options: CopyInOptions;
  readonly #self: BigIntStats;

  constructor(options: CopyInOptions) {
    this.#options = options;
    this.#self = statSync(options.self, { bigint: true });
  }

  /** What a folder of the host holds becomes what `dir` holds. */
  async entries(dir: Inode, folder: Buffer): Promise<void> {
    await turn();
    for (const entry of readdirSync(folder, { encoding: 'buffer' }))
      await this.put(dir, byteString(entry), Buffer.concat([folder, SLASH, entry]), false);
  }

  /** `isNamed`: by the command line, not met in a folder. */
  async put(parent: Inode, name: string, source: Buffer, isNamed: boolean): Promise<void> {
    const { isRecursive, skip } = this.#options;
    const shown = source.toString();
    // As cp does: links are copied with -r, and what they lead to without.
    const look = isNamed && !isRecursive ? statSync : lstatSync;
    const stat = look(source, { bigint: true });
    if (stat.ino === this.#self.ino && stat.dev === this.#self.dev)
      return skip(shown, 'it is the volume itself');
    if (stat.isDirectory()) return this.#folder(parent, name, source, stat);
    if (stat.isSymbolicLink()) {
      this.#clear(parent, name);
      const target = byteString(readlinkSync(source, { encoding: 'buffer' }));
      expect(parent.symlink(name, target, { ...OWNER, mode: S_IFLNK | 0o777 }), shown);
    } else if (stat.isFile() || (isNamed && !isRecursive)) {
      const fd = openSync(source, 'r');
      try {
        await this.#file(parent, name, readPieces(fd), stat);
      } finally {
        closeSync(fd);
      }
    } else skip(shown, 'neither file, folder nor link');
  }

  /** Standard input becomes a file. */
  async stream(parent: Inode, name: string): Promise<void> {
    await this.#file(parent, name, process.stdin, undefined);
  }

  async #folder(parent: Inode, name: string, source: Buffer, stat: BigIntStats): Promise<void> {
    const shown = source.toString();
    if (!this.#options.isRecursive) throw refusal(`${shown} is a folder: give -r`);
    const there = parent.lookup(name);
    if (typeof there !== 'number' && !there.isDirectory)
      throw refusal(`${toText(name)} is no directory in the volume, ${shown} is a folder`);
    const spec = { ...OWNER, mode: S_IFDIR | Number(stat.mode & 0o7777n) };
    const dir = typeof there === 'number' ? expect<Inode>(parent.create(name, spec), shown) : there;
    await this.entries(dir, source);
    setTimes(dir, stat);
  }

  /** Written without a name, so that what had the name stays until all is there. */
  async #file(
    parent: Inode,
    name: string,
    pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    stat: BigIntStats | undefined,
  ): Promise<void> {
    const shown = toText(name);
    this.#checkFree(parent, name);
    const mode = S_IFREG | (stat === undefined ? 0o644 : Number(stat.mode & 0o7777n));
    const file = expect<Inode>(parent.createUnnamed({ ...OWNER, mode }), `making ${shown}`);
    file.retain();
    try {
      let at = 0;
      for await (const piece of pieces) {
        for (let done = 0; done < piece.length; ) {
          const rest = piece.length - done;
          done += expect(file.writeAt(at + done, piece, done, rest), `writing ${shown}`);
        }
        at += piece.length;
      }
      this.#clear(parent, name);
      expect(parent.link(name, file), `naming ${shown}`);
      if (stat !== undefined) setTimes(file, stat);
    } finally {
      file.release();
    }
  }

  #checkFree(parent: Inode, name: string): Inode | undefined {
    const there = parent.lookup(name);
    if (typeof there === 'number') return undefined;
    if (there.isDirectory) throw refusal(`${toText(name)} is a directory in the volume`);
    return there;
  }

  /** A name that something other than a directory has becomes free. */
  #clear(parent: Inode, name: string): void {
    const there = this.#checkFree(parent, name);
    if (there !== undefined) expect(parent.unlink(name, there), toText(name));
  }
}

const SLASH = Buffer.from('/');

function* readPieces(fd: number): Generator<Uint8Array> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let got = readSync(fd, chunk); got > 0; got = readSync(fd, chunk))
    yield chunk.subarray(0, got);
}

function setTimes(inode: Inode, { mtimeNs }: BigIntStats): void {
  const second = 1_000_000_000n;
  const nsec = ((mtimeNs % second) + second) % second;
  inode.setModificationTime(Number((mtimeNs - nsec) / second), Number(nsec));
}
