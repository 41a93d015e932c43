/**
 * `npm run bench -- cpu [ROW …]`: compute rows as static musl programs, real programs of the
 * distribution, start-up. Native, Cloister and qemu-x86_64 (where installed) in one run.
 */

import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onPath, placeOfAll } from '../test/support/packages.ts';
import { compile } from '../test/support/toolchain.ts';
import { type Contestant, compete, geometricMean, type Sample } from './measure.ts';
import { REAL_PACKAGES, REAL_PROGRAMS, type RealProgram, type Size } from './real-programs.ts';
import { benchStart, benchThroughput, STARTS } from './start-rows.ts';
import { benchStartUp } from './start-up.ts';
import { type ResultRow, renderTable } from './table.ts';

interface ComputeRow {
  readonly name: string;
  readonly bar: number;
  readonly goal: number;
  readonly flags?: readonly string[];
}

const COMPUTE_ROWS: readonly ComputeRow[] = [
  { name: 'sieve', bar: 1.3, goal: 1.3 },
  { name: 'hash64', bar: 1.3, goal: 1.3 },
  { name: 'fib', bar: 2, goal: 1.3, flags: ['-fno-inline', '-fno-optimize-sibling-calls'] },
  { name: 'qsort', bar: 2, goal: 1.3 },
  { name: 'matmul', bar: 1.3, goal: 1.3 },
  { name: 'nbody', bar: 1.3, goal: 1.3 },
  { name: 'mandel', bar: 1.3, goal: 1.3 },
  { name: 'sha256', bar: 1.3, goal: 1.3 },
  { name: 'interp', bar: 2, goal: 1.3 },
  { name: 'simd', bar: 1.3, goal: 1.3 },
  { name: 'x87', bar: 1.3, goal: 1.3 },
  { name: 'chase', bar: 1.3, goal: 1.3 },
  { name: 'churn', bar: 2, goal: 1.3 },
];

/** Rows that are not part of the geometric mean. */
const OTHER_ROWS: readonly ComputeRow[] = [
  { name: 'smc', bar: 20, goal: 5 },
  { name: 'wx', bar: 3, goal: 1.5 },
  { name: 'segv', bar: 2.5, goal: 1 },
  { name: 'signal', bar: 1, goal: 0.4 },
];

const PROGRAMS = new URL('./programs/', import.meta.url).pathname;
export const CLOISTER = new URL('../bin/cloister', import.meta.url).pathname;
const ROUNDS = 5;

/** Seconds that the program printed as its second word. */
const printedSeconds = (sample: Sample): number => Number(sample.stdout.trim().split(' ')[1]);
const checksum = (sample: Sample): string => sample.stdout.trim().split(' ')[0] ?? '';

export function contestants(
  folder: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  options: readonly string[] = [],
): Contestant[] {
  const flags = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const inside = ['run', '-v', `${folder}:/w`, '-w', '/w', ...options, ...flags, '--', ...argv];
  const list: Contestant[] = [
    { name: 'native', argv, env },
    { name: 'cloister', argv: [CLOISTER, ...inside] },
  ];
  const qemu = onPath('qemu-x86_64');
  const program = argv[0] as string;
  const path = program.includes('/') ? program : onPath(program);
  if (qemu && path) list.push({ name: 'qemu', argv: [qemu, path, ...argv.slice(1)], env });
  return list;
}

export function toRow(
  row: string,
  seconds: ReadonlyMap<string, number | undefined>,
  failures: ReadonlyMap<string, string>,
  bar: number | undefined,
  goal: number | undefined,
): ResultRow {
  const native = seconds.get('native');
  const ratio = (name: string) => {
    const value = seconds.get(name);
    return native && value !== undefined ? value / native : undefined;
  };
  const failure = failures.get('cloister');
  const base = {
    row,
    nativeS: native,
    cloister: ratio('cloister'),
    qemu: ratio('qemu'),
    bar,
    goal,
  };
  return failure ? { ...base, note: failure } : base;
}

