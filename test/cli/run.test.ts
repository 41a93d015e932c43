/** `cloister run` as a command among others: streams, signals, terminals, pins, many at once. */

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CLOISTER, NO_GUESTS } from '../guests/harness.ts';
import { TerminalSession } from '../support/terminal-session.ts';
import { compile } from '../support/toolchain.ts';
import { cloister, Folder, run } from './command.ts';

const folder = new Folder();
const { path: dir } = folder;
const SOURCE = fileURLToPath(new URL('bad-input.c', import.meta.url));
const TINY = join(dir, 'tiny/image');
const ENV = { CLOISTER_HOME: join(dir, 'home') };
const sh = (script: string) =>
  run('/bin/bash', ['-c', script], { cwd: dir, env: { ...ENV, C: CLOISTER } });

before(async () => {
  if (NO_GUESTS) return;
  for (const name of ['home', 'tiny', 'root']) mkdirSync(join(dir, name));
  copyFileSync(compile([SOURCE], ['-O0', '-w', '-static']), join(dir, 'tiny/guest'));
  writeFileSync(
    join(dir, 'tiny/cloister.yaml'),
    'name: tiny\ncommand: [/bin/guest]\nfiles:\n  copy:\n    - { from: guest, to: /bin/guest }\n',
  );
  const built = await cloister(['build', 'tiny'], { cwd: dir, env: ENV });
  assert.equal(built.status, 0, built.stderr);
});

after(() => folder[Symbol.dispose]());

