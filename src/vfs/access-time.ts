/** Access times by the rule of relatime (mount(8)): at most once a day unless something changed. */

import { isDirectory } from '../abi/file-mode.ts';
import { ST_NOATIME, ST_NODIRATIME, ST_RELATIME } from '../abi/stat-layout.ts';
import type { Inode } from './inode.ts';
import type { Mount } from './mount.ts';

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

function isLater(sec: number, nsec: number, thanSec: number, thanNsec: number): boolean {
  return sec > thanSec || (sec === thanSec && nsec > thanNsec);
}
