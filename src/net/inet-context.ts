/** What Internet sockets of one kernel share; the net stack owns it. */

import type { Clock } from '../base/interfaces.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import type { Endpoint } from './endpoint.ts';
import type { HostAccess } from './host-access.ts';
import type { NetInterface } from './interfaces.ts';
import type { Ip } from './ip.ts';
import type { MulticastGroups } from './multicast.ts';
import type { PortTable } from './port-table.ts';
import type { SocketFs } from './socket-file.ts';
import type { TcpSocket } from './tcp-socket.ts';
import type { UdpSocket } from './udp-socket.ts';

export interface InetContext {
  readonly fs: SocketFs;
  readonly clock: Clock;
  readonly tcp: PortTable<TcpSocket>;
  readonly udp: PortTable<UdpSocket>;
  readonly groups: MulticastGroups;
  /** The host's network, as far as it may be used; undefined: none of it. */
  readonly host: HostAccess | undefined;
  /** Scratch for what the host delivers. */
  readonly datagramBuffer: Uint8Array;
  interfaces(): readonly NetInterface[];
  /** An address of this instance: may be bound, and what goes there may stay inside. */
  isOwn(ip: Ip): boolean;
  /** Never leaves the instance, whoever listens. */
  staysInside(remote: Endpoint): boolean;
  sourceFor(remote: Ip): Ip;
  mtuTo(remote: Ip): number;
  /** A netlink port id that nobody has, `wanted` if it is free. */
  netlinkPort(protocol: number, wanted: number): number;
  hasNetlinkPort(protocol: number, port: number): boolean;
  dropNetlinkPort(protocol: number, port: number): void;
  /** SIGURG for the owner of a socket. */
  tellUrgent(socket: OpenFile): void;
  logOnce(topic: string, message: string): void;
}
