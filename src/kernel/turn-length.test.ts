import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FakeCpu, Step } from './testing/fake-platform.ts';
import { DATA, KernelFixture } from './testing/fixture.ts';

/** Ticks until a task's youth is over, and one more. */
function* grow(): Generator<Step, void, number> {
  for (let n = 0; n < 6; n++) yield 'preempted';
}

test('ticks are rare while a task runs that nobody waits for, rarest at first, frequent again at once', async () => {
  const fixture = new KernelFixture();
  const { platform } = fixture;
  const seen: number[] = [];
  fixture.kernel.turnLength.begin();
  await fixture.run(function* (cpu: FakeCpu) {
    seen.push(platform.tickUs);
    yield* grow();
    seen.push(platform.tickUs);
    cpu.childScript = function* () {
      seen.push(platform.tickUs);
      yield* grow();
    };
    yield ['fork'];
    seen.push(platform.tickUs);
    yield* grow();
    yield ['wait4', 0xffff_ffff, 0, 0, 0];
    yield* grow();
    seen.push(platform.tickUs);
    yield ['alarm', 100];
    seen.push(platform.tickUs);
    yield* grow();
    seen.push(platform.tickUs);
    yield ['alarm', 0];
    yield* grow();
    seen.push(platform.tickUs);
    cpu.memory.writeU64(DATA, 1);
    cpu.memory.writeU64(DATA + 8, 2);
    yield ['setrlimit', 0, DATA];
    yield* grow();
    seen.push(platform.tickUs);
  });
  assert.deepEqual(seen, [400_000, 20_000, 1000, 1000, 20_000, 1000, 1000, 20_000, 1000]);
});
