/** What TCP and UDP sockets share: names, ports, options (ip(7), socket(7)). */

import { CAP_NET_ADMIN, CAP_NET_BIND_SERVICE } from '../abi/capability.ts';
import {
  EACCES,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EINVAL,
  ENETUNREACH,
  ENODEV,
  ENOPROTOOPT,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
} from '../abi/errno.table.ts';
import {
  IP,
  IPPROTO,
  IPV6,
  SOL_IP,
  SOL_IPV6,
  SOL_TCP,
  SOL_UDP,
  UNPRIVILEGED_PORT,
} from '../abi/inet.ts';
import { AF, SO, SOCK, SOL_SOCKET } from '../abi/socket.ts';
import { type Credentials, hasCapability } from '../vfs/credentials.ts';
import type { OpenRequest } from '../vfs/open-file.ts';
import { AddressedSocket, intBytes } from './addressed-socket.ts';
import { anyOf, decodeEndpoint, type Endpoint, encodeEndpoint, familyOf } from './endpoint.ts';
import type { HostAccess } from './host-access.ts';
import type { InetContext } from './inet-context.ts';
import { LOOPBACK_INTERFACE } from './interfaces.ts';
import { ANY4, LOOPBACK4, LOOPBACK6 } from './ip.ts';
import { KeptOptions } from './kept-options.ts';
import { Memberships } from './multicast.ts';
import type { PortHolder, PortTable } from './port-table.ts';
import { OPTION_ROWS } from './socket-options.table.ts';

export abstract class InetSocket extends AddressedSocket implements PortHolder {
  override readonly family: number;
  override readonly type: number;
  readonly context: InetContext;
  local: Endpoint;
  remote: Endpoint | undefined = undefined;
  readonly uid: number;
  protected readonly kept: KeptOptions;
  protected readonly memberships: Memberships;
  /** SO_ERROR. */
  protected pendingError = 0;
  /** SO_BINDTODEVICE: the name with its NUL. */
  #device: Uint8Array = NO_BYTES;
  /** Holds `local.port` in the table of ports. */
  #holdsPort = false;
  /** bind(2) named the port: it stays when a connection ends. */
  #isPortOwn = false;

  constructor(context: InetContext, request: OpenRequest, family: number, type: number) {
    super(request);
    this.context = context;
    this.memberships = new Memberships(context.groups);
    this.family = family;
    this.type = type;
    this.local = anyOf(family);
    this.uid = request.credentials.fsuid;
    const isV4 = family === AF.AF_INET;
    const kind = type === SOCK.SOCK_STREAM ? 'stream' : 'datagram';
    this.kept = new KeptOptions(OPTION_ROWS[`${kind}${isV4 ? 4 : 6}`]);
  }

  protected abstract readonly ports: PortTable<this>;
  /** May be bound and given a listener's place now. */
  protected abstract readonly isFresh: boolean;
  abstract readonly isListening: boolean;

  get isV6Only(): boolean {
    return this.option(SOL_IPV6, IPV6.IPV6_V6ONLY) !== 0;
  }

  get reusesAddress(): boolean {
    return this.option(SOL_SOCKET, SO.SO_REUSEADDR) !== 0;
  }

  get reusesPort(): boolean {
    return this.option(SOL_SOCKET, SO.SO_REUSEPORT) !== 0;
  }

  get isBound(): boolean {
    return this.#holdsPort;
  }

  /** Bytes that wait to be read: /proc/net. */
  get queuedBytes(): number {
    return Math.max(0, this.readableBytes());
  }

  // --- names -------------------------------------------------------------------------------------

  override bind(address: Uint8Array, who: Credentials): number {
    const endpoint = this.#bindAddress(address);
    if (typeof endpoint === 'number') return endpoint;
    const { ip, port } = endpoint;
    if (port > 0 && port < UNPRIVILEGED_PORT && !hasCapability(who, CAP_NET_BIND_SERVICE))
      return -EACCES;
    if (!this.isFresh || this.#holdsPort) return -EINVAL;
    const chosen = port === 0 ? this.ports.automatic(false) : port;
    if (chosen < 0) return chosen;
    if (port !== 0 && this.ports.conflicts(this, ip, port)) return -EADDRINUSE;
    const taken = this.claimHost({ ...endpoint, port });
    if (taken < 0) return taken;
    this.take({ ...endpoint, port: taken > 0 ? taken : chosen });
    this.#isPortOwn = port !== 0;
    return 0;
  }

  #bindAddress(address: Uint8Array): Endpoint | number {
    // ip(7): AF_UNSPEC with INADDR_ANY is taken for AF_INET.
    const isUnspecified = this.family === AF.AF_INET && familyOf(address) === AF.AF_UNSPEC;
    const given = isUnspecified && address.length >= 16 ? asInet(address) : address;
    const endpoint = decodeEndpoint(this.family, given);
    if (typeof endpoint === 'number') return endpoint;
    const { ip } = endpoint;
    if (isUnspecified && !ip.isWildcard) return -EAFNOSUPPORT;
    if (this.family === AF.AF_INET6) {
      if (ip.isV4 && this.isV6Only) return -EINVAL;
      if (ip.isLinkLocal && (endpoint.scopeId ?? 0) === 0) return -EINVAL;
    }
    if (ip.isWildcard || this.context.isOwn(ip)) return endpoint;
    if (ip.isMulticast) return this.type === SOCK.SOCK_DGRAM ? endpoint : -EADDRNOTAVAIL;
    return this.option(SOL_IP, IP.IP_FREEBIND) !== 0 ? endpoint : -EADDRNOTAVAIL;
  }

