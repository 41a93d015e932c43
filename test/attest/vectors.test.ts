import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VectorSet } from '../vectors/run-index.ts';

const INDEX = new URL('../vectors/attestation/index.json', import.meta.url).pathname;

test('every vector and mutation gives the verdict of its index', async (t) => {
  let cases = 0;
  for await (const result of new VectorSet(INDEX).run()) {
    cases++;
    const { expected, given } = result;
    assert.ok(result.passed, `${result.name}: ${JSON.stringify({ expected, given })}`);
  }
  t.diagnostic(`${cases} cases`);
  assert.ok(cases >= 190);
});
