/**
 * unix(7): stream, datagram and sequenced-packet sockets inside one kernel. Messages lie in the
 * receiver's queue; descriptors travel with the bytes that carried them. Nothing blocks: -EAGAIN.
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
  EPIPE,
  EPROTOTYPE,
} from '../abi/errno.table.ts';
import {
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDHUP,
  POLLRDNORM,
  POLLWRNORM,
} from '../abi/poll-events.ts';
import { AF, SOCK } from '../abi/socket.ts';
import { copyBytes, cutBytes } from '../base/copy-bytes.ts';
import type { OpenFile, OpenRequest } from '../vfs/open-file.ts';
import type { PeerIdentity } from './peer-identity.ts';
import { SocketFile, type SocketFs } from './socket-file.ts';

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
const NOTHING: readonly OpenFile[] = [];
const CREDENTIALS_OF_NOBODY: PeerIdentity = { pid: 0, uid: 0xffff_ffff, gid: 0xffff_ffff };

export class UnixSocket extends SocketFile {
  override readonly family = AF.AF_UNIX;
  readonly type: number;
  readonly identity: PeerIdentity;
  readonly #fs: SocketFs;
  /** The bound name: a path, or an abstract name with its leading NUL. */
  name: Uint8Array | undefined = undefined;
  peer: UnixSocket | undefined = undefined;
  peerIdentity: PeerIdentity = CREDENTIALS_OF_NOBODY;
  peerName: Uint8Array | undefined = undefined;
  #queue: UnixMessage[] = [];
  #queuedBytes = 0;
  /** Accepted connections that nobody took yet; undefined when not listening. */
  #backlog: UnixSocket[] | undefined = undefined;
  #backlogLimit = 0;
  #isReadShut = false;
  #isWriteShut = false;
  /** Stream and seqpacket: was connected at some time. */
  #wasConnected = false;
  #error = 0;
  /** SO_SNDBUF: what may lie unread at the receiver. SO_RCVBUF is only kept, as in Linux. */
  sendBytes = BUFFER_BYTES;
  receiveBytes = BUFFER_BYTES;
  /** Datagram sockets that are connected to this one. */
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

  protected override readableBytes(): number {
    if (this.isListening) return -EINVAL;
    return this.isStream ? this.#queuedBytes : (this.#queue[0]?.bytes.length ?? 0);
  }

  /** socketpair(2). */
  pairWith(other: UnixSocket): void {
    this.#join(other);
    other.#join(this);
  }

  #join(peer: UnixSocket): void {
    this.peer = peer;
    this.peerIdentity = peer.identity;
    this.peerName = peer.name;
    this.#wasConnected = true;
  }

  listen(backlog: number): number {
    if (this.isDatagram) return -EOPNOTSUPP;
    if (this.name === undefined || this.#wasConnected) return -EINVAL;
    this.#backlog ??= [];
    this.#backlogLimit = Math.min(Math.max(backlog, 0), 4096);
    return 0;
  }

  /** connect(2) to a socket that was found by its name. */
  connect(target: UnixSocket): number {
    if (target.type !== this.type) return -EPROTOTYPE;
    if (this.isDatagram) {
      this.#join(target);
      return 0;
    }
    if (this.isListening) return -EINVAL;
    if (this.#wasConnected) return -EISCONN;
    const backlog = target.#backlog;
    const isOpen = target.references > 0 && !target.#isReadShut;
    if (backlog === undefined || !isOpen) return -ECONNREFUSED;
    if (backlog.length > target.#backlogLimit) return -EAGAIN;
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
    target.waitQueue.wake(POLLIN | POLLRDNORM);
    return 0;
  }

  /** Dissolves a datagram socket's association (AF_UNSPEC). */
  disconnect(): void {
    this.peer = undefined;
    this.peerName = undefined;
  }

  /** accept(2): a socket that the caller owns, or -EAGAIN. */
  accept(): UnixSocket | number {
    if (this.#backlog === undefined) return -EINVAL;
    const server = this.#backlog.shift();
    if (server === undefined) return this.#isReadShut ? -EINVAL : -EAGAIN;
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

  /** How much of `length` bytes `to` takes now, or -errno. */
  #room(length: number, to: UnixSocket | undefined): number {
    const error = this.#takeError();
    if (error !== 0) return -error;
    if (this.#isWriteShut) return -EPIPE;
    if (to === undefined) return this.#wasConnected && !this.isDatagram ? -EPIPE : -ENOTCONN;
    if (to.references === 0) return this.isDatagram ? -ECONNREFUSED : -EPIPE;
    if (to.#isReadShut) return -EPIPE;
    const room = this.sendBytes - to.#queuedBytes;
    if (!this.isStream && length > this.sendBytes - PACKET_BYTES) return -EMSGSIZE;
    if (room <= 0 || to.#queue.length >= MAX_MESSAGES) return -EAGAIN;
    return this.isStream ? Math.min(length, room) : length;
  }

  #enqueue(message: UnixMessage, mayMerge: boolean): void {
    const last = this.#queue[this.#queue.length - 1];
    const merges =
      mayMerge &&
      last !== undefined &&
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
    this.waitQueue.wake(POLLIN | POLLRDNORM);
  }

  /** The message at the head without taking it; 0 at the end of the stream; -errno. */
  head(): UnixMessage | number {
    const first = this.#queue[0];
    if (first !== undefined) return first;
    const error = this.#takeError();
    if (error !== 0) return -error;
    if (this.#isReadShut) return 0;
    if (this.isDatagram) return -EAGAIN;
    if (!this.#wasConnected) return this.isListening ? -EINVAL : -ENOTCONN;
    return this.peer === undefined || this.peer.#isWriteShut ? 0 : -EAGAIN;
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
    this.peer?.waitQueue.wake(POLLOUT | POLLWRNORM);
    if (this.isDatagram) this.waitQueue.wake(POLLOUT | POLLWRNORM);
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

  /** Bit 0: no more reading; bit 1: no more writing. */
  shutdown(read: boolean, write: boolean): number {
    if (read) this.#isReadShut = true;
    if (write) this.#isWriteShut = true;
    this.waitQueue.wakeAll();
    this.peer?.waitQueue.wakeAll();
    return 0;
  }

  override read(target: Uint8Array, start: number, length: number): number {
    let done = 0;
    for (;;) {
      const message = this.head();
      if (typeof message === 'number') return done > 0 ? done : message;
      const count = Math.min(length - done, message.bytes.length);
      copyBytes(message.bytes, 0, target, start + done, count);
      if (message.rights.length > 0) {
        for (const file of message.rights) file.release();
        message.rights = NOTHING;
      }
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

  override poll(): number {
    if (this.#backlog !== undefined) return this.#backlog.length > 0 ? POLLIN | POLLRDNORM : 0;
    let events = 0;
    const { peer } = this;
    const peerDone = peer === undefined || peer.#isWriteShut;
    const isEnded = !this.isDatagram && this.#wasConnected && peerDone;
    if (this.#queue.length > 0 || this.#isReadShut || isEnded) events |= POLLIN | POLLRDNORM;
    if (this.#isReadShut || isEnded) events |= POLLRDHUP;
    if (this.#error !== 0) events |= POLLERR;
    if (!this.isDatagram && !this.#wasConnected) events |= POLLHUP;
    const isGone = !this.isDatagram && this.#wasConnected && peer === undefined;
    if (isGone || (this.#isReadShut && this.#isWriteShut)) events |= POLLHUP;
    const hasRoom = peer === undefined || peer.#queuedBytes < this.sendBytes;
    if (hasRoom) events |= POLLOUT | POLLWRNORM;
    return events;
  }

  protected override closed(): void {
    const { peer } = this;
    const hadUnread = this.#queue.length > 0;
    for (const message of this.#queue) for (const file of message.rights) file.release();
    this.#queue = [];
    for (const server of this.#backlog ?? []) server.release();
    this.#backlog = undefined;
    this.#isReadShut = true;
    this.onClosed?.();
    this.peer = undefined;
    if (peer === undefined || peer.peer !== this) return;
    peer.peer = undefined;
    if (hadUnread && !this.isDatagram) peer.#error = ECONNRESET;
    peer.waitQueue.wakeAll();
  }
}
