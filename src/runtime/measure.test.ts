import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { nodeCrypto } from '../host/crypto.ts';
import { runtimeFiles } from '../host/runtime-files.ts';
import { measureRuntime } from './measure.ts';

const file = (name: string, text: string) => ({ name, read: () => new TextEncoder().encode(text) });

test('measureRuntime() hashes the lines that sha256sum prints', () => {
  const sum = (text: string) => createHash('sha256').update(text).digest('hex');
  const lines = `${sum('one')}  a.ts\n${sum('two')}  b.ts\n`;
  assert.deepEqual(
    Buffer.from(measureRuntime([file('a.ts', 'one'), file('b.ts', 'two')], nodeCrypto)),
    createHash('sha256').update(`cloister.runtime-measurement.v1\0${lines}`).digest(),
  );
});

test('measureRuntime() changes with every name and every content', () => {
  const of = (...files: { name: string; read: () => Uint8Array }[]) =>
    Buffer.from(measureRuntime(files, nodeCrypto)).toString('hex');
  const digests = [
    of(file('a', 'x')),
    of(file('a', 'y')),
    of(file('b', 'x')),
    of(file('a', 'x'), file('b', 'x')),
    of(file('b', 'x'), file('a', 'x')),
  ];
  assert.equal(new Set(digests).size, digests.length);
});

test('runtimeFiles() names sources, lock file and node, and no tests', () => {
  const names = runtimeFiles().map(({ name }) => name);
  assert.ok(names.includes('src/cpu/verify/verifier.ts'));
  assert.ok(names.includes('package-lock.json'));
  assert.equal(names.at(-1), 'node');
  assert.ok(!names.some((name) => name.includes('.test.') || name.includes('/testing/')));
});
