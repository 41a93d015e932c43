import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostAddr } from '../../base/brand.ts';
import { SeededRandom } from '../../base/random.ts';
import { Arena } from '../translate/arena.ts';
import { Translator } from '../translate/translate.ts';
import { plainUnit, type Unit } from '../translate/unit.ts';
import { CodeCache } from './code-cache.ts';
import { fakeCodeHost } from './testing/fake-code-host.ts';
import { encodeTranslations, sourceOfBytes, TranslationFile, VERSION } from './translation-file.ts';
import { type TranslationStorage, UnitStore } from './unit-store.ts';

/** push rbp; mov eax, [rip+0]; call +0; jne +0; rep movsb; ret */
const CODE = [
  ...[0x55, 0x8b, 0x05, 0, 0, 0, 0, 0xe8, 0, 0, 0, 0],
  ...[0x0f, 0x85, 0x40, 0, 0, 0, 0xf3, 0xa4, 0xc3],
];
const BASE = 0x400000;
const AT = 0x1000;
const TLS = -1408;
/** Of the fake host. */
const FAKE_TLS = -256;
const KEY = 'module';

/** `code` at `AT` of a module at `base`. */
function loaded(code: readonly number[], base: number, key: string | undefined = KEY) {
  const page = new Uint8Array(4096);
  page.set(code);
  const rip = base + AT;
  return {
    fetchPage(number: number, target: Uint8Array) {
      if (number !== rip / 4096) return false;
      target.set(page);
      return true;
    },
    matches({ ranges, source }: Unit) {
      let at = 0;
      for (let n = 0; n < ranges.length; n += 2)
        for (let k = 0; k < ranges[n + 1]!; k++)
          if (page[ranges[n]! + k - rip] !== source[at++]) return false;
      return true;
    },
    moduleAt: () => (key === undefined ? undefined : { key, base }),
    isSelfChecking: () => false,
  };
}

const limits = { maxInstructions: 100, isEntry: () => false };

function unitAt(base: number, tls = TLS, address = AT) {
  const made = new Translator(tls).translate(loaded(CODE, base), base + address, limits);
  assert.ok(made);
  return made;
}

function fileBytes(): Uint8Array {
  const bytes = encodeTranslations([{ unit: unitAt(BASE), base: BASE }], TLS);
  assert.ok(bytes);
  return bytes;
}

function open(bytes: Uint8Array): TranslationFile {
  const file = TranslationFile.open(sourceOfBytes(bytes));
  assert.ok(typeof file === 'object', String(file));
  return file;
}

test('a unit comes back from a file as the translator makes it there', () => {
  const file = open(fileBytes());
  for (const [base, tls] of [
    [BASE, TLS],
    [0x7000_0000, -256],
    [0x1_0000, -4096],
  ] as const) {
    const after = file.unit(AT, base, tls, new Arena());
    const expected = unitAt(base, tls);
    assert.ok(after);
    assert.deepEqual(plainUnit(after, {}), plainUnit(expected, {}));
  }
});

test('a unit is not offered at or beyond 2 GiB, or where there is none', () => {
  const file = open(fileBytes());
  assert.equal(file.unit(AT, 0x7fff_f000, TLS, new Arena()), undefined);
  assert.equal(file.unit(AT + 1, BASE, TLS, new Arena()), undefined);
  // Behind the call control may come from elsewhere: the unit is found from there, too.
  assert.equal(file.unit(AT + 12, BASE, TLS, new Arena())?.rip, BASE + AT);
  const high = 0x8000_0000;
  assert.equal(encodeTranslations([{ unit: unitAt(high), base: high }], TLS), undefined);
});

test('the same units give the same bytes in any order, at any base, with any older file', () => {
  const addresses = [AT, AT + 1, AT + 7];
  const all = (base: number, tls: number) =>
    addresses.map((address) => ({ unit: unitAt(base, tls, address), base }));
  const bytes = encodeTranslations(all(BASE, TLS), TLS);
  assert.ok(bytes);
  assert.deepEqual(encodeTranslations(all(0x5000_0000, -8).reverse(), -8), bytes);
  const older = encodeTranslations(all(BASE, TLS).slice(0, 2), TLS);
  assert.ok(older);
  assert.deepEqual(encodeTranslations(all(BASE, TLS).slice(1), TLS, open(older)), bytes);
});

