/**
 * POSIX access control lists (acl(5)): their form as an extended attribute (version 2), what they grant,
 * and how they and the mode follow each other (`fs/posix_acl.c`).
 */

import { EINVAL, EOPNOTSUPP } from '../abi/errno.table.ts';
import { S_IRWXG } from '../abi/file-mode.ts';

export const ACL_ACCESS = 'system.posix_acl_access';
export const ACL_DEFAULT = 'system.posix_acl_default';

const TAG = { userObject: 1, user: 2, groupObject: 4, group: 8, mask: 16, other: 32 } as const;
const VERSION = 2;
const HEAD_BYTES = 4;
const ENTRY_BYTES = 8;
const NO_ID = 0xffffffff;

export interface AclEntry {
  readonly tag: number;
  readonly permissions: number;
  /** Of user and group entries. */
  readonly id: number;
}

/** In the order of their tags; at least user, group and other. */
export type Acl = readonly AclEntry[];

/** The value of the attribute; undefined for one without entries, or -errno. */
export function parseAcl(value: Uint8Array): Acl | undefined | number {
  if (value.length === 0) return undefined;
  if (value.length < HEAD_BYTES) return -EINVAL;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  if (view.getUint32(0, true) !== VERSION) return -EOPNOTSUPP;
  if ((value.length - HEAD_BYTES) % ENTRY_BYTES !== 0) return -EINVAL;
  const acl: AclEntry[] = [];
  for (let at = HEAD_BYTES; at < value.length; at += ENTRY_BYTES)
    acl.push({
      tag: view.getUint16(at, true),
      permissions: view.getUint16(at + 2, true),
      id: view.getUint32(at + 4, true),
    });
  if (acl.length === 0) return undefined;
  return isValid(acl) ? acl : -EINVAL;
}

/** The tags in their order; whoever names users or groups has a mask. */
function isValid(acl: Acl): boolean {
  const shape = acl.map(({ tag }) => SHAPE.get(tag) ?? '?').join('');
  if (acl.some(({ permissions }) => (permissions & ~7) !== 0)) return false;
  return /^uU*gG*m?o$/.test(shape) && (!/[UG]/.test(shape) || shape.includes('m'));
}

const SHAPE: ReadonlyMap<number, string> = new Map([
  [TAG.userObject, 'u'],
  [TAG.user, 'U'],
  [TAG.groupObject, 'g'],
  [TAG.group, 'G'],
  [TAG.mask, 'm'],
  [TAG.other, 'o'],
]);

export function formatAcl(acl: Acl): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + ENTRY_BYTES * acl.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, VERSION, true);
  for (const [i, { tag, permissions, id }] of acl.entries()) {
    const at = HEAD_BYTES + ENTRY_BYTES * i;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, permissions, true);
    view.setUint32(at + 4, tag === TAG.user || tag === TAG.group ? id : NO_ID, true);
  }
  return bytes;
}

const find = (acl: Acl, tag: number): number =>
  acl.find((entry) => entry.tag === tag)?.permissions ?? 0;

/** It says no more than a mode. */
const isMinimal = (acl: Acl): boolean => acl.length === 3;

const groupTag = (acl: Acl): number => (isMinimal(acl) ? TAG.groupObject : TAG.mask);

/** The nine bits of the mode that go with it. */
const modeOf = (acl: Acl): number =>
  (find(acl, TAG.userObject) << 6) | (find(acl, groupTag(acl)) << 3) | find(acl, TAG.other);

/** What remains of a list when it is set, and the mode from then on. */
export function aclAndMode(acl: Acl, mode: number): { acl: Acl | undefined; mode: number } {
  return { acl: isMinimal(acl) ? undefined : acl, mode: (mode & ~0o777) | modeOf(acl) };
}

/** chmod(2) of a file that has one. */
export function aclForMode(acl: Acl, mode: number): Acl {
  const group = acl.some(({ tag }) => tag === TAG.mask) ? TAG.mask : TAG.groupObject;
  const bits = new Map([
    [TAG.userObject as number, (mode >> 6) & 7],
    [group, (mode >> 3) & 7],
    [TAG.other, mode & 7],
  ]);
  return acl.map((entry) => ({ ...entry, permissions: bits.get(entry.tag) ?? entry.permissions }));
}

/** A new file in a directory with a default list: the mode asked for limits it, no umask does. */
export function inheritedAcl(acl: Acl, mode: number): { acl: Acl | undefined; mode: number } {
  return aclAndMode(aclForMode(acl, modeOf(acl) & mode), mode);
}

/** Do the entries grant `wanted` to one who is not the owner (`posix_acl_permission`)? */
export function aclGrants(
  { acl, gid }: { readonly acl: Acl; readonly gid: number },
  uid: number,
  isIn: (gid: number) => boolean,
  wanted: number,
): boolean {
  const mask = acl.some(({ tag }) => tag === TAG.mask) ? find(acl, TAG.mask) : 7;
  const named = acl.find(({ tag, id }) => tag === TAG.user && id === uid);
  if (named !== undefined) return (wanted & ~(named.permissions & mask)) === 0;
  let isMember = false;
  for (const { tag, id, permissions } of acl) {
    const isOwn = tag === TAG.groupObject && isIn(gid);
    if (!isOwn && !(tag === TAG.group && isIn(id))) continue;
    isMember = true;
    if ((wanted & ~permissions) === 0) return (wanted & ~(permissions & mask)) === 0;
  }
  return !isMember && (wanted & ~find(acl, TAG.other)) === 0;
}

/** The list counts: bits of a mode without any for the group are what it says at most. */
export const countsAcl = (mode: number): boolean => (mode & S_IRWXG) !== 0;
