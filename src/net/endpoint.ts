/** An address with a port, and its form in guest memory: `struct sockaddr_in`, `sockaddr_in6`. */

import { EAFNOSUPPORT, EINVAL } from '../abi/errno.table.ts';
import { SOCKADDR_IN, SOCKADDR_IN6 } from '../abi/inet.ts';
import { AF } from '../abi/socket.ts';
import { ANY4, ANY6, Ip } from './ip.ts';

export interface Endpoint {
  readonly ip: Ip;
  readonly port: number;
  /** Interface of a link-local address. */
  readonly scopeId?: number;
}

export const anyOf = (family: number): Endpoint => ({
  ip: family === AF.AF_INET ? ANY4 : ANY6,
  port: 0,
});

/** As people write it: 127.0.0.1:80, [::1]:80. */
export const endpointText = ({ ip, port }: Endpoint): string =>
  ip.isV4 ? `${ip}:${port}` : `[${ip}]:${port}`;

export const familyOf = (address: Uint8Array): number =>
  (address[0] as number) | ((address[1] as number) << 8);

/**
 * An address that a guest gave for a socket of `family`: -EINVAL when it is too short,
 * -EAFNOSUPPORT for another family.
 */
export function decodeEndpoint(family: number, address: Uint8Array): Endpoint | number {
  const isV4 = family === AF.AF_INET;
  if (address.length < (isV4 ? SOCKADDR_IN.bytes : SOCKADDR_IN6.leastBytes)) return -EINVAL;
  if (familyOf(address) !== family) return -EAFNOSUPPORT;
  const port = ((address[SOCKADDR_IN.port] as number) << 8) | (address[3] as number);
  if (isV4) return { ip: Ip.v4(address, SOCKADDR_IN.address), port };
  const ip = Ip.v6(address, SOCKADDR_IN6.address);
  if (address.length < SOCKADDR_IN6.bytes) return { ip, port };
  const view = new DataView(address.buffer, address.byteOffset, address.length);
  return { ip, port, scopeId: view.getUint32(SOCKADDR_IN6.scopeId, true) };
}

/** A `struct sockaddr_in6` with the mapped form of an IPv4 address. */
export function mappedAddress({ ip, port }: Endpoint): Uint8Array {
  const bytes = encodeEndpoint(AF.AF_INET6, { ip, port });
  bytes.set(ip.bytes, SOCKADDR_IN6.address);
  return bytes;
}

/** The form that a socket of `family` shows; IPv4 addresses are mapped for AF_INET6. */
export function encodeEndpoint(family: number, { ip, port, scopeId = 0 }: Endpoint): Uint8Array {
  const isV4 = family === AF.AF_INET;
  const bytes = new Uint8Array(isV4 ? SOCKADDR_IN.bytes : SOCKADDR_IN6.bytes);
  bytes[0] = family;
  bytes[2] = port >> 8;
  bytes[3] = port & 0xff;
  if (isV4) bytes.set(ip.bytes.subarray(12), SOCKADDR_IN.address);
  else {
    bytes.set(ip.isV4 && ip.isWildcard ? ANY6.bytes : ip.bytes, SOCKADDR_IN6.address);
    new DataView(bytes.buffer).setUint32(SOCKADDR_IN6.scopeId, scopeId, true);
  }
  return bytes;
}
