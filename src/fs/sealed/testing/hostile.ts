/**
 * Hostile hosts: one case is a volume with known contents, an attack that follows from the seed, and
 * a look at everything. Allowed outcomes: an error that names the volume, EIO, or the right bytes.
 */

import { SeededRandom } from '../../../base/random.ts';
import { checkVolume } from '../check.ts';
import { VolumeError } from '../errors.ts';
import { BLOCK_BYTES } from '../l0-host/block-host.ts';
import type { AnchorState, FreshnessAnchor } from '../l4-store/anchor.ts';
import { failing, MemoryHost } from './memory-host.ts';
import { ModelRun } from './model.ts';
import { createVolume, openVolume, treeOf } from './volume.ts';

export interface Victim {
  /** The same volume at two commits, and what each holds. */
  readonly old: Uint8Array;
  readonly now: Uint8Array;
  readonly oldTree: Map<string, string>;
  readonly nowTree: Map<string, string>;
  /** The commit before the last: where a host may roll back to when no anchor is given. */
  readonly beforeTree: Map<string, string>;
  readonly anchor: FreshnessAnchor;
  /** It was closed well: no attack on a part of it can bring the commit before back. */
  readonly isClosed: boolean;
}

export function makeVictim(seed: number, isClosed = false): Victim {
  const host = new MemoryHost();
  const anchor = memoryAnchor();
  const fs = createVolume(host, { sizeBytes: 256 << 20, anchor });
  const run = new ModelRun(fs, seed, { fileBytes: 120_000 });
  const go = (steps: number) => {
    for (let i = 0; i < steps; i++) run.step();
    if (fs.sync() !== 0) throw new Error('sync failed');
  };
  go(60);
  const old = host.snapshot();
  const oldTree = run.tree();
  go(30);
  go(30);
  const beforeTree = run.tree();
  go(10);
  if (isClosed) fs.store.close();
  return { old, now: host.snapshot(), oldTree, nowTree: run.tree(), beforeTree, anchor, isClosed };
}

type Attack = (host: MemoryHost, victim: Victim, random: SeededRandom) => void;

const anyBlock = (bytes: Uint8Array, random: SeededRandom) =>
  random.below(Math.floor(bytes.length / BLOCK_BYTES)) * BLOCK_BYTES;

const ATTACKS: readonly Attack[] = [
  function flip(host, _victim, random) {
    for (let i = 1 + random.below(4); i > 0; i--)
      host.bytes[random.below(host.sizeBytes)]! ^= 1 << random.below(8);
  },
  function swap(host, _victim, random) {
    const a = anyBlock(host.bytes, random);
    const b = anyBlock(host.bytes, random);
    const first = host.bytes.slice(a, a + BLOCK_BYTES);
    host.bytes.copyWithin(a, b, b + BLOCK_BYTES);
    host.bytes.set(first, b);
  },
  function truncate(host, _victim, random) {
    host.sizeBytes = random.below(host.sizeBytes);
  },
  function replayBlocks(host, victim, random) {
    for (let i = 1 + random.below(8); i > 0; i--) {
      const at = anyBlock(victim.old, random);
      host.bytes.set(victim.old.subarray(at, at + BLOCK_BYTES), at);
    }
  },
  function mixSnapshots(host, victim, random) {
    const cut = anyBlock(victim.old, random);
    if (random.below(2) === 0) host.bytes.set(victim.old.subarray(0, cut), 0);
    else host.bytes.set(victim.old.subarray(cut), cut);
  },
  function zeroBlocks(host, _victim, random) {
    for (let i = 1 + random.below(4); i > 0; i--) {
      const at = anyBlock(host.bytes, random);
      host.bytes.fill(0, at, at + BLOCK_BYTES);
    }
  },
  function failReads(host, _victim, random) {
    let left = random.below(60);
    host.before = (operation) => {
      if (operation === 'read' && left-- === 0) throw failing('EIO');
    };
  },
  function shortReads(host, _victim, random) {
    const read = host.read.bind(host);
    host.read = (offset, target) => {
      if (random.below(3) !== 0) return read(offset, target);
      const part = target.subarray(0, 1 + random.below(target.length));
      return read(offset, part) + (random.below(40) === 0 ? random.below(9000) : 0);
    };
  },
  function changeBetweenReads(host, _victim, random) {
    const read = host.read.bind(host);
    host.read = (offset, target) => {
      const got = read(offset, target);
      if (random.below(30) === 0 && got > 0) target[random.below(got)]! ^= 0x40;
      return got;
    };
  },
];

