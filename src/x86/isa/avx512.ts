/** AVX-512 … */
import type { RowSource } from './row.ts';

export const avx512Rows: readonly RowSource[] = [];
