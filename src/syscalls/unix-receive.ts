/** Receiving on unix sockets: `unix_stream_read_generic` and `__unix_dgram_recvmsg`. */

import { EAGAIN, EFAULT, ENOTCONN, EOPNOTSUPP } from '../abi/errno.table.ts';
import { MSG, MSGHDR, SO, SOL_SOCKET } from '../abi/socket.ts';
import type { Task } from '../kernel/task.ts';
import { NOBODY } from '../net/peer-identity.ts';
import type { UnixMessage, UnixSocket } from '../net/unix-socket.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import { isNonBlocking } from './file-support.ts';
import { type MessageHeader, scatter, writeControl } from './socket-messages.ts';
import { encodeAddress } from './socket-names.ts';
import { untilReady } from './socket-waiting.ts';

/** Where results of one receive go in guest memory. */
interface Places {
  readonly header: MessageHeader;
  /** `struct msghdr`, or 0. */
  readonly headerAt: number;
  /** The length of the sender's name, or 0. */
  readonly nameLengthAt: number;
}

/** One receive under way. */
class Reception {
  readonly task: Task;
  readonly socket: UnixSocket;
  readonly places: Places;
  readonly flags: number;
  readonly isPeek: boolean;
  readonly mayWait: boolean;
  received = 0;
  /** The first message that gave something: its name, and whose credentials are told. */
  first: UnixMessage | undefined = undefined;
  rights: OpenFile[] = [];
  #resultFlags: number;

  constructor(task: Task, socket: UnixSocket, places: Places, flags: number) {
    this.task = task;
    this.socket = socket;
    this.places = places;
    this.flags = flags;
    this.isPeek = (flags & MSG.MSG_PEEK) !== 0;
    this.mayWait = (flags & MSG.MSG_DONTWAIT) === 0 && !isNonBlocking(socket);
    // What the kernel was asked about control data, it says again.
    this.#resultFlags = flags & MSG.MSG_CMSG_CLOEXEC;
  }

  /** A packet: cut to the room that there is. */
  packet(): number {
    const { socket, isPeek, places } = this;
    let skip = this.#peekOffset;
    let index = 0;
    for (; ; index++) {
      if (socket.reach(index, false, isPeek) < 0) return socket.withoutMessage(this.mayWait);
      const { length } = socket.messageAt(index).bytes;
      if (!isPeek || skip < length || length === 0 || skip === 0) break;
      skip -= length;
    }
    const message = socket.messageAt(index);
    const whole = message.bytes.length;
    const count = Math.min(places.header.totalBytes, whole - skip);
    const part = message.bytes.subarray(skip, skip + count);
    const copied = scatter(this.task, places.header.vectors, part, 0);
    this.#takeRights(message);
    if (!isPeek) socket.consume(whole);
    this.#movePeekOffset(isPeek ? count : -whole);
    if (copied < 0) return this.#fail(copied);
    this.received = count;
    this.first = message;
    if (count < whole - skip) this.#resultFlags |= MSG.MSG_TRUNC;
    const written = this.finish();
    if (written < 0) return written;
    return (this.flags & MSG.MSG_TRUNC) !== 0 ? whole - skip : count;
  }

