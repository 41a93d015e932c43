import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { cloisterJsonSchema } from './testing/json-schema.ts';

test('schema/cloister.schema.json is what the parser checks (node scripts/schema.ts writes it)', () => {
  const published = JSON.parse(readFileSync('schema/cloister.schema.json', 'utf8'));
  assert.deepEqual(published, JSON.parse(cloisterJsonSchema()));
});
