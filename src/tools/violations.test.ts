import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import { sourceOfBytes, TranslationFile } from '../cpu/cache/translation-file.ts';
import { Arena } from '../cpu/translate/arena.ts';
import { pretranslate } from '../runtime/pretranslate.ts';
import { everyRewrite } from './testing/small-program.ts';
import { examine, examineUnit } from './violations.ts';

const PLACE = { placement: 0x10000, tlsDisplacement: -256, isTarget: () => false };
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

test('each rule that is broken is named once, the first first, with the code around', () => {
  // mov rax,[rax]; mov rax,gs:[rax]; push rax; jmp to far outside
  const { verdict, violations } = examine(bytesOf('488b0065488b0050e900000100'), PLACE);
  assert.equal(verdict.ok, false);
  assert.deepEqual(
    violations.map(({ reason, offset }) => [reason, offset]),
    [
      ['gs-missing', 0],
      ['address-size', 0],
      ['forbidden', 7],
      ['branch-external', 8],
    ],
  );
  const [first, , third] = violations;
  assert.deepEqual(first?.code[0], {
    offset: 0,
    bytes: '48 8b 00',
    text: 'mov rax,QWORD PTR [rax]',
  });
  assert.deepEqual(
    third?.code.map(({ offset }) => offset),
    [0, 3, 7, 8],
  );
});

test('what does not decode ends the search', () => {
  const { violations } = examine(bytesOf('488b00d6ebfe'), PLACE);
  assert.deepEqual(
    violations.map(({ reason }) => reason),
    ['gs-missing', 'address-size', 'unknown'],
  );
});

test('every unit of a translation file is accepted as the cache would place it', () => {
  const made = pretranslate(everyRewrite());
  assert.ok(made);
  const file = TranslationFile.open(sourceOfBytes(made.bytes));
  assert.ok(typeof file === 'object' && file.size > 0);
  for (const address of file.addresses()) {
    const unit = file.unit(address, 0, 0, new Arena());
    assert.ok(unit);
    const { verdict, violations } = examineUnit(unit);
    assert.ok(verdict.ok, JSON.stringify(violations));
  }
});

test('any bytes are examined to an end', () => {
  const random = new SeededRandom(11);
  for (let n = 0; n < 40; n++) {
    const bytes = new Uint8Array(1 + random.below(60));
    for (let at = 0; at < bytes.length; at++) bytes[at] = random.below(256);
    const { verdict, violations } = examine(bytes, PLACE);
    assert.equal(verdict.ok, violations.length === 0);
  }
});