  /**
   * The host's part of a bind, where the address is one of the host's: 0 when it has none, the port
   * that the host chose, or -errno.
   */
  protected claimHost(_endpoint: Endpoint): number {
    return 0;
  }

  /** Holds the port of `endpoint` from now on. */
  protected take(endpoint: Endpoint): void {
    this.local = endpoint;
    this.ports.add(this);
    this.#holdsPort = true;
  }

  /** Binds an unbound socket to an automatic port. 0 or -errno. */
  protected takeAutomatic(isClient: boolean): number {
    if (this.#holdsPort) return 0;
    const port = this.ports.automatic(isClient);
    if (port < 0) return port;
    this.take({ ip: this.local.ip, port });
    return 0;
  }

  /** The address that packets to `ip` come from, where none is bound. */
  protected bindSource(remote: Endpoint): void {
    if (!this.local.ip.isWildcard) return;
    const ip = this.context.sourceFor(remote.ip);
    // The table of ports finds by port alone: the address may change in place.
    this.local = { ip, port: this.local.port };
  }

  protected dropPort(): void {
    if (!this.#holdsPort) return;
    this.ports.remove(this);
    this.#holdsPort = false;
    this.#isPortOwn = false;
    this.local = anyOf(this.family);
  }

  /** A connection is over: an automatic port goes back. */
  protected dropAutomaticPort(): void {
    if (!this.#isPortOwn) this.dropPort();
  }

  override localName(): Uint8Array {
    return encodeEndpoint(this.family, this.local);
  }

  override peerName(): Uint8Array | number {
    return this.remote === undefined ? -ENOTCONN : encodeEndpoint(this.family, this.remote);
  }

  /** Where connect(2) and sendto(2) lead: the wildcard means this machine. */
  protected resolveRemote(address: Uint8Array): Endpoint | number {
    const endpoint = decodeEndpoint(this.family, address);
    if (typeof endpoint === 'number' || !endpoint.ip.isWildcard) return endpoint;
    const isV4 = endpoint.ip.isV4 || (this.local.ip.isV4 && !this.local.ip.isWildcard);
    return { ...endpoint, ip: isV4 ? LOOPBACK4 : LOOPBACK6 };
  }

  /** The host's network, where this run may use it for `remote`; -errno, with a line in the log. */
  protected hostFor(remote: Endpoint, protocol: 'tcp' | 'udp'): HostAccess | number {
    const { host } = this.context;
    if (this.#device.length > 0) return -ENETUNREACH;
    if (host === undefined || !host.rules.isOpen) {
      const { ip, port } = remote;
      const doing = protocol === 'tcp' ? 'connecting' : 'sending';
      this.context.logOnce(
        `network ${ip.key} ${port}`,
        `${doing} to ${ip} port ${port} is refused: this run has no network (--network host)`,
      );
      return -ENETUNREACH;
    }
    const allowed = host.mayConnect(remote, protocol);
    return allowed < 0 ? allowed : host;
  }

  // --- options -----------------------------------------------------------------------------------

  option(level: number, option: number): number {
    return this.kept.value(level, option);
  }

  takeError(): number {
    const error = this.pendingError;
    this.pendingError = 0;
    return error;
  }

  override getOption(level: number, option: number): Uint8Array | number {
    const own =
      level === SOL_SOCKET ? this.#socketOption(option) : this.protocolOption(level, option);
    if (own !== undefined) return own;
    const may = this.kept.mayRead(level, option);
    if (may === undefined) return this.#hasLevel(level) ? -ENOPROTOOPT : -EOPNOTSUPP;
    return may < 0 ? may : intBytes(this.option(level, option));
  }

  #hasLevel(level: number): boolean {
    const own = this.type === SOCK.SOCK_STREAM ? SOL_TCP : SOL_UDP;
    // `ip_getsockopt` and `ipv6_getsockopt` differ in this.
    if (this.family === AF.AF_INET6) return true;
    return level === SOL_SOCKET || level === SOL_IP || level === own;
  }

  #socketOption(option: number): Uint8Array | number | undefined {
    switch (option) {
      case SO.SO_TYPE:
        return intBytes(this.type);
      case SO.SO_DOMAIN:
        return intBytes(this.family);
      case SO.SO_PROTOCOL:
        return intBytes(this.type === SOCK.SOCK_STREAM ? IPPROTO.IPPROTO_TCP : IPPROTO.IPPROTO_UDP);
      case SO.SO_ERROR:
        return intBytes(this.takeError());
      case SO.SO_ACCEPTCONN:
        return intBytes(this.isListening ? 1 : 0);
      case SO.SO_LINGER:
        return this.lingerBytes();
      case SO.SO_PEERCRED: {
        const bytes = new Uint8Array(12).fill(0xff);
        bytes.fill(0, 0, 4);
        return bytes;
      }
      case SO.SO_COOKIE: {
        const bytes = new Uint8Array(8);
        new DataView(bytes.buffer).setUint32(0, this.inode.ino, true);
        return bytes;
      }
      case SO.SO_BINDTODEVICE:
        return this.#device;
      case SO.SO_PEERNAME:
        return this.peerName();
      case SO.SO_PASSCRED:
      case SO.SO_PASSSEC:
      case SO.SO_PASSPIDFD:
      case SO.SO_PASSRIGHTS:
        return -EOPNOTSUPP;
      default:
        return undefined;
    }
  }

  /** Options of the protocol that are not merely kept; undefined for all others. */
  protected protocolOption(level: number, option: number): Uint8Array | number | undefined {
    if (level === SOL_IP && option === IP.IP_OPTIONS) return new Uint8Array(0);
    if (level === SOL_IP && option === IP.IP_MULTICAST_IF)
      return (this.memberships.sendAddress ?? ANY4).bytes.slice(12);
    if (level === SOL_IPV6 && option === IPV6.IPV6_MULTICAST_IF)
      return intBytes(this.memberships.sendIndex);
    const asksMtu =
      (level === SOL_IP && option === IP.IP_MTU) ||
      (level === SOL_IPV6 && option === IPV6.IPV6_MTU);
    if (!asksMtu) return undefined;
    return this.remote === undefined ? -ENOTCONN : intBytes(this.context.mtuTo(this.remote.ip));
  }

  override setOption(level: number, option: number, value: Uint8Array, who: Credentials): number {
    const own = this.#setOwn(level, option, value, who);
    if (own !== undefined) return own;
    const result = this.kept.set(level, option, value, who);
    if (result < 0) return result;
    this.optionChanged(level, option, this.option(level, option));
    return 0;
  }

  /** A kept option has a new value. */
  protected optionChanged(_level: number, _option: number, _value: number): void {
    // Most are only kept.
  }

  #setOwn(level: number, option: number, value: Uint8Array, who: Credentials): number | undefined {
    if (level === SOL_SOCKET) {
      if (READ_ONLY.has(option)) return -ENOPROTOOPT;
      if (OF_MESSAGES.has(option)) return -EOPNOTSUPP;
      if (option === SO.SO_LINGER) return this.setLinger(value);
      if (option === SO.SO_BINDTODEVICE) return this.#bindToDevice(value);
      if (option === SO.SO_SNDBUFFORCE || option === SO.SO_RCVBUFFORCE) {
        if (!hasCapability(who, CAP_NET_ADMIN)) return -EPERM;
        const plain = option === SO.SO_SNDBUFFORCE ? SO.SO_SNDBUF : SO.SO_RCVBUF;
        return this.setOption(level, plain, value, who);
      }
      return undefined;
    }
    if (level === SOL_IPV6 && option === IPV6.IPV6_V6ONLY && this.#holdsPort) return -EINVAL;
    return this.memberships.setOption(
      level,
      option,
      value,
      this.context.interfaces(),
      this.type === SOCK.SOCK_STREAM,
    );
  }

  /** An interface by name, or none. Only the loopback may carry the socket's packets alone. */
  #bindToDevice(value: Uint8Array): number {
    const end = value.indexOf(0);
    const name = String.fromCharCode(...(end < 0 ? value : value.subarray(0, end)).subarray(0, 15));
    if (name !== '' && name !== LOOPBACK_INTERFACE.name) return -ENODEV;
    this.#device = name === '' ? NO_BYTES : DEVICE_LOOPBACK;
    return 0;
  }

  /** What accept(2) inherits from the listener. */
  protected inherit(listener: InetSocket): void {
    this.kept.inherit(listener.kept);
    this.linger = listener.linger;
    this.receiveTimeoutNs = listener.receiveTimeoutNs;
    this.sendTimeoutNs = listener.sendTimeoutNs;
  }
}

const NO_BYTES = new Uint8Array(0);
const DEVICE_LOOPBACK = Uint8Array.of(0x6c, 0x6f, 0);
const READ_ONLY: ReadonlySet<number> = new Set([
  ...[SO.SO_TYPE, SO.SO_DOMAIN, SO.SO_PROTOCOL, SO.SO_ERROR, SO.SO_ACCEPTCONN],
  ...[SO.SO_PEERCRED, SO.SO_COOKIE, SO.SO_PEERNAME],
]);
/** `sk_may_scm_recv`: not of Internet sockets. */
const OF_MESSAGES: ReadonlySet<number> = new Set([
  ...[SO.SO_PASSCRED, SO.SO_PASSSEC, SO.SO_PASSPIDFD, SO.SO_PASSRIGHTS],
]);

/** The same address with AF_INET for its family. */
export function asInet(address: Uint8Array): Uint8Array {
  const copy = address.slice();
  copy[0] = AF.AF_INET;
  return copy;
}
