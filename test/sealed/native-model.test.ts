import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { NativeModel, PYTHON, randomOperations } from './native-model.ts';

const ROUNDS = Number(process.env['CLOISTER_LONG'] ?? 1);
const seedBase = Number(process.env['CLOISTER_SEED'] ?? 1000);
const skip =
  process.platform !== 'linux' || process.arch !== 'x64'
    ? 'guests run on x86-64 Linux only'
    : existsSync(PYTHON)
      ? false
      : `${PYTHON} is not installed`;

test('random operations give on a volume what they give on this machine', { skip }, () => {
  using model = new NativeModel();
  for (let round = 0; round < ROUNDS; round++) {
    const operations = randomOperations(seedBase + round, ROUNDS > 1 ? 3000 : 400);
    assert.equal(model.difference(operations), undefined, `seed ${seedBase + round}`);
  }
});
