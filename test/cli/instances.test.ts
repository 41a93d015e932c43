/** Long-lived instances, end to end: start, exec, ps, logs, stats, stop, rm, and their ends. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { toHex } from '../../src/attest/bytes.ts';
import { parseEvidence } from '../../src/attest/evidence.ts';
import { stateOf } from '../../src/cli/instance-client.ts';
import { readInstance } from '../../src/host/instance-folder.ts';
import { encodeMessage, FrameReader } from '../../src/runtime/control/frames.ts';
import { parseReply } from '../../src/runtime/control/messages.ts';
import { CLOISTER, NO_GUESTS } from '../guests/harness.ts';
import { program } from '../support/packages.ts';

const folder = mkdtempSync(join(tmpdir(), 'cloister-instances-'));
const home = join(folder, 'home');
process.env['CLOISTER_HOME'] = home;
const started = new Set<string>();

interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

async function cloister(args: readonly string[], input: string | Buffer = ''): Promise<Outcome> {
  const child = spawn(CLOISTER, args, {
    cwd: folder,
    env: { ...process.env, CLOISTER_HOME: home },
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('latin1').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  // A program that reads nothing may be gone before.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, out, err };
}

/** Runs a command that has to succeed; what it printed. */
async function done(args: readonly string[], input: string | Buffer = ''): Promise<string> {
  const { status, out, err } = await cloister(args, input);
  assert.equal(status, 0, `cloister ${args.join(' ')}: ${out}${err}`);
  return out;
}

async function start(name: string, script: string, options: readonly string[] = []) {
  started.add(name);
  const words = [busybox, 'sh', '-c', script];
  return done(['start', '--name', name, ...options, '--rootfs', root, '--', ...words]);
}

interface Listed {
  readonly name: string;
  readonly state: string;
  readonly exitStatus: number | null;
  readonly pid: number;
  readonly image: string | null;
}

async function listed(name: string): Promise<Listed | undefined> {
  const all = JSON.parse(await done(['ps', '-a', '--json'])) as Listed[];
  return all.find((one) => one.name === name);
}

/** Asked without a process each time: for what is waited for, and what is asked often. */
const stateNow = (name: string): string => {
  const instance = readInstance(name);
  return instance === undefined ? 'none' : stateOf(instance);
};

