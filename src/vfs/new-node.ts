/** Owner, group and mode of a new inode (`inode_init_owner`). */

import { CAP_FSETID } from '../abi/capability.ts';
import { S_IFDIR, S_IFLNK, S_IFMT, S_ISGID, S_IXGRP } from '../abi/file-mode.ts';
import { inheritedAcl } from './acl.ts';
import type { Caller } from './caller.ts';
import { hasCapability, inGroup } from './credentials.ts';
import type { Inode, NodeSpec } from './inode.ts';

/** `mode` with its type bits; the caller's umask is applied here. */
export function makeSpec(who: Caller, parent: Inode, mode: number, rdev: number): NodeSpec {
  const { creds, fs } = who;
  const isLink = (mode & S_IFMT) === S_IFLNK;
  const { defaultAcl } = parent;
  const inherited = defaultAcl === undefined || isLink ? undefined : inheritedAcl(defaultAcl, mode);
  let finalMode = inherited?.mode ?? (isLink ? mode : mode & ~(fs.umask & 0o777));
  let gid = creds.fsgid;
  if ((parent.mode & S_ISGID) !== 0) {
    gid = parent.gid;
    if ((mode & S_IFMT) === S_IFDIR) finalMode |= S_ISGID;
    else if (
      (finalMode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP) &&
      !inGroup(creds, gid) &&
      !hasCapability(creds, CAP_FSETID)
    )
      finalMode &= ~S_ISGID;
  }
  const spec: NodeSpec = { mode: finalMode, uid: creds.fsuid, gid, rdev };
  if (inherited === undefined) return spec;
  spec.acl = inherited.acl;
  if ((mode & S_IFMT) === S_IFDIR) spec.defaultAcl = defaultAcl;
  return spec;
}
