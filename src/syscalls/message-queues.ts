/** System V message queues: msgget(2), msgsnd(2), msgrcv(2), msgctl(2). */

import { CAP_SYS_RESOURCE } from '../abi/capability.ts';
import { EACCES, EAGAIN, EFAULT, EINVAL, ENOMSG, EPERM } from '../abi/errno.table.ts';
import { IPC, IPC_64, MSG, MSG_CONTROL, MSQID_DS } from '../abi/ipc.ts';
import type { Message, MessageQueue } from '../kernel/ipc/message-queues.ts';
import { BLOCKED, ERESTARTNOHAND } from '../kernel/outcome.ts';
import { nowSec } from '../kernel/shared-memory.ts';
import type { Task } from '../kernel/task.ts';
import * as arg from './args.ts';
import { putPermissions, takePermissions } from './ipc-permissions.ts';
import { row, type SyscallRow } from './row.ts';
import { putNumber } from './timespec.ts';

const TYPE_BYTES = 8;

const sysMsgget = (task: Task, key: number, flags: number) =>
  task.kernel.messageQueues.open(task, key, flags);

function sysMsgsnd(task: Task, id: number, addr: number, size: number, flags: number): number {
  const type = task.space.readBigU64(addr);
  if (type === undefined) return -EFAULT;
  if (
    size > task.kernel.messageQueues.limits.messageBytes ||
    id < 0 ||
    BigInt.asIntN(64, type) < 1n
  )
    return -EINVAL;
  const bytes = new Uint8Array(size);
  if (task.space.copyIn(addr + TYPE_BYTES, bytes) < 0) return -EFAULT;
  const queue = task.kernel.messageQueues.get(id);
  if (queue === undefined) return -EINVAL;
  const attempt = () => queue.send(task, { type, bytes });
  const first = attempt();
  if (first !== -EAGAIN || (flags & IPC.IPC_NOWAIT) !== 0) return first;
  return task.sleep({
    queues: [queue.departures],
    attempt: () => {
      const result = attempt();
      return result === -EAGAIN ? BLOCKED : result;
    },
    interrupted: -ERESTARTNOHAND,
    reason: 'do_msgsnd',
  });
}

function sysMsgrcv(
  task: Task,
  id: number,
  addr: number,
  size: number,
  type: number,
  flags: number,
): number {
  if (id < 0 || size > Number.MAX_SAFE_INTEGER / 2) return -EINVAL;
  if ((flags & MSG.MSG_COPY) !== 0) {
    if ((flags & MSG.MSG_EXCEPT) !== 0 || (flags & IPC.IPC_NOWAIT) === 0) return -EINVAL;
  }
  const queue = task.kernel.messageQueues.get(id);
  if (queue === undefined) return -EINVAL;
  const wanted = BigInt.asIntN(64, task.cpu.gprs[10] as bigint);
  const attempt = (): number => {
    const found = queue.receive(task, size, type === 0 ? 0n : wanted, flags);
    return typeof found === 'number' ? found : store(task, addr, found, size);
  };
  const first = attempt();
  if (first !== -ENOMSG || (flags & IPC.IPC_NOWAIT) !== 0) return first;
  return task.sleep({
    queues: [queue.arrivals],
    attempt: () => {
      const result = attempt();
      return result === -ENOMSG ? BLOCKED : result;
    },
    interrupted: -ERESTARTNOHAND,
    reason: 'do_msgrcv',
  });
}

/** The message is gone even when it cannot be stored, as on Linux. */
function store(task: Task, addr: number, message: Message, size: number): number {
  if (task.space.writeBigU64(addr, message.type) < 0) return -EFAULT;
  const part = message.bytes.subarray(0, size);
  return task.space.copyOut(addr + TYPE_BYTES, part) < 0 ? -EFAULT : part.length;
}

