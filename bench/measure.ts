/**
 * Interleaved measurement: each round runs every contestant once, in turn, so that a drift of the
 * machine's speed touches all alike. Figures are medians; ratios are of medians in one run.
 */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Contestant {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Sample {
  readonly wallS: number;
  /** User + system CPU seconds of the child and what it waited for. */
  readonly cpuS: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

/** CPU seconds of waited-for children so far, from /proc/self/stat (cutime, cstime). */
function childrenCpuS(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

export function sample(contestant: Contestant, cwd: string, timeoutS: number): Sample {
  const before = childrenCpuS();
  const start = performance.now();
  const [command, ...args] = contestant.argv as [string, ...string[]];
  const run = spawnSync(command, args, {
    cwd,
    encoding: 'latin1',
    timeout: timeoutS * 1000,
    maxBuffer: 1 << 28,
    env: { ...process.env, ...contestant.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const wallS = (performance.now() - start) / 1000;
  const { stdout, stderr, status } = run;
  return {
    wallS,
    cpuS: childrenCpuS() - before,
    stdout: stdout ?? '',
    stderr: stderr ?? '',
    status,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

export interface Outcome {
  /** Combined figure in seconds by contestant; undefined where it failed. */
  readonly seconds: ReadonlyMap<string, number | undefined>;
  /** Why a contestant has no figure. */
  readonly failures: ReadonlyMap<string, string>;
}

/**
 * Runs all contestants `rounds` times in turn. `figure` takes the seconds out of a sample; the
 * first contestant is the reference whose `answer` all others must give. `combine` makes one figure
 * of the rounds.
 */
export function compete(
  contestants: readonly Contestant[],
  cwd: string,
  rounds: number,
  figure: (sample: Sample) => number,
  answer: (sample: Sample) => string,
  { timeoutS = 300, combine = median } = {},
): Outcome {
  const figures = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  const failures = new Map<string, string>();
  let expected: string | undefined;
  for (let round = 0; round < rounds; round++) {
    for (const contestant of contestants) {
      const { name } = contestant;
      if (failures.has(name)) continue;
      const one = sample(contestant, cwd, timeoutS);
      const given = answer(one);
      expected ??= given;
      if (one.status !== 0) failures.set(name, `status ${one.status}`);
      else if (given !== expected) failures.set(name, 'another answer than native');
      else figures.get(name)?.push(figure(one));
    }
  }
  const seconds = new Map(
    [...figures].map(([name, values]) => [name, failures.has(name) ? undefined : combine(values)]),
  );
  return { seconds, failures };
}
