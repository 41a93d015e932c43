/** Mount options of tmpfs(5): `size=64m,nr_inodes=1k,mode=1777,uid=0,gid=0`. */

import { EINVAL } from '../../abi/errno.table.ts';
import type { TmpfsOptions } from './tmpfs.ts';

const SUFFIXES: Readonly<Record<string, number>> = {
  '': 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
};

/** Parsed options, or -EINVAL. */
export function parseOptions(text: string): TmpfsOptions | number {
  const options: TmpfsOptions = {};
  for (const part of text.split(',')) {
    if (part === '') continue;
    const [key, value = ''] = part.split('=', 2) as [string, string?];
    const number = parseNumber(key, value);
    if (number === undefined) return -EINVAL;
    if (key === 'size') options.sizeBytes = number;
    else if (key === 'nr_blocks') options.sizeBytes = number * 4096;
    else if (key === 'nr_inodes') options.inodeLimit = number;
    else if (key === 'mode') options.mode = number & 0o7777;
    else if (key === 'uid') options.uid = number;
    else if (key === 'gid') options.gid = number;
    else if (!IGNORED.has(key)) return -EINVAL;
  }
  return options;
}

/** Options about memory policy, which make no difference here. */
const IGNORED: ReadonlySet<string> = new Set(['huge', 'mpol', 'inode32', 'inode64', 'noswap']);

function parseNumber(key: string, value: string): number | undefined {
  if (IGNORED.has(key)) return 0;
  if (key === 'mode') return /^[0-7]+$/.test(value) ? Number.parseInt(value, 8) : undefined;
  const match = /^(\d+)([kmgKMG]?)$/.exec(value);
  if (match === null) return undefined;
  return Number(match[1]) * (SUFFIXES[(match[2] as string).toLowerCase()] as number);
}
