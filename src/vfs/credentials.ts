/** Who asks: the part of a task's credentials that file access depends on (credentials(7)). */

import { CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER } from '../abi/capability.ts';
import { EACCES } from '../abi/errno.table.ts';
import { isDirectory, S_IXUGO } from '../abi/file-mode.ts';
import { type Acl, aclGrants, countsAcl } from './acl.ts';

/** Immutable: a task that changes its identity gets a new object. */
export interface Credentials {
  readonly fsuid: number;
  readonly fsgid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** Effective capabilities 0…31; every capability that file access needs is there. */
  readonly capabilities: number;
}

export const ROOT_CREDENTIALS: Credentials = {
  fsuid: 0,
  fsgid: 0,
  groups: [],
  capabilities: -1,
};

export function hasCapability(who: Credentials, capability: number): boolean {
  return (who.capabilities & (1 << capability)) !== 0;
}

export function inGroup(who: Credentials, gid: number): boolean {
  return who.fsgid === gid || who.groups.includes(gid);
}

/** What {@link checkAccess} asks of an inode. */
export interface AccessSubject {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly acl?: Acl | undefined;
}

/**
 * The permission check of path_resolution(7) and `generic_permission`: `wanted` are R_OK, W_OK,
 * X_OK bits. 0 or -EACCES.
 */
export function checkAccess(who: Credentials, node: AccessSubject, wanted: number): number {
  let granted = node.mode;
  if (who.fsuid === node.uid) granted >>= 6;
  else if (node.acl !== undefined && countsAcl(node.mode)) {
    const { acl, gid } = node;
    const isIn = (group: number) => inGroup(who, group);
    granted = aclGrants({ acl, gid }, who.fsuid, isIn, wanted & 7) ? 7 : 0;
  } else if (inGroup(who, node.gid)) granted >>= 3;
  if ((wanted & ~granted & 7) === 0) return 0;
  return overridesAccess(who, node, wanted) ? 0 : -EACCES;
}

function overridesAccess(who: Credentials, node: AccessSubject, wanted: number): boolean {
  if (isDirectory(node.mode)) {
    if ((wanted & 2) === 0 && hasCapability(who, CAP_DAC_READ_SEARCH)) return true;
    return hasCapability(who, CAP_DAC_OVERRIDE);
  }
  if (wanted === 4 && hasCapability(who, CAP_DAC_READ_SEARCH)) return true;
  // Root may execute only what someone may execute.
  if ((wanted & 1) !== 0 && (node.mode & S_IXUGO) === 0) return false;
  return hasCapability(who, CAP_DAC_OVERRIDE);
}

/** `inode_owner_or_capable`. */
export function ownsOrCapable(who: Credentials, node: AccessSubject): boolean {
  return who.fsuid === node.uid || hasCapability(who, CAP_FOWNER);
}
