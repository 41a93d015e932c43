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
  scatter,
  senderIdentity,
  writeControl,
} from './socket-messages.ts';
import { encodeAddress, findUnixSocket, readAddress } from './socket-names.ts';
import { untilReady } from './socket-waiting.ts';
import { socketOf } from './sockets.ts';

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
  const attempt = (): number => {
    for (;;) {
      const message = {
        bytes: bytes.subarray(sent),
        rights,
        sender: control.sender,
        from: socket.name,
      };
      const count = socket.send(message, to ?? socket.peer);
      if (count < 0) return count === -EAGAIN || sent === 0 ? count : sent;
      rights = [];
      sent += count;
      if (!socket.isStream || sent >= bytes.length) return sent;
    }
  };
  const finish = (result: number): number => {
    if (result === BLOCKED) return result;
    if (result < 0) for (const file of rights) file.release();
    return (flags & MSG.MSG_NOSIGNAL) !== 0 ? result : withSigpipe(task, result);
  };
  const watched = () => {
    const result = attempt();
    return result === -EAGAIN ? result : finish(result);
  };
  const timeout = socket.sendTimeoutNs;
  const result = untilReady(task, socket, flags, timeout, watched, () => sent, to ?? socket.peer);
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
  if ((flags & MSG.MSG_OOB) !== 0) return -EOPNOTSUPP;
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
  if ((flags & MSG.MSG_OOB) !== 0) return -EOPNOTSUPP;
  const to = targetOf(task, socket, header.nameAt, header.nameLength);
  if (typeof to === 'number') return to;
  const bytes = gather(task, header.vectors, header.totalBytes);
  if (typeof bytes === 'number') return bytes;
  const control = readControl(task, header);
  if (typeof control === 'number') return control;
  return sendBytes(task, socket, bytes, control, to, flags);
}

/** Sends until one would block or fails; how many went (sendmmsg(2)). */
function sysSendmmsg(task: Task, fd: number, addr: number, count: number, flags: number): number {
  return forEachMessage(task, fd, addr, count, flags, (at) =>
    sysSendmsg(task, fd, at, flags | MSG.MSG_DONTWAIT),
  );
}

/** One call a message without waiting; only when the first would wait, waits, and begins again. */
function forEachMessage(
  task: Task,
  fd: number,
  addr: number,
  count: number,
  flags: number,
  one: (at: number) => number,
): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  const limit = Math.min(count, MAX_MESSAGES);
  const attempt = (): number => {
    for (let i = 0; i < limit; i++) {
      const at = addr + MMSGHDR_BYTES * i;
      const result = one(at);
      if (result < 0) return i > 0 ? i : result;
      if (task.space.writeU32(at + MSGHDR.bytes, result) < 0) return -EFAULT;
    }
    return limit;
  };
  return untilReady(task, socket, flags, socket.receiveTimeoutNs, attempt, () => 0, peerOf(socket));
}

/** Who makes room for what is sent. */
const peerOf = (socket: SocketFile) => (socket instanceof UnixSocket ? socket.peer : undefined);

// --- receiving -------------------------------------------------------------------------------------

function receive(
  task: Task,
  socket: UnixSocket,
  header: MessageHeader,
  headerAt: number,
  nameLengthAt: number,
  flags: number,
): number {
  if ((flags & MSG.MSG_OOB) !== 0) return -EINVAL;
  let received = 0;
  let resultFlags = 0;
  let hasMessage = false;
  const isPeek = (flags & MSG.MSG_PEEK) !== 0;
  const waitsForAll = (flags & MSG.MSG_WAITALL) !== 0 && socket.isStream && !isPeek;
  const attempt = (): number => {
    for (;;) {
      const message = socket.head();
      if (typeof message === 'number')
        return received > 0 && message !== -EAGAIN ? received : message;
      hasMessage = true;
      const room = header.totalBytes - received;
      const count = Math.min(room, message.bytes.length);
      const copied = scatter(task, header.vectors, message.bytes.subarray(0, count), received);
      if (copied < 0) return received > 0 ? received : copied;
      const { rights } = message;
      received += count;
      if (!socket.isStream && count < message.bytes.length) resultFlags |= MSG.MSG_TRUNC;
      const whole = message.bytes.length;
      if (isPeek) for (const file of rights) file.retain();
      else {
        message.rights = [];
        socket.consume(socket.isStream ? count : whole);
      }
      const hasControl = rights.length > 0 || socket.passesCredentials || socket.passesPidfd;
      const written = writeOut(task, header, headerAt, nameLengthAt, message.from, () =>
        writeControl(task, header, message, rights, socket, (flags & MSG.MSG_CMSG_CLOEXEC) !== 0),
      );
      if (written < 0) return written;
      // What the kernel was asked about control data, it says again.
      resultFlags |= written | (flags & MSG.MSG_CMSG_CLOEXEC);
      setFlags(task, headerAt, resultFlags);
      const truncated = (flags & MSG.MSG_TRUNC) !== 0 && !socket.isStream;
      if (!socket.isStream || isPeek || hasControl || received >= header.totalBytes)
        return truncated ? whole : received;
      // A stream goes on with what is there already.
      const next = socket.head();
      if (typeof next === 'number' && !(waitsForAll && next === -EAGAIN)) return received;
      if (typeof next === 'object' && next.rights.length > 0) return received;
    }
  };
  const progress = () => received;
  const again = (): number => {
    const result = attempt();
    return result === -EAGAIN && received > 0 && !waitsForAll ? received : result;
  };
  const timeout = socket.receiveTimeoutNs;
  const result = untilReady(task, socket, flags, timeout, again, progress, socket.peer);
  // At the end of a stream; an empty packet has a name and control data like any other.
  if (result === 0 && !hasMessage) setEmpty(task, headerAt);
  return result;
}

