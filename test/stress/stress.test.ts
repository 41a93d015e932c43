/**
 * Many processes, many threads, a fork bomb, and futexes under pre-emption in interleavings that a
 * seed chooses. `npm run long -- stress` multiplies the counts by CLOISTER_LONG.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compareRuns, NO_GUESTS, runInside } from '../guests/harness.ts';
import { compile } from '../support/toolchain.ts';

const FACTOR = Number(process.env['CLOISTER_LONG'] ?? 1);
const SOURCE = new URL('./stress.c', import.meta.url).pathname;
const TIMEOUT_S = 120 * FACTOR;
const skip = NO_GUESTS;

const binary = (): Uint8Array =>
  readFileSync(compile([SOURCE], ['-O2', '-static', '-pthread', '-w']));

function stress(mode: string, count: number, options: readonly string[] = []): void {
  const files = { stress: binary() };
  compareRuns({
    argv: ['./stress', mode, String(count)],
    files,
    options,
    timeoutS: TIMEOUT_S,
  });
}

test('processes that live at once all answer and end', { skip }, () => {
  stress('processes', 40 * FACTOR);
});

test('threads of one process meet at a barrier', { skip }, () => {
  stress('threads', Math.min(500, 50 * FACTOR));
});

for (const seed of [1, 2, 3].slice(0, Math.max(1, Math.min(3, FACTOR))))
  test(`a futex mutex excludes in interleaving ${seed}`, { skip }, () => {
    stress('futexes', 20_000 * FACTOR, ['--schedule-seed', String(seed)]);
  });

test('a fork bomb is refused, and forks work again after it', {
  skip: skip || FACTOR === 1,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-bomb-'));
  try {
    writeFileSync(join(folder, 'stress'), binary(), { mode: 0o755 });
    const argv = ['./stress', 'bomb', '1000000'];
    const { stdout, status } = runInside({ argv, timeoutS: TIMEOUT_S }, folder);
    assert.equal(stdout, 'all ended well: yes; refused as it should: yes\n');
    assert.equal(status, 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
