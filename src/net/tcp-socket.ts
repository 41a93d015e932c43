/**
 * tcp(7) sockets. Connections between sockets of one instance are {@link LoopbackLink}s, whatever
 * their addresses; others go to the host, as far as {@link HostAccess} permits. Errors and their
 * order are those of `net/ipv4/af_inet.c` and `tcp.c`.
 *
 * Deviation: no TIME_WAIT; the port of a closed connection is free at once. Urgent data stays inside
 * the instance.
 */

import {
  EADDRINUSE,
  EAGAIN,
  EALREADY,
  ECONNABORTED,
  ECONNREFUSED,
  ECONNRESET,
  EFAULT,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  ENETUNREACH,
  ENOENT,
  ENOTCONN,
  EPIPE,
} from '../abi/errno.table.ts';
import { SIOC, SOL_TCP, TCP, TCP_STATE, type TcpState } from '../abi/inet.ts';
import {
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDHUP,
  POLLRDNORM,
  POLLWRNORM,
} from '../abi/poll-events.ts';
import { AF, MSG, SO, SOCK, SOL_SOCKET } from '../abi/socket.ts';
import type { Credentials } from '../vfs/credentials.ts';
import type { OpenRequest } from '../vfs/open-file.ts';
import type { UserMemory } from '../vfs/user-memory.ts';
import { intBytes, type Reception, type Sending } from './addressed-socket.ts';
import { type Endpoint, familyOf } from './endpoint.ts';
import { HOST_OPTIONS, HostLink, widen } from './host-link.ts';
import { HostListeners } from './host-listeners.ts';
import type { HostSocket } from './host-network.ts';
import type { InetContext } from './inet-context.ts';
import { InetSocket } from './inet-socket.ts';
import { LoopbackLink } from './loopback-link.ts';
import type { PortTable } from './port-table.ts';
import { RECEIVE_BUFFER, SEND_BUFFER } from './socket-options.table.ts';
import type { LinkOwner, StreamLink } from './stream-link.ts';
import { CUBIC, congestionOf } from './tcp-congestion.ts';
import { tcpInfo } from './tcp-info.ts';

/** `net.core.somaxconn`. */
const BACKLOG_MAX = 4096;
/** What a connection may hold unread where no buffer was set: Linux grows buffers by itself. */
const AUTOMATIC_BYTES = 262_144;
const ALL_EVENTS = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLERR | POLLHUP | POLLRDHUP;

export class TcpSocket extends InetSocket implements LinkOwner {
  #link: StreamLink | undefined = undefined;
  #isListening = false;
  #backlogLimit = 0;
  /** Established, not yet accepted. */
  #backlog: TcpSocket[] = [];
  /** Clients that wait for room in the backlog. */
  #waiting: TcpSocket[] = [];
  readonly #host: HostListeners;
  /** SYN_SENT: the listener without room, or the host. */
  #isConnecting = false;
  /** connect(2) has not yet told how it ended: SS_CONNECTING. */
  #owesResult = false;
  #waitsFor: TcpSocket | undefined = undefined;
  /** Without a connection: an attempt failed, or shutdown(2) was called all the same. */
  #isShut = false;
  // Of options, where every call would look them up.
  #lowWater = 1;
  #tellsWaiting = false;
  #congestion = CUBIC;
  takesUrgentInline = false;
  receiveBytes = AUTOMATIC_BYTES;
  sendBytes = AUTOMATIC_BYTES;

  constructor(context: InetContext, request: OpenRequest, family: number) {
    super(context, request, family, SOCK.SOCK_STREAM);
    this.#host = new HostListeners(context, (events) => this.linkEvent(events));
  }

  protected override get ports(): PortTable<this> {
    return this.context.tcp as unknown as PortTable<this>;
  }

