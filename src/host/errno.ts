/** Errors of node:fs as errno values. */

import { constants } from 'node:os';
import { EIO } from '../abi/errno.table.ts';

const NUMBERS: Readonly<Record<string, number>> = constants.errno;

/** -errno of a failed host operation; -EIO when the host gives no reason that Linux knows. */
export function errnoOf(error: unknown): number {
  const { code } = error as { code?: unknown };
  return -((typeof code === 'string' ? NUMBERS[code] : undefined) ?? EIO);
}

/** Runs `work`; a failure becomes -errno. */
export function attempt<T>(work: () => T): T | number {
  try {
    return work();
  } catch (error) {
    return errnoOf(error);
  }
}

/** The same for work without a result: 0 or -errno. */
export function attemptDone(work: () => void): number {
  try {
    work();
    return 0;
  } catch (error) {
    return errnoOf(error);
  }
}
