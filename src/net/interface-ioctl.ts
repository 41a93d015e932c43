/** ioctl(2) on sockets that asks for interfaces: netdevice(7). Changes are refused: EPERM. */

import { EADDRNOTAVAIL, EFAULT, EINVAL, ENODEV, ENOTTY, EPERM } from '../abi/errno.table.ts';
import { IFNAMSIZ, IFREQ_BYTES, SIOC } from '../abi/inet.ts';
import { AF } from '../abi/socket.ts';
import type { UserMemory } from '../vfs/user-memory.ts';
import { encodeEndpoint } from './endpoint.ts';
import { type NetInterface, netmask } from './interfaces.ts';
import { Ip } from './ip.ts';

const VALUE_AT = IFNAMSIZ;

/** Fills the union of `struct ifreq` behind the name; 0 or -errno. */
type Answer = (face: NetInterface, view: DataView, bytes: Uint8Array) => number;

const address =
  (of: (face: NetInterface) => Ip | undefined): Answer =>
  (face, _view, bytes) => {
    const ip = of(face);
    if (ip === undefined) return -EADDRNOTAVAIL;
    bytes.set(encodeEndpoint(AF.AF_INET, { ip, port: 0 }), VALUE_AT);
    return 0;
  };
const word =
  (of: (face: NetInterface) => number): Answer =>
  (face, view) => {
    view.setInt32(VALUE_AT, of(face), true);
    return 0;
  };
const firstV4 = (face: NetInterface) => face.addresses.find(({ ip }) => ip.isV4);

const ANSWERS: Readonly<Record<number, Answer>> = {
  [SIOC.SIOCGIFADDR]: address((face) => firstV4(face)?.ip),
  [SIOC.SIOCGIFDSTADDR]: address((face) => firstV4(face)?.ip),
  [SIOC.SIOCGIFBRDADDR]: address((face) => firstV4(face)?.broadcast ?? zeroIf(face)),
  [SIOC.SIOCGIFNETMASK]: address((face) => {
    const own = firstV4(face);
    return own === undefined ? undefined : Ip.v4(netmask(own.prefixBits));
  }),
  [SIOC.SIOCGIFFLAGS]: (face, view) => {
    // A short: IFF_LOWER_UP and later flags do not fit.
    view.setUint16(VALUE_AT, face.flags & 0xffff, true);
    return 0;
  },
  [SIOC.SIOCGIFMETRIC]: word(() => 0),
  [SIOC.SIOCGIFMTU]: word((face) => face.mtu),
  [SIOC.SIOCGIFINDEX]: word((face) => face.index),
  [SIOC.SIOCGIFTXQLEN]: word(() => 1000),
  [SIOC.SIOCGIFMAP]: (_face, _view, bytes) => {
    bytes.fill(0, VALUE_AT);
    return 0;
  },
  [SIOC.SIOCGIFHWADDR]: (face, view, bytes) => {
    view.setUint16(VALUE_AT, face.hardwareType, true);
    bytes.set(face.hardwareAddress, VALUE_AT + 2);
    return 0;
  },
};

const zeroIf = (face: NetInterface) =>
  firstV4(face) === undefined ? undefined : Ip.v4(new Uint8Array(4));

export function interfaceIoctl(
  faces: readonly NetInterface[],
  command: number,
  argument: number,
  memory: UserMemory,
): number {
  if (command === SIOC.SIOCGIFCONF) return configuration(faces, argument, memory);
  const answer = ANSWERS[command];
  const asksName = command === SIOC.SIOCGIFNAME;
  if (answer === undefined && !asksName) return isChange(command) ? -EPERM : -ENOTTY;
  const bytes = new Uint8Array(IFREQ_BYTES);
  const view = new DataView(bytes.buffer);
  if (!memory.read(argument, bytes)) return -EFAULT;
  const wanted = asksName
    ? faces.find(({ index }) => index === view.getInt32(VALUE_AT, true))
    : faces.find(({ name }) => name === nameOf(bytes));
  if (wanted === undefined) return -ENODEV;
  if (asksName) putName(bytes, 0, wanted.name);
  else {
    const result = (answer as Answer)(wanted, view, bytes);
    if (result < 0) return result;
  }
  return memory.write(argument, bytes) ? 0 : -EFAULT;
}

/** SIOCADDRT … SIOCDELRT, and the odd numbers of the SIOCSIF* family. */
const isChange = (command: number): boolean =>
  command === 0x890b || command === 0x890c || (command >= 0x8910 && command <= 0x89a3);

/** Interfaces with IPv4 addresses: as many `struct ifreq` as there is room for. */
function configuration(faces: readonly NetInterface[], argument: number, memory: UserMemory) {
  const header = new Uint8Array(16);
  const view = new DataView(header.buffer);
  if (!memory.read(argument, header)) return -EFAULT;
  const room = view.getInt32(0, true);
  const target = Number(view.getBigUint64(8, true));
  if (room < 0) return -EINVAL;
  const entries = faces.flatMap((face) =>
    face.addresses.filter(({ ip }) => ip.isV4).map(({ ip }) => ({ name: face.name, ip })),
  );
  const fits = target === 0 ? entries.length : Math.min(entries.length, Math.floor(room / 40));
  const bytes = new Uint8Array(fits * IFREQ_BYTES);
  for (const [i, { name, ip }] of entries.slice(0, fits).entries()) {
    putName(bytes, i * IFREQ_BYTES, name);
    bytes.set(encodeEndpoint(AF.AF_INET, { ip, port: 0 }), i * IFREQ_BYTES + VALUE_AT);
  }
  if (target !== 0 && !memory.write(target, bytes)) return -EFAULT;
  view.setInt32(0, bytes.length, true);
  return memory.write(argument, header) ? 0 : -EFAULT;
}

function nameOf(bytes: Uint8Array): string {
  const name = bytes.subarray(0, IFNAMSIZ);
  const end = name.indexOf(0);
  return String.fromCharCode(...name.subarray(0, end < 0 ? IFNAMSIZ - 1 : end));
}

function putName(bytes: Uint8Array, at: number, name: string): void {
  bytes.fill(0, at, at + IFNAMSIZ);
  for (let i = 0; i < Math.min(name.length, IFNAMSIZ - 1); i++) bytes[at + i] = name.charCodeAt(i);
}
