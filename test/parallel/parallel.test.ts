/**
 * Guests on several processors: threads and processes that compute beside each other while mappings,
 * code, signals and lives change (`parallel.c` counts exactly), and what programs see of processors.
 * `npm run long -- parallel` multiplies the rounds by CLOISTER_LONG.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { NO_GUESTS, type Outcome, runInside } from '../guests/harness.ts';
import { compile } from '../support/toolchain.ts';

const FACTOR = Number(process.env['CLOISTER_LONG'] ?? 1);
const SOURCE = new URL('./parallel.c', import.meta.url).pathname;
const FLAGS = ['-O2', '-static', '-pthread', '-w', '-march=x86-64-v2'];

/** Name of a part and how many rounds of it take less than a second. */
const PARTS: Readonly<Record<string, number>> = {
  ...{ locks: 5000, futexes: 5000, mappings: 20, faults: 2000, signals: 5, forks: 20, lives: 10 },
  ...{ time: 5000, ring: 500, barrier: 100, processes: 2000, code: 500, ends: 6, timers: 100 },
  inherit: 2000,
};

describe('guests on several processors', { skip: NO_GUESTS }, () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cloister-parallel-'));
    writeFileSync(join(folder, 'parallel'), readFileSync(compile([SOURCE], FLAGS)), {
      mode: 0o755,
    });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const inside = (argv: readonly string[], ...options: readonly string[]): Outcome =>
    runInside({ argv, options, timeoutS: 60 + 30 * FACTOR }, folder);

  for (const cpus of ['2', '3'])
    for (const [part, rounds] of Object.entries(PARTS))
      test(`${part} on ${cpus} processors`, () => {
        const { stdout, stderr, status } = inside(
          ['./parallel', part, String(rounds * FACTOR)],
          ...['--cpus', cpus],
        );
        assert.equal(stdout, `${part}: exact\n`, stderr);
        assert.equal(status, 0);
      });

  test('two threads that compute do so at the same time', () => {
    const { stdout, stderr } = inside(['./parallel', 'computes', '1000'], '--cpus', '2', '--stats');
    assert.equal(stdout, 'computes: exact\n', stderr);
    assert.match(stderr, /^beside +[1-9]\d* turns/m);
  });

  test('programs see as many processors as there are, and keep to what they ask for', () => {
    const script =
      'nproc; grep -c ^processor /proc/cpuinfo; cat /sys/devices/system/cpu/online; ' +
      'grep ^Cpus_allowed: /proc/self/status; taskset 4 nproc; ' +
      'taskset 4 grep ^Cpus_allowed_list /proc/self/status';
    const seen = (...options: string[]) => inside(['/bin/sh', '-c', script], ...options).stdout;
    assert.equal(seen('--cpus', '3'), '3\n3\n0-2\nCpus_allowed:\t7\n1\nCpus_allowed_list:\t2\n');
    assert.match(seen(), /^1\n1\n0\nCpus_allowed:\t1\n/);
  });

  test('a number of processors that there cannot be is refused', () => {
    const { stderr, status } = inside(['./parallel'], '--cpus', '1.5');
    assert.equal(status, 125);
    assert.match(stderr, /--cpus 1.5: a whole number from 1 to 64 is expected/);
  });
});
