/**
 * Mutated image indexes whose hashes are right, as a malicious maker of images could sign them:
 * every operation ends in the answer or in ImageDamage, and in bounded time.
 */

import type { SeededRandom } from '../../base/random.ts';
import { mutate } from '../../fs/sealed/testing/parser-fuzz.ts';
import { type FileNode, newDir } from '../../fs/verity/index-model.ts';
import { encodeIndex } from '../../fs/verity/index-writer.ts';
import { MerkleBuilder } from '../../fs/verity/merkle.ts';
import { ImageDamage } from '../../fs/verity/source.ts';
import { VerityTree } from '../../fs/verity/verity-tree.ts';
import { nodeCrypto } from '../../host/crypto.ts';
import { inspectFiles } from '../inspect.ts';

function sampleIndex(): Uint8Array {
  const meta = { uid: 0, gid: 0, mtimeSec: 1, mtimeNsec: 0 };
  const root = newDir();
  const file: FileNode = {
    ...meta,
    kind: 'file',
    mode: 0o100644,
    xattrs: [{ name: 'user.x', value: new Uint8Array(3) }],
    sizeBytes: 0,
    rootHash: new Uint8Array(32),
    blob: 0,
    dataOffsetBytes: 0,
  };
  const dir = newDir();
  root.entries.set('dir', dir);
  root.entries.set('file', file);
  dir.entries.set('again', file);
  dir.entries.set('link', { ...meta, kind: 'symlink', mode: 0o120777, xattrs: [], target: 'x' });
  return encodeIndex(root, [{ digest: new Uint8Array(32), sizeBytes: 100 }]);
}

function exercise(index: Uint8Array): void {
  const builder = new MerkleBuilder(nodeCrypto);
  builder.update(index);
  const { tree, rootHash } = builder.finish();
  const stored = new Uint8Array(index.length + tree.length);
  stored.set(index);
  stored.set(tree, index.length);
  const blob = {
    sizeBytes: stored.length,
    readAt(offset: number, target: Uint8Array) {
      const part = stored.subarray(offset, offset + target.length);
      target.set(part);
      return part.length;
    },
  };
  const location = { digest: '', sizeBytes: index.length, rootHash };
  const verity = new VerityTree({ open: () => blob }, location, nodeCrypto);
  // A directory that contains itself makes an endless tree: stop looking after a while.
  let left = 500;
  for (const { path } of inspectFiles(verity)) if (left-- === 0 || path.length > 3000) break;
  for (let inode = 0; inode < Math.min(verity.inodeCount, 20); inode++) {
    attempt(() => verity.xattrs(inode));
    attempt(() => verity.read(inode, 0, new Uint8Array(10)));
    attempt(() => verity.lookup(inode, new Uint8Array([0x64, 0x69, 0x72])));
    attempt(() => verity.pathOf(inode));
  }
}

function attempt(step: () => unknown): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof ImageDamage)) throw error;
  }
}

/** For searches that are guided by coverage. */
export function indexTarget() {
  const parse = (bytes: Uint8Array) => attempt(() => exercise(bytes));
  return { name: 'image-index', seeds: [sampleIndex()], parse };
}

/** Runs until the time is up; throws at the first fault. Answers the number of inputs. */
export function fuzzImageIndex(seconds: number, random: SeededRandom, nowMs: () => number): number {
  const seed = sampleIndex();
  const end = nowMs() + seconds * 1000;
  let count = 0;
  for (; nowMs() < end; count++) {
    const bytes = mutate(seed, random);
    // Most mutations at the head break the header: change records more often.
    if (random.below(2) === 0) bytes.set(seed.subarray(0, Math.min(64, bytes.length)));
    for (let i = random.below(6); i > 0 && bytes.length > 64; i--)
      bytes[64 + random.below(bytes.length - 64)] = random.pick([0, 1, 2, 4, 0x41, 0x80, 0xff]);
    attempt(() => exercise(bytes));
  }
  return count;
}
