import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { JUMP_TABLE_DISP } from '../sandbox/layout.ts';
import { MACROS, patternBytes } from '../sandbox/macros.ts';
import { FORBIDDEN } from './testing/forbidden.ts';
import { attacks, closed, hexBytes, le32, PLACE, TOO_LONG } from './testing/malicious.ts';
import { RULES, type Rule, type Verdict } from './types.ts';
import { CodeVerifier } from './verifier.ts';

const verifier = new CodeVerifier();
const ATTACKS = attacks(PLACE.tlsDisplacement);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function accepted(code: Uint8Array): Extract<Verdict, { ok: true }> {
  const verdict = verifier.verifyUnit(code, PLACE);
  assert.ok(verdict.ok, `${hex(code)}: ${JSON.stringify(verdict)}`);
  return verdict;
}

const starts = (verdict: Extract<Verdict, { ok: true }>): number[] =>
  Array.from({ length: verdict.starts.length * 32 }, (_, n) => n).filter(
    (n) => (verdict.starts[n >> 5]! >> (n & 31)) & 1,
  );

describe('what the malicious translator emits', () => {
  for (const attack of ATTACKS)
    test(attack.name, () => {
      const verdict = verifier.verifyUnit(attack.bytes, PLACE);
      assert.equal(verdict.ok ? 'accepted' : verdict.reason, attack.rule, hex(attack.bytes));
    });

  for (const attack of TOO_LONG)
    test(`too-long: ${attack.name}`, () => {
      assert.equal(verifier.verifyUnit(attack.bytes, PLACE).ok, false);
      const second = new CodeVerifier(new Set<Rule>(['prefix-order']));
      const verdict = second.verifyUnit(attack.bytes, PLACE);
      assert.equal(verdict.ok ? 'accepted' : verdict.reason, 'too-long');
    });

  for (const [name, code] of FORBIDDEN)
    test(`forbidden: ${name}`, () => {
      const verdict = verifier.verifyUnit(closed(code), PLACE);
      assert.ok(!verdict.ok, 'accepted');
      assert.equal(verdict.offset, 0);
    });
});

describe('every rule is needed', () => {
  const forbidden = FORBIDDEN.map(([, code]) => ({ bytes: closed(code), rule: 'forbidden' }));
  const unknown = [{ bytes: closed('0f 04'), rule: 'unknown' }];
  for (const rule of Object.keys(RULES) as Rule[])
    test(`without ${rule} an attack is accepted`, () => {
      const off: Rule[] = rule === 'too-long' ? [rule, 'prefix-order'] : [rule];
      const weak = new CodeVerifier(new Set(off));
      const caught = [...ATTACKS, ...TOO_LONG, ...forbidden, ...unknown].filter(
        (attack) => attack.rule === rule && weak.verifyUnit(attack.bytes, PLACE).ok,
      );
      assert.ok(caught.length > 0, `no attack needs ${rule}`);
    });
});

describe('what translated code is made of is accepted', () => {
  const GOOD: readonly (readonly [string, string])[] = [
    ['mov eax, gs:[eax]', '65 67 8b 00'],
    ['lea', '48 8d 44 88 10'],
    ['lea with 67', '67 8d 00'],
    ['lea rsp, [rsp-8]', '48 8d 64 24 f8'],
    ['nop', '66 0f 1f 44 00 00'],
    ['endbr64', 'f3 0f 1e fa'],
    ['pause', 'f3 90'],
    ['rdtsc', '0f 31'],
    ['rdtscp', '0f 01 f9'],
    ['mfence', '0f ae f0'],
    ['cld; std', 'fc fd'],
    ['xlat', '65 67 d7'],
    ['maskmovdqu', '65 67 66 0f f7 c1'],
    ['movabs eax, gs:[moffs32]', '65 67 a1 00 00 01 00'],
    ['movabs rax, imm64', '48 b8 01 02 03 04 05 06 07 08'],
    ['lock xadd', '65 67 f0 48 0f c1 08'],
    ['lock add word', '65 67 f0 66 83 00 01'],
    ['cmpxchg16b', '65 67 48 0f c7 08'],
    ['crc32 r32, r16', '66 f2 0f 38 f1 c1'],
    ['popcnt r16', '66 f3 0f b8 c1'],
    ['mov rsp, any', '48 89 c4'],
    ['jrcxz, jecxz, loop to itself', 'e3 fe 67 e3 fd e2 fe'],
    ['spill', `64 48 89 0c 25 {8} 64 48 8b 0c 25 {8}`],
    ['exitRip := imm', `64 48 c7 04 25 {72} 00 10 00 00`],
    ['exitSite := imm', `64 c7 04 25 {80} 01 00 00 00`],
    ['guest FS base', `64 48 8b 04 25 {88}`],
    ['negative B', `64 4c 8b 04 25 {112}`],
    ['marked x87', `64 c6 04 25 {84} 01 d9 e8 90 65 67 dd 18 0f 77`],
    ['fxsave', `64 c6 04 25 {84} 01 65 67 48 0f ae 00`],
    ['to an entry', `0f 84 ${le32(8192 - 4096 - 6)}`],
  ];
  for (const [name, code] of GOOD) test(name, () => void accepted(closed(code)));

  for (const macro of MACROS)
    test(`macro ${macro.name}`, () => {
      const bytes = patternBytes(macro.pattern, PLACE.tlsDisplacement);
      const unit = macro.kind === 'transfer' ? bytes : closed(hex(bytes));
      const verdict = accepted(unit);
      const expected = macro.kind === 'transfer' ? [0] : [0, bytes.length];
      assert.deepEqual(starts(verdict), expected);
    });
});

describe('a verdict tells the cache', () => {
  test('where execution may enter: not inside a table jump, not behind a mark', () => {
    const table = `0f b7 c8 65 ff 24 cd ${le32(JUMP_TABLE_DISP)}`;
    const unit = `90 64 c6 04 25 {84} 01 90 d9 e8 90 ${table}`;
    assert.deepEqual(starts(accepted(Uint8Array.from(hexBytes(unit)))), [0, 1, 13, 14]);
  });

  test('which displacements may be linked, and that x87 is used', () => {
    const verdict = accepted(closed(`90 0f 84 ${le32(8192 - 4096 - 7)}`));
    assert.deepEqual([...verdict.externalBranches], [3, 8]);
    assert.equal(verdict.usesX87, false);
    assert.equal(accepted(closed(`64 c6 04 25 {84} 01 d9 e8`)).usesX87, true);
  });

  test('with the offset of the instruction that is wrong', () => {
    const verdict = verifier.verifyUnit(closed('90 90 c3'), PLACE);
    assert.deepEqual(verdict, { ok: false, offset: 2, reason: 'forbidden', text: RULES.forbidden });
  });
});

test('one verifier serves many units and places', () => {
  accepted(closed('90'));
  const moved = { ...PLACE, tlsDisplacement: -64 };
  const spill = `64 48 89 0c 25 ${le32(-64)}`;
  assert.ok(verifier.verifyUnit(closed(spill), moved).ok);
  assert.ok(!verifier.verifyUnit(closed(spill), PLACE).ok);
  accepted(closed('64 48 89 0c 25 {0}'));
});
