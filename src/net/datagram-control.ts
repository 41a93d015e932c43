/** Control data of received datagrams: ip(7), IP_PKTINFO, IP_RECVERR; socket(7), SO_TIMESTAMP. */

import {
  ICMP_DEST_UNREACH,
  ICMP_PORT_UNREACH,
  ICMPV6_DEST_UNREACH,
  ICMPV6_PORT_UNREACH,
  IN_PKTINFO_BYTES,
  IN6_PKTINFO_BYTES,
  IP,
  IPV6,
  SO_EE_ORIGIN_ICMP,
  SO_EE_ORIGIN_ICMP6,
  SOCK_EXTENDED_ERR,
  SOL_IP,
  SOL_IPV6,
} from '../abi/inet.ts';
import { AF, SO, SOL_SOCKET } from '../abi/socket.ts';
import { type ControlItem, intBytes } from './addressed-socket.ts';
import { encodeEndpoint } from './endpoint.ts';
import { LOOPBACK4, LOOPBACK6 } from './ip.ts';
import type { Datagram, DatagramError } from './udp-socket.ts';

const LOOPBACK_INDEX = 1;
const NS_PER_SEC = 1_000_000_000n;

/** Items in the order in which Linux writes them (`sock_recv_timestamp`, `ip_cmsg_recv_offset`). */
export function datagramControl(
  datagram: Datagram,
  family: number,
  isOn: (level: number, option: number) => boolean,
): ControlItem[] {
  const items: ControlItem[] = [];
  const add = (level: number, type: number, bytes: Uint8Array) =>
    items.push({ level, type, bytes });
  const { arrivedNs, to, hops, trafficClass } = datagram;
  if (isOn(SOL_SOCKET, SO.SO_TIMESTAMPNS))
    add(SOL_SOCKET, SO.SO_TIMESTAMPNS, timestamp(arrivedNs, true));
  else if (isOn(SOL_SOCKET, SO.SO_TIMESTAMP))
    add(SOL_SOCKET, SO.SO_TIMESTAMP, timestamp(arrivedNs, false));
  if (family === AF.AF_INET6) {
    if (isOn(SOL_IPV6, IPV6.IPV6_RECVPKTINFO))
      add(SOL_IPV6, IPV6.IPV6_PKTINFO, packetInfo6(datagram));
    if (isOn(SOL_IPV6, IPV6.IPV6_RECVHOPLIMIT)) add(SOL_IPV6, IPV6.IPV6_HOPLIMIT, intBytes(hops));
    if (isOn(SOL_IPV6, IPV6.IPV6_RECVTCLASS))
      add(SOL_IPV6, IPV6.IPV6_TCLASS, intBytes(trafficClass));
  }
  if (!to.ip.isV4) return items;
  if (isOn(SOL_IP, IP.IP_PKTINFO)) add(SOL_IP, IP.IP_PKTINFO, packetInfo4(datagram));
  if (isOn(SOL_IP, IP.IP_RECVTTL)) add(SOL_IP, IP.IP_TTL, intBytes(hops));
  if (isOn(SOL_IP, IP.IP_RECVTOS)) add(SOL_IP, IP.IP_TOS, Uint8Array.of(trafficClass));
  if (isOn(SOL_IP, IP.IP_RECVORIGDSTADDR))
    add(SOL_IP, IP.IP_RECVORIGDSTADDR, encodeEndpoint(AF.AF_INET, to));
  return items;
}

/** `struct timespec`, or `struct timeval`. */
export function timestamp(atNs: bigint, isNanoseconds: boolean): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  const rest = atNs % NS_PER_SEC;
  view.setBigInt64(0, atNs / NS_PER_SEC, true);
  view.setBigInt64(8, isNanoseconds ? rest : rest / 1000n, true);
  return bytes;
}

function packetInfo4({ to }: Datagram): Uint8Array {
  const bytes = new Uint8Array(IN_PKTINFO_BYTES);
  new DataView(bytes.buffer).setInt32(0, LOOPBACK_INDEX, true);
  bytes.set(to.ip.bytes.subarray(12), 4);
  bytes.set(to.ip.bytes.subarray(12), 8);
  return bytes;
}

function packetInfo6({ to }: Datagram): Uint8Array {
  const bytes = new Uint8Array(IN6_PKTINFO_BYTES);
  bytes.set(to.ip.bytes, 0);
  new DataView(bytes.buffer).setInt32(16, LOOPBACK_INDEX, true);
  return bytes;
}

/** `struct sock_extended_err` with the address of who complains: here always this instance. */
export function errorControl({ errno, to }: DatagramError, family: number): ControlItem[] {
  const isV4 = to.ip.isV4;
  const offender = encodeEndpoint(isV4 ? AF.AF_INET : AF.AF_INET6, {
    ip: isV4 ? LOOPBACK4 : LOOPBACK6,
    port: 0,
  });
  const bytes = new Uint8Array(SOCK_EXTENDED_ERR.bytes + offender.length);
  new DataView(bytes.buffer).setUint32(SOCK_EXTENDED_ERR.errno, errno, true);
  bytes[SOCK_EXTENDED_ERR.origin] = isV4 ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6;
  bytes[SOCK_EXTENDED_ERR.type] = isV4 ? ICMP_DEST_UNREACH : ICMPV6_DEST_UNREACH;
  bytes[SOCK_EXTENDED_ERR.code] = isV4 ? ICMP_PORT_UNREACH : ICMPV6_PORT_UNREACH;
  bytes.set(offender, SOCK_EXTENDED_ERR.bytes);
  if (family === AF.AF_INET6 && !isV4) return [{ level: SOL_IPV6, type: IPV6.IPV6_RECVERR, bytes }];
  return [{ level: SOL_IP, type: IP.IP_RECVERR, bytes }];
}
