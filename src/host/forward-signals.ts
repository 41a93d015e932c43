/** Signals that this process gets while guests run, for the first of them. */

import { constants } from 'node:os';

const FORWARDED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const;

export function forwardSignals(to: (signal: number) => void): void {
  for (const name of FORWARDED) process.on(name, () => to(constants.signals[name]));
}
