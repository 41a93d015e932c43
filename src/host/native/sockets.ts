/**
 * Sockets of the host by raw, non-blocking system calls, and one epoll set over them and over the
 * event loop of Node.js. Data goes between the host's kernel and guest memory without a copy.
 */

import { EAFNOSUPPORT, EAGAIN, EINPROGRESS, EINTR, EIO, ENOSYS } from '../../abi/errno.table.ts';
import {
  EPOLL_EVENT,
  EPOLLET,
  POLLERR,
  POLLFD,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDHUP,
} from '../../abi/poll-events.ts';
import { AF, MSG, SO, SOCK, SOCK_CLOEXEC, SOCK_NONBLOCK, SOL_SOCKET } from '../../abi/socket.ts';
import { assert } from '../../base/assert.ts';
import type { HostSocketService } from '../../kernel/host.ts';
import { decodeEndpoint, type Endpoint, encodeEndpoint } from '../../net/endpoint.ts';
import type { AcceptedHostSocket, HostNetwork, HostSocket } from '../../net/host-network.ts';
import type { NetInterface } from '../../net/interfaces.ts';
import { ANY4 } from '../../net/ip.ts';
import { eventLoopDescriptor } from './event-loop.ts';
import {
  addressOf,
  type Libc,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
  viewOf,
} from './libc.ts';
import type { RawSyscalls } from './raw-syscalls.ts';

const WATCHED = POLLIN | POLLOUT | POLLRDHUP | EPOLLET;
const EPOLL_CTL_ADD = 1;
const ENDED = POLLRDHUP | POLLHUP | POLLERR;
const MAX_EVENTS = 256;
/** Structures of calls: address and its length, a pollfd, a timespec, an int; then events. */
const SCRATCH = { address: 0, length: 128, pollfd: 136, timespec: 144, int: 160, events: 4096 };
const SCRATCH_BYTES = 16_384;
/** The event loop has its turn at least that often. */
const LONGEST_WAIT_NS = 100_000_000;

/** What all sockets of one host thread share. */
class Shared {
  readonly sys: RawSyscalls;
  readonly epoll: number;
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly sockets = new Map<number, NativeSocket>();
  readonly #bases = new WeakMap<ArrayBufferLike, number>();

  constructor(libc: Libc, sys: RawSyscalls) {
    this.sys = sys;
    const flags = MAP_PRIVATE | MAP_ANONYMOUS;
    const at = libc.mmap(0, SCRATCH_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
    assert(at > 0, 'no memory for the buffers of sockets');
    this.at = at;
    this.bytes = new Uint8Array(viewOf(at as never, SCRATCH_BYTES));
    this.view = new DataView(this.bytes.buffer);
    this.epoll = sys.epollCreate();
    assert(this.epoll > 0, 'no epoll set');
  }

  /**
   * Where `length` bytes of `view` from `start` on lie. Buffers do not move: arrays that V8 keeps in
   * its heap leave it when their `buffer` is asked for.
   */
  addressIn(view: Uint8Array, start: number, length: number): number {
    assert(start >= 0 && length >= 0 && start + length <= view.length, 'beyond the buffer');
    const { buffer } = view;
    let base = this.#bases.get(buffer);
    if (base === undefined) {
      base = addressOf(new Uint8Array(buffer));
      this.#bases.set(buffer, base);
    }
    return base + view.byteOffset + start;
  }

  /** Writes an address into the scratch; its length. */
  putAddress(family: number, endpoint: Endpoint): number {
    const bytes = encodeEndpoint(family, endpoint);
    this.bytes.set(bytes, SCRATCH.address);
    return bytes.length;
  }

  /** Makes room for an address that a call writes. */
  prepareAddress(): void {
    this.view.setUint32(SCRATCH.length, 128, true);
    this.view.setUint16(SCRATCH.address, 0, true);
  }

  /** The address that a call wrote; undefined when it is none of `family`. */
  takeAddress(family: number): Endpoint | undefined {
    const length = Math.min(this.view.getUint32(SCRATCH.length, true), 128);
    const endpoint = decodeEndpoint(family, this.bytes.slice(SCRATCH.address, length));
    return typeof endpoint === 'number' ? undefined : endpoint;
  }
}

class NativeSocket implements HostSocket {
  onEvent: ((events: number) => void) | undefined = undefined;
  lastSender: Endpoint = { ip: ANY4, port: 0 };
  readonly #shared: Shared;
  readonly #fd: number;
  readonly #family: number;
  readonly #isStream: boolean;
  #events = 0;
  /** What `#events` says may be over: something was taken, and it is not known whether all. */
  #isDoubtful = true;
  #isClosed = false;

  constructor(shared: Shared, fd: number, family: number, isStream: boolean) {
    this.#shared = shared;
    this.#fd = fd;
    this.#family = family;
    this.#isStream = isStream;
    shared.sockets.set(fd, this);
    const { view, sys, epoll, at } = shared;
    view.setInt32(SCRATCH.events + EPOLL_EVENT.events, WATCHED, true);
    view.setInt32(SCRATCH.events + EPOLL_EVENT.data, fd, true);
    view.setInt32(SCRATCH.events + EPOLL_EVENT.data + 4, 0, true);
    sys.epollCtl(epoll, EPOLL_CTL_ADD, fd, at + SCRATCH.events);
  }

