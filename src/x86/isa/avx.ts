/** AVX … */
import type { RowSource } from './row.ts';

export const avxRows: readonly RowSource[] = [];
