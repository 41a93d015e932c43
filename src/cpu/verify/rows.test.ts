/** Every row of the instruction table against the code verifier. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import type { Row } from '../../x86/isa/row.ts';
import { isa } from '../../x86/isa/table.ts';
import { canBe, generate, isNop, type Shape } from './testing/generate.ts';
import { closed, PLACE } from './testing/malicious.ts';
import type { Rule } from './types.ts';
import { CodeVerifier } from './verifier.ts';

const REPEATS = 8;
const verifier = new CodeVerifier();
const random = new SeededRandom(20);
const MARK = '64 c6 04 25 {84} 01';
/** Rows that the table calls plain and the code verifier refuses all the same, with the reason. */
const SECOND_OPINION = new Map([
  ['serialize', 'not in the CPU model'],
  ['rdsspd', 'shadow stacks'],
  ['rdsspq', 'shadow stacks'],
  ['endbr32', 'a hint of shadow stacks that 64-bit code does not need'],
]);

/** Hints 0F 19 … 0F 1E mean something else on some processor. */
const isHint = (row: Row): boolean =>
  row.mnemonic === 'nop' && row.map === 1 && row.opcode >= 0x19 && row.opcode <= 0x1e;
const STATE = ['fxsave', 'fxsave64', 'fxrstor', 'fxrstor64'];

function verdictOf(row: Row, shape: Shape): { reason: Rule | 'accepted'; text: string } {
  const bytes = generate(row, shape, random);
  const code = Buffer.from(bytes).toString('hex');
  const verdict = verifier.verifyUnit(closed(MARK + code), PLACE);
  const reason = verdict.ok ? 'accepted' : verdict.reason;
  return { reason, text: `${row.text}: ${code}` };
}

const plain = isa
  .all()
  .filter((row) => row.class === 'plain' || STATE.includes(row.mnemonic))
  .filter((row) => !SECOND_OPINION.has(row.mnemonic) && !isHint(row));

function each(memory: boolean, check: (row: Row) => void): void {
  let count = 0;
  for (const row of plain)
    if (canBe(row, memory)) for (let n = 0; n < REPEATS; n++, count++) check(row);
  assert.ok(count > 1000);
}

describe('every plain row', () => {
  test('is accepted with registers', () => {
    each(false, (row) => {
      const { reason, text } = verdictOf(row, { memory: false, gs: true, address32: true });
      assert.equal(reason, 'accepted', text);
    });
  });

  test('is accepted with a memory operand in the sandbox', () => {
    each(true, (row) => {
      const { reason, text } = verdictOf(row, { memory: true, gs: true, address32: true });
      assert.equal(reason, 'accepted', text);
    });
  });

  test('is rejected with a memory operand without gs:', () => {
    each(true, (row) => {
      if (row.mnemonic === 'lea' || isNop(row)) return;
      const { reason, text } = verdictOf(row, { memory: true, gs: false, address32: true });
      assert.equal(reason, 'gs-missing', text);
    });
  });

  test('is rejected with a memory operand without 67', () => {
    each(true, (row) => {
      if (row.mnemonic === 'lea' || isNop(row)) return;
      const { reason, text } = verdictOf(row, { memory: true, gs: true, address32: false });
      assert.equal(reason, 'address-size', text);
    });
  });
});

describe('every other row', () => {
  const BRANCHES = ['branch', 'condbranch', 'loopbranch'];
  const others = isa.all().filter((row) => !plain.includes(row) && !BRANCHES.includes(row.class));
  for (const memory of [false, true])
    test(`is rejected ${memory ? 'with memory in the sandbox' : 'without memory operand'}`, () => {
      for (const row of others)
        if (canBe(row, memory))
          for (let n = 0; n < REPEATS; n++) {
            const { reason, text } = verdictOf(row, { memory, gs: true, address32: true });
            assert.ok(reason === 'forbidden' || reason === 'table-jump', `${text}: ${reason}`);
          }
    });
});
