/** Files that are read and written in order, in small and big calls, and the memory that this takes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EIO, ENOSPC } from '../../abi/errno.table.ts';
import { SeededRandom } from '../../base/random.ts';
import type { Inode } from '../../vfs/inode.ts';
import { checkVolume } from './check.ts';
import { readPointer } from './l1-keys/pointer.ts';
import { ITEM, itemKey } from './l4-store/keys.ts';
import type { SealedFileSystem } from './l6-vfs/sealed-file-system.ts';
import { failing, MemoryHost } from './testing/memory-host.ts';
import { createVolume, makeFile, ok, openVolume, readAll } from './testing/volume.ts';

const BLOCK = 4096;
const WINDOW = 65_536;
const FILE_BYTES = 40 * WINDOW;
/** Of a quarter of it on, files are not kept for who reads them in order. */
const CACHE = { cacheBytes: 512 << 10 };

/** Writes `data` at `from` in calls of so many bytes. */
function stream(file: Inode, data: Uint8Array, from: number, callBytes: number): void {
  for (let at = 0; at < data.length; at += callBytes) {
    const length = Math.min(callBytes, data.length - at);
    assert.equal(file.writeAt(from + at, data, at, length), length);
  }
}

/** Reads from `from` on in calls of so many bytes, and compares. */
function scan(file: Inode, data: Uint8Array, from: number, callBytes: number): void {
  const target = new Uint8Array(callBytes);
  for (let at = from; at < data.length; at += callBytes) {
    const count = ok(file.readAt(at, target, 0, callBytes));
    const wanted = data.subarray(at, at + callBytes);
    assert.equal(count, wanted.length);
    assert.ok(Buffer.from(target.buffer, 0, count).equals(wanted), `other bytes at ${at}`);
  }
}

function openAgain(host: MemoryHost): { fs: SealedFileSystem; file: Inode } {
  const fs = openVolume(new MemoryHost(host.snapshot()), CACHE);
  return { fs, file: ok(fs.root.lookup('file') as Inode) };
}

test('streams over one another leave what was written last, before and after a sync', () => {
  const calls = [BLOCK, 1000, WINDOW, 3 * WINDOW, 10_000, WINDOW + BLOCK];
  for (let seed = 1; seed <= 6; seed++) {
    const random = new SeededRandom(seed);
    const host = new MemoryHost();
    const fs = createVolume(host, { sizeBytes: 64 << 20, ...CACHE });
    const file = makeFile(fs.root, 'file');
    const data = new Uint8Array(FILE_BYTES);
    stream(file, data, 0, random.pick(calls));
    for (let round = 0; round < 12; round++) {
      const from = random.below(FILE_BYTES / BLOCK) * BLOCK;
      const part = random.bytes(1 + random.below(FILE_BYTES - from));
      stream(file, part, from, random.pick(calls));
      data.set(part, from);
      scan(file, data, random.below(8) * WINDOW, random.pick(calls));
      if (round % 3 === 2) assert.equal(fs.sync(), 0);
      if (round % 4 === 3) assert.equal(fs.relieve(), 0);
      scan(file, data, 0, random.pick(calls));
    }
    assert.equal(fs.sync(), 0);
    assert.deepEqual(checkVolume(fs.store).problems, []);
    const again = openAgain(host);
    scan(again.file, data, 0, random.pick(calls));
    scan(again.file, data, 0, random.pick(calls));
  }
});

test('a window that was written in order is with the host before the file is flushed', () => {
  const host = new MemoryHost();
  const fs = createVolume(host, { sizeBytes: 64 << 20, cacheBytes: 64 << 20 });
  const data = new SeededRandom(3).bytes(4 << 20);
  const before = host.sizeBytes;
  stream(makeFile(fs.root, 'file'), data, 0, BLOCK);
  // The first MiB waits for the flush, the last one for its neighbours.
  assert.ok(host.sizeBytes - before >= 2 << 20, `${host.sizeBytes - before} bytes`);
  assert.equal(fs.sync(), 0);
  scan(openAgain(host).file, data, 0, WINDOW);
});