test('a file cut short, of another kind or version, is refused with a reason', () => {
  const bytes = fileBytes();
  for (let length = 0; length < bytes.length; length++)
    assert.equal(typeof TranslationFile.open(sourceOfBytes(bytes.slice(0, length))), 'string');
  const words = new Uint32Array(bytes.buffer, 0, 6);
  words[3] = VERSION + 1;
  assert.match(String(TranslationFile.open(sourceOfBytes(bytes))), /translator/);
  words[3] = VERSION;
  words[2] = 99;
  assert.match(String(TranslationFile.open(sourceOfBytes(bytes))), /format/);
  assert.match(String(TranslationFile.open(sourceOfBytes(new Uint8Array(64)))), /no translations/);
});

/** A store over one file, and what it is told. */
function storeOf(bytes: Uint8Array | undefined, host = fakeCodeHost()) {
  const refused: string[] = [];
  const saved: Uint8Array[] = [];
  const storage: TranslationStorage = {
    load: (key) => (key === KEY && bytes ? sourceOfBytes(bytes) : undefined),
    save: (_key, written) => void saved.push(written),
    refuse: (key, reason) => void refused.push(`${key}: ${reason}`),
  };
  const cache = new CodeCache(host);
  cache.store.useStorage(storage);
  return { cache, domain: cache.createDomain(), refused, saved };
}

test('a mutated file gives refusals or units that the code verifier accepts, never an error', () => {
  const original = fileBytes();
  const random = new SeededRandom(5);
  const host = fakeCodeHost();
  const tables = host.createTables(0 as HostAddr, 0 as HostAddr);
  const describer = new Translator(FAKE_TLS);
  const quick = { ...host, createTables: () => tables };
  const counts = { none: 0, placed: 0, refused: 0 };
  for (let n = 0; n < original.length; n++) {
    const bytes = original.slice();
    bytes[n]! ^= random.below(255) + 1;
    const { cache, domain, refused } = storeOf(bytes, quick);
    const placed = cache.addStored(BASE + AT, domain, loaded(CODE, BASE));
    assert.ok(refused.length <= 1, 'at most one line');
    if (placed) {
      counts.placed++;
      // What only faults ask for may not be found, but it can be looked for.
      describer.describe(placed.unit);
    } else counts[refused.length > 0 ? 'refused' : 'none']++;
  }
  assert.ok(counts.none > 0 && counts.placed > 0 && counts.refused > 0, JSON.stringify(counts));
});

test('find() gives a unit only for the source bytes that it was made from', () => {
  const { cache, domain } = storeOf(fileBytes());
  const changed = [...CODE];
  changed[1] = 0x89;
  assert.equal(cache.store.find(BASE + AT, loaded(changed, BASE)), undefined);
  assert.equal(cache.store.find(BASE + AT + 1, loaded(CODE, BASE)), undefined);
  assert.equal(cache.store.find(BASE + AT, loaded(CODE, BASE, 'another')), undefined);
  assert.equal(new UnitStore(TLS).find(BASE + AT, loaded(CODE, BASE)), undefined);
  assert.ok(cache.addStored(BASE + AT, domain, loaded(CODE, BASE)));
});

test('a unit that the code verifier refuses turns its file off, with one line', () => {
  const bytes = fileBytes();
  // The host code is what stands before the details: make its first byte a `ret`.
  const { bytes: code } = open(bytes).unit(AT, 0, 0, new Arena()) ?? assert.fail();
  const at = Buffer.from(bytes).indexOf(code);
  assert.ok(at > 0);
  bytes[at] = 0xc3;
  const { cache, domain, refused } = storeOf(bytes);
  for (const key of ['one', 'two'])
    assert.equal(cache.addStored(BASE + AT, domain, loaded(CODE, BASE)), undefined, key);
  assert.equal(refused.length, 1);
  assert.match(refused[0]!, /code verifier/);
});

test('keep() writes the modules for which a run had to translate enough', () => {
  const { cache, domain, saved } = storeOf(undefined);
  const place = { key: KEY, base: BASE };
  for (let n = 0; n < 40; n++) {
    const unit = plainUnit(unitAt(BASE, FAKE_TLS), { rip: BASE + AT + n });
    cache.addFresh(unit, domain, n < 20 ? place : n < 30 ? { ...place, key: 'small' } : undefined);
    if (n === 10) cache.store.keep();
    if (n === 10) assert.equal(saved.length, 0);
  }
  cache.store.keep();
  cache.store.keep();
  assert.equal(saved.length, 1, 'the small one is not worth it');
  assert.equal(open(saved[0]!).size, 20);
});
