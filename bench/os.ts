/**
 * `npm run bench -- os [ROW …]`: what the kernel serves — calls, hand-overs, processes, paths on a
 * sealed image. Native, Cloister and qemu-x86_64 in one interleaved run.
 *
 * Figures are the seconds of one operation, after a warm-up; the best round of each counts, since
 * the rows wait for one another's processes and a loaded machine only adds to them.
 */

import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onPath, program } from '../test/support/packages.ts';
import { compile } from '../test/support/toolchain.ts';
import { CLOISTER, contestants, toRow } from './cpu.ts';
import { type Contestant, compete, type Sample } from './measure.ts';
import { type ResultRow, renderTable } from './table.ts';

interface OsRow {
  readonly name: string;
  readonly bar: number;
  /** Arguments of `os`; or a whole command. */
  readonly words?: (folder: string) => readonly string[];
  readonly argv?: (folder: string) => readonly string[];
  /** A program outside of what every guest sees: its folder is mounted. */
  readonly outside?: () => string;
  /** Runs on the sealed image. */
  readonly onImage?: true;
  /** Its execve runs natively under the emulator, so that a figure would say nothing. */
  readonly skipsQemu?: true;
  /** The bar is a time, not a ratio. */
  readonly barMs?: number;
}

const PROGRAMS = new URL('./programs/', import.meta.url).pathname;
const ROUNDS = 3;
const ENTRIES = 1000;
const busybox = () => program('busybox', 'busybox-static');

const ROWS: readonly OsRow[] = [
  { name: 'getppid', bar: 0.6, words: () => ['getppid', '1000000'] },
  { name: 'lseek', bar: 0.6, words: () => ['lseek', '1000000', 'os'] },
  { name: 'read /dev/zero', bar: 0.6, words: () => ['zero', '1000000'] },
  { name: 'clock_gettime', bar: 1.2, words: () => ['clock', '3000000'] },
  { name: 'stat', bar: 1, words: () => ['stat', '300000', 'd/file-500'], onImage: true },
  { name: 'open+close', bar: 1, words: () => ['open', '200000', 'd/file-500'], onImage: true },
  { name: 'readdir 1,000', bar: 1, words: () => ['readdir', '300', 'd'], onImage: true },
  { name: 'mmap+touch+munmap', bar: 3, words: () => ['mmap', '5000'] },
  { name: 'signal', bar: 1, words: () => ['signal', '200000'] },
  { name: 'pipe ping-pong', bar: 0.4, words: () => ['pipe', '50000'] },
  { name: 'pipe, two threads', bar: 0.4, words: () => ['threads', '50000'] },
  { name: 'socketpair ping-pong', bar: 0.4, words: () => ['socketpair', '50000'] },
  { name: 'futex ping-pong', bar: 0.4, words: () => ['futex', '100000'] },
  { name: 'pipe 64 KiB', bar: 1, words: () => ['pipebw', '8000'] },
  { name: 'spawn static', bar: 0.7, words: () => ['spawn', '1000', './true'], onImage: true },
  {
    name: 'spawn busybox',
    bar: 0.8,
    words: () => ['busybox', '500', busybox()],
    outside: busybox,
  },
  { name: 'spawn dynamic', bar: 1.5, words: () => ['spawn', '300', '/bin/true'] },
  { name: 'fork 1 MiB', bar: 0.8, words: () => ['fork1', '600'] },
  { name: 'fork 64 MiB', bar: 0.3, words: () => ['fork64', '100'] },
  { name: 'fork, parent writes', bar: 1.5, words: () => ['forkwrite', '200'] },
  { name: 'bash, 100 commands', bar: 1.5, argv: () => ['bash', 'commands.sh'], skipsQemu: true },
  { name: 'echo p99, 8 spin', bar: 1, barMs: 20, words: () => ['echo', '300'], skipsQemu: true },
];

/** Forks and execs a program a hundred times; times itself, so that start-up does not count. */
const COMMANDS = `for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; done
start=$EPOCHREALTIME
for i in {1..100}; do /bin/true || exit 1; done
end=$EPOCHREALTIME
us=$(( \${end/./} - \${start/./} ))
printf 'done %d.%06d\\n' $((us / 1000000)) $((us % 1000000))
`;

