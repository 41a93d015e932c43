/**
 * Control data that goes with one datagram: `ip_cmsg_send`, `ip6_datagram_send_ctl`,
 * `udp_cmsg_send` of Linux. Items of other levels are passed over, as there.
 */

import { EINVAL } from '../abi/errno.table.ts';
import {
  IN_PKTINFO_BYTES,
  IN6_PKTINFO_BYTES,
  IP,
  IPV6,
  SOL_IP,
  SOL_IPV6,
  SOL_UDP,
} from '../abi/inet.ts';
import type { ControlItem } from './addressed-socket.ts';
import { Ip } from './ip.ts';

/** What a sender asks for this datagram alone; undefined: as the socket has it. */
export interface SendingControl {
  hops?: number;
  trafficClass?: number;
  /** The address that the datagram comes from. */
  source?: Ip;
}

/** Takes one item in; the result is 0 or -EINVAL. */
type Taker = (bytes: Uint8Array, into: SendingControl) => number;

/** The kinds that each level has; what is not named is EINVAL. */
const TAKERS: Readonly<Record<number, Readonly<Record<number, Taker>>>> = {
  [SOL_IP]: {
    [IP.IP_TTL]: int(1, 255, (hops, into) => {
      into.hops = hops;
    }),
    [IP.IP_TOS]: (bytes, into) => {
      const value = bytes.length === 1 ? bytes[0] : intOf(bytes);
      if (value === undefined || value < 0 || value > 255) return -EINVAL;
      into.trafficClass = value;
      return 0;
    },
    [IP.IP_PKTINFO]: (bytes, into) => {
      if (bytes.length !== IN_PKTINFO_BYTES) return -EINVAL;
      setSource(into, Ip.v4(bytes, 4));
      return 0;
    },
  },
  [SOL_IPV6]: {
    [IPV6.IPV6_HOPLIMIT]: int(-1, 255, (hops, into) => {
      if (hops >= 0) into.hops = hops;
    }),
    [IPV6.IPV6_TCLASS]: int(-1, 255, (trafficClass, into) => {
      if (trafficClass >= 0) into.trafficClass = trafficClass;
    }),
    // Loopback has no fragments, and nothing else is reached with control data.
    [IPV6.IPV6_DONTFRAG]: int(0, 1, () => undefined),
    [IPV6.IPV6_PKTINFO]: (bytes, into) => {
      if (bytes.length < IN6_PKTINFO_BYTES) return -EINVAL;
      setSource(into, Ip.v6(bytes));
      return 0;
    },
  },
  // UDP_SEGMENT is not served: refused, as sent whole it would be another datagram.
  [SOL_UDP]: {},
};

/** What `items` ask of a datagram that goes to an address of IPv4 (`isV4`) or of IPv6; -EINVAL. */
export function sendingControl(
  items: readonly ControlItem[],
  isV4: boolean,
): SendingControl | number {
  const wanted: SendingControl = {};
  for (const { level, type, bytes } of items) {
    const isMapped = isV4 && level === SOL_IPV6 && type === IPV6.IPV6_PKTINFO;
    if (level !== SOL_UDP && level !== (isV4 ? SOL_IP : SOL_IPV6) && !isMapped) continue;
    const take = TAKERS[level]?.[type];
    const result = take === undefined ? -EINVAL : take(bytes, wanted);
    if (result < 0) return result;
  }
  return wanted;
}

function int(
  least: number,
  most: number,
  set: (value: number, into: SendingControl) => void,
): Taker {
  return (bytes, into) => {
    const value = intOf(bytes);
    if (value === undefined || value < least || value > most) return -EINVAL;
    set(value, into);
    return 0;
  };
}

const intOf = (bytes: Uint8Array): number | undefined =>
  bytes.length === 4 ? new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true) : undefined;

function setSource(into: SendingControl, source: Ip): void {
  if (!source.isWildcard) into.source = source;
}
