/** Access times by the rule of relatime (mount(8)): at most once a day unless something changed. */

import { O_NOATIME } from '../abi/file-flags.ts';
import { isDirectory, isRegular } from '../abi/file-mode.ts';
import { ST_NOATIME, ST_NODIRATIME, ST_RELATIME } from '../abi/stat-layout.ts';
import type { Inode } from './inode.ts';
import type { Mount } from './mount.ts';
import type { OpenFile } from './open-file.ts';

const DAY_SEC = 86_400;

/** An inode was read through `mount`. */
export function noteAccess(mount: Mount, inode: Inode): void {
  const never = isDirectory(inode.mode) ? ST_NOATIME | ST_NODIRATIME : ST_NOATIME;
  if ((mount.flags & never) !== 0 || mount.isReadOnly) return;
  const { clock, stampsAccess } = inode.fs;
  if (stampsAccess) return;
  if (
    (mount.flags & ST_RELATIME) !== 0 &&
    isLater(inode.atimeSec, inode.atimeNsec, inode.mtimeSec, inode.mtimeNsec) &&
    isLater(inode.atimeSec, inode.atimeNsec, inode.ctimeSec, inode.ctimeNsec) &&
    clock.sec - inode.atimeSec < DAY_SEC
  )
    return;
  clock.update();
  inode.noteAccess(clock.sec, clock.nsec);
}

const ONE_BYTE = new Uint8Array(1);

/** A file was mapped: that is an access, whether or not its pages are touched (`file_accessed`). */
export function noteMapping(file: OpenFile): void {
  const { mount, inode } = file;
  if ((file.flags & O_NOATIME) !== 0 || !isRegular(inode.mode)) return;
  if (!inode.fs.stampsAccess) noteAccess(mount, inode);
  // The file system beneath keeps the time, when it is read.
  else if (!mount.isReadOnly && (mount.flags & ST_NOATIME) === 0)
    inode.readAt(0, ONE_BYTE, 0, ONE_BYTE.length);
}

function isLater(sec: number, nsec: number, thanSec: number, thanNsec: number): boolean {
  return sec > thanSec || (sec === thanSec && nsec > thanNsec);
}
