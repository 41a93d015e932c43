/**
 * Calls that change the machine. Who lacks the capability is refused as anywhere; who holds it learns
 * that this kernel is built without (`CONFIG_SWAP`), as /proc/config.gz says.
 */

import { CAP_SYS_ADMIN, CAP_SYS_TTY_CONFIG } from '../abi/capability.ts';
import { ENOSYS, EPERM } from '../abi/errno.table.ts';
import type { SyscallName } from '../abi/syscall-numbers.table.ts';
import type { Task } from '../kernel/task.ts';
import { row, type SyscallRow } from './row.ts';

function refuse(name: SyscallName): (task: Task) => number {
  return (task) => {
    task.kernel.logOnce(name, `${name} is refused, called by ${task}`);
    return task.creds.has(CAP_SYS_ADMIN) ? -ENOSYS : -EPERM;
  };
}

/** vhangup(2): the caller's terminal is hung up for all who have it open. */
function sysVhangup(task: Task): number {
  if (!task.creds.has(CAP_SYS_TTY_CONFIG)) return -EPERM;
  task.group.processGroup.session.terminal?.hangUpFiles();
  return 0;
}

const REFUSED: readonly SyscallName[] = [...(['swapon', 'swapoff'] as const)];

export const REFUSED_ROWS: readonly SyscallRow[] = [
  ...REFUSED.map((name) => row(name, [], refuse(name), { coverage: 'refused' })),
  row('vhangup', [], sysVhangup),
];
