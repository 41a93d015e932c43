/**
 * Options of sockets that are kept and read back: socket(7), ip(7), ipv6(7), tcp(7), udp(7). A row
 * an option: what it starts with, what may be set, and to what that is changed. Options that do
 * more than that (names, errors, time limits) are the socket's own.
 */

import { CAP_NET_ADMIN, CAP_NET_RAW } from '../abi/capability.ts';
import { EINVAL, ENOPROTOOPT, EOPNOTSUPP } from '../abi/errno.table.ts';
import { IP, IPV6, SOL_IP, SOL_IPV6, SOL_TCP, SOL_UDP, TCP, UDP } from '../abi/inet.ts';
import { NETLINK_OPTION, SO, SOL_NETLINK, SOL_SOCKET } from '../abi/socket.ts';

export interface OptionRow {
  readonly level: number;
  readonly option: number;
  readonly initial: number;
  /** A flag reads 0 or 1 whatever was set. */
  readonly isFlag: boolean;
  /** Outside: EINVAL. */
  readonly least: number;
  readonly most: number;
  /** Values in between that are EINVAL, too. */
  readonly except?: (value: number) => boolean;
  /** Setting needs it (EPERM). */
  readonly capability?: number;
  /** Setting it is this error, reading it is not; `getError` the other way round. */
  readonly setError?: number;
  readonly getError?: number;
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
  more: Pick<OptionRow, 'capability' | 'change' | 'except' | 'setError' | 'getError'> = {},
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

/** Of every socket: `sk_getsockopt` and `sk_setsockopt` of `net/core/sock.c`. */
const SOCKET: readonly OptionRow[] = [
  flag(S, SO.SO_DEBUG),
  flag(S, SO.SO_REUSEADDR),
  flag(S, SO.SO_DONTROUTE),
  flag(S, SO.SO_BROADCAST),
  flag(S, SO.SO_KEEPALIVE),
  flag(S, SO.SO_OOBINLINE),
  flag(S, SO.SO_NO_CHECK),
  // Taken, and without effect since Linux 2.2.
  number(S, SO.SO_BSDCOMPAT, 0, INT_MIN, INT_MAX, { change: () => 0 }),
  flag(S, SO.SO_TIMESTAMP),
  flag(S, SO.SO_TIMESTAMPNS),
  flag(S, SO.SO_RXQ_OVFL),
  flag(S, SO.SO_WIFI_STATUS),
  flag(S, SO.SO_NOFCS),
  flag(S, SO.SO_LOCK_FILTER),
  flag(S, SO.SO_SELECT_ERR_QUEUE),
  number(S, SO.SO_PEEK_OFF, -1, INT_MIN, INT_MAX),
  number(S, SO.SO_PRIORITY, 0, 0, 6),
  number(S, SO.SO_MARK, 0, INT_MIN, INT_MAX, { capability: CAP_NET_ADMIN }),
  number(S, SO.SO_BUSY_POLL, 0, 0, INT_MAX),
  number(S, SO.SO_INCOMING_CPU, -1, INT_MIN, INT_MAX),
  number(S, SO.SO_MAX_PACING_RATE, -1, INT_MIN, INT_MAX),
  number(S, SO.SO_RCVLOWAT, 1, INT_MIN, INT_MAX, {
    change: (value) => (value < 0 ? INT_MAX : value || 1),
  }),
  number(S, SO.SO_SNDLOWAT, 1, INT_MIN, INT_MAX, { setError: ENOPROTOOPT }),
  // How many extensions `bpf_tell_extensions` knows.
  number(S, SO.SO_BPF_EXTENSIONS, 64, INT_MIN, INT_MAX, { setError: ENOPROTOOPT }),
  number(S, SO.SO_INCOMING_NAPI_ID, 0, INT_MIN, INT_MAX, { setError: ENOPROTOOPT }),
  // Advice of one kind, which there is no route to give to.
  number(S, SO.SO_CNX_ADVICE, 0, 1, 1, { getError: ENOPROTOOPT }),
  flag(S, SO.SO_PREFER_BUSY_POLL),
  number(S, SO.SO_BUSY_POLL_BUDGET, 0, 0, 0xffff, { getError: ENOPROTOOPT }),
  number(S, SO.SO_BUF_LOCK, 0, 0, 3),
  // Without a memory cgroup.
  number(S, SO.SO_RESERVE_MEM, 0, INT_MIN, INT_MAX, { setError: EOPNOTSUPP }),
  flag(S, SO.SO_RCVMARK),
  flag(S, SO.SO_RCVPRIORITY),
];

/** Streams and sequenced packets of unix(7) have buffers of their own size, and share no ports. */
const UNIX: readonly OptionRow[] = [
  { ...flag(S, SO.SO_REUSEPORT), setError: EOPNOTSUPP },
  { ...flag(S, SO.SO_ZEROCOPY), setError: EOPNOTSUPP },
];

/** netlink(7): no ports to share, nothing to peek at by offset, and what SOL_NETLINK keeps. */
const NETLINK: readonly OptionRow[] = [
  { ...flag(S, SO.SO_REUSEPORT), setError: EOPNOTSUPP },
  number(S, SO.SO_PEEK_OFF, -1, INT_MIN, INT_MAX, { setError: EOPNOTSUPP, getError: EOPNOTSUPP }),
  number(S, SO.SO_SNDBUF, BUFFER_MAX, INT_MIN, INT_MAX, { change: doubled(SEND_BUFFER.least) }),
  number(S, SO.SO_RCVBUF, BUFFER_MAX, INT_MIN, INT_MAX, { change: doubled(RECEIVE_BUFFER.least) }),
  flag(SOL_NETLINK, NETLINK_OPTION.NETLINK_PKTINFO),
  flag(SOL_NETLINK, NETLINK_OPTION.NETLINK_BROADCAST_ERROR),
  flag(SOL_NETLINK, NETLINK_OPTION.NETLINK_NO_ENOBUFS),
  flag(SOL_NETLINK, NETLINK_OPTION.NETLINK_LISTEN_ALL_NSID),
  flag(SOL_NETLINK, NETLINK_OPTION.NETLINK_CAP_ACK),
  flag(SOL_NETLINK, NETLINK_OPTION.NETLINK_EXT_ACK),
  flag(SOL_NETLINK, NETLINK_OPTION.NETLINK_GET_STRICT_CHK),
];

const COMMON: readonly OptionRow[] = [
  ...SOCKET,
  flag(S, SO.SO_REUSEPORT),
  flag(S, SO.SO_ZEROCOPY),
  flag(SOL_IP, IP.IP_PKTINFO),
  flag(SOL_IP, IP.IP_RECVERR),
  flag(SOL_IP, IP.IP_RECVTTL),
  flag(SOL_IP, IP.IP_RECVTOS),
  flag(SOL_IP, IP.IP_RETOPTS),
  flag(SOL_IP, IP.IP_RECVOPTS),
  flag(SOL_IP, IP.IP_RECVERR_RFC4884),
  flag(SOL_IP, IP.IP_FREEBIND),
  flag(SOL_IP, IP.IP_RECVORIGDSTADDR),
  flag(SOL_IP, IP.IP_BIND_ADDRESS_NO_PORT),
  flag(SOL_IP, IP.IP_MULTICAST_LOOP, 1),
  flag(SOL_IP, IP.IP_MULTICAST_ALL, 1),
  { ...flag(SOL_IP, IP.IP_TRANSPARENT), capability: CAP_NET_RAW },
  number(SOL_IP, IP.IP_TTL, 64, -1, 255, { except: (value) => value === 0, change: orDefault(64) }),
  number(SOL_IP, IP.IP_MINTTL, 0, 0, 255),
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
  flag(SOL_IPV6, IPV6.IPV6_MULTICAST_ALL, 1),
  // `inet_create` sets it, `inet6_create` does not.
  flag(SOL_IP, IP.IP_MULTICAST_ALL),
  // Asked for, what they tell of never comes: headers behind the first, fragments, paths.
  flag(SOL_IPV6, IPV6.IPV6_2292PKTINFO),
  flag(SOL_IPV6, IPV6.IPV6_2292HOPOPTS),
  flag(SOL_IPV6, IPV6.IPV6_2292DSTOPTS),
  flag(SOL_IPV6, IPV6.IPV6_2292RTHDR),
  flag(SOL_IPV6, IPV6.IPV6_2292HOPLIMIT),
  flag(SOL_IPV6, IPV6.IPV6_FLOWINFO),
  flag(SOL_IPV6, IPV6.IPV6_FLOWINFO_SEND),
  flag(SOL_IPV6, IPV6.IPV6_RECVHOPOPTS),
  flag(SOL_IPV6, IPV6.IPV6_RECVRTHDR),
  flag(SOL_IPV6, IPV6.IPV6_RECVDSTOPTS),
  flag(SOL_IPV6, IPV6.IPV6_RECVPATHMTU),
  flag(SOL_IPV6, IPV6.IPV6_RECVERR_RFC4884),
  flag(SOL_IPV6, IPV6.IPV6_AUTOFLOWLABEL, 1),
  flag(SOL_IPV6, IPV6.IPV6_RECVORIGDSTADDR),
  flag(SOL_IPV6, IPV6.IPV6_FREEBIND),
  { ...flag(SOL_IPV6, IPV6.IPV6_TRANSPARENT), capability: CAP_NET_RAW },
  number(SOL_IPV6, IPV6.IPV6_MINHOPCOUNT, 0, 0, 255),
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
    change: (value) => (value < 0 ? -1 : Math.min(value || 60, 120)),
  }),
  number(SOL_TCP, TCP.TCP_DEFER_ACCEPT, 0, INT_MIN, INT_MAX, { change: deferredSeconds }),
  number(SOL_TCP, TCP.TCP_WINDOW_CLAMP, 0, INT_MIN, INT_MAX, {
    // `SOCK_MIN_RCVBUF / 2`; the value is taken without its sign.
    change: (value) => (value === 0 ? 0 : value < 0 ? value : Math.max(value, 1152)),
  }),
  // TCP_MIN_MSS to MAX_TCP_WINDOW, or 0 for what the path gives.
  number(SOL_TCP, TCP.TCP_MAXSEG, 0, 0, 32_767, {
    except: (value) => value > 0 && value < 88,
  }),
  number(SOL_TCP, TCP.TCP_USER_TIMEOUT, 0, 0, INT_MAX),
  number(SOL_TCP, TCP.TCP_FASTOPEN, 0, 0, INT_MAX),
  number(SOL_TCP, TCP.TCP_NOTSENT_LOWAT, 0, INT_MIN, INT_MAX),
  number(SOL_TCP, TCP.TCP_THIN_LINEAR_TIMEOUTS, 0, 0, 1),
  // Nothing is done since Linux 4.13.
  number(SOL_TCP, TCP.TCP_THIN_DUPACK, 0, 0, 1, { change: () => 0 }),
  number(SOL_TCP, TCP.TCP_SAVE_SYN, 0, 0, 2),
  number(SOL_TCP, TCP.TCP_INQ, 0, 0, 1),
  flag(S, SO.SO_TXREHASH, 1),
  number(SOL_IP, IP.IP_MULTICAST_TTL, 1, -1, 255, { change: orDefault(1), setError: EINVAL }),
];

