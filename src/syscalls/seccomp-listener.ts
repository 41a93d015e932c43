/** ioctl(2) of a seccomp listener: `linux/seccomp.h`, seccomp_unotify(2). */

import { E2BIG, EBADF, EFAULT, EINPROGRESS, EINVAL, ENOENT } from '../abi/errno.table.ts';
import { O_CLOEXEC } from '../abi/file-flags.ts';
import { BLOCKED, ERESTARTSYS } from '../kernel/outcome.ts';
import type { SeccompListener } from '../kernel/seccomp-listener.ts';
import type { Task } from '../kernel/task.ts';

/** `struct seccomp_notif`, `struct seccomp_notif_resp`, `struct seccomp_notif_addfd`. */
export const NOTIF = { bytes: 80, responseBytes: 24, dataBytes: 64, addFdBytes: 24 } as const;
const RESPONSE_CONTINUE = 1;
const ADDFD = { SETFD: 1, SEND: 2 } as const;
const SYNC_WAKE_UP = 1n;

type Ioctl = (task: Task, listener: SeccompListener, argument: number, size: number) => number;

const receive: Ioctl = (task, listener, argument) => {
  const given = new Uint8Array(NOTIF.bytes);
  if (task.space.copyIn(argument, given) < 0) return -EFAULT;
  if (given.some((byte) => byte !== 0)) return -EINVAL;
  const attempt = (): number => {
    const call = listener.next();
    if (call === undefined) return listener.hasUsers ? BLOCKED : -ENOENT;
    const bytes = new Uint8Array(NOTIF.bytes);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, call.id, true);
    view.setUint32(8, call.task.tid, true);
    bytes.set(call.data, 16);
    if (task.space.copyOut(argument, bytes) < 0) return -EFAULT;
    listener.received(call);
    return 0;
  };
  const now = attempt();
  if (now !== BLOCKED) return now;
  const reason = 'seccomp_notify_recv';
  return task.sleep({
    queues: [listener.waitQueue],
    attempt,
    interrupted: -ERESTARTSYS,
    reason,
  });
};

const send: Ioctl = (task, listener, argument) => {
  const bytes = new Uint8Array(NOTIF.responseBytes);
  if (task.space.copyIn(argument, bytes) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const [value, error] = [view.getBigInt64(8, true), view.getInt32(16, true)];
  const flags = view.getUint32(20, true);
  if ((flags & ~RESPONSE_CONTINUE) !== 0) return -EINVAL;
  if ((flags & RESPONSE_CONTINUE) !== 0 && (error !== 0 || value !== 0n)) return -EINVAL;
  const call = listener.find(view.getBigUint64(0, true));
  if (call === undefined) return -ENOENT;
  if (call.state !== 'sent') return -EINPROGRESS;
  return listener.reply(call, error !== 0 ? error : Number(value), flags);
};

const isValid: Ioctl = (task, listener, argument) => {
  const id = task.space.readBigU64(argument);
  if (id === undefined) return -EFAULT;
  return listener.find(id)?.state === 'sent' ? 0 : -ENOENT;
};

/** A descriptor of the listener's process becomes one of the task that waits. */
const addDescriptor: Ioctl = (task, listener, argument, size) => {
  if (size < NOTIF.addFdBytes || size >= 4096) return -EINVAL;
  const bytes = new Uint8Array(size);
  if (task.space.copyIn(argument, bytes) < 0) return -EFAULT;
  if (bytes.subarray(NOTIF.addFdBytes).some((byte) => byte !== 0)) return -E2BIG;
  const view = new DataView(bytes.buffer);
  const [flags, source, wanted, how] = [8, 12, 16, 20].map((at) => view.getUint32(at, true)) as [
    number,
    number,
    number,
    number,
  ];
  if ((how & ~O_CLOEXEC) !== 0 || (flags & ~(ADDFD.SETFD | ADDFD.SEND)) !== 0) return -EINVAL;
  if (wanted !== 0 && (flags & ADDFD.SETFD) === 0) return -EINVAL;
  const file = task.files.get(source | 0);
  if (file === undefined) return -EBADF;
  const call = listener.find(view.getBigUint64(0, true));
  if (call === undefined) return -ENOENT;
  if (call.state !== 'sent') return -EINPROGRESS;
  const { files, group } = call.task;
  const limit = group.limits.openFiles;
  const closes = (how & O_CLOEXEC) !== 0;
  if ((flags & ADDFD.SETFD) !== 0 && wanted >= limit) return -EBADF;
  file.retain();
  let fd: number = wanted;
  if ((flags & ADDFD.SETFD) !== 0) files.replace(wanted, file, closes);
  else fd = files.install(file, limit, closes);
  if (fd < 0) file.release();
  else if ((flags & ADDFD.SEND) !== 0) listener.reply(call, fd, 0);
  return fd;
};

const setFlags: Ioctl = (_task, _listener, argument) =>
  (BigInt(argument) & ~SYNC_WAKE_UP) === 0n ? 0 : -EINVAL;

/** By number of the command; those that have a direction of their own beside. */
const COMMANDS: Readonly<Record<number, Ioctl>> = {
  [0xc050_2100 | 0]: receive,
  [0xc018_2101 | 0]: send,
  [0x4008_2102]: isValid,
  [0x8008_2102 | 0]: isValid,
  [0x4008_2104]: setFlags,
};
/** SECCOMP_IOCTL_NOTIF_ADDFD, whose size may grow: without direction and size (`EA_IOCTL`). */
const ADDFD_COMMAND = 0x2103;
const COMMAND_BITS = 0xffff;
const SIZE_BITS = 0x3fff_0000;

export function listenerIoctl(
  task: Task,
  listener: SeccompListener,
  command: number,
  argument: number,
): number {
  const known = COMMANDS[command | 0];
  if (known !== undefined) return known(task, listener, argument, 0);
  if ((command & COMMAND_BITS) !== ADDFD_COMMAND) return -EINVAL;
  return addDescriptor(task, listener, argument, (command & SIZE_BITS) >> 16);
}
