/**
 * Guest programs in batches: one start of Cloister runs many of them, one after the other, each in
 * a folder of its own (runner.c); the same runner runs them natively. Two batches run at a time.
 */

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '../support/toolchain.ts';
import { insideCommand, nativeEnvironment, snapshot, spawnAsync } from './harness.ts';

const RUNNER = new URL('./runner.c', import.meta.url).pathname;
const BATCH_TIMEOUT_S = 300;
/** Further native runs of a program that differed. */
const NATIVE_RUNS = 8;

export interface Program {
  readonly name: string;
  /** The compiled program. */
  readonly binary: () => string;
}

/** What one program did on one side. */
interface Side {
  readonly stdout: string;
  /** Exit status as a shell gives it; -1 when its time was up. */
  readonly status: number;
  readonly stderr: string;
  readonly files: Readonly<Record<string, string>>;
}

type Sides = ReadonlyMap<string, Side>;

/** Both sides of a batch, by program. */
export interface BatchOutcome {
  readonly native: Sides;
  readonly inside: Sides;
}

/** Runs `programs` natively and under Cloister. */
export async function runBatch(programs: readonly Program[]): Promise<BatchOutcome> {
  return {
    native: await runNatively(programs),
    inside: await oneSide(programs, 'inside', (argv, folder) => {
      const command = insideCommand({ argv }, folder);
      return spawnAsync(command, folder, process.env, BATCH_TIMEOUT_S);
    }),
  };
}

function runNatively(programs: readonly Program[]): Promise<Sides> {
  return oneSide(programs, 'native', (argv, folder) =>
    spawnAsync(argv, folder, nativeEnvironment(), BATCH_TIMEOUT_S),
  );
}

async function oneSide(
  programs: readonly Program[],
  side: string,
  run: (argv: string[], folder: string) => Promise<{ stdout: string; stderr: string }>,
): Promise<Sides> {
  const folder = mkdtempSync(join(tmpdir(), `cloister-${side}-`));
  const runner = compile([RUNNER], ['-O1', '-w']);
  try {
    copyFileSync(runner, join(folder, 'runner'));
    for (const { name, binary } of programs) {
      mkdirSync(join(folder, name));
      copyFileSync(binary(), join(folder, name, name));
    }
    const names = programs.map(({ name }) => name);
    const { stdout, stderr } = await run(['./runner', ...names], folder);
    return split(stdout, stderr, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Takes the frames of runner.c apart. */
function split(stdout: string, stderr: string, folder: string): Sides {
  const sides = new Map<string, Side>();
  const errors = new Map<string, string>();
  for (const part of stderr.split(/^#### /m).slice(1)) {
    const end = part.indexOf('\n');
    errors.set(part.slice(0, end), part.slice(end + 1));
  }
  const head = /\n#### (\S+) (-?\d+) (\d+)\n/y;
  for (let at = 0; at < stdout.length; ) {
    head.lastIndex = at;
    const match = head.exec(stdout);
    assert(match, `a frame of the runner at ${at}: ${stdout.slice(at, at + 100)}`);
    const [all, name, status, size] = match as unknown as [string, string, string, string];
    const start = at + all.length;
    at = start + Number(size);
    sides.set(name, {
      stdout: stdout.slice(start, at),
      status: Number(status),
      stderr: errors.get(name) ?? '',
      files: snapshot(join(folder, name)),
    });
  }
  return sides;
}

/**
 * Asserts that a program did under Cloister what it did natively: in the batch, or in one of a few
 * more native runs. Linux itself answers some programs in two ways, by what a worker of the kernel
 * or another processor has done by then, and on a busy machine the rare one of them comes.
 * @returns How many native runs it took beside that of the batch.
 */
export async function assertSameAsOnce(outcome: BatchOutcome, program: Program): Promise<number> {
  for (let again = 0; ; again++) {
    try {
      assertSame(outcome, program.name);
      return again;
    } catch (error) {
      if (again === NATIVE_RUNS) throw error;
      const native = await runNatively([program]);
      outcome = { native, inside: outcome.inside };
    }
  }
}

/** Asserts that a program did the same on both sides. */
function assertSame({ native, inside }: BatchOutcome, name: string): void {
  const expected = native.get(name);
  const given = inside.get(name);
  assert(expected, `${name} was not run natively`);
  assert(given, `${name} was not run inside: the batch ended before it`);
  const hint = `${name}\nstderr under Cloister: ${given.stderr.slice(0, 2000)}`;
  assert.equal(given.stdout, expected.stdout, `stdout of ${hint}`);
  assert.notEqual(expected.status, -1, `natively its time was up: ${hint}`);
  assert.equal(given.status, expected.status, `exit status of ${hint}`);
  assert.deepEqual(given.files, expected.files, `files after ${hint}`);
}

/** At most `limit` of the given works at a time. */
export function limiter(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    while (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    running++;
    try {
      return await work();
    } finally {
      running--;
      waiting.shift()?.();
    }
  };
}
