/** Data of sockets: sendto(2), recvfrom, sendmsg, recvmsg, sendmmsg, recvmmsg. */

import { EAGAIN, EFAULT, EINVAL, EISCONN, EOPNOTSUPP } from '../abi/errno.table.ts';
import { MMSGHDR_BYTES, MSG, MSGHDR } from '../abi/socket.ts';
import { BLOCKED } from '../kernel/outcome.ts';
import type { Task } from '../kernel/task.ts';
import type { SocketFile } from '../net/socket-file.ts';
import { UnixSocket } from '../net/unix-socket.ts';
import { receiveAddressed, sendAddressed, sendingOf } from './addressed-data.ts';
import * as arg from './args.ts';
import { withSigpipe } from './file-support.ts';
import { row, type SyscallRow } from './row.ts';
import {
  type ControlData,
  gather,
  type MessageHeader,
  readControl,
  readHeader,
  senderIdentity,
} from './socket-messages.ts';
import { findUnixSocket, readAddress } from './socket-names.ts';
import { untilReady } from './socket-waiting.ts';
import { socketOf } from './sockets.ts';
import { readTimespec, writeTimespec } from './timespec.ts';
import { receiveUnix } from './unix-receive.ts';

const MAX_MESSAGES = 1024;
const NO_CONTROL = { at: 0, length: 0 } as const;

// --- sending ---------------------------------------------------------------------------------------

function sendBytes(
  task: Task,
  socket: UnixSocket,
  bytes: Uint8Array,
  control: ControlData,
  to: UnixSocket | undefined,
  flags: number,
): number {
  let sent = 0;
  let { rights } = control;
  if (socket.isDatagram) task.kernel.net.nameForCredentials(socket);
  const isUrgent = (flags & MSG.MSG_OOB) !== 0;
  if (isUrgent && (!socket.isStream || bytes.length === 0)) {
    for (const file of rights) file.release();
    return -EOPNOTSUPP;
  }
  const { length } = bytes;
  const ordinary = isUrgent ? length - 1 : length;
  const { sender } = control;
  const attempt = (): number => {
    for (;;) {
      // The last byte alone is urgent.
      const isLast = isUrgent && sent === ordinary;
      const part = bytes.subarray(sent, isLast ? length : ordinary);
      const message = { bytes: part, rights, sender, from: socket.name };
      const count = isLast ? socket.sendUrgent(message) : socket.send(message, to ?? socket.peer);
      if (count < 0) return count === -EAGAIN || sent === 0 ? count : sent;
      rights = [];
      sent += count;
      if (!socket.isStream || sent >= length) return sent;
    }
  };
  const finish = (result: number): number => {
    if (result === BLOCKED) return result;
    if (result < 0) for (const file of rights) file.release();
    return (flags & MSG.MSG_NOSIGNAL) !== 0 ? result : withSigpipe(task, result, socket);
  };
  const watched = () => {
    const result = attempt();
    return result === -EAGAIN ? result : finish(result);
  };
  const timeout = socket.sendTimeoutNs;
  const result = untilReady(task, socket, flags, timeout, watched, () => sent);
  if (result === -EAGAIN) for (const file of rights) file.release();
  return result;
}

function targetOf(
  task: Task,
  socket: UnixSocket,
  nameAt: number,
  nameLength: number,
): UnixSocket | undefined | number {
  if (nameAt === 0 || nameLength === 0) return undefined;
  const address = readAddress(task, nameAt, nameLength);
  if (address === -EFAULT) return address;
  if (socket.isStream) return socket.isConnected ? -EISCONN : -EOPNOTSUPP;
  // Sequenced packets go to the peer, whatever they name (`unix_seqpacket_sendmsg`).
  if (!socket.isDatagram) return undefined;
  return typeof address === 'number' ? address : findUnixSocket(task, address);
}

function sysSendto(
  task: Task,
  fd: number,
  addr: number,
  length: number,
  flags: number,
  nameAt: number,
  nameLength: number,
): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  if (!(socket instanceof UnixSocket)) {
    const sending = sendingOf(task, nameAt, nameLength, NO_CONTROL, flags);
    if (typeof sending === 'number') return sending;
    return sendAddressed(task, socket, [{ addr, length }], length, sending);
  }
  const to = targetOf(task, socket, nameAt, nameLength);
  if (typeof to === 'number') return to;
  const total = Math.min(length, 0x7fff_f000);
  const bytes = gather(task, [{ addr, length: total }], total);
  if (typeof bytes === 'number') return bytes;
  return sendBytes(task, socket, bytes, { rights: [], sender: senderIdentity(task) }, to, flags);
}

function sysSendmsg(task: Task, fd: number, addr: number, flags: number): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  const header = readHeader(task, addr);
  if (typeof header === 'number') return header;
  if (!(socket instanceof UnixSocket)) {
    const control = { at: header.controlAt, length: header.controlLength };
    const { nameAt, nameLength } = header;
    const sending = sendingOf(task, nameAt, nameLength, control, flags);
    if (typeof sending === 'number') return sending;
    return sendAddressed(task, socket, header.vectors, header.totalBytes, sending);
  }
  const to = targetOf(task, socket, header.nameAt, header.nameLength);
  if (typeof to === 'number') return to;
  const bytes = gather(task, header.vectors, header.totalBytes);
  if (typeof bytes === 'number') return bytes;
  const control = readControl(task, header);
  if (typeof control === 'number') return control;
  return sendBytes(task, socket, bytes, control, to, flags);
}

