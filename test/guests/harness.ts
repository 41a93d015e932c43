/**
 * Differential harness: the same program runs natively and under Cloister, each in its own copy of
 * the same prepared folder; output, exit status and resulting files must be equal.
 */

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const CLOISTER = new URL('../../bin/cloister', import.meta.url).pathname;

/** Why guests cannot run on this machine, or false. For the `skip` option of tests. */
export const NO_GUESTS: string | false =
  process.platform === 'linux' && process.arch === 'x64'
    ? false
    : 'guests run on x86-64 Linux only';

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit status as a shell gives it: 128 + signal when killed. */
  readonly status: number;
}

export interface Case {
  readonly argv: readonly string[];
  /** Files of the prepared folder: relative path → content (a Uint8Array is kept as it is). */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** A folder copied in first. */
  readonly folder?: string;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutS?: number;
  /** Compare standard error, too (default: no). */
  readonly stderr?: boolean;
  /** More options of `cloister run`, before `--`. */
  readonly options?: readonly string[];
}

const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGSYS: 31,
};

const BASE_ENV = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', HOME: '/', LC_ALL: 'C.UTF-8', TZ: 'UTC' };

function spawn(argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv, one: Case): Outcome {
  const [command, ...args] = argv as [string, ...string[]];
  const run = spawnSync(command, args, {
    cwd,
    env,
    input: one.stdin ?? '',
    encoding: 'latin1',
    timeout: (one.timeoutS ?? 60) * 1000,
    maxBuffer: 1 << 28,
  });
  if (run.error) throw run.error;
  const status = run.status ?? 128 + (SIGNALS[run.signal ?? ''] ?? 0);
  return { stdout: run.stdout, stderr: run.stderr, status };
}

/** Runs without blocking this process; a failed start rejects. */
export function spawnAsync(
  argv: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  timeoutS: number,
): Promise<{ stdout: string; stderr: string }> {
  const [command, ...args] = argv as [string, ...string[]];
  const options = { cwd, env, timeout: timeoutS * 1000, maxBuffer: 1 << 28 } as const;
  return new Promise((resolve, reject) => {
    execFile(command, args, { ...options, encoding: 'latin1' }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code === 'string') reject(error);
      else resolve({ stdout, stderr });
    });
  });
}

export const nativeEnvironment = (one: Pick<Case, 'env'> = {}): Record<string, string> => ({
  ...BASE_ENV,
  ...one.env,
});

/** The command line that runs `one` under Cloister with `folder` as /w. */
export function insideCommand(one: Case, folder: string): string[] {
  const given = Object.entries(nativeEnvironment(one)).flatMap(([name, value]) => [
    '-e',
    `${name}=${value}`,
  ]);
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const fixed = ['-v', `${folder}:/w`, '-w', '/w', '-i', '-u', user];
  const options = [...fixed, ...given, ...(one.options ?? [])];
  return [CLOISTER, 'run', ...options, '--', ...one.argv];
}

/** Runs under Cloister with `folder` as /w. */
export function runInside(one: Case, folder: string): Outcome {
  return spawn(insideCommand(one, folder), folder, process.env, one);
}

export function runNative(one: Case, folder: string): Outcome {
  return spawn(one.argv, folder, nativeEnvironment(one), one);
}

function prepare(one: Case, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `cloister-${name}-`));
  if (one.folder) cpSync(one.folder, folder, { recursive: true });
  for (const [path, content] of Object.entries(one.files ?? {})) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content, { mode: 0o755 });
  }
  return folder;
}

/** Type, permission bits, size or content of everything below `folder`; links are not followed. */
export function snapshot(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  const describe = (name: string): void => {
    const path = join(folder, name);
    const stat = lstatSync(path);
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isSymbolicLink()) found[name] = `link ${readlinkSync(path)}`;
    else if (stat.isDirectory()) {
      if (name !== '') found[name] = `folder ${mode}`;
      for (const child of attempt(() => readdirSync(path, 'latin1')).sort())
        describe(join(name, child));
    } else if (stat.isFile())
      found[name] = `file ${mode} ${attempt(() => [readFileSync(path, 'latin1')])[0] ?? ''}`;
    else found[name] = `other ${mode}`;
  };
  describe('');
  return found;
}

/** Nothing where an ordinary user may not read. */
function attempt(read: () => string[]): string[] {
  try {
    return read();
  } catch {
    return [];
  }
}

/** Runs `one` both ways and asserts that everything observable is equal. Returns the outcome. */
export function compareRuns(one: Case): Outcome {
  const native = prepare(one, 'native');
  const inside = prepare(one, 'inside');
  try {
    const expected = runNative(one, native);
    const given = runInside(one, inside);
    const hint = `${one.argv.join(' ')}\nstderr under Cloister: ${given.stderr.slice(0, 2000)}`;
    assert.equal(given.stdout, expected.stdout, `stdout of ${hint}`);
    if (one.stderr) assert.equal(given.stderr, expected.stderr, `stderr of ${hint}`);
    assert.equal(given.status, expected.status, `exit status of ${hint}`);
    assert.deepEqual(snapshot(inside), snapshot(native), `files after ${hint}`);
    return given;
  } finally {
    rmSync(native, { recursive: true, force: true });
    rmSync(inside, { recursive: true, force: true });
  }
}
