/**
 * unix(7): stream, datagram and sequenced-packet sockets inside one kernel, as `net/unix/af_unix.c`
 * has them. Messages lie in the receiver's queue; descriptors travel with the bytes that carried
 * them. Nothing blocks: -EAGAIN. A peer that was closed stays the peer: its name can be asked.
 */

import {
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
  EPIPE,
  EPROTOTYPE,
} from '../abi/errno.table.ts';
import { O_NONBLOCK } from '../abi/file-flags.ts';
import {
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLPRI,
  POLLRDHUP,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
} from '../abi/poll-events.ts';
import { AF, SO, SOCK, SOL_SOCKET } from '../abi/socket.ts';
import { copyBytes, cutBytes } from '../base/copy-bytes.ts';
import type { OpenFile, OpenRequest } from '../vfs/open-file.ts';
import { KeptOptions } from './kept-options.ts';
import { NOBODY, type PeerIdentity } from './peer-identity.ts';
import { SocketFile, type SocketFs } from './socket-file.ts';
import { OPTION_ROWS } from './socket-options.table.ts';

export interface UnixMessage {
  bytes: Uint8Array;
  /** Descriptors in flight: one reference each. */
  rights: readonly OpenFile[];
  readonly sender: PeerIdentity;
  /** Name of the sending socket, for datagrams. */
  readonly from: Uint8Array | undefined;
}

/** `net.core.wmem_default`. */
const BUFFER_BYTES = 212_992;
/** What a packet costs its sender's buffer at least, beside its bytes (`unix_dgram_sendmsg`). */
const PACKET_BYTES = 32;
const MAX_MESSAGES = 4096;
/** `net.unix.max_dgram_qlen`: messages of others than the peer beyond it wait (`unix_recvq_full`). */
const MAX_DATAGRAMS = 10;
const NOTHING: readonly OpenFile[] = [];

const RCV_SHUTDOWN = 1;
const SEND_SHUTDOWN = 2;
const SHUTDOWN_MASK = 3;
const READABLE = POLLIN | POLLRDNORM;
const WRITABLE = POLLOUT | POLLWRNORM | POLLWRBAND;

export class UnixSocket extends SocketFile {
  override readonly family = AF.AF_UNIX;
  readonly type: number;
  readonly identity: PeerIdentity;
  readonly options: KeptOptions = new KeptOptions(OPTION_ROWS.unix);
  readonly #fs: SocketFs;
  /** The bound name: a path, or an abstract name with its leading NUL. */
  name: Uint8Array | undefined = undefined;
  peer: UnixSocket | undefined = undefined;
  peerIdentity: PeerIdentity = NOBODY;
  #queue: UnixMessage[] = [];
  #queuedBytes = 0;
  /** The message of one urgent byte that was not read (`oob_skb`). */
  #urgent: UnixMessage | undefined = undefined;
  /** Accepted connections that nobody took yet; undefined when not listening. */
  #backlog: UnixSocket[] | undefined = undefined;
  #backlogLimit = 0;
  /** RCV_SHUTDOWN, SEND_SHUTDOWN. */
  #shutdown = 0;
  /** TCP_ESTABLISHED: of streams and sequenced packets for good, of datagrams while there is a peer. */
  #isEstablished = false;
  #error = 0;
  /** SO_SNDBUF: what may lie unread at the receiver. SO_RCVBUF is only kept, as in Linux. */
  sendBytes = BUFFER_BYTES;
  receiveBytes = BUFFER_BYTES;
  /** Who found no room here and wants to hear of it (`unix_dgram_peer_wake_me`). */
  readonly #waitingSenders = new Set<UnixSocket>();
  /** Gives the name back. */
  onClosed: (() => void) | undefined = undefined;

  constructor(fs: SocketFs, request: OpenRequest, type: number, identity: PeerIdentity) {
    super(request);
    this.#fs = fs;
    this.type = type;
    this.identity = identity;
  }

  get isStream(): boolean {
    return this.type === SOCK.SOCK_STREAM;
  }

  get isDatagram(): boolean {
    return this.type === SOCK.SOCK_DGRAM;
  }

  get isListening(): boolean {
    return this.#backlog !== undefined;
  }

  get isConnected(): boolean {
    return this.peer !== undefined;
  }

  get peerName(): Uint8Array | undefined {
    return this.peer?.name;
  }