  /** The epoll set reports `events`. */
  arrived(events: number): void {
    this.#events |= events & (POLLIN | POLLOUT | ENDED);
    this.#isDoubtful = false;
    this.onEvent?.(events);
  }

  poll(): number {
    if (this.#isDoubtful) this.#look();
    return this.#events;
  }

  #look(): void {
    const { sys, view, at } = this.#shared;
    view.setInt32(SCRATCH.pollfd + POLLFD.fd, this.#fd, true);
    view.setInt16(SCRATCH.pollfd + POLLFD.events, POLLIN | POLLOUT | POLLRDHUP, true);
    view.setInt16(SCRATCH.pollfd + POLLFD.revents, 0, true);
    const result = sys.pollNow(at + SCRATCH.pollfd);
    this.#events = result < 0 ? POLLERR : view.getUint16(SCRATCH.pollfd + POLLFD.revents, true);
    this.#isDoubtful = false;
  }

  bind(endpoint: Endpoint): number {
    const length = this.#shared.putAddress(this.#family, endpoint);
    return this.#shared.sys.bind(this.#fd, this.#shared.at + SCRATCH.address, length);
  }

  localEndpoint(): Endpoint | number {
    const { at, sys } = this.#shared;
    this.#shared.prepareAddress();
    const result = sys.getsockname(this.#fd, at + SCRATCH.address, at + SCRATCH.length);
    return result < 0 ? result : (this.#shared.takeAddress(this.#family) ?? -EIO);
  }

  listen(backlog: number): number {
    this.#isDoubtful = true;
    return this.#shared.sys.listen(this.#fd, backlog);
  }

  connect(endpoint: Endpoint): number {
    const { at, sys } = this.#shared;
    const length = this.#shared.putAddress(this.#family, endpoint);
    const result = sys.connect(this.#fd, at + SCRATCH.address, length);
    this.#events = 0;
    this.#isDoubtful = result !== -EINPROGRESS;
    return result;
  }

  accept(): AcceptedHostSocket | number {
    const { at, sys } = this.#shared;
    this.#shared.prepareAddress();
    const flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    const fd = sys.accept4(this.#fd, at + SCRATCH.address, at + SCRATCH.length, flags);
    if (fd < 0) {
      if (fd === -EAGAIN) this.#events &= ~POLLIN;
      return fd;
    }
    const remote = this.#shared.takeAddress(this.#family);
    this.#isDoubtful = true;
    const socket = new NativeSocket(this.#shared, fd, this.#family, true);
    const local = socket.localEndpoint();
    if (remote !== undefined && typeof local === 'object') return { socket, remote, local };
    socket.close();
    return -EAGAIN;
  }

  receive(target: Uint8Array, start: number, length: number, flags: number): number {
    const { at, sys } = this.#shared;
    const address = this.#shared.addressIn(target, start, length);
    if (!this.#isStream) {
      this.#shared.prepareAddress();
      const [name, nameLength] = [at + SCRATCH.address, at + SCRATCH.length];
      const count = sys.recvfrom(this.#fd, address, length, flags, name, nameLength);
      if (count === -EAGAIN) this.#events &= ~POLLIN;
      else if (count >= 0) {
        const from = this.#shared.takeAddress(this.#family);
        if (from === undefined) return -EIO;
        this.lastSender = from;
      }
      return count;
    }
    const count = sys.recvfrom(this.#fd, address, length, flags, 0, 0);
    if (count === -EAGAIN) this.#events &= ~POLLIN;
    else if ((flags & MSG.MSG_PEEK) !== 0 || count < 0) this.#isDoubtful = true;
    else if (count === length) this.#isDoubtful = true;
    // A short read has emptied the socket: new data is a new edge.
    else if ((this.#events & ENDED) === 0) this.#events &= ~POLLIN;
    return count;
  }

  send(source: Uint8Array, start: number, length: number, flags: number): number {
    const address = this.#shared.addressIn(source, start, length);
    const how = flags | MSG.MSG_NOSIGNAL;
    const count = this.#shared.sys.sendto(this.#fd, address, length, how, 0, 0);
    if (count === -EAGAIN || (count >= 0 && count < length)) this.#events &= ~POLLOUT;
    else if (count < 0) this.#isDoubtful = true;
    return count;
  }

  sendTo(source: Uint8Array, start: number, length: number, to: Endpoint): number {
    const { at, sys } = this.#shared;
    const address = this.#shared.addressIn(source, start, length);
    const nameLength = this.#shared.putAddress(this.#family, to);
    const name = at + SCRATCH.address;
    return sys.sendto(this.#fd, address, length, MSG.MSG_NOSIGNAL, name, nameLength);
  }

  takeError(): number {
    const { at, sys, view } = this.#shared;
    view.setUint32(SCRATCH.length, 4, true);
    const [value, length] = [at + SCRATCH.int, at + SCRATCH.length];
    const result = sys.getsockopt(this.#fd, SOL_SOCKET, SO.SO_ERROR, value, length);
    this.#isDoubtful = true;
    return result < 0 ? EIO : view.getInt32(SCRATCH.int, true);
  }

  setOption(level: number, option: number, value: number): number {
    const { at, sys, view } = this.#shared;
    view.setInt32(SCRATCH.int, value, true);
    return sys.setsockopt(this.#fd, level, option, at + SCRATCH.int, 4);
  }

  resetOnClose(): void {
    const { at, sys, view } = this.#shared;
    view.setInt32(SCRATCH.int, 1, true);
    view.setInt32(SCRATCH.int + 4, 0, true);
    sys.setsockopt(this.#fd, SOL_SOCKET, SO.SO_LINGER, at + SCRATCH.int, 8);
  }

  shutdown(how: number): number {
    this.#isDoubtful = true;
    return this.#shared.sys.shutdown(this.#fd, how);
  }

  readableBytes(): number {
    return this.#count(FIONREAD);
  }

  unsentBytes(): number {
    return this.#count(TIOCOUTQ);
  }

  #count(request: number): number {
    const { at, sys, view } = this.#shared;
    const result = sys.ioctl(this.#fd, request, at + SCRATCH.int);
    return result < 0 ? result : view.getInt32(SCRATCH.int, true);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#shared.sockets.delete(this.#fd);
    this.#shared.sys.close(this.#fd);
  }
}

const FIONREAD = 0x541b;
const TIOCOUTQ = 0x5411;

export class NativeNetwork implements HostNetwork, HostSocketService {
  readonly #shared: Shared;
  readonly #interfaces: () => readonly NetInterface[];
  /** Node.js' own epoll set; -1 when it is not to be had. */
  readonly #loop: number;
  #hasExactWait = true;

  constructor(libc: Libc, sys: RawSyscalls, interfaces: () => readonly NetInterface[]) {
    this.#shared = new Shared(libc, sys);
    this.#interfaces = interfaces;
    this.#loop = eventLoopDescriptor();
    if (this.#loop < 0) return;
    const { view, at, epoll } = this.#shared;
    view.setInt32(SCRATCH.events + EPOLL_EVENT.events, POLLIN, true);
    view.setInt32(SCRATCH.events + EPOLL_EVENT.data, this.#loop, true);
    view.setInt32(SCRATCH.events + EPOLL_EVENT.data + 4, 0, true);
    if (sys.epollCtl(epoll, EPOLL_CTL_ADD, this.#loop, at + SCRATCH.events) < 0) this.#loop = -1;
  }

  interfaces(): readonly NetInterface[] {
    return this.#interfaces();
  }

  open(family: number, isStream: boolean): HostSocket | number {
    if (family !== AF.AF_INET && family !== AF.AF_INET6) return -EAFNOSUPPORT;
    const type = (isStream ? SOCK.SOCK_STREAM : SOCK.SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const fd = this.#shared.sys.socket(family, type);
    return fd < 0 ? fd : new NativeSocket(this.#shared, fd, family, isStream);
  }

  get isActive(): boolean {
    return this.#shared.sockets.size > 0;
  }

  serve(timeoutNs: number): boolean {
    const { sys, at, view, epoll, sockets } = this.#shared;
    const longest = this.#loop < 0 ? 1_000_000 : LONGEST_WAIT_NS;
    const waitNs = Math.min(timeoutNs, longest);
    const count = this.#wait(epoll, at, waitNs, sys, view);
    let isLoopReady = this.#loop < 0 || (waitNs === LONGEST_WAIT_NS && count === 0);
    for (let i = 0; i < count; i++) {
      const from = SCRATCH.events + i * EPOLL_EVENT.bytes;
      const fd = view.getInt32(from + EPOLL_EVENT.data, true);
      if (fd === this.#loop) isLoopReady = true;
      else sockets.get(fd)?.arrived(view.getInt32(from + EPOLL_EVENT.events, true));
    }
    return !isLoopReady;
  }

  #wait(epoll: number, at: number, waitNs: number, sys: RawSyscalls, view: DataView): number {
    const events = at + SCRATCH.events;
    if (waitNs > 0 && this.#hasExactWait) {
      // Less than a second: LONGEST_WAIT_NS.
      view.setInt32(SCRATCH.timespec + 8, Math.floor(waitNs), true);
      const count = sys.epollWaitExactly(epoll, events, MAX_EVENTS, at + SCRATCH.timespec);
      if (count !== -ENOSYS) return count === -EINTR ? 0 : Math.min(count, MAX_EVENTS);
      this.#hasExactWait = false;
    }
    const count = sys.epollWait(epoll, events, MAX_EVENTS, Math.floor(waitNs / 1_000_000));
    return Math.min(count, MAX_EVENTS);
  }
}
