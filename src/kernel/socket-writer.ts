/** Who writes to a socket: what SCM_CREDENTIALS and SCM_PIDFD say of bytes sent by write(2). */

import type { PeerIdentity } from '../net/peer-identity.ts';
import type { Kernel } from './kernel.ts';

/** Asks for the current task; the same answer while neither it nor its credentials change. */
export function writerOf(kernel: Kernel): () => PeerIdentity | undefined {
  let known: PeerIdentity | undefined;
  return () => {
    const { current } = kernel;
    if (current === undefined) return undefined;
    const { uid, gid, groups } = current.creds;
    const { pid } = current.group;
    if (known?.pid !== pid || known.uid !== uid || known.gid !== gid || known.groups !== groups)
      known = { pid, uid, gid, groups };
    return known;
  };
}
