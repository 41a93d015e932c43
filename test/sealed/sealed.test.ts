/**
 * Sealed volumes under crashes, hostile hosts and long random use. The numbers are for the test
 * command; CLOISTER_LONG multiplies them: `npm run long` sets it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkVolume } from '../../src/fs/sealed/check.ts';
import { recordWorkload, replayCrashes } from '../../src/fs/sealed/testing/crash.ts';
import { failingWriterCase, hostileCase, makeVictim } from '../../src/fs/sealed/testing/hostile.ts';
import { MemoryHost } from '../../src/fs/sealed/testing/memory-host.ts';
import { ModelRun } from '../../src/fs/sealed/testing/model.ts';
import { turn } from '../../src/fs/sealed/testing/turn.ts';
import { createVolume, openVolume, treeOf } from '../../src/fs/sealed/testing/volume.ts';

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

test('4,000 random operations give what the model gives', async () => {
  for (let round = 0; round < 2 * factor; round++) {
    await turn();
    const host = new MemoryHost();
    const options = { sizeBytes: 256 << 20, cacheBytes: 512 << 10 };
    const run = new ModelRun(createVolume(host, options), seedBase + round);
    for (let i = 0; i < 2000; i++) {
      run.step();
      if (i % 9 === 0) run.fs.relieve();
      if (i % 100 !== 99) continue;
      assert.equal(run.fs.sync(), 0);
      if (i % 400 === 399) run.fs = openVolume(host, options);
      if (i % 200 === 199) assert.deepEqual(treeOf(run.fs.root), run.tree(), `round ${round} ${i}`);
    }
    assert.deepEqual(checkVolume(run.fs.store).problems, []);
  }
});
