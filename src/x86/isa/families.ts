/** All families of rows, as written. Only the compiler of the table and tests load them. */

import { avxRows } from './avx.ts';
import { avx512Rows } from './avx512.ts';
import { bitRows } from './bit.ts';
import { controlRows } from './control.ts';
import { cryptoRows } from './crypto.ts';
import { integerRows } from './integer.ts';
import { mmxRows } from './mmx.ts';
import type { RowSource } from './row.ts';
import { sseRows } from './sse.ts';
import { stringRows } from './string.ts';
import { systemRows } from './system.ts';
import { x87Rows } from './x87.ts';

export const FAMILIES: readonly (readonly RowSource[])[] = [
  integerRows,
  controlRows,
  stringRows,
  bitRows,
  systemRows,
  x87Rows,
  mmxRows,
  sseRows,
  cryptoRows,
  avxRows,
  avx512Rows,
];