const IMAGE_CONFIG = `name: bench-os
command: [/bench/os]
files:
  copy:
    - { from: files, to: /bench }
working_dir: /bench
overrides: { arguments: true }
network: none
`;

const answer = (sample: Sample): string => sample.stdout.trim().split(' ')[0] ?? '';
const figure = (sample: Sample): number => Number(sample.stdout.trim().split(' ')[1]);

/** Programs, the script, and a folder of 1,000 files: `folder/files` is what the image holds. */
function prepare(folder: string): void {
  const files = join(folder, 'files');
  mkdirSync(join(files, 'd'), { recursive: true });
  for (const [name, flags] of [
    ['os', ['-O2', '-static', '-pthread']],
    ['true', ['-O2', '-static', '-s']],
  ] as const) {
    const binary = compile([join(PROGRAMS, `${name}.c`)], flags, { libc: 'musl' });
    for (const target of [join(folder, name), join(files, name)]) {
      copyFileSync(binary, target);
      chmodSync(target, 0o755);
    }
  }
  for (let i = 0; i < ENTRIES; i++) writeFileSync(join(files, 'd', `file-${i}`), `${i}\n`);
  writeFileSync(join(folder, 'commands.sh'), COMMANDS);
}

/** Built when the first row needs it. */
function image(folder: string): string {
  const path = join(folder, 'image');
  if (existsSync(path)) return path;
  writeFileSync(join(folder, 'cloister.yaml'), IMAGE_CONFIG);
  execFileSync(CLOISTER, ['build', '--no-sign', '-o', path, folder], { stdio: 'ignore' });
  return path;
}

function contestantsOf(row: OsRow, folder: string): readonly Contestant[] {
  const argv = row.argv?.(folder) ?? ['./os', ...(row.words?.(folder) ?? [])];
  const list = contestants(folder, argv).filter(({ name }) => name !== 'qemu' || !row.skipsQemu);
  return list.map((one) => {
    if (one.name === 'qemu') return { ...one, env: { EMU: onPath('qemu-x86_64') ?? '' } };
    if (one.name !== 'cloister') return one;
    if (row.outside !== undefined) {
      const place = dirname(row.outside());
      return { ...one, argv: one.argv.toSpliced(2, 0, '-v', `${place}:${place}:ro`) };
    }
    if (!row.onImage) return one;
    const inside = ['run', '--image', image(folder), '--', '/bench/os', ...argv.slice(1)];
    return { name: one.name, argv: [CLOISTER, ...inside] };
  });
}

function benchRow(row: OsRow, folder: string): ResultRow {
  const cwd = row.onImage ? join(folder, 'files') : folder;
  const list = contestantsOf(row, folder);
  const best = (values: readonly number[]) => Math.min(...values);
  const outcome = compete(list, cwd, ROUNDS, figure, answer, { combine: best });
  const result = toRow(row.name, outcome.seconds, outcome.failures, row.bar, undefined);
  const seconds = outcome.seconds.get('cloister');
  if (seconds === undefined) return result;
  const us = `${(seconds * 1e6).toFixed(seconds < 1e-5 ? 3 : 0)} µs`;
  if (row.barMs === undefined)
    return (result.cloister ?? 0) > row.bar
      ? { ...result, note: `${us}, above the bar` }
      : { ...result, note: us };
  const above = seconds * 1000 > row.barMs ? ', above the bar' : '';
  return { ...result, bar: undefined, note: `${us}, bar ${row.barMs} ms${above}` };
}

/** Runs the rows named in `only` (all when empty), prints tables, writes JSON. */
export function benchOs(only: readonly string[]): void {
  const folder = join(tmpdir(), `cloister-bench-os-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  prepare(folder);
  const all: ResultRow[] = [];
  for (const row of ROWS) {
    if (only.length > 0 && !only.some((part) => row.name.includes(part))) continue;
    const result = benchRow(row, folder);
    all.push(result);
    console.log(renderTable([result]).split('\n')[1]);
  }
  const json = join(tmpdir(), 'cloister-bench-os.json');
  writeFileSync(json, JSON.stringify(all, undefined, 2));
  rmSync(folder, { recursive: true });
  console.log(`\n${renderTable(all)}\n\nJSON: ${json}`);
}
