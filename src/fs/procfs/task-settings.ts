/** Files of /proc/PID that can be written: proc_pid_comm(5), proc_pid_oom_score_adj(5) and the like. */

import { CAP_SYS_RESOURCE } from '../../abi/capability.ts';
import { EACCES, EINVAL, EPERM, ESRCH } from '../../abi/errno.table.ts';
import { byteString } from '../../vfs/byte-string.ts';
import type { TaskView } from '../../vfs/task-view.ts';
import { type NodeMaker, setting } from './nodes.ts';
import type { Procfs } from './procfs.ts';

const UINT_MAX = 0xffff_ffff;

/** A file that shows and takes something of a task; both answer -ESRCH once it is gone. */
function taskSetting(
  fs: Procfs,
  tid: number,
  show: (task: TaskView) => string | number,
  take: (task: TaskView, bytes: Uint8Array) => number,
  permissions = 0o644,
): NodeMaker {
  const find = () => fs.tasks.find(tid);
  return setting(
    () => {
      const task = find();
      return task === undefined ? -ESRCH : show(task);
    },
    (bytes) => {
      const task = find();
      return task === undefined ? -ESRCH : take(task, bytes);
    },
    permissions,
  );
}

/** A whole number as `kstrtoint` reads it (C's prefixes, white space around it), or undefined. */
function numberOf(bytes: Uint8Array, least: number, most: number): number | undefined {
  const text = byteString(bytes).trim();
  if (!/^-?(0x[0-9a-f]+|\d+)$/i.test(text)) return undefined;
  const isOctal = /^-?0\d/.test(text);
  const size = text.replace(/^-/, '');
  const value = (text[0] === '-' ? -1 : 1) * (isOctal ? Number.parseInt(size, 8) : Number(size));
  return value >= least && value <= most ? value : undefined;
}

export function commFile(fs: Procfs, tid: number): NodeMaker {
  return taskSetting(
    fs,
    tid,
    (task) => `${task.comm}\n`,
    (task, bytes) => {
      if (task.pid !== fs.tasks.current().pid) return -EINVAL;
      task.comm = byteString(bytes).replace(/\n$/, '').slice(0, 15);
      return 0;
    },
  );
}

export function oomFile(fs: Procfs, tid: number): NodeMaker {
  return taskSetting(
    fs,
    tid,
    (task) => `${task.oomScoreAdjust}\n`,
    (task, bytes) => {
      const value = numberOf(bytes, -1000, 1000);
      if (value === undefined) return -EINVAL;
      return setOom(fs, task, value, task.kept.oomLeast);
    },
  );
}

/** `__set_oom_adj`: less than `least` is for CAP_SYS_RESOURCE, which moves that bound, too. */
function setOom(fs: Procfs, task: TaskView, value: number, least: number): number {
  const isFree =
    ((fs.tasks.current().identity.capEffective >> BigInt(CAP_SYS_RESOURCE)) & 1n) !== 0n;
  if (value < least && !isFree) return -EACCES;
  task.oomScoreAdjust = value;
  if (isFree) task.kept = { ...task.kept, oomLeast: value };
  return 0;
}

/** The scale of before 2.6.36: -17 for never, up to 15. */
export function oldOomFile(fs: Procfs, tid: number): NodeMaker {
  return taskSetting(
    fs,
    tid,
    ({ oomScoreAdjust: adjust }) => `${adjust === 1000 ? 15 : Math.trunc((adjust * 17) / 1000)}\n`,
    (task, bytes) => {
      const value = numberOf(bytes, -17, 15);
      if (value === undefined) return -EINVAL;
      const adjust = value === 15 ? 1000 : Math.trunc((value * 1000) / 17);
      return setOom(fs, task, adjust, task.oomScoreAdjust);
    },
  );
}

/** core(5): which memory a dump has. Inherited by fork, kept by execve. */
export function coredumpFile(fs: Procfs, tid: number): NodeMaker {
  return taskSetting(
    fs,
    tid,
    ({ memory, kept }) =>
      memory === undefined ? '' : `${kept.coredumpFilter.toString(16).padStart(8, '0')}\n`,
    (task, bytes) => {
      const value = numberOf(bytes, 0, UINT_MAX);
      if (value === undefined) return -EINVAL;
      // MMF_DUMP_FILTER_BITS of them.
      task.kept = { ...task.kept, coredumpFilter: value & 0x1ff };
      return 0;
    },
  );
}

/** proc_pid_clear_refs(5): pages have no marks of being referenced here, so there is nothing to clear. */
export function clearRefsFile(fs: Procfs, tid: number): NodeMaker {
  return taskSetting(
    fs,
    tid,
    () => -EINVAL,
    (_task, bytes) => (numberOf(bytes, 1, 5) === undefined ? -EINVAL : 0),
    0o200,
  );
}

export function slackFile(fs: Procfs, tid: number): NodeMaker {
  return taskSetting(
    fs,
    tid,
    (task) => (task.mayInspect() ? `${task.timerSlackNs}\n` : -EPERM),
    (task, bytes) => {
      const value = numberOf(bytes, 0, Number.MAX_SAFE_INTEGER);
      if (value === undefined) return -EINVAL;
      if (!task.mayInspect()) return -EPERM;
      task.timerSlackNs = value;
      return 0;
    },
    0o666,
  );
}

/** pam_loginuid(8) sets it of the process that it is in. */
export function loginFile(fs: Procfs, tid: number): NodeMaker {
  return taskSetting(
    fs,
    tid,
    ({ kept }) => String(kept.loginUid),
    (task, bytes) => {
      if (task.pid !== fs.tasks.current().pid) return -EPERM;
      const value = numberOf(bytes, 0, UINT_MAX);
      if (value === undefined) return -EINVAL;
      if (fs.tasks.current().identity.uids[1] !== 0) return -EACCES;
      task.kept = { ...task.kept, loginUid: value };
      return 0;
    },
  );
}
