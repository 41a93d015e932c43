/**
 * `npm run bench -- parallel`: two threads that compute (`parsum`), and that change two words with
 * atomic instructions (`atomic`, whose count must be exact), natively and on one and two processors
 * inside. The bar of `parsum` is the time on two over that on one: 0.6.
 */

import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '../test/support/toolchain.ts';
import { CLOISTER } from './cpu.ts';
import { type Contestant, compete, type Sample } from './measure.ts';

const PROGRAMS = new URL('./programs/', import.meta.url).pathname;
const ROUNDS = 5;
const BARS: Readonly<Record<string, number | undefined>> = { parsum: 0.6, atomic: undefined };

const answer = ({ stdout }: Sample): string => stdout.trim().split(' ')[0] ?? '';
const figure = ({ stdout }: Sample): number => Number(stdout.trim().split(' ')[1]);
const best = (values: readonly number[]): number => Math.min(...values);

export function benchParallel(): void {
  const folder = join(tmpdir(), `cloister-bench-parallel-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  console.log('row        native s  one ÷ native  two ÷ native  two ÷ one   bar');
  for (const [name, bar] of Object.entries(BARS)) {
    const flags = ['-O2', '-static', '-pthread'];
    copyFileSync(
      compile([join(PROGRAMS, `${name}.c`)], flags, { libc: 'musl' }),
      join(folder, name),
    );
    const inside = (cpus: number): Contestant => ({
      name: `${cpus}`,
      argv: [
        ...[CLOISTER, 'run', '--cpus', `${cpus}`, '-v', `${folder}:/w`],
        ...['-w', '/w', '--', `./${name}`],
      ],
    });
    const list = [{ name: 'native', argv: [`./${name}`] }, inside(1), inside(2)];
    const { seconds, failures } = compete(list, folder, ROUNDS, figure, answer, { combine: best });
    const [native, one, two] = ['native', '1', '2'].map((who) => seconds.get(who) ?? Number.NaN);
    const cells = [
      name.padEnd(8),
      (native as number).toFixed(3).padStart(10),
      ...[one, two].map((s) => ((s as number) / (native as number)).toFixed(2).padStart(13)),
      ((two as number) / (one as number)).toFixed(2).padStart(10),
      (bar === undefined ? '–' : bar.toFixed(2)).padStart(5),
    ];
    console.log(cells.join(' '));
    for (const [who, why] of failures) console.log(`  ${who} processors: ${why}`);
  }
  rmSync(folder, { recursive: true });
}
