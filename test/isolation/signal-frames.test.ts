import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

interface Report {
  readonly changed: number;
  readonly exact: boolean;
  readonly ticks: number;
  readonly sent: number;
  readonly missed: readonly string[];
}

function run(...args: string[]): Report {
  const program = new URL('./signal-frames-program.ts', import.meta.url).pathname;
  const flags = ['--disable-warning=ExperimentalWarning', program, ...args];
  const result = spawnSync(process.execPath, flags, { encoding: 'utf8', timeout: 30_000 });
  assert.equal(result.status, 0, `${result.signal} ${result.stderr}`);
  return JSON.parse(result.stdout) as Report;
}

for (const where of ['buffer', 'alternate-stack'])
  test(`no signal writes to memory that RSP points at (${where}), and none is lost`, () => {
    const report = run(where);
    assert.equal(report.changed, 0, 'bytes that a signal frame wrote');
    assert.ok(report.exact, 'every tick found the guest as it was');
    assert.ok(report.ticks > 20);
    assert.ok(report.sent > 20);
    assert.deepEqual(report.missed, [], 'handlers of Node.js that did not run');
  });

test('the test above would notice: with SIGWINCH let through its frame is found', () => {
  assert.ok(run('buffer', 'unblocked').changed > 0);
});
