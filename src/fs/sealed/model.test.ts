import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkVolume } from './check.ts';
import { recordWorkload, replayCrashes } from './testing/crash.ts';
import { MemoryHost } from './testing/memory-host.ts';
import { ModelRun } from './testing/model.ts';
import { createVolume, openVolume, treeOf } from './testing/volume.ts';

test('random operations give what the model gives, over syncs and reopenings', () => {
  for (const seed of [1, 2, 3, 4]) {
    const host = new MemoryHost();
    const fs = createVolume(host, { sizeBytes: 256 << 20, cacheBytes: 256 << 10 });
    const run = new ModelRun(fs, seed);
    for (let i = 0; i < 600; i++) {
      run.step();
      if (i % 7 === 0) run.fs.relieve();
      if (i % 40 !== 39) continue;
      assert.equal(run.fs.sync(), 0);
      if (i % 80 === 79) run.fs = openVolume(host, { cacheBytes: 256 << 10 });
      assert.deepEqual(treeOf(run.fs.root), run.tree(), `seed ${seed} step ${i}`);
    }
    run.fs.sync();
    assert.deepEqual(checkVolume(run.fs.store).problems, [], `seed ${seed}`);
  }
});

test('a crash at any write leaves the last synced state or the next one', async () => {
  const recording = recordWorkload(11, 60);
  assert.deepEqual(await replayCrashes(recording, 12, 250), []);
});

test('the crash test finds a host that ignores barriers (canary)', async () => {
  const recording = recordWorkload(13, 60);
  const lying = { ...recording, log: recording.log.filter((event) => event.kind !== 'barrier') };
  const syncs = recording.syncs.map((sync) => ({ ...sync, events: 0 }));
  const found = await replayCrashes({ ...lying, syncs }, 14, lying.log.length + 100);
  assert.notDeepEqual(found, []);
});
