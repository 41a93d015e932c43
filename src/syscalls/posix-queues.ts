/** POSIX message queues: mq_open(2), mq_unlink, mq_timedsend, mq_timedreceive, mq_notify, mq_getsetattr. */

import {
  EAGAIN,
  EBADF,
  EBUSY,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENOTSOCK,
  ETIMEDOUT,
} from '../abi/errno.table.ts';
import { O_ACCMODE, O_NONBLOCK } from '../abi/file-flags.ts';
import { MQ, MQ_ATTR } from '../abi/ipc.ts';
import { SIGEV } from '../abi/time.ts';
import {
  type PosixQueue,
  PosixQueueFile,
  type QueueNotification,
} from '../kernel/ipc/posix-queues.ts';
import { BLOCKED, ERESTARTSYS } from '../kernel/outcome.ts';
import type { Task } from '../kernel/task.ts';
import { NetlinkSocket } from '../net/netlink-socket.ts';
import { SocketFile } from '../net/socket-file.ts';
import { byteString } from '../vfs/byte-string.ts';
import * as arg from './args.ts';
import { row, type SyscallRow } from './row.ts';
import { putNumber, readTimespec } from './timespec.ts';

const SIGEVENT_BYTES = 64;
/** NOTIFY_COOKIE_LEN. */
const COOKIE_BYTES = 32;
const NOTIFICATIONS: ReadonlySet<number> = new Set([
  ...[SIGEV.SIGEV_NONE, SIGEV.SIGEV_SIGNAL, SIGEV.SIGEV_THREAD],
]);

function sysMqOpen(task: Task, nameAt: number, flags: number, mode: number, attrAt: number) {
  const name = task.space.readCString(nameAt, 4096);
  if (typeof name === 'number') return name;
  const wanted = attrAt === 0 ? undefined : readAttributes(task, attrAt);
  if (typeof wanted === 'number') return wanted;
  const queue = task.kernel.posixQueues.open(task, byteString(name), flags, mode, wanted);
  if (typeof queue === 'number') return queue;
  const file = new PosixQueueFile(task, queue, flags & (O_ACCMODE | O_NONBLOCK));
  // Whatever the flags say (mq_open(3), NOTES).
  const fd = task.files.install(file, task.group.limits.openFiles, true);
  if (fd < 0) file.release();
  return fd;
}

function readAttributes(task: Task, addr: number) {
  const bytes = new Uint8Array(MQ_ATTR.bytes);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  return {
    flags: Number(view.getBigInt64(MQ_ATTR.flags, true)),
    maxMessages: Number(view.getBigInt64(MQ_ATTR.maxMessages, true)),
    messageBytes: Number(view.getBigInt64(MQ_ATTR.messageBytes, true)),
  };
}

function sysMqUnlink(task: Task, nameAt: number): number {
  const name = task.space.readCString(nameAt, 4096);
  return typeof name === 'number' ? name : task.kernel.posixQueues.unlink(task, byteString(name));
}

function fileOf(task: Task, fd: number): PosixQueueFile | undefined {
  const file = task.files.get(fd);
  return file instanceof PosixQueueFile ? file : undefined;
}

/** CLOCK_REALTIME as a deadline of the kernel's clock; undefined for none, or -errno. */
function deadlineOf(task: Task, timeoutAt: number): number | undefined {
  if (timeoutAt === 0) return undefined;
  const ns = readTimespec(task, timeoutAt);
  if (ns < 0) return ns;
  return Math.max(0, task.kernel.nowNs() + ns - Number(task.kernel.clock.realtimeNs()));
}

function sysMqTimedsend(
  task: Task,
  fd: number,
  addr: number,
  size: number,
  priority: number,
  timeoutAt: number,
): number {
  if (priority >= MQ.PRIO_MAX) return -EINVAL;
  const deadlineNs = deadlineOf(task, timeoutAt);
  if (deadlineNs !== undefined && deadlineNs < 0) return deadlineNs;
  const file = fileOf(task, fd);
  if (file === undefined || !file.isWritable) return -EBADF;
  const { queue } = file;
  if (size > queue.messageBytes) return -EMSGSIZE;
  const bytes = new Uint8Array(size);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  const attempt = () => queue.send(task, { priority, bytes });
  return wait(task, file, attempt, deadlineNs, 'wq_sleep');
}

function sysMqTimedreceive(
  task: Task,
  fd: number,
  addr: number,
  size: number,
  priorityAt: number,
  timeoutAt: number,
): number {
  const deadlineNs = deadlineOf(task, timeoutAt);
  if (deadlineNs !== undefined && deadlineNs < 0) return deadlineNs;
  const file = fileOf(task, fd);
  if (file === undefined || !file.isReadable) return -EBADF;
  const { queue } = file;
  if (size < queue.messageBytes) return -EMSGSIZE;
  const attempt = (): number => {
    const message = queue.receive();
    if (message === undefined) return -EAGAIN;
    if (priorityAt !== 0 && task.space.writeU32(priorityAt, message.priority) < 0) return -EFAULT;
    return task.space.copyOut(addr, message.bytes) < 0 ? -EFAULT : message.bytes.length;
  };
  return wait(task, file, attempt, deadlineNs, 'wq_sleep', queue);
}

