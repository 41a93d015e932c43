/**
 * docs/formats/volume.md is enough to read a volume: a second implementation, in Python and written
 * from that text, finds in volumes what was put there, and finds damage.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, hash, type KeyObject } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { S_IFLNK } from '../../src/abi/file-mode.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { checkVolume } from '../../src/fs/sealed/check.ts';
import { rawKey } from '../../src/fs/sealed/l1-keys/unlock.ts';
import { rekey } from '../../src/fs/sealed/l4-store/rekey.ts';
import type { SealedFileSystem } from '../../src/fs/sealed/l6-vfs/sealed-file-system.ts';
import { MemoryHost } from '../../src/fs/sealed/testing/memory-host.ts';
import {
  createVolume,
  makeDirectory,
  makeFile,
  ok,
  openVolume,
  readAll,
  TEST_KEY,
} from '../../src/fs/sealed/testing/volume.ts';
import { nodeEntropy } from '../../src/host/crypto.ts';
import { passphrase } from '../../src/host/volume-file.ts';
import { recipient } from '../../src/host/volume-secret.ts';
import { bytesOf } from '../../src/vfs/byte-string.ts';
import type { Inode } from '../../src/vfs/inode.ts';

const PYTHON = '/usr/bin/python3';
const READER = new URL('./independent.py', import.meta.url).pathname;
const skip = existsSync(PYTHON) ? false : `${PYTHON} is not installed`;
const BLOCK = 4096;

/** Every kind of item that the format has. */
function fill(fs: SealedFileSystem): void {
  const random = new SeededRandom(21);
  const { root } = fs;
  const put = (file: Inode, at: number, bytes: Uint8Array) =>
    assert.equal(file.writeAt(at, bytes, 0, bytes.length), bytes.length);
  put(makeFile(root, 'inline'), 0, random.bytes(900));
  const cells = makeFile(root, 'cells');
  put(cells, 0, random.bytes(90_001));
  assert.equal(fs.sync(), 0);
  // Parts of cells, a hole, an end inside of a block.
  put(cells, 3 * BLOCK, random.bytes(BLOCK));
  assert.equal(fs.sync(), 0);
  ok(cells.allocate(3, 20 * BLOCK, 2 * BLOCK));
  const sparse = makeFile(root, 'sparse');
  put(sparse, 300_000, random.bytes(5000));
  const dir = makeDirectory(root, 'many \xfc');
  for (let i = 0; i < 250; i++) put(makeFile(dir, `file ${i}`), 0, bytesOf(`contents ${i}`));
  ok(dir.link('twice', cells));
  ok(root.symlink('link', 'to/nowhere', { mode: S_IFLNK | 0o777, uid: 3, gid: 4, rdev: 0 }));
  ok(cells.setXattr('user.one', bytesOf('value'), 0));
  ok(cells.setXattr('user.big', random.bytes(2000), 0));
  ok(cells.setMode(0o4711));
  ok(cells.setModificationTime(-5, 7));
}

/** What the reader prints, found by the implementation itself. */
function listing(inode: Inode, path = '', out: Record<string, unknown> = {}) {
  const names: string[] = [];
  if (inode.isDirectory) ok(inode.iterate(2, { emit: (name) => names.push(name) > 0 }));
  const target = inode.readlink();
  const contents = inode.isDirectory
    ? undefined
    : typeof target === 'string'
      ? bytesOf(target)
      : readAll(inode);
  const xattrs = ok(inode.listXattr() as readonly string[]).map((name) => [
    name,
    Buffer.from(ok(inode.getXattr(name) as Uint8Array)).toString('hex'),
  ]);
  out[path] = {
    ...{ mode: inode.mode, links: inode.nlink, uid: inode.uid, gid: inode.gid },
    ...{ modified: inode.mtimeSec, xattrs: Object.fromEntries(xattrs) },
    ...(contents && { size: contents.length, sha256: hash('sha256', contents) }),
  };
  for (const name of names) listing(ok(inode.lookup(name) as Inode), `${path}/${name}`, out);
  return out;
}

test('a reader that was written from the format finds what is there, and damage', { skip }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cloister-independent-'));
  const path = join(scratch, 'volume');
  const read = (bytes: Uint8Array, ...secret: string[]) => {
    writeFileSync(path, bytes);
    return spawnSync(PYTHON, [READER, path, ...secret], { encoding: 'utf8', maxBuffer: 1 << 26 });
  };
  const key = ['key', Buffer.from(TEST_KEY).toString('hex')];
  try {
    const host = new MemoryHost();
    const fs = createVolume(host, { sizeBytes: 64 << 20 });
    fill(fs);
    assert.equal(fs.sync(), 0);
    const wanted = listing(fs.root);
    const open = read(host.snapshot(), ...key);
    assert.equal(open.status, 0, open.stderr);
    assert.deepEqual(JSON.parse(open.stdout), wanted);
    // Another epoch, a passphrase, and a volume that was closed.
    const words = 'correct horse';
    const pair = generateKeyPairSync('x25519');
    const raw = (key: KeyObject, half: 'd' | 'x') =>
      Buffer.from(key.export({ format: 'jwk' })[half] as string, 'base64url');
    const slots = [
      rawKey(TEST_KEY),
      passphrase(words, nodeEntropy),
      recipient(new Uint8Array(raw(pair.publicKey, 'x'))),
    ];
    rekey(
      fs.store,
      nodeEntropy,
      slots.map((maker) => ({ name: 'slot', maker })),
    );
    assert.equal(makeFile(fs.root, 'later').writeAt(0, new Uint8Array(9), 0, 9), 9);
    assert.equal(fs.sync(), 0);
    fs.store.close();
    const bytes = host.snapshot();
    const closed = read(bytes, 'passphrase', words);
    assert.equal(closed.status, 0, closed.stderr);
    assert.deepEqual(JSON.parse(closed.stdout), listing(openVolume(host).root));
    const mine = read(bytes, 'x25519', raw(pair.privateKey, 'd').toString('hex'));
    assert.equal(mine.stdout, closed.stdout, mine.stderr);
    assert.equal(read(bytes, 'passphrase', 'wrong').status, 3);
    // Where this implementation finds damage, so does the other.
    const random = new SeededRandom(22);
    for (let i = 0; i < 3; i++) {
      const changed = bytes.slice();
      changed[(16 + random.below(bytes.length / BLOCK - 16)) * BLOCK + 5]! ^= 1;
      assert.equal(read(changed, ...key).status, isWhole(changed) ? 0 : 3);
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
});

function isWhole(bytes: Uint8Array): boolean {
  try {
    const fs = openVolume(new MemoryHost(bytes), { isReadOnly: true });
    return checkVolume(fs.store).problems.length === 0;
  } catch {
    return false;
  }
}
