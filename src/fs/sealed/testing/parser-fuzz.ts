/** Mutated inputs for the parsers of the volume: none may throw or run away. */

import type { SeededRandom } from '../../../base/random.ts';
import { decodeHeader, HEADER_BYTES } from '../l1-keys/header.ts';
import { decodeNode, encodeNode, NODE_BYTES, TreeNode } from '../l3-tree/node.ts';
import { parseSuperblock } from '../l4-store/superblock.ts';
import { CellPart } from '../l5-files/cells.ts';
import { decodeRecord, encodeRecord } from '../l5-files/inode-record.ts';
import { decodeEntries, decodeValues, encodeEntries, encodeValues } from '../l5-files/names.ts';
import { MemoryHost } from './memory-host.ts';
import { createVolume } from './volume.ts';

export interface ParserTarget {
  readonly name: string;
  readonly seed: Uint8Array;
  readonly parse: (bytes: Uint8Array) => unknown;
  /** Encodes what `parse` accepted, where that needs no key. */
  readonly encode?: (value: never) => Uint8Array;
}

/** A seed input, changed a little or a lot. */
export function mutate(seed: Uint8Array, random: SeededRandom): Uint8Array {
  const cut = random.below(5) === 0 ? random.below(seed.length + 1) : seed.length;
  const bytes = seed.slice(0, cut);
  for (let i = random.below(8); i >= 0 && bytes.length > 0; i--) {
    const head = Math.min(64, bytes.length);
    const at = random.below(random.below(3) === 0 ? bytes.length : head);
    bytes[at] = random.below(2) === 0 ? random.below(256) : random.pick([0, 1, 0x7f, 0x80, 0xff]);
  }
  return bytes;
}

/** What a superblock seals: magic, version, two entries of a manifest. */
function superblock(): Uint8Array {
  const plain = new Uint8Array(4054);
  plain.set([0x43, 0x4c, 0x53, 0x42, 1]);
  plain[144] = 2;
  plain[160] = 2;
  plain[160 + 50] = 3;
  return plain;
}

/** Three blocks of a cell of eight. */
function part(): Uint8Array {
  const tag = new Uint8Array(16);
  const pointer = { block: 70, blocks: 8, session: '\xff'.repeat(20), counter: 9, tag };
  return CellPart.of(16, pointer).slice(20, 23).encode();
}

export function parserTargets(): ParserTarget[] {
  const node = new TreeNode(0);
  for (let i = 0; i < 50; i++) node.insertValue(i, i, i * 3, new Uint8Array(i));
  const host = new MemoryHost();
  createVolume(host);
  const record = { mode: 0o100644, nlink: 1, uid: 1, gid: 2, rdev: 0, size: 3, cellBlocks: 0 };
  const times = [1, 2, 3, 4, 5, 6, 7, 8];
  const value = new Uint8Array(9);
  return [
    {
      name: 'node',
      seed: encodeNode(node, NODE_BYTES),
      parse: decodeNode,
      encode: (value: TreeNode) => encodeNode(value, NODE_BYTES),
    },
    { name: 'header', seed: host.bytes.slice(0, HEADER_BYTES), parse: decodeHeader },
    { name: 'superblock', seed: superblock(), parse: parseSuperblock },
    {
      name: 'cell',
      seed: part(),
      parse: (bytes: Uint8Array) => CellPart.decode(20, bytes),
      encode: (value: CellPart) => value.encode(),
    },
    {
      name: 'record',
      seed: encodeRecord({ ...record, times, inline: new Uint8Array(3) }),
      parse: decodeRecord,
      encode: encodeRecord,
    },
    {
      name: 'entries',
      seed: encodeEntries([{ name: 'a', inode: 1, type: 8 }]),
      parse: decodeEntries,
      encode: encodeEntries,
    },
    {
      name: 'values',
      seed: encodeValues([{ name: 'user.a', value }]),
      parse: decodeValues,
      encode: encodeValues,
    },
  ];
}

/** Runs until the time is up; throws at the first fault. Answers the number of inputs. */
export function fuzzVolumeParsers(
  seconds: number,
  random: SeededRandom,
  nowMs: () => number,
): number {
  const targets = parserTargets();
  const end = nowMs() + seconds * 1000;
  let count = 0;
  while (nowMs() < end)
    for (const { seed, parse } of targets)
      for (let i = 0; i < 200; i++, count++) parse(mutate(seed, random));
  return count;
}