const DATAGRAM: readonly OptionRow[] = [
  number(S, SO.SO_SNDBUF, SEND_BUFFER.udp, INT_MIN, INT_MAX, {
    change: doubled(SEND_BUFFER.least),
  }),
  number(S, SO.SO_RCVBUF, RECEIVE_BUFFER.udp, INT_MIN, INT_MAX, {
    change: doubled(RECEIVE_BUFFER.least),
  }),
  number(SOL_IP, IP.IP_TOS, 0, INT_MIN, INT_MAX, { change: tos(false) }),
  number(SOL_IP, IP.IP_MULTICAST_TTL, 1, -1, 255, { change: orDefault(1) }),
  flag(SOL_UDP, UDP.UDP_CORK),
  flag(SOL_UDP, UDP.UDP_NO_CHECK6_TX),
  flag(SOL_UDP, UDP.UDP_NO_CHECK6_RX),
];

/** `TCP_RTO_MAX`. */
const RETRANSMIT_MAX_SECONDS = 120;

/** `secs_to_retrans` and back: rounded up to 1, 3, 7, 15, … seconds. */
function deferredSeconds(value: number): number {
  let seconds = 0;
  let step = 1;
  for (let sent = 0; seconds < value && sent < 255; sent++) {
    seconds += step;
    step = Math.min(step * 2, RETRANSMIT_MAX_SECONDS);
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
  unix: index(SOCKET, UNIX),
  netlink: index(SOCKET, NETLINK),
} as const;
