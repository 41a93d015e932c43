/** Real programs of the distribution as benchmark rows. Inputs: `real/`. */

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { program as programOfPackage } from '../test/support/packages.ts';
import type { Sample } from './measure.ts';

/** Native processor time of about a fifth of a second, and of a second. */
export type Size = 'short' | 'long';

export interface RealProgram {
  readonly name: string;
  readonly argv: (size: Size) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly prepare?: (folder: string) => void;
  /** What of the output must be equal. */
  readonly answer: (stdout: string) => string;
  /** Seconds a unit of work, where the run has a fixed duration: one size only. */
  readonly figure?: (sample: Sample) => number;
}

const REAL = new URL('./real/', import.meta.url).pathname;
const whole = (stdout: string): string => stdout;
const nothing = (): string => '';

/** Many small functions for a compiler. */
function sourceOf(functions: number): string {
  const lines = Array.from({ length: functions }, (_, i) => {
    const body = `for (int j = 0; j < n; j++) { s += j ^ ${i}; if (s % ${i + 3} == 0) s ^= n; }`;
    return `int f${i}(int n) { int s = ${i}; ${body} return s; }`;
  });
  return `${lines.join('\n')}\n`;
}

const INPUTS = [
  'head -c 2000000 data20 >data2; head -c 300000 data20 >data03',
  'gzip -k1 data20; for n in 1 2 3 4 5; do cat data20.gz; done >data100.gz',
  'for n in 1 2 3 4; do cat text3; done >text12; cat text12 text12 text12 >text36',
  'sed s/100000/20000/ q.sql >q-short.sql; sed s/100000/250000/ q.sql >q-long.sql',
];

function prepareInputs(folder: string): void {
  for (const file of readdirSync(REAL)) copyFileSync(join(REAL, file), join(folder, file));
  if (existsSync(join(folder, 'data20.gz'))) return;
  execFileSync('python3', [join(REAL, 'gen.py'), folder]);
  execFileSync('sh', ['-ec', INPUTS.join('\n')], { cwd: folder });
  writeFileSync(join(folder, 'short.c'), sourceOf(30));
  writeFileSync(join(folder, 'long.c'), sourceOf(130));
}

const python = (): string => (existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3');
const cc1 = (): string =>
  execFileSync('gcc', ['-print-prog-name=cc1'], { encoding: 'utf8' }).trim();
/** Programs of the rows, and the packages that have them. */
export const REAL_PACKAGES = {
  ...{ 'lua5.4': 'lua5.4', perl: 'perl', sqlite3: 'sqlite3', gzip: 'gzip', xz: 'xz-utils' },
  ...{ busybox: 'busybox-static', bc: 'bc', openssl: 'openssl', sh: 'dash' },
} as const;
const path = (name: keyof typeof REAL_PACKAGES): string =>
  programOfPackage(name, REAL_PACKAGES[name]);

const program = (
  name: string,
  argv: RealProgram['argv'],
  answer: RealProgram['answer'] = whole,
): RealProgram => ({ name, argv, answer, prepare: prepareInputs });

/** A program whose last argument says how much it does. */
const counted = (name: string, words: () => readonly string[], short: string, long: string) =>
  program(name, (size) => [...words(), size === 'short' ? short : long]);

const openSslSpeed = (): readonly string[] => [
  path('openssl'),
  ...['speed', '-seconds', '6', '-bytes', '16384', '-mr', 'sha256'],
];

const bytes = (stdout: string): string => String(stdout.length);

export const REAL_PROGRAMS: readonly RealProgram[] = [
  counted('python3 nbody', () => [python(), 'py_nbody.py'], '40000', '240000'),
  counted('python3 fannkuch', () => [python(), 'py_fannkuch.py'], '8', '9'),
  counted('python3 classes', () => [python(), 'py_classes.py'], '100000', '600000'),
  counted('lua fib', () => [path('lua5.4'), 'fib.lua'], '33', '36'),
  counted('lua mix', () => [path('lua5.4'), 'mix.lua'], '150000', '800000'),
  counted('perl', () => [path('perl'), 't.pl'], '300000', '1600000'),
  counted('sqlite3', () => [path('sqlite3'), ':memory:'], '.read q-short.sql', '.read q-long.sql'),
  { ...counted('gzip', () => [path('gzip'), '-9c'], 'data2', 'data20'), answer: bytes },
  { ...counted('gunzip', () => [path('gzip'), '-dc'], 'data20.gz', 'data100.gz'), answer: bytes },
  { ...counted('xz', () => [path('xz'), '-T1', '-2c'], 'data03', 'data2'), answer: bytes },
  counted('busybox sh', () => [path('busybox'), 'sh', 'loop.sh'], '80000', '450000'),
  counted('busybox awk', () => [path('busybox'), 'awk', '-f', 't.awk'], 'text3', 'text12'),
  counted('busybox sort', () => [path('busybox'), 'sort'], 'text12', 'text36'),
  program('bc', (size) => [
    ...[path('sh'), '-c', `echo "scale=${size === 'short' ? 700 : 1600}; 4*a(1)" | bc -lq`],
  ]),
  {
    ...program('openssl speed', openSslSpeed, nothing),
    // Its machine-readable line: +R:COUNT:sha256:SECONDS, of blocks of 16 KiB. The processor time is what
    // the host says: that of a guest has in it when the host ran something else.
    figure: ({ cpuS, stderr }) => cpuS / (16384 * Number(/^\+R:(\d+):/m.exec(stderr)?.[1])),
  },
  program('cc1 -O2', (size) => [cc1(), '-quiet', '-O2', `${size}.c`, '-o', '/dev/null'], nothing),
];
