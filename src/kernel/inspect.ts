/** May one task look into another (`ptrace_may_access`, PTRACE_MODE_READ)? */

import { CAP_SYS_PTRACE } from '../abi/capability.ts';
import type { Task } from './task.ts';
import type { ThreadGroup } from './thread-group.ts';

export function mayInspect(task: Task, target: ThreadGroup): boolean {
  if (task.group === target || task.creds.has(CAP_SYS_PTRACE)) return true;
  const mine = task.creds;
  const theirs = target.leader.creds;
  const sameUser = mine.uid === theirs.euid && mine.uid === theirs.suid && mine.uid === theirs.uid;
  const sameGroup = mine.gid === theirs.egid && mine.gid === theirs.sgid && mine.gid === theirs.gid;
  return sameUser && sameGroup && target.dumpable === 1;
}
