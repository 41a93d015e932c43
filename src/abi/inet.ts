/** Internet sockets: `linux/in.h`, `linux/in6.h`, `linux/tcp.h`, `linux/udp.h`; ip(7), tcp(7), udp(7). */

export const IPPROTO = {
  IPPROTO_IP: 0,
  IPPROTO_ICMP: 1,
  IPPROTO_TCP: 6,
  IPPROTO_UDP: 17,
  IPPROTO_IPV6: 41,
  IPPROTO_UDPLITE: 136,
} as const;

/** `struct sockaddr_in` and `struct sockaddr_in6`. Port in network byte order. */
export const SOCKADDR_IN = { port: 2, address: 4, bytes: 16 } as const;
export const SOCKADDR_IN6 = {
  port: 2,
  flowInfo: 4,
  address: 8,
  scopeId: 24,
  /** RFC 2133 had no scope: shorter addresses are taken, too. */
  leastBytes: 24,
  bytes: 28,
} as const;

export const SOL_IP = 0;
export const SOL_TCP = 6;
export const SOL_UDP = 17;
export const SOL_IPV6 = 41;

export const IP = {
  IP_TOS: 1,
  IP_TTL: 2,
  IP_HDRINCL: 3,
  IP_OPTIONS: 4,
  IP_ROUTER_ALERT: 5,
  IP_RECVOPTS: 6,
  IP_RETOPTS: 7,
  IP_PKTINFO: 8,
  IP_MTU_DISCOVER: 10,
  IP_RECVERR: 11,
  IP_RECVTTL: 12,
  IP_RECVTOS: 13,
  IP_MTU: 14,
  IP_FREEBIND: 15,
  IP_TRANSPARENT: 19,
  IP_RECVORIGDSTADDR: 20,
  IP_MINTTL: 21,
  IP_NODEFRAG: 22,
  IP_CHECKSUM: 23,
  IP_BIND_ADDRESS_NO_PORT: 24,
  IP_RECVFRAGSIZE: 25,
  IP_RECVERR_RFC4884: 26,
  IP_MULTICAST_IF: 32,
  IP_MULTICAST_TTL: 33,
  IP_MULTICAST_LOOP: 34,
  IP_ADD_MEMBERSHIP: 35,
  IP_DROP_MEMBERSHIP: 36,
  MCAST_JOIN_GROUP: 42,
  MCAST_LEAVE_GROUP: 45,
  IP_MULTICAST_ALL: 49,
  IP_UNICAST_IF: 50,
  IP_LOCAL_PORT_RANGE: 51,
} as const;

export const IPV6 = {
  IPV6_2292PKTINFO: 2,
  IPV6_2292HOPOPTS: 3,
  IPV6_2292DSTOPTS: 4,
  IPV6_2292RTHDR: 5,
  IPV6_2292HOPLIMIT: 8,
  IPV6_FLOWINFO: 11,
  IPV6_UNICAST_HOPS: 16,
  IPV6_MULTICAST_IF: 17,
  IPV6_MULTICAST_HOPS: 18,
  IPV6_MULTICAST_LOOP: 19,
  IPV6_ADD_MEMBERSHIP: 20,
  IPV6_DROP_MEMBERSHIP: 21,
  IPV6_MTU_DISCOVER: 23,
  IPV6_MTU: 24,
  IPV6_RECVERR: 25,
  IPV6_V6ONLY: 26,
  IPV6_MULTICAST_ALL: 29,
  IPV6_ROUTER_ALERT_ISOLATE: 30,
  IPV6_RECVERR_RFC4884: 31,
  IPV6_FLOWINFO_SEND: 33,
  IPV6_RECVPKTINFO: 49,
  IPV6_PKTINFO: 50,
  IPV6_RECVHOPLIMIT: 51,
  IPV6_HOPLIMIT: 52,
  IPV6_RECVHOPOPTS: 53,
  IPV6_RECVRTHDR: 56,
  IPV6_RECVDSTOPTS: 58,
  IPV6_RECVPATHMTU: 60,
  IPV6_DONTFRAG: 62,
  IPV6_RECVTCLASS: 66,
  IPV6_TCLASS: 67,
  IPV6_AUTOFLOWLABEL: 70,
  IPV6_ADDR_PREFERENCES: 72,
  IPV6_MINHOPCOUNT: 73,
  IPV6_RECVORIGDSTADDR: 74,
  IPV6_TRANSPARENT: 75,
  IPV6_UNICAST_IF: 76,
  IPV6_RECVFRAGSIZE: 77,
  IPV6_FREEBIND: 78,
} as const;

