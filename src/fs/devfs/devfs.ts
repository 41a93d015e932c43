/** /dev as containers have it: a tmpfs with the nodes that programs expect. */

import { S_IFCHR, S_IFDIR, S_IFLNK } from '../../abi/file-mode.ts';
import { assert } from '../../base/assert.ts';
import type { FileClock } from '../../vfs/file-clock.ts';
import { Inode } from '../../vfs/inode.ts';
import type { SegmentSource } from '../../vfs/mappable.ts';
import { Tmpfs } from '../tmpfs/tmpfs.ts';
import { DEV } from './numbers.ts';

const NODES: readonly (readonly [string, number])[] = [
  ['null', DEV.null],
  ['zero', DEV.zero],
  ['full', DEV.full],
  ['random', DEV.random],
  ['urandom', DEV.urandom],
  ['tty', DEV.tty],
];

const LINKS: readonly (readonly [string, string])[] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['ptmx', 'pts/ptmx'],
];

const DEV_BYTES = 64 * 1024 * 1024;

/** The tree; the caller mounts devpts on `pts` and a tmpfs on `shm`. */
export function makeDevfs(clock: FileClock, segments: SegmentSource | undefined): Tmpfs {
  const fs = new Tmpfs(clock, segments, { sizeBytes: DEV_BYTES, mode: 0o755 });
  const { root } = fs;
  const owner = { uid: 0, gid: 0, rdev: 0 };
  for (const [name, rdev] of NODES)
    assert(root.create(name, { ...owner, mode: S_IFCHR | 0o666, rdev }) instanceof Inode);
  for (const [name, target] of LINKS)
    assert(root.symlink(name, target, { ...owner, mode: S_IFLNK | 0o777 }) instanceof Inode);
  for (const name of ['pts', 'shm', 'mqueue'])
    assert(root.create(name, { ...owner, mode: S_IFDIR | 0o755 }) instanceof Inode);
  return fs;
}
