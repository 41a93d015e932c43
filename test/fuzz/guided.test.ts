import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SeededRandom } from '../../src/base/random.ts';
import { Coverage } from './coverage.ts';
import { Finding, GuidedFuzz, type GuidedTarget } from './guided.ts';
import { guidedTargets } from './parser-targets.ts';

test('what earlier searches kept is parsed without a fault', () => {
  const folder = new URL('./corpus/', import.meta.url).pathname;
  for (const { name, parse } of guidedTargets()) {
    if (!existsSync(join(folder, name))) continue;
    for (const file of readdirSync(join(folder, name)))
      parse(new Uint8Array(readFileSync(join(folder, name, file))));
  }
});

test('coverage leads through three nested checks to a planted fault (canary)', async () => {
  using coverage = new Coverage((url) => url.endsWith('/planted.ts'));
  const { planted } = await import('./planted.ts');
  const target: GuidedTarget = { name: 'planted', seeds: [new Uint8Array(8)], parse: planted };
  const random = new SeededRandom(3);
  const fuzz = new GuidedFuzz(target, coverage, random, () => 0);
  fuzz.load([]);
  assert.throws(() => {
    for (let round = 0; round < 300; round++) fuzz.step();
  }, Finding);
  assert.ok(fuzz.corpus.length >= 3, 'each check that was passed left an input');
});
