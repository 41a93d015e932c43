import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PageCopy } from '../../fs/hostfs/page-copy.ts';
import { sharedNativeHost } from './testing/shared-native-host.ts';

const { pages } = sharedNativeHost();
const PAGE = 4096;
const EBADF = 9;

/** A file of so many bytes that differ, open for reading. */
function withFile(bytes: number, use: (fd: number, content: Uint8Array) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-segment-'));
  const content = Uint8Array.from({ length: bytes }, (_, n) => (n * 7 + (n >> 8)) & 255);
  writeFileSync(join(folder, 'file'), content);
  const fd = openSync(join(folder, 'file'), 'r');
  try {
    use(fd, content);
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
}

test('copyFrom() copies a part of a host file, as far as the file goes', () => {
  withFile(3 * PAGE + 100, (fd, content) => {
    const segment = pages.createSegment('copied', 8 * PAGE);
    assert.ok(typeof segment === 'object' && segment.copyFrom !== undefined);
    assert.equal(segment.copyFrom(2 * PAGE, fd, PAGE, 2 * PAGE), 2 * PAGE);
    assert.equal(segment.copyFrom(5 * PAGE, fd, 2 * PAGE, 3 * PAGE), PAGE + 100);
    assert.equal(segment.copyFrom(0, fd, 9 * PAGE, PAGE), 0);
    assert.equal(segment.copyFrom(0, 1 << 20, 0, PAGE), -EBADF);
    const seen = new Uint8Array(8 * PAGE);
    assert.equal(segment.read(0, seen), 0);
    const expected = new Uint8Array(8 * PAGE);
    expected.set(content.subarray(PAGE, 3 * PAGE), 2 * PAGE);
    expected.set(content.subarray(2 * PAGE), 5 * PAGE);
    assert.deepEqual(seen, expected);
    segment[Symbol.dispose]();
  });
});

test('a copy of a read-only file is made by the host, with zeros behind its end', () => {
  withFile(5 * PAGE + 1, (fd, content) => {
    const reads: number[] = [];
    const file = {
      size: content.length,
      isReadOnly: true,
      hostDescriptor: fd as number | undefined,
      blocks: Math.ceil(content.length / 512),
      seekHost: () => assert.fail('there is no hole'),
      readHost(position: number, target: Uint8Array) {
        reads.push(position);
        const part = content.subarray(position, position + target.length);
        target.set(part);
        return part.length;
      },
      writeHost: () => assert.fail('nothing is written'),
    };
    for (const descriptor of [fd, undefined]) {
      file.hostDescriptor = descriptor;
      const copy = PageCopy.create(pages, 'copy', file);
      assert.ok(typeof copy === 'object');
      assert.equal(copy.load(PAGE, 2 * PAGE), 0);
      assert.equal(copy.load(0, 8 * PAGE), 0);
      const seen = new Uint8Array(6 * PAGE);
      assert.equal(copy.segment.read(0, seen), 0);
      const expected = new Uint8Array(6 * PAGE);
      expected.set(content);
      assert.deepEqual(seen, expected);
      assert.equal(reads.length === 0, descriptor !== undefined);
      copy[Symbol.dispose]();
    }
  });
});
