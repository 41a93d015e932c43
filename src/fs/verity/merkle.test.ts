import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import { nodeCrypto } from '../../host/crypto.ts';
import { BLOCK_BYTES, fsverityDigest, MerkleBuilder, treeBytes, treeLevels } from './merkle.ts';
import { PieceCache } from './piece-cache.ts';
import { type Blob, ImageDamage } from './source.ts';
import { VerifiedFile } from './verified-file.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function build(data: Uint8Array) {
  const builder = new MerkleBuilder(nodeCrypto);
  builder.update(data);
  return builder.finish();
}

function blobOf(bytes: Uint8Array): Blob {
  return {
    sizeBytes: bytes.length,
    readAt(offset, target) {
      const part = bytes.subarray(offset, offset + target.length);
      target.set(part);
      return part.length;
    },
  };
}

function open(data: Uint8Array, stored: Uint8Array, rootHash: Uint8Array): VerifiedFile {
  return new VerifiedFile(
    {
      blob: blobOf(stored),
      dataOffsetBytes: 0,
      treeOffsetBytes: data.length,
      sizeBytes: data.length,
      rootHash,
      where: () => '/file',
    },
    nodeCrypto,
    new PieceCache(),
  );
}

test('fsverityDigest() gives what fsverity-utils prints for an empty file', () => {
  const { sizeBytes, rootHash } = build(new Uint8Array(0));
  assert.equal(
    hex(fsverityDigest(nodeCrypto, sizeBytes, rootHash)),
    '3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95',
  );
});

test('treeLevels() stores the level nearest to the root first', () => {
  assert.deepEqual(treeLevels(BLOCK_BYTES), []);
  assert.deepEqual(treeLevels(BLOCK_BYTES * 129), [
    { offsetBytes: 64, hashCount: 129 },
    { offsetBytes: 0, hashCount: 2 },
  ]);
  assert.equal(treeBytes(BLOCK_BYTES * 129), 131 * 32);
});

test('MerkleBuilder gives the same tree however the data is cut', () => {
  const random = new SeededRandom(1);
  const data = random.bytes(BLOCK_BYTES * 3 + 17);
  const whole = build(data);
  const builder = new MerkleBuilder(nodeCrypto);
  for (let at = 0; at < data.length; ) {
    const take = 1 + random.below(5000);
    builder.update(data.subarray(at, at + take));
    at += take;
  }
  assert.deepEqual(builder.finish(), whole);
});

test('VerifiedFile reads what was built, at any offset, over several levels', () => {
  const random = new SeededRandom(2);
  for (const size of [0, 1, 4095, 4096, 4097, 128 * 4096, 128 * 4096 + 1, 700_001]) {
    const data = random.bytes(size);
    const { tree, rootHash } = build(data);
    const file = open(data, Buffer.concat([data, tree]), rootHash);
    for (let i = 0; i < 20; i++) {
      const at = random.below(size + 10);
      const target = new Uint8Array(random.below(10_000));
      const got = file.read(at, target);
      assert.deepEqual(
        Buffer.from(target.subarray(0, got)),
        Buffer.from(data.subarray(at, at + target.length)),
      );
    }
  }
});

test('VerifiedFile gives no byte of a block whose data or tree was changed', () => {
  const data = new SeededRandom(3).bytes(130 * BLOCK_BYTES);
  const { tree, rootHash } = build(data);
  const good = Buffer.concat([data, tree]);
  const all = new Uint8Array(data.length);
  for (let at = 0; at < good.length; at += 1013) {
    const stored = Uint8Array.from(good);
    stored[at]! ^= 0x10;
    assert.throws(() => open(data, stored, rootHash).read(0, all), ImageDamage);
  }
  assert.throws(() => open(data, good.subarray(0, -1), rootHash).read(0, all), /too early|damaged/);
  assert.equal(open(data, good, rootHash).read(0, all), data.length);
});