  get #takesUrgentInline(): boolean {
    return this.options.value(SOL_SOCKET, SO.SO_OOBINLINE) !== 0;
  }

  protected override readableBytes(): number {
    if (this.isListening) return -EINVAL;
    return this.isDatagram ? (this.#queue[0]?.bytes.length ?? 0) : this.#queuedBytes;
  }

  /** What the peer has not read; Linux counts the memory that it takes (`unix_outq_len`). */
  protected override unsentBytes(): number {
    if (this.isListening) return -EINVAL;
    return this.peer === undefined ? 0 : this.peer.#queuedBytes;
  }

  /** socketpair(2). */
  pairWith(other: UnixSocket): void {
    this.#join(other);
    other.#join(this);
  }

  #join(peer: UnixSocket): void {
    this.peer = peer;
    this.peerIdentity = peer.identity;
    this.#isEstablished = true;
  }

  listen(backlog: number): number {
    if (this.isDatagram) return -EOPNOTSUPP;
    if (this.name === undefined || this.#isEstablished) return -EINVAL;
    this.#backlog ??= [];
    this.#backlogLimit = Math.min(backlog >>> 0, 4096);
    this.waitQueue.wake(POLLOUT);
    return 0;
  }

  /** connect(2) to a socket that was found by its name. */
  connect(target: UnixSocket): number {
    if (target.type !== this.type) return -EPROTOTYPE;
    if (this.isDatagram) {
      if (!this.#maySend(target)) return -EPERM;
      this.#join(target);
      return 0;
    }
    const backlog = target.#backlog;
    const isOpen = target.references > 0 && (target.#shutdown & RCV_SHUTDOWN) === 0;
    if (backlog === undefined || !isOpen) return -ECONNREFUSED;
    if (backlog.length > target.#backlogLimit) return -EAGAIN;
    if (this.#isEstablished) return -EISCONN;
    if (this.isListening) return -EINVAL;
    const server = new UnixSocket(
      this.#fs,
      this.#fs.request(target.credentials, false),
      this.type,
      target.identity,
    );
    server.name = target.name;
    this.#join(server);
    server.#join(this);
    backlog.push(server);
    target.waitQueue.wake(READABLE);
    return 0;
  }

  /** `unix_may_send`: a datagram socket that has a peer hears that one only. */
  #maySend(to: UnixSocket): boolean {
    return to.peer === undefined || to.peer === this;
  }

  /** Dissolves a datagram socket's association (AF_UNSPEC). */
  disconnect(): void {
    this.peer = undefined;
    this.#isEstablished = false;
  }

  /** accept(2): a socket that the caller owns, or -EAGAIN. */
  accept(mayWait: boolean): UnixSocket | number {
    if (this.#backlog === undefined) return -EINVAL;
    const server = this.#backlog.shift();
    if (server === undefined)
      return mayWait && (this.#shutdown & RCV_SHUTDOWN) !== 0 ? -EINVAL : -EAGAIN;
    this.waitQueue.wake(POLLOUT);
    return server;
  }

  /**
   * Sends one piece. Streams take what fits; packets all or nothing. Takes over the references of
   * `message.rights` when it succeeds.
   */
  send(message: UnixMessage, to: UnixSocket | undefined = this.peer): number {
    const taken = this.#room(message.bytes.length, to);
    if (taken < 0 || to === undefined || (taken === 0 && this.isStream)) return taken;
    to.#enqueue({ ...message, bytes: message.bytes.slice(0, taken) }, this.isStream);
    return taken;
  }

  /** One urgent byte on a stream (`queue_oob`): 1 or -errno. */
  sendUrgent(message: UnixMessage): number {
    const to = this.peer;
    const taken = this.#room(1, to);
    if (taken < 0 || to === undefined) return taken;
    to.#enqueue(message, false);
    // An older one is a byte like the others from now on.
    to.#urgent = message;
    this.#fs.tellUrgent(to);
    to.waitQueue.wake(POLLPRI);
    return taken;
  }

  /** How much of `length` bytes `to` takes now, or -errno. */
  #room(length: number, to: UnixSocket | undefined): number {
    if (this.isStream) return this.#streamRoom(length, to);
    const error = this.#takeError();
    if (error !== 0) return -error;
    if (!this.isDatagram && !this.#isEstablished) return -ENOTCONN;
    if (this.isDatagram && to === undefined) return -ENOTCONN;
    if (length > this.sendBytes - PACKET_BYTES) return -EMSGSIZE;
    if ((this.#shutdown & SEND_SHUTDOWN) !== 0) return -EPIPE;
    if (to === undefined) return -ENOTCONN;
    if (to.references === 0) return this.#toDead(to);
    if (!this.#maySend(to)) return -EPERM;
    if ((to.#shutdown & RCV_SHUTDOWN) !== 0) return -EPIPE;
    const { length: waiting } = to.#queue;
    const isFull = waiting >= (to.peer === this ? MAX_MESSAGES : MAX_DATAGRAMS + 1);
    if (!isFull && to.#queuedBytes < this.sendBytes) return length;
    to.#waitingSenders.add(this);
    return -EAGAIN;
  }

  #streamRoom(length: number, to: UnixSocket | undefined): number {
    if (to === undefined) return -ENOTCONN;
    if ((this.#shutdown & SEND_SHUTDOWN) !== 0 || to.references === 0) return -EPIPE;
    if ((to.#shutdown & RCV_SHUTDOWN) !== 0) return -EPIPE;
    const room = this.sendBytes - to.#queuedBytes;
    if (room <= 0 || to.#queue.length >= MAX_MESSAGES) return -EAGAIN;
    return Math.min(length, room);
  }

  /** A datagram to a socket that was closed: who was connected to it is so no more. */
  #toDead(to: UnixSocket): number {
    if (!this.isDatagram) return -EPIPE;
    if (this.peer === to) this.disconnect();
    return -ECONNREFUSED;
  }

  #enqueue(message: UnixMessage, mayMerge: boolean): void {
    const last = this.#queue[this.#queue.length - 1];
    const merges =
      mayMerge &&
      last !== undefined &&
      last !== this.#urgent &&
      last.bytes.length > 0 &&
      last.rights.length === 0 &&
      message.rights.length === 0 &&
      last.bytes.length + message.bytes.length <= 4096 &&
      last.sender.pid === message.sender.pid;
    this.#queuedBytes += message.bytes.length;
    if (merges) {
      const joined = new Uint8Array(last.bytes.length + message.bytes.length);
      joined.set(last.bytes);
      joined.set(message.bytes, last.bytes.length);
      last.bytes = joined;
    } else this.#queue.push(message);
    this.waitQueue.wake(READABLE);
  }

  /**
   * What a read comes to at place `at` of the queue: its index, or -1 where the read ends there.
   * `hasBytes`: it has some. No read goes over an urgent byte, nor over the place where one was
   * (`manage_oob`). A peek passes over what a read takes away.
   */
  reach(at: number, hasBytes: boolean, isPeek: boolean): number {
    const queue = this.#queue;
    let index = at;
    if (queue[index] === undefined) return -1;
    if (!this.isStream) return index;
    if (queue[index]?.bytes.length === 0) {
      if (hasBytes && this.#urgent === undefined) return -1;
      if (isPeek) index++;
      else queue.splice(index, 1);
    }
    const message = queue[index];
    if (message === undefined) return -1;
    if (message !== this.#urgent) return index;
    if (hasBytes) return -1;
    const isInline = this.#takesUrgentInline;
    if (isPeek) return isInline ? index : queue.length > index + 1 ? index + 1 : -1;
    this.#urgent = undefined;
    if (isInline) return index;
    queue.splice(index, 1);
    this.#queuedBytes -= message.bytes.length;
    return queue.length > index ? index : -1;
  }

  /** The message at a place of the queue that {@link reach} gave. */
  messageAt(index: number): UnixMessage {
    return this.#queue[index] as UnixMessage;
  }

  /** recv(2) with MSG_OOB: the byte, or -EINVAL. It leaves its place in the queue. */
  takeUrgent(isPeek: boolean): number {
    const urgent = this.#urgent;
    if (urgent === undefined || this.#takesUrgentInline) return -EINVAL;
    const value = urgent.bytes[0] as number;
    if (isPeek) return value;
    urgent.bytes = urgent.bytes.subarray(1);
    this.#queuedBytes--;
    this.#urgent = undefined;
    return value;
  }

  /** What a read is where no message waits: 0 at the end, or -errno. */
  withoutMessage(mayWait: boolean): number {
    if (this.isStream ? !this.#isEstablished : !this.isDatagram && !this.#isEstablished)
      return this.isStream ? -EINVAL : -ENOTCONN;
    const error = this.#takeError();
    if (error !== 0) return -error;
    if ((this.#shutdown & RCV_SHUTDOWN) === 0) return -EAGAIN;
    // `unix_dgram_recvmsg`: a datagram socket hears of the end where it would have waited.
    return this.isDatagram && !mayWait ? -EAGAIN : 0;
  }

  /** Takes `count` bytes of the head (a packet whole); its descriptors now belong to the caller. */
  consume(count: number): void {
    const first = this.#queue[0];
    if (first === undefined) return;
    if (this.isStream && count < first.bytes.length) {
      first.bytes = first.bytes.subarray(count);
      first.rights = NOTHING;
      this.#queuedBytes -= count;
    } else {
      // measured: shift() calls into the runtime.
      if (this.#queue.length === 1) this.#queue.pop();
      else this.#queue.shift();
      this.#queuedBytes -= first.bytes.length;
    }
    this.peer?.waitQueue.wake(WRITABLE);
    this.#wakeSenders();
  }

  #wakeSenders(): void {
    if (this.#waitingSenders.size === 0) return;
    const senders = [...this.#waitingSenders];
    this.#waitingSenders.clear();
    for (const sender of senders) sender.waitQueue.wake(WRITABLE);
  }

  #takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  /** SO_ERROR. */
  takeError(): number {
    return this.#takeError();
  }

  /** What one end of a stream does not send any more, the other does not receive. */
  shutdown(read: boolean, write: boolean): number {
    const mask = (read ? RCV_SHUTDOWN : 0) | (write ? SEND_SHUTDOWN : 0);
    this.#shutdown |= mask;
    const { peer } = this;
    if (peer !== undefined && !this.isDatagram)
      peer.#shutdown |= (read ? SEND_SHUTDOWN : 0) | (write ? RCV_SHUTDOWN : 0);
    this.waitQueue.wakeAll();
    this.#wakeSenders();
    if (!this.isDatagram) peer?.waitQueue.wakeAll();
    return 0;
  }

  override read(target: Uint8Array, start: number, length: number): number {
    let done = 0;
    for (;;) {
      const index = this.reach(0, done > 0, false);
      if (index < 0) {
        if (done > 0) return done;
        return this.withoutMessage((this.flags & O_NONBLOCK) === 0);
      }
      const message = this.messageAt(index);
      const count = Math.min(length - done, message.bytes.length);
      copyBytes(message.bytes, 0, target, start + done, count);
      for (const file of message.rights) file.release();
      message.rights = NOTHING;
      this.consume(this.isStream ? count : message.bytes.length);
      done += count;
      if (!this.isStream || done >= length) return done;
    }
  }

  override write(source: Uint8Array, start: number, length: number): number {
    const to = this.peer;
    const taken = this.#room(length, to);
    if (taken < 0 || to === undefined || (taken === 0 && this.isStream)) return taken;
    const bytes = cutBytes(source, start, taken);
    const sender = this.#fs.writer() ?? this.identity;
    const message = { bytes, rights: NOTHING, sender, from: this.name };
    to.#enqueue(message, this.isStream);
    return taken;
  }

  protected override get isAtMark(): boolean | undefined {
    if (!this.isStream) return undefined;
    const [first, second] = this.#queue;
    if (first === undefined) return false;
    const urgent = this.#urgent;
    if (first === urgent) return true;
    return first.bytes.length === 0 && (urgent === undefined || second === urgent);
  }

  /** `unix_poll` and `unix_dgram_poll`. */
  override poll(): number {
    const { peer } = this;
    let events = this.#error === 0 ? 0 : POLLERR;
    const isShut = (this.#shutdown & RCV_SHUTDOWN) !== 0;
    if (isShut) events |= READABLE | POLLRDHUP;
    if (this.#shutdown === SHUTDOWN_MASK) events |= POLLHUP;
    if (this.#backlog !== undefined) return this.#backlog.length > 0 ? events | READABLE : events;
    if (this.#queue.length > 0) events |= READABLE;
    if (this.#urgent !== undefined) events |= POLLPRI;
    if (!this.isDatagram && !this.#isEstablished) events |= POLLHUP;
    if (peer === undefined || this.#hasRoomAt(peer)) events |= WRITABLE;
    return events;
  }

  #hasRoomAt(peer: UnixSocket): boolean {
    const isShort = this.isStream || peer.peer === this || peer.#queue.length <= MAX_DATAGRAMS;
    if (isShort && peer.#queuedBytes < this.sendBytes) return true;
    peer.#waitingSenders.add(this);
    return false;
  }

  protected override closed(): void {
    const { peer } = this;
    const hadUnread = this.#queue.length > 0;
    for (const message of this.#queue) for (const file of message.rights) file.release();
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#urgent = undefined;
    for (const server of this.#backlog ?? []) {
      // `unix_release_sock`: nobody took it, so its client hears of a reset.
      if (server.peer !== undefined) server.peer.#error = ECONNRESET;
      server.release();
    }
    this.#backlog = undefined;
    this.#shutdown = SHUTDOWN_MASK;
    this.onClosed?.();
    this.waitQueue.wakeAll();
    this.#wakeSenders();
    this.peer = undefined;
    if (peer === undefined || peer.peer !== this || this.isDatagram) return;
    peer.#shutdown = SHUTDOWN_MASK;
    if (hadUnread) peer.#error = ECONNRESET;
    peer.waitQueue.wakeAll();
  }
}
