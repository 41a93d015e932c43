/** Files of which single blocks are changed: what they read, and what space they take. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import type { Inode } from '../../vfs/inode.ts';
import { checkVolume } from './check.ts';
import { readPointer } from './l1-keys/pointer.ts';
import { ITEM, itemKey } from './l4-store/keys.ts';
import { parseSuperblock } from './l4-store/superblock.ts';
import { CellPart } from './l5-files/cells.ts';
import type { SealedFileSystem } from './l6-vfs/sealed-file-system.ts';
import { type HostEvent, MemoryHost } from './testing/memory-host.ts';
import { parserTargets } from './testing/parser-fuzz.ts';
import { createVolume, makeFile, ok, openVolume, readAll } from './testing/volume.ts';

const BLOCK = 4096;
const write = (file: Inode, at: number, bytes: Uint8Array) =>
  assert.equal(file.writeAt(at, bytes, 0, bytes.length), bytes.length);

/** A volume with one synced file of so many blocks, and what it holds. */
function volumeWith(blocks: number, sizeBytes = 64 << 20) {
  const host = new MemoryHost();
  const fs = createVolume(host, { sizeBytes, cacheBytes: 1 << 20 });
  const file = makeFile(fs.root, 'file');
  const data = new SeededRandom(1).bytes(blocks * BLOCK);
  write(file, 0, data);
  assert.equal(fs.sync(), 0);
  return { host, fs, file, data };
}

function change(file: Inode, data: Uint8Array, block: number, random: SeededRandom): void {
  const bytes = random.bytes(BLOCK);
  write(file, block * BLOCK, bytes);
  data.set(bytes, block * BLOCK);
}

function assertHolds(fs: SealedFileSystem, host: MemoryHost, data: Uint8Array): void {
  assert.deepEqual(checkVolume(fs.store).problems, []);
  const again = openVolume(new MemoryHost(host.snapshot()), { isReadOnly: true });
  const file = ok(again.root.lookup('file') as Inode);
  assert.equal(file.blocks, data.length / 512);
  assert.ok(Buffer.from(readAll(file)).equals(data));
}

test('a change of one block writes one block of contents', () => {
  const { host, fs, file, data } = volumeWith(160);
  const random = new SeededRandom(2);
  const log: HostEvent[] = [];
  host.log = log;
  for (let window = 0; window < 10; window++) change(file, data, window * 16 + 7, random);
  assert.equal(fs.relieve(), 0);
  assert.equal(log.length, 0, 'contents wait for the commit');
  assert.equal(fs.sync(), 0);
  let written = 0;
  for (const event of log) if (event.kind === 'write') written += event.bytes.length;
  // Ten blocks, the superblock, and the tree, which is small.
  assert.ok(written <= (10 + 1 + 4) * BLOCK, `${written} bytes`);
  assertHolds(fs, host, data);
});

test('changed blocks take at most the space of the file again, and reading finds them', () => {
  const { host, fs, file, data } = volumeWith(800);
  const random = new SeededRandom(3);
  for (let i = 0; i < 1200; i++) {
    change(file, data, random.below(800), random);
    if (i % 200 !== 199) continue;
    assert.equal(i % 600 === 599 ? fs.sync() : fs.relieve(), 0);
    const { used } = fs.store.space.state;
    assert.ok(used < 2 * 800, `${used} blocks are in use after ${i} changes`);
  }
  assert.equal(fs.sync(), 0);
  assertHolds(fs, host, data);
});

test('where space is scarce, changes do not take more of it', () => {
  const { host, fs, file, data } = volumeWith(3200, 16 << 20);
  const before = fs.store.space.state.used;
  const random = new SeededRandom(4);
  for (let i = 0; i < 150; i++) {
    change(file, data, random.below(3200), random);
    if (i % 20 === 19) assert.equal(fs.sync(), 0);
  }
  assert.equal(fs.sync(), 0);
  const { used } = fs.store.space.state;
  assert.ok(used < before + 30, `${used} blocks are in use, ${before} were`);
  assertHolds(fs, host, data);
});

