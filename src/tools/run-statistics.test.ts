import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BLOCKED } from '../kernel/outcome.ts';
import type { Task } from '../kernel/task.ts';
import { CallTimes } from './call-times.ts';
import { statisticsText } from './run-statistics.ts';

const READ = 0;
const GETPID = 39;

function watched(results: readonly number[]) {
  let now = 0;
  let next = 0;
  const times = new CallTimes(() => now);
  const task = { syscallNumber: GETPID } as Task;
  const calls = times.watch({
    dispatch: () => {
      now += 10 * (next + 1);
      return results[next++] ?? 0;
    },
    finished: () => undefined,
  });
  const pass = (ns: number): void => {
    now += ns;
  };
  return { times, calls, task, pass };
}

test('calls are counted with their errors, and what they slept apart from what they took', () => {
  const { times, calls, task, pass } = watched([7, -4, BLOCKED, -512]);
  calls.dispatch(task);
  calls.dispatch(task);
  task.syscallNumber = READ;
  calls.dispatch(task);
  pass(1000);
  calls.finished(task, 5);
  task.syscallNumber = 99_999;
  calls.dispatch(task);
  assert.deepEqual(times.rows(), [
    { name: 'unknown', calls: 1, errors: 1, kernelNs: 40, longestNs: 40, waitedNs: 0 },
    { name: 'read', calls: 1, errors: 0, kernelNs: 30, longestNs: 30, waitedNs: 1000 },
    { name: 'getpid', calls: 2, errors: 1, kernelNs: 30, longestNs: 20, waitedNs: 0 },
  ]);
});

test('statisticsText() shows counters, and calls by time', (t) => {
  const text = statisticsText({
    wallNs: 1_500_000_000,
    cpuNs: 1_000_000_000,
    translations: {
      ...{ units: 12, kept: 5, shared: 2, instructions: 300, guestBytes: 1000, hostBytes: 4000 },
      ...{ dropped: 1, flushes: 0 },
    },
    beside: { turns: 3, halts: 1 },
    exits: { 'system call': 3, 'branch not linked': 20, 'return missed': 0 },
    interpreted: { cpuid: 4, xsavec: 2 },
    calls: [
      { name: 'read', calls: 2, errors: 1, kernelNs: 2e6, longestNs: 1.5e6, waitedNs: 3e9 },
      { name: 'getpid', calls: 100, errors: 0, kernelNs: 1e4, longestNs: 100, waitedNs: 0 },
    ],
  });
  const golden = new URL('./testing/golden/statistics.txt', import.meta.url).pathname;
  t.assert.fileSnapshot(text, golden, { serializers: [(value: unknown) => `${value}\n`] });
});
