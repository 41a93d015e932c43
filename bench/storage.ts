/**
 * `npm run bench -- storage`: the sealed volume's file-system layer against the same work on the
 * plain host file system, on tmpfs, through gocryptfs (Debian's) where FUSE works, and
 * against AES-256-GCM of node:crypto alone on as many bytes. Peers take turns row by row; medians, and
 * what part of the rate of AES-GCM the volume reaches, by medians and by the best of each.
 *
 * The volume is called directly (inodes, no guest); its peers through system calls of Node.js.
 */
import { spawnSync } from 'node:child_process';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import * as nodeFs from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { S_IFREG } from '../src/abi/file-mode.ts';
import { SeededRandom } from '../src/base/random.ts';
import { rawKey } from '../src/fs/sealed/l1-keys/unlock.ts';
import type { SealedFileSystem } from '../src/fs/sealed/l6-vfs/sealed-file-system.ts';
import { createVolume, openVolume } from '../src/fs/sealed/volume.ts';
import { nodeCrypto, nodeEntropy } from '../src/host/crypto.ts';
import { VolumeFile } from '../src/host/volume-file.ts';
import { FixedFileClock } from '../src/vfs/file-clock.ts';
import type { Inode } from '../src/vfs/inode.ts';
import { onPath, packageRoot } from '../test/support/packages.ts';
import { benchSqlite } from './sqlite.ts';

const BIG_BYTES = 256 << 20;
const RANDOM_CALLS = 20_000;
const SMALL_FILES = 10_000;
const ROUNDS = 3;

interface Subject {
  readonly name: string;
  /** A fresh, empty place. */
  reset(): void;
  open(name: string): SubjectFile;
  remove(name: string): void;
  sync(): void;
  /** Forgets what is cached, as far as that is possible. */
  dropCaches(): void;
  /** Bytes on the host. */
  hostBytes?(): number;
  done(): void;
}

interface SubjectFile {
  write(at: number, bytes: Uint8Array): void;
  read(at: number, target: Uint8Array): void;
  fsync(): void;
  close(): void;
}

class FolderSubject implements Subject {
  readonly name: string;
  readonly #dir: string;

  constructor(name: string, dir: string) {
    this.name = name;
    this.#dir = dir;
  }

