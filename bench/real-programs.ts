/** Real programs of the distribution as benchmark rows. Inputs: `real/`. */

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onPath } from '../test/support/packages.ts';

export interface RealProgram {
  readonly name: string;
  readonly argv: (folder: string) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly prepare?: (folder: string) => void;
  /** What of the output must be equal. */
  readonly answer: (stdout: string) => string;
  /** Seconds a unit of work out of the output, where the run has a fixed duration. */
  readonly figure?: (stdout: string) => number;
}

const REAL = new URL('./real/', import.meta.url).pathname;
const whole = (stdout: string): string => stdout;
const nothing = (): string => '';

function prepareInputs(folder: string): void {
  for (const file of readdirSync(REAL)) copyFileSync(join(REAL, file), join(folder, file));
  if (existsSync(join(folder, 'data20.gz'))) return;
  execFileSync('python3', [join(REAL, 'gen.py'), folder]);
  execFileSync('sh', ['-c', 'gzip -k1 data20; head -c 2000000 data20 >data2'], { cwd: folder });
  const lines = Array.from({ length: 1500 }, (_, i) => {
    const body = `for (int j = 0; j < n; j++) { s += j ^ ${i}; if (s % ${i + 3} == 0) s ^= n; }`;
    return `int f${i}(int n) { int s = ${i}; ${body} return s; }`;
  });
  writeFileSync(join(folder, 'unit.c'), `${lines.join('\n')}\n`);
}

const python = (): string => (existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3');
const cc1 = (): string =>
  execFileSync('gcc', ['-print-prog-name=cc1'], { encoding: 'utf8' }).trim();
const path = (name: string): string => onPath(name) ?? name;

const program = (
  name: string,
  argv: RealProgram['argv'],
  answer: RealProgram['answer'] = whole,
): RealProgram => ({ name, argv, answer, prepare: prepareInputs });

const openSslSpeed = (): readonly string[] => [
  path('openssl'),
  ...['speed', '-seconds', '1', '-mr', 'sha256'],
];

export const REAL_PROGRAMS: readonly RealProgram[] = [
  program('python3 nbody', () => [python(), 'py_nbody.py', '60000']),
  program('python3 fannkuch', () => [python(), 'py_fannkuch.py', '8']),
  program('python3 classes', () => [python(), 'py_classes.py', '60000']),
  program('lua fib', () => [path('lua5.4'), 'fib.lua', '29']),
  program('lua mix', () => [path('lua5.4'), 'mix.lua', '200000']),
  program('perl', () => [path('perl'), 't.pl', '300000']),
  program('sqlite3', () => [path('sqlite3'), ':memory:', '.read q.sql']),
  program(
    'gzip',
    () => [path('gzip'), '-9c', 'data2'],
    (out) => String(out.length),
  ),
  program(
    'gunzip',
    () => [path('gzip'), '-dc', 'data20.gz'],
    (out) => String(out.length),
  ),
  program(
    'xz',
    () => [path('xz'), '-T1', '-2c', 'data2'],
    (out) => String(out.length),
  ),
  program('busybox sh', () => [path('busybox'), 'sh', 'loop.sh', '300000']),
  program('busybox awk', () => [path('busybox'), 'awk', '-f', 't.awk', 'text3']),
  program('busybox sort', () => [path('busybox'), 'sort', 'text3']),
  program('bc', () => [path('sh'), '-c', 'echo "scale=1500; 4*a(1)" | bc -lq']),
  {
    ...program('openssl speed', openSslSpeed, nothing),
    // Its machine-readable line: +F:22:sha256:BYTES/S for each block size; the last is the largest.
    figure: (out) => 1e9 / Number(/^\+F:.*:([\d.]+)$/m.exec(out)?.[1]),
  },
  program('cc1 -O2', () => [cc1(), '-quiet', '-O2', 'unit.c', '-o', '/dev/null'], nothing),
];
