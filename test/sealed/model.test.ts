/** Long random use of a sealed volume against a model in memory. CLOISTER_LONG multiplies it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkVolume } from '../../src/fs/sealed/check.ts';
import { MemoryHost } from '../../src/fs/sealed/testing/memory-host.ts';
import { ModelRun } from '../../src/fs/sealed/testing/model.ts';
import { turn } from '../../src/fs/sealed/testing/turn.ts';
import { createVolume, openVolume, treeOf } from '../../src/fs/sealed/testing/volume.ts';

const factor = Number(process.env['CLOISTER_LONG'] ?? 1);
const seedBase = Number(process.env['CLOISTER_SEED'] ?? 1000);

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
