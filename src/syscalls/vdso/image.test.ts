import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isElfFault, readElfProgram } from '../../elf/program.ts';
import { vdsoBytes } from './bytes.table.ts';
import { buildVdso } from './image.ts';

test('the vDSO is a well-formed shared object of one page that names its functions', () => {
  const bytes = buildVdso();
  assert.equal(bytes.length, 4096);
  const elf = readElfProgram((offset, target) => {
    target.set(bytes.subarray(offset, offset + target.length));
    return Math.min(target.length, bytes.length - offset);
  }, bytes.length);
  assert.ok(!isElfFault(elf), 'readable');
  assert.equal(elf.segments.length, 1);
  const text = new TextDecoder('latin1').decode(bytes);
  for (const name of ['clock_gettime', 'gettimeofday', 'time', 'clock_getres', 'getcpu'])
    assert.ok(text.includes(`__vdso_${name}\0`), name);
  assert.ok(text.includes('LINUX_2.6\0'), 'the version that C libraries and Go ask for');
  assert.deepEqual(buildVdso(), bytes, 'the same bytes every time');
});

test('the stored bytes are those that the sources make', () => {
  const made = buildVdso();
  const base64 = made.subarray(0, made.findLastIndex((byte) => byte !== 0) + 1).toBase64();
  assert.deepEqual(vdsoBytes(), made, `put this into bytes.table.ts: ${base64}`);
});
