/** Network interfaces as guests see them: the loopback, and the host's where it may be used. */

import { ARPHRD_ETHER, ARPHRD_LOOPBACK, IFF } from '../abi/inet.ts';
import { ANY4, type Ip, LOOPBACK4, LOOPBACK6 } from './ip.ts';

export interface InterfaceAddress {
  readonly ip: Ip;
  readonly prefixBits: number;
  readonly broadcast?: Ip;
}

export interface NetInterface {
  readonly index: number;
  readonly name: string;
  /** IFF_*. */
  readonly flags: number;
  readonly mtu: number;
  /** ARPHRD_*. */
  readonly hardwareType: number;
  /** Six bytes. */
  readonly hardwareAddress: Uint8Array;
  readonly addresses: readonly InterfaceAddress[];
}

export const LOOPBACK_INTERFACE: NetInterface = {
  index: 1,
  name: 'lo',
  flags: IFF.IFF_UP | IFF.IFF_LOOPBACK | IFF.IFF_RUNNING | IFF.IFF_LOWER_UP,
  mtu: 65_536,
  hardwareType: ARPHRD_LOOPBACK,
  hardwareAddress: new Uint8Array(6),
  addresses: [
    { ip: LOOPBACK4, prefixBits: 8 },
    { ip: LOOPBACK6, prefixBits: 128 },
  ],
};

/** An interface of the host; `index` is the guest's own numbering. */
export function ethernetInterface(
  index: number,
  name: string,
  hardwareAddress: Uint8Array,
  addresses: readonly InterfaceAddress[],
): NetInterface {
  const flags =
    IFF.IFF_UP | IFF.IFF_BROADCAST | IFF.IFF_RUNNING | IFF.IFF_MULTICAST | IFF.IFF_LOWER_UP;
  const hardwareType = ARPHRD_ETHER;
  return { index, name, flags, mtu: 1500, hardwareType, hardwareAddress, addresses };
}

/** The network mask of `bits` bits, IPv4, as an address. */
export function netmask(bits: number): Uint8Array {
  const mask = ANY4.bytes.slice(12);
  for (let bit = 0; bit < bits; bit++)
    mask[bit >> 3] = (mask[bit >> 3] as number) | (0x80 >> (bit & 7));
  return mask;
}
