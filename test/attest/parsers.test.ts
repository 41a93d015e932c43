import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../src/base/random.ts';
import { fuzzParsers, run, targets } from './parser-targets.ts';

test('damaged inputs give a value or a refusal, never another error', (t) => {
  const count = fuzzParsers(5, new SeededRandom(42), () => performance.now());
  t.diagnostic(`${count} inputs`);
  assert.ok(count > 1000);
});

test('nested, huge and empty inputs are refused', () => {
  const shapes = [
    new Uint8Array(0),
    new TextEncoder().encode('['.repeat(200_000)),
    new TextEncoder().encode('{"a":'.repeat(50_000)),
    new Uint8Array(100_000).fill(0x81),
    new Uint8Array(100_000).fill(0x30),
    new Uint8Array(100_000).fill(0x9f),
    new Uint8Array(100_000).fill(0xff),
    Uint8Array.of(0xbb, 255, 255, 255, 255, 255, 255, 255, 255),
    Uint8Array.of(0x9a, 255, 255, 255, 255),
    new TextEncoder().encode('&a [*a, *a]'),
    new TextEncoder().encode(`format: ${'[a, '.repeat(5000)}`),
  ];
  for (const target of targets())
    for (const shape of shapes) assert.equal(run(target, shape), undefined);
});

test('the oracle sees an untyped error', () => {
  const broken = {
    name: 'broken',
    seeds: [],
    parse: () => {
      throw new TypeError('oops');
    },
  };
  assert.match(run(broken, new Uint8Array(1)) ?? '', /TypeError: oops/);
});
