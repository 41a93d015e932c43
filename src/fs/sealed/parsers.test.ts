import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import { decodeHeader, HEADER_BYTES } from './l1-keys/header.ts';
import { decodeNode, encodeNode, NODE_BYTES, TreeNode } from './l3-tree/node.ts';
import { parseSuperblock } from './l4-store/superblock.ts';
import { decodeRecord, encodeRecord } from './l5-files/inode-record.ts';
import { decodeEntries, decodeValues, encodeEntries, encodeValues } from './l5-files/names.ts';
import { MemoryHost } from './testing/memory-host.ts';
import { createVolume } from './testing/volume.ts';

/** A seed input, changed a little or a lot. */
function mutate(seed: Uint8Array, random: SeededRandom): Uint8Array {
  const cut = random.below(5) === 0 ? random.below(seed.length + 1) : seed.length;
  const bytes = seed.slice(0, cut);
  for (let i = random.below(8); i >= 0 && bytes.length > 0; i--) {
    const at =
      random.below(3) === 0 ? random.below(bytes.length) : random.below(Math.min(64, bytes.length));
    bytes[at] = random.below(2) === 0 ? random.below(256) : random.pick([0, 1, 0x7f, 0x80, 0xff]);
  }
  return bytes;
}

function seeds(): [string, Uint8Array, (bytes: Uint8Array) => unknown][] {
  const node = new TreeNode(0);
  for (let i = 0; i < 50; i++) node.insertValue(i, i, i * 3, new Uint8Array(i));
  const host = new MemoryHost();
  createVolume(host);
  const record = { mode: 0o100644, nlink: 1, uid: 1, gid: 2, rdev: 0, size: 3, cellBlocks: 0 };
  const times = [1, 2, 3, 4, 5, 6, 7, 8];
  return [
    ['node', encodeNode(node, NODE_BYTES), decodeNode],
    ['header', host.bytes.slice(0, HEADER_BYTES), decodeHeader],
    ['superblock', new Uint8Array(4054), parseSuperblock],
    ['record', encodeRecord({ ...record, times, inline: new Uint8Array(3) }), decodeRecord],
    ['entries', encodeEntries([{ name: 'a', inode: 1, type: 8 }]), decodeEntries],
    ['values', encodeValues([{ name: 'user.a', value: new Uint8Array(9) }]), decodeValues],
  ];
}

test('no input makes a parser of the volume throw or run away', () => {
  const random = new SeededRandom(99);
  for (const [name, seed, parse] of seeds())
    for (let i = 0; i < 2000; i++) {
      const bytes = mutate(seed, random);
      assert.doesNotThrow(() => parse(bytes), `${name} ${i}`);
    }
});

test('what is encoded decodes to the same', () => {
  for (const [name, seed, parse] of seeds())
    if (name !== 'superblock') assert.notEqual(parse(seed), undefined, name);
});