/** Runs one case; a line for what is wrong, or undefined. */
export function hostileCase(victim: Victim, seed: number): string | undefined {
  const random = new SeededRandom(seed);
  const host = new MemoryHost(victim.now.slice());
  const attack = ATTACKS[random.below(ATTACKS.length)] as Attack;
  attack(host, victim, random);
  const anchor = random.below(2) === 0 ? victim.anchor : undefined;
  // With a small cache, files are read past it.
  const cacheBytes = random.below(2) === 0 ? 64 << 10 : 64 << 20;
  try {
    const fs = openVolume(host, {
      isReadOnly: true,
      cacheBytes,
      ...(anchor === undefined ? {} : { anchor }),
    });
    const tree = treeOf(fs.root);
    // With an anchor only the last commit may be seen.
    if (anchor !== undefined)
      return sameTree(tree, victim.nowTree) ? undefined : `${attack.name}, seed ${seed}: not fresh`;
    const isBefore = !victim.isClosed && sameTree(tree, victim.beforeTree);
    const isRecent = sameTree(tree, victim.nowTree) || isBefore;
    // An older commit is only possible where the whole volume was rolled back; the very first one
    // is empty.
    const isOld = sameTree(tree, victim.oldTree) || tree.size === 0;
    if (!isRecent && !isOld) return `${attack.name}, seed ${seed}: wrong contents`;
    if (!isRecent && !['mixSnapshots', 'replayBlocks'].includes(attack.name))
      return `${attack.name}, seed ${seed}: an old state`;
    checkVolume(fs.store);
  } catch (error) {
    const isClear =
      error instanceof VolumeError || (error instanceof Error && /^errno 5$/.test(error.message));
    if (!isClear) return `${attack.name}, seed ${seed}: ${(error as Error).stack}`;
  }
  return undefined;
}

/**
 * A host that fails while it is written to, and then works again: what was reported as synced must
 * be there afterwards.
 */
export function failingWriterCase(seed: number): string | undefined {
  const random = new SeededRandom(seed);
  const host = new MemoryHost();
  const fs = createVolume(host, { sizeBytes: 256 << 20 });
  const run = new ModelRun(fs, seed, { fileBytes: 60_000 });
  let synced = run.tree();
  let maybe = synced;
  const errno = random.below(2) === 0 ? 'EIO' : 'ENOSPC';
  const after = random.below(40);
  let count = 0;
  try {
    for (let i = 0; i < 60; i++) {
      if (i === 20)
        host.before = (operation) => {
          if (operation !== 'read' && count++ === after) throw failing(errno);
        };
      run.step();
      if (i % 5 !== 0) continue;
      maybe = run.tree();
      if (fs.sync() === 0) synced = maybe;
    }
  } catch (error) {
    if (!(error instanceof Error) || !/^(errno|wrote) /.test(error.message))
      return `seed ${seed}: ${(error as Error).stack}`;
  }
  host.before = () => undefined;
  try {
    const again = openVolume(new MemoryHost(host.snapshot()));
    const tree = treeOf(again.root);
    if (!sameTree(tree, synced) && !sameTree(tree, maybe)) return `seed ${seed}: not as synced`;
    const { problems } = checkVolume(again.store);
    return problems.length === 0 ? undefined : `seed ${seed}: ${problems.join('; ')}`;
  } catch (error) {
    return `seed ${seed}: ${(error as Error).stack}`;
  }
}

function sameTree(a: Map<string, string>, b: Map<string, string>): boolean {
  if (a.size !== b.size) return false;
  for (const [path, contents] of a) if (b.get(path) !== contents) return false;
  return true;
}

/** An anchor that remembers one volume. */
export function memoryAnchor(): FreshnessAnchor {
  let state: AnchorState | undefined;
  return {
    name: 'memory',
    read: () => state,
    advance(_volumeId, expected, next) {
      if (state?.generation !== expected?.generation) throw new Error('the anchor was moved');
      state = next;
    },
  };
}
