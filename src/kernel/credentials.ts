/**
 * Identity of a task (credentials(7), capabilities(7)). Immutable: a change makes a new value, so
 * that open files and messages keep the one they were made with.
 */

import { CAP_LAST } from '../abi/capability.ts';
import type { Credentials as FileCredentials } from '../vfs/credentials.ts';

/** Every capability that Linux knows. */
export const ALL_CAPABILITIES: bigint = (1n << BigInt(CAP_LAST + 1)) - 1n;

export interface CredentialFields {
  readonly uid: number;
  readonly euid: number;
  readonly suid: number;
  readonly fsuid: number;
  readonly gid: number;
  readonly egid: number;
  readonly sgid: number;
  readonly fsgid: number;
  /** Supplementary groups, ascending. */
  readonly groups: readonly number[];
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly inheritable: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
  readonly noNewPrivs: boolean;
  /** PR_SET_SECUREBITS; PR_SET_KEEPCAPS is bit 4. */
  readonly secureBits: number;
}

export class Credentials implements FileCredentials, CredentialFields {
  readonly uid: number;
  readonly euid: number;
  readonly suid: number;
  readonly fsuid: number;
  readonly gid: number;
  readonly egid: number;
  readonly sgid: number;
  readonly fsgid: number;
  readonly groups: readonly number[];
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly inheritable: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
  readonly noNewPrivs: boolean;
  readonly secureBits: number;
  /** Effective capabilities 0 … 31, for vfs. */
  readonly capabilities: number;

  constructor(fields: CredentialFields) {
    this.uid = fields.uid;
    this.euid = fields.euid;
    this.suid = fields.suid;
    this.fsuid = fields.fsuid;
    this.gid = fields.gid;
    this.egid = fields.egid;
    this.sgid = fields.sgid;
    this.fsgid = fields.fsgid;
    this.groups = fields.groups;
    this.permitted = fields.permitted;
    this.effective = fields.effective;
    this.inheritable = fields.inheritable;
    this.bounding = fields.bounding;
    this.ambient = fields.ambient;
    this.noNewPrivs = fields.noNewPrivs;
    this.secureBits = fields.secureBits;
    this.capabilities = Number(fields.effective & 0xffff_ffffn) | 0;
  }

  /** A user without history: root with every capability, others with none. */
  static forUser(uid: number, gid: number, groups: readonly number[] = []): Credentials {
    const capabilities = uid === 0 ? ALL_CAPABILITIES : 0n;
    return new Credentials({
      ...{ uid, euid: uid, suid: uid, fsuid: uid },
      ...{ gid, egid: gid, sgid: gid, fsgid: gid },
      groups: [...groups].sort((a, b) => a - b),
      permitted: capabilities,
      effective: capabilities,
      inheritable: 0n,
      bounding: ALL_CAPABILITIES,
      ambient: 0n,
      noNewPrivs: false,
      secureBits: 0,
    });
  }

  with(changes: Partial<CredentialFields>): Credentials {
    return new Credentials({ ...this, ...changes });
  }

  /** True when the effective set holds capability `cap` (a `CAP_` number). */
  has(cap: number): boolean {
    if (cap < 32) return (this.capabilities & (1 << cap)) !== 0;
    return ((this.effective >> BigInt(cap)) & 1n) === 1n;
  }
}

const SECBIT_KEEP_CAPS = 1 << 4;
const SECBIT_NO_SETUID_FIXUP = 1 << 2;

/** File system capabilities that follow fsuid (`CAP_FS_SET`). */
const FS_CAPABILITIES =
  (1n << 0n) | (1n << 1n) | (1n << 2n) | (1n << 3n) | (1n << 4n) | (1n << 9n) | (1n << 27n);

/**
 * New user ids with the effect on capabilities that capabilities(7), "Effect of user ID changes on
 * capabilities", states.
 */
export function withUserIds(
  creds: Credentials,
  ids: Pick<CredentialFields, 'uid' | 'euid' | 'suid' | 'fsuid'>,
): Credentials {
  let { permitted, effective, ambient } = creds;
  if ((creds.secureBits & SECBIT_NO_SETUID_FIXUP) === 0) {
    const wasRoot = creds.uid === 0 || creds.euid === 0 || creds.suid === 0;
    const isRoot = ids.uid === 0 || ids.euid === 0 || ids.suid === 0;
    if (wasRoot && !isRoot) {
      if ((creds.secureBits & SECBIT_KEEP_CAPS) === 0) {
        permitted = 0n;
        effective = 0n;
      }
      ambient = 0n;
    }
    if (creds.euid === 0 && ids.euid !== 0) effective = 0n;
    if (creds.euid !== 0 && ids.euid === 0) effective = permitted;
    if (creds.fsuid === 0 && ids.fsuid !== 0) effective &= ~FS_CAPABILITIES;
    if (creds.fsuid !== 0 && ids.fsuid === 0) effective |= permitted & FS_CAPABILITIES;
  }
  return creds.with({ ...ids, permitted, effective, ambient });
}

/**
 * Credentials after execve (capabilities(7), "Transformation of capabilities during execve").
 * `setuid` and `setgid` are the owner ids of a set-id file, undefined when it is none.
 */
export function afterExec(
  creds: Credentials,
  setuid: number | undefined,
  setgid: number | undefined,
): { creds: Credentials; isSecure: boolean } {
  const euid = setuid ?? creds.euid;
  const egid = setgid ?? creds.egid;
  const changesId = euid !== creds.uid || egid !== creds.gid;
  const rootLike = (creds.secureBits & 1) === 0 && (euid === 0 || creds.uid === 0);
  const ambient = setuid !== undefined || setgid !== undefined ? 0n : creds.ambient;
  let permitted = ambient;
  let effective = ambient;
  if (rootLike) {
    permitted = creds.inheritable | creds.bounding;
    effective = euid === 0 ? permitted : ambient;
  }
  const secureBits = creds.secureBits & ~SECBIT_KEEP_CAPS;
  // Mostly they are what they were, and copying so many fields takes its time.
  const isSame =
    euid === creds.euid &&
    euid === creds.suid &&
    euid === creds.fsuid &&
    egid === creds.egid &&
    egid === creds.sgid &&
    egid === creds.fsgid &&
    permitted === creds.permitted &&
    effective === creds.effective &&
    ambient === creds.ambient &&
    secureBits === creds.secureBits;
  if (isSame) return { creds, isSecure: changesId };
  const next = creds.with({
    ...{ euid, suid: euid, fsuid: euid, egid, sgid: egid, fsgid: egid },
    ...{ permitted, effective, ambient, secureBits },
  });
  return { creds: next, isSecure: changesId };
}