/** How many went before one failed (sendmmsg(2)). */
function sysSendmmsg(task: Task, fd: number, addr: number, count: number, flags: number): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  const one = (at: number) => sysSendmsg(task, fd, at, flags | MSG.MSG_DONTWAIT);
  const { sendTimeoutNs } = socket;
  return forEachMessage(task, socket, addr, count, flags, { one, limitNs: sendTimeoutNs });
}

/** What is done with each message, and when there are enough. */
interface EachMessage {
  /** One call without waiting. */
  one(at: number): number;
  /** How long to wait. */
  readonly limitNs: number;
  /** One message has been moved: no more are waited for. */
  mayStop?(): boolean;
}

/** One call a message; waits where one would wait and begins there again. How many, or -errno. */
function forEachMessage(
  task: Task,
  socket: SocketFile,
  addr: number,
  count: number,
  flags: number,
  { one, limitNs, mayStop = () => false }: EachMessage,
): number {
  const limit = Math.min(count, MAX_MESSAGES);
  let done = 0;
  const attempt = (): number => {
    while (done < limit) {
      const at = addr + MMSGHDR_BYTES * done;
      const result = one(at);
      if (result === -EAGAIN) return done > 0 && mayStop() ? done : result;
      if (result < 0) return done > 0 ? done : result;
      if (task.space.writeU32(at + MSGHDR.bytes, result) < 0) return done > 0 ? done : -EFAULT;
      done++;
    }
    return done;
  };
  return untilReady(task, socket, flags, limitNs, attempt, () => done);
}

// --- receiving -------------------------------------------------------------------------------------

function sysRecvfrom(
  task: Task,
  fd: number,
  addr: number,
  length: number,
  flags: number,
  nameAt: number,
  nameLengthAt: number,
): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  const total = Math.min(length, 0x7fff_f000);
  let nameLength = 0;
  if (nameAt !== 0) {
    const room = task.space.readI32(nameLengthAt);
    if (room === undefined) return -EFAULT;
    if (room < 0) return -EINVAL;
    nameLength = room;
  }
  const header: MessageHeader = {
    nameAt,
    nameLength,
    vectors: [{ addr, length: total }],
    totalBytes: total,
    controlAt: 0,
    controlLength: 0,
  };
  const lengthAt = nameAt === 0 ? 0 : nameLengthAt;
  if (!(socket instanceof UnixSocket))
    return receiveAddressed(task, socket, header, 0, lengthAt, flags);
  return receiveUnix(task, socket, header, 0, lengthAt, flags);
}

function sysRecvmsg(task: Task, fd: number, addr: number, flags: number): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  const header = readHeader(task, addr);
  if (typeof header === 'number') return header;
  if (!(socket instanceof UnixSocket))
    return receiveAddressed(task, socket, header, addr, addr + MSGHDR.nameLength, flags);
  return receiveUnix(task, socket, header, addr, addr + MSGHDR.nameLength, flags);
}

/**
 * recvmmsg(2). The time limit is looked at when a message has come, as in Linux (BUGS there); what
 * is left of it is written back then.
 */
function sysRecvmmsg(
  task: Task,
  fd: number,
  addr: number,
  count: number,
  flags: number,
  timeoutAt: number,
): number {
  const timeoutNs = timeoutAt === 0 ? undefined : readTimespec(task, timeoutAt);
  if (timeoutNs !== undefined && timeoutNs < 0) return timeoutNs;
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  const how = (flags & ~MSG.MSG_WAITFORONE) | MSG.MSG_DONTWAIT;
  const endNs = timeoutNs === undefined ? undefined : task.kernel.nowNs() + timeoutNs;
  let isOver = false;
  const one = (at: number): number => {
    if (isOver) return -EAGAIN;
    const result = sysRecvmsg(task, fd, at, how);
    if (result < 0 || endNs === undefined) return result;
    const leftNs = Math.max(0, endNs - task.kernel.nowNs());
    isOver = leftNs === 0;
    return writeTimespec(task, timeoutAt, leftNs) < 0 ? -EFAULT : result;
  };
  const mayStop = () => isOver || (flags & MSG.MSG_WAITFORONE) !== 0;
  const limitNs = socket.receiveTimeoutNs;
  return forEachMessage(task, socket, addr, count, flags, { one, limitNs, mayStop });
}

const { fd, int, uint, size, pointer, outPointer, outBytes } = arg;
const flagSet = arg.flags(MSG);

export const SOCKET_DATA_ROWS: readonly SyscallRow[] = [
  row('sendto', [fd, arg.inBytes(2), size, flagSet, pointer, int], sysSendto),
  row('recvfrom', [fd, outBytes, size, flagSet, outPointer, pointer], sysRecvfrom),
  row('sendmsg', [fd, pointer, flagSet], sysSendmsg),
  row('recvmsg', [fd, outPointer, flagSet], sysRecvmsg),
  row('sendmmsg', [fd, pointer, uint, flagSet], sysSendmmsg),
  row('recvmmsg', [fd, outPointer, uint, flagSet, pointer], sysRecvmmsg),
];
