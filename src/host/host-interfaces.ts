/** Network interfaces of the host but its loopback, as Node.js tells them. */

import { networkInterfaces } from 'node:os';
import { ethernetInterface, type InterfaceAddress, type NetInterface } from '../net/interfaces.ts';
import { Ip, parseIp } from '../net/ip.ts';

const MAX_INTERFACES = 64;
const FIRST_INDEX = 2;

export function hostInterfaces(): readonly NetInterface[] {
  const found: NetInterface[] = [];
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    if (addresses.every(({ internal }) => internal) || found.length >= MAX_INTERFACES) continue;
    const hardware = hardwareAddress(addresses[0]?.mac ?? '');
    const own = addresses.flatMap(({ cidr }) => addressOf(cidr) ?? []);
    found.push(ethernetInterface(FIRST_INDEX + found.length, name.slice(0, 15), hardware, own));
  }
  return found;
}

/** `address/bits`. */
function addressOf(cidr: string | null): InterfaceAddress | undefined {
  const [text = '', bits] = (cidr ?? '').split('/');
  const ip = parseIp(text);
  const prefixBits = Number(bits);
  if (ip === undefined || !Number.isInteger(prefixBits)) return undefined;
  if (prefixBits < 0 || prefixBits > (ip.isV4 ? 32 : 128)) return undefined;
  return ip.isV4 ? { ip, prefixBits, broadcast: broadcastOf(ip, prefixBits) } : { ip, prefixBits };
}

function broadcastOf(ip: Ip, bits: number): Ip {
  const bytes = ip.bytes.slice(12);
  for (let bit = bits; bit < 32; bit++)
    bytes[bit >> 3] = (bytes[bit >> 3] as number) | (0x80 >> (bit & 7));
  return Ip.v4(bytes);
}

function hardwareAddress(text: string): Uint8Array {
  const parts = text.split(':').map((part) => Number.parseInt(part, 16));
  return Uint8Array.from({ length: 6 }, (_, i) => (parts[i] ?? 0) & 0xff);
}