  get state(): TcpState {
    if (this.#isListening) return TCP_STATE.listen;
    if (this.#isConnecting) return TCP_STATE.synSent;
    return this.#link?.state ?? TCP_STATE.close;
  }

  protected override get isFresh(): boolean {
    return !this.#isListening && !this.#isConnecting && this.#link === undefined;
  }

  override get isListening(): boolean {
    return this.#isListening;
  }

  override get blocksForAll(): boolean {
    return true;
  }

  // --- listening ---------------------------------------------------------------------------------

  protected override claimHost(endpoint: Endpoint): number {
    return this.#host.claim(endpoint, this);
  }

  override listen(backlog: number): number {
    if (!this.#isListening && !this.isFresh) return -EINVAL;
    const wanted = backlog >>> 0;
    if (this.#isListening) {
      this.#backlogLimit = Math.min(wanted, BACKLOG_MAX);
      return 0;
    }
    const bound = this.takeAutomatic(false);
    if (bound < 0) return bound;
    const { ip, port } = this.local;
    if (this.ports.conflicts(this, ip, port)) return -EADDRINUSE;
    const opened = this.#host.listen(this.local, Math.min(wanted, BACKLOG_MAX), this);
    if (opened < 0) return opened;
    this.#isListening = true;
    this.#backlogLimit = Math.min(wanted, BACKLOG_MAX);
    this.ports.startReceiving(this);
    return 0;
  }

  override accept(): TcpSocket | number {
    if (!this.#isListening) return -EINVAL;
    const first = this.#backlog.shift();
    if (first === undefined) return this.#acceptFromHost();
    const client = this.#waiting.shift();
    if (client !== undefined) client.#establish(this);
    return first;
  }

  #acceptFromHost(): TcpSocket | number {
    const accepted = this.#host.accept();
    if (typeof accepted === 'number') return accepted;
    const child = this.#child({ ip: accepted.local.ip, port: this.local.port }, accepted.remote);
    child.#useHost(accepted.socket);
    return child;
  }

  /** A socket for one connection that came to this listener. */
  #child(local: Endpoint, remote: Endpoint): TcpSocket {
    const { context } = this;
    const request = context.fs.request(this.credentials, false);
    const child = new TcpSocket(context, request, this.family);
    child.inherit(this);
    child.#lowWater = this.#lowWater;
    child.#tellsWaiting = this.#tellsWaiting;
    child.#congestion = this.#congestion;
    child.takesUrgentInline = this.takesUrgentInline;
    child.receiveBytes = this.receiveBytes;
    child.sendBytes = this.sendBytes;
    child.take(local);
    child.remote = remote;
    return child;
  }

  #stopListening(): void {
    this.#isListening = false;
    this.ports.stopReceiving(this);
    this.#host.close();
    for (const client of this.#waiting) client.#refuse(ECONNREFUSED);
    this.#waiting = [];
    for (const child of this.#backlog) {
      child.#abort();
      child.release();
    }
    this.#backlog = [];
  }

  // --- connecting --------------------------------------------------------------------------------

  override connect(address: Uint8Array): number {
    if (familyOf(address) === AF.AF_UNSPEC) return this.#disconnect();
    if (this.#owesResult) {
      if (this.#isConnecting) return -EALREADY;
      return this.finishConnect();
    }
    if (!this.isFresh) return -EISCONN;
    const remote = this.resolveRemote(address);
    if (typeof remote === 'number') return remote;
    if (this.family === AF.AF_INET6 && remote.ip.isV4 && this.isV6Only) return -ENETUNREACH;
    if (remote.ip.isMulticast || remote.ip.isBroadcast) return -ENETUNREACH;
    const started = this.#start(remote);
    if (started < 0) return started;
    this.#owesResult = true;
    return -EINPROGRESS;
  }

  #start(remote: Endpoint): number {
    const { context } = this;
    this.pendingError = 0;
    this.#isShut = false;
    const listener = context.isOwn(remote.ip)
      ? context.tcp.find(remote, { ip: context.sourceFor(remote.ip), port: this.local.port })
      : undefined;
    if (listener === undefined && !context.staysInside(remote)) return this.#startOnHost(remote);
    const bound = this.takeAutomatic(true);
    if (bound < 0) return bound;
    this.bindSource(remote);
    this.remote = remote;
    const isItself = remote.port === this.local.port && remote.ip.equals(this.local.ip);
    if (listener === undefined && isItself) this.#link = LoopbackLink.toItself(this);
    else if (listener === undefined) this.#refuse(ECONNREFUSED);
    else if (listener.#backlog.length > listener.#backlogLimit) {
      // Linux drops the SYN, and sends it again until there is room.
      this.#isConnecting = true;
      this.#waitsFor = listener;
      listener.#waiting.push(this);
    } else this.#establish(listener);
    return 0;
  }

  #establish(listener: TcpSocket): void {
    const remote = this.remote as Endpoint;
    const child = listener.#child(remote, this.local);
    [this.#link, child.#link] = LoopbackLink.pair(this, child);
    listener.#backlog.push(child);
    const waited = this.#isConnecting;
    this.#isConnecting = false;
    this.#waitsFor = undefined;
    listener.waitQueue.wake(POLLIN | POLLRDNORM);
    if (waited) this.waitQueue.wake(POLLOUT | POLLWRNORM);
  }

  #refuse(error: number): void {
    this.#isConnecting = false;
    this.#waitsFor = undefined;
    this.pendingError = error;
    this.#isShut = true;
    this.remote = undefined;
    this.dropAutomaticPort();
    this.waitQueue.wakeAll();
  }

  override finishConnect(): number {
    if (this.#isConnecting) return -EAGAIN;
    this.#owesResult = false;
    const error = this.takeError();
    if (this.#link !== undefined && error === 0) return 0;
    this.#isShut = false;
    return -(error || ECONNABORTED);
  }

  #startOnHost(remote: Endpoint): number {
    const host = this.hostFor(remote, 'tcp');
    if (typeof host === 'number') return host;
    const socket = host.network.open(remote.ip.isV4 ? AF.AF_INET : AF.AF_INET6, true);
    if (typeof socket === 'number') return socket;
    const bound = this.isBound ? socket.bind(this.local) : 0;
    const started = bound < 0 ? bound : socket.connect(remote);
    const local = socket.localEndpoint();
    const isBad = started < 0 && started !== -EINPROGRESS;
    if (isBad || typeof local === 'number') {
      socket.close();
      return isBad ? started : -ENETUNREACH;
    }
    this.remote = remote;
    if (this.isBound) this.local = { ip: local.ip, port: this.local.port };
    else this.take(local);
    this.#isConnecting = started === -EINPROGRESS;
    this.#useHost(socket);
    if (this.#isConnecting) socket.onEvent = () => this.#hostConnected(socket);
    return 0;
  }

  #useHost(socket: HostSocket): void {
    this.#link = new HostLink(socket, this);
    for (const [level, option] of HOST_OPTIONS)
      if (this.kept.wasSet(level, option))
        socket.setOption(level, option, this.option(level, option));
  }

  #hostConnected(socket: HostSocket): void {
    if ((socket.poll() & (POLLOUT | POLLERR | POLLHUP)) === 0) return;
    const error = socket.takeError();
    if (error === 0) {
      socket.onEvent = (events) => this.linkEvent(widen(events));
      this.#isConnecting = false;
      this.waitQueue.wake(POLLOUT | POLLWRNORM);
      return;
    }
    this.#link?.close(false);
    this.#link = undefined;
    this.#refuse(error > 0 && error < 4096 ? error : ECONNREFUSED);
  }

  /** connect(2) with AF_UNSPEC: tcp_disconnect. */
  #disconnect(): number {
    if (this.#isListening) this.#stopListening();
    const wasConnected = this.#link !== undefined && !this.#isConnecting;
    this.#abort();
    this.pendingError = wasConnected ? ECONNRESET : 0;
    this.#isShut = false;
    this.#owesResult = false;
    this.dropAutomaticPort();
    return 0;
  }

  /** Ends a connection, or the attempt at one, by a reset. */
  #abort(): void {
    this.#leaveQueue();
    this.#link?.close(true);
    this.#link = undefined;
    this.remote = undefined;
  }