/** Name and control data of the message; its flags, or -EFAULT. */
function writeOut(
  task: Task,
  header: MessageHeader,
  headerAt: number,
  nameLengthAt: number,
  from: Uint8Array | undefined,
  control: () => { length: number; flags: number },
): number {
  const { space } = task;
  if (header.nameAt !== 0 && nameLengthAt !== 0) {
    const bytes = from === undefined ? new Uint8Array(0) : encodeAddress(from);
    const room = bytes.subarray(0, header.nameLength);
    if (space.copyOut(header.nameAt, room) < 0) return -EFAULT;
    if (space.writeU32(nameLengthAt, bytes.length) < 0) return -EFAULT;
  }
  const written = control();
  if (headerAt !== 0 && space.writeU64(headerAt + MSGHDR.controlLength, written.length) < 0)
    return -EFAULT;
  return written.flags;
}

function setFlags(task: Task, headerAt: number, flags: number): void {
  if (headerAt !== 0) task.space.writeU32(headerAt + MSGHDR.flags, flags);
}

/** End of the stream: no name, no control data. */
function setEmpty(task: Task, headerAt: number): void {
  if (headerAt === 0) return;
  task.space.writeU32(headerAt + MSGHDR.nameLength, 0);
  task.space.writeU64(headerAt + MSGHDR.controlLength, 0);
  task.space.writeU32(headerAt + MSGHDR.flags, 0);
}

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
  return receive(task, socket, header, 0, lengthAt, flags);
}

function sysRecvmsg(task: Task, fd: number, addr: number, flags: number): number {
  const socket = socketOf(task, fd);
  if (typeof socket === 'number') return socket;
  const header = readHeader(task, addr);
  if (typeof header === 'number') return header;
  if (!(socket instanceof UnixSocket))
    return receiveAddressed(task, socket, header, addr, addr + MSGHDR.nameLength, flags);
  return receive(task, socket, header, addr, addr + MSGHDR.nameLength, flags);
}

function sysRecvmmsg(task: Task, fd: number, addr: number, count: number, flags: number): number {
  const how = (flags & ~MSG.MSG_WAITFORONE) | MSG.MSG_DONTWAIT;
  return forEachMessage(task, fd, addr, count, flags, (at) => sysRecvmsg(task, fd, at, how));
}

const { fd, int, uint, size, pointer, outPointer, outBytes } = arg;
const flagSet = arg.flags(MSG);
const single = {
  coverage: 'partial',
  note: 'the timeout is not looked at, and one message ends the wait',
} as const;

export const SOCKET_DATA_ROWS: readonly SyscallRow[] = [
  row('sendto', [fd, arg.inBytes(2), size, flagSet, pointer, int], sysSendto),
  row('recvfrom', [fd, outBytes, size, flagSet, outPointer, pointer], sysRecvfrom),
  row('sendmsg', [fd, pointer, flagSet], sysSendmsg),
  row('recvmsg', [fd, outPointer, flagSet], sysRecvmsg),
  row('sendmmsg', [fd, pointer, uint, flagSet], sysSendmmsg, single),
  row('recvmmsg', [fd, outPointer, uint, flagSet, pointer], sysRecvmmsg, single),
];