describe('run', { skip: NO_GUESTS }, () => {
  test('a reader that goes away ends the program, and a report, by SIGPIPE', async () => {
    const { stdout, stderr } = await sh(
      '$C run yes | head -1; echo ${PIPESTATUS[0]}; $C inspect tiny/image --files --json | true; echo ${PIPESTATUS[0]}',
    );
    assert.match(stdout, /^y\n141\n(141|0)\n$/);
    assert.equal(stderr, '');
  });

  test('standard input from a pipe, a file, nowhere; standard output closed', async () => {
    writeFileSync(join(dir, 'words'), 'one\ntwo\n');
    const { stdout, stderr } = await sh(
      'echo piped | $C run cat; $C run cat < words; $C run cat < /dev/null; $C run cat <&-; ' +
        '(read first; echo "shell: $first"; $C run cat) < words; $C run echo lost >&-; echo $?',
    );
    assert.equal(stdout, 'piped\none\ntwo\nshell: one\ntwo\n0\n');
    assert.equal(stderr, '');
  });

  test('a clock that is set is the instance’s own, for calls, files and sleepers', async () => {
    const inside =
      'date -s @2000000000 >&2; touch /tmp/f; stat -c %Y /tmp/f; date +%s; ' +
      'printf "%(%s)T\\n"; (sleep 1; date -s @2000009999 >&2) & timeout 20 sleep 1.5 && echo slept; ' +
      'setpriv --reuid 65534 date -s @1000000000 >/dev/null 2>&1 || echo refused';
    const { stdout, stderr } = await sh(`$C run bash -c '${inside}'; date +%s`);
    const [file, date, builtin, slept, refused, outside] = stdout.trim().split('\n');
    for (const seconds of [file, date, builtin]) assert.match(seconds ?? '', /^20000000\d\d$/);
    assert.deepEqual([slept, refused], ['slept', 'refused'], stderr);
    assert.ok(Number(outside) < 2_000_000_000, 'the host keeps its time');
  });

  test('what the launcher tells Node.js does not reach the program', async () => {
    const own =
      '$C run -e MALLOC_ARENA_MAX -e GLIBC_TUNABLES -e CLOISTER_UNSET env | grep -c "_MAX\\|TUN\\|UNSET"';
    const { stdout } = await sh(`unset MALLOC_ARENA_MAX; ${own}; MALLOC_ARENA_MAX=2 ${own}`);
    assert.equal(stdout, '0\n1\n');
  });

  test('the vDSO knows the time before the first turn is over', async () => {
    const loop = 'for ((i = 0; i < 20000; i++)); do : $EPOCHREALTIME; done';
    const { stderr } = await sh(`$C run --stats /bin/bash -c '${loop}'`);
    const calls = Number(/^ *(\d+) .* gettimeofday$/m.exec(stderr)?.[1]);
    assert.ok(calls < 15_000, `asked the kernel ${calls} times:\n${stderr}`);
  });

  test('signals go on to the program', async () => {
    const guest = (trap: string) =>
      `$C run /bin/bash -c 'trap "echo got; exit 9" ${trap}; echo ready; while :; do sleep 0.05; done' > out & ` +
      `until grep -q ready out; do sleep 0.05; done; kill -${trap} $!; wait $!; echo $?; cat out`;
    for (const name of ['TERM', 'INT'])
      assert.equal((await sh(guest(name))).stdout, '9\nready\ngot\n', name);
    const busy =
      "$C run /bin/bash -c 'echo ready; while :; do :; done' > out & " +
      'until grep -q ready out; do sleep 0.05; done; kill -TERM $!; wait $!; echo $?';
    assert.equal((await sh(busy)).stdout, '143\n');
  });

  test('options that users of Docker know', async () => {
    writeFileSync(join(dir, 'variables'), '# comment\nA=1\nFROM_HERE\nNOT_SET\n');
    const script =
      'pwd; hostname; getent -s files hosts box; echo $A $FROM_HERE ${NOT_SET-unset}; cat /etc/own; touch /x';
    const options = [
      ...['--rm', '-w', '/not/there', '--hostname', 'box', '--env-file', 'variables'],
      ...['--read-only', '--tmpfs', '/scratch:size=1m,mode=700', '-v', `${dir}/words:/etc/own:ro`],
    ];
    writeFileSync(join(dir, 'words'), 'own file\n');
    const env = { ...ENV, FROM_HERE: 'here' };
    const argv = ['run', ...options, '--entrypoint', '/bin/sh', '-c', script];
    const found = await cloister([...argv.slice(0, -2), '--', '-c', script], { cwd: dir, env });
    assert.equal(found.stdout, '/not/there\nbox\n127.0.0.1       box\n1 here unset\nown file\n');
    assert.match(found.stderr, /touch: .*Read-only file system/);
    assert.equal(found.status, 1);
  });

  test('has the folders that programs expect, its home among them', async () => {
    const script =
      'cd && pwd && touch .x /var/tmp/x /opt/x && readlink /var/run && ls -d /home /mnt';
    const { stdout, stderr } = await sh(`$C run -- sh -c '${script}'`);
    assert.equal(stderr, '');
    assert.equal(stdout, '/root\n/run\n/home\n/mnt\n');
  });

  test('--rootfs keeps changes in memory, --rootfs-rw writes them', async () => {
    copyFileSync(compile([SOURCE], ['-O0', '-w', '-static']), join(dir, 'root/guest'));
    mkdirSync(join(dir, 'root/scratch'), { recursive: true });
    const args = ['--', '/guest', 'full'];
    const memory = ['run', '--rootfs', 'root', '--tmpfs', '/scratch:size=64k', ...args];
    assert.equal((await cloister(memory, { cwd: dir, env: ENV })).status, 0);
    assert.equal(existsSync(join(dir, 'root/scratch/file')), false);
    const bash = ['run', '-v', `${dir}/root:/r`, '--', '/bin/bash', '-c'];
    const seen = await cloister([...bash, 'ls /r'], { cwd: dir, env: ENV });
    assert.match(seen.stdout, /^guest\n/);
  });

  test('a program that is changed between two runs of it is the new one, whoever changed it', async () => {
    const guest = `
      twice() { for i in 1 2; do /r/p > /dev/null 2>&1; echo -n "$? "; done; }
      sleep 2.2; twice
      cat /bin/false > /r/p; twice; sleep 2.2; twice
      touch /r/ready; until [ -e /r/go ]; do sleep 0.05; done; twice
      sleep 2.2; twice; cat /r/guest > /r/p; twice; sleep 2.2; twice`;
    writeFileSync(join(dir, 'root/script'), guest);
    const { stdout, stderr } = await sh(
      'cd root; rm -f ready go; cat /bin/true > p; chmod 755 p; touch -d 2020-01-01 p; ' +
        '$C run -v "$PWD:/r" -- /bin/bash /r/script > ../out & ' +
        'until [ -e ready ]; do sleep 0.05; done; ' +
        'cat /bin/true > p; touch -d 2020-01-01 p; touch go; wait; cat ../out',
    );
    assert.equal(stderr, '');
    assert.equal(stdout, '0 0 1 1 1 1 0 0 0 0 2 2 2 2 ');
  });

  test('pins: what is not the image of this signer and measurement does not start', async () => {
    const about = await cloister(['inspect', TINY, '--json'], { cwd: dir, env: ENV });
    const { measurement, signers } = JSON.parse(about.stdout) as {
      measurement: string;
      signers: [string];
    };
    const other = 'ab'.repeat(32);
    const pem = join(dir, 'home/keys/developer.pem');
    const rows: readonly (readonly [string[], RegExp | undefined])[] = [
      [['--signer', signers[0]], undefined],
      [['--signer', pem], undefined],
      [['--signer', other, '--signer', signers[0]], undefined],
      [['--measurement', measurement], undefined],
      [['--signer', other], /^cloister: .*signed by [0-9a-f]{64}/],
      [['--measurement', `sha256:${'0'.repeat(64)}`], /^cloister: .*sha256:0{64}/],
      [['--signer', signers[0], '--measurement', `sha256:${other}`], /^cloister: /],
      [['--signer', 'nobody'], /--signer nobody: neither a PEM file nor the 64 hexadecimal digits/],
      [['--measurement', 'abc'], /--measurement abc: expected sha256: and 64 hexadecimal digits/],
    ];
    for (const [pins, refusal] of rows)
      for (const verb of refusal === undefined ? ['run'] : ['run', 'verify']) {
        const what = `${verb} ${pins.join(' ')}`;
        const args = verb === 'run' ? ['run', ...pins, '--image', TINY] : [verb, TINY, ...pins];
        const found = await cloister(args, { cwd: dir, env: ENV });
        if (refusal !== undefined) assert.match(found.stderr, refusal, what);
        // The guest itself ends with 2 when it is told nothing.
        const fine = verb === 'run' ? 2 : 0;
        const isUsage = refusal?.source.includes('neither') || refusal?.source.includes('expected');
        const refused = verb === 'run' ? 125 : isUsage ? 2 : 4;
        assert.equal(
          found.status,
          refusal === undefined ? fine : refused,
          `${what}: ${found.stderr}`,
        );
      }
  });

  test('eight at once do not disturb each other', async () => {
    const env = { CLOISTER_HOME: join(dir, 'shared-home') };
    const script = 'echo $1 > /tmp/mine; sleep 0.2; cat /tmp/mine; ls /tmp';
    const one = (n: number) =>
      cloister(['run', '--', '/bin/bash', '-c', script, 'sh', `run ${n}`], { cwd: dir, env });
    // Twice: the second time they find what the first ones kept, and keep it again.
    for (const round of [1, 2]) {
      const all = await Promise.all(Array.from({ length: 8 }, (_, n) => one(n)));
      for (const [n, found] of all.entries())
        assert.deepEqual(found, { status: 0, stdout: `run ${n}\nmine\n`, stderr: '' }, `${round}`);
    }
    assert.equal(readFileSync(join(dir, 'shared-home/translations/key')).length, 32);
  });
});

