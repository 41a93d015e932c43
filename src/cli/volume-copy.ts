/** Copying between the host and a volume, for `cloister volume cp`. */

import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { ENOENT } from '../abi/errno.table.ts';
import { isDirectory, isRegular, isSymlink, S_IFDIR, S_IFLNK, S_IFREG } from '../abi/file-mode.ts';
import { VolumeError } from '../fs/sealed/errors.ts';
import { fromText, toText } from '../vfs/byte-string.ts';
import type { Inode } from '../vfs/inode.ts';

const CHUNK_BYTES = 1 << 20;

function use(message: string): VolumeError {
  return new VolumeError('CLOISTER_VOLUME_USE', message);
}

/** The value, or an error that says what could not be done. */
export function expect<T>(value: T | number, doing: string): T {
  if (typeof value !== 'number' || value >= 0) return value as T;
  const code = value === -ENOENT ? 'CLOISTER_VOLUME_USE' : 'CLOISTER_VOLUME_IO';
  throw new VolumeError(
    code,
    `${doing}: ${value === -ENOENT ? 'no such file' : `errno ${-value}`}`,
  );
}

/** The inode at a path of a volume; symbolic links are not followed. */
export function findInode(root: Inode, path: string): Inode | undefined {
  let at = root;
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    const next = at.isDirectory ? at.lookup(fromText(part)) : -ENOENT;
    if (next === -ENOENT) return undefined;
    at = expect<Inode>(next, path);
  }
  return at;
}

/** Names of a directory, sorted. */
export function namesOf(dir: Inode): string[] {
  const names: string[] = [];
  expect(dir.iterate(2, { emit: (name) => names.push(name) > 0 }), 'reading a directory');
  return names.sort();
}

/** Host file, folder or `-` → volume. */
export async function copyIn(
  root: Inode,
  source: string,
  path: string,
  isRecursive: boolean,
): Promise<void> {
  const there = findInode(root, path);
  const isInto = there?.isDirectory === true || path.endsWith('/');
  if (isInto && source === '-') throw use('a stream needs the name of a file to become');
  const target = isInto ? `${path.replace(/\/+$/, '')}/${basename(source)}` : path;
  const cut = target.lastIndexOf('/');
  const parent = findInode(root, target.slice(0, cut));
  if (parent?.isDirectory !== true) throw use(`${target.slice(0, cut) || '/'}: no such directory`);
  await putIn(parent, fromText(target.slice(cut + 1)), source, isRecursive);
}

/** Inodes that were looked at are kept until a turn of the event loop ends. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function putIn(
  parent: Inode,
  name: string,
  source: string,
  isRecursive: boolean,
): Promise<void> {
  const stat = source === '-' ? undefined : lstatSync(source);
  const owner = { uid: 0, gid: 0, rdev: 0 };
  const there = parent.lookup(name);
  if (stat?.isDirectory()) {
    if (!isRecursive) throw use(`${source} is a folder: give -r`);
    const spec = { ...owner, mode: S_IFDIR | (stat.mode & 0o7777) };
    const dir =
      typeof there === 'number' ? expect<Inode>(parent.create(name, spec), source) : there;
    await turn();
    for (const entry of readdirSync(source))
      await putIn(dir, fromText(entry), join(source, entry), true);
    return;
  }
  if (typeof there !== 'number') {
    if (there.isDirectory) throw use(`${toText(name)} is a directory in the volume`);
    expect(parent.unlink(name, there), source);
  }
  if (stat?.isSymbolicLink()) {
    const target = fromText(readlinkSync(source));
    expect(parent.symlink(name, target, { ...owner, mode: S_IFLNK | 0o777 }), source);
    return;
  }
  const mode = S_IFREG | (stat === undefined ? 0o644 : stat.mode & 0o7777);
  const file = expect<Inode>(parent.create(name, { ...owner, mode }), source);
  const fd = source === '-' ? 0 : openSync(source, 'r');
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let at = 0; ; ) {
    const got = readSync(fd, chunk);
    if (got === 0) break;
    const written = expect(file.writeAt(at, chunk, 0, got) as number, `writing ${source}`);
    if (written < got) throw new VolumeError('CLOISTER_VOLUME_FULL', 'the volume is full');
    at += got;
  }
  if (fd !== 0) closeSync(fd);
  if (stat) file.setModificationTime(Math.floor(stat.mtimeMs / 1000), 0);
}

/** Volume → host file, folder or `-`. */
export async function copyOut(
  root: Inode,
  path: string,
  target: string,
  isRecursive: boolean,
): Promise<void> {
  const inode = findInode(root, path);
  if (inode === undefined) throw use(`${path}: no such file in the volume`);
  const isInto = target !== '-' && lstatSync(target, { throwIfNoEntry: false })?.isDirectory();
  await putOut(inode, isInto ? join(target, basename(path)) : target, path, isRecursive);
}

async function putOut(
  inode: Inode,
  target: string,
  path: string,
  isRecursive: boolean,
): Promise<void> {
  if (isDirectory(inode.mode)) {
    if (!isRecursive || target === '-') throw use(`${path} is a directory: give -r`);
    mkdirSync(target, { recursive: true });
    await turn();
    for (const name of namesOf(inode)) {
      const child = expect<Inode>(inode.lookup(name), path);
      await putOut(child, join(target, toText(name)), `${path}/${toText(name)}`, true);
    }
    return;
  }
  if (isSymlink(inode.mode)) {
    if (target === '-') throw use(`${path} is a symbolic link`);
    symlinkSync(toText(expect<string>(inode.readlink(), path)), target);
    return;
  }
  if (!isRegular(inode.mode)) return;
  const fd = target === '-' ? 1 : openSync(target, 'w', inode.mode & 0o777);
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let at = 0; at < inode.size; ) {
    const got = expect(inode.readAt(at, chunk, 0, chunk.length) as number, `reading ${path}`);
    for (let done = 0; done < got; ) done += writeSync(fd, chunk, done, got - done);
    at += got;
  }
  if (fd !== 1) closeSync(fd);
}
