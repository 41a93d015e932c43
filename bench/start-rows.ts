/**
 * Rows about starting: wall time of a first run (no translations kept), of a later one, and what
 * translator and code verifier do a second. Bars: a first run is not slower than qemu-x86_64, 0.5
 * million instructions a second cold, 2 million warm.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onPath } from '../test/support/packages.ts';
import { type Contestant, compete, median } from './measure.ts';
import type { ResultRow } from './table.ts';
import type { Throughput } from './throughput.ts';

const CLOISTER = new URL('../bin/cloister', import.meta.url).pathname;
const THROUGHPUT = new URL('./throughput.ts', import.meta.url).pathname;
const ROUNDS = 5;

interface Start {
  readonly name: string;
  readonly isCold: boolean;
  argv(folder: string): readonly string[];
}

/** The distribution's, which guests see. */
const python = (): string => (existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3');
const cc1 = (): string =>
  execFileSync('gcc', ['-print-prog-name=cc1'], { encoding: 'utf8' }).trim();
const imports = (): readonly string[] => [python(), '-c', 'import json, re, asyncio'];
const compiler = (folder: string): readonly string[] => {
  const source = join(folder, 'small.c');
  writeFileSync(source, 'int f(int n) { int s = 0; while (n) s += n--; return s; }\n');
  return [cc1(), '-quiet', '-O2', source, '-o', '/dev/null'];
};

export const STARTS: readonly Start[] = [
  { name: 'start python3 cold', isCold: true, argv: imports },
  { name: 'start python3 warm', isCold: false, argv: imports },
  { name: 'start cc1 cold', isCold: true, argv: compiler },
  { name: 'start cc1 warm', isCold: false, argv: compiler },
];

export function benchStart(start: Start, folder: string): ResultRow {
  const argv = start.argv(folder);
  const home = join(folder, `home-${start.isCold ? 'cold' : 'warm'}`);
  mkdirSync(home, { recursive: true });
  const run = [CLOISTER, 'run', '-v', `${folder}:${folder}`, '--', ...argv];
  const forget = ['sh', '-c', 'rm -rf "$CLOISTER_HOME/translations"; exec "$@"', 'sh', ...run];
  const env = { CLOISTER_HOME: home };
  const list: Contestant[] = [
    { name: 'native', argv },
    { name: 'cloister', argv: start.isCold ? forget : run, env },
  ];
  const qemu = onPath('qemu-x86_64');
  if (qemu) list.push({ name: 'qemu', argv: [qemu, ...argv] });
  // What the first round of a warm row keeps is not measured: the median leaves it out.
  const { seconds, failures } = compete(
    list,
    folder,
    ROUNDS,
    ({ wallS }) => wallS,
    ({ stdout }) => stdout,
  );
  const native = seconds.get('native');
  const ratio = (name: string): number | undefined => {
    const value = seconds.get(name);
    return native && value !== undefined ? value / native : undefined;
  };
  const failure = failures.get('cloister');
  const ms = Math.round((seconds.get('cloister') ?? Number.NaN) * 1000);
  return {
    row: start.name,
    nativeS: native,
    cloister: ratio('cloister'),
    qemu: ratio('qemu'),
    bar: start.isCold ? ratio('qemu') : undefined,
    goal: undefined,
    note: failure ?? `${ms} ms`,
  };
}

/** Million guest instructions a second, in CPU time of one thread; no ratio to anything. */
export function benchThroughput(): ResultRow[] {
  return [
    ['python3', python()],
    ['cc1', cc1()],
  ].map(([name, path]) => {
    const flags = ['--disable-warning=ExperimentalWarning', THROUGHPUT, path as string];
    const { stdout } = spawnSync(process.execPath, flags, { encoding: 'utf8' });
    const rounds = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Throughput);
    const warm = rounds.slice(rounds.length >> 1);
    const of = (key: 'both' | 'verify') => median(warm.map((round) => round[key])).toFixed(2);
    const cold = rounds[0]?.both.toFixed(2);
    return {
      row: `translate ${name}`,
      ...{ nativeS: undefined, cloister: undefined, qemu: undefined, bar: undefined },
      goal: undefined,
      note: `${cold} M/s cold, ${of('both')} warm (code verifier alone ${of('verify')})`,
    };
  });
}
