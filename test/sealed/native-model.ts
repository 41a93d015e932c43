/**
 * Random operations by an unmodified Python on a sealed volume, and the same on file systems of this
 * machine: each answer must be the same, and so must what a later run finds. A difference is shrunk to
 * the fewest operations that still show it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '../../src/base/random.ts';
import { rawKey } from '../../src/fs/sealed/l1-keys/unlock.ts';
import { createVolume } from '../../src/fs/sealed/volume.ts';
import { nodeCrypto, nodeEntropy } from '../../src/host/crypto.ts';
import { readKeyFile, VolumeFile } from '../../src/host/volume-file.ts';
import { FixedFileClock } from '../../src/vfs/file-clock.ts';

export const PYTHON = '/usr/bin/python3';
const CLOISTER = new URL('../../bin/cloister', import.meta.url).pathname;
const PROGRAM = new URL('./native-model.py', import.meta.url).pathname;
const NAMES = ['a', 'b', 'c', 'dir', 'e f', 'ü', 'a-name-that-is-somewhat-longer'];
const FILE_BYTES = 300_000;
const MAX_SHRINKS = 60;

export type Operation = readonly [string, ...(string | number)[]];

type Make = (random: SeededRandom) => Operation;

function path(random: SeededRandom): string {
  const parts = [random.pick(NAMES)];
  while (parts.length < 4 && random.below(2) === 0) parts.push(random.pick(NAMES));
  return parts.join('/');
}
const offset = (random: SeededRandom): number =>
  random.below(random.pick([1, 100, 4096, 70_000, FILE_BYTES]));
const length = (random: SeededRandom): number =>
  1 + random.below(random.pick([10, 3000, 9000, 140_000]));
const slot = (random: SeededRandom): string => `h${random.below(5)}`;

/** Weight and maker of each kind of operation. */
const KINDS: readonly (readonly [number, Make])[] = [
  [10, (r) => ['mkdir', path(r)]],
  [4, (r) => ['rmdir', path(r)]],
  [7, (r) => ['unlink', path(r)]],
  [9, (r) => ['rename', path(r), path(r)]],
  [4, (r) => ['link', path(r), path(r)]],
  [3, (r) => ['symlink', r.pick([path(r), `../${path(r)}`, 'a']), path(r)]],
  [24, (r) => ['write', path(r), offset(r), length(r), 1 + r.below(250)]],
  [5, (r) => ['append', path(r), length(r), r.below(250)]],
  [8, (r) => ['read', path(r), offset(r), length(r)]],
  [8, (r) => ['truncate', path(r), offset(r)]],
  [3, (r) => ['reserve', path(r), offset(r), length(r)]],
  [2, (r) => ['chmod', path(r), r.pick([0o600, 0o755, 0o4711, 0o1777])]],
  [2, (r) => ['utime', path(r), r.below(2 ** 31) * 1e6 + 5000]],
  [4, (r) => ['list', path(r)]],
  [1, (r) => ['readlink', path(r)]],
  [3, (r) => ['setxattr', path(r), `user.${r.below(3)}`, 'v'.repeat(r.below(200))]],
  [1, (r) => ['removexattr', path(r), `user.${r.below(3)}`]],
  [2, (r) => ['xattrs', path(r)]],
  [5, (r) => ['stat', path(r)]],
  [6, (r) => ['open', path(r), slot(r), r.pick(['r', 'w', 'c', 'x', 't'])]],
  [12, (r) => ['handle', slot(r), offset(r), length(r), r.below(3) * 80]],
  [2, (r) => ['fsync', slot(r)]],
  [1, () => ['sync']],
];
const MAKERS = KINDS.flatMap(([weight, make]) => Array<Make>(weight).fill(make));

export function randomOperations(seed: number, count: number): Operation[] {
  const random = new SeededRandom(seed);
  const operations: Operation[] = [];
  while (operations.length < count) {
    operations.push(random.pick(MAKERS)(random));
    if (operations.length % 100 === 99) operations.push(['tree']);
  }
  return [...operations, ['tree']];
}

