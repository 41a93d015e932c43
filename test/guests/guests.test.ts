/**
 * Every C program below this folder, natively and under Cloister: equal in all that is observable.
 * They run in batches (batch.ts); a program with a line `// alone` gets a start of its own, as the
 * first process, with the standard streams of the harness.
 */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { compile } from '../support/toolchain.ts';
import { assertSameAsOnce, type BatchOutcome, limiter, type Program, runBatch } from './batch.ts';
import { compareRuns, NO_GUESTS } from './harness.ts';
import { KNOWN_FAILURES } from './known-failures.ts';

const HERE = new URL('./', import.meta.url).pathname;
const HEADERS = globSync('**/*.h', { cwd: HERE }).sort();
/** Programs a batch: a start costs as much as ten of them, and its loss should cost little. */
const BATCH_PROGRAMS = 14;

/** Compiler flags that a test asks for in a line `// flags: …`. */
function flagsOf(source: string): string[] {
  const match = /^\/\/ flags: (.*)$/m.exec(source);
  return match ? (match[1] as string).trim().split(/\s+/) : [];
}

const sourceOf = (file: string): string => readFileSync(join(HERE, file), 'utf8');
/** A name for output and folders: unique, and one component. */
const nameOf = (file: string): string => file.slice(0, -2).replace('/', '-');

function binaryOf(file: string): string {
  const source = sourceOf(file);
  const flags = ['-O1', '-w', `-I${HERE}`, ...flagsOf(source)];
  // check.h is in all of them, directly or through another header.
  const used = HEADERS.filter(
    (name) => name === 'check.h' || source.includes(`${basename(name)}"`),
  );
  return compile([join(HERE, file)], flags, { also: used.map((name) => join(HERE, name)) });
}

const programOf = (file: string): Program => ({
  name: nameOf(file),
  binary: () => binaryOf(file),
});

function alone(file: string): void {
  const name = basename(file, '.c');
  compareRuns({ argv: [`./${name}`], files: { [name]: readFileSync(binaryOf(file)) } });
}

// Those of isolation/ need a neighbour: test/isolation/guests.test.ts runs them.
const files = globSync('*/*.c', { cwd: HERE, exclude: ['isolation/*'] }).sort();
const isAlone = (file: string): boolean => /^\/\/ alone\b/m.test(sourceOf(file));
const shared = files.filter((file) => !isAlone(file));
const inTurn = limiter(Math.min(2, availableParallelism()));
const batches = new Map<string, () => Promise<BatchOutcome>>();

for (let at = 0; at < shared.length; at += BATCH_PROGRAMS) {
  const part = shared.slice(at, at + BATCH_PROGRAMS);
  let outcome: Promise<BatchOutcome> | undefined;
  const run = () => {
    outcome ??= inTurn(async () => runBatch(part.map(programOf)));
    return outcome;
  };
  for (const file of part) batches.set(file, run);
}

/** @returns How many native runs it took beside the first. */
async function bothWays(file: string): Promise<number> {
  const batch = batches.get(file);
  if (batch !== undefined) return assertSameAsOnce(await batch(), programOf(file));
  alone(file);
  return 0;
}

// All at once: the batches decide how many run at a time.
test('guest programs', { skip: NO_GUESTS, concurrency: true }, async (t) => {
  const tests = files.map((file) => {
    const reason = KNOWN_FAILURES[file];
    if (reason === undefined) {
      return t.test(`${file} behaves as natively`, async (t) => {
        const again = await bothWays(file);
        if (again > 0) t.diagnostic(`Linux answers in several ways: as in native run ${again + 1}`);
      });
    }
    return t.test(`${file} is known to differ: ${reason}`, async () => {
      await assert.rejects(bothWays(file), 'it passes now: take it out of known-failures.ts');
    });
  });
  await Promise.all(tests);
});

test('every known failure names a program', () => {
  assert.deepEqual(
    Object.keys(KNOWN_FAILURES).filter((file) => !files.includes(file)),
    [],
  );
});
