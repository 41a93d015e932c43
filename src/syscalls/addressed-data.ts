/**
 * Data of sockets with plain addresses: sendto(2), recvfrom, sendmsg, recvmsg. One buffer moves
 * directly between socket and guest memory; several are put together in the kernel's buffer.
 */

import { EAGAIN, EFAULT, EINVAL, EMSGSIZE } from '../abi/errno.table.ts';
import { MAX_RW_COUNT } from '../abi/file-flags.ts';
import { CMSGHDR_BYTES, MSG, MSGHDR, SCM_RIGHTS, SOCK, SOL_SOCKET } from '../abi/socket.ts';
import type { Task } from '../kernel/task.ts';
import { directIndex } from '../mm/address-space.ts';
import type { AddressedSocket, ControlItem, Reception, Sending } from '../net/addressed-socket.ts';
import { readRawAddress } from './addressed-sockets.ts';
import { withSigpipe } from './file-support.ts';
import { align8, gather, type MessageHeader, scatter, type Vector } from './socket-messages.ts';
import { untilReady } from './socket-waiting.ts';

const ADDRESS_LIMIT = 0x1_0000_0000;
const PROT_WRITE = 2;

const isStream = (socket: AddressedSocket): boolean => socket.type === SOCK.SOCK_STREAM;

// --- sending ---------------------------------------------------------------------------------------

/** Sends what the vectors hold; waits where the socket and the flags permit. */
export function sendAddressed(
  task: Task,
  socket: AddressedSocket,
  vectors: readonly Vector[],
  total: number,
  sending: Sending,
): number {
  const { flags } = sending;
  const mayRaise = isStream(socket) && (flags & MSG.MSG_NOSIGNAL) === 0;
  const finish = (result: number): number =>
    mayRaise ? withSigpipe(task, result, socket) : result;
  if (!isStream(socket)) {
    if (total > task.kernel.transferBuffer.length) return -EMSGSIZE;
    const attempt = () => finish(sendOnce(task, socket, vectors, total, 0, sending));
    return untilReady(task, socket, flags, socket.sendTimeoutNs, attempt);
  }
  const length = Math.min(total, MAX_RW_COUNT);
  let sent = 0;
  const attempt = (): number => {
    for (;;) {
      const count = sendOnce(task, socket, vectors, length, sent, sending);
      if (count < 0) {
        if (count === -EAGAIN) return count;
        return sent > 0 ? sent : finish(count);
      }
      sent += count;
      if (sent >= length) return sent;
    }
  };
  return untilReady(task, socket, flags, socket.sendTimeoutNs, attempt, () => sent);
}

/** One attempt, from byte `skip` of the vectors on. */
function sendOnce(
  task: Task,
  socket: AddressedSocket,
  vectors: readonly Vector[],
  total: number,
  skip: number,
  sending: Sending,
): number {
  const { space } = task;
  const only = vectors.length === 1 ? (vectors[0] as Vector) : undefined;
  if (only !== undefined) {
    const addr = only.addr + skip;
    const length = total - skip;
    if (addr + length > ADDRESS_LIMIT) return -EFAULT;
    const half = space.direct(addr, length, false);
    if (half !== undefined) return socket.send(half, directIndex(addr), length, sending);
  }
  const buffer = task.kernel.transferBuffer;
  const wanted = Math.min(total - skip, buffer.length);
  const present = gatherInto(task, vectors, buffer.subarray(0, wanted), skip);
  if (present < wanted && (present === 0 || !isStream(socket))) return -EFAULT;
  return socket.send(buffer, 0, present, sending);
}

/** Bytes of the vectors from `skip` on; how many could be read. */
function gatherInto(
  task: Task,
  vectors: readonly Vector[],
  target: Uint8Array,
  skip: number,
): number {
  let done = 0;
  let toSkip = skip;
  for (const { addr, length } of vectors) {
    const skipped = Math.min(length, toSkip);
    toSkip -= skipped;
    const part = Math.min(length - skipped, target.length - done);
    if (part === 0) continue;
    const copied = task.space.copyInPartial(addr + skipped, target.subarray(done, done + part));
    done += copied;
    if (copied < part) return done;
  }
  return done;
}

/** Destination and control data of a sendmsg(2); -errno. */
export function sendingOf(
  task: Task,
  nameAt: number,
  nameLength: number,
  control: { readonly at: number; readonly length: number },
  flags: number,
): Sending | number {
  const to = nameAt === 0 ? undefined : readRawAddress(task, nameAt, nameLength);
  if (typeof to === 'number') return to;
  if (control.length === 0) return { to, flags, control: [] };
  const items = readItems(task, control.at, control.length);
  return typeof items === 'number' ? items : { to, flags, control: items };
}

/** The items of control data, of right form; what they ask is the socket's to judge. */
function readItems(task: Task, at: number, length: number): ControlItem[] | number {
  const bytes = gather(task, [{ addr: at, length }], length);
  if (typeof bytes === 'number') return bytes;
  const view = new DataView(bytes.buffer);
  const items: ControlItem[] = [];
  for (let from = 0; from + CMSGHDR_BYTES <= length; ) {
    const size = Number(view.getBigUint64(from, true));
    if (size < CMSGHDR_BYTES || from + size > length) return -EINVAL;
    const level = view.getInt32(from + 8, true);
    const type = view.getInt32(from + 12, true);
    // `__sock_cmsg_send`: these are for unix sockets, and passed over.
    if (level === SOL_SOCKET && type > SCM_RIGHTS + 1) return -EINVAL;
    items.push({ level, type, bytes: bytes.subarray(from + CMSGHDR_BYTES, from + size) });
    from += align8(size);
  }
  return items;
}

