/** The code verifier against the processor itself: what it accepts is run in a child process. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { SeededRandom } from '../../src/base/random.ts';
import { FORBIDDEN } from '../../src/cpu/verify/testing/forbidden.ts';
import { canBe, generate } from '../../src/cpu/verify/testing/generate.ts';
import { attacks, closed } from '../../src/cpu/verify/testing/malicious.ts';
import type { Rule } from '../../src/cpu/verify/types.ts';
import { CodeVerifier } from '../../src/cpu/verify/verifier.ts';
import { isa } from '../../src/x86/isa/table.ts';
import { placeFor, runCase, testMutants } from './mutants.ts';
import { MutantRunner, type RunCase, VIOLATIONS } from './runner.ts';

/** A hundred times as many in the long run. */
const MUTANTS = 100_000 * Number(process.env['CLOISTER_LONG'] ?? 1);
const runner = new MutantRunner();
const place = placeFor(runner.tlsDisplacement);
after(() => runner[Symbol.dispose]());

test(`${MUTANTS} mutants are rejected, or run and leave everything outside as it was`, () => {
  const report = testMutants(runner, { count: MUTANTS, seed: 1, runOneIn: 1 });
  assert.equal(report.mutants, MUTANTS);
  assert.deepEqual(report.violations, []);
  assert.equal(report.run, report.mutants - report.rejected);
  assert.ok(report.run >= MUTANTS / 10, `only ${report.run} were accepted and run`);
  assert.ok(report.reasons.size >= 20, `only ${report.reasons.size} rules were met`);
});

test('the processor stops at the instruction ends that the code verifier saw, on every row', () => {
  const random = new SeededRandom(7);
  const verifier = new CodeVerifier();
  const cases: RunCase[] = [];
  const names: string[] = [];
  for (const row of isa.all())
    for (const memory of [false, true]) {
      if (!canBe(row, memory)) continue;
      const code = generate(row, { memory, gs: true, address32: true }, random);
      const hex = Buffer.from(code).toString('hex');
      const bytes = closed(`64 c6 04 25 {84} 01 ${hex}`, runner.tlsDisplacement);
      const verdict = verifier.verifyUnit(bytes, place);
      if (!verdict.ok) continue;
      cases.push({ ...runCase(bytes, verdict, random), entry: 0, stepping: true });
      names.push(`${row.text}: ${hex}`);
    }
  assert.ok(cases.length > 3000);
  const { outcomes, log } = runner.run(cases);
  const bad = names.filter((_, n) => (outcomes[n] ?? 128) >= 128);
  assert.deepEqual(bad, [], log);
});

/** Rules whose absence lets some attack change or reach something outside: the child must see it. */
const SEEN: readonly Rule[] = [
  ...(['gs-missing', 'address-size', 'fs-form', 'fs-slot', 'macro-form', 'table-jump'] as const),
  ...(['branch-interior', 'branch-external', 'falls-through', 'x87-unmarked'] as const),
];
/** Of the forbidden instructions those that are harmless to try outside of a sandbox of processes. */
const TRIED = ['push rax', 'push imm32', 'call rel32', 'call rax', 'jmp rax', 'ret', 'stosb'];
const ALSO_TRIED = ['movsb', 'wrgsbase', 'wrgsbase 32', 'popf'];

/** Rules that would stop the same attack, so that the child never sees it. */
const HELD_BY: Partial<Record<Rule, readonly Rule[]>> = {
  'macro-form': ['forbidden', 'gs-missing', 'address-size'],
  forbidden: ['gs-missing', 'address-size', 'table-jump'],
};

describe('a verifier without a rule is caught in the child', () => {
  function violationsWithout(off: readonly Rule[], units: readonly Uint8Array[]): Set<string> {
    const random = new SeededRandom(3);
    const weak = new CodeVerifier(new Set(off));
    const cases: RunCase[] = [];
    for (const bytes of units) {
      const verdict = weak.verifyUnit(bytes, place);
      if (!verdict.ok) continue;
      for (let n = 0; n < 40; n++) cases.push({ ...runCase(bytes, verdict, random), entry: 0 });
    }
    const seen = new Set<string>();
    for (let from = 0; from < cases.length; ) {
      const { outcomes } = runner.run(cases.slice(from));
      for (const outcome of outcomes) if (outcome >= 128) seen.add(VIOLATIONS[outcome - 128]!);
      from += outcomes.length;
    }
    return seen;
  }

  for (const rule of SEEN)
    test(rule, () => {
      const units = attacks(runner.tlsDisplacement).filter((attack) => attack.rule === rule);
      const seen = violationsWithout(
        [rule, ...(HELD_BY[rule] ?? [])],
        units.map((attack) => attack.bytes),
      );
      assert.ok(seen.size > 0, `${units.length} attacks went unnoticed`);
    });

  test('forbidden', () => {
    for (const name of [...TRIED, ...ALSO_TRIED]) {
      const code = FORBIDDEN.find(([other]) => other === name)?.[1];
      assert.ok(code !== undefined, name);
      assert.ok(
        violationsWithout(['forbidden', ...HELD_BY.forbidden!], [closed(code)]).size > 0,
        name,
      );
    }
  });
});
