import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { O_RDONLY, O_WRONLY } from '../abi/file-flags.ts';
import { openHostFolder } from './host-folder.ts';
import { sharedNativeHost } from './native/testing/shared-native-host.ts';

const { files } = sharedNativeHost();
const EBADF = 9;

test('reads of few and of many bytes answer the same, also at the end of a file', () => {
  const place = mkdtempSync(join(tmpdir(), 'cloister-host-folder-'));
  try {
    const content = Uint8Array.from({ length: 10_000 }, (_, n) => (n * 7) & 0xff);
    writeFileSync(join(place, 'file'), content);
    const folder = openHostFolder(files, place);
    assert.ok(typeof folder === 'object');
    const file = folder.openFile('file', O_RDONLY);
    assert.ok(typeof file === 'object');
    for (const position of [0, 1, 4096, 9990, 10_000, 20_000])
      for (const length of [0, 1, 832, 4095, 4096, 4097, 8192]) {
        const target = new Uint8Array(8200).fill(0xee);
        const expected = content.subarray(position, position + length);
        const what = `${length} bytes at ${position}`;
        assert.equal(file.read(position, target, 5, length), expected.length, what);
        assert.deepEqual(target.subarray(5, 5 + expected.length), expected, what);
        assert.ok(
          target.subarray(0, 5).every((byte) => byte === 0xee),
          what,
        );
        assert.ok(
          target.subarray(5 + expected.length).every((byte) => byte === 0xee),
          what,
        );
      }
    const writer = folder.openFile('file', O_WRONLY);
    assert.ok(typeof writer === 'object');
    for (const length of [1, 8192])
      assert.equal(writer.read(0, new Uint8Array(length), 0, length), -EBADF);
    for (const open of [file, writer, folder]) open[Symbol.dispose]();
  } finally {
    rmSync(place, { recursive: true });
  }
});