/** Until `attempt` answers something else than -EAGAIN; `receiver`: who sleeps there is counted. */
function wait(
  task: Task,
  file: PosixQueueFile,
  attempt: () => number,
  deadlineNs: number | undefined,
  reason: string,
  receiver?: PosixQueue,
): number {
  const first = attempt();
  if (first !== -EAGAIN || (file.flags & O_NONBLOCK) !== 0) return first;
  if (receiver !== undefined) receiver.receivers++;
  const end = (result: number): number => {
    if (receiver !== undefined) receiver.receivers--;
    return result;
  };
  return task.sleep({
    queues: [file.queue.changed],
    attempt: () => {
      const result = attempt();
      return result === -EAGAIN ? BLOCKED : end(result);
    },
    ...(deadlineNs === undefined ? {} : { deadlineNs }),
    timedOut: () => end(-ETIMEDOUT),
    interrupted: () => end(-ERESTARTSYS),
    abandoned: () => end(0),
    reason,
  });
}

function sysMqNotify(task: Task, fd: number, eventAt: number): number {
  let signal = 0;
  let value = 0n;
  let thread: QueueNotification['thread'];
  if (eventAt !== 0) {
    const bytes = new Uint8Array(SIGEVENT_BYTES);
    if (task.space.copyIn(eventAt, bytes) < 0) return -EFAULT;
    const view = new DataView(bytes.buffer);
    const notify = view.getInt32(12, true);
    if (!NOTIFICATIONS.has(notify)) return -EINVAL;
    if (notify === SIGEV.SIGEV_SIGNAL) signal = view.getInt32(8, true);
    if (signal < 0 || signal > 64) return -EINVAL;
    value = view.getBigUint64(0, true);
    if (notify === SIGEV.SIGEV_THREAD) {
      const found = threadOf(task, view.getInt32(8, true), Number(value));
      if (typeof found === 'number') return found;
      thread = found;
    }
  }
  const file = fileOf(task, fd);
  if (file === undefined) return -EBADF;
  const { queue } = file;
  const { group } = task;
  if (eventAt === 0) {
    queue.forgetNotification(group);
    return 0;
  }
  const { notification } = queue;
  if (notification !== undefined && !notification.group.isZombie) return -EBUSY;
  queue.notification = { group, signal, value, ...(thread === undefined ? {} : { thread }) };
  return 0;
}

/** Of SIGEV_THREAD: the netlink socket `fd`, and what is to be sent to it. */
function threadOf(task: Task, fd: number, cookieAt: number) {
  const cookie = new Uint8Array(COOKIE_BYTES);
  if (task.space.copyIn(cookieAt, cookie) < 0) return -EFAULT;
  const socket = task.files.get(fd);
  if (socket === undefined) return -EBADF;
  if (!(socket instanceof SocketFile)) return -ENOTSOCK;
  return socket instanceof NetlinkSocket ? { socket, cookie } : -EINVAL;
}

function sysMqGetsetattr(task: Task, fd: number, newAt: number, oldAt: number): number {
  const wanted = newAt === 0 ? undefined : readAttributes(task, newAt);
  if (typeof wanted === 'number') return wanted;
  if (wanted !== undefined && (wanted.flags & ~O_NONBLOCK) !== 0) return -EINVAL;
  const file = fileOf(task, fd);
  if (file === undefined) return -EBADF;
  const { queue } = file;
  const before = file.flags & O_NONBLOCK;
  if (wanted !== undefined) file.flags = (file.flags & ~O_NONBLOCK) | wanted.flags;
  if (oldAt === 0) return 0;
  const bytes = new Uint8Array(MQ_ATTR.bytes);
  const view = new DataView(bytes.buffer);
  putNumber(view, MQ_ATTR.flags, before);
  putNumber(view, MQ_ATTR.maxMessages, queue.maxMessages);
  putNumber(view, MQ_ATTR.messageBytes, queue.messageBytes);
  putNumber(view, MQ_ATTR.count, queue.messages.length);
  return task.space.copyOut(oldAt, bytes) < 0 ? -EFAULT : 0;
}

const { fd, int, uint, mode, path, pointer, outPointer, size } = arg;

export const POSIX_QUEUE_ROWS: readonly SyscallRow[] = [
  row('mq_open', [path, int, mode, pointer], sysMqOpen),
  row('mq_unlink', [path], sysMqUnlink),
  row('mq_timedsend', [fd, arg.inBytes(2), size, uint, pointer], sysMqTimedsend),
  row('mq_timedreceive', [fd, outPointer, size, outPointer, pointer], sysMqTimedreceive),
  row('mq_notify', [fd, pointer], sysMqNotify),
  row('mq_getsetattr', [fd, pointer, outPointer], sysMqGetsetattr),
];