  /** Bytes of a stream, or -EAGAIN while there are fewer than the caller waits for. */
  stream(): number {
    const { socket, isPeek } = this;
    const { header } = this.places;
    let skip = this.#peekOffset;
    let index = 0;
    for (;;) {
      index = socket.reach(index, this.received > 0, isPeek);
      if (index < 0) break;
      const message = socket.messageAt(index);
      if (isPeek && skip >= message.bytes.length) {
        skip -= message.bytes.length;
        index++;
        continue;
      }
      const { first } = this;
      if (first !== undefined && this.#tellsSender && !isSame(first, message)) return this.finish();
      const count = Math.min(header.totalBytes - this.received, message.bytes.length - skip);
      const part = message.bytes.subarray(skip, skip + count);
      const copied = scatter(this.task, header.vectors, part, this.received);
      if (copied < 0) return this.received > 0 ? this.finish() : copied;
      this.first ??= message;
      this.received += count;
      const hadRights = message.rights.length > 0;
      this.#takeRights(message);
      if (!isPeek) socket.consume(count);
      this.#movePeekOffset(isPeek ? count : -count);
      // Descriptors end a read: what comes behind them has its own.
      if (hadRights || this.received >= header.totalBytes) return this.finish();
      skip = 0;
      if (isPeek) index++;
    }
    const isEnough = this.received >= this.#target || (isPeek && this.received > 0);
    if (isEnough) return this.finish();
    const without = socket.withoutMessage(this.mayWait);
    return without === -EAGAIN || this.received === 0 ? without : this.finish();
  }

  /** recv(2) with MSG_OOB. */
  urgent(): number {
    const { socket, places } = this;
    if (!socket.isStream) return socket.isDatagram || socket.isConnected ? -EOPNOTSUPP : -ENOTCONN;
    const value = socket.takeUrgent(this.isPeek);
    if (value < 0) return value;
    this.#resultFlags |= MSG.MSG_OOB;
    const { vectors, totalBytes } = places.header;
    if (totalBytes > 0 && scatter(this.task, vectors, Uint8Array.of(value), 0) < 0) return -EFAULT;
    const written = this.finish();
    return written < 0 ? written : 1;
  }

  /** Name, control data and flags; the bytes that were received, or -EFAULT. */
  finish(): number {
    const { task, places, first, socket } = this;
    const { header, headerAt, nameLengthAt } = places;
    const { space } = task;
    const { from } = first ?? {};
    if (header.nameAt !== 0 && nameLengthAt !== 0) {
      const bytes = from === undefined ? NO_NAME : encodeAddress(from);
      if (space.copyOut(header.nameAt, bytes.subarray(0, header.nameLength)) < 0)
        return this.#fail(-EFAULT);
      if (space.writeU32(nameLengthAt, bytes.length) < 0) return this.#fail(-EFAULT);
    }
    const closeOnExec = (this.flags & MSG.MSG_CMSG_CLOEXEC) !== 0;
    const { rights } = this;
    this.rights = [];
    const sender = first?.sender ?? NOBODY;
    const written = writeControl(task, header, sender, rights, socket, closeOnExec);
    if (headerAt === 0) return this.received;
    if (space.writeU64(headerAt + MSGHDR.controlLength, written.length) < 0) return -EFAULT;
    const flags = this.#resultFlags | written.flags;
    return space.writeU32(headerAt + MSGHDR.flags, flags) < 0 ? -EFAULT : this.received;
  }

  #fail(error: number): number {
    for (const file of this.rights) file.release();
    this.rights = [];
    return error;
  }

  get #tellsSender(): boolean {
    return this.socket.passesCredentials || this.socket.passesPidfd;
  }

  /** Bytes that end the wait of a stream (`sock_rcvlowat`). */
  get #target(): number {
    const { totalBytes } = this.places.header;
    if ((this.flags & MSG.MSG_WAITALL) !== 0) return totalBytes;
    const least = this.socket.options.value(SOL_SOCKET, SO.SO_RCVLOWAT);
    return Math.min(least, totalBytes) || 1;
  }

  /** SO_PEEK_OFF: where a peek begins. */
  get #peekOffset(): number {
    if (!this.isPeek) return 0;
    return Math.max(0, this.socket.options.value(SOL_SOCKET, SO.SO_PEEK_OFF));
  }

  #movePeekOffset(count: number): void {
    const { options } = this.socket;
    const offset = options.value(SOL_SOCKET, SO.SO_PEEK_OFF);
    if (offset >= 0) options.put(SOL_SOCKET, SO.SO_PEEK_OFF, Math.max(0, offset + count));
  }

  #takeRights(message: UnixMessage): void {
    for (const file of message.rights) this.rights.push(this.isPeek ? file.retain() : file);
    if (!this.isPeek) message.rights = [];
  }
}

const NO_NAME = new Uint8Array(0);

/** Written by the same process with the same identities (`unix_skb_scm_eq`). */
const isSame = ({ sender: a }: UnixMessage, { sender: b }: UnixMessage): boolean =>
  a.pid === b.pid && a.uid === b.uid && a.gid === b.gid;

/** Receives into the vectors of `header`; waits where the socket and the flags permit. */
export function receiveUnix(
  task: Task,
  socket: UnixSocket,
  header: MessageHeader,
  headerAt: number,
  nameLengthAt: number,
  flags: number,
): number {
  const reception = new Reception(task, socket, { header, headerAt, nameLengthAt }, flags);
  if ((flags & MSG.MSG_OOB) !== 0) return reception.urgent();
  const attempt = () => atEnd(reception, socket.isStream ? reception.stream() : reception.packet());
  const soFar = () => (reception.received > 0 ? reception.finish() : 0);
  return untilReady(task, socket, flags, socket.receiveTimeoutNs, attempt, soFar);
}

/** The end of a stream has neither name nor control data. */
function atEnd(reception: Reception, result: number): number {
  return result === 0 && reception.first === undefined ? reception.finish() : result;
}
