/** Values of options of commands for instances. */

import { SIGNAL_NAMES } from '../abi/signal.table.ts';
import { usageError } from './errors.ts';

/** A name with or without `SIG`, or a number. */
export function parseSignal(text: string): number {
  const name = text.toUpperCase().replace(/^(SIG)?/, 'SIG');
  const number = /^\d+$/.test(text) ? Number(text) : SIGNAL_NAMES.indexOf(name);
  if (number < 1 || number > 64) throw usageError(`--signal ${text}: SIGTERM, TERM, or 15`);
  return number;
}

export function parseSeconds(option: string, text: string): number {
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds > 86_400)
    throw usageError(`${option} ${text}: seconds, at most a day`);
  return seconds;
}

export function parseCount(option: string, text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count))
    throw usageError(`${option} ${text}: a number`);
  return count;
}