describe('a terminal', { skip: NO_GUESTS }, () => {
  const session = (script: string) =>
    new TerminalSession({
      argv: ['/bin/bash', '-c', script],
      cwd: dir,
      env: { ...ENV, PATH: '/usr/bin:/bin', TERM: 'xterm', C: CLOISTER, PS1: '$ ', HOME: dir },
    });
  const keeping = (command: string) =>
    `before=$(stty -g); ${command}; echo "status $?"; [ "$before" = "$(stty -g)" ] && echo restored; echo end`;

  test('is given back after an exit, a signal, an error', async () => {
    for (const [command, status] of [
      ['$C run /bin/bash -c "stty raw -echo; exit 4"', 4],
      ['$C run /bin/bash -c "stty raw -echo; kill -9 \\$\\$"', 137],
      ["(sleep 6; kill -TERM $(cat pid)) & bash -c 'echo $$ > pid; exec $C run sleep 1000'", 143],
      ['$C run /no/such/program', 127],
    ] as const) {
      using s = session(keeping(command));
      await s.shows(/^end$/m);
      assert.match(s.screen(), new RegExp(`status ${status}\n(.*\n)*restored`), command);
    }
  });

  test('output that is redirected stays apart', async () => {
    using s = session(
      '$C run /bin/bash -c "tty; echo err >&2; [ -t 2 ] || echo no" 2> err; cat err; echo end',
    );
    await s.shows(/^end$/m);
    assert.match(s.screen(), /^\/dev\/pts\/0\nno\nerr\nend\n/);
  });

  test('-i alone takes the streams, and Ctrl-C ends the program', async () => {
    using s = session(
      '$C run -i /bin/bash -c "[ -t 0 ] || echo streams; cat"; echo "status $?"; echo end',
    );
    await s.shows(/^streams$/m);
    s.type('line\r');
    await s.shows(/^line\nline$/m);
    s.type('\x03');
    await s.shows(/^end$/m);
    assert.match(s.screen(), /status 130/);
  });

  test('a run in a pipeline reads the terminal without holding it', async () => {
    using s = session('$C run /bin/bash -c "read line; echo got \\$line" | cat; echo end');
    await new Promise((resolve) => setTimeout(resolve, 500));
    s.type('word\r');
    await s.shows(/^got word\nend$/m);
  });

  test('raw output is not touched: a line feed does not return', async () => {
    using s = session(
      '$C run /bin/bash -c "stty raw; printf \'a\\nb\\nc\'; stty sane"; echo; echo end',
    );
    await s.shows(/end/);
    assert.match(s.screen(), /^a\n b\n {2}c/);
  });

  test('a session whose terminal goes away ends', async () => {
    using s = session(
      '$C run /bin/bash -c "trap \'echo hup > /w/hup\' HUP; echo ready; read x" -v x; true',
    );
    await s.shows(/ready/);
    s.kill('SIGHUP');
    await s.end();
  });
});
