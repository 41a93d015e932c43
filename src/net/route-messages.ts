/** Messages of rtnetlink(7): requests as guests write them, and the answers. */

import { EINVAL, ENODEV } from '../abi/errno.table.ts';
import { AF } from '../abi/socket.ts';
import { concatBytes } from '../base/concat-bytes.ts';
import type { NetInterface } from './interfaces.ts';
import type { Ip } from './ip.ts';

const NLMSG = { error: 2, done: 3 } as const;
const NLM_F = { multi: 2, capped: 0x100, dump: 0x300 } as const;
const RTM = {
  newLink: 16,
  getLink: 18,
  newAddress: 20,
  getAddress: 22,
  newRoute: 24,
  getRoute: 26,
  getNeighbour: 30,
};
const HEADER_BYTES = 16;
const RT_SCOPE = { universe: 0, link: 253, host: 254 } as const;
const IFA_F_PERMANENT = 0x80;
const INFINITE = 0xffff_ffff;

export interface RouteRequest {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Header and all. */
  readonly bytes: Uint8Array;
}

/** The requests of one datagram; what is malformed ends it. */
export function readRequests(bytes: Uint8Array): RouteRequest[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const requests: RouteRequest[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || at + length > bytes.length) break;
    requests.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      bytes: bytes.subarray(at, at + length),
    });
    at += Math.ceil(length / 4) * 4;
  }
  return requests;
}

/** Datagrams that answer a question; undefined: it is none that is known. */
export function replies(
  request: RouteRequest,
  faces: readonly NetInterface[],
  port: number,
): Uint8Array[] | undefined {
  const family = request.bytes[HEADER_BYTES] ?? 0;
  const isDump = (request.flags & NLM_F.dump) !== 0;
  if (request.type === RTM.getLink && !isDump) return oneLink(request, faces, port);
  if (!isDump) return undefined;
  const parts = partsOf(request.type, family, faces);
  if (parts === undefined) return undefined;
  const messages = parts.map(([type, body]) => message(type, NLM_F.multi, request, port, body));
  const done = message(NLMSG.done, NLM_F.multi, request, port, new Uint8Array(4));
  return messages.length === 0 ? [done] : [concatBytes(...messages), done];
}

type Part = readonly [type: number, body: Uint8Array];

function partsOf(type: number, family: number, faces: readonly NetInterface[]): Part[] | undefined {
  if (type === RTM.getLink) return faces.map((face) => [RTM.newLink, link(face)]);
  // Nothing is reached through a gateway, and nobody on the loopback is looked for.
  if (type === RTM.getRoute || type === RTM.getNeighbour) return [];
  if (type !== RTM.getAddress) return undefined;
  const addresses = faces.flatMap((face) =>
    face.addresses.map((address) => ({ face, ...address })),
  );
  const wanted = addresses.filter(({ ip }) => family === 0 || (family === AF.AF_INET) === ip.isV4);
  // IPv4 comes first: each family dumps for itself.
  return [...wanted.filter(({ ip }) => ip.isV4), ...wanted.filter(({ ip }) => !ip.isV4)].map(
    ({ face, ip, prefixBits, broadcast }) => [
      RTM.newAddress,
      address(face, ip, prefixBits, broadcast),
    ],
  );
}

function oneLink(request: RouteRequest, faces: readonly NetInterface[], port: number) {
  const view = new DataView(request.bytes.buffer, request.bytes.byteOffset, request.bytes.length);
  const index = request.bytes.length >= 24 ? view.getInt32(20, true) : 0;
  const name = attributeText(request.bytes, 32, 3);
  if (index <= 0 && name === undefined) return [errorReply(request, EINVAL, port)];
  const face = faces.find((one) => (index > 0 ? one.index === index : one.name === name));
  if (face === undefined) return [errorReply(request, ENODEV, port)];
  return [message(RTM.newLink, 0, request, port, link(face))];
}

