import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import { mutate, parserTargets } from './testing/parser-fuzz.ts';

test('no input makes a parser of the volume throw or run away', () => {
  const random = new SeededRandom(99);
  for (const { name, seed, parse } of parserTargets())
    for (let i = 0; i < 2000; i++) {
      const bytes = mutate(seed, random);
      assert.doesNotThrow(() => parse(bytes), `${name} ${i}`);
    }
});

test('what is encoded decodes to the same', () => {
  for (const { name, seed, parse } of parserTargets())
    if (name !== 'superblock') assert.notEqual(parse(seed), undefined, name);
});
