/**
 * `npm run bench -- paper [ROW …]`: the workloads of "Occlum: Secure and Efficient Multitasking Inside a
 * Single Enclave of Intel SGX" (ASPLOS '20, section 9): a shell script that spawns small programs, and GCC
 * over files of three sizes. Its web server is among the rows of `bench -- net` (1 to 256 clients).
 */

import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { program } from '../test/support/packages.ts';
import { contestants, toRow } from './cpu.ts';
import { compete, type Sample } from './measure.ts';
import { type ResultRow, renderTable } from './table.ts';

const ROUNDS = 3;
const LOOPS = 30;

/** `multi.sh` of UnixBench: sort, od, grep, tee, wc and rm over one text, LOOPS times. */
const SHELL_LOOP = `bb=./busybox
i=0
start=$EPOCHREALTIME
while [ $i -lt ${LOOPS} ]; do
  $bb sort sort.src > sort.out
  $bb od sort.out | $bb sort -n -k 1 > od.out
  $bb grep the sort.out | $bb tee grep.out | $bb wc > wc.out
  read -r lines rest < wc.out
  $bb rm sort.out od.out grep.out wc.out
  i=$((i + 1))
done
end=$EPOCHREALTIME
us=$(( \${end/./} - \${start/./} ))
printf 'lines-%d %d.%06d\\n' $lines $((us / 1000000)) $((us % 1000000))
`;

/** C of about so many lines: functions that call each other, with loops, tables and branches. */
function source(lines: number): string {
  const parts = ['#include <stdio.h>', 'static unsigned state[64];'];
  const count = Math.max(1, Math.floor(lines / 10));
  for (let n = 0; n < count; n++)
    parts.push(
      `static unsigned f${n}(unsigned x, unsigned y) {`,
      `  unsigned sum = x * ${n + 3}u + y;`,
      `  for (unsigned i = 0; i < (y & 15u); i++) {`,
      `    sum ^= (sum << ${(n % 13) + 1}) + state[(sum + i) & 63u];`,
      `    if (sum % ${(n % 7) + 2}u == 0) sum += i * ${n % 11}u;`,
      `    else state[i & 63u] += sum >> 3;`,
      '  }',
      n === 0 ? '  return sum;' : `  return (sum & 3u) == 0 ? sum : f${n - 1}(sum, y + 1) ^ x;`,
      '}',
      '',
    );
  parts.push(`int main(int c, char **v) { printf("%u\\n", f${count - 1}(c, 7)); return v == 0; }`);
  return `${parts.join('\n')}\n`;
}

/** A text with words that the loop looks for. */
function text(): string {
  const words = ['the', 'cloister', 'of', 'a', 'quiet', 'garden', 'and', 'walls', 'their', 'there'];
  let seed = 1;
  const next = (): string => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return words[(seed >> 8) % words.length] as string;
  };
  return Array.from({ length: 600 }, () => `${next()} ${next()} ${next()} ${next()}\n`).join('');
}

interface PaperRow {
  readonly name: string;
  readonly argv: readonly string[];
  readonly figure: (sample: Sample) => number;
  readonly answer: (sample: Sample) => string;
}

const wall = ({ wallS }: Sample): number => wallS;
const compile = (name: string, file: string): PaperRow => ({
  name: `gcc, ${name}`,
  argv: ['gcc', '-O1', '-c', file, '-o', 'out.o'],
  figure: wall,
  answer: ({ stdout }) => stdout,
});
const ROWS: readonly PaperRow[] = [
  {
    name: `shell loop, ${LOOPS} rounds`,
    argv: ['bash', 'loop.sh'],
    figure: ({ stdout }) => Number(stdout.trim().split(' ')[1]),
    answer: ({ stdout }) => stdout.trim().split(' ')[0] ?? '',
  },
  compile('small file', 'small.c'),
  compile('5,000 lines', 'medium.c'),
  compile('50,000 lines', 'large.c'),
];

/** Runs the rows named in `only` (all when empty): whole runs by the wall, the shell's by its own clock. */
export function benchPaper(only: readonly string[]): void {
  const folder = join(tmpdir(), `cloister-bench-paper-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  copyFileSync(program('busybox', 'busybox-static'), join(folder, 'busybox'));
  writeFileSync(join(folder, 'loop.sh'), SHELL_LOOP);
  writeFileSync(join(folder, 'sort.src'), text());
  for (const [name, lines] of [
    ['small', 10],
    ['medium', 5000],
    ['large', 50_000],
  ] as const)
    writeFileSync(join(folder, `${name}.c`), source(lines));
  const all: ResultRow[] = [];
  for (const { name, argv, figure, answer } of ROWS) {
    if (only.length > 0 && !only.some((part) => name.includes(part))) continue;
    // The emulator leaves what is exec'ed to the host: a figure would say nothing.
    const list = contestants(folder, argv).filter((one) => one.name !== 'qemu');
    const { seconds, failures } = compete(list, folder, ROUNDS, figure, answer, { timeoutS: 600 });
    all.push(toRow(name, seconds, failures, undefined, undefined));
  }
  rmSync(folder, { recursive: true });
  console.log(renderTable(all));
}
