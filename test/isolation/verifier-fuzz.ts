/** Fuzzing of the code verifier by mutants that run in a child; also the long run. */
import type { SeededRandom } from '../../src/base/random.ts';
import { CodeVerifier } from '../../src/cpu/verify/verifier.ts';
import { type MutantReport, testMutants } from './mutants.ts';
import { MutantRunner, OUTCOMES, VIOLATIONS } from './runner.ts';

const CHUNK = 20_000;

export interface FuzzLimits {
  readonly mutants: number;
  readonly seconds: number;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  progress?(report: MutantReport): void;
}

/** Runs until a limit; throws with the mutant on the first violation. */
export function fuzzVerifier(random: SeededRandom, limits: FuzzLimits): MutantReport {
  using runner = new MutantRunner();
  const verifier = new CodeVerifier();
  const total: MutantReport = {
    ...{ mutants: 0, rejected: 0, run: 0 },
    ...{ reasons: new Map(), outcomes: new Map(), violations: [] },
  };
  const end = limits.now() + limits.seconds * 1000;
  while (total.mutants < limits.mutants && limits.now() < end) {
    const count = Math.min(CHUNK, limits.mutants - total.mutants);
    const report = testMutants(runner, { count, seed: random.uint32(), runOneIn: 1, verifier });
    total.mutants += report.mutants;
    total.rejected += report.rejected;
    total.run += report.run;
    for (const [key, n] of report.reasons)
      total.reasons.set(key, (total.reasons.get(key) ?? 0) + n);
    for (const [key, n] of report.outcomes)
      total.outcomes.set(key, (total.outcomes.get(key) ?? 0) + n);
    if (report.violations.length > 0) throw new Error(report.violations.join('\n'));
    limits.progress?.(total);
  }
  return total;
}

/** The canary: a verifier that lets operands without gs: pass must be caught. */
export function verifierCanary(): void {
  using runner = new MutantRunner();
  const verifier = new CodeVerifier(new Set(['gs-missing'] as const));
  const report = testMutants(runner, { count: CHUNK, seed: 1, runOneIn: 1, verifier });
  if (report.violations.length === 0) throw new Error('the canary of the verifier did not fail');
}

/** One line for `docs/fuzz-log.md`. */
export function summary(report: MutantReport): string {
  const outcomes = [...report.outcomes].sort((a, b) => b[1] - a[1]);
  const ends = outcomes.map(([kind, n]) => `${OUTCOMES[kind] ?? VIOLATIONS[kind - 128]} ${n}`);
  const { mutants, rejected, run, reasons } = report;
  return `${mutants} mutants, ${rejected} rejected by ${reasons.size} rules, ${run} run (${ends.join(', ')})`;
}
