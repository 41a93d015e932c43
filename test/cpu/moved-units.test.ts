/** Translations of real code: moved to another base, they are what the translator makes there. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { SeededRandom } from '../../src/base/random.ts';
import { moveBytes } from '../../src/cpu/cache/move-unit.ts';
import {
  encodeTranslations,
  sourceOfBytes,
  TranslationFile,
} from '../../src/cpu/cache/translation-file.ts';
import { Arena } from '../../src/cpu/translate/arena.ts';
import { Translator } from '../../src/cpu/translate/translate.ts';
import { plainUnit } from '../../src/cpu/translate/unit.ts';
import { loadedCode } from '../isolation/real-units.ts';

const LIBC = '/lib/x86_64-linux-gnu/libc.so.6';
const skip = existsSync(LIBC) ? false : `no ${LIBC}`;
const FROM = { base: 0x1000_0000, tls: -1408 };
const TO = { base: 0x7412_3000, tls: -4096 };

test('a unit moved is the unit translated there', { skip }, () => {
  const here = loadedCode(LIBC, FROM.base);
  const there = loadedCode(LIBC, TO.base);
  const [one, other] = [new Translator(FROM.tls), new Translator(TO.tls)];
  const limits = { maxInstructions: 200, isEntry: () => false };
  let moved = 0;
  for (let n = 0; n < here.functions.length; n += 3) {
    const unit = one.translate(here.source, here.functions[n]!, limits);
    const expected = other.translate(there.source, there.functions[n]!, limits);
    assert.ok(unit && expected);
    assert.equal(unit.isMovable, expected.isMovable);
    if (!unit.isMovable) continue;
    moved++;
    const bytes = unit.bytes.slice();
    assert.ok(moveBytes(bytes, unit.places, TO.base - FROM.base, TO.tls - FROM.tls));
    assert.deepEqual(bytes, expected.bytes, `the function at ${here.functions[n]! - FROM.base}`);
  }
  assert.ok(moved > 500, `${moved} units`);
});

test('an address that would leave the lower 2 GiB, or lies outside, is refused', () => {
  const places = Uint32Array.of(4 << 2);
  const bytes = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x70);
  assert.equal(moveBytes(bytes.slice(), places, 0x0fff_ffff, 0), true);
  assert.equal(moveBytes(bytes.slice(), places, 0x1000_0000, 0), false);
  assert.equal(moveBytes(bytes.slice(), places, -0x7000_0001, 0), false);
  assert.equal(moveBytes(bytes.slice(), Uint32Array.of(5 << 2), 0, 0), false);
});

test('units kept in a file are those that the translator makes elsewhere', { skip }, () => {
  const here = loadedCode(LIBC, FROM.base);
  const there = loadedCode(LIBC, TO.base);
  const [one, other] = [new Translator(FROM.tls), new Translator(TO.tls)];
  const limits = { maxInstructions: 200, isEntry: () => false };
  const chosen = here.functions.flatMap((_, n) => (n % 5 === 0 ? [n] : []));
  const units = chosen.map((n) => {
    const unit = one.translate(here.source, here.functions[n]!, limits);
    assert.ok(unit);
    return { unit, base: FROM.base };
  });
  const bytes = encodeTranslations(units, FROM.tls);
  assert.ok(bytes);
  const file = TranslationFile.open(sourceOfBytes(bytes));
  assert.ok(typeof file === 'object');
  for (const n of chosen) {
    const expected = other.translate(there.source, there.functions[n]!, limits);
    const address = there.functions[n]! - TO.base;
    const kept = file.unit(address, TO.base, TO.tls, new Arena());
    assert.ok(expected);
    if (!expected.isMovable || expected.ranges.length === 0) continue;
    assert.ok(kept, `the function at ${address}`);
    // Pages that were looked at without taking anything from them are not kept.
    assert.deepEqual(plainUnit(kept, {}), plainUnit(expected, { pages: kept.pages }));
    const details = other.describe(kept);
    assert.equal(details?.rips.length, kept.instructionCount);
    assert.deepEqual(details, other.describe(expected));
    assert.ok(kept.pages.every((page) => expected.pages.includes(page)));
  }
});

test('every unit can be described from its source, wherever it had to end', { skip }, () => {
  const { source, functions } = loadedCode(LIBC, FROM.base);
  const translator = new Translator(FROM.tls);
  const random = new SeededRandom(7);
  for (const rip of functions) {
    const others = random.below(16);
    const isEntry = (at: number) => others > 8 && (at * 0x9e37) % 16 === others;
    const unit = translator.translate(source, rip, {
      maxInstructions: 4 + random.below(90),
      isEntry,
    });
    if (!unit) continue;
    const details = translator.describe(unit);
    assert.ok(details, `the unit at ${rip - FROM.base}`);
    const { rips, offsets } = details;
    assert.equal(rips.length, unit.instructionCount);
    assert.ok(offsets.every((at, n) => n === 0 || at >= offsets[n - 1]!));
    assert.equal(offsets[rips.indexOf(rip)] ?? 0, unit.instructionCount > 0 ? unit.entryAt : 0);
  }
  assert.ok(functions.length > 1000);
});
