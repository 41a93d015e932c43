/**
 * netlink(7) sockets of NETLINK_ROUTE (rtnetlink(7)): what getifaddrs(3), if_nameindex(3) and
 * `ip addr` ask. Nothing can be changed (EPERM), nothing is multicast. Those of
 * NETLINK_KOBJECT_UEVENT wait for devices that never come.
 */

import {
  EADDRINUSE,
  EAGAIN,
  ECONNREFUSED,
  EINVAL,
  EISCONN,
  ENODATA,
  ENOPROTOOPT,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
} from '../abi/errno.table.ts';
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRBAND, POLLWRNORM } from '../abi/poll-events.ts';
import {
  AF,
  MSG,
  NETLINK_OPTION,
  SCM_CREDENTIALS,
  SO,
  SOL_NETLINK,
  SOL_SOCKET,
} from '../abi/socket.ts';
import type { Credentials } from '../vfs/credentials.ts';
import type { OpenRequest } from '../vfs/open-file.ts';
import { AddressedSocket, intBytes, type Reception, type Sending } from './addressed-socket.ts';
import { familyOf } from './endpoint.ts';
import type { InetContext } from './inet-context.ts';
import { KeptOptions } from './kept-options.ts';
import { errorReply, type RouteRequest, readRequests, replies } from './route-messages.ts';
import { OPTION_ROWS } from './socket-options.table.ts';

export const NETLINK_ROUTE = 0;
export const NETLINK_KOBJECT_UEVENT = 15;
const SOCKADDR_NL_BYTES = 12;
const NLMSG_HEADER_BYTES = 16;
const NLMSG_MIN_TYPE = 16;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const RTM_MAX = 127;
const RTNLGRP_MAX = 36;

export class NetlinkSocket extends AddressedSocket {
  override readonly family = AF.AF_NETLINK;
  override readonly type: number;
  readonly #context: InetContext;
  readonly #protocol: number;
  /** The port id; 0 until it is bound. */
  #port = 0;
  #groups = 0;
  readonly #owner: number;
  readonly #queue: Uint8Array[] = [];
  readonly #options = new KeptOptions(OPTION_ROWS.netlink);

  constructor(
    context: InetContext,
    request: OpenRequest,
    type: number,
    protocol: number,
    owner: number,
  ) {
    super(request);
    this.#protocol = protocol;
    this.#context = context;
    this.type = type;
    this.#owner = owner;
  }

