/**
 * The same keys typed to the same program natively and under Cloister: every screen on the way, the
 * exit status and the files afterwards must be equal.
 */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CLOISTER, snapshot } from '../guests/harness.ts';
import { TerminalSession } from '../support/terminal-session.ts';

export interface Step {
  /** What the screen must show before the keys are typed (and before it is compared). */
  readonly shows: RegExp;
  readonly types?: string;
  readonly resizes?: readonly [rows: number, columns: number];
  /** A screen with times, sizes or numbers of its own: only `shows` is looked at. */
  readonly differs?: true;
}

export interface TerminalCase {
  readonly name: string;
  readonly argv: readonly string[];
  /** Of `cloister run`. */
  readonly options?: readonly string[];
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

const ENV = {
  ...{ PATH: '/usr/bin:/bin:/usr/sbin:/sbin', HOME: '/w', TERM: 'xterm', LC_ALL: 'C.UTF-8' },
  ...{ TZ: 'UTC', PS1: '$ ', HISTFILE: '/dev/null', LESSHISTFILE: '-' },
};

interface Run {
  readonly screens: readonly string[];
  readonly status: number;
  readonly files: Readonly<Record<string, string>>;
}

function prepare({ files = {} }: TerminalCase): string {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-terminal-'));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content, { mode: 0o755 });
  }
  return folder;
}

/** Follows the script; `expected` are the screens that must come. */
async function follow(
  one: TerminalCase,
  session: TerminalSession,
  expected?: readonly string[],
): Promise<string[]> {
  const screens: string[] = [];
  for (const [i, { shows, types, resizes, differs }] of one.steps.entries()) {
    await session.shows(shows);
    const screen = expected?.[i];
    if (differs || screen === undefined) screens.push(await session.settled());
    else {
      await session.becomes(screen, `step ${i} of ${one.name}`);
      screens.push(screen);
    }
    if (resizes !== undefined) session.resize(...resizes);
    if (types !== undefined) session.type(types);
  }
  return screens;
}

async function run(one: TerminalCase, isInside: boolean, native?: Run): Promise<Run> {
  const folder = prepare(one);
  const env = { ...ENV, ...one.env };
  const given = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const options = ['-it', '-v', `${folder}:/w`, '-w', '/w', ...(one.options ?? []), ...given];
  const argv = isInside ? [CLOISTER, 'run', ...options, '--', ...one.argv] : one.argv;
  // Of Cloister itself: its state is not the guest's.
  const home = { HOME: isInside ? (process.env['HOME'] ?? folder) : folder };
  using session = new TerminalSession({ argv, cwd: folder, env: { ...env, ...home } });
  try {
    const screens = await follow(one, session, native?.screens);
    const { status, signal } = await session.end();
    // As a shell gives it: Cloister itself is not killed by the signal.
    return { screens, status: signal === 0 ? status : 128 + signal, files: snapshot(folder) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function compareTerminals(one: TerminalCase): Promise<void> {
  const native = await run(one, false);
  const inside = await run(one, true, native);
  assert.equal(inside.status, native.status, `exit status of ${one.name}`);
  assert.deepEqual(inside.files, native.files, `files after ${one.name}`);
}
