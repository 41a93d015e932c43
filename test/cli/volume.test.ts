/** `cloister volume` as a person and a shell meet it: streams, statuses, two commands at once. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SeededRandom } from '../../src/base/random.ts';

const CLOISTER = new URL('../../bin/cloister', import.meta.url).pathname;
const scratch = mkdtempSync(join(tmpdir(), 'cloister-volume-'));
after(() => rmSync(scratch, { recursive: true }));
const file = (name: string) => join(scratch, name);
const KEY = ['--key-file', file('key')];
writeFileSync(file('key'), new Uint8Array(32).fill(1));
writeFileSync(file('other'), new Uint8Array(32).fill(2));
const data = new SeededRandom(1).bytes(3 << 20);
writeFileSync(file('data'), data);

function volume(status: number, ...args: string[]) {
  const run = spawnSync(CLOISTER, ['volume', ...args], { encoding: 'utf8', cwd: scratch });
  assert.equal(run.status, status, `${args.join(' ')}: ${run.stderr}`);
  return run;
}

const shell = (script: string) => spawnSync('bash', ['-c', script], { cwd: scratch });

test('a volume is filled and read through pipes, by one command at a time', async () => {
  volume(0, 'create', 'v', ...KEY, '--size', '64MiB');
  const copy = spawn(CLOISTER, ['volume', 'cp', '-', 'v:/data', ...KEY], { cwd: scratch });
  const ended = new Promise((resolve) => copy.on('close', resolve));
  copy.stdin.write(data.subarray(0, 1 << 20));
  // It reads on until its input ends, and takes no more than a pipe holds before it has the volume.
  await new Promise<void>((resolve) => copy.stdin.write(data.subarray(1 << 20), () => resolve()));
  assert.match(volume(1, 'ls', 'v', ...KEY).stderr, /in use: another run or command/);
  copy.stdin.end();
  assert.equal(await ended, 0);
  assert.equal(volume(0, 'ls', 'v', ...KEY).stdout, 'data\n');
  // A reader that lets the pipe fill, and one that goes away.
  const cp = `${CLOISTER} volume cp v:/data - ${KEY.join(' ')}`;
  const slow = shell(`${cp} | { sleep 1; sha256sum; }`);
  const digest = createHash('sha256').update(data).digest('hex');
  assert.equal(slow.stdout.toString(), `${digest}  -\n`);
  const gone = shell(`${cp} | head -c 5 | wc -c; echo \${PIPESTATUS[0]}`);
  assert.equal(gone.stdout.toString(), '5\n141\n');
  assert.equal(gone.stderr.toString(), '');
});

test('what goes wrong has its status, and says what and where', () => {
  volume(0, 'create', 'w/', ...KEY, '--size', '64MiB', '--anchor', 'anchor');
  volume(0, 'cp', 'data', 'w:/data', ...KEY);
  const { stdout } = volume(0, 'stat', 'w', ...KEY, '--anchor', 'anchor');
  assert.match(stdout, /freshness +commit \d+, later than the anchor \(3\)/);
  assert.match(volume(2, 'cp', 'data', 'w', ...KEY).stderr, /one of source and target/);
  assert.match(volume(1, 'create', 'w', ...KEY).stderr, /exists already/);
  assert.match(volume(4, 'stat', 'w', '--key-file', 'other').stderr, /no key slot/);
  mkdirSync(file('empty'));
  assert.match(volume(1, 'check', 'empty', ...KEY).stderr, /empty\/volume.sealed cannot be opened/);
  assert.equal(spawnSync('mkfifo', [file('fifo')]).status, 0);
  assert.match(volume(1, 'check', 'fifo', ...KEY).stderr, /neither a file nor a block device/);
  assert.match(volume(2, 'ls', 'w:data', ...KEY).stderr, /begins with \/, as in w:\/\n/);
  // A changed block of contents: the one in the middle of the file.
  const path = file('w/volume.sealed');
  const bytes = readFileSync(path);
  bytes[bytes.length >>> 1]! ^= 1;
  writeFileSync(path, bytes);
  assert.match(volume(3, 'cp', 'w:/data', 'out', ...KEY).stderr, /damaged: contents of a file/);
  assert.match(volume(3, 'check', 'w', ...KEY).stdout, /problem .*contents of a file/);
});

test('check tells of a header copy that is damaged, though the other one serves', () => {
  volume(0, 'create', 'h', ...KEY, '--size', '64MiB');
  assert.doesNotMatch(volume(0, 'check', 'h', ...KEY).stdout, /remark/);
  const whole = readFileSync(file('h'));
  for (const at of [0, 100, 16_384, 32_767]) {
    const bytes = Buffer.from(whole);
    bytes[at]! ^= 1;
    writeFileSync(file('h'), bytes);
    const { stdout } = volume(0, 'check', 'h', ...KEY);
    assert.match(stdout, /remark +one of the two copies of its header/, `byte ${at}`);
  }
  volume(0, 'rekey', 'h', ...KEY, '--new-key-file', 'key');
  assert.doesNotMatch(volume(0, 'check', 'h', ...KEY).stdout, /remark/);
});

test('a passphrase that is none, and an anchor that is none, are refused', () => {
  writeFileSync(file('no-words'), '\n');
  const words = ['--passphrase-file', 'no-words'];
  assert.match(volume(4, 'create', 'e', ...words).stderr, /no-words is empty/);
  assert.match(volume(4, 'create', 'e', '--passphrase-file', 'gone').stderr, /gone cannot be read/);
  assert.ok(!existsSync(file('e')));
  volume(0, 'create', 'e', ...KEY, '--size', '64MiB', '--anchor', 'marks');
  writeFileSync(file('marks'), '{');
  const { stderr } = volume(5, 'ls', 'e', ...KEY, '--anchor', 'marks');
  assert.match(stderr, /^cloister: anchor file marks is damaged, or something else/);
  assert.match(volume(1, 'create', 'key/v', ...KEY).stderr, /key\/v\S* cannot be made \(E/);
});

test('a host that takes no more bytes says so with its reason, and leaves what was there', () => {
  volume(0, 'create', 'l', ...KEY, '--size', '64MiB');
  volume(0, 'cp', 'key', 'l:/key', ...KEY);
  const cp = `${CLOISTER} volume cp data l:/data ${KEY.join(' ')}`;
  const limited = shell(`ulimit -f 1000; ${cp}`);
  assert.equal(limited.status, 1);
  assert.match(limited.stderr.toString(), /volume l: the host could not write .*EFBIG/);
  assert.match(volume(0, 'check', 'l', ...KEY).stdout, /all is well/);
  assert.equal(volume(0, 'ls', 'l', ...KEY).stdout, 'key\n');
});

test('a run takes nothing but a volume for one, and a volume as a folder shows its bytes only', {
  skip: process.platform !== 'linux' || process.arch !== 'x64',
}, () => {
  const words = 'what nobody else may see';
  mkdirSync(file('swapped'));
  writeFileSync(file('swapped/words'), words);
  volume(0, 'create', 'f/', ...KEY, '--size', '64MiB');
  volume(0, 'cp', 'swapped/words', 'f:/words', ...KEY);
  const run = (...args: string[]) => {
    const command = ['run', ...args, '--', '/bin/sh', '-c', 'cat /data/*'];
    return spawnSync(CLOISTER, command, { encoding: 'utf8', cwd: scratch });
  };
  const mount = (source: string) =>
    run('--mount', `type=sealed,source=${source},target=/data,key-file=key`);
  assert.equal(mount('f').stdout, words);
  // A folder with files, one whose volume is something else, a plain file, nothing.
  mkdirSync(file('fake'));
  writeFileSync(file('fake/volume.sealed'), words);
  for (const source of ['swapped', 'fake', 'data', 'gone']) {
    const { status, stdout } = mount(source);
    assert.deepEqual([status, stdout], [125, ''], source);
  }
  const plain = run('-v', `${file('f')}:/data`);
  assert.equal(plain.status, 0, plain.stderr);
  assert.match(plain.stdout, /^CLSTVOL1/);
  assert.ok(!plain.stdout.includes(words));
});