/** A string attribute of a request whose attributes start at `at`. */
function attributeText(bytes: Uint8Array, at: number, wanted: number): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let from = at; from + 4 <= bytes.length; ) {
    const length = view.getUint16(from, true);
    if (length < 4 || from + length > bytes.length) return undefined;
    if (view.getUint16(from + 2, true) === wanted)
      return String.fromCharCode(...bytes.subarray(from + 4, from + length)).replace(/\0.*$/s, '');
    from += Math.ceil(length / 4) * 4;
  }
  return undefined;
}

/** NLMSG_ERROR: with 0 an acknowledgement. */
export function errorReply(request: RouteRequest, errno: number, port: number): Uint8Array {
  // An acknowledgement gives back no more than the header (`netlink_ack`).
  const given = errno === 0 ? request.bytes.subarray(0, HEADER_BYTES) : request.bytes;
  const body = new Uint8Array(4 + given.length);
  new DataView(body.buffer).setInt32(0, -errno, true);
  body.set(given, 4);
  return message(NLMSG.error, errno === 0 ? NLM_F.capped : 0, request, port, body);
}

function message(
  type: number,
  flags: number,
  request: RouteRequest,
  port: number,
  body: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((HEADER_BYTES + body.length) / 4) * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, HEADER_BYTES + body.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, request.sequence, true);
  view.setUint32(12, port, true);
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

const IFLA = { address: 1, broadcast: 2, name: 3, mtu: 4, qdisc: 6, txQueue: 13, operState: 16 };
const OPERSTATE = { unknown: 0, up: 6 } as const;

/** `struct ifinfomsg` and attributes. */
function link(face: NetInterface): Uint8Array {
  const head = new Uint8Array(16);
  const view = new DataView(head.buffer);
  view.setUint16(2, face.hardwareType, true);
  view.setInt32(4, face.index, true);
  view.setUint32(8, face.flags, true);
  const isLoopback = face.index === 1;
  return concatBytes(
    head,
    attribute(IFLA.name, text(face.name)),
    attribute(IFLA.txQueue, u32(1000)),
    attribute(IFLA.operState, Uint8Array.of(isLoopback ? OPERSTATE.unknown : OPERSTATE.up)),
    attribute(IFLA.mtu, u32(face.mtu)),
    attribute(IFLA.qdisc, text('noqueue')),
    attribute(IFLA.address, face.hardwareAddress),
    attribute(IFLA.broadcast, new Uint8Array(6).fill(isLoopback ? 0 : 0xff)),
  );
}

const IFA = { address: 1, local: 2, label: 3, broadcast: 4, cache: 6, flags: 8 };

/** `struct ifaddrmsg` and attributes. */
function address(
  face: NetInterface,
  ip: Ip,
  prefixBits: number,
  broadcast: Ip | undefined,
): Uint8Array {
  const head = new Uint8Array(8);
  const view = new DataView(head.buffer);
  head[0] = ip.isV4 ? AF.AF_INET : AF.AF_INET6;
  head[1] = prefixBits;
  head[2] = IFA_F_PERMANENT;
  head[3] = ip.isLoopback ? RT_SCOPE.host : ip.isLinkLocal ? RT_SCOPE.link : RT_SCOPE.universe;
  view.setInt32(4, face.index, true);
  const raw = ip.isV4 ? ip.bytes.slice(12) : ip.bytes;
  const cache = concatBytes(u32(INFINITE), u32(INFINITE), u32(0), u32(0));
  return concatBytes(
    head,
    attribute(IFA.address, raw),
    ...(ip.isV4 ? [attribute(IFA.local, raw), attribute(IFA.label, text(face.name))] : []),
    ...(broadcast === undefined ? [] : [attribute(IFA.broadcast, broadcast.bytes.slice(12))]),
    attribute(IFA.flags, u32(IFA_F_PERMANENT)),
    attribute(IFA.cache, cache),
  );
}

/** `struct rtattr`, padded. */
function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((4 + value.length) / 4) * 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 4 + value.length, true);
  view.setUint16(2, type, true);
  bytes.set(value, 4);
  return bytes;
}

const text = (value: string): Uint8Array =>
  Uint8Array.from(`${value}\0`, (letter) => letter.charCodeAt(0));

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
