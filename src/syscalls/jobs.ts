/** Process groups and sessions: setpgid(2), getpgid, setsid, getsid. */

import { EACCES, EINVAL, EPERM, ESRCH } from '../abi/errno.table.ts';
import type { Pid } from '../base/brand.ts';
import { Session } from '../kernel/process-group.ts';
import type { Task } from '../kernel/task.ts';
import type { ThreadGroup } from '../kernel/thread-group.ts';
import * as arg from './args.ts';
import { row, type SyscallRow } from './row.ts';

function find(task: Task, pid: number): ThreadGroup | undefined {
  if (pid === 0) return task.group;
  const { processes } = task.kernel;
  if (pid === processes.init.pid) return processes.init;
  return processes.group(pid) ?? processes.task(pid)?.group;
}

function sysSetpgid(task: Task, pid: number, pgid: number): number {
  if (pgid < 0 || (pgid === 0 && pid < 0)) return -EINVAL;
  const target = find(task, pid);
  if (target === undefined) return -ESRCH;
  if (pid !== 0 && target.pid !== pid) return -EINVAL;
  if (target !== task.group) {
    if (target.parent !== task.group) return -ESRCH;
    if (target.processGroup.session !== task.group.processGroup.session) return -EPERM;
    if (target.hasExeced) return -EACCES;
  }
  const { session } = target.processGroup;
  if (session.leader === target) return -EPERM;
  const id = pgid === 0 ? target.pid : pgid;
  if (id === target.processGroup.id) return 0;
  if (id !== target.pid) {
    const group = task.kernel.processes.processGroup(id);
    if (group === undefined || group.session !== session) return -EPERM;
  }
  task.kernel.processes.joinProcessGroup(target, id as Pid, session);
  return 0;
}

function sysGetpgid(task: Task, pid: number): number {
  return find(task, pid)?.processGroup.id ?? -ESRCH;
}

const sysGetpgrp = (task: Task) => task.group.processGroup.id;

function sysSetsid(task: Task): number {
  const { group, kernel } = task;
  // A process group with this number may outlive its leader's move to another one.
  if (kernel.processes.processGroup(group.pid) !== undefined) return -EPERM;
  kernel.processes.joinProcessGroup(group, group.pid, new Session(group));
  return group.pid;
}

function sysGetsid(task: Task, pid: number): number {
  return find(task, pid)?.processGroup.session.id ?? -ESRCH;
}

export const JOB_ROWS: readonly SyscallRow[] = [
  row('setpgid', [arg.pid, arg.pid], sysSetpgid),
  row('getpgid', [arg.pid], sysGetpgid),
  row('getpgrp', [], sysGetpgrp),
  row('setsid', [], sysSetsid),
  row('getsid', [arg.pid], sysGetsid),
];