/** Waits for a line of the log: the program is as slow as the machine. */
async function logged(name: string, wanted: RegExp): Promise<void> {
  const path = join(home, 'instances', name, 'log');
  while (!wanted.test(readFileSync(path, 'latin1'))) {
    assert.equal(stateNow(name), 'running', `${name} ended without ${wanted}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const socketOf = (name: string): string => join(home, 'instances', name, 'control.sock');
const busybox = '/bin/busybox';
const root = join(folder, 'root');
/** Ends with 7 on SIGTERM. */
const PATIENT = 'trap "echo bye; exit 7" TERM; echo ready; while :; do busybox sleep 0.1; done';

describe('instances', { skip: NO_GUESTS }, () => {
  mkdirSync(join(root, 'bin'), { recursive: true });
  if (!NO_GUESTS) cpSync(program('busybox', 'busybox-static'), join(root, busybox));
  after(async () => {
    for (const name of started) await cloister(['rm', '--force', name]);
    rmSync(folder, { recursive: true, force: true });
  });

  test('a life: start, exec, ps, stats, logs, stop, rm', async () => {
    assert.equal(await start('life', `echo "to err" >&2; ${PATIENT}`, ['-e', 'A=b']), 'life\n');
    await logged('life', /ready/);

    const failing = ['exec', 'life', '--', 'busybox', 'sh', '-c', 'echo $A; echo no >&2; exit 3'];
    assert.deepEqual(await cloister(failing), { status: 3, out: 'b\n', err: 'no\n' });
    const large = Buffer.alloc(700_000, 'x');
    const counted = ['exec', '-i', 'life', 'busybox', 'wc', '-c'];
    assert.equal((await done(counted, large)).trim(), '700000');
    const without = ['exec', 'life', 'busybox', 'wc', '-c'];
    assert.equal((await done(without, large)).trim(), '0', 'no input without -i');
    const flood = ['exec', 'life', 'busybox', 'head', '-c', '3000000', '/dev/zero'];
    assert.equal((await done(flood)).length, 3_000_000);
    const as = ['exec', '-u', '7:8', '-w', '/bin', '-e', 'A=c', 'life', '--'];
    const who = await done([...as, 'busybox', 'sh', '-c', 'echo $(busybox id -u):$A:$PWD']);
    assert.equal(who, '7:c:/bin\n');
    const killed = await cloister(['exec', 'life', 'busybox', 'sh', '-c', 'kill -9 $$']);
    assert.equal(killed.status, 137);
    assert.equal((await cloister(['exec', 'life', '/no/such'])).status, 127);
    assert.equal((await cloister(['exec', 'life', '/bin'])).status, 126);

    const processes = JSON.parse(await done(['ps', '--json', 'life']));
    assert.match(processes[0].command, /^\/bin\/busybox sh -c /);
    const [stats] = JSON.parse(await done(['stats', '--json', 'life']));
    assert.equal(stats.name, 'life');
    for (const field of ['cpuNs', 'residentBytes', 'guestBytes', 'systemCalls', 'translations'])
      assert.ok(stats[field] > 0, field);
    const { exits, calls, translations } = stats.counters;
    assert.ok(exits['system call'] > 0 && calls.execve > 0 && translations.instructions > 0);
    const [first] = stats.processRows;
    assert.ok(first.calls > 0 && first.writtenBytes > 0 && first.translations > 0);
    assert.match(await done(['stats', 'life']), /^exits +.*system call \d+/m);
    const metrics = await done(['stats', '--prometheus', 'life']);
    assert.match(metrics, /^cloister_system_calls_total\{instance="life",call="execve"\} \d+$/m);
    assert.match(
      metrics,
      /^cloister_process_cpu_seconds_total\{instance="life",pid="\d+"\} [\d.e-]+$/m,
    );

    assert.deepEqual(JSON.parse(await done(['stop', '--json', 'life'])), {
      name: 'life',
      exitStatus: 7,
    });
    assert.match(await done(['logs', 'life']), /^to err\nready\nbye\n$/);
    assert.equal(await done(['logs', '--tail', '1', 'life']), 'bye\n');
    assert.equal(await done(['logs', '-f', '--tail', '2', 'life']), 'ready\nbye\n');
    assert.match((await cloister(['exec', 'life', 'true'])).err, /does not run: it exited \(7\)/);
    await done(['rm', 'life']);
    assert.equal(stateNow('life'), 'none');
  });

  test('several side by side; a name is taken once; only the owner may connect', async () => {
    await Promise.all([start('one', PATIENT), start('two', PATIENT)]);
    const clash = await cloister(['start', '--name', 'one', '--', 'true']);
    assert.equal(clash.status, 125);
    assert.match(clash.err, /an instance one runs already/);
    assert.equal((await cloister(['start', '--name', '../x', '--', 'true'])).status, 125);
    for (const [path, mode] of [
      [join(home, 'instances', 'one'), 0o700],
      [socketOf('one'), 0o600],
      [join(home, 'instances', 'one', 'log'), 0o600],
    ] as const)
      assert.equal(statSync(path).mode & 0o777, mode, path);

    const { pid } = (await listed('two')) as Listed;
    process.kill(pid, 'SIGKILL');
    while (stateNow('two') === 'running') await new Promise((resolve) => setTimeout(resolve, 20));
    const dead = (await listed('two')) as Listed;
    assert.deepEqual([dead.state, dead.exitStatus], ['died', null]);
    assert.match((await cloister(['exec', 'two', 'true'])).err, /does not run: it died/);
    assert.match(
      (await cloister(['start', '--name', 'two', '--', 'true'])).err,
      /has ended and is kept: cloister rm two/,
    );
    assert.equal(stateNow('one'), 'running');
    await done(['rm', 'two']);
  });

  test('a program that ignores the signal is killed after its time', async () => {
    await start('deaf', 'trap "" TERM; echo ready; while :; do busybox sleep 0.1; done');
    await logged('deaf', /ready/);
    const exec = cloister(['exec', 'deaf', 'busybox', 'sleep', '1000']);
    const sleeps = async () => (await done(['ps', 'deaf'])).includes('sleep 1000');
    while (!(await sleeps()));
    const stopped = JSON.parse(await done(['stop', '--time', '0.2', '--json', 'deaf']));
    assert.equal(stopped.exitStatus, 137);
    assert.equal((await exec).status, 137, 'what was started by exec ends with it');
  });

  test('a program that cannot be started leaves nothing', async () => {
    const { status, err } = await cloister(['start', '--name', 'none', '--', '/no/such']);
    assert.equal(status, 127);
    assert.equal(err, 'cloister: /no/such: No such file or directory\n');
    assert.equal(stateNow('none'), 'none');
    assert.equal((await cloister(['start', '-t', '--', 'true'])).status, 125);
  });

  test('the log keeps the end of what was printed', async () => {
    const script = 'i=0; while [ $i -lt 4000 ]; do echo line $i; i=$((i+1)); done';
    await start('noisy', script, ['--log-size', '8k']);
    const text = await done(['logs', '-f', 'noisy']);
    assert.ok(text.endsWith('line 3998\nline 3999\n'));
    const kept = await done(['logs', 'noisy']);
    assert.ok(kept.length <= 8192 && kept.endsWith('line 3999\n'), `${kept.length} bytes`);
  });

  test('hostile clients are refused, and nobody else notices', async () => {
    await start('prey', PATIENT);
    assert.match((await cloister(['attest', 'prey'])).err, /only a measured image/);
    const hostile: readonly (readonly [Uint8Array, RegExp])[] = [
      [Buffer.of(255, 255, 255, 255, 0), /a frame of kind 0/],
      [Buffer.of(1, 0, 0, 0, 9), /kind 9/],
      [Buffer.of(1, 0, 0, 0, 1, 0), /a request comes first/],
      [encodeMessage({ op: 'exec', command: ['sh'], root: true }), /request/],
      [encodeMessage({ op: 'evidence', nonce: '00' }), /only a measured image/],
    ];
    for (const [bytes, wanted] of hostile)
      assert.match(await refusalFor('prey', bytes), wanted, Buffer.from(bytes).toString('latin1'));
    assert.equal(await done(['exec', 'prey', 'busybox', 'echo', 'alive']), 'alive\n');
  });

  test('a sealed image permits to exec what it permits to run', async () => {
    const project = join(folder, 'sealed');
    mkdirSync(project);
    writeFileSync(
      join(project, 'cloister.yaml'),
      'name: sealed\n' +
        `command: [${busybox}, sh, /main.sh]\n` +
        'translations: false\n' +
        'environment: { fixed: { PATH: /bin } }\n' +
        'files:\n  copy:\n' +
        `    - { from: ${join(root, 'bin')}, to: /bin }\n` +
        '    - { from: main.sh, to: /main.sh }\n',
    );
    writeFileSync(join(project, 'main.sh'), `${PATIENT}\n`);
    await done(['build', project]);
    started.add('sealed');
    await done(['start', '--name', 'sealed', '--image', join(project, 'image')]);
    await logged('sealed', /ready/);
    const refused = async (words: readonly string[]) => {
      const { status, err } = await cloister(['exec', ...words]);
      assert.equal(status, 125, err);
      return err;
    };
    assert.match(await refused(['sealed', '/bin/other']), /overrides: { program: true }/);
    assert.match(await refused(['sealed', busybox, 'ls']), /overrides: { arguments: true }/);
    const measured = ['sealed', busybox, 'sh', '/main.sh'];
    assert.match(await refused(['-e', 'A=b', ...measured]), /overrides: { environment: true }/);
    assert.match(await refused(['-u', '5', ...measured]), /overrides: { user: true }/);
    assert.match(await refused(['-w', '/bin', ...measured]), /overrides: { working_dir: true }/);
    const [shown] = JSON.parse(await done(['ps', '--json', 'sealed']));
    assert.equal(shown.command, undefined, 'arguments are not for the host');
    const attested = await Promise.all(
      ['c0ffee', 'c0ffee00'].map((nonce) => done(['attest', 'sealed', '--nonce', nonce])),
    );
    const [first, other] = attested.map((text) => parseEvidence(text).binding);
    assert.deepEqual(other?.publicKey, first?.publicKey, 'the key of the instance');
    assert.deepEqual(first?.nonce, Uint8Array.of(0xc0, 0xff, 0xee));
    assert.equal(
      (await listed('sealed'))?.image,
      `sha256:${toHex(first?.imageMeasurement ?? Buffer.of())}`,
    );
    const second = cloister(['exec', ...measured]);
    while (JSON.parse(await done(['ps', '--json', 'sealed'])).length < 3);
    await done(['stop', '--signal', 'KILL', 'sealed']);
    assert.equal((await second).status, 137, 'the measured command may be run again');
  });
});

/** What the instance answers to `bytes`, before it cuts the connection. */
async function refusalFor(name: string, bytes: Uint8Array): Promise<string> {
  const socket = connect(socketOf(name));
  const reader = new FrameReader();
  const messages: string[] = [];
  socket.on('data', (part: Buffer) => {
    for (const frame of reader.push(part)) {
      const reply = parseReply(frame);
      messages.push(reply.reply === 'refused' ? reply.message : reply.reply);
    }
  });
  socket.on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  return messages.join('\n');
}
