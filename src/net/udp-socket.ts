/**
 * udp(7) sockets. Datagrams between sockets of one instance stay inside; others go through one
 * socket of the host, opened on the first of them. Errors as in `net/ipv4/udp.c`.
 */

import {
  EACCES,
  EAGAIN,
  ECONNREFUSED,
  EDESTADDRREQ,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  ENOENT,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
} from '../abi/errno.table.ts';
import {
  IFF,
  IP,
  IPV6,
  SIOC,
  SOCKADDR_IN,
  SOL_IP,
  SOL_IPV6,
  SOL_UDP,
  UDP,
  UDP_MAX_BYTES,
  UDP6_MAX_BYTES,
} from '../abi/inet.ts';
import {
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDHUP,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
} from '../abi/poll-events.ts';
import { AF, MSG, SO, SOCK, SOL_SOCKET } from '../abi/socket.ts';
import { concatBytes } from '../base/concat-bytes.ts';
import type { OpenRequest } from '../vfs/open-file.ts';
import type { UserMemory } from '../vfs/user-memory.ts';
import type { ControlItem, Reception, Sending } from './addressed-socket.ts';
import { datagramControl, errorControl, timestamp } from './datagram-control.ts';
import {
  decodeEndpoint,
  type Endpoint,
  encodeEndpoint,
  familyOf,
  mappedAddress,
} from './endpoint.ts';
import { bounded } from './host-link.ts';
import type { HostSocket } from './host-network.ts';
import type { InetContext } from './inet-context.ts';
import { asInet, InetSocket } from './inet-socket.ts';
import type { PortTable } from './port-table.ts';
import { type SendingControl, sendingControl } from './sending-control.ts';

/** What a queued datagram costs beside its bytes: the buffer head of Linux. */
const OVERHEAD_BYTES = 768;
const READABLE = POLLIN | POLLRDNORM;

/** What control data changes in a datagram. */
const marksOf = ({ source: _source, ...marks }: SendingControl): Partial<Datagram> => marks;

export interface Datagram {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  /** Where it was sent to. */
  readonly to: Endpoint;
  readonly hops: number;
  readonly trafficClass: number;
  /** CLOCK_REALTIME. */
  readonly arrivedNs: bigint;
}

/** A datagram that could not be delivered: IP_RECVERR. */
export interface DatagramError {
  readonly errno: number;
  /** What was sent. */
  readonly bytes: Uint8Array;
  /** Where it was sent to. */
  readonly to: Endpoint;
}

export class UdpSocket extends InetSocket {
  #queue: Datagram[] = [];
  #queuedBytes = 0;
  #errors: DatagramError[] = [];
  #isReadShut = false;
  #isWriteShut = false;
  #host: HostSocket | undefined = undefined;
  #published: HostSocket[] = [];
  /** What MSG_MORE and UDP_CORK hold back, and where it goes: the first piece says. */
  #corked: { readonly to: Endpoint; readonly parts: Uint8Array[]; length: number } | undefined =
    undefined;
  /** When the last datagram that was read came, once somebody asked (SIOCGSTAMP). */
  #lastArrivalNs: bigint | undefined = undefined;
  /** Senders that came in by a published port are answered through it. */
  readonly #repliesThrough = new Map<string, HostSocket>();

  constructor(context: InetContext, request: OpenRequest, family: number) {
    super(context, request, family, SOCK.SOCK_DGRAM);
  }

  protected override get ports(): PortTable<this> {
    return this.context.udp as unknown as PortTable<this>;
  }

  protected override get isFresh(): boolean {
    return true;
  }

  override get isListening(): boolean {
    return false;
  }

  protected override take(endpoint: Endpoint): void {
    super.take(endpoint);
    this.ports.startReceiving(this);
    this.#published = this.context.host?.takePublished(endpoint.port, 'udp') ?? [];
    for (const socket of this.#published) this.#watch(socket);
  }

  #watch(socket: HostSocket): void {
    socket.onEvent = (events) => {
      if ((events & POLLIN) !== 0) this.#drain(socket);
      if ((events & POLLERR) !== 0) this.#hostError(socket);
      this.waitQueue.wake(events | READABLE);
    };
  }

