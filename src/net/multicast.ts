/**
 * Multicast groups of one kernel: ip(7), ipv6(7), `net/ipv4/igmp.c`. What is sent to a group reaches
 * the sockets of this instance. Deviation: it does not leave it, nor does anything come from outside;
 * without a route for a group its default is the first interface that is not the loopback, else that,
 * and groups of IPv6 are reached by the loopback, too.
 */

import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOBUFS, ENODEV, EPROTO } from '../abi/errno.table.ts';
import { IP, IPV6, SOL_IP, SOL_IPV6 } from '../abi/inet.ts';
import { AF } from '../abi/socket.ts';
import { decodeEndpoint } from './endpoint.ts';
import type { NetInterface } from './interfaces.ts';
import { Ip } from './ip.ts';

/** `net.ipv4.igmp_max_memberships`. */
const MEMBERSHIPS_MAX = 20;
const MREQ_BYTES = 8;
const MREQN_BYTES = 12;
const IPV6_MREQ_BYTES = 20;
/** `struct group_req`: interface, and a `struct sockaddr_storage` at 8. */
const GROUP_REQ = { address: 8, bytes: 136 } as const;

/** A group on an interface, and the address that named the interface, if one did. */
interface Membership {
  readonly group: Ip;
  readonly index: number;
  readonly named: Ip | undefined;
}

const keyOf = (group: Ip, index: number): string => `${group.key} ${index}`;

/** Groups that every interface is in: all hosts, all nodes. */
const EVERYWHERE: ReadonlySet<string> = new Set(
  [
    Ip.v4(Uint8Array.of(224, 0, 0, 1)),
    Ip.v6(Uint8Array.of(0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)),
    Ip.v6(Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)),
  ].map(({ key }) => key),
);

/** Which groups the interfaces listen to: those that some socket joined. */
export class MulticastGroups {
  readonly #counts = new Map<string, number>();

  add(group: Ip, index: number, by: number): void {
    const key = keyOf(group, index);
    const count = (this.#counts.get(key) ?? 0) + by;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }

  isHeard(group: Ip, index: number): boolean {
    return EVERYWHERE.has(group.key) || this.#counts.has(keyOf(group, index));
  }
}

const hasFamily = (face: NetInterface, isV4: boolean): boolean =>
  face.addresses.some(({ ip }) => ip.isV4 === isV4);

const defaultInterface = (faces: readonly NetInterface[], isV4: boolean): NetInterface =>
  faces.slice(1).find((face) => hasFamily(face, isV4)) ?? (faces[0] as NetInterface);

const interfaceOf = (faces: readonly NetInterface[], ip: Ip): NetInterface | undefined =>
  ip.isLoopback
    ? faces[0]
    : faces.find(({ addresses }) => addresses.some((own) => own.ip.equals(ip)));

/** The groups of one socket, and by which interface it sends to groups. */
export class Memberships {
  readonly #groups: MulticastGroups;
  #list: Membership[] = [];
  /** IP_MULTICAST_IF, IPV6_MULTICAST_IF: 0 for none. */
  sendIndex = 0;
  sendAddress: Ip | undefined = undefined;

  constructor(groups: MulticastGroups) {
    this.#groups = groups;
  }

  has(group: Ip, index: number): boolean {
    return this.#list.some((one) => one.index === index && one.group.equals(group));
  }

  /** 0 or -errno; undefined where the option is not about groups. */
  setOption(
    level: number,
    option: number,
    value: Uint8Array,
    faces: readonly NetInterface[],
    isStream: boolean,
  ): number | undefined {
    const isV4 = level === SOL_IP;
    const joins = isV4 ? JOINS_V4[option] : level === SOL_IPV6 ? JOINS_V6[option] : undefined;
    if (joins !== undefined) {
      if (isV4 && isStream) return -EPROTO;
      const wanted = readers[joins.form](value, faces, joins.adds);
      if (isStream && (typeof wanted === 'object' || wanted !== -EINVAL)) return -EPROTO;
      if (typeof wanted === 'number') return wanted;
      return joins.adds ? this.#join(wanted) : this.#leave(wanted);
    }
    if (isV4 && option === IP.IP_MULTICAST_IF)
      return isStream ? -EINVAL : this.#sendBy(value, faces);
    if (level === SOL_IPV6 && option === IPV6.IPV6_MULTICAST_IF && !isStream)
      return this.#sendBy6(value, faces);
    return undefined;
  }

  #join(wanted: Membership): number {
    if (this.has(wanted.group, wanted.index)) return -EADDRINUSE;
    if (this.#list.length >= MEMBERSHIPS_MAX) return -ENOBUFS;
    this.#list.push(wanted);
    this.#groups.add(wanted.group, wanted.index, 1);
    return 0;
  }

  /** Index 0: of whichever interface; with an address, of that which was named by it. */
  #leave({ group, index, named }: Membership): number {
    const at = this.#list.findIndex(
      (one) =>
        one.group.equals(group) &&
        (index === 0 || one.index === index) &&
        (named === undefined || index !== 0 || one.named?.equals(named) === true),
    );
    const found = this.#list[at];
    if (found === undefined) return -EADDRNOTAVAIL;
    this.#list.splice(at, 1);
    this.#groups.add(found.group, found.index, -1);
    return 0;
  }

