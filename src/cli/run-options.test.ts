import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBytes, parseEnv, parseMount, parseUser, parseVolume } from './run-options.ts';

test('parseVolume() reads HOST:GUEST and its mode', () => {
  assert.deepEqual(parseVolume('/a:/b'), { hostPath: '/a', guestPath: '/b', readOnly: false });
  assert.deepEqual(parseVolume('/a:/b:ro').readOnly, true);
  assert.throws(() => parseVolume('/a'), /expected HOST:GUEST/);
  assert.throws(() => parseVolume('/a:b'), /absolute/);
  assert.throws(() => parseVolume('/a:/b:rx'), /ro or rw/);
});

test('parseMount() takes sealed volumes only and names unknown fields', () => {
  const mount = parseMount('type=sealed,source=/v,target=/data,key-file=k');
  assert.equal(mount.target, '/data');
  assert.equal(mount.keyFile, 'k');
  assert.throws(() => parseMount('type=bind,source=/v,target=/data'), /must be sealed/);
  assert.throws(() => parseMount('type=sealed,source=/v,taget=/data'), /"taget"/);
});

test('parseEnv() takes values, host values, and skips what the host lacks', () => {
  assert.deepEqual(parseEnv('A=b=c', {}), ['A', 'b=c']);
  assert.deepEqual(parseEnv('A', { A: 'x' }), ['A', 'x']);
  assert.equal(parseEnv('A', {}), undefined);
  assert.throws(() => parseEnv('=x', {}), /NAME/);
});

test('parseUser() and parseBytes() reject what they do not know', () => {
  assert.deepEqual(parseUser('1000:100'), { uid: 1000, gid: 100 });
  assert.deepEqual(parseUser('5'), { uid: 5, gid: 0 });
  assert.throws(() => parseUser('root'), /numbers/);
  assert.equal(parseBytes('--memory', '512m'), 512 * 2 ** 20);
  assert.equal(parseBytes('--memory', '2g'), 2 ** 31);
  assert.throws(() => parseBytes('--memory', 'lots'), /512m/);
});