  reset(): void {
    for (const entry of nodeFs.readdirSync(this.#dir))
      nodeFs.rmSync(join(this.#dir, entry), { recursive: true });
  }

  open(name: string): SubjectFile {
    const flags = nodeFs.constants.O_RDWR | nodeFs.constants.O_CREAT;
    const fd = nodeFs.openSync(join(this.#dir, name), flags);
    return {
      write: (at, bytes) => nodeFs.writeSync(fd, bytes, 0, bytes.length, at),
      read: (at, target) => nodeFs.readSync(fd, target, 0, target.length, at),
      fsync: () => nodeFs.fsyncSync(fd),
      close: () => nodeFs.closeSync(fd),
    };
  }

  remove(name: string): void {
    nodeFs.unlinkSync(join(this.#dir, name));
  }

  sync(): void {
    const fd = nodeFs.openSync(this.#dir, 'r');
    nodeFs.fsyncSync(fd);
    nodeFs.closeSync(fd);
  }

  dropCaches(): void {
    // The kernel's page cache stays: so it does under the volume's own file.
  }

  done(): void {
    this.reset();
  }
}

class VolumeSubject implements Subject {
  readonly name = 'volume';
  readonly #path: string;
  readonly #key = rawKey(new Uint8Array(32).fill(1));
  #host: VolumeFile | undefined;
  #fs: SealedFileSystem | undefined;

  constructor(dir: string) {
    this.#path = join(dir, 'bench.volume');
  }

  #context(mode: 'create' | 'write') {
    this.#host?.[Symbol.dispose]();
    this.#host = new VolumeFile(this.#path, mode);
    return { host: this.#host, crypto: nodeCrypto, entropy: nodeEntropy, name: 'bench' };
  }

  reset(): void {
    nodeFs.rmSync(this.#path, { force: true });
    const slots = [{ name: 'key', maker: this.#key }];
    const clock = new FixedFileClock();
    this.#fs = createVolume(this.#context('create'), { sizeBytes: 2 ** 40, slots, clock });
  }

  open(name: string): SubjectFile {
    const root = this.#root();
    let file = root.lookup(name);
    if (typeof file === 'number')
      file = root.create(name, { mode: S_IFREG | 0o644, uid: 0, gid: 0, rdev: 0 });
    if (typeof file === 'number') throw new Error(`errno ${-file}`);
    const inode = file;
    return {
      write: (at, bytes) => must(inode.writeAt(at, bytes, 0, bytes.length)),
      read: (at, target) => must(inode.readAt(at, target, 0, target.length)),
      fsync: () => must(inode.sync(false)),
      close: () => undefined,
    };
  }

  remove(name: string): void {
    const root = this.#root();
    must(root.unlink(name, root.lookup(name) as Inode));
  }

  sync(): void {
    must(this.#fs?.sync() ?? 0);
  }

  dropCaches(): void {
    this.sync();
    this.#fs = openVolume(this.#context('write'), {
      clock: new FixedFileClock(),
      secret: this.#key,
    });
  }

  hostBytes(): number {
    return nodeFs.statSync(this.#path).blocks * 512;
  }

  done(): void {
    this.#host?.[Symbol.dispose]();
    nodeFs.rmSync(this.#path, { force: true });
  }

  #root(): Inode {
    return (this.#fs as SealedFileSystem).root;
  }
}

function must(result: number): void {
  if (result < 0) throw new Error(`errno ${-result}`);
}

interface Row {
  readonly name: string;
  readonly unit: 'MB/s' | 'op/s';
  readonly amount: number;
  /** AES-GCM alone does the same with as many bytes in a call. */
  readonly alone?: { readonly bytes: number; readonly doOpen: boolean };
  prepare?(subject: Subject): void;
  run(subject: Subject): void;
}

const MB = 1e6;

function writeBig(subject: Subject, callBytes: number): void {
  const file = subject.open('big');
  const piece = randomBytes(callBytes);
  for (let at = 0; at < BIG_BYTES; at += callBytes) file.write(at, piece);
  file.fsync();
  file.close();
}

function readBig(subject: Subject, callBytes: number): void {
  const file = subject.open('big');
  const target = new Uint8Array(callBytes);
  for (let at = 0; at < BIG_BYTES; at += callBytes) file.read(at, target);
  file.close();
}

function randomCalls(subject: Subject, doWrite: boolean): void {
  const random = new SeededRandom(5);
  const file = subject.open('big');
  const piece = randomBytes(4096);
  for (let i = 0; i < RANDOM_CALLS; i++) {
    const at = random.below(BIG_BYTES / 4096) * 4096;
    if (doWrite) file.write(at, piece);
    else file.read(at, piece);
  }
  if (doWrite) file.fsync();
  file.close();
}

function makeBig(subject: Subject): void {
  subject.reset();
  writeBig(subject, 1 << 20);
  subject.dropCaches();
}

const ROWS: readonly Row[] = [
  ...[1 << 20, 65_536, 4096].flatMap((call): Row[] => {
    const label = call === 1 << 20 ? '1 MiB' : `${call / 1024} KiB`;
    const base = { unit: 'MB/s', amount: BIG_BYTES / MB } as const;
    return [
      {
        ...base,
        name: `write 256 MiB, ${label} calls, fsync`,
        alone: { bytes: call, doOpen: false },
        prepare: (s) => s.reset(),
        run: (s) => writeBig(s, call),
      },
      {
        ...base,
        name: `read 256 MiB, ${label} calls`,
        alone: { bytes: call, doOpen: true },
        prepare: makeBig,
        run: (s) => readBig(s, call),
      },
    ];
  }),
  {
    name: 'random read 4 KiB of 256 MiB',
    unit: 'op/s',
    amount: RANDOM_CALLS,
    prepare: makeBig,
    run: (s) => randomCalls(s, false),
  },
  {
    name: 'random write 4 KiB of 256 MiB, fsync',
    unit: 'op/s',
    amount: RANDOM_CALLS,
    prepare: makeBig,
    run: (s) => randomCalls(s, true),
  },
  {
    name: 'create 10,000 files of 200 bytes, sync',
    unit: 'op/s',
    amount: SMALL_FILES,
    prepare: (s) => s.reset(),
    run: makeSmallFiles,
  },
  {
    name: 'delete 10,000 files, sync',
    unit: 'op/s',
    amount: SMALL_FILES,
    prepare: (s) => {
      s.reset();
      makeSmallFiles(s);
    },
    run: (s) => {
      for (let i = 0; i < SMALL_FILES; i++) s.remove(`file-${i}`);
      s.sync();
    },
  },
  {
    name: 'append 100 bytes and fsync, 300 times',
    unit: 'op/s',
    amount: 300,
    prepare: (s) => s.reset(),
    run: (s) => {
      const file = s.open('log');
      const line = randomBytes(100);
      for (let i = 0; i < 300; i++) {
        file.write(i * 100, line);
        file.fsync();
      }
      file.close();
    },
  },
];

function makeSmallFiles(subject: Subject): void {
  const contents = randomBytes(200);
  for (let i = 0; i < SMALL_FILES; i++) {
    const file = subject.open(`file-${i}`);
    file.write(0, contents);
    file.close();
  }
  subject.sync();
}

/** AES-256-GCM of node:crypto alone, in MB/s: sealing or opening 256 MiB in pieces. */
function gcmAlone(pieceBytes: number, doOpen: boolean): number {
  const key = randomBytes(32);
  const nonce = randomBytes(12);
  const piece = randomBytes(pieceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const sealed = cipher.update(piece);
  cipher.final();
  const tag = cipher.getAuthTag();
  const start = performance.now();
  for (let at = 0; at < BIG_BYTES; at += pieceBytes) {
    if (doOpen) {
      const one = createDecipheriv('aes-256-gcm', key, nonce);
      one.setAuthTag(tag);
      one.update(sealed);
      one.final();
    } else {
      const one = createCipheriv('aes-256-gcm', key, nonce);
      one.update(piece);
      one.final();
    }
  }
  return BIG_BYTES / MB / ((performance.now() - start) / 1000);
}

/** Where gocryptfs and what it mounts with are: on this machine, else unpacked packages of Debian. */
function gocryptfsPath(): string {
  const own = process.env['PATH'] ?? '';
  if (onPath('gocryptfs') && (onPath('fusermount3') ?? onPath('fusermount'))) return own;
  const root = packageRoot(['gocryptfs', 'fuse'], 'none');
  return [join(root, 'usr/bin'), join(root, 'bin'), own].join(delimiter);
}

/** A mounted gocryptfs, or why there is none. */
function mountGocryptfs(scratch: string): { subject: Subject; unmount: () => void } | string {
  const [cipherDir, mountPoint] = [join(scratch, 'cipher'), join(scratch, 'plain')];
  const passFile = join(scratch, 'pass');
  for (const dir of [cipherDir, mountPoint]) nodeFs.mkdirSync(dir);
  nodeFs.writeFileSync(passFile, 'bench');
  let env: NodeJS.ProcessEnv;
  try {
    env = { ...process.env, PATH: gocryptfsPath() };
  } catch (error) {
    return (error as Error).message;
  }
  for (const args of [
    ['-init', cipherDir],
    [cipherDir, mountPoint],
  ]) {
    const command = ['-q', '-passfile', passFile, ...args];
    // Once it is mounted it goes on in the background, with what it has as standard error.
    const run = spawnSync('gocryptfs', command, { stdio: 'ignore', timeout: 20_000, env });
    if (run.status !== 0) return `gocryptfs ${args.join(' ')}: ${run.error ?? run.status}`;
  }
  return {
    subject: new FolderSubject('gocryptfs', mountPoint),
    unmount: () => void spawnSync('fusermount', ['-u', mountPoint], { env }),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >>> 1] ?? Number.NaN;
}

const ALONE = 'AES-GCM';

/** Rates by subject: the median of all rounds and the best. */
interface Rates {
  readonly median: number;
  readonly best: number;
}

function measure(row: Row, subjects: readonly Subject[]): Map<string, Rates> {
  const times = new Map<string, number[]>(subjects.map((s) => [s.name, []]));
  if (row.alone !== undefined) times.set(ALONE, []);
  for (let round = 0; round < ROUNDS; round++) {
    if (row.alone !== undefined)
      times.get(ALONE)?.push(BIG_BYTES / MB / gcmAlone(row.alone.bytes, row.alone.doOpen));
    for (const subject of subjects) {
      row.prepare?.(subject);
      const start = performance.now();
      row.run(subject);
      times.get(subject.name)?.push((performance.now() - start) / 1000);
    }
  }
  return new Map(
    [...times].map(([name, list]) => [
      name,
      { median: row.amount / median(list), best: row.amount / Math.min(...list) },
    ]),
  );
}

export async function benchStorage(only: readonly string[]): Promise<void> {
  const scratch = nodeFs.mkdtempSync(join(tmpdir(), 'cloister-storage-'));
  const memory = nodeFs.existsSync('/dev/shm')
    ? nodeFs.mkdtempSync('/dev/shm/cloister-')
    : undefined;
  const volume = new VolumeSubject(scratch);
  const plainDir = join(scratch, 'host');
  nodeFs.mkdirSync(plainDir);
  const mounted = mountGocryptfs(scratch);
  const gocryptfs = typeof mounted === 'string' ? undefined : mounted;
  const subjects: Subject[] = [new FolderSubject('plain', plainDir), volume];
  if (gocryptfs) subjects.push(gocryptfs.subject);
  else console.log(`no gocryptfs: ${mounted}`);
  if (memory) subjects.push(new FolderSubject('tmpfs', memory));
  try {
    const wanted = ROWS.filter((r) => only.length === 0 || only.some((o) => r.name.includes(o)));
    const names = [...subjects.map((s) => s.name), ALONE];
    console.log(
      [
        'row'.padEnd(42),
        'unit',
        ...names.map((name) => name.padStart(10)),
        'volume / AES-GCM, medians (best)',
      ].join(' '),
    );
    for (const row of wanted) {
      const rates = measure(row, subjects);
      const cells = names.map((name) => (rates.get(name)?.median.toFixed(0) ?? '').padStart(10));
      const [own, alone] = [rates.get(volume.name), rates.get(ALONE)];
      const ratio = (of: keyof Rates) => ((own?.[of] ?? 0) / (alone?.[of] ?? 0)).toFixed(2);
      const ratios = row.alone ? `${ratio('median')} (${ratio('best')})` : '';
      console.log([row.name.padEnd(42), row.unit, ...cells, ratios].join(' '));
    }
    if (only.length === 0 || only.includes('sqlite')) {
      const mountPoint = gocryptfs && join(scratch, 'plain');
      benchSqlite({ scratch, plain: plainDir, gocryptfs: mountPoint });
    }
    makeBig(volume);
    const overhead = (volume.hostBytes() / BIG_BYTES - 1) * 100;
    console.log(`space overhead on a file of 256 MiB: ${overhead.toFixed(2)} %`);
  } finally {
    for (const subject of subjects) subject.done();
    gocryptfs?.unmount();
    nodeFs.rmSync(scratch, { recursive: true, force: true });
    if (memory) nodeFs.rmSync(memory, { recursive: true, force: true });
  }
}
