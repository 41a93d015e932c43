import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TABLE_ENTRIES } from '../sandbox/layout.ts';
import { TARGET } from '../sandbox/macros.ts';
import { Translator } from '../translate/translate.ts';
import { plainUnit, type Unit } from '../translate/unit.ts';
import { CodeCache } from './code-cache.ts';
import type { PlacedUnit } from './domain.ts';
import { fakeCodeHost } from './testing/fake-code-host.ts';

const RIP = 0x402008;
const INDEX = RIP & (TABLE_ENTRIES - 1);
/** Of a thunk: behind load, lea, jrcxz and E9. */
const JUMP = { return: 3 + 17, jump: 1 + 19 } as const;

function setUp() {
  const host = fakeCodeHost();
  const cache = new CodeCache(host);
  const domain = cache.createDomain();
  const translator = new Translator(host.tlsDisplacement);
  const { space } = cache;
  const code = new DataView(host.code.bytes.buffer, host.code.bytes.byteOffset);
  return {
    ...{ cache, domain },
    /** A landing for the `n`-th address with the index. */
    thunk(n: number, kind: 'return' | 'jump', changes: Partial<Unit> = {}): PlacedUnit {
      const unit = translator.landingThunk(RIP + n * TABLE_ENTRIES, kind);
      return cache.add(plainUnit(unit, changes), domain);
    },
    head(kind: 'return' | 'jump'): number {
      const { returns, jumps } = domain.tables;
      return space.offsetOf((kind === 'return' ? returns : jumps)[INDEX]!);
    },
    /** Where the landing goes when it is not meant. */
    next(placed: PlacedUnit, kind: 'return' | 'jump'): number {
      const at = placed.offset + JUMP[kind];
      return at + 4 + code.getInt32(at, true);
    },
    landing: (placed: PlacedUnit, kind: 'return' | 'jump') =>
      placed.offset + (kind === 'return' ? 3 : 1),
    miss: (kind: 'return' | 'jump') =>
      space.targetOffset(kind === 'return' ? TARGET.missReturn : TARGET.missJump),
  };
}

for (const kind of ['return', 'jump'] as const) {
  test(`landings of one index lead to each other, newest first (${kind})`, () => {
    const { domain, thunk, head, next, landing, miss } = setUp();
    const units = [0, 1, 2, 3, 4].map((n) => thunk(n, kind));
    for (const n of units.keys()) assert.equal(domain.learn(RIP + n * TABLE_ENTRIES, kind), true);
    assert.equal(head(kind), landing(units[4]!, kind));
    for (const n of [4, 3, 2]) assert.equal(next(units[n]!, kind), landing(units[n - 1]!, kind));
    // Four at most: the oldest is left out.
    assert.equal(next(units[1]!, kind), miss(kind));
    assert.equal(next(units[0]!, kind), miss(kind));
    // What is led to already stays where it is.
    assert.equal(domain.learn(RIP + 2 * TABLE_ENTRIES, kind), true);
    assert.equal(head(kind), landing(units[4]!, kind));
    assert.equal(domain.learn(RIP, kind), true);
    assert.equal(next(units[0]!, kind), landing(units[4]!, kind));
    assert.equal(next(units[2]!, kind), miss(kind));
  });

  test(`a dropped landing is led to by nothing (${kind})`, () => {
    const { domain, thunk, head, next, landing, miss } = setUp();
    const units = [0, 1, 2].map((n) => thunk(n, kind));
    for (const n of units.keys()) domain.learn(RIP + n * TABLE_ENTRIES, kind);
    domain.drop(units[1]!);
    assert.equal(head(kind), miss(kind));
    for (const unit of units) assert.equal(next(unit, kind), miss(kind));
    assert.equal(domain.learn(RIP + TABLE_ENTRIES, kind), false);
    domain.learn(RIP, kind);
    domain.learn(RIP + 2 * TABLE_ENTRIES, kind);
    assert.equal(head(kind), landing(units[2]!, kind));
    assert.equal(next(units[2]!, kind), landing(units[0]!, kind));
    domain.drop(units[2]!);
    assert.equal(head(kind), miss(kind));
  });
}

test('what does not look like a landing is never redirected, whatever a unit says of it', () => {
  const { domain, thunk, head, next, landing, miss } = setUp();
  const first = thunk(0, 'return');
  domain.learn(RIP, 'return');
  // A start of the unit, but behind the load.
  const rip = RIP + TABLE_ENTRIES;
  const odd = thunk(1, 'return', { returns: Uint32Array.of(rip, 10) });
  assert.equal(domain.learn(rip, 'return'), true);
  assert.equal(head('return'), odd.offset + 10);
  assert.equal(next(odd, 'return'), miss('return'));
  // As the last of a chain it may stand.
  const third = thunk(2, 'return');
  domain.learn(RIP + 2 * TABLE_ENTRIES, 'return');
  assert.equal(next(third, 'return'), odd.offset + 10);
  domain.learn(RIP, 'return');
  assert.equal(next(first, 'return'), landing(third, 'return'));
  domain.drop(odd);
  assert.equal(head('return'), miss('return'));
  assert.equal(next(third, 'return'), miss('return'));
});