// --- receiving -------------------------------------------------------------------------------------

/**
 * Receives into the vectors of `header`. `headerAt`: the `struct msghdr` to write results to, or 0;
 * `nameLengthAt`: where the length of the sender's address goes, or 0.
 */
export function receiveAddressed(
  task: Task,
  socket: AddressedSocket,
  header: MessageHeader,
  headerAt: number,
  nameLengthAt: number,
  flags: number,
): number {
  let received = 0;
  const waitsForAll =
    isStream(socket) && (flags & MSG.MSG_WAITALL) !== 0 && (flags & MSG.MSG_PEEK) === 0;
  const isErrorQueue = (flags & MSG.MSG_ERRQUEUE) !== 0;
  const how: Reception = { flags, from: undefined, resultFlags: 0, control: [] };
  const attempt = (): number => {
    const count = receiveOnce(task, socket, header, received, how);
    if (count < 0) return received > 0 && count !== -EAGAIN ? received : count;
    received += count;
    if (waitsForAll && count > 0 && received < header.totalBytes) return attempt();
    const written = writeResults(task, header, headerAt, nameLengthAt, how);
    return written < 0 ? written : received;
  };
  const soFar = () => received;
  const how2 = isErrorQueue ? flags | MSG.MSG_DONTWAIT : flags;
  return untilReady(task, socket, how2, socket.receiveTimeoutNs, attempt, soFar);
}

function receiveOnce(
  task: Task,
  socket: AddressedSocket,
  header: MessageHeader,
  skip: number,
  how: Reception,
): number {
  const { space } = task;
  const { vectors, totalBytes } = header;
  const only = vectors.length === 1 ? (vectors[0] as Vector) : undefined;
  const discards = isStream(socket) && (how.flags & MSG.MSG_TRUNC) !== 0;
  if (only !== undefined && !discards) {
    const addr = only.addr + skip;
    const length = totalBytes - skip;
    if (addr + length > ADDRESS_LIMIT) return -EFAULT;
    const half = space.direct(addr, length, true);
    if (half !== undefined) return socket.receive(half, directIndex(addr), length, how);
  }
  const buffer = task.kernel.transferBuffer;
  const wanted = Math.min(totalBytes - skip, buffer.length);
  const first = vectors.find(({ length }) => length > 0);
  // What cannot be stored would be lost: find out before.
  // A datagram is lost in Linux, too.
  const keeps = isStream(socket) && !discards;
  if (first !== undefined && keeps && !space.permits(first.addr, 1, PROT_WRITE)) return -EFAULT;
  const count = socket.receive(buffer, 0, wanted, how);
  if (count <= 0 || discards) return count;
  const copied = scatter(task, vectors, buffer.subarray(0, Math.min(count, wanted)), skip);
  return copied < 0 ? copied : count;
}

/** Name, control data and flags of what came; 0 or -errno. */
function writeResults(
  task: Task,
  header: MessageHeader,
  headerAt: number,
  nameLengthAt: number,
  how: Reception,
): number {
  const { space } = task;
  if (header.nameAt !== 0 && nameLengthAt !== 0) {
    const from = how.from ?? NO_NAME;
    if (space.copyOut(header.nameAt, from.subarray(0, header.nameLength)) < 0) return -EFAULT;
    if (space.writeU32(nameLengthAt, from.length) < 0) return -EFAULT;
  }
  if (headerAt === 0) return 0;
  const control = encodeItems(how, header.controlLength);
  if (control.length > 0 && space.copyOut(header.controlAt, control) < 0) return -EFAULT;
  if (space.writeU64(headerAt + MSGHDR.controlLength, control.length) < 0) return -EFAULT;
  return space.writeU32(headerAt + MSGHDR.flags, how.resultFlags) < 0 ? -EFAULT : 0;
}

const NO_NAME = new Uint8Array(0);

/** `put_cmsg`: what does not fit is cut, and MSG_CTRUNC says so. */
function encodeItems(how: Reception, room: number): Uint8Array {
  const bytes = new Uint8Array(room);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { level, type, bytes: data } of how.control) {
    if (room - at < CMSGHDR_BYTES) {
      how.resultFlags |= MSG.MSG_CTRUNC;
      break;
    }
    let length = CMSGHDR_BYTES + data.length;
    if (length > room - at) {
      length = room - at;
      how.resultFlags |= MSG.MSG_CTRUNC;
    }
    view.setBigUint64(at, BigInt(length), true);
    view.setInt32(at + 8, level, true);
    view.setInt32(at + 12, type, true);
    bytes.set(data.subarray(0, length - CMSGHDR_BYTES), at + CMSGHDR_BYTES);
    at = Math.min(align8(at + length), room);
  }
  return bytes.subarray(0, at);
}
