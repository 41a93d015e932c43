/** AVX-512: all rows in EVEX encodings and the opmask instructions (Intel SDM vol. 2). */
import { avx512FloatRows } from './avx512-float.ts';
import { avx512Fp16Rows } from './avx512-fp16.ts';
import { avx512IntegerRows } from './avx512-integer.ts';
import { maskRows } from './avx512-mask.ts';
import { avx512MoveRows } from './avx512-move.ts';
import type { RowSource } from './row.ts';

export const avx512Rows: readonly RowSource[] = [
  ...maskRows,
  ...avx512MoveRows,
  ...avx512FloatRows,
  ...avx512IntegerRows,
  ...avx512Fp16Rows,
];