  override bind(address: Uint8Array): number {
    if (address.length < SOCKADDR_NL_BYTES || familyOf(address) !== AF.AF_NETLINK) return -EINVAL;
    const view = new DataView(address.buffer, address.byteOffset);
    const wanted = view.getUint32(4, true);
    if (this.#port !== 0 && wanted !== 0 && wanted !== this.#port) return -EINVAL;
    if (this.#port === 0 && wanted !== 0 && this.#context.hasNetlinkPort(this.#protocol, wanted))
      return -EADDRINUSE;
    this.#groups = view.getUint32(8, true);
    this.#bindTo(wanted);
    return 0;
  }

  #bindTo(wanted: number): void {
    if (this.#port === 0)
      this.#port = this.#context.netlinkPort(this.#protocol, wanted || this.#owner);
  }

  /** A message of the kernel's own; after the last close, nothing. */
  deliver(message: Uint8Array): void {
    if (this.references === 0) return;
    this.#queue.push(message);
    this.waitQueue.wake(POLLIN | POLLRDNORM);
  }

  override listen(): number {
    return -EOPNOTSUPP;
  }

  override accept(): number {
    return -EOPNOTSUPP;
  }

  override connect(address: Uint8Array): number {
    if (address.length < 2) return -EINVAL;
    if (familyOf(address) === AF.AF_UNSPEC) return 0;
    if (address.length < SOCKADDR_NL_BYTES) return -EINVAL;
    if (familyOf(address) !== AF.AF_NETLINK) return -EINVAL;
    this.#bindTo(0);
    return 0;
  }

  override finishConnect(): number {
    return -EISCONN;
  }

  override localName(): Uint8Array {
    return nameOf(this.#port, this.#groups);
  }

  override peerName(): Uint8Array | number {
    return nameOf(0, 0);
  }

  override shutdown(): number {
    return -EOPNOTSUPP;
  }

  override getOption(level: number, option: number): Uint8Array | number {
    if (level !== SOL_SOCKET && level !== SOL_NETLINK) return -ENOPROTOOPT;
    const own = level === SOL_SOCKET ? this.#ownOption(option) : undefined;
    if (own !== undefined) return own;
    if (level === SOL_NETLINK && option === NETLINK_OPTION.NETLINK_LIST_MEMBERSHIPS)
      return intBytes(this.#groups);
    const may = this.#options.mayRead(level, option) ?? -ENOPROTOOPT;
    return may < 0 ? may : intBytes(this.#options.value(level, option));
  }

  #ownOption(option: number): Uint8Array | number | undefined {
    switch (option) {
      case SO.SO_TYPE:
        return intBytes(this.type);
      case SO.SO_DOMAIN:
        return intBytes(this.family);
      case SO.SO_PASSCRED:
        return intBytes(this.passesCredentials ? 1 : 0);
      case SO.SO_LINGER:
        return this.lingerBytes();
      case SO.SO_PROTOCOL:
        return intBytes(this.#protocol);
      case SO.SO_ERROR:
      case SO.SO_ACCEPTCONN:
      case SO.SO_PASSSEC:
        return intBytes(0);
      default:
        return OF_UNIX.has(option) ? -EOPNOTSUPP : undefined;
    }
  }

  override setOption(level: number, option: number, value: Uint8Array, who: Credentials): number {
    if (level !== SOL_SOCKET && level !== SOL_NETLINK) return -ENOPROTOOPT;
    if (value.length < 4) return -EINVAL;
    const given = new DataView(value.buffer, value.byteOffset).getInt32(0, true);
    if (level === SOL_NETLINK) {
      const isAdding = option === NETLINK_OPTION.NETLINK_ADD_MEMBERSHIP;
      if (!isAdding && option !== NETLINK_OPTION.NETLINK_DROP_MEMBERSHIP)
        return this.#options.set(level, option, value, who);
      if (given < 1 || given > RTNLGRP_MAX) return -EINVAL;
      // Nothing is ever said to a group: what changes, nobody changes here.
      if (given <= 32)
        this.#groups = (this.#groups & ~(1 << (given - 1))) | (Number(isAdding) << (given - 1));
      return 0;
    }
    if (READ_ONLY.has(option)) return -ENOPROTOOPT;
    if (OF_UNIX.has(option)) return -EOPNOTSUPP;
    if (option === SO.SO_LINGER) return this.setLinger(value);
    if (option === SO.SO_PASSCRED) this.passesCredentials = given !== 0;
    if (option === SO.SO_PASSCRED || option === SO.SO_PASSSEC) return 0;
    return this.#options.set(level, option, value, who);
  }

  override send(source: Uint8Array, start: number, length: number, sending: Sending): number {
    if ((sending.flags & MSG.MSG_OOB) !== 0) return -EOPNOTSUPP;
    if (length === 0) return -ENODATA;
    const { to } = sending;
    if (to !== undefined) {
      if (to.length < SOCKADDR_NL_BYTES || familyOf(to) !== AF.AF_NETLINK) return -EINVAL;
      // Only the kernel listens.
      if (new DataView(to.buffer, to.byteOffset).getUint32(4, true) !== 0) return -ECONNREFUSED;
    }
    this.#bindTo(0);
    if (this.#protocol !== NETLINK_ROUTE) return -ECONNREFUSED;
    for (const request of readRequests(source.slice(start, start + length)))
      this.#queue.push(...this.#answer(request));
    if (this.#queue.length > 0) this.waitQueue.wake(POLLIN | POLLRDNORM);
    return length;
  }

  /** `netlink_rcv_skb` and `rtnetlink_rcv_msg`: datagrams that answer a request. */
  #answer(request: RouteRequest): Uint8Array[] {
    const { type, flags, bytes } = request;
    const acknowledged = (errno: number): Uint8Array[] =>
      errno !== 0 || (flags & NLM_F_ACK) !== 0 ? [errorReply(request, errno, this.#port)] : [];
    if ((flags & NLM_F_REQUEST) === 0 || type < NLMSG_MIN_TYPE) return acknowledged(0);
    if (type > RTM_MAX) return acknowledged(EOPNOTSUPP);
    if (bytes.length <= NLMSG_HEADER_BYTES) return acknowledged(0);
    // Even numbers modulo four ask, the others change something.
    if (type % 4 !== 2) return acknowledged(EPERM);
    const answer = replies(request, this.#context.interfaces(), this.#port);
    return answer ?? acknowledged(EOPNOTSUPP);
  }

  override receive(target: Uint8Array, start: number, length: number, how: Reception): number {
    if ((how.flags & MSG.MSG_OOB) !== 0) return -EOPNOTSUPP;
    const message = this.#queue[0];
    if (message === undefined) return -EAGAIN;
    const count = Math.min(length, message.length);
    target.set(message.subarray(0, count), start);
    how.from = nameOf(0, 0);
    // All messages are the kernel's.
    if (this.passesCredentials)
      how.control = [{ level: SOL_SOCKET, type: SCM_CREDENTIALS, bytes: new Uint8Array(12) }];
    if (count < message.length) how.resultFlags |= MSG.MSG_TRUNC;
    if ((how.flags & MSG.MSG_PEEK) === 0) this.#queue.shift();
    return (how.flags & MSG.MSG_TRUNC) !== 0 ? message.length : count;
  }

  override poll(): number {
    const writable = POLLOUT | POLLWRNORM | POLLWRBAND;
    return this.#queue.length > 0 ? writable | POLLIN | POLLRDNORM : writable;
  }

  protected override readableBytes(): number {
    return -ENOTTY;
  }

  protected override unsentBytes(): number {
    return -ENOTTY;
  }

  protected override closed(): void {
    this.#context.dropNetlinkPort(this.#protocol, this.#port);
  }
}

/** Options that only unix sockets have (`sk_may_scm_recv`). */
const OF_UNIX: ReadonlySet<number> = new Set([SO.SO_PASSPIDFD, SO.SO_PASSRIGHTS]);
const READ_ONLY: ReadonlySet<number> = new Set([
  ...[SO.SO_TYPE, SO.SO_DOMAIN, SO.SO_PROTOCOL, SO.SO_ERROR, SO.SO_ACCEPTCONN],
]);

/** `struct sockaddr_nl`. */
function nameOf(port: number, groups: number): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_NL_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF.AF_NETLINK, true);
  view.setUint32(4, port, true);
  view.setUint32(8, groups, true);
  return bytes;
}
