/** A process of Cloister in the background: a session of its own, no terminal, nobody's child. */

import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What it has to say before it runs, and if it crashes. */
const CRASH_LOG = 'crash.log';

export interface Detached {
  readonly pid: number;
}

export interface FailedStart {
  readonly exitStatus: number;
  /** What it printed, as it is. */
  readonly text: string;
}

/**
 * Runs this command again with `args`, and answers once it says that it is ready
 * ({@link reportReady}), or has ended before.
 */
export function startDetached(
  folder: string,
  args: readonly string[],
): Promise<Detached | FailedStart> {
  const path = join(folder, CRASH_LOG);
  const fd = openSync(path, 'a', 0o600);
  const entry = process.argv[1] as string;
  const child = spawn(process.execPath, [...process.execArgv, '--', entry, ...args], {
    detached: true,
    stdio: ['ignore', fd, fd, 'ipc'],
  });
  closeSync(fd);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('message', () => {
      child.removeAllListeners();
      if (child.connected) child.disconnect();
      child.unref();
      resolve({ pid: child.pid as number });
    });
    child.once('exit', (status) =>
      resolve({ exitStatus: status ?? 125, text: readFileSync(path, 'utf8') }),
    );
  });
}

/** Tells whoever started this process that it runs. */
export async function reportReady(): Promise<void> {
  const send = process.send?.bind(process);
  if (send === undefined || !process.connected) return;
  await new Promise<void>((resolve) => send('ready', () => resolve()));
  process.disconnect?.();
}
