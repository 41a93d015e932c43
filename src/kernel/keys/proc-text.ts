/** /proc/keys and /proc/key-users (keyrings(7)). */

import { KEY_MAY } from '../../abi/keyctl.ts';
import type { Kernel } from '../kernel.ts';
import type { Key } from './key.ts';
import { possesses } from './search.ts';

const UNITS = [
  ['w', 604_800],
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
] as const;

/** Name and text of each file. */
export function keyFiles(kernel: Kernel): readonly (readonly [string, () => string])[] {
  return [
    ['keys', () => keysText(kernel)],
    ['key-users', () => usersText(kernel)],
  ];
}

/** Those that the reader may see. */
function keysText(kernel: Kernel): string {
  const { current } = kernel;
  if (current === undefined) return '';
  const isSeen = (key: Key) =>
    (key.granted(current.creds, possesses(current, key)) & KEY_MAY.view) !== 0;
  const keys = [...kernel.keys.all()].filter(isSeen).sort((a, b) => a.serial - b.serial);
  return keys.map((key) => keyLine(key, kernel.nowNs())).join('');
}

function keyLine(key: Key, nowNs: number): string {
  const flags = [
    'I',
    key.isRevoked ? 'R' : '-',
    '-',
    key.inQuota ? 'Q' : '-',
    '-',
    key.refusal < 0 ? 'N' : '-',
    '-',
  ].join('');
  const cells = [
    key.serial.toString(16).padStart(8, '0'),
    flags,
    String(key.users).padStart(5),
    lifetime(key, nowNs).padStart(4),
    key.permissions.toString(16).padStart(8, '0'),
    String(key.owner.uid).padStart(5),
    String(key.gid).padStart(5),
    key.type.name.padEnd(9),
  ];
  return `${cells.join(' ')} ${key.description}${amount(key)}\n`;
}

function amount(key: Key): string {
  if (key.links === undefined) return key.refusal < 0 ? '' : `: ${key.payload.length}`;
  return key.links.size === 0 ? ': empty' : `: ${key.links.size}`;
}

function lifetime({ expiresNs }: Key, nowNs: number): string {
  if (expiresNs === Number.POSITIVE_INFINITY) return 'perm';
  if (nowNs >= expiresNs) return 'expd';
  const seconds = Math.floor((expiresNs - nowNs) / 1e9);
  for (const [unit, length] of UNITS)
    if (seconds >= length) return `${Math.floor(seconds / length)}${unit}`;
  return `${seconds}s`;
}

function usersText(kernel: Kernel): string {
  const users = [...kernel.keys.users()].filter(({ keyCount }) => keyCount > 0);
  return users
    .sort((a, b) => a.uid - b.uid)
    .map((user) => {
      const count = user.keyCount;
      const keys = `${user.quotaKeys}/${user.maxKeys}`;
      const bytes = `${user.quotaBytes}/${user.maxBytes}`;
      const uid = String(user.uid).padStart(5);
      return `${uid}: ${String(count).padStart(5)} ${count}/${count} ${keys} ${bytes}\n`;
    })
    .join('');
}
