/**
 * The distribution's sqlite3 with its own defaults, as a guest on a sealed volume, on the guest's
 * tmpfs and on a folder of the host, and natively on that folder and through gocryptfs. Each measures
 * itself, from its first statement to its last: start-up does not count. One run each of the slow row,
 * the median of three of the other, in turn.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { program } from '../test/support/packages.ts';

const CLOISTER = new URL('../bin/cloister', import.meta.url).pathname;

interface SqlRow {
  readonly name: string;
  readonly amount: number;
  readonly rounds: number;
  readonly statements: string;
}

const INSERT = "insert into t(x, y) values (abs(random()), 'a row of some length, as rows are');\n";

const ROWS: readonly SqlRow[] = [
  {
    name: '10,000 commits of one row',
    amount: 10_000,
    rounds: 1,
    statements: INSERT.repeat(10_000),
  },
  {
    name: '100,000 rows in one transaction',
    amount: 100_000,
    rounds: 3,
    statements: `begin;\n${INSERT.repeat(100_000)}commit;\n`,
  },
];

interface Place {
  readonly name: string;
  /** Runs sqlite3 on an empty database there with this script; its output. */
  run(script: string): string;
}

export interface SqlitePlaces {
  readonly scratch: string;
  /** A folder on the host's file system. */
  readonly plain: string;
  /** A mounted gocryptfs. */
  readonly gocryptfs: string | undefined;
}

function output(command: string, args: readonly string[], script: string): string {
  const run = spawnSync(command, args, { input: script, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (run.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${run.stderr}`);
  return run.stdout;
}

function placesOf({ scratch, plain, gocryptfs }: SqlitePlaces): Place[] {
  const sqlite = program('sqlite3', 'sqlite3');
  const key = join(scratch, 'sqlite.key');
  const volume = join(scratch, 'sqlite.vol');
  writeFileSync(key, new Uint8Array(32).fill(2));
  const native = (name: string, folder: string): Place => ({
    name,
    run(script) {
      const file = join(folder, 'bench.db');
      for (const suffix of ['', '-journal']) rmSync(file + suffix, { force: true });
      return output(sqlite, ['-batch', file], script);
    },
  });
  const guest = (name: string, options: readonly string[], reset: () => void): Place => ({
    name,
    run(script) {
      reset();
      return output(
        CLOISTER,
        ['run', '-i', ...options, '--', sqlite, '-batch', '/data/bench.db'],
        script,
      );
    },
  });
  const folder = join(plain, 'guest');
  const places = [
    native('native, plain', plain),
    guest(
      'volume',
      ['--mount', `type=sealed,source=${volume},target=/data,key-file=${key}`],
      () => {
        rmSync(volume, { force: true });
        output(CLOISTER, ['volume', 'create', volume, '--key-file', key], '');
      },
    ),
    guest('guest, plain', ['-v', `${folder}:/data`], () => {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder);
    }),
    guest('guest, tmpfs', ['--tmpfs', '/data'], () => undefined),
  ];
  if (gocryptfs !== undefined) places.push(native('gocryptfs', gocryptfs));
  return places;
}

const NOW = "select (julianday('now') - 2440587.5) * 86400.0;\n";

function seconds(place: Place, { statements, amount }: SqlRow): number {
  const script = `create table t(n integer primary key, x, y);\n${NOW}${statements}${NOW}select count(*) from t;\n`;
  const [start, end, count] = place.run(script).split('\n').map(Number);
  if (count !== amount) throw new Error(`${place.name}: ${count} rows instead of ${amount}`);
  return (end as number) - (start as number);
}

export function benchSqlite(where: SqlitePlaces): void {
  const places = placesOf(where);
  const head = places.map(({ name }) => name.padStart(14));
  console.log(['sqlite3, rows a second'.padEnd(34), ...head].join(' '));
  for (const row of ROWS) {
    const times = new Map<Place, number[]>(places.map((place) => [place, []]));
    for (let round = 0; round < row.rounds; round++)
      for (const place of places) times.get(place)?.push(seconds(place, row));
    const cells = places.map((place) => {
      const sorted = (times.get(place) ?? []).sort((a, b) => a - b);
      const rate = row.amount / (sorted[sorted.length >>> 1] ?? Number.NaN);
      return rate.toFixed(0).padStart(14);
    });
    console.log([row.name.padEnd(34), ...cells].join(' '));
  }
}
