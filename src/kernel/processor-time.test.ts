import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProcessorTime } from './processor-time.ts';

const MS = 1_000_000;

test('a turn takes no more processor time than the host had; short ones are not asked for', () => {
  let cpu = 0;
  let asked = 0;
  const time = new ProcessorTime({
    monotonicNs: () => 0n,
    realtimeNs: () => 0n,
    nowNs: () => 0,
    processorNs() {
      asked++;
      return cpu;
    },
  });
  time.begin(0);
  assert.equal(asked, 1);
  cpu = 5 * MS;
  assert.equal(time.of(20 * MS, 20 * MS), 5 * MS);
  cpu = 40 * MS;
  time.begin(20 * MS);
  assert.equal(asked, 2);
  assert.equal(time.of(30 * MS, 50 * MS), 30 * MS, 'several threads of the host ran');
  time.begin(50 * MS);
  assert.equal(time.of(MS, 51 * MS), MS);
  assert.equal(asked, 3);
  time.begin(52 * MS);
  assert.equal(asked, 4);
  assert.equal(
    time.of(9 * MS, 61 * MS),
    MS,
    'it stood still, but for the part that is not asked for',
  );
  time.begin(70 * MS);
  const seen = [time.soFar(0.9 * MS), time.soFar(3 * MS)];
  cpu += 2 * MS;
  seen.push(time.soFar(9 * MS));
  cpu += 3 * MS;
  seen.push(time.of(10 * MS, 80 * MS));
  assert.deepEqual(
    seen,
    [0.9 * MS, MS, 2 * MS, 5 * MS],
    'a clock that is read in a turn never goes back',
  );
});