  #leaveQueue(): void {
    const listener = this.#waitsFor;
    if (listener !== undefined)
      listener.#waiting = listener.#waiting.filter((client) => client !== this);
    this.#waitsFor = undefined;
    this.#isConnecting = false;
  }

  // --- data --------------------------------------------------------------------------------------

  override send(source: Uint8Array, start: number, length: number, sending: Sending): number {
    if (this.pendingError !== 0) return -this.takeError();
    if (this.#isConnecting) return -EAGAIN;
    const isUrgent = (sending.flags & MSG.MSG_OOB) !== 0;
    if (isUrgent && this.#link instanceof HostLink)
      this.context.logOnce('MSG_OOB', 'urgent data (MSG_OOB) to the host is refused (EOPNOTSUPP)');
    return this.#link === undefined ? -EPIPE : this.#link.send(source, start, length, isUrgent);
  }

  override receive(target: Uint8Array, start: number, length: number, how: Reception): number {
    if ((how.flags & MSG.MSG_ERRQUEUE) !== 0) return -EAGAIN;
    const link = this.#link;
    if (link === undefined || this.#isConnecting) {
      if ((how.flags & MSG.MSG_OOB) !== 0 && !this.#isListening) return -EINVAL;
      if (this.#isConnecting) return -EAGAIN;
      const error = this.takeError();
      if (error !== 0) return -error;
      return this.#isShut ? 0 : -ENOTCONN;
    }
    const isPeek = (how.flags & MSG.MSG_PEEK) !== 0;
    if ((how.flags & MSG.MSG_OOB) === 0) {
      const got = link.receive(target, start, length, isPeek);
      if (this.#tellsWaiting && got >= 0)
        how.control = [{ level: SOL_TCP, type: TCP.TCP_INQ, bytes: intBytes(link.readableBytes) }];
      return got;
    }
    const count = link.receiveUrgent(target, start, length, isPeek);
    if (count >= 0) how.resultFlags |= count === 0 ? MSG.MSG_OOB | MSG.MSG_TRUNC : MSG.MSG_OOB;
    return count;
  }

  override read(target: Uint8Array, start: number, length: number): number {
    const link = this.#link;
    if (link !== undefined && !this.#isConnecting)
      return link.receive(target, start, length, false);
    return super.read(target, start, length);
  }

  override poll(): number {
    if (this.#isListening) {
      const isReady = this.#backlog.length > 0 || this.#host.isReady;
      return isReady ? POLLIN | POLLRDNORM : 0;
    }
    const error = this.pendingError === 0 ? 0 : POLLERR;
    if (this.#isConnecting) return error;
    const link = this.#link;
    if (link !== undefined) return error | link.poll(this.#lowWater);
    const closed = POLLHUP | POLLOUT | POLLWRNORM;
    return this.#isShut ? error | closed | POLLIN | POLLRDNORM | POLLRDHUP : error | closed;
  }

  linkEvent(events: number): void {
    this.waitQueue.wake(events);
  }

  urgentArrived(): void {
    this.context.tellUrgent(this);
  }

  override ioctl(command: number, argument: number, memory: UserMemory): number {
    // Nothing is on its way: what was sent is there (SIOCOUTQNSD), and no packet has a time.
    if (command === SIOC.SIOCGSTAMP || command === SIOC.SIOCGSTAMPNS) return -ENOENT;
    if (command !== SIOC.SIOCOUTQNSD) return super.ioctl(command, argument, memory);
    if (this.#isListening) return -EINVAL;
    return memory.write(argument, intBytes(0)) ? 0 : -EFAULT;
  }

  protected override get isAtMark(): boolean {
    return this.#link?.isAtMark ?? false;
  }

  protected override readableBytes(): number {
    if (this.#isListening) return -EINVAL;
    return this.#link?.readableBytes ?? 0;
  }

  protected override unsentBytes(): number {
    if (this.#isListening) return -EINVAL;
    return this.#link?.unsentBytes ?? 0;
  }

  // --- the rest ----------------------------------------------------------------------------------

  override takeError(): number {
    return super.takeError() || (this.#isConnecting ? 0 : (this.#link?.takeError() ?? 0));
  }

  override peerName(): Uint8Array | number {
    const { state } = this;
    const isOver = state === TCP_STATE.close || state === TCP_STATE.synSent;
    return isOver || this.#isListening ? -ENOTCONN : super.peerName();
  }

  override shutdown(read: boolean, write: boolean): number {
    if (this.#isListening) {
      if (!read) return 0;
      this.#stopListening();
      this.waitQueue.wakeAll(ALL_EVENTS);
      return 0;
    }
    if (this.#isConnecting) {
      this.#abort();
      this.#refuse(0);
      return 0;
    }
    if (this.#link === undefined) {
      if (read) this.#isShut = true;
      return -ENOTCONN;
    }
    if (this.#link.state === TCP_STATE.close) return -ENOTCONN;
    this.#link.shutdown(read, write);
    return 0;
  }

  protected override protocolOption(
    level: number,
    option: number,
  ): Uint8Array | number | undefined {
    if (level !== SOL_TCP) return super.protocolOption(level, option);
    if (option === TCP.TCP_INFO) return tcpInfo(this.state);
    if (option === TCP.TCP_CONGESTION) return this.#congestion;
    if (option === TCP.TCP_MAXSEG) return intBytes(this.#segmentBytes);
    return undefined;
  }

  get #segmentBytes(): number {
    const wanted = this.option(SOL_TCP, TCP.TCP_MAXSEG);
    if (this.remote === undefined) return wanted || 536;
    const fits = this.context.mtuTo(this.remote.ip) - 52;
    return wanted === 0 ? fits : Math.min(wanted, fits);
  }

  override setOption(level: number, option: number, value: Uint8Array, who: Credentials): number {
    if (level !== SOL_TCP) return super.setOption(level, option, value, who);
    if (option === TCP.TCP_CONGESTION) {
      const wanted = congestionOf(value);
      if (wanted === undefined) return value.length === 0 ? -EINVAL : -ENOENT;
      this.#congestion = wanted;
      return 0;
    }
    // There are no protocols above this one to stack (`tcp_set_ulp`).
    if (option === TCP.TCP_ULP) return value.length === 0 ? -EINVAL : -ENOENT;
    return super.setOption(level, option, value, who);
  }

  protected override optionChanged(level: number, option: number, value: number): void {
    if (level === SOL_SOCKET) this.#cacheOption(option, value);
    if (level === SOL_TCP && option === TCP.TCP_INQ) this.#tellsWaiting = value !== 0;
    const link = this.#link;
    if (!(link instanceof HostLink)) return;
    if (HOST_OPTIONS.some(([l, o]) => l === level && o === option))
      link.socket.setOption(level, option, value);
  }

  #cacheOption(option: number, value: number): void {
    if (option === SO.SO_RCVLOWAT) this.#lowWater = value;
    else if (option === SO.SO_OOBINLINE) this.takesUrgentInline = value !== 0;
    else if (option === SO.SO_RCVBUF) this.receiveBytes = Math.max(value, RECEIVE_BUFFER.least);
    else if (option === SO.SO_SNDBUF) this.sendBytes = Math.max(value, SEND_BUFFER.least);
  }

  protected override closed(): void {
    if (this.#isListening) this.#stopListening();
    this.#host.close();
    this.#leaveQueue();
    this.#link?.close(this.linger.isOn && this.linger.seconds === 0);
    this.#link = undefined;
    this.dropPort();
  }
}
