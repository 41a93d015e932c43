/**
 * netlink(7) sockets of NETLINK_ROUTE (rtnetlink(7)): what getifaddrs(3), if_nameindex(3) and
 * `ip addr` ask. Nothing can be changed (EPERM), nothing is multicast.
 */

import {
  EAGAIN,
  EFAULT,
  EINVAL,
  EISCONN,
  ENOPROTOOPT,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
} from '../abi/errno.table.ts';
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from '../abi/poll-events.ts';
import { AF, MSG, SO, SOL_SOCKET } from '../abi/socket.ts';
import type { OpenRequest } from '../vfs/open-file.ts';
import { AddressedSocket, intBytes, type Reception, type Sending } from './addressed-socket.ts';
import { familyOf } from './endpoint.ts';
import type { InetContext } from './inet-context.ts';
import { errorReply, RTM_GETMAX, readRequests, replies } from './route-messages.ts';

const SOL_NETLINK = 270;
const SOCKADDR_NL_BYTES = 12;

export class NetlinkSocket extends AddressedSocket {
  override readonly family = AF.AF_NETLINK;
  override readonly type: number;
  readonly #context: InetContext;
  /** The port id; 0 until it is bound. */
  #port = 0;
  #groups = 0;
  readonly #owner: number;
  readonly #queue: Uint8Array[] = [];
  readonly #options = new Map<number, number>();

  constructor(context: InetContext, request: OpenRequest, type: number, owner: number) {
    super(request);
    this.#context = context;
    this.type = type;
    this.#owner = owner;
  }

  override bind(address: Uint8Array): number {
    if (address.length < SOCKADDR_NL_BYTES || familyOf(address) !== AF.AF_NETLINK) return -EINVAL;
    const view = new DataView(address.buffer, address.byteOffset);
    const wanted = view.getUint32(4, true);
    if (this.#port !== 0 && wanted !== 0 && wanted !== this.#port) return -EINVAL;
    this.#groups = view.getUint32(8, true);
    this.#bindTo(wanted);
    return 0;
  }

  #bindTo(wanted: number): void {
    if (this.#port === 0) this.#port = this.#context.netlinkPort(wanted || this.#owner);
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
    return this.#port === 0 ? -ENOTCONN : nameOf(0, 0);
  }

  override shutdown(): number {
    return -EOPNOTSUPP;
  }

  override getOption(level: number, option: number): Uint8Array | number {
    if (level === SOL_SOCKET) {
      if (option === SO.SO_TYPE) return intBytes(this.type);
      if (option === SO.SO_DOMAIN) return intBytes(this.family);
      if (option === SO.SO_PROTOCOL || option === SO.SO_ERROR) return intBytes(0);
      if (option === SO.SO_SNDBUF || option === SO.SO_RCVBUF)
        return intBytes(this.#options.get(option) ?? 212_992);
    }
    return level === SOL_NETLINK ? intBytes(this.#options.get(option) ?? 0) : -ENOPROTOOPT;
  }

  override setOption(level: number, option: number, value: Uint8Array): number {
    if (value.length < 4) return -EINVAL;
    if (level !== SOL_SOCKET && level !== SOL_NETLINK) return -ENOPROTOOPT;
    this.#options.set(option, new DataView(value.buffer, value.byteOffset).getInt32(0, true));
    return 0;
  }

  override send(source: Uint8Array, start: number, length: number, sending: Sending): number {
    if ((sending.flags & MSG.MSG_OOB) !== 0) return -EOPNOTSUPP;
    const { to } = sending;
    if (to !== undefined && (to.length < SOCKADDR_NL_BYTES || familyOf(to) !== AF.AF_NETLINK))
      return -EINVAL;
    this.#bindTo(0);
    const faces = this.#context.interfaces();
    for (const request of readRequests(source.slice(start, start + length))) {
      // Even numbers modulo four ask to change something.
      const isGet = request.type % 4 === 2 && request.type <= RTM_GETMAX;
      const answer = isGet ? replies(request, faces, this.#port) : undefined;
      this.#queue.push(
        ...(answer ?? [errorReply(request, isGet ? EOPNOTSUPP : EPERM, this.#port)]),
      );
    }
    this.waitQueue.wake(POLLIN | POLLRDNORM);
    return length;
  }

  override receive(target: Uint8Array, start: number, length: number, how: Reception): number {
    if ((how.flags & MSG.MSG_OOB) !== 0) return -EOPNOTSUPP;
    const message = this.#queue[0];
    if (message === undefined) return -EAGAIN;
    const count = Math.min(length, message.length);
    target.set(message.subarray(0, count), start);
    how.from = nameOf(0, 0);
    if (count < message.length) how.resultFlags |= MSG.MSG_TRUNC;
    if ((how.flags & MSG.MSG_PEEK) === 0) this.#queue.shift();
    return (how.flags & MSG.MSG_TRUNC) !== 0 ? message.length : count;
  }

  override poll(): number {
    const writable = POLLOUT | POLLWRNORM;
    return this.#queue.length > 0 ? writable | POLLIN | POLLRDNORM : writable;
  }

  protected override readableBytes(): number {
    return this.#queue[0]?.length ?? -EFAULT;
  }

  protected override closed(): void {
    this.#context.dropNetlinkPort(this.#port);
  }
}

/** `struct sockaddr_nl`. */
function nameOf(port: number, groups: number): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_NL_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF.AF_NETLINK, true);
  view.setUint32(4, port, true);
  view.setUint32(8, groups, true);
  return bytes;
}
