/**
 * Sealed volumes under crashes and hostile hosts. The numbers are for the test command;
 * CLOISTER_LONG multiplies them: `npm run long` sets it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordWorkload, replayCrashes } from '../../src/fs/sealed/testing/crash.ts';
import { failingWriterCase, hostileCase, makeVictim } from '../../src/fs/sealed/testing/hostile.ts';
import { turn } from '../../src/fs/sealed/testing/turn.ts';

const factor = Number(process.env['CLOISTER_LONG'] ?? 1);
const seedBase = Number(process.env['CLOISTER_SEED'] ?? 1000);

test('1,000 crash states: every prefix, reordered and torn writes', async () => {
  for (let round = 0; round < 4 * factor; round++) {
    const recording = recordWorkload(seedBase + round, 80);
    assert.deepEqual(await replayCrashes(recording, seedBase + round, 250), []);
  }
});

test('2,000 hostile cases: every one is found or harmless', async () => {
  const wrong: string[] = [];
  for (let round = 0; round < 10 * factor; round++) {
    await turn();
    const victim = makeVictim(seedBase + round, round % 2 === 1);
    for (let i = 0; i < 190; i++) {
      const result = hostileCase(victim, seedBase * 1000 + round * 1000 + i);
      if (result !== undefined) wrong.push(result);
    }
  }
  for (let i = 0; i < 100 * factor; i++) {
    if (i % 32 === 31) await turn();
    const result = failingWriterCase(seedBase + i);
    if (result !== undefined) wrong.push(result);
  }
  assert.deepEqual(wrong.slice(0, 5), []);
});