  /** The host's part of a bind: a server's port, where it may listen there. */
  protected override claimHost(endpoint: Endpoint): number {
    const { host } = this.context;
    if (host === undefined || !host.rules.isOpen) return 0;
    if (endpoint.ip.isLoopback || endpoint.port === 0) return 0;
    const allowed = host.mayListen(endpoint.port, 'udp');
    if (allowed < 0) return allowed;
    const opened = this.#openHost(endpoint.ip.isV4);
    if (opened < 0) return opened;
    const bound = this.#host?.bind(endpoint) ?? 0;
    return Math.min(bound, 0);
  }

  #openHost(isV4: boolean): number {
    if (this.#host !== undefined) return 0;
    const opened = this.context.host?.network.open(isV4 ? AF.AF_INET : AF.AF_INET6, false);
    if (typeof opened !== 'object') return opened ?? -ENETUNREACH;
    this.#host = opened;
    if (this.option(SOL_SOCKET, SO.SO_REUSEADDR) !== 0)
      opened.setOption(SOL_SOCKET, SO.SO_REUSEADDR, 1);
    this.#watch(opened);
    return 0;
  }

  override listen(): number {
    return -EOPNOTSUPP;
  }

  override accept(): number {
    return -EOPNOTSUPP;
  }

  // --- connecting --------------------------------------------------------------------------------

  override connect(address: Uint8Array): number {
    if (familyOf(address) === AF.AF_UNSPEC) {
      this.remote = undefined;
      this.dropAutomaticPort();
      return 0;
    }
    const remote = this.resolveRemote(this.#inOwnFamily(address));
    if (typeof remote === 'number') return remote;
    const reachable = this.#reach(remote);
    if (reachable < 0) return reachable;
    if (remote.ip.isMulticast && this.local.ip.isWildcard) {
      const faces = this.context.interfaces();
      const { ip } = this.memberships.way(this.local.ip, remote.ip.isV4, faces);
      this.local = { ip, port: this.local.port };
    } else this.bindSource(remote);
    this.remote = remote;
    return this.takeAutomatic(true);
  }

  /** IPv6 sockets take plain IPv4 addresses, too (`ip6_datagram_connect`). */
  #inOwnFamily(address: Uint8Array): Uint8Array {
    if (this.family !== AF.AF_INET6 || familyOf(address) !== AF.AF_INET || this.isV6Only)
      return address;
    const endpoint = decodeEndpoint(AF.AF_INET, address);
    return typeof endpoint === 'number' ? address : mappedAddress(endpoint);
  }

