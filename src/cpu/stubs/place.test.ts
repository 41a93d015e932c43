import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { FIXED } from './compiled.table.ts';
import { placeProbe, placeStubs } from './place.ts';
import { assembleProbe, assembleStubs } from './stubs.ts';
import { compileStubs } from './templates.ts';

const address = (grain: number) =>
  fc.integer({ min: 2 ** 33 / grain, max: 2 ** 47 / grain - 2 ** 20 }).map((n) => n * grain);
const addresses = fc.record({
  origin: address(4096),
  mailbox: address(4096),
  tlsDisplacement: fc.integer({ min: -8191, max: -64 }).map((n) => n * 8),
  hasAvx512: fc.boolean(),
  hasFsgsbase: fc.boolean(),
});

test('the stored stubs are those that the sources make', () => {
  const stored = readFileSync(new URL('compiled.table.ts', import.meta.url), 'utf8');
  assert.ok(stored === compileStubs(FIXED), 'stale: npm run stubs');
});

test('placeStubs() gives what assembling for the same addresses gives', () => {
  fc.assert(
    fc.property(addresses, ({ origin, ...rest }) => {
      const { codeBytes, codeStart, tickSignal } = FIXED;
      const config = { ...rest, origin, codeEnd: origin + codeBytes, codeStart, tickSignal };
      assert.deepEqual(placeStubs(config), assembleStubs(config));
      assert.deepEqual(placeProbe(origin, rest.mailbox), assembleProbe(origin, rest.mailbox));
    }),
    { numRuns: 20 },
  );
});

test('placeStubs() refuses a layout that the stubs were not made for', () => {
  const { codeStart, tickSignal } = FIXED;
  const config = { origin: 2 ** 40, codeEnd: 2 ** 40 + 2 ** 20, codeStart, tickSignal };
  const more = { mailbox: 2 ** 41, tlsDisplacement: -4096, hasAvx512: false, hasFsgsbase: false };
  assert.throws(() => placeStubs({ ...config, ...more }), /npm run stubs/);
});