export class NativeModel implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'cloister-model-'));

  constructor() {
    writeFileSync(join(this.#folder, 'key'), new Uint8Array(32).fill(7));
    writeFileSync(join(this.#folder, 'tree.json'), '[["tree"]]');
  }

  /** The first lines that differ, with the fewest operations that show it; undefined: none do. */
  difference(operations: readonly Operation[]): string | undefined {
    const first = this.#compare(operations);
    if (first === undefined) return undefined;
    const { fewest, what } = this.#shrunk(operations, first);
    return `${what}\n${fewest.map((one) => JSON.stringify(one)).join('\n')}`;
  }

  /** Leaves out ever smaller parts, as long as a difference is left. */
  #shrunk(operations: readonly Operation[], first: string) {
    let fewest = operations;
    let what = first;
    let tries = 0;
    for (let part = fewest.length >>> 1; part > 0; part >>>= 1)
      for (let at = 0; at < fewest.length && tries < MAX_SHRINKS; tries++) {
        const less = [...fewest.slice(0, at), ...fewest.slice(at + part)];
        const still = less.length === 0 ? undefined : this.#compare(less);
        if (still === undefined) at += part;
        else [fewest, what] = [less, still];
      }
    return { fewest, what };
  }

  #compare(operations: readonly Operation[]): string | undefined {
    writeFileSync(join(this.#folder, 'operations.json'), JSON.stringify(operations));
    const inside = this.#inside();
    for (const root of [tmpdir(), '/dev/shm']) {
      if (!existsSync(root)) continue;
      const outside = this.#natively(root);
      for (const [i, line] of outside.entries())
        if (inside[i] !== line)
          return `natively in ${root}: ${line}\nin the volume: ${inside[i]}\nof ${JSON.stringify(operations[i])}`;
    }
    return undefined;
  }

  /** All lines, and those of a second process, or run, that lists what is there. */
  #natively(root: string): string[] {
    const base = mkdtempSync(join(root, 'cloister-native-'));
    try {
      return ['operations', 'tree'].flatMap((name) => {
        const args = [PROGRAM, join(this.#folder, `${name}.json`), base];
        return linesOf(spawnSync(PYTHON, args, { encoding: 'utf8', maxBuffer: 1 << 28 }));
      });
    } finally {
      rmSync(base, { recursive: true });
    }
  }

  #inside(): string[] {
    const volume = join(this.#folder, 'volume');
    const key = join(this.#folder, 'key');
    rmSync(volume, { force: true });
    {
      using host = new VolumeFile(volume, 'create');
      const slots = [{ name: 'key', maker: rawKey(readKeyFile(key)) }];
      const context = { host, crypto: nodeCrypto, entropy: nodeEntropy, name: volume };
      createVolume(context, { sizeBytes: 2 ** 40, slots, clock: new FixedFileClock() });
    }
    const mount = `type=sealed,source=${volume},target=/data,key-file=${key}`;
    return ['operations', 'tree'].flatMap((name) => {
      const options = [
        '--mount',
        mount,
        '-v',
        `${this.#folder}:/m:ro`,
        '-v',
        `${PROGRAM}:/p.py:ro`,
      ];
      const args = ['run', ...options, '--', PYTHON, '/p.py', `/m/${name}.json`, '/data'];
      return linesOf(spawnSync(CLOISTER, args, { encoding: 'utf8', maxBuffer: 1 << 28 }));
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function linesOf(run: { status: number | null; stdout: string; stderr: string }): string[] {
  // What Cloister remarks on a run that goes well is nothing that the program says.
  const words = run.status === 0 ? '' : run.stderr.slice(-400);
  return [...run.stdout.split('\n').slice(0, -1), `status ${run.status} ${words}`];
}
