/**
 * The shape of a row of the system-call table. Dispatch, argument decoding, `--strace` and the
 * coverage page are derived from rows; each family file exports its own list of them.
 */

import type { SyscallName } from '../abi/syscall-numbers.table.ts';
import type { Task } from '../kernel/task.ts';
import type { ArgKind } from './args.ts';

/**
 * Decodes nothing but what its argument kinds did, rejects unknown flag bits, calls the kernel,
 * copies out. Returns a number ≥ 0, -errno, or an outcome of `kernel/outcome.ts`. Arguments are
 * numbers: `int` kinds signed 32-bit, sizes and pointers unsigned (≥ 2^32 stays ≥ 2^32, so the
 * copy functions answer EFAULT), offsets signed.
 */
export type Handler = (
  task: Task,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
) => number;

/** How far a call is implemented, for the coverage page. */
export type Coverage = 'full' | 'partial' | 'refused';

export interface SyscallRow {
  readonly name: SyscallName;
  readonly args: readonly ArgKind[];
  readonly handler: Handler;
  /** How strace prints the result. */
  readonly result: 'decimal' | 'hex' | 'octal' | 'never';
  readonly coverage: Coverage;
  /** What is missing, where coverage is not full. */
  readonly note: string;
}

/** Makes a row. */
export function row(
  name: SyscallName,
  args: readonly ArgKind[],
  handler: Handler,
  more: Partial<Pick<SyscallRow, 'result' | 'coverage' | 'note'>> = {},
): SyscallRow {
  return { name, args, handler, result: 'decimal', coverage: 'full', note: '', ...more };
}
