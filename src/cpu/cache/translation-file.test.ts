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

test('the same units give the same bytes in any order, at any base', () => {
  const addresses = [AT, AT + 1, AT + 7];
  const all = (base: number, tls: number) =>
    addresses.map((address) => ({ unit: unitAt(base, tls, address), base }));
  const bytes = encodeTranslations(all(BASE, TLS), TLS);
  assert.ok(bytes);
  assert.deepEqual(encodeTranslations(all(0x5000_0000, -8).reverse(), -8), bytes);
});

test('units of older files follow: what was used first, then what is new, then their order', () => {
  const fileOf = (addresses: readonly number[], ...more: [TranslationFile[]?, number[]?]) => {
    const units = addresses.map((address) => ({ unit: unitAt(BASE, TLS, address), base: BASE }));
    return open(encodeTranslations(units, TLS, ...more) ?? assert.fail());
  };
  const older = fileOf([AT + 7, AT, AT + 12], [], [AT + 12, AT + 99, AT]);
  assert.deepEqual([...older.addressesInOrder()], [AT + 12, AT, AT + 7]);
  assert.deepEqual([...older.addresses()], [AT, AT + 7, AT + 12]);
  const oldest = fileOf([AT, AT + 18, AT + 12], [], [AT + 18]);
  const newer = fileOf([AT + 1, AT + 7], [older, oldest], [AT + 7]);
  assert.equal(encodeTranslations([], TLS, [older]), undefined, 'nothing new');
  assert.deepEqual([...newer.addressesInOrder()], [AT + 7, AT + 1, AT + 12, AT, AT + 18]);
  for (const file of [older, newer])
    for (const address of file.addresses()) {
      const unit = file.unit(address, BASE, TLS, new Arena());
      assert.ok(unit);
      assert.deepEqual(plainUnit(unit, {}), plainUnit(unitAt(BASE, TLS, address), {}));
    }
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
    save: (_key, written) => void (written && saved.push(written)),
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

test('keep() writes what a run had to translate, beside the file of its module when it is little', () => {
  const files = new Map<string, Uint8Array>();
  const log: string[] = [];
  const storage: TranslationStorage = {
    load: (key) => {
      const bytes = files.get(key);
      return bytes && sourceOfBytes(bytes);
    },
    save: (key, bytes) => {
      log.push(`${key}: ${bytes ? open(bytes).size : 'none'}`);
      if (bytes) files.set(key, bytes);
      else files.delete(key);
    },
    refuse: (key, reason) => assert.fail(`${key}: ${reason}`),
  };
  /** A run that needs the units at these distances from the module's first. */
  const run = (from: number, to: number): number => {
    const cache = new CodeCache(fakeCodeHost());
    const domain = cache.createDomain();
    const { store } = cache;
    store.useStorage(storage);
    for (let n = from; n < to; n++) {
      const rip = BASE + AT + 64 * n;
      if (store.find(rip, { ...loaded(CODE, BASE), matches: () => true })) continue;
      const unit = plainUnit(unitAt(BASE, FAKE_TLS), { rip, leaders: new Uint32Array() });
      cache.addFresh(unit, domain, { key: KEY, base: BASE });
      cache.addFresh(plainUnit(unit, { rip: rip + 1 }), domain, undefined);
    }
    store.keep();
    store.keep();
    return store.loaded;
  };
  assert.equal(run(0, 100), 0);
  assert.equal(run(0, 100), 100);
  assert.equal(run(50, 103), 50);
  assert.equal(run(90, 109), 13);
  assert.equal(run(80, 110), 29);
  assert.equal(run(100, 120), 10);
  assert.equal(run(0, 120), 120);
  const saved = ['module: 100', 'module and more: none', 'module and more: 3'];
  saved.push('module and more: 9', 'module and more: 10', 'module: 120', 'module and more: none');
  assert.deepEqual(log, saved);
});

test('units are read ahead in the order in which an earlier run needed them, while that is right', () => {
  const RET = 0xc3;
  const COUNT = 40;
  const code = new Array<number>(16 * COUNT).fill(RET);
  const place = (n: number) => BASE + AT + 16 * n;
  /** An order that is not that of addresses. */
  const order = Array.from({ length: COUNT }, (_, n) => (n * 7) % COUNT);
  const translator = new Translator(FAKE_TLS);
  const units = order.map((n) => {
    const unit = translator.translate(loaded(code, BASE), place(n), limits);
    assert.ok(unit);
    return { unit, base: BASE };
  });
  const used = order.map((n) => AT + 16 * n);
  const bytes = encodeTranslations(units, FAKE_TLS, [], used);
  assert.ok(bytes);
  /** Needs them in that order: how many were not there yet, and which came unasked. */
  const run = (needed: readonly number[]): { missed: number; ahead: readonly number[] } => {
    const { cache, domain } = storeOf(bytes);
    const ahead: number[] = [];
    let missed = 0;
    for (const n of needed) {
      if (domain.hasEntry(place(n))) continue;
      missed++;
      const tell = ({ unit }: { unit: Unit }) => ahead.push(unit.rip);
      assert.ok(cache.addStored(place(n), domain, loaded(code, BASE), tell));
    }
    return { missed, ahead };
  };
  const { missed, ahead } = run(order.slice(0, 32));
  assert.equal(missed, 5);
  assert.equal(new Set(ahead).size, ahead.length);
  assert.ok(ahead.every((rip) => order.some((n) => place(n) === rip)));
  // A program that needs every third one, backwards: nothing is read in vain.
  const backwards = order.filter((_, n) => n % 3 === 0).reverse();
  assert.deepEqual(run(backwards), { missed: backwards.length, ahead: [] });
});
