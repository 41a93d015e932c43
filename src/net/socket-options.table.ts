/**
 * Options of Internet sockets that are kept and read back: socket(7), ip(7), ipv6(7), tcp(7). A row
 * an option: what it starts with, what may be set, and to what that is changed. Options that do
 * more than that (names, errors, time limits) are the socket's own.
 */

import { CAP_NET_ADMIN, CAP_NET_RAW } from '../abi/capability.ts';
import { IP, IPV6, SOL_IP, SOL_IPV6, SOL_TCP, TCP } from '../abi/inet.ts';
import { SO, SOL_SOCKET } from '../abi/socket.ts';

export interface OptionRow {
  readonly level: number;
  readonly option: number;
  readonly initial: number;
  /** A flag reads 0 or 1 whatever was set. */
  readonly isFlag: boolean;
  /** Outside: EINVAL. */
  readonly least: number;
  readonly most: number;
  /** A value in between that is EINVAL, too. */
  readonly except?: number;
  /** Setting needs it (EPERM). */
  readonly capability?: number;
  /** What setting this value gives, after the check. */
  readonly change?: (value: number) => number;
}

const INT_MIN = -0x8000_0000;
const INT_MAX = 0x7fff_ffff;

const flag = (level: number, option: number, initial = 0): OptionRow => ({
  ...{ level, option, initial, isFlag: true, least: INT_MIN, most: INT_MAX },
});
const number = (
  level: number,
  option: number,
  initial: number,
  least: number,
  most: number,
  more: Pick<OptionRow, 'capability' | 'change' | 'except'> = {},
): OptionRow => ({ level, option, initial, isFlag: false, least, most, ...more });

/** `net.core.rmem_max` and `wmem_max`; what is set is doubled for bookkeeping (socket(7)). */
const BUFFER_MAX = 212_992;
export const doubled = (least: number) => (value: number) =>
  Math.max(least, 2 * Math.min(value < 0 ? BUFFER_MAX : value, BUFFER_MAX));
/** -1 stands for the default. */
const orDefault = (fallback: number) => (value: number) => (value === -1 ? fallback : value);

export const SEND_BUFFER = { tcp: 16_384, udp: BUFFER_MAX, least: 4608 } as const;
export const RECEIVE_BUFFER = { tcp: 131_072, udp: BUFFER_MAX, least: 2304 } as const;

const S = SOL_SOCKET;

const COMMON: readonly OptionRow[] = [
  flag(S, SO.SO_DEBUG),
  flag(S, SO.SO_REUSEADDR),
  flag(S, SO.SO_DONTROUTE),
  flag(S, SO.SO_BROADCAST),
  flag(S, SO.SO_KEEPALIVE),
  flag(S, SO.SO_OOBINLINE),
  flag(S, SO.SO_REUSEPORT),
  flag(S, SO.SO_TIMESTAMP),
  flag(S, SO.SO_TIMESTAMPNS),
  flag(S, SO.SO_RXQ_OVFL),
  flag(S, SO.SO_ZEROCOPY),
  number(S, SO.SO_PRIORITY, 0, 0, 6),
  number(S, SO.SO_MARK, 0, INT_MIN, INT_MAX, { capability: CAP_NET_ADMIN }),
  number(S, SO.SO_BUSY_POLL, 0, 0, INT_MAX),
  number(S, SO.SO_INCOMING_CPU, -1, INT_MIN, INT_MAX),
  number(S, SO.SO_MAX_PACING_RATE, -1, INT_MIN, INT_MAX),
  number(S, SO.SO_RCVLOWAT, 1, INT_MIN, INT_MAX, {
    change: (value) => (value < 0 ? INT_MAX : value || 1),
  }),
  flag(SOL_IP, IP.IP_PKTINFO),
  flag(SOL_IP, IP.IP_RECVERR),
  flag(SOL_IP, IP.IP_RECVTTL),
  flag(SOL_IP, IP.IP_RECVTOS),
  flag(SOL_IP, IP.IP_RETOPTS),
  flag(SOL_IP, IP.IP_FREEBIND),
  flag(SOL_IP, IP.IP_RECVORIGDSTADDR),
  flag(SOL_IP, IP.IP_BIND_ADDRESS_NO_PORT),
  flag(SOL_IP, IP.IP_MULTICAST_LOOP, 1),
  flag(SOL_IP, IP.IP_MULTICAST_ALL, 1),
  { ...flag(SOL_IP, IP.IP_TRANSPARENT), capability: CAP_NET_RAW },
  number(SOL_IP, IP.IP_TTL, 64, -1, 255, { except: 0, change: orDefault(64) }),
  number(SOL_IP, IP.IP_MINTTL, 0, 0, 255),
  number(SOL_IP, IP.IP_MULTICAST_TTL, 1, -1, 255, { change: orDefault(1) }),
  number(SOL_IP, IP.IP_MTU_DISCOVER, 1, 0, 5),
];

