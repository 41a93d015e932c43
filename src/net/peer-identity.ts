/** Who is at an end of a unix(7) socket. */

/** Who sent or owns: SO_PEERCRED, SCM_CREDENTIALS. */
export interface PeerIdentity {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups of who connected or listens: SO_PEERGROUPS. */
  readonly groups?: readonly number[];
}

export const NOBODY: PeerIdentity = { pid: 0, uid: 0xffff_ffff, gid: 0xffff_ffff };