function benchCompute(row: ComputeRow, folder: string): ResultRow {
  const flags = ['-O2', '-static', '-pthread', ...(row.flags ?? [])];
  const binary = compile([join(PROGRAMS, `${row.name}.c`)], flags, {
    libc: 'musl',
    also: [join(PROGRAMS, 'bench.h')],
  });
  const local = join(folder, row.name);
  copyFileSync(binary, local);
  chmodSync(local, 0o755);
  const outcome = compete(
    contestants(folder, [`./${row.name}`]),
    folder,
    ROUNDS,
    printedSeconds,
    checksum,
  );
  return toRow(row.name, outcome.seconds, outcome.failures, row.bar, row.goal);
}

/**
 * Two lengths of a run: the longer one as a whole, which has the start-up in it, and, noted beside it,
 * what the difference costs. qemu runs the short one only, which takes it long enough.
 */
function benchReal(real: RealProgram, folder: string): ResultRow {
  const least = { combine: (values: readonly number[]) => Math.min(...values) };
  const figure = (sample: Sample) => real.figure?.(sample) ?? sample.cpuS;
  const answer = (sample: Sample) => real.answer(sample.stdout);
  const { env, options } = placeOfAll(REAL_PACKAGES);
  const all = (size: Size) =>
    contestants(folder, real.argv(size), { ...env, ...real.env }, options);
  const short = compete(all('short'), folder, 2, figure, answer, least);
  const asked = toRow(real.name, short.seconds, short.failures, REAL_BAR, REAL_GOAL);
  if (real.figure !== undefined || short.failures.has('cloister')) return asked;
  const two = all('long').filter(({ name }) => name !== 'qemu');
  const long = compete(two, folder, 2, figure, answer, least);
  const row = toRow(real.name, long.seconds, long.failures, REAL_BAR, REAL_GOAL);
  const more = (name: string) =>
    (long.seconds.get(name) ?? Number.NaN) - (short.seconds.get(name) ?? Number.NaN);
  return { ...row, qemu: asked.qemu, steady: more('cloister') / more('native') };
}

const REAL_BAR = 2.2;
const REAL_GOAL = 1.4;

function mean(title: string, rows: readonly ResultRow[], bar: number, goal: number): ResultRow {
  const values = rows.flatMap(({ cloister }) => (cloister === undefined ? [] : [cloister]));
  const complete = values.length === rows.length;
  return {
    row: title,
    nativeS: undefined,
    cloister: values.length > 0 ? geometricMean(values) : undefined,
    qemu: geometricMean(rows.flatMap(({ qemu }) => (qemu === undefined ? [] : [qemu]))),
    steady: geometricMean(
      rows.flatMap(({ steady, cloister: whole }) => {
        const one = steady ?? whole;
        return one === undefined || Number.isNaN(one) ? [] : [one];
      }),
    ),
    bar,
    goal,
    ...(complete ? {} : { note: `over ${values.length} of ${rows.length} rows` }),
  };
}

/** Runs the rows named in `only` (all when empty), prints tables, writes JSON. */
export function benchCpu(only: readonly string[]): void {
  const folder = join(tmpdir(), `cloister-bench-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  const chosen = (name: string, group: string) =>
    only.length === 0 || only.includes(name) || only.includes(group);
  const all: ResultRow[] = [];
  const show = (row: ResultRow): ResultRow => {
    console.log(renderTable([row]).split('\n')[1]);
    all.push(row);
    return row;
  };
  console.log(renderTable([]));
  const pick = (rows: readonly ComputeRow[], group: string) =>
    rows.filter(({ name }) => chosen(name, group)).map((row) => show(benchCompute(row, folder)));
  const compute = pick(COMPUTE_ROWS, 'compute');
  if (compute.length > 1) show(mean('geometric mean, compute', compute, 1.2, 1.05));
  pick(OTHER_ROWS, 'other');
  const real = REAL_PROGRAMS.filter(({ name }) => chosen(name, 'real'));
  for (const one of real) one.prepare?.(folder);
  const measured = real.map((one) => show(benchReal(one, folder)));
  if (measured.length > 1) show(mean('geometric mean, real', measured, 1.5, 1.15));
  benchStartUp(folder, (name) => chosen(name, 'start-up'));
  for (const start of STARTS) if (chosen(start.name, 'start')) show(benchStart(start, folder));
  if (chosen('translate', 'start')) for (const row of benchThroughput()) show(row);
  writeFileSync(join(folder, 'cpu.json'), JSON.stringify(all, undefined, 2));
  console.log(`\n${renderTable(all)}\n\nJSON: ${join(folder, 'cpu.json')}`);
}
