/**
 * Mutation testing of the code verifier: mutants of real translations and of random units are
 * rejected, or run in a child process where nothing outside the sandbox may change.
 */
import { assert } from '../../src/base/assert.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { canBe, generate } from '../../src/cpu/verify/testing/generate.ts';
import { mutate, type Seed } from '../../src/cpu/verify/testing/mutate.ts';
import type { Rule, UnitPlace, Verdict } from '../../src/cpu/verify/types.ts';
import { CodeVerifier } from '../../src/cpu/verify/verifier.ts';
import { isa } from '../../src/x86/isa/table.ts';
import { realUnits, TRAMPOLINE_BYTES, UNIT_AT } from './real-units.ts';
import { type MutantRunner, type RunCase, VIOLATIONS } from './runner.ts';

const TRAMPOLINES_END = 1024;
const PROGRAMS = ['/lib/x86_64-linux-gnu/libc.so.6', '/lib/x86_64-linux-gnu/libm.so.6'];
const BATCH = 4000;
const LARGEST_UNIT_BYTES = 1500;

export interface MutantReport {
  mutants: number;
  rejected: number;
  run: number;
  /** Rejections by rule, runs by outcome. */
  readonly reasons: Map<Rule, number>;
  readonly outcomes: Map<number, number>;
  readonly violations: string[];
}

export function placeFor(tlsDisplacement: number): UnitPlace {
  return {
    placement: UNIT_AT,
    tlsDisplacement,
    isTarget: (offset) => offset < TRAMPOLINES_END && offset % TRAMPOLINE_BYTES === 0,
  };
}

const jumpOut = (size: number): number[] => {
  const distance = -(UNIT_AT + size + 5);
  return [0xe9, ...[0, 8, 16, 24].map((shift) => (distance >>> shift) & 255)];
};

/** A unit of random rows in canonical form behind a mark of x87Used; ends with a jump out. */
export function randomUnit(random: SeededRandom, tlsDisplacement: number): Uint8Array {
  const slot = tlsDisplacement + 84;
  const bytes = [0x64, 0xc6, 0x04, 0x25, ...[0, 8, 16, 24].map((s) => (slot >> s) & 255), 1];
  for (let n = 1 + random.below(8); n > 0; ) {
    const row = isa.row(random.below(isa.size));
    const memory = random.below(2) === 1;
    if (row.class !== 'plain' || !canBe(row, memory)) continue;
    bytes.push(...generate(row, { memory, gs: true, address32: true }, random));
    n--;
  }
  return Uint8Array.from([...bytes, ...jumpOut(bytes.length)]);
}

/** Units that mutants are made from. */
export function seedUnits(tlsDisplacement: number, random: SeededRandom): Seed[] {
  const real = PROGRAMS.flatMap((path) => realUnits(path, 300, tlsDisplacement));
  const units = real.filter((unit) => unit.length <= LARGEST_UNIT_BYTES);
  const realCount = units.length;
  for (let n = realCount; n > 0; n--) units.push(randomUnit(random, tlsDisplacement));
  const verifier = new CodeVerifier();
  // The verifier's second opinion refuses a few rows that the table calls plain.
  return units.flatMap((bytes, n) => {
    const verdict = verifier.verifyUnit(bytes, placeFor(tlsDisplacement));
    assert(verdict.ok || n >= realCount, `a translation is rejected: ${hex(bytes)}`);
    return verdict.ok ? [{ bytes, boundaries: startsOf(verdict.starts, bytes.length) }] : [];
  });
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function startsOf(starts: Uint32Array, size: number): number[] {
  return Array.from({ length: size }, (_, n) => n).filter((n) => (starts[n >> 5]! >> (n & 31)) & 1);
}

export interface MutantOptions {
  readonly count: number;
  readonly seed: number;
  /** Of the accepted mutants, one in this many is run. */
  readonly runOneIn: number;
  readonly verifier?: CodeVerifier;
}

/** Makes `count` mutants, verifies each, runs some of the accepted. */
export function testMutants(runner: MutantRunner, options: MutantOptions): MutantReport {
  const random = new SeededRandom(options.seed);
  const verifier = options.verifier ?? new CodeVerifier();
  const place = placeFor(runner.tlsDisplacement);
  const seeds = seedUnits(runner.tlsDisplacement, random);
  const report: MutantReport = {
    ...{ mutants: 0, rejected: 0, run: 0 },
    ...{ reasons: new Map(), outcomes: new Map(), violations: [] },
  };
  let cases: RunCase[] = [];
  for (let n = 0; n < options.count; n++) {
    const mutant = mutate(random.pick(seeds), random.pick(seeds), random);
    const verdict = verifier.verifyUnit(mutant, place);
    report.mutants++;
    if (!verdict.ok) {
      report.rejected++;
      report.reasons.set(verdict.reason, (report.reasons.get(verdict.reason) ?? 0) + 1);
    } else if (random.below(options.runOneIn) === 0) cases.push(runCase(mutant, verdict, random));
    if (cases.length < BATCH && n + 1 < options.count) continue;
    runBatch(runner, cases, report);
    cases = [];
  }
  return report;
}

export function runCase(
  bytes: Uint8Array,
  verdict: Extract<Verdict, { ok: true }>,
  random: SeededRandom,
): RunCase {
  const { starts } = verdict;
  let entry = random.below(8) === 0 ? 0 : random.below(bytes.length);
  const isStart = (at: number): boolean => ((starts[at >> 5]! >> (at & 31)) & 1) !== 0;
  for (let n = 0; n < bytes.length && !isStart(entry); n++) entry = (entry + 1) % bytes.length;
  return { bytes, starts, entry, stepping: random.below(4) === 0, seed: random.uint32() };
}

export function runBatch(
  runner: MutantRunner,
  cases: readonly RunCase[],
  report: MutantReport,
): void {
  for (let from = 0; from < cases.length; ) {
    const { outcomes, log } = runner.run(cases.slice(from));
    for (const [n, outcome] of outcomes.entries()) {
      report.run++;
      report.outcomes.set(outcome, (report.outcomes.get(outcome) ?? 0) + 1);
      if (outcome < 128) continue;
      const one = cases[from + n]!;
      const code = hex(one.bytes);
      const where = `entry ${one.entry}, seed ${one.seed}, stepping ${one.stepping}`;
      report.violations.push(`${VIOLATIONS[outcome - 128]}: ${where}: ${code}\n${detail(log, n)}`);
    }
    from += outcomes.length;
  }
}

/** What the child says of one case, and of its own end. */
function detail(log: string, n: number): string {
  return log
    .split('\n')
    .filter((line) => line.startsWith(`case ${n}:`) || line.startsWith('the child'))
    .join('\n');
}
