/** `cloister exec -it`: a person at a terminal inside an instance that runs already. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CLOISTER, NO_GUESTS } from '../guests/harness.ts';
import { program } from '../support/packages.ts';
import { TerminalSession } from '../support/terminal-session.ts';

const folder = mkdtempSync(join(tmpdir(), 'cloister-exec-it-'));
const env = { ...process.env, CLOISTER_HOME: join(folder, 'home'), TERM: 'xterm' } as Record<
  string,
  string
>;
const cloister = (...args: string[]): string =>
  execFileSync(CLOISTER, args, { cwd: folder, env, encoding: 'latin1', stdio: 'pipe' });

after(() => {
  try {
    cloister('rm', '--force', 'host');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Keys that start `command`; it says `word` once it runs. */
const running = (word: string, command: string): string =>
  `busybox clear; busybox sh -c 'echo ${word}; exec ${command}'\r`;

const session = (size: { rows?: number; columns?: number } = {}): TerminalSession =>
  new TerminalSession({
    argv: [CLOISTER, 'exec', '-it', '-e', 'PS1=$ ', 'host', 'busybox', 'sh'],
    ...{ cwd: folder, env, ...size },
  });

test('exec -it is a terminal: size, jobs, keys, status, and an end by hang-up', {
  skip: NO_GUESTS,
}, async () => {
  const busybox = program('busybox', 'busybox-static');
  mkdirSync(join(folder, 'root/bin'), { recursive: true });
  cpSync(busybox, join(folder, 'root/bin/busybox'));
  const forever = ['busybox', 'sh', '-c', 'while :; do busybox sleep 1; done'];
  cloister('start', '--name', 'host', '--rootfs', 'root', '-e', 'PATH=/bin', '--', ...forever);
  {
    using person = session({ rows: 20, columns: 70 });
    await person.shows(/\$$/m);
    person.type('busybox stty size; busybox tty\r');
    await person.shows(/20 70\n\/dev\/pts\/\d+\n/);
    person.resize(30, 90);
    person.type('busybox clear; busybox stty size\r');
    await person.shows(/30 90\n/m);
    person.type(running('one', 'busybox sleep 1000'));
    await person.shows(/one\n/);
    person.type('\x03');
    await person.shows(/\$$/m);
    await person.settled();
    person.type('echo status $?\r');
    await person.shows(/status 130\n/m);
    person.type(running('two', 'busybox cat'));
    await person.shows(/two\n/);
    person.type('\x1a');
    await person.shows(/Stopped/);
    person.type('fg\r');
    await person.settled();
    person.type('more\r');
    await person.shows(/more\nmore\n/);
    person.type('\x03');
    await person.shows(/\$$/m);
    await person.settled();
    person.type('exit 7\r');
    assert.deepEqual(await person.end(), { status: 7, signal: 0 });
  }
  {
    // The terminal goes: what ran at it is gone, the instance is not.
    using person = session();
    await person.shows(/\$$/m);
    person.type(running('three', 'busybox sleep 4711'));
    await person.shows(/three\n/);
    assert.match(cloister('exec', 'host', 'busybox', 'ps'), /sleep 4711/);
    person.kill('SIGHUP');
    await person.ended;
  }
  for (let i = 0; /sleep 4711/.test(cloister('exec', 'host', 'busybox', 'ps')); i++)
    assert.ok(i < 50, 'it hears of the hang-up');
  assert.match(cloister('ps'), /host\s.*running/);
});