function sysMsgctl(task: Task, id: number, rawCommand: number, addr: number): number {
  const command = rawCommand & ~IPC_64;
  const { messageQueues } = task.kernel;
  if (id < 0 || command < 0) return -EINVAL;
  if (command === MSG_CONTROL.IPC_INFO || command === MSG_CONTROL.MSG_INFO)
    return writeInfo(task, addr, command === MSG_CONTROL.MSG_INFO);
  const queue = messageQueues.get(id);
  if (queue === undefined) return -EINVAL;
  const { permissions } = queue;
  switch (command) {
    case MSG_CONTROL.IPC_RMID:
      if (!permissions.isOwnedBy(task)) return -EPERM;
      messageQueues.remove(queue);
      return 0;
    case MSG_CONTROL.IPC_SET:
      return setLimits(task, queue, addr);
    case MSG_CONTROL.IPC_STAT:
    case MSG_CONTROL.MSG_STAT:
    case MSG_CONTROL.MSG_STAT_ANY:
      if (command !== MSG_CONTROL.MSG_STAT_ANY && !permissions.permits(task, 4)) return -EACCES;
      if (writeStatus(task, queue, addr) < 0) return -EFAULT;
      return command === MSG_CONTROL.IPC_STAT ? 0 : queue.id;
    default:
      return -EINVAL;
  }
}

function setLimits(task: Task, queue: MessageQueue, addr: number): number {
  const bytes = new Uint8Array(MSQID_DS.bytes);
  if (task.space.copyIn(addr, bytes) < 0) return -EFAULT;
  const { permissions } = queue;
  if (!permissions.isOwnedBy(task)) return -EPERM;
  const view = new DataView(bytes.buffer);
  const limit = Number(view.getBigUint64(MSQID_DS.limitBytes, true));
  if (limit > task.kernel.messageQueues.limits.queueBytes && !task.creds.has(CAP_SYS_RESOURCE))
    return -EPERM;
  takePermissions(view, permissions);
  queue.limitBytes = limit;
  queue.changeTimeSec = nowSec(task);
  queue.departures.wakeAll();
  queue.arrivals.wakeAll();
  return 0;
}

function writeStatus(task: Task, queue: MessageQueue, addr: number): number {
  const bytes = new Uint8Array(MSQID_DS.bytes);
  const view = new DataView(bytes.buffer);
  putPermissions(view, queue.key, queue.permissions);
  putNumber(view, MSQID_DS.sendTime, queue.sendTimeSec);
  putNumber(view, MSQID_DS.receiveTime, queue.receiveTimeSec);
  putNumber(view, MSQID_DS.changeTime, queue.changeTimeSec);
  putNumber(view, MSQID_DS.usedBytes, queue.usedBytes);
  putNumber(view, MSQID_DS.count, queue.messages.length);
  putNumber(view, MSQID_DS.limitBytes, queue.limitBytes);
  view.setInt32(MSQID_DS.lastSender, queue.lastSender, true);
  view.setInt32(MSQID_DS.lastReceiver, queue.lastReceiver, true);
  return task.space.copyOut(addr, bytes);
}

/** `struct msginfo`; the highest id in use. */
function writeInfo(task: Task, addr: number, counts: boolean): number {
  const { limits } = task.kernel.messageQueues;
  const [MSGMNI, MSGMNB, MSGMAX] = [limits.queues, limits.queueBytes, limits.messageBytes];
  const all = task.kernel.messageQueues.all();
  const sum = (of: (queue: MessageQueue) => number) => all.reduce((n, each) => n + of(each), 0);
  const used = [all.length, sum(({ messages }) => messages.length), sum((each) => each.usedBytes)];
  const [pool, map, headers] = counts ? used : [(MSGMNI * MSGMNB) / 1024, MSGMNB, MSGMNB];
  const words = [pool as number, map as number, MSGMAX, MSGMNB, MSGMNI, 16, headers as number];
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setInt32(4 * i, word, true);
  view.setUint16(28, 0xffff, true);
  if (task.space.copyOut(addr, bytes) < 0) return -EFAULT;
  return Math.max(0, ...all.map(({ id }) => id));
}

const { int, pointer, size, long } = arg;
const flags = arg.flags({ ...MSG, IPC_NOWAIT: IPC.IPC_NOWAIT });

export const MESSAGE_QUEUE_ROWS: readonly SyscallRow[] = [
  row('msgget', [int, arg.flags(IPC)], sysMsgget),
  row('msgsnd', [int, pointer, size, flags], sysMsgsnd),
  row('msgrcv', [int, pointer, size, long, flags], sysMsgrcv),
  row('msgctl', [int, arg.oneOf(MSG_CONTROL), pointer], sysMsgctl),
];
