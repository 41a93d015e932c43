import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GuestClock } from './guest-clock.ts';
import { IntervalTimer } from './interval-timer.ts';
import { TimerQueue } from './timer-queue.ts';

const SECOND = 1_000_000_000;

function setup() {
  let nowNs = 0;
  const clock = new GuestClock({
    monotonicNs: () => BigInt(nowNs),
    realtimeNs: () => BigInt(nowNs) + 1_000n * BigInt(SECOND),
    nowNs: () => nowNs,
    processorNs: () => 0,
  });
  const queue = new TimerQueue();
  const pass = (ns: number): void => {
    nowNs += ns;
    queue.expire(nowNs);
  };
  return { clock, queue, pass, now: () => nowNs };
}

test('move() changes CLOCK_REALTIME alone', () => {
  const { clock, pass } = setup();
  clock.move(BigInt(-5 * SECOND));
  pass(SECOND);
  assert.equal(clock.realtimeNs(), 996n * BigInt(SECOND));
  assert.equal(clock.monotonicNs(), BigInt(SECOND));
});

test('a timer that waits for a time of CLOCK_REALTIME moves along, one that waits so long does not', () => {
  const { clock, queue, pass, now } = setup();
  const fired: string[] = [];
  const absolute = new IntervalTimer(queue, now, () => fired.push('absolute'));
  const relative = new IntervalTimer(queue, now, () => fired.push('relative'));
  absolute.arm(100 * SECOND, 0, clock);
  relative.arm(10 * SECOND, 0);
  clock.move(BigInt(95 * SECOND));
  pass(4 * SECOND);
  assert.deepEqual(fired, []);
  pass(SECOND);
  assert.deepEqual(fired, ['absolute']);
  clock.move(BigInt(95 * SECOND));
  pass(4 * SECOND);
  assert.deepEqual(fired, ['absolute']);
  pass(SECOND);
  assert.deepEqual(fired, ['absolute', 'relative']);
  assert.equal(clock.followers.size, 0);
});

test('a timer that is armed anew or disarmed follows no more', () => {
  const { clock, queue, now } = setup();
  const timer = new IntervalTimer(queue, now, () => assert.fail('it is far off'));
  timer.arm(100 * SECOND, SECOND, clock);
  assert.equal(clock.followers.size, 1);
  timer.arm(100 * SECOND, 0);
  assert.equal(clock.followers.size, 0);
  timer.arm(100 * SECOND, 0, clock);
  timer.disarm();
  assert.equal(clock.followers.size, 0);
});
