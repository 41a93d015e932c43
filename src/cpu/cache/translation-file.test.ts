import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Translator } from '../translate/translate.ts';
import { encodeTranslations, TranslationFile } from './translation-file.ts';
import { UnitStore } from './unit-store.ts';

/** push rbp; mov eax, [rip+0]; call +0; ret */
const CODE = [0x55, 0x8b, 0x05, 0, 0, 0, 0, 0xe8, 0, 0, 0, 0, 0xc3];
const RIP = 0x401000;
const TLS = -1408;

function pageOf(code: readonly number[]) {
  const page = new Uint8Array(4096);
  page.set(code);
  return {
    fetchPage(number: number, target: Uint8Array) {
      if (number !== RIP / 4096) return false;
      target.set(page);
      return true;
    },
    matches: (addr: number, bytes: Uint8Array) =>
      bytes.every((byte, n) => page[addr - RIP + n] === byte),
  };
}

const limits = { maxInstructions: 100, isEntry: () => false };

function unit() {
  const made = new Translator(TLS).translate(pageOf(CODE), RIP, limits);
  assert.ok(made);
  return made;
}

test('a unit comes back from a file as it went in', () => {
  const before = unit();
  const bytes = encodeTranslations({ tlsDisplacement: TLS, bases: { m: 0x1000 }, units: [before] });
  const file = TranslationFile.open(bytes, TLS);
  assert.ok(file);
  assert.deepEqual(file.bases, { m: 0x1000 });
  const after = file.unit(RIP);
  assert.ok(after);
  for (const key of Object.keys(before) as (keyof typeof before)[])
    assert.deepEqual(after[key], before[key], key);
});

test('a file of another thread-local layout, or cut short, is refused', () => {
  const bytes = encodeTranslations({ tlsDisplacement: TLS, bases: {}, units: [unit()] });
  assert.equal(TranslationFile.open(bytes, TLS - 8), undefined);
  for (let length = 0; length < bytes.length; length += 4)
    assert.equal(TranslationFile.open(bytes.slice(0, length), TLS), undefined);
});

test('find() gives a unit only for the source bytes that it was made from', () => {
  const bytes = encodeTranslations({ tlsDisplacement: TLS, bases: {}, units: [unit()] });
  const store = new UnitStore();
  const file = TranslationFile.open(bytes, TLS);
  assert.ok(file);
  store.useFile(file);
  assert.ok(store.find(RIP, pageOf(CODE)));
  const changed = [...CODE];
  changed[12] = 0xcc;
  assert.equal(store.find(RIP, pageOf(changed)), undefined);
  assert.equal(store.find(RIP + 1, pageOf(CODE)), undefined);
});
