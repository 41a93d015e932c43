/** The sockets of one kernel: sockfs, what Internet sockets share, and names of unix sockets. */

import {
  EADDRINUSE,
  EAFNOSUPPORT,
  EINVAL,
  EPERM,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
} from '../abi/errno.table.ts';
import { IPPROTO } from '../abi/inet.ts';
import { AF, SOCK } from '../abi/socket.ts';
import type { Clock } from '../base/interfaces.ts';
import { byteString } from '../vfs/byte-string.ts';
import type { Credentials } from '../vfs/credentials.ts';
import type { Inode } from '../vfs/inode.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import type { Vfs } from '../vfs/vfs.ts';
import type { AddressedSocket } from './addressed-socket.ts';
import type { HostAccess } from './host-access.ts';
import { Internet } from './internet.ts';
import { NETLINK_KOBJECT_UEVENT, NETLINK_ROUTE, NetlinkSocket } from './netlink-socket.ts';
import type { PeerIdentity } from './peer-identity.ts';
import { SocketFs } from './socket-file.ts';
import { TcpSocket } from './tcp-socket.ts';
import { UdpSocket } from './udp-socket.ts';
import { UnixSocket } from './unix-socket.ts';

export interface NetParts {
  readonly vfs: Vfs;
  readonly clock: Clock;
  /** Undefined: no network but the loopback. */
  readonly access: HostAccess | undefined;
  /** A uniform integer below `bound`. */
  randomBelow(bound: number): number;
  /** Who makes the call that is being served. */
  writer?(): PeerIdentity | undefined;
  /** SIGURG for the owner of a socket. */
  tellUrgent(socket: OpenFile): void;
  logOnce(topic: string, message: string): void;
}

const MAX_TYPE = 10;
const PROTOCOLS: Readonly<Record<number, number>> = {
  [SOCK.SOCK_STREAM]: IPPROTO.IPPROTO_TCP,
  [SOCK.SOCK_DGRAM]: IPPROTO.IPPROTO_UDP,
};

export class NetStack {
  readonly #fs: SocketFs;
  readonly #byInode = new WeakMap<Inode, UnixSocket>();
  readonly #abstract = new Map<string, UnixSocket>();
  #nextAutomatic = 1;

  readonly internet: Internet;

  constructor(parts: NetParts) {
    this.#fs = new SocketFs(parts.vfs, parts.vfs.clock);
    if (parts.writer !== undefined) this.#fs.writer = parts.writer;
    this.#fs.tellUrgent = parts.tellUrgent;
    this.internet = new Internet(this.#fs, parts);
  }

  /** socket(2): a socket that the caller owns, or -errno. */
  create(
    family: number,
    type: number,
    protocol: number,
    who: Credentials,
    owner: PeerIdentity,
    nonBlocking: boolean,
  ): UnixSocket | AddressedSocket | number {
    if (type < 1 || type > MAX_TYPE) return -EINVAL;
    if (family === AF.AF_UNIX) return this.createUnix(type, protocol, who, owner, nonBlocking);
    if (family === AF.AF_INET || family === AF.AF_INET6)
      return this.#createInet(family, type, protocol, who, nonBlocking);
    if (family !== AF.AF_NETLINK) return -EAFNOSUPPORT;
    if (type !== SOCK.SOCK_RAW && type !== SOCK.SOCK_DGRAM) return -ESOCKTNOSUPPORT;
    if (protocol !== NETLINK_ROUTE && protocol !== NETLINK_KOBJECT_UEVENT) return -EPROTONOSUPPORT;
    const request = this.#fs.request(who, nonBlocking);
    return new NetlinkSocket(this.internet, request, type, protocol, owner.pid);
  }

  #createInet(
    family: number,
    type: number,
    protocol: number,
    who: Credentials,
    nonBlocking: boolean,
  ): AddressedSocket | number {
    if (protocol < 0 || protocol > 262) return -EINVAL;
    const own = PROTOCOLS[type];
    if (own === undefined) {
      if (type !== SOCK.SOCK_RAW) return -ESOCKTNOSUPPORT;
      // Raw sockets are for CAP_NET_RAW, which nobody has over a network without packets.
      return protocol === 0 ? -EPROTONOSUPPORT : -EPERM;
    }
    if (protocol !== 0 && protocol !== own) return -EPROTONOSUPPORT;
    const request = this.#fs.request(who, nonBlocking);
    return type === SOCK.SOCK_STREAM
      ? new TcpSocket(this.internet, request, family)
      : new UdpSocket(this.internet, request, family);
  }

  createUnix(
    type: number,
    protocol: number,
    who: Credentials,
    owner: PeerIdentity,
    nonBlocking: boolean,
  ): UnixSocket | number {
    if (protocol !== 0 && protocol !== AF.AF_UNIX) return -EPROTONOSUPPORT;
    // unix(7): SOCK_RAW is taken for SOCK_DGRAM.
    const kind = type === SOCK.SOCK_RAW ? SOCK.SOCK_DGRAM : type;
    if (kind !== SOCK.SOCK_STREAM && kind !== SOCK.SOCK_DGRAM && kind !== SOCK.SOCK_SEQPACKET)
      return -ESOCKTNOSUPPORT;
    return new UnixSocket(this.#fs, this.#fs.request(who, nonBlocking), kind, owner);
  }

  bindInode(socket: UnixSocket, inode: Inode, name: Uint8Array): void {
    this.#byInode.set(inode, socket);
    socket.name = name;
    socket.onClosed = () => this.#byInode.delete(inode);
  }

  /** `name` begins with NUL; empty behind it: one is chosen. 0 or -EADDRINUSE. */
  bindAbstract(socket: UnixSocket, name: Uint8Array): number {
    const chosen = name.length > 0 ? name : this.#automaticName();
    const key = byteString(chosen);
    if (this.#abstract.has(key)) return -EADDRINUSE;
    this.#abstract.set(key, socket);
    socket.name = chosen;
    socket.onClosed = () => this.#abstract.delete(key);
    return 0;
  }

  /** A name for a sender or client that wants credentials, so that it can be answered. */
  nameForCredentials(socket: UnixSocket): void {
    const wants = socket.passesCredentials || socket.passesPidfd;
    if (wants && socket.name === undefined) this.bindAbstract(socket, new Uint8Array(0));
  }

  #automaticName(): Uint8Array {
    for (;;) {
      const text = (this.#nextAutomatic++ & 0xfffff).toString(16).padStart(5, '0');
      const name = Uint8Array.from([0, ...[...text].map((letter) => letter.charCodeAt(0))]);
      if (!this.#abstract.has(byteString(name))) return name;
    }
  }

  findInode(inode: Inode): UnixSocket | undefined {
    return this.#byInode.get(inode);
  }

  findAbstract(name: Uint8Array): UnixSocket | undefined {
    return this.#abstract.get(byteString(name));
  }
}