  /** 0 where `remote` can be sent to, -errno where not. */
  #reach(remote: Endpoint): number {
    const { context } = this;
    const { ip } = remote;
    if (this.family === AF.AF_INET6 && ip.isV4 && this.isV6Only) return -ENETUNREACH;
    if (ip.isBroadcast && this.option(SOL_SOCKET, SO.SO_BROADCAST) === 0) return -EACCES;
    if (ip.isBroadcast) {
      context.logOnce('broadcast', 'broadcast is refused (ENETUNREACH)');
      return -ENETUNREACH;
    }
    if (ip.isMulticast) return 0;
    if (context.isOwn(ip)) return 0;
    const host = this.hostFor(remote, 'udp');
    return typeof host === 'number' ? host : 0;
  }

  override finishConnect(): number {
    return 0;
  }

  override shutdown(read: boolean, write: boolean): number {
    if (read) this.#isReadShut = true;
    if (write) this.#isWriteShut = true;
    this.waitQueue.wakeAll();
    // Linux says that it is not connected, and shuts it all the same.
    return this.remote === undefined ? -ENOTCONN : 0;
  }

  // --- sending -----------------------------------------------------------------------------------

  override send(source: Uint8Array, start: number, length: number, sending: Sending): number {
    if ((sending.flags & MSG.MSG_OOB) !== 0) return -EOPNOTSUPP;
    if (length > UDP6_MAX_BYTES) return -EMSGSIZE;
    const to = this.#corked?.to ?? this.#destination(sending.to);
    if (typeof to === 'number') return to;
    const whole = length + (this.#corked?.length ?? 0);
    if (whole > (to.ip.isV4 ? UDP_MAX_BYTES : UDP6_MAX_BYTES)) return -EMSGSIZE;
    const reachable = sending.to === undefined ? 0 : this.#reach(to);
    if (reachable < 0) return reachable;
    const error = this.takeError();
    if (error !== 0) return -error;
    if (this.#isWriteShut) return -EPIPE;
    const wanted = sendingControl(sending.control, to.ip.isV4);
    if (typeof wanted === 'number') return wanted;
    if (wanted.source !== undefined && !this.context.isOwn(wanted.source))
      return to.ip.isV4 ? -ENETUNREACH : -EINVAL;
    const bound = this.takeAutomatic(true);
    if (bound < 0) return bound;
    const holdsBack =
      (sending.flags & MSG.MSG_MORE) !== 0 || this.option(SOL_UDP, UDP.UDP_CORK) !== 0;
    if (holdsBack || this.#corked !== undefined) {
      this.#corked ??= { to, parts: [], length: 0 };
      this.#corked.parts.push(source.slice(start, start + length));
      this.#corked.length += length;
      return holdsBack ? length : this.#sendCorked(wanted, length);
    }
    return this.#emit(source, start, length, to, wanted);
  }

  /** What was held back leaves as one datagram; the result is `length` or -errno. */
  #sendCorked(wanted: SendingControl, length: number): number {
    const corked = this.#corked;
    if (corked === undefined) return length;
    this.#corked = undefined;
    const bytes = concatBytes(...corked.parts);
    const sent = this.#emit(bytes, 0, bytes.length, corked.to, wanted);
    return sent < 0 ? sent : length;
  }

  protected override optionChanged(level: number, option: number, value: number): void {
    if (level === SOL_UDP && option === UDP.UDP_CORK && value === 0) this.#sendCorked({}, 0);
  }

  #emit(
    source: Uint8Array,
    start: number,
    length: number,
    to: Endpoint,
    wanted: SendingControl,
  ): number {
    if (to.ip.isMulticast)
      return this.#sendToGroup(source.slice(start, start + length), to, wanted);
    const isLocal = this.context.isOwn(to.ip);
    const own = this.local.ip.isWildcard ? this.context.sourceFor(to.ip) : this.local.ip;
    const from = { ip: wanted.source ?? own, port: this.local.port };
    const receiver = isLocal ? this.context.udp.find(to, from) : undefined;
    if (receiver === undefined && !this.context.staysInside(to))
      return this.#sendToHost(source, start, length, to);
    const reply = this.#replyPath(to);
    if (reply !== undefined) return bounded(reply.sendTo(source, start, length, to), length);
    const bytes = source.slice(start, start + length);
    if (receiver === undefined) this.#undelivered({ errno: ECONNREFUSED, bytes, to });
    else receiver.#deliver({ ...this.#datagram(bytes, from, to), ...marksOf(wanted) });
    return length;
  }

  /** To all sockets of this instance that hear the group; the result is how much was sent. */
  #sendToGroup(bytes: Uint8Array, to: Endpoint, wanted: SendingControl): number {
    const { context } = this;
    const { isV4 } = to.ip;
    const { face, ip } = this.memberships.way(this.local.ip, isV4, context.interfaces());
    const from = { ip: wanted.source ?? ip, port: this.local.port };
    const [level, loop, hops] = isV4
      ? [SOL_IP, IP.IP_MULTICAST_LOOP, IP.IP_MULTICAST_TTL]
      : [SOL_IPV6, IPV6.IPV6_MULTICAST_LOOP, IPV6.IPV6_MULTICAST_HOPS];
    const isLoopback = (face.flags & IFF.IFF_LOOPBACK) !== 0;
    if (!isLoopback)
      context.logOnce('multicast', 'what is sent to groups stays inside the instance');
    // What leaves by the loopback comes back by it, whatever the sender wants.
    const returns = isLoopback || this.option(level, loop) !== 0;
    if (!returns || !context.groups.isHeard(to.ip, face.index)) return bytes.length;
    const plain = this.#datagram(bytes, from, to);
    const datagram = { ...plain, hops: this.option(level, hops), ...marksOf(wanted) };
    for (const socket of context.udp.listeners(to, from))
      if (socket.#hears(to, face.index)) socket.#deliver(datagram);
    return bytes.length;
  }

  /** `ip_mc_sf_allow`: a member, or one that takes all groups that somebody joined. */
  #hears({ ip }: Endpoint, index: number): boolean {
    if (this.memberships.has(ip, index)) return true;
    return ip.isV4
      ? this.option(SOL_IP, IP.IP_MULTICAST_ALL) !== 0
      : this.option(SOL_IPV6, IPV6.IPV6_MULTICAST_ALL) !== 0;
  }

  #destination(address: Uint8Array | undefined): Endpoint | number {
    if (address === undefined) return this.remote ?? -EDESTADDRREQ;
    // `udp_sendmsg`: without a family it is AF_INET, if the socket is.
    const isPlain = this.family === AF.AF_INET && familyOf(address) === AF.AF_UNSPEC;
    const given = isPlain && address.length >= SOCKADDR_IN.bytes ? asInet(address) : address;
    const to = this.resolveRemote(this.#inOwnFamily(given));
    if (typeof to === 'number') return to;
    return to.port === 0 ? -EINVAL : to;
  }

  #datagram(bytes: Uint8Array, from: Endpoint, to: Endpoint): Datagram {
    const isV4 = to.ip.isV4;
    return {
      ...{ bytes, from, to },
      hops: isV4 ? this.option(SOL_IP, IP.IP_TTL) : this.option(SOL_IPV6, IPV6.IPV6_UNICAST_HOPS),
      trafficClass: isV4 ? this.option(SOL_IP, IP.IP_TOS) : this.option(SOL_IPV6, IPV6.IPV6_TCLASS),
      arrivedNs: this.context.clock.realtimeNs(),
    };
  }

  #replyPath(to: Endpoint): HostSocket | undefined {
    return this.#published.length === 0
      ? undefined
      : this.#repliesThrough.get(`${to.ip.key} ${to.port}`);
  }

  #sendToHost(source: Uint8Array, start: number, length: number, to: Endpoint): number {
    const reply = this.#replyPath(to);
    if (reply === undefined) {
      const isV4 = to.ip.isV4;
      const opened = this.#openHost(isV4);
      if (opened < 0) return opened;
    }
    const socket = reply ?? (this.#host as HostSocket);
    return bounded(socket.sendTo(source, start, length, to), length);
  }

  #undelivered(error: DatagramError): void {
    const isV4 = error.to.ip.isV4;
    const keeps = isV4
      ? this.option(SOL_IP, IP.IP_RECVERR) !== 0
      : this.option(SOL_IPV6, IPV6.IPV6_RECVERR) !== 0;
    if (keeps) this.#errors.push(error);
    // Without IP_RECVERR only connected sockets hear of it.
    else if (this.remote === undefined) return;
    this.pendingError = error.errno;
    this.waitQueue.wake(POLLERR | POLLIN | POLLOUT);
  }

  // --- receiving ---------------------------------------------------------------------------------

  #deliver(datagram: Datagram): void {
    const cost = datagram.bytes.length + OVERHEAD_BYTES;
    // A full buffer drops, as the network would.
    if (this.#queue.length > 0 && this.#queuedBytes + cost > this.option(SOL_SOCKET, SO.SO_RCVBUF))
      return;
    this.#queue.push(datagram);
    this.#queuedBytes += cost;
    this.waitQueue.wake(READABLE);
  }

  /** Takes what the host has, as far as there is room. */
  #drain(socket: HostSocket): void {
    const buffer = this.context.datagramBuffer;
    for (;;) {
      if (this.#queuedBytes > this.option(SOL_SOCKET, SO.SO_RCVBUF)) return;
      const count = bounded(socket.receive(buffer, 0, buffer.length, 0), buffer.length);
      if (count < 0) {
        if (count !== -EAGAIN) this.pendingError = -count;
        return;
      }
      const from = socket.lastSender;
      const isPublished = socket !== this.#host;
      if (isPublished) this.#repliesThrough.set(`${from.ip.key} ${from.port}`, socket);
      const { remote } = this;
      const isWanted =
        remote === undefined || (remote.port === from.port && remote.ip.equals(from.ip));
      if (isWanted) this.#deliver(this.#datagram(buffer.slice(0, count), from, this.local));
    }
  }

  #hostError(socket: HostSocket): void {
    const errno = socket.takeError();
    if (errno > 0 && errno < 4096 && this.remote !== undefined)
      this.#undelivered({ errno, bytes: new Uint8Array(0), to: this.remote });
  }

  override receive(target: Uint8Array, start: number, length: number, how: Reception): number {
    if ((how.flags & MSG.MSG_ERRQUEUE) !== 0) return this.#receiveError(target, start, length, how);
    const datagram = this.#queue[0];
    if (datagram === undefined) {
      const error = this.takeError();
      if (error !== 0) return -error;
      return this.#isReadShut ? 0 : -EAGAIN;
    }
    const { bytes, from } = datagram;
    const count = Math.min(length, bytes.length);
    target.set(bytes.subarray(0, count), start);
    how.from = encodeEndpoint(this.family, from);
    if (count < bytes.length) how.resultFlags |= MSG.MSG_TRUNC;
    how.control = this.#controlOf(datagram);
    this.#lastArrivalNs = datagram.arrivedNs;
    if ((how.flags & MSG.MSG_PEEK) === 0) {
      this.#queue.shift();
      this.#queuedBytes -= bytes.length + OVERHEAD_BYTES;
      if (this.#queue.length === 0) this.#drainAll();
    }
    return (how.flags & MSG.MSG_TRUNC) !== 0 ? bytes.length : count;
  }

  /** Datagrams that had no room before. */
  #drainAll(): void {
    if (this.#host !== undefined) this.#drain(this.#host);
    for (const socket of this.#published) this.#drain(socket);
  }

  #controlOf(datagram: Datagram): ControlItem[] {
    return datagramControl(
      datagram,
      this.family,
      (level, option) => this.option(level, option) !== 0,
    );
  }

  #receiveError(target: Uint8Array, start: number, length: number, how: Reception): number {
    const error = this.#errors.shift();
    if (error === undefined) return -EAGAIN;
    this.pendingError = this.#errors[0]?.errno ?? 0;
    const count = Math.min(length, error.bytes.length);
    target.set(error.bytes.subarray(0, count), start);
    how.from = encodeEndpoint(this.family, error.to);
    how.resultFlags |= MSG.MSG_ERRQUEUE | (count < error.bytes.length ? MSG.MSG_TRUNC : 0);
    how.control = errorControl(error, this.family);
    return count;
  }

  override poll(): number {
    let events = POLLOUT | POLLWRNORM | POLLWRBAND;
    if (this.pendingError !== 0 || this.#errors.length > 0) events |= POLLERR;
    if (this.#queue.length > 0 || this.#isReadShut) events |= READABLE;
    if (this.#isReadShut) events |= POLLRDHUP;
    if (this.#isReadShut && this.#isWriteShut) events |= POLLHUP;
    return events;
  }

  protected override readableBytes(): number {
    return this.#queue[0]?.bytes.length ?? 0;
  }

  /** SIOCGSTAMP and SIOCGSTAMPNS: when the last datagram came (socket(7)). */
  override ioctl(command: number, argument: number, memory: UserMemory): number {
    if (command !== SIOC.SIOCGSTAMP && command !== SIOC.SIOCGSTAMPNS)
      return super.ioctl(command, argument, memory);
    if (this.#lastArrivalNs === undefined) return -ENOENT;
    const bytes = timestamp(this.#lastArrivalNs, command === SIOC.SIOCGSTAMPNS);
    return memory.write(argument, bytes) ? 0 : -EFAULT;
  }

  override peerName(): Uint8Array | number {
    if (this.remote?.port === 0) return -ENOTCONN;
    return super.peerName();
  }

  protected override closed(): void {
    this.memberships.close();
    this.dropPort();
    for (const socket of [this.#host, ...this.#published]) {
      if (socket === undefined) continue;
      socket.onEvent = undefined;
      socket.close();
    }
    this.#queue = [];
  }
}
