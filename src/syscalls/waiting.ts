/** wait4(2) and waitid(2). */

import { EAGAIN, EBADF, EFAULT, EINVAL, ESRCH } from '../abi/errno.table.ts';
import { O_NONBLOCK } from '../abi/file-flags.ts';
import { SIGCHLD } from '../abi/signal.table.ts';
import { SIGINFO_BYTES } from '../abi/signal-frame.ts';
import { P_ID, WAIT, WSTOPPED } from '../abi/task-flags.ts';
import { PidfdFile } from '../kernel/pidfd.ts';
import { signalInfoBytes } from '../kernel/signals/signal-info.ts';
import type { Task } from '../kernel/task.ts';
import { type ChildSelector, type WaitResult, waitForChild } from '../kernel/wait.ts';
import * as arg from './args.ts';
import { row, type SyscallRow } from './row.ts';
import { writeRusage } from './rusage.ts';

const WAIT4_OPTIONS =
  WAIT.WNOHANG | WAIT.WUNTRACED | WAIT.WCONTINUED | WAIT.__WNOTHREAD | WAIT.__WCLONE | WAIT.__WALL;
const WAITID_OPTIONS = WAIT4_OPTIONS | WAIT.WEXITED | WAIT.WNOWAIT;

function sysWait4(
  task: Task,
  pid: number,
  statusAt: number,
  options: number,
  rusageAt: number,
): number {
  if ((options & ~WAIT4_OPTIONS) !== 0) return -EINVAL;
  if (pid === -0x8000_0000) return -ESRCH;
  return waitForChild(task, selectorOf(task, pid), options | WAIT.WEXITED, (found) => {
    if (found === undefined) return 0;
    if (statusAt !== 0 && task.space.writeU32(statusAt, found.status) < 0) return -EFAULT;
    if (rusageAt !== 0 && writeRusage(task, rusageAt, found) < 0) return -EFAULT;
    return found.pid;
  });
}

function selectorOf(task: Task, pid: number): ChildSelector {
  if (pid > 0) return (child) => child.pid === pid;
  if (pid === -1) return () => true;
  const group = pid === 0 ? task.group.processGroup.id : -pid;
  return (child) => child.processGroup.id === group;
}

function sysWaitid(
  task: Task,
  type: number,
  id: number,
  infoAt: number,
  options: number,
  rusageAt: number,
): number {
  if ((options & ~WAITID_OPTIONS) !== 0) return -EINVAL;
  if ((options & (WAIT.WEXITED | WSTOPPED | WAIT.WCONTINUED)) === 0) return -EINVAL;
  const selector = selectorOfId(task, type, id);
  if (typeof selector === 'number') return selector;
  const file = type === P_ID.P_PIDFD ? task.files.get(id) : undefined;
  const polls = file !== undefined && (file.flags & O_NONBLOCK) !== 0;
  return waitForChild(task, selector, polls ? options | WAIT.WNOHANG : options, (found) => {
    if (found === undefined && polls && (options & WAIT.WNOHANG) === 0) return -EAGAIN;
    if (infoAt !== 0 && writeInfo(task, infoAt, found) < 0) return -EFAULT;
    if (found !== undefined && rusageAt !== 0 && writeRusage(task, rusageAt, found) < 0)
      return -EFAULT;
    return 0;
  });
}

function selectorOfId(task: Task, type: number, id: number): ChildSelector | number {
  if (type === P_ID.P_ALL) return () => true;
  if (type === P_ID.P_PID) return id <= 0 ? -EINVAL : (child) => child.pid === id;
  if (type === P_ID.P_PGID) {
    if (id < 0) return -EINVAL;
    const group = id === 0 ? task.group.processGroup.id : id;
    return (child) => child.processGroup.id === group;
  }
  if (type !== P_ID.P_PIDFD) return -EINVAL;
  if (id < 0) return -EINVAL;
  const file = task.files.get(id);
  if (!(file instanceof PidfdFile)) return -EBADF;
  return (child) => child === file.group;
}

/** Only these fields are written; without a child all are 0 (waitid(2)). */
function writeInfo(task: Task, addr: number, found: WaitResult | undefined): number {
  const info = found && {
    ...{ signal: SIGCHLD, code: found.code, status: found.detail },
    ...{ pid: found.pid, uid: found.uid },
  };
  const bytes = info ? signalInfoBytes(info) : new Uint8Array(SIGINFO_BYTES);
  return task.space.copyOut(addr, bytes.subarray(0, 32));
}

const waitStatus = arg.struct((task, addr) => {
  const status = task.space.readU32(addr);
  if (status === undefined) return undefined;
  const signal = status & 0x7f;
  if (status === 0xffff) return '[{WIFCONTINUED(s)}]';
  if (signal === 0x7f) return `[{WIFSTOPPED(s) && WSTOPSIG(s) == ${arg.signalText(status >> 8)}}]`;
  if (signal === 0) return `[{WIFEXITED(s) && WEXITSTATUS(s) == ${(status >> 8) & 0xff}}]`;
  return `[{WIFSIGNALED(s) && WTERMSIG(s) == ${arg.signalText(signal)}}]`;
}, 'out');

export const WAITING_ROWS: readonly SyscallRow[] = [
  row('wait4', [arg.pid, waitStatus, arg.flags(WAIT), arg.outPointer], sysWait4),
  row(
    'waitid',
    [arg.oneOf(P_ID), arg.pid, arg.outPointer, arg.flags(WAIT), arg.outPointer],
    sysWaitid,
  ),
];
