/** Changing attributes of an inode: chmod, chown, utimensat, truncate, access. */

import { CAP_CHOWN, CAP_FSETID } from '../abi/capability.ts';
import {
  EACCES,
  EFBIG,
  EINVAL,
  EISDIR,
  EOPNOTSUPP,
  EPERM,
  EROFS,
  ETXTBSY,
} from '../abi/errno.table.ts';
import { W_OK, X_OK } from '../abi/file-flags.ts';
import {
  isDirectory,
  isRegular,
  isSymlink,
  MODE_BITS,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
  S_IFSOCK,
  S_ISGID,
  S_ISUID,
  S_IXGRP,
} from '../abi/file-mode.ts';
import { IN_ACCESS, IN_ATTRIB, IN_MODIFY } from '../abi/inotify.ts';
import {
  type Credentials,
  checkAccess,
  hasCapability,
  inGroup,
  ownsOrCapable,
} from './credentials.ts';
import type { Location } from './dentry.ts';
import { notify } from './notify.ts';

export function changeMode(who: Credentials, place: Location, mode: number): number {
  const { mount, dentry } = place;
  const { inode } = dentry;
  if (mount.isReadOnly) return -EROFS;
  if (isSymlink(inode.mode)) return -EOPNOTSUPP;
  if (!ownsOrCapable(who, inode)) return -EPERM;
  let bits = mode & MODE_BITS;
  if (!inGroup(who, inode.gid) && !hasCapability(who, CAP_FSETID)) bits &= ~S_ISGID;
  const result = inode.setMode(bits);
  if (result === 0) notify(dentry, IN_ATTRIB);
  return result;
}

/** -1 (as 0xffffffff or -1) leaves an id as it is. */
export function changeOwner(who: Credentials, place: Location, uid: number, gid: number): number {
  const { mount, dentry } = place;
  const { inode } = dentry;
  if (mount.isReadOnly) return -EROFS;
  const newUid = uid === -1 || uid === 0xffff_ffff ? inode.uid : uid;
  const newGid = gid === -1 || gid === 0xffff_ffff ? inode.gid : gid;
  if (!hasCapability(who, CAP_CHOWN)) {
    const asked = { uid: newUid !== inode.uid, gid: newGid !== inode.gid };
    if (who.fsuid !== inode.uid || asked.uid) {
      if (uid !== -1 && uid !== 0xffff_ffff && (who.fsuid !== inode.uid || asked.uid))
        return -EPERM;
      if (gid !== -1 && gid !== 0xffff_ffff && who.fsuid !== inode.uid) return -EPERM;
    }
    if (asked.gid && !inGroup(who, newGid)) return -EPERM;
  }
  const result = inode.setOwner(newUid, newGid);
  if (result < 0) return result;
  // chown(2): the set-ID bits of executables go, also for root.
  const clearsIds = !isDirectory(inode.mode) && (inode.mode & (S_ISUID | S_ISGID)) !== 0;
  if (clearsIds) {
    let bits = inode.mode & MODE_BITS & ~S_ISUID;
    if ((bits & S_IXGRP) !== 0) bits &= ~S_ISGID;
    if (bits !== (inode.mode & MODE_BITS)) inode.setMode(bits);
  }
  const names = (id: number) => id !== -1 && id !== 0xffff_ffff;
  if (names(uid) || names(gid) || clearsIds) notify(dentry, IN_ATTRIB);
  return 0;
}

/** Times for {@link changeTimes}: undefined leaves one as it is (UTIME_OMIT). */
export interface NewTimes {
  access: { sec: number; nsec: number } | 'now' | undefined;
  modification: { sec: number; nsec: number } | 'now' | undefined;
}

export function changeTimes(who: Credentials, place: Location, times: NewTimes): number {
  const { mount, dentry } = place;
  const { inode } = dentry;
  const { access, modification } = times;
  if (access === undefined && modification === undefined) return 0;
  if (mount.isReadOnly) return -EROFS;
  const onlyNow = access === 'now' && modification === 'now';
  if (!ownsOrCapable(who, inode)) {
    if (!onlyNow) return -EPERM;
    if (checkAccess(who, inode, W_OK) < 0) return -EACCES;
  }
  const { clock } = inode.fs;
  clock.update();
  const now = { sec: clock.sec, nsec: clock.nsec };
  if (access !== undefined) {
    const at = access === 'now' ? now : access;
    const result = inode.setAccessTime(at.sec, at.nsec);
    if (result < 0) return result;
  }
  if (modification !== undefined) {
    const at = modification === 'now' ? now : modification;
    const result = inode.setModificationTime(at.sec, at.nsec);
    if (result < 0) return result;
  }
  inode.touchChanged();
  let mask = IN_ATTRIB;
  if (access !== undefined && modification === undefined) mask = IN_ACCESS;
  else if (access === undefined) mask = IN_MODIFY;
  notify(dentry, mask);
  return 0;
}

/** truncate(2) by path. */
export function truncatePlace(who: Credentials, place: Location, size: number): number {
  const { mount, dentry } = place;
  const { inode } = dentry;
  if (isDirectory(inode.mode)) return -EISDIR;
  if (!isRegular(inode.mode)) return -EINVAL;
  if (checkAccess(who, inode, W_OK) < 0) return -EACCES;
  if (mount.isReadOnly) return -EROFS;
  if (inode.runners > 0) return -ETXTBSY;
  if (size > inode.fs.maxFileBytes) return -EFBIG;
  const result = inode.truncate(size);
  if (result < 0) return result;
  if ((inode.mode & (S_ISUID | S_ISGID)) !== 0 && !hasCapability(who, CAP_FSETID)) {
    const bits = inode.mode & MODE_BITS & ~S_ISUID;
    inode.setMode((bits & S_IXGRP) !== 0 ? bits & ~S_ISGID : bits);
  }
  notify(dentry, IN_MODIFY);
  return 0;
}

/** access(2) with the given identity; `wanted` are R_OK, W_OK, X_OK bits, or 0 for existence. */
export function accessPlace(who: Credentials, place: Location, wanted: number): number {
  const { mount, dentry } = place;
  const { inode } = dentry;
  if (wanted === 0) return 0;
  if ((wanted & X_OK) !== 0 && isRegular(inode.mode) && mount.forbidsExec) return -EACCES;
  const result = checkAccess(who, inode, wanted);
  if (result < 0) return result;
  if ((wanted & W_OK) !== 0 && mount.isReadOnly && !isSpecial(inode.mode)) return -EROFS;
  return 0;
}

function isSpecial(mode: number): boolean {
  const type = mode & S_IFMT;
  return type === S_IFCHR || type === S_IFBLK || type === S_IFIFO || type === S_IFSOCK;
}
