/** Who the caller is: getpid(2), gettid(2), getuid(2), getgid(2) and the like. */

import type { Task } from '../kernel/task.ts';
import { row, type SyscallRow } from './row.ts';

const sysGetpid = (task: Task) => task.group.pid;
const sysGettid = (task: Task) => task.tid;
const sysGetuid = (task: Task) => task.creds.uid;
const sysGeteuid = (task: Task) => task.creds.euid;
const sysGetgid = (task: Task) => task.creds.gid;
const sysGetegid = (task: Task) => task.creds.egid;

export const IDENTITY_ROWS: readonly SyscallRow[] = [
  row('getpid', [], sysGetpid),
  row('gettid', [], sysGettid),
  row('getuid', [], sysGetuid),
  row('geteuid', [], sysGeteuid),
  row('getgid', [], sysGetgid),
  row('getegid', [], sysGetegid),
];
