/**
 * Identity of a task (credentials(7), capabilities(7)). Immutable: a change makes a new value, so
 * that open files and messages can keep the one they were made with.
 */

export interface Credentials {
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
  /** Capability sets as bit sets of 41 bits; see `CAP` in abi. */
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly inheritable: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
  readonly noNewPrivs: boolean;
  /** PR_SET_SECUREBITS. */
  readonly secureBits: number;
}

/** `group` is the effective one or among the supplementary ones. */
export function inGroup(creds: Credentials, gid: number): boolean {
  return creds.fsgid === gid || creds.groups.includes(gid);
}

/** True when the effective set holds capability `cap` (a number of `CAP`). */
export function capable(creds: Credentials, cap: number): boolean {
  return ((creds.effective >> BigInt(cap)) & 1n) === 1n;
}
