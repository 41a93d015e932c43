/**
 * Start-up: a program that does nothing, native, as `cloister run` cold (no translations kept) and
 * warm, under qemu-x86_64, beside a bare Node.js; wall time and the largest resident set of each.
 */

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onPath } from '../test/support/packages.ts';
import { median, type Sample, sample } from './measure.ts';

interface StartUpRow {
  readonly name: string;
  readonly argv: readonly string[];
  /** Milliseconds, warm. */
  readonly bar: number;
  readonly goal: number;
}

const ROWS: readonly StartUpRow[] = [
  { name: 'busybox true', argv: ['/bin/busybox', 'true'], bar: 120, goal: 50 },
  {
    name: 'python3 -S -c pass',
    argv: ['/usr/bin/python3', '-S', '-c', 'pass'],
    bar: 180,
    goal: 70,
  },
  {
    name: 'python3 -c pass',
    argv: ['/usr/bin/python3', '-c', 'pass'],
    bar: Number.NaN,
    goal: Number.NaN,
  },
];

const CLOISTER = new URL('../bin/cloister', import.meta.url).pathname;
const ROUNDS = 9;

interface Way {
  readonly name: string;
  readonly argv: readonly string[];
  readonly home?: () => string;
}

/** Prints a table in milliseconds and MB; `rows` as for the other rows of the suite. */
export function benchStartUp(folder: string, chosen: (name: string) => boolean): void {
  const rows = ROWS.filter(({ name, argv }) => chosen(name) && existsSync(argv[0] as string));
  if (rows.length === 0) return;
  // GNU time says how much was resident.
  const time = onPath('time');
  const empty = join(folder, 'empty.cjs');
  writeFileSync(empty, '');
  const warmHome = join(folder, 'warm');
  mkdirSync(warmHome, { recursive: true });
  console.log(
    '\nstart-up, median (minimum) in ms, resident MB'.padEnd(36) +
      ['bare node', 'native', 'cold', 'warm', 'qemu'].map((name) => name.padStart(19)).join(''),
  );
  for (const row of rows) {
    const ways = waysOf(row, folder, empty, warmHome);
    const samples = new Map<string, Sample[]>(ways.map(({ name }) => [name, []]));
    // The first round makes what the warm one finds.
    for (let round = 0; round <= ROUNDS; round++)
      for (const way of ways) {
        const home = way.home?.();
        const env = home === undefined ? {} : { CLOISTER_HOME: home };
        const argv = time ? [time, '-f', '%M KiB', ...way.argv] : way.argv;
        const one = sample({ name: way.name, argv, env }, folder, 60);
        if (home !== undefined && home !== warmHome) rmSync(home, { recursive: true });
        if (one.status !== 0) throw new Error(`${row.name}, ${way.name}: status ${one.status}`);
        if (round > 0) samples.get(way.name)?.push(one);
      }
    const cells = ['bare node', 'native', 'cold', 'warm', 'qemu'].map((name) =>
      cell(samples.get(name)).padStart(19),
    );
    const bars = Number.isNaN(row.bar) ? '' : `  bar ${row.bar}, goal ${row.goal}`;
    console.log(row.name.padEnd(34) + cells.join('') + bars);
  }
}

function waysOf(row: StartUpRow, folder: string, empty: string, warmHome: string): Way[] {
  const { argv } = row;
  const inside = [CLOISTER, 'run', '-v', `${folder}:/w`, '-w', '/w', '--', ...argv];
  const ways: Way[] = [
    { name: 'bare node', argv: [process.execPath, empty] },
    { name: 'native', argv },
    { name: 'cold', argv: inside, home: () => mkdtempSync(join(folder, 'cold-')) },
    { name: 'warm', argv: inside, home: () => warmHome },
  ];
  const qemu = onPath('qemu-x86_64');
  return qemu ? [...ways, { name: 'qemu', argv: [qemu, ...argv] }] : ways;
}

function cell(samples: readonly Sample[] | undefined): string {
  if (samples === undefined || samples.length === 0) return '–';
  const ms = samples.map(({ wallS }) => wallS * 1000);
  const resident = samples.flatMap(({ stderr }) => {
    const found = /(\d+) KiB\s*$/.exec(stderr);
    return found ? [Number(found[1]) / 1024] : [];
  });
  const memory = resident.length > 0 ? ` ${median(resident).toFixed(0)} MB` : '';
  return `${median(ms).toFixed(0)} (${Math.min(...ms).toFixed(0)})${memory}`;
}
