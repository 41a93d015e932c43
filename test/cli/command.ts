/** The command as a person calls it, for tests. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLOISTER } from '../guests/harness.ts';

export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface How {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

const TIMEOUT_MS = 120_000;

export function run(command: string, args: readonly string[], how: How): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const options = {
      ...{ cwd: how.cwd, env: { ...process.env, ...how.env }, timeout: TIMEOUT_MS },
      maxBuffer: 1 << 26,
    };
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      if (error?.killed) reject(new Error(`${command} ${args.join(' ')} did not end`));
      const { code, signal } =
        child.exitCode === null ? killed(child.signalCode) : exited(child.exitCode);
      resolve({ status: signal === 0 ? code : 128 + signal, stdout, stderr });
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(how.stdin ?? '');
  });
}

const exited = (code: number) => ({ code, signal: 0 });
const killed = (name: NodeJS.Signals | null) => ({
  code: 0,
  signal: name === null ? 0 : constants.signals[name],
});

export const cloister = (args: readonly string[], how: How): Promise<Finished> =>
  run(CLOISTER, args, how);

/** What a person must never see. */
export function assertNoStack({ stdout, stderr }: Finished, what: string): void {
  assert.doesNotMatch(stderr, /^\s*(cloister:)?\s+at .*[:(]|node:internal|Node\.js v/m, what);
  assert.doesNotMatch(stdout, /node:internal/, what);
}

export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'cloister-cli-'));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