/** The two lowest bits (ECN) belong to TCP. */
const tos = (isStream: boolean) => (value: number) => value & 0xff & (isStream ? ~3 : ~0);

const V6: readonly OptionRow[] = [
  flag(SOL_IPV6, IPV6.IPV6_V6ONLY),
  flag(SOL_IPV6, IPV6.IPV6_RECVPKTINFO),
  flag(SOL_IPV6, IPV6.IPV6_RECVHOPLIMIT),
  flag(SOL_IPV6, IPV6.IPV6_RECVTCLASS),
  flag(SOL_IPV6, IPV6.IPV6_RECVERR),
  flag(SOL_IPV6, IPV6.IPV6_DONTFRAG),
  flag(SOL_IPV6, IPV6.IPV6_MULTICAST_LOOP, 1),
  number(SOL_IPV6, IPV6.IPV6_UNICAST_HOPS, 64, -1, 255, { change: orDefault(64) }),
  number(SOL_IPV6, IPV6.IPV6_MULTICAST_HOPS, 1, -1, 255, { change: orDefault(1) }),
  number(SOL_IPV6, IPV6.IPV6_MTU_DISCOVER, 1, 0, 5),
  number(SOL_IPV6, IPV6.IPV6_TCLASS, 0, -1, 255, { change: orDefault(0) }),
];

const STREAM: readonly OptionRow[] = [
  number(S, SO.SO_SNDBUF, SEND_BUFFER.tcp, INT_MIN, INT_MAX, {
    change: doubled(SEND_BUFFER.least),
  }),
  number(S, SO.SO_RCVBUF, RECEIVE_BUFFER.tcp, INT_MIN, INT_MAX, {
    change: doubled(RECEIVE_BUFFER.least),
  }),
  number(SOL_IP, IP.IP_TOS, 0, INT_MIN, INT_MAX, { change: tos(true) }),
  flag(SOL_TCP, TCP.TCP_NODELAY),
  flag(SOL_TCP, TCP.TCP_CORK),
  flag(SOL_TCP, TCP.TCP_QUICKACK, 1),
  flag(SOL_TCP, TCP.TCP_FASTOPEN_CONNECT),
  number(SOL_TCP, TCP.TCP_KEEPIDLE, 7200, 1, 32_767),
  number(SOL_TCP, TCP.TCP_KEEPINTVL, 75, 1, 32_767),
  number(SOL_TCP, TCP.TCP_KEEPCNT, 9, 1, 127),
  number(SOL_TCP, TCP.TCP_SYNCNT, 6, 1, 127),
  number(SOL_TCP, TCP.TCP_LINGER2, 60, INT_MIN, INT_MAX, {
    change: (value) => (value < 0 ? -1 : value > 120 ? -1 : value || 60),
  }),
  number(SOL_TCP, TCP.TCP_DEFER_ACCEPT, 0, INT_MIN, INT_MAX, { change: deferredSeconds }),
  number(SOL_TCP, TCP.TCP_WINDOW_CLAMP, 0, 0, INT_MAX),
  number(SOL_TCP, TCP.TCP_USER_TIMEOUT, 0, 0, INT_MAX),
  number(SOL_TCP, TCP.TCP_FASTOPEN, 0, 0, INT_MAX),
  number(SOL_TCP, TCP.TCP_NOTSENT_LOWAT, 0, INT_MIN, INT_MAX),
];

const DATAGRAM: readonly OptionRow[] = [
  number(S, SO.SO_SNDBUF, SEND_BUFFER.udp, INT_MIN, INT_MAX, {
    change: doubled(SEND_BUFFER.least),
  }),
  number(S, SO.SO_RCVBUF, RECEIVE_BUFFER.udp, INT_MIN, INT_MAX, {
    change: doubled(RECEIVE_BUFFER.least),
  }),
  number(SOL_IP, IP.IP_TOS, 0, INT_MIN, INT_MAX, { change: tos(false) }),
];

/** `secs_to_retrans` and back: rounded up to 1, 3, 7, 15, … seconds. */
function deferredSeconds(value: number): number {
  let seconds = 0;
  let step = 1;
  while (seconds < value && step <= 64) {
    seconds += step;
    step *= 2;
  }
  return seconds;
}

const index = (...tables: readonly (readonly OptionRow[])[]) =>
  new Map(tables.flat().map((row) => [optionKey(row.level, row.option), row]));

export const optionKey = (level: number, option: number): number => level * 0x10000 + option;

/** By kind of socket: which options it has. IPv6 sockets have those of IPv4, too. */
export const OPTION_ROWS = {
  stream4: index(COMMON, STREAM),
  stream6: index(COMMON, STREAM, V6),
  datagram4: index(COMMON, DATAGRAM),
  datagram6: index(COMMON, DATAGRAM, V6),
} as const;