  #sendBy(value: Uint8Array, faces: readonly NetInterface[]): number {
    if (value.length < 4) return -EINVAL;
    const at = value.length >= MREQ_BYTES ? 4 : 0;
    const index = value.length >= MREQN_BYTES ? intAt(value, 8) : 0;
    const address = Ip.v4(value, at);
    if (index === 0 && address.isWildcard) {
      this.sendIndex = 0;
      this.sendAddress = undefined;
      return 0;
    }
    const face =
      index === 0 ? interfaceOf(faces, address) : faces.find((one) => one.index === index);
    if (face === undefined) return -EADDRNOTAVAIL;
    this.sendIndex = face.index;
    this.sendAddress = address.isWildcard ? undefined : address;
    return 0;
  }

  #sendBy6(value: Uint8Array, faces: readonly NetInterface[]): number {
    if (value.length < 4) return -EINVAL;
    const index = intAt(value, 0);
    if (index !== 0 && !faces.some((face) => face.index === index)) return -ENODEV;
    this.sendIndex = index;
    return 0;
  }

  /** By which interface, and from which address, a socket bound to `local` sends to groups. */
  way(local: Ip, isV4: boolean, faces: readonly NetInterface[]): { face: NetInterface; ip: Ip } {
    const isBoundToOne = !local.isWildcard && !local.isMulticast;
    const chosen = faces.find(({ index }) => index === this.sendIndex);
    const own = isBoundToOne ? interfaceOf(faces, local) : undefined;
    const face = chosen ?? own ?? defaultInterface(faces, isV4);
    if (isBoundToOne) return { face, ip: local };
    const named = isV4 ? this.sendAddress : undefined;
    const ip = named ?? face.addresses.find((own) => own.ip.isV4 === isV4)?.ip ?? local;
    return { face, ip };
  }

  close(): void {
    for (const { group, index } of this.#list) this.#groups.add(group, index, -1);
    this.#list = [];
  }
}

const intAt = (value: Uint8Array, at: number): number =>
  new DataView(value.buffer, value.byteOffset).getInt32(at, true);

type Form = 'mreq' | 'mreq6' | 'request4' | 'request6';
interface Joining {
  readonly form: Form;
  readonly adds: boolean;
}

const JOINS_V4: Readonly<Record<number, Joining>> = {
  [IP.IP_ADD_MEMBERSHIP]: { form: 'mreq', adds: true },
  [IP.IP_DROP_MEMBERSHIP]: { form: 'mreq', adds: false },
  [IP.MCAST_JOIN_GROUP]: { form: 'request4', adds: true },
  [IP.MCAST_LEAVE_GROUP]: { form: 'request4', adds: false },
};
const JOINS_V6: Readonly<Record<number, Joining>> = {
  [IPV6.IPV6_ADD_MEMBERSHIP]: { form: 'mreq6', adds: true },
  [IPV6.IPV6_DROP_MEMBERSHIP]: { form: 'mreq6', adds: false },
  [IP.MCAST_JOIN_GROUP]: { form: 'request6', adds: true },
  [IP.MCAST_LEAVE_GROUP]: { form: 'request6', adds: false },
};

type Reader = (
  value: Uint8Array,
  faces: readonly NetInterface[],
  adds: boolean,
) => Membership | number;

/** What is asked for, by the structure that it is asked with; -errno. */
const readers: Readonly<Record<Form, Reader>> = {
  mreq: (value, faces, adds) => {
    if (value.length < MREQ_BYTES) return -EINVAL;
    const index = value.length >= MREQN_BYTES ? intAt(value, 8) : 0;
    const address = Ip.v4(value, 4);
    const named = address.isWildcard ? undefined : address;
    return member(faces, { group: Ip.v4(value), index, named }, adds);
  },
  mreq6: (value, faces, adds) => {
    if (value.length < IPV6_MREQ_BYTES) return -EINVAL;
    const group = Ip.v6(value.subarray(0, 16));
    return member(faces, { group, index: intAt(value, 16), named: undefined }, adds);
  },
  request4: (value, faces, adds) => readRequest(AF.AF_INET, value, faces, adds),
  request6: (value, faces, adds) => readRequest(AF.AF_INET6, value, faces, adds),
};

function readRequest(
  family: number,
  value: Uint8Array,
  faces: readonly NetInterface[],
  adds: boolean,
): Membership | number {
  if (value.length < GROUP_REQ.bytes) return -EINVAL;
  const endpoint = decodeEndpoint(family, value.subarray(GROUP_REQ.address));
  if (typeof endpoint === 'number') return -EINVAL;
  return member(faces, { group: endpoint.ip, index: intAt(value, 0), named: undefined }, adds);
}

/** With the interface filled in, where one is joined. */
function member(
  faces: readonly NetInterface[],
  wanted: Membership,
  adds: boolean,
): Membership | number {
  const { group, index, named } = wanted;
  if (!group.isMulticast) return -EINVAL;
  if (!adds) return wanted;
  const face =
    index !== 0
      ? faces.find((one) => one.index === index)
      : named !== undefined
        ? interfaceOf(faces, named)
        : defaultInterface(faces, group.isV4);
  return face === undefined ? -ENODEV : { ...wanted, index: face.index };
}
