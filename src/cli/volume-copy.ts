/** Paths and answers of a volume, for `cloister volume cp` and `ls`. */

import { EIO, ENOENT, ENOSPC, ERRNO_NAMES } from '../abi/errno.table.ts';
import { NAME_MAX } from '../abi/file-flags.ts';
import { VolumeError } from '../fs/sealed/errors.ts';
import { fromText } from '../vfs/byte-string.ts';
import type { Inode } from '../vfs/inode.ts';

/** Copied in one go. */
export const CHUNK_BYTES = 1 << 20;

/** What was asked cannot be done. */
export function refusal(message: string): VolumeError {
  return new VolumeError('CLOISTER_VOLUME_USE', message);
}

const TEXTS: Readonly<Record<number, string>> = {
  [ENOENT]: 'no such file',
  [ENOSPC]: 'no room: the volume is full, or the disk that it lies on',
  [EIO]: 'the volume is damaged, or the host failed',
};

/** The value, or an error that says what could not be done. */
export function expect<T>(value: T | number, doing: string): T {
  if (typeof value !== 'number' || value >= 0) return value as T;
  const code = value === -ENOENT ? 'CLOISTER_VOLUME_USE' : 'CLOISTER_VOLUME_IO';
  throw new VolumeError(code, `${doing}: ${TEXTS[-value] ?? ERRNO_NAMES[-value]}`);
}

/** The inode at a path of a volume; symbolic links are not followed, `..` of the root is the root. */
export function findInode(root: Inode, path: string): Inode | undefined {
  const way: Inode[] = [];
  let at = root;
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (!at.isDirectory) return undefined;
    if (part === '..') {
      at = way.pop() ?? root;
      continue;
    }
    const next = at.lookup(fromText(part));
    if (next === -ENOENT) return undefined;
    way.push(at);
    at = expect<Inode>(next, path);
  }
  return at;
}

/** The byte string of a name that something in a volume can have; `path` is where it stands. */
export function nameOf(text: string, path: string): string {
  const name = fromText(text);
  if (text === '' || text === '.' || text === '..')
    throw refusal(`${path}: not the name of a file`);
  if (name.length > NAME_MAX) throw refusal(`${path}: a name has at most ${NAME_MAX} bytes`);
  return name;
}

/** Names of a directory, sorted. */
export function namesOf(dir: Inode): string[] {
  const names: string[] = [];
  expect(dir.iterate(2, { emit: (name) => names.push(name) > 0 }), 'reading a directory');
  return names.sort();
}

/** Inodes that were looked at are kept until a turn of the event loop ends. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Says that something is left out, which ends in status 1. */
export type Skip = (path: string, why: string) => void;

/** What all copies of one command share. */
export interface CopyOptions {
  readonly isRecursive: boolean;
  readonly skip: Skip;
}
