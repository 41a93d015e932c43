/** Files of namespaces: setns(2), and their ioctls (ioctl_nsfs(2)). There is one namespace a type. */

import { CAP_SYS_ADMIN } from '../abi/capability.ts';
import { EBADF, EFAULT, EINVAL, EPERM } from '../abi/errno.table.ts';
import { CLONE_NAMESPACES } from '../abi/task-flags.ts';
import { NAMESPACES, NamespaceFile } from '../fs/procfs/namespaces.ts';
import { PidfdFile } from '../kernel/pidfd.ts';
import type { Task } from '../kernel/task.ts';
import { openPlace } from '../vfs/open.ts';
import * as arg from './args.ts';
import { dataFile } from './file-support.ts';
import { installFile } from './open-close.ts';
import { row, type SyscallRow } from './row.ts';

const NS = {
  NS_GET_USERNS: 0xb701,
  NS_GET_PARENT: 0xb702,
  NS_GET_NSTYPE: 0xb703,
  NS_GET_OWNER_UID: 0xb704,
} as const;

/** undefined: no command of these files. */
export function namespaceIoctl(
  task: Task,
  file: NamespaceFile,
  command: number,
  argument: number,
): number | undefined {
  const { type } = file;
  switch (command >>> 0) {
    case NS.NS_GET_USERNS: {
      // The owner of the user namespace itself lies outside of what may be seen.
      if (type === 'user') return -EPERM;
      const opened = openPlace(task.kernel.vfs, task, file.namespaces.place('user'), 0);
      return typeof opened === 'number' ? opened : installFile(task, opened, true);
    }
    case NS.NS_GET_PARENT:
      return type === 'pid' || type === 'user' ? -EPERM : -EINVAL;
    case NS.NS_GET_NSTYPE:
      return NAMESPACES[type].cloneFlag;
    case NS.NS_GET_OWNER_UID:
      if (type !== 'user') return -EINVAL;
      return task.space.writeU32(argument, 0) < 0 ? -EFAULT : 0;
    default:
      return undefined;
  }
}

/** Joining the namespaces that everybody is in: checked, and done. */
function sysSetns(task: Task, fd: number, type: number): number {
  const file = dataFile(task, fd);
  if (file === undefined) return -EBADF;
  let wanted = type;
  if (file instanceof NamespaceFile) {
    wanted = NAMESPACES[file.type].cloneFlag;
    if (type !== 0 && type !== wanted) return -EINVAL;
  } else if (file instanceof PidfdFile) {
    if (type === 0 || (type & ~CLONE_NAMESPACES) !== 0) return -EINVAL;
  } else return -EINVAL;
  // Nobody enters the user namespace that he is in.
  if ((wanted & NAMESPACES.user.cloneFlag) !== 0) return -EINVAL;
  if (!task.creds.has(CAP_SYS_ADMIN)) return -EPERM;
  const sharesFolders = task.kernel.fsContexts.users(task.fs) > 1;
  return (wanted & NAMESPACES.mnt.cloneFlag) !== 0 && sharesFolders ? -EINVAL : 0;
}

export const NAMESPACE_ROWS: readonly SyscallRow[] = [
  row('setns', [arg.fd, arg.int], sysSetns, {
    coverage: 'partial',
    note: 'there is one namespace of each type',
  }),
];
