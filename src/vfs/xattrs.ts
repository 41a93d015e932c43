/** Extended attributes (xattr(7)): namespaces and who may use them. */

import { CAP_SETFCAP, CAP_SYS_ADMIN } from '../abi/capability.ts';
import {
  E2BIG,
  EACCES,
  EINVAL,
  ENODATA,
  EOPNOTSUPP,
  EPERM,
  ERANGE,
  EROFS,
} from '../abi/errno.table.ts';
import { R_OK, W_OK, XATTR_SIZE_MAX } from '../abi/file-flags.ts';
import { isDirectory, isRegular, S_ISVTX } from '../abi/file-mode.ts';
import { IN_ATTRIB } from '../abi/inotify.ts';
import { type Credentials, checkAccess, hasCapability, ownsOrCapable } from './credentials.ts';
import type { Location } from './dentry.ts';
import { notify } from './notify.ts';

export function getXattr(who: Credentials, place: Location, name: string): Uint8Array | number {
  const allowed = permits(who, place, name, R_OK);
  return allowed < 0 ? allowed : place.dentry.inode.getXattr(name);
}

export function setXattr(
  who: Credentials,
  place: Location,
  name: string,
  value: Uint8Array,
  flags: number,
): number {
  if (value.length > XATTR_SIZE_MAX) return -E2BIG;
  const allowed =
    name === CAPABILITY && !isCapability(value) ? -EINVAL : permits(who, place, name, W_OK);
  if (allowed < 0) return allowed;
  const result = place.dentry.inode.setXattr(name, value, flags);
  if (result === 0) notify(place.dentry, IN_ATTRIB);
  return result;
}

export function removeXattr(who: Credentials, place: Location, name: string): number {
  const allowed = permits(who, place, name, W_OK);
  if (allowed < 0) return allowed;
  const result = place.dentry.inode.removeXattr(name);
  if (result === 0) notify(place.dentry, IN_ATTRIB);
  return result;
}

/** Names the caller may see. */
export function listXattr(who: Credentials, place: Location): readonly string[] | number {
  const names = place.dentry.inode.listXattr();
  if (typeof names === 'number') return names;
  const isAdmin = hasCapability(who, CAP_SYS_ADMIN);
  return names.filter((name) => isAdmin || !name.startsWith('trusted.'));
}

/** Capabilities of a program file (capabilities(7)). */
const CAPABILITY = 'security.capability';
const CAPABILITY_BYTES: ReadonlyMap<number, number> = new Map([
  [0x0200_0000, 20],
  [0x0300_0000, 24],
]);
const ACL_PREFIX = 'system.posix_acl_';
const PREFIXES: readonly string[] = ['user.', 'trusted.', 'security.'];

/** `xattr_permission`, and who may change access control lists (`vfs_set_acl`). */
function permits(who: Credentials, place: Location, name: string, wanted: number): number {
  const { mount, dentry } = place;
  const { inode } = dentry;
  // `xattr_resolve_name`: a prefix alone is no name.
  if (PREFIXES.includes(name)) return -EINVAL;
  const writes = (wanted & W_OK) !== 0;
  if (writes && mount.isReadOnly) return -EROFS;
  if (name.startsWith('security.') || name.startsWith('system.')) {
    if (writes && name.startsWith(ACL_PREFIX)) return ownsOrCapable(who, inode) ? 0 : -EPERM;
    if (!writes || name.startsWith('system.')) return 0;
    if (name === CAPABILITY) return hasCapability(who, CAP_SETFCAP) ? 0 : -EPERM;
    return hasCapability(who, CAP_SYS_ADMIN) ? 0 : -EPERM;
  }
  if (name.startsWith('trusted.')) {
    if (hasCapability(who, CAP_SYS_ADMIN)) return 0;
    return writes ? -EPERM : -ENODATA;
  }
  if (!name.startsWith('user.')) return -EOPNOTSUPP;
  if (!isRegular(inode.mode) && !isDirectory(inode.mode)) return writes ? -EPERM : -ENODATA;
  const isSticky = isDirectory(inode.mode) && (inode.mode & S_ISVTX) !== 0;
  if (writes && isSticky && !ownsOrCapable(who, inode)) return -EPERM;
  return checkAccess(who, inode, wanted) < 0 ? -EACCES : 0;
}

/** `cap_convert_nscap`: `struct vfs_cap_data` of revision 2, or of revision 3 with its root user. */
function isCapability(value: Uint8Array): boolean {
  const magic = new DataView(value.buffer, value.byteOffset, value.length);
  const bytes = CAPABILITY_BYTES.get(value.length < 4 ? 0 : magic.getUint32(0, true) & ~1);
  return value.length === bytes;
}

/** The size rule of getxattr(2) and listxattr(2): 0 asks for the size. */
export function fitResult(sizeBytes: number, capacityBytes: number): number {
  if (capacityBytes === 0) return sizeBytes;
  return sizeBytes > capacityBytes ? -ERANGE : sizeBytes;
}
