/**
 * Guests that attack (test/guests/isolation): every attack ends as it does on Linux, the neighbour's
 * memory stays as it was, and the kernel goes on serving both.
 */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compareRuns, NO_GUESTS, runInside } from '../guests/harness.ts';
import { compile } from '../support/toolchain.ts';

const FLAGS = ['-O1', '-w', '-static', '-fcf-protection=none'];
const path = (name: string): string =>
  fileURLToPath(new URL(`../guests/isolation/${name}`, import.meta.url));
const program = (name: string): string =>
  compile([path(`${name}.c`)], FLAGS, { also: [path('attacks.h')] });

describe('malicious guests', { skip: NO_GUESTS }, () => {
  for (const name of ['memory', 'control', 'state'])
    test(`${name}: as natively, neighbour intact`, () => {
      const files = { attack: readFileSync(program(name)) };
      const { stdout } = compareRuns({ argv: ['./attack'], files, timeoutS: 120 });
      assert.ok(stdout.split('neighbour intact').length > 8, stdout);
      assert.doesNotMatch(stdout, /CHANGED/);
    });

  // Not natively: it asks the kernel for everything, with any argument.
  test('calls: neighbour intact', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cloister-calls-'));
    try {
      copyFileSync(program('calls'), join(folder, 'attack'));
      const run = runInside({ argv: ['./attack'], timeoutS: 120 }, folder);
      const intact = ['every_call', 'long_length', 'map_at', 'random calls'];
      const lines = (names: string[]): string[] =>
        names.map((n) => `${n.padEnd(28)} neighbour intact`);
      const truncated = [3, 3, 3, 3, 0x107, 0x107, 0x107, 0x107];
      assert.deepEqual(run.stdout.trimEnd().split('\n'), [
        ...lines(intact),
        ...truncated.map((status, how) => `truncated ${how}: ${status.toString(16)}`),
        'shared and unmapped: 3',
        ...lines(['memory under the kernel']),
      ]);
      assert.equal(run.status, 0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
