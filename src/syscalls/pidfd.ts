/** pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2). */

import { CAP_KILL } from '../abi/capability.ts';
import { EBADF, EFAULT, EINVAL, EPERM, ESRCH } from '../abi/errno.table.ts';
import { O_NONBLOCK } from '../abi/file-flags.ts';
import { SIGINFO_BYTES } from '../abi/signal-frame.ts';
import { TaskDirectory } from '../fs/procfs/task-directory.ts';
import { mayInspect } from '../kernel/inspect.ts';
import { PidfdFile } from '../kernel/pidfd.ts';
import { killGroup } from '../kernel/signals/send.ts';
import { userSignal } from '../kernel/signals/signal-info.ts';
import type { Task } from '../kernel/task.ts';
import type { ThreadGroup } from '../kernel/thread-group.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import * as arg from './args.ts';
import { dataFile } from './file-support.ts';
import { row, type SyscallRow } from './row.ts';

const PIDFD_NONBLOCK = O_NONBLOCK;

/** For CLONE_PIDFD: installs a descriptor of the child and stores its number at `addr`. */
export function makePidfdFor(task: Task, addr: number): (child: ThreadGroup) => number {
  return (child) => {
    const fd = task.files.install(new PidfdFile(task, child, 0), task.group.limits.openFiles, true);
    if (fd < 0) return fd;
    if (task.space.writeU32(addr, fd) >= 0) return fd;
    task.files.close(fd);
    return -EFAULT;
  };
}

function sysPidfdOpen(task: Task, pid: number, flags: number): number {
  if ((flags & ~PIDFD_NONBLOCK) !== 0 || pid <= 0) return -EINVAL;
  const { processes } = task.kernel;
  const group = pid === processes.init.pid ? processes.init : processes.group(pid);
  if (group === undefined) return processes.task(pid) === undefined ? -ESRCH : -EINVAL;
  return task.files.install(new PidfdFile(task, group, flags), task.group.limits.openFiles, true);
}

function pidfdOf(task: Task, fd: number): PidfdFile | number {
  const file = task.files.get(fd);
  return file instanceof PidfdFile ? file : -EBADF;
}

/** `pidfd_to_pid` of Linux: signals are sent through an open /proc/PID, too. */
function signalled(task: Task, fd: number): ThreadGroup | number {
  const file = dataFile(task, fd);
  if (file instanceof PidfdFile) return file.group;
  const pid = file?.inode instanceof TaskDirectory ? file.inode.process() : -EBADF;
  if (pid < 0) return pid;
  return task.kernel.processes.group(pid) ?? -ESRCH;
}

function sysPidfdSendSignal(
  task: Task,
  fd: number,
  signal: number,
  infoAt: number,
  flags: number,
): number {
  if (flags !== 0 || signal < 0 || signal > 64) return -EINVAL;
  const group = signalled(task, fd);
  if (typeof group === 'number') return group;
  if (group.isZombie) return -ESRCH;
  // Nothing reaches init, which runs nothing.
  if (group === task.kernel.processes.init) return task.creds.has(CAP_KILL) ? 0 : -EPERM;
  if (infoAt === 0)
    return killGroup(task, group, userSignal(signal, task.group.pid, task.creds.uid));
  const raw = new Uint8Array(SIGINFO_BYTES);
  if (task.space.copyIn(infoAt, raw) < 0) return -EFAULT;
  const view = new DataView(raw.buffer);
  const code = view.getInt32(8, true);
  if (view.getInt32(0, true) !== signal) return -EINVAL;
  if ((code >= 0 || code === -6) && group !== task.group) return -EPERM;
  return killGroup(task, group, { signal, code, raw });
}

function sysPidfdGetfd(task: Task, fd: number, targetFd: number, flags: number): number {
  if (flags !== 0) return -EINVAL;
  const file = pidfdOf(task, fd);
  if (typeof file === 'number') return file;
  const { group } = file;
  if (group.isZombie) return -ESRCH;
  if (group === task.kernel.processes.init || !mayInspect(task, group)) return -EPERM;
  const target = group.leader.files.get(targetFd);
  if (target === undefined) return -EBADF;
  return installOwned(task, target.retain());
}

/** Installs a file whose reference the caller owns; releases it when the table is full. */
function installOwned(task: Task, file: OpenFile): number {
  const fd = task.files.install(file, task.group.limits.openFiles, true);
  if (fd < 0) file.release();
  return fd;
}

export const PIDFD_ROWS: readonly SyscallRow[] = [
  row('pidfd_open', [arg.pid, arg.flags({ PIDFD_NONBLOCK })], sysPidfdOpen),
  row('pidfd_send_signal', [arg.fd, arg.signal, arg.pointer, arg.uint], sysPidfdSendSignal),
  row('pidfd_getfd', [arg.fd, arg.fd, arg.uint], sysPidfdGetfd),
];
