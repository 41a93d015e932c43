import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { kernelConfig } from './kernel-config.ts';

test('kernelConfig() is a gzip file that names what is there and what is not', () => {
  const text = gunzipSync(kernelConfig('6.12.0')).toString('latin1');
  assert.match(text, /^CONFIG_SYSVIPC=y$/m);
  assert.match(text, /^# CONFIG_USER_NS is not set$/m);
  const names = [...text.matchAll(/CONFIG_\w+/g)].map(([name]) => name);
  assert.equal(new Set(names).size, names.length, 'each option once');
});
