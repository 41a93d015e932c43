/**
 * SQLite in an unmodified Python on a sealed volume, in a run of Cloister that is killed with
 * SIGKILL at random moments: no commit that was reported is lost, and the database stays whole.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '../../src/base/random.ts';

const CLOISTER = new URL('../../bin/cloister', import.meta.url).pathname;
const PYTHON = '/usr/bin/python3';
const ROUNDS = 4 * Number(process.env['CLOISTER_LONG'] ?? 1);
const skip =
  process.platform !== 'linux' || process.arch !== 'x64'
    ? 'guests run on x86-64 Linux only'
    : existsSync(PYTHON)
      ? false
      : `${PYTHON} is not installed`;

const WRITER = `
import sqlite3, sys
c = sqlite3.connect("/data/t.db")
if len(sys.argv) > 1: c.execute("pragma journal_mode=" + sys.argv[1])
c.execute("create table if not exists t(n integer primary key, x)")
n = c.execute("select coalesce(max(n), 0) from t").fetchone()[0]
while True:
    n += 1
    c.execute("insert into t values(?, ?)", (n, "x" * (n % 3000)))
    c.commit()
    print(n, flush=True)
`;
const CHECKER = `
import sqlite3
c = sqlite3.connect("/data/t.db")
print(c.execute("pragma integrity_check").fetchone()[0])
print(c.execute("select max(n) from t").fetchone()[0], c.execute("select count(*) from t").fetchone()[0])
`;

test('SQLite loses no commit when the run is killed', { skip }, async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cloister-sqlite-'));
  try {
    const [key, volume] = [join(scratch, 'key'), join(scratch, 'volume')];
    writeFileSync(key, new Uint8Array(32).fill(3));
    const mount = `type=sealed,source=${volume},target=/data,key-file=${key}`;
    const run = (script: string, ...args: string[]) =>
      ['run', '--mount', mount, '--', PYTHON, '-c', script, ...args] as const;
    const made = spawnSync(CLOISTER, ['volume', 'create', volume, '--key-file', key]);
    assert.equal(made.status, 0, String(made.stderr));
    const random = new SeededRandom(8);
    for (let round = 0; round < ROUNDS; round++) {
      const child = spawn(CLOISTER, run(WRITER, round % 2 === 0 ? 'delete' : 'wal'), {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let out = '';
      const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
      const started = new Promise<void>((resolve) =>
        child.stdout.on('data', (data) => {
          out += data;
          resolve();
        }),
      );
      await Promise.race([started, closed]);
      await sleep(random.below(400));
      child.kill('SIGKILL');
      await closed;
      const reported = Number(out.split('\n').slice(0, -1).at(-1));
      const checked = spawnSync(CLOISTER, run(CHECKER), { encoding: 'utf8' });
      assert.equal(checked.status, 0, checked.stderr);
      const [integrity, counts = ''] = checked.stdout.split('\n');
      const [last, count] = counts.split(' ').map(Number);
      assert.equal(integrity, 'ok');
      assert.equal(count, last);
      assert.ok(
        (last as number) >= reported,
        `round ${round}: ${reported} reported, ${last} there`,
      );
      const health = spawnSync(CLOISTER, ['volume', 'check', volume, '--key-file', key], {
        encoding: 'utf8',
      });
      assert.equal(health.status, 0, health.stdout);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});
