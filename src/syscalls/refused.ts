/**
 * Calls that change the machine or exchange its root: refused to everybody, as to programs in a
 * container. Who holds the capability is refused, too (deviation): instances are made from outside.
 */

import { CAP_SYS_TTY_CONFIG } from '../abi/capability.ts';
import { EPERM } from '../abi/errno.table.ts';
import type { SyscallName } from '../abi/syscall-numbers.table.ts';
import type { Task } from '../kernel/task.ts';
import { row, type SyscallRow } from './row.ts';

function refuse(name: SyscallName): (task: Task) => number {
  return (task) => {
    task.kernel.logOnce(name, `${name} is refused (EPERM), called by ${task}`);
    return -EPERM;
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
