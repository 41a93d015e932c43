/**
 * The crash test: a workload runs over a host that logs writes and barriers; then hosts are made
 * that kept a part of the log, as a kill or power cut would leave it, and each must open as the
 * last synced state or a later one.
 */

import { SeededRandom } from '../../../base/random.ts';
import { checkVolume } from '../check.ts';
import { type HostEvent, MemoryHost } from './memory-host.ts';
import { ModelRun } from './model.ts';
import { turn } from './turn.ts';
import { createVolume, openVolume, treeOf } from './volume.ts';

interface SyncPoint {
  /** Events in the log when the sync had returned. */
  readonly events: number;
  readonly tree: Map<string, string>;
}

export interface Recording {
  /** The volume before the log begins. */
  readonly start: Uint8Array;
  readonly log: readonly HostEvent[];
  readonly syncs: readonly SyncPoint[];
}

/** Runs random operations and syncs. */
export function recordWorkload(seed: number, steps: number): Recording {
  const host = new MemoryHost();
  const fs = createVolume(host, { sizeBytes: 256 << 20, cacheBytes: 256 << 10 });
  const start = host.snapshot();
  host.log = [];
  const run = new ModelRun(fs, seed, { fileBytes: 150_000 });
  const syncs: SyncPoint[] = [{ events: 0, tree: run.tree() }];
  for (let i = 0; i < steps; i++) {
    run.step();
    // Contents that are written before their commit, as memory pressure does it.
    if (run.random.below(10) === 0) fs.relieve();
    if (run.random.below(6) !== 0 && i < steps - 1) continue;
    if (fs.sync() !== 0) throw new Error('sync failed');
    // Closing, which a volume survives like any commit, changes nothing that can be seen.
    if (run.random.below(3) === 0) fs.store.close();
    syncs.push({ events: host.log.length, tree: run.tree() });
  }
  return { start, log: host.log, syncs };
}

/** Checks `count` crash states; answers a line for each that is wrong. */
export async function replayCrashes(
  recording: Recording,
  seed: number,
  count: number,
): Promise<string[]> {
  const random = new SeededRandom(seed);
  const wrong: string[] = [];
  const { log } = recording;
  for (let i = 0; i < count; i++) {
    if (i % 32 === 31) await turn();
    // Every prefix in order first, then cuts with reordering and torn writes.
    const isPrefix = i <= log.length;
    const cut = isPrefix ? i : random.below(log.length + 1);
    const host = new MemoryHost(recording.start.slice());
    const barrier = lastBarrier(log, cut);
    for (let e = 0; e < cut; e++) {
      const event = log[e] as HostEvent;
      if (event.kind !== 'write') continue;
      if (isPrefix || e < barrier) host.put(event.offset, event.bytes);
      else applyPartly(host, event.bytes, event.offset, random);
    }
    const problem = judge(recording, host, cut);
    if (problem !== undefined) wrong.push(`state ${i}, cut ${cut}: ${problem}`);
  }
  return wrong;
}

function lastBarrier(log: readonly HostEvent[], cut: number): number {
  for (let e = cut - 1; e >= 0; e--) if (log[e]?.kind === 'barrier') return e;
  return 0;
}

/** A write that no barrier covers: kept, lost, or torn at sectors of 512 bytes. */
function applyPartly(host: MemoryHost, bytes: Uint8Array, offset: number, random: SeededRandom) {
  const fate = random.below(3);
  if (fate === 0) host.put(offset, bytes);
  if (fate !== 2) return;
  for (let at = 0; at < bytes.length; at += 512)
    if (random.below(2) === 0) host.put(offset + at, bytes.subarray(at, at + 512));
}

function judge(recording: Recording, host: MemoryHost, cut: number): string | undefined {
  const { syncs } = recording;
  let last = 0;
  while (last + 1 < syncs.length && (syncs[last + 1] as SyncPoint).events <= cut) last++;
  let tree: Map<string, string>;
  try {
    const fs = openVolume(host);
    const { problems } = checkVolume(fs.store);
    if (problems.length > 0) return problems.join('; ');
    tree = treeOf(fs.root);
  } catch (error) {
    return String(error);
  }
  for (const sync of syncs.slice(last, last + 2)) if (sameTree(sync.tree, tree)) return undefined;
  return `neither synced state ${last} nor the next`;
}

function sameTree(a: Map<string, string>, b: Map<string, string>): boolean {
  if (a.size !== b.size) return false;
  for (const [path, contents] of a) if (b.get(path) !== contents) return false;
  return true;
}
