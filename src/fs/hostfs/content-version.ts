/** Names for what a host file holds, by what the host says of it. Kept while that stays the same. */

import type { FileClock } from '../../vfs/file-clock.ts';
import type { Inode } from '../../vfs/inode.ts';

export interface ContentVersion {
  readonly size: number;
  readonly mtimeSec: number;
  readonly mtimeNsec: number;
  readonly text: string;
}

/** A file that was left alone for so long shows every change by its times. */
const SETTLED_SEC = 2;

/** Changes come from the host, or through a mount: both change the size or a time. */
export function versionOf(inode: Inode, known: ContentVersion | undefined): ContentVersion {
  const { size, mtimeSec, mtimeNsec } = inode;
  const isSame =
    known !== undefined &&
    known.size === size &&
    known.mtimeSec === mtimeSec &&
    known.mtimeNsec === mtimeNsec;
  if (isSame) return known;
  const text = `host:${inode.fs.dev}:${inode.ino}:${size}:${mtimeSec}.${mtimeNsec}`;
  return { size, mtimeSec, mtimeNsec, text };
}

/**
 * Names the content as the host tells it now. Undefined: it changed so lately that another change may
 * get the same time (files are stamped with the time of a tick).
 */
export function settledStamp(
  { size, mtimeSec, mtimeNsec, ctimeSec, ctimeNsec }: Inode,
  clock: FileClock,
): string | undefined {
  clock.update();
  if (Math.max(mtimeSec, ctimeSec) + SETTLED_SEC > clock.sec) return undefined;
  return [size, mtimeSec, mtimeNsec, ctimeSec, ctimeNsec].join(':');
}
