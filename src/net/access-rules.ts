/** Rules of access to the host's network in the notation of cloister.yaml and of Docker. */

import type { ConnectRule, ListenRule, Protocol, PublishedPort } from './host-access.ts';
import { ANY4, type Ip, parseIp } from './ip.ts';

const PORT_MAX = 65_535;

/** `PORT`, `FIRST-LAST`, with `/tcp` or `/udp` behind; undefined when it is none. */
export function parseListenRule(text: string): ListenRule | undefined {
  const match = /^(\*|\d+(?:-\d+)?)(?:\/(tcp|udp))?$/.exec(text);
  const ports = match === null ? undefined : portRange(match[1] as string);
  return ports === undefined ? undefined : { ...ports, protocol: match?.[2] as Protocol };
}

/** `ADDRESS:PORTS`, `ADDRESS/BITS:PORTS`, `*:PORTS`; IPv6 in brackets; undefined when it is none. */
export function parseConnectRule(text: string): ConnectRule | undefined {
  const match = /^(\*|\[[0-9a-fA-F:.]+\](?:\/\d+)?|[\d.]+(?:\/\d+)?):(.+)$/.exec(text);
  const ports = parseListenRule(match?.[2] ?? '');
  if (match === null || ports === undefined) return undefined;
  if (match[1] === '*') return { network: undefined, ...ports };
  const [address = '', bits] = (match[1] as string).replace(/[[\]]/g, '').split('/');
  const ip = parseIp(address);
  if (ip === undefined) return undefined;
  const most = ip.isV4 ? 32 : 128;
  const prefixBits = bits === undefined ? most : Number(bits);
  return prefixBits > most ? undefined : { network: { ip, prefixBits }, ...ports };
}

function portRange(text: string): { firstPort: number; lastPort: number } | undefined {
  if (text === '*') return { firstPort: 0, lastPort: PORT_MAX };
  const [first = '', last = first] = text.split('-');
  const [firstPort, lastPort] = [Number(first), Number(last)];
  return firstPort > lastPort || lastPort > PORT_MAX ? undefined : { firstPort, lastPort };
}

/**
 * Docker's `[ADDRESS:]HOST:GUEST[/tcp|/udp]`, with ranges of equal length; undefined when it is none.
 * Without an address: on every IPv4 address of the host.
 */
export function parsePublish(text: string): PublishedPort[] | undefined {
  const match =
    /^(?:(\[[0-9a-fA-F:.]+\]|[\d.]+):)?(\d+(?:-\d+)?):(\d+(?:-\d+)?)(?:\/(tcp|udp))?$/.exec(text);
  if (match === null) return undefined;
  const ip: Ip | undefined = match[1] ? parseIp(match[1].replace(/[[\]]/g, '')) : ANY4;
  const host = portRange(match[2] as string);
  const guest = portRange(match[3] as string);
  if (ip === undefined || host === undefined || guest === undefined) return undefined;
  const count = host.lastPort - host.firstPort + 1;
  if (guest.lastPort - guest.firstPort + 1 !== count || guest.firstPort === 0) return undefined;
  const protocol = (match[4] ?? 'tcp') as Protocol;
  return Array.from({ length: count }, (_, i) => ({
    host: { ip, port: host.firstPort + i },
    guestPort: guest.firstPort + i,
    protocol,
  }));
}
