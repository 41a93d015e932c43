import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format, inspect } from 'node:util';
import { Secret } from './secret.ts';

const text = 'correct horse battery staple';
const make = () => {
  const bytes = new TextEncoder().encode(text);
  return { bytes, secret: new Secret(bytes) };
};

test('a secret reads zeros after dispose, and may not be used any more', () => {
  const { bytes, secret } = make();
  assert.equal(
    secret.use((b) => new TextDecoder().decode(b)),
    text,
  );
  secret[Symbol.dispose]();
  assert.deepEqual(bytes, new Uint8Array(text.length));
  assert.throws(() => secret.use((b) => b.length), /disposed/);
});

test('no way of turning it into text shows a secret', () => {
  const { secret } = make();
  const holder = { key: secret, list: [secret] };
  const shown = [
    String(secret),
    `${secret}`,
    JSON.stringify(holder),
    inspect(holder, { showHidden: true, depth: 9 }),
    format('%s %o %j', secret, secret, holder),
    String(new Error(`failed with ${secret}`)),
    Object.values(secret).join(),
  ].join('\n');
  assert.ok(!shown.includes('horse'));
  assert.ok(!shown.includes('99, 111, 114'), 'nor its bytes');
});