test('reading a big file in order keeps nothing of it in memory', () => {
  const host = new MemoryHost();
  const fs = createVolume(host, { sizeBytes: 256 << 20 });
  const data = new SeededRandom(4).bytes(32 << 20);
  stream(makeFile(fs.root, 'file'), data, 0, 1 << 20);
  assert.equal(fs.sync(), 0);
  const again = openVolume(host, { cacheBytes: 64 << 20, isReadOnly: true });
  const file = ok(again.root.lookup('file') as Inode);
  for (const callBytes of [BLOCK, 1 << 20]) {
    const before = process.memoryUsage().arrayBuffers;
    scan(file, data, 0, callBytes);
    const kept = process.memoryUsage().arrayBuffers - before;
    assert.ok(kept < 4 << 20, `${kept} bytes are kept in calls of ${callBytes}`);
    assert.equal(again.cache.cleanBytes, 0);
  }
});

test('a stream that the host has no room for ends with ENOSPC, and goes on when there is room', () => {
  const host = new MemoryHost();
  const fs = createVolume(host, { sizeBytes: 64 << 20, ...CACHE });
  const file = makeFile(fs.root, 'file');
  const data = new SeededRandom(5).bytes(FILE_BYTES);
  let writes = 0;
  host.before = (operation) => {
    if (operation === 'write' && writes++ >= 1) throw failing('ENOSPC');
  };
  stream(file, data, 0, BLOCK);
  assert.equal(fs.sync(), -ENOSPC);
  scan(file, data, 0, BLOCK);
  host.before = () => undefined;
  assert.equal(fs.sync(), 0);
  assert.ok(Buffer.from(readAll(openAgain(host).file)).equals(data));
  assert.deepEqual(checkVolume(fs.store).problems, []);
});

test('damage in a file that is read in order is EIO, and no byte of the cell is seen', () => {
  const host = new MemoryHost();
  const fs = createVolume(host, { sizeBytes: 64 << 20, ...CACHE });
  const file = makeFile(fs.root, 'file');
  stream(file, new Uint8Array(FILE_BYTES).fill(7), 0, WINDOW);
  assert.equal(fs.sync(), 0);
  fs.store.close();
  const cell = fs.store.tree.get(itemKey(file.ino, ITEM.extent), 0) as Uint8Array;
  host.bytes[readPointer(cell, 0).block * BLOCK + 9]! ^= 1;
  const target = new Uint8Array(4 * WINDOW);
  const broken = openAgain(host).file;
  assert.equal(broken.readAt(0, target, 0, target.length), -EIO);
  assert.ok(target.every((byte) => byte === 0));
  assert.equal(broken.readAt(WINDOW, target, 0, WINDOW), WINDOW);
});

test('cells side by side come in one call of the host; damage in one is told by its block', () => {
  const host = new MemoryHost();
  const fs = createVolume(host, { sizeBytes: 64 << 20, ...CACHE });
  const file = makeFile(fs.root, 'file');
  const data = new SeededRandom(6).bytes(FILE_BYTES);
  stream(file, data, 0, 8 * WINDOW);
  assert.equal(fs.sync(), 0);
  fs.store.close();
  const volume = new MemoryHost(host.snapshot());
  const problems: string[] = [];
  const again = openVolume(volume, {
    ...CACHE,
    onProblem: ({ message }) => void problems.push(message),
  });
  const opened = ok(again.root.lookup('file') as Inode);
  const target = new Uint8Array(8 * WINDOW);
  ok(opened.readAt(0, target, 0, WINDOW));
  let reads = 0;
  volume.before = () => {
    reads++;
  };
  assert.equal(opened.readAt(WINDOW, target, 0, target.length), target.length);
  assert.ok(Buffer.from(target).equals(data.subarray(WINDOW, 9 * WINDOW)));
  assert.ok(reads <= 3, `${reads} reads for 8 cells`);
  // Fewer bytes in one call than were asked for are no damage.
  const read = volume.read.bind(volume);
  volume.read = (offset, into) => read(offset, into.subarray(0, Math.min(into.length, 100_000)));
  assert.equal(opened.readAt(WINDOW, target, 0, target.length), target.length);
  const cell = again.store.tree.get(itemKey(file.ino, ITEM.extent), 5 * 16) as Uint8Array;
  const { block } = readPointer(cell, 0);
  volume.bytes[block * BLOCK + 70]! ^= 1;
  target.fill(0);
  assert.equal(opened.readAt(WINDOW, target, 0, target.length), -EIO);
  assert.match(problems.join(), new RegExp(`contents of a file .*block ${block}\\)`));
  assert.ok(target.subarray(4 * WINDOW).every((byte) => byte === 0));
  // The host ends in the middle of them.
  volume.sizeBytes = (block - 16) * BLOCK;
  assert.equal(opened.readAt(WINDOW, target, 0, target.length), -EIO);
  assert.equal(opened.readAt(WINDOW, target, 0, WINDOW), WINDOW);
});
