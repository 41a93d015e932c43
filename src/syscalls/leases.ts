/** fcntl(2), F_SETLEASE and F_GETLEASE; waiting for leases to be given up. */

import { CAP_LEASE } from '../abi/capability.ts';
import { EACCES, EAGAIN, EINVAL } from '../abi/errno.table.ts';
import { F_OWNER_PID, F_RDLCK, F_UNLCK, F_WRLCK, O_PATH } from '../abi/file-flags.ts';
import { isRegular } from '../abi/file-mode.ts';
import { BLOCKED, ERESTARTSYS } from '../kernel/outcome.ts';
import type { Task } from '../kernel/task.ts';
import type { Inode } from '../vfs/inode.ts';
import { InodeLeases } from '../vfs/leases.ts';
import type { OpenFile } from '../vfs/open-file.ts';

/** F_SETLEASE. `type`: F_RDLCK, F_WRLCK or F_UNLCK. */
export function setLease(task: Task, file: OpenFile, fd: number, type: number): number {
  const { inode } = file;
  const { leaseHost } = task.kernel.vfs;
  if (task.creds.fsuid !== inode.uid && !task.creds.has(CAP_LEASE)) return -EACCES;
  if (!isRegular(inode.mode) || leaseHost === undefined) return -EINVAL;
  if (type !== F_RDLCK && type !== F_WRLCK && type !== F_UNLCK) return -EINVAL;
  if (type === F_UNLCK) return inode.leases?.set(file, fd, type, leaseHost) ?? -EAGAIN;
  if (isOpenAgainst(task, file, type)) return -EAGAIN;
  inode.leases ??= new InodeLeases();
  const result = inode.leases.set(file, fd, type, leaseHost);
  if (result < 0) return result;
  file.addCloseListener(LEASE_RELEASE);
  if (file.owner === undefined || file.owner.type < 0)
    file.owner = { type: F_OWNER_PID, id: task.group.pid, signal: file.owner?.signal ?? 0 };
  return 0;
}

/** F_GETLEASE. */
export function getLease(task: Task, file: OpenFile): number {
  const { leaseHost } = task.kernel.vfs;
  const { leases } = file.inode;
  return leases === undefined || leaseHost === undefined ? F_UNLCK : leases.typeOf(file, leaseHost);
}

const LEASE_RELEASE = {
  onClose(file: OpenFile): void {
    file.inode.leases?.drop(file);
  },
};

/** Is the file open in a way that the lease rules out (`check_conflicting_open`)? */
function isOpenAgainst(task: Task, own: OpenFile, type: number): boolean {
  if (type === F_RDLCK && own.isWritable) return true;
  const { inode } = own;
  const seen = new Set<OpenFile>([own]);
  for (const { files } of task.kernel.processes.tasks())
    for (const [, file] of files.entries()) {
      if (file.inode !== inode || seen.has(file) || (file.flags & O_PATH) !== 0) continue;
      seen.add(file);
      if (type === F_WRLCK || file.isWritable) return true;
    }
  return false;
}

/**
 * Does `attempt` until no lease is in the way. -EAGAIN together with `vfs.leaseInTheWay` says that
 * one is.
 */
export function waitingForLeases(task: Task, attempt: (task: Task) => number): number {
  const { vfs } = task.kernel;
  const result = attempt(task);
  const leases = takeLease(result, vfs);
  if (leases === undefined) return result;
  return task.sleep({
    queues: [leases.changed],
    deadlineNs: leases.deadlineNs,
    attempt: (sleeper) => {
      const again = attempt(sleeper);
      return takeLease(again, vfs) === undefined ? again : BLOCKED;
    },
    interrupted: -ERESTARTSYS,
    timedOut: -EAGAIN,
    reason: 'break_lease',
  });
}

function takeLease(
  result: number,
  vfs: { leaseInTheWay: InodeLeases | undefined },
): InodeLeases | undefined {
  const leases = result === -EAGAIN ? vfs.leaseInTheWay : undefined;
  vfs.leaseInTheWay = undefined;
  return leases;
}

/** truncate(2) of a file: a lease stands in its way. */
export function breaksLease(task: Task, inode: Inode): boolean {
  const { vfs } = task.kernel;
  if (inode.leases === undefined || !vfs.breaksLease(inode, true)) return false;
  vfs.leaseInTheWay = inode.leases;
  return true;
}
