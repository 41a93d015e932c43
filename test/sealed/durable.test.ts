/**
 * What a program may trust to last: after each way to ask for durability, the volume as the host has
 * it at that moment is opened, as after a power cut. An unmodified Python asks, in a run.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { checkVolume } from '../../src/fs/sealed/check.ts';
import { MemoryHost } from '../../src/fs/sealed/testing/memory-host.ts';
import { openVolume, readAll, TEST_KEY } from '../../src/fs/sealed/testing/volume.ts';
import type { Inode } from '../../src/vfs/inode.ts';

const CLOISTER = new URL('../../bin/cloister', import.meta.url).pathname;
const PYTHON = '/usr/bin/python3';
const skip =
  process.platform !== 'linux' || process.arch !== 'x64'
    ? 'guests run on x86-64 Linux only'
    : existsSync(PYTHON)
      ? false
      : `${PYTHON} is not installed`;

/** Each step prints its name, and waits until the host's bytes were copied. */
const PROGRAM = `
import mmap, os, sys
BYTES = b"0123456789abcdef" * 512
def place(name, flags=0):
    return os.open("/data/" + name, os.O_RDWR | os.O_CREAT | flags)
def told(name):
    print(name, flush=True)
    sys.stdin.readline()
def call(name, ask, flags=0):
    f = place(name, flags)
    os.write(f, BYTES)
    ask(f)
    told(name)
call("nothing", lambda f: None)
call("O_SYNC", lambda f: None, os.O_SYNC)
call("O_DSYNC", lambda f: None, os.O_DSYNC)
call("fsync", os.fsync)
call("fdatasync", os.fdatasync)
call("sync", lambda f: os.sync())
call("RWF_DSYNC", lambda f: os.pwritev(f, [b"!"], 0, os.RWF_DSYNC))
def direct(f):
    page = mmap.mmap(-1, 4096)
    page.write(b"=" * 4096)
    os.pwritev(f, [page], 4096)
    back = mmap.mmap(-1, 4096)
    assert os.preadv(f, [back], 4096) == 4096 and back[:] == page[:]
    os.fsync(f)
call("O_DIRECT", direct, os.O_DIRECT)
f = place("msync")
os.write(f, BYTES)
os.fsync(f)
m = mmap.mmap(f, len(BYTES))
m[5000:5003] = b"new"
m.flush()
told("msync")
f = place("renamed.new")
os.write(f, BYTES)
os.fsync(f)
os.rename("/data/renamed.new", "/data/renamed")
told("renamed")
f = place("attributes")
os.write(f, BYTES)
os.setxattr(f, "user.name", b"v" * 1000)
os.fsync(f)
told("attributes")
f = place("directory")
os.write(f, BYTES)
os.fsync(os.open("/data", os.O_RDONLY))
told("directory")
`;

const BYTES = Buffer.from('0123456789abcdef'.repeat(512));
const replaced = (at: number, text: string): Buffer => {
  const bytes = Buffer.from(BYTES);
  bytes.write(text, at);
  return bytes;
};
const WANTED: Readonly<Record<string, Buffer | undefined>> = {
  // The canary: nobody asked, so a power cut may take it, and here does.
  nothing: undefined,
  ...Object.fromEntries(
    ['O_SYNC', 'O_DSYNC', 'fsync', 'fdatasync', 'sync'].map((name) => [name, BYTES]),
  ),
  RWF_DSYNC: replaced(0, '!'),
  O_DIRECT: replaced(4096, '='.repeat(4096)),
  msync: replaced(5000, 'new'),
  ...Object.fromEntries(['renamed', 'attributes', 'directory'].map((name) => [name, BYTES])),
};

/** The file of a name in a volume that is as the host has it now. */
function fileAfterPowerCut(path: string, name: string): Inode | undefined {
  const fs = openVolume(new MemoryHost(new Uint8Array(readFileSync(path))), { isReadOnly: true });
  assert.deepEqual(checkVolume(fs.store).problems, [], name);
  const file = fs.root.lookup(name);
  return typeof file === 'number' ? undefined : file;
}

test('what a program asked to be durable is there after a power cut', { skip }, async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cloister-durable-'));
  let child: ChildProcess | undefined;
  try {
    const [key, volume] = [join(scratch, 'key'), join(scratch, 'volume')];
    writeFileSync(key, TEST_KEY);
    const made = spawnSync(CLOISTER, ['volume', 'create', volume, '--key-file', key]);
    assert.equal(made.status, 0, String(made.stderr));
    const mount = `type=sealed,source=${volume},target=/data,key-file=${key}`;
    const running = spawn(CLOISTER, ['run', '--mount', mount, '--', PYTHON, '-c', PROGRAM], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child = running;
    const ended = new Promise((resolve) => running.on('close', resolve));
    const seen: string[] = [];
    for await (const name of createInterface({ input: running.stdout })) {
      seen.push(name);
      const file = fileAfterPowerCut(volume, name);
      const wanted = WANTED[name];
      assert.equal(file !== undefined, wanted !== undefined, name);
      if (file !== undefined) assert.ok(wanted?.equals(readAll(file)), `other bytes: ${name}`);
      if (name === 'attributes')
        assert.deepEqual(file?.getXattr('user.name'), new Uint8Array(1000).fill(0x76));
      running.stdin.write('\n');
    }
    assert.equal(await ended, 0);
    assert.deepEqual(seen, Object.keys(WANTED));
  } finally {
    child?.kill('SIGKILL');
    rmSync(scratch, { recursive: true, force: true });
  }
});
