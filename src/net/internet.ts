/** The {@link InetContext} of one kernel: ports, interfaces, addresses that are its own. */

import type { Clock } from '../base/interfaces.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import type { Endpoint } from './endpoint.ts';
import type { HostAccess } from './host-access.ts';
import type { InetContext } from './inet-context.ts';
import { LOOPBACK_INTERFACE, type NetInterface } from './interfaces.ts';
import { type Ip, LOOPBACK4, LOOPBACK6 } from './ip.ts';
import { MulticastGroups } from './multicast.ts';
import { PortTable } from './port-table.ts';
import type { SocketFs } from './socket-file.ts';
import type { TcpSocket } from './tcp-socket.ts';
import type { UdpSocket } from './udp-socket.ts';

export interface InternetParts {
  readonly clock: Clock;
  readonly access: HostAccess | undefined;
  randomBelow(bound: number): number;
  tellUrgent(socket: OpenFile): void;
  logOnce(topic: string, message: string): void;
}

export class Internet implements InetContext {
  readonly fs: SocketFs;
  readonly clock: Clock;
  readonly tcp: PortTable<TcpSocket>;
  readonly udp: PortTable<UdpSocket>;
  readonly groups = new MulticastGroups();
  readonly host: HostAccess | undefined;
  readonly tellUrgent: (socket: OpenFile) => void;
  readonly logOnce: (topic: string, message: string) => void;
  readonly datagramBuffer: Uint8Array = new Uint8Array(65_536);
  #interfaces: readonly NetInterface[] | undefined = undefined;
  readonly #netlinkPorts = new Set<number>();

  constructor(fs: SocketFs, parts: InternetParts) {
    this.fs = fs;
    fs.interfaces = () => this.interfaces();
    this.clock = parts.clock;
    this.host = parts.access;
    this.tellUrgent = parts.tellUrgent;
    this.logOnce = parts.logOnce;
    this.tcp = new PortTable(true, parts.randomBelow(0x8000));
    this.udp = new PortTable(false, parts.randomBelow(0x8000));
  }

  interfaces(): readonly NetInterface[] {
    this.#interfaces ??= [
      LOOPBACK_INTERFACE,
      ...(this.host?.rules.isOpen === true ? this.host.network.interfaces() : []),
    ];
    return this.#interfaces;
  }

  netlinkPort(protocol: number, wanted: number): number {
    let port = wanted;
    // `netlink_autobind`: from above, where no pid is.
    for (let next = 0xffff_f000; this.hasNetlinkPort(protocol, port); next--) port = next;
    this.#netlinkPorts.add(portKey(protocol, port));
    return port;
  }

  hasNetlinkPort(protocol: number, port: number): boolean {
    return this.#netlinkPorts.has(portKey(protocol, port));
  }

  dropNetlinkPort(protocol: number, port: number): void {
    this.#netlinkPorts.delete(portKey(protocol, port));
  }

  isOwn(ip: Ip): boolean {
    if (ip.isLoopback) return true;
    for (const { addresses } of this.interfaces())
      for (const address of addresses) if (address.ip.equals(ip)) return true;
    return false;
  }

  staysInside({ ip }: Endpoint): boolean {
    return ip.isLoopback;
  }

  sourceFor(remote: Ip): Ip {
    if (remote.isLoopback) return remote.isV4 ? LOOPBACK4 : LOOPBACK6;
    if (this.isOwn(remote)) return remote;
    for (const { addresses } of this.interfaces().slice(1))
      for (const { ip } of addresses) if (ip.isV4 === remote.isV4 && !ip.isLinkLocal) return ip;
    return remote.isV4 ? LOOPBACK4 : LOOPBACK6;
  }

  mtuTo(remote: Ip): number {
    return this.isOwn(remote) ? LOOPBACK_INTERFACE.mtu : 1500;
  }
}

/** Each protocol of netlink has port ids of its own. */
const portKey = (protocol: number, port: number): number => protocol * 2 ** 32 + port;