export const TCP = {
  TCP_NODELAY: 1,
  TCP_MAXSEG: 2,
  TCP_CORK: 3,
  TCP_KEEPIDLE: 4,
  TCP_KEEPINTVL: 5,
  TCP_KEEPCNT: 6,
  TCP_SYNCNT: 7,
  TCP_LINGER2: 8,
  TCP_DEFER_ACCEPT: 9,
  TCP_WINDOW_CLAMP: 10,
  TCP_INFO: 11,
  TCP_QUICKACK: 12,
  TCP_CONGESTION: 13,
  TCP_THIN_LINEAR_TIMEOUTS: 16,
  TCP_THIN_DUPACK: 17,
  TCP_USER_TIMEOUT: 18,
  TCP_FASTOPEN: 23,
  TCP_NOTSENT_LOWAT: 25,
  TCP_SAVE_SYN: 27,
  TCP_FASTOPEN_CONNECT: 30,
  TCP_ULP: 31,
  TCP_FASTOPEN_NO_COOKIE: 34,
  TCP_INQ: 36,
} as const;

export const UDP = { UDP_CORK: 1, UDP_NO_CHECK6_TX: 101, UDP_NO_CHECK6_RX: 102 } as const;

/** `include/net/tcp_states.h`: what TCP_INFO and /proc/net/tcp show. */
export const TCP_STATE = {
  established: 1,
  synSent: 2,
  finWait2: 5,
  close: 7,
  closeWait: 8,
  lastAck: 9,
  listen: 10,
} as const;
export type TcpState = (typeof TCP_STATE)[keyof typeof TCP_STATE];

/** `struct in_pktinfo`: interface, local address, header's destination. `struct in6_pktinfo`. */
export const IN_PKTINFO_BYTES = 12;
export const IN6_PKTINFO_BYTES = 20;

/** `struct sock_extended_err` (`linux/errqueue.h`). */
export const SOCK_EXTENDED_ERR = {
  errno: 0,
  origin: 4,
  type: 5,
  code: 6,
  bytes: 16,
} as const;
export const SO_EE_ORIGIN_ICMP = 2;
export const SO_EE_ORIGIN_ICMP6 = 3;
export const ICMP_DEST_UNREACH = 3;
export const ICMP_PORT_UNREACH = 3;
export const ICMPV6_DEST_UNREACH = 1;
export const ICMPV6_PORT_UNREACH = 4;

/** `net.ipv4.ip_local_port_range`, and the first port that needs no CAP_NET_BIND_SERVICE. */
export const EPHEMERAL_FIRST = 32_768;
export const EPHEMERAL_LAST = 60_999;
export const UNPRIVILEGED_PORT = 1024;

/** Longest datagrams: 65,535 without the IPv4 and UDP headers, and without the UDP header. */
export const UDP_MAX_BYTES = 65_507;
export const UDP6_MAX_BYTES = 65_527;

/** `linux/sockios.h`. */
export const SIOC = {
  SIOCINQ: 0x541b,
  SIOCOUTQ: 0x5411,
  SIOCATMARK: 0x8905,
  SIOCGSTAMP: 0x8906,
  SIOCGSTAMPNS: 0x8907,
  SIOCOUTQNSD: 0x894b,
  SIOCGIFNAME: 0x8910,
  SIOCGIFCONF: 0x8912,
  SIOCGIFFLAGS: 0x8913,
  SIOCGIFADDR: 0x8915,
  SIOCGIFDSTADDR: 0x8917,
  SIOCGIFBRDADDR: 0x8919,
  SIOCGIFNETMASK: 0x891b,
  SIOCGIFMETRIC: 0x891d,
  SIOCGIFMTU: 0x8921,
  SIOCGIFHWADDR: 0x8927,
  SIOCGIFINDEX: 0x8933,
  SIOCGIFTXQLEN: 0x8942,
  SIOCGIFMAP: 0x8970,
} as const;

/** `struct ifreq`, and `struct ifconf` (length, pointer). */
export const IFREQ_BYTES = 40;
export const IFNAMSIZ = 16;

/** `linux/if.h`. */
export const IFF = {
  IFF_UP: 0x1,
  IFF_BROADCAST: 0x2,
  IFF_LOOPBACK: 0x8,
  IFF_RUNNING: 0x40,
  IFF_MULTICAST: 0x1000,
  IFF_LOWER_UP: 0x10000,
} as const;
export const ARPHRD_ETHER = 1;
export const ARPHRD_LOOPBACK = 772;
