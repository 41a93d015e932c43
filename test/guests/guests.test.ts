/** Every C program below this folder, natively and under Cloister: equal in all that is observable. */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { compile } from '../support/toolchain.ts';
import { compareRuns, NO_GUESTS } from './harness.ts';
import { KNOWN_FAILURES } from './known-failures.ts';

const HERE = new URL('./', import.meta.url).pathname;
const HEADER = join(HERE, 'check.h');

/** Compiler flags that a test asks for in a line `// flags: …`. */
function flagsOf(source: string): string[] {
  const match = /^\/\/ flags: (.*)$/m.exec(source);
  return match ? (match[1] as string).trim().split(/\s+/) : [];
}

function bothWays(file: string): void {
  const path = join(HERE, file);
  const flags = ['-O1', '-w', `-I${HERE}`, ...flagsOf(readFileSync(path, 'utf8'))];
  const binary = compile([path], flags, { also: [HEADER] });
  const name = basename(file, '.c');
  compareRuns({ argv: [`./${name}`], files: { [name]: readFileSync(binary) } });
}

// Those of isolation/ need a neighbour: test/isolation/guests.test.ts runs them.
const files = globSync('*/*.c', { cwd: HERE, exclude: ['isolation/*'] }).sort();
for (const file of files) {
  const reason = KNOWN_FAILURES[file];
  if (reason === undefined)
    test(`guest ${file} behaves as natively`, { skip: NO_GUESTS }, () => bothWays(file));
  else
    test(`guest ${file} is known to differ: ${reason}`, { skip: NO_GUESTS }, () => {
      assert.throws(() => bothWays(file), 'it passes now: take it out of known-failures.ts');
    });
}

test('every known failure names a program', () => {
  assert.deepEqual(
    Object.keys(KNOWN_FAILURES).filter((file) => !files.includes(file)),
    [],
  );
});