test('holes and a new end leave the rest of a cell, or write it anew when it is little', () => {
  const { host, fs, file, data } = volumeWith(64);
  assert.equal(file.allocate(3, 3 * BLOCK, 2 * BLOCK), 0);
  assert.equal(file.allocate(3, 17 * BLOCK, 14 * BLOCK), 0);
  assert.equal(file.allocate(3, 40 * BLOCK, 16 * BLOCK), 0);
  ok(file.truncate(58 * BLOCK + 5));
  ok(file.truncate(64 * BLOCK));
  const holes: [number, number][] = [
    [3 * BLOCK, 5 * BLOCK],
    [17 * BLOCK, 31 * BLOCK],
    [40 * BLOCK, 56 * BLOCK],
    [58 * BLOCK + 5, 64 * BLOCK],
  ];
  for (const [from, to] of holes) data.fill(0, from, to);
  assert.ok(Buffer.from(readAll(file)).equals(data));
  assert.equal(fs.sync(), 0);
  assert.equal(file.seekHole(0), 3 * BLOCK);
  assert.equal(file.seekData(3 * BLOCK), 5 * BLOCK);
  assert.equal(file.seekData(17 * BLOCK), 31 * BLOCK);
  assert.equal(file.seekData(40 * BLOCK), 56 * BLOCK);
  assert.deepEqual(checkVolume(fs.store).problems, []);
  // The first cell keeps the space of its hole; of the others 2, 8 and 3 blocks were written anew.
  assert.ok(fs.store.space.state.used <= 16 + 2 + 8 + 3 + 4);
  const again = openVolume(new MemoryHost(host.snapshot()));
  assert.ok(Buffer.from(readAll(ok(again.root.lookup('file') as Inode))).equals(data));
});

test('check finds parts of cells that do not fit together', () => {
  // Where an item is put that names a part of the cell, and which of its bytes is another.
  for (const [block, at, byte] of [
    [12, 49, 0],
    [12, 50, 5],
    [12, 30, 0xaa],
    [4, 49, 8],
  ] as const) {
    const { host, fs, file, data } = volumeWith(16);
    change(file, data, 7, new SeededRandom(5));
    assert.equal(fs.sync(), 0);
    const key = itemKey(file.ino, ITEM.extent);
    const value = (fs.store.tree.get(key, 8) as Uint8Array).slice();
    assert.ok(CellPart.decode(8, value));
    value[at] = byte;
    fs.store.tree.set(key, block, value);
    fs.store.commit();
    assert.notDeepEqual(checkVolume(openVolume(host).store).problems, [], `block ${block}`);
  }
});

test('a part of a cell is what the format says', () => {
  const value = parserTargets().find(({ name }) => name === 'cell')?.seed as Uint8Array;
  assert.equal(value.length, 51);
  assert.equal(readPointer(value, 0).blocks, 8);
  assert.deepEqual([...value.subarray(49)], [4, 3]);
  const part = CellPart.decode(20, value);
  assert.equal(part?.origin, 16);
  // Outside of the cell; the whole cell; made for blocks before the file, or of two windows.
  const other = (skip: number, count: number) =>
    Uint8Array.of(...value.subarray(0, 49), skip, count);
  assert.ok(CellPart.decode(20, other(4, 4)));
  for (const odd of [other(4, 5), other(4, 0), other(0, 8)])
    assert.equal(CellPart.decode(20, odd), undefined);
  assert.equal(CellPart.decode(3, value), undefined);
  assert.equal(CellPart.decode(14, value), undefined);
});

test('superblocks of version 1 are read, others than 1 and 2 are none', () => {
  const plain = parserTargets().find(({ name }) => name === 'superblock')?.seed as Uint8Array;
  for (const [version, isKnown] of [
    [0, false],
    [1, true],
    [2, true],
    [3, false],
  ] as const) {
    plain[4] = version;
    assert.equal(parseSuperblock(plain) !== undefined, isKnown, `version ${version}`);
  }
});
