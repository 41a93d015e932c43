/** Text of /proc/net: sockets and interfaces, as `net/ipv4/tcp_ipv4.c` and its like print them. */

import { TCP_STATE } from '../abi/inet.ts';
import { AF } from '../abi/socket.ts';
import { anyOf, type Endpoint } from './endpoint.ts';
import type { InetSocket } from './inet-socket.ts';
import type { NetInterface } from './interfaces.ts';
import type { Internet } from './internet.ts';
import { ANY6 } from './ip.ts';
import { TcpSocket } from './tcp-socket.ts';

/** Names below /proc/net, and what reads them. */
export function networkFiles(internet: Internet): [string, () => string][] {
  const { tcp, udp } = internet;
  const sockets = (table: Iterable<InetSocket>, family: number, isStream: boolean) =>
    socketsText(
      [...table].filter((socket) => socket.family === family),
      family,
      isStream,
    );
  return [
    ['tcp', () => sockets(tcp.holders(), AF.AF_INET, true)],
    ['tcp6', () => sockets(tcp.holders(), AF.AF_INET6, true)],
    ['udp', () => sockets(udp.holders(), AF.AF_INET, false)],
    ['udp6', () => sockets(udp.holders(), AF.AF_INET6, false)],
    ['dev', () => deviceText(internet.interfaces())],
    ['if_inet6', () => inet6Text(internet.interfaces())],
    ['route', () => `${ROUTE_HEADER.padEnd(127)}\n`],
  ];
}

const ROUTE_HEADER =
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';
const TAIL = ' st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const V4_NAMES = 'sl  local_address rem_address  ';
const V6_NAMES = `sl  ${'local_address'.padEnd(37)} ${'remote_address'.padEnd(37)}`;
const LINE_WIDTH = 149;

const hex = (value: number, digits: number): string =>
  (value >>> 0).toString(16).toUpperCase().padStart(digits, '0');

function socketsText(sockets: readonly InetSocket[], family: number, isStream: boolean): string {
  const isV4 = family === AF.AF_INET;
  const lines = sockets.map((socket, i) => {
    const remote = socket.remote ?? anyOf(family);
    const names = `${addressText(socket.local, isV4)} ${addressText(remote, isV4)}`;
    const queues = `00000000:${hex(socket.queuedBytes, 8)} 00:00000000 00000000`;
    const owner = `${String(socket.uid).padStart(5)}        0 ${socket.inode.ino}`;
    const line = `${String(i).padStart(isStream ? 4 : 5)}: ${names} ${hex(stateOf(socket), 2)} ${queues} ${owner}`;
    return `${line} ${socket.references} ${'0'.repeat(16)} 0`.padEnd(isV4 ? LINE_WIDTH : 0);
  });
  const names = (isV4 ? V4_NAMES : V6_NAMES) + TAIL;
  const lead = isV4 && !isStream ? '   ' : '  ';
  const header = lead + names + (isStream ? '' : ' ref pointer drops');
  return `${[isV4 ? header.padEnd(LINE_WIDTH) : header, ...lines].join('\n')}\n`;
}

const stateOf = (socket: InetSocket): number =>
  socket instanceof TcpSocket
    ? socket.state
    : socket.remote === undefined
      ? TCP_STATE.close
      : TCP_STATE.established;

/** Words of 32 bits as this machine stores them. */
function addressText({ ip, port }: Endpoint, isV4: boolean): string {
  const bytes = isV4
    ? ip.bytes.slice(12)
    : ip.isV4 && ip.isWildcard
      ? ANY6.bytes
      : ip.bytes.slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) text += hex(view.getUint32(at, true), 8);
  return `${text}:${hex(port, 4)}`;
}

function deviceText(faces: readonly NetInterface[]): string {
  const zeros = '       0       0    0    0    0     0          0         0';
  const sent = '        0       0    0    0    0     0       0          0';
  return [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
    ...faces.map(({ name }) => `${name.padStart(6)}: ${zeros} ${sent}`),
    '',
  ].join('\n');
}

function inet6Text(faces: readonly NetInterface[]): string {
  const lines = faces.flatMap(({ addresses, index, name }) =>
    addresses.flatMap(({ ip, prefixBits }) => {
      if (ip.isV4) return [];
      const scope = ip.isLoopback ? 0x10 : ip.isLinkLocal ? 0x20 : 0;
      const digits = [...ip.bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
      const numbers = [index, prefixBits, scope, 0x80].map((n) => n.toString(16).padStart(2, '0'));
      return `${digits} ${numbers.join(' ')} ${name.padStart(8)}\n`;
    }),
  );
  return lines.join('');
}
