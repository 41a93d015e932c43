/** A volume that is made for a public key, and opened by a run that has the private one. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const skip =
  process.platform !== 'linux' || process.arch !== 'x64'
    ? 'guests run on x86-64 Linux only'
    : false;

test('a run opens what was made for its public key', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-recipient-'));
  const file = (name: string) => join(folder, name);
  const cloister = (status: number, ...args: string[]): string => {
    const run = spawnSync('bin/cloister', args, { encoding: 'utf8' });
    assert.equal(run.status, status, `${args.join(' ')}: ${run.stderr}`);
    return run.stdout + run.stderr;
  };
  try {
    const keys = generateKeyPairSync('x25519', {
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    writeFileSync(file('public.pem'), keys.publicKey);
    writeFileSync(file('private.pem'), keys.privateKey);
    writeFileSync(file('key'), new Uint8Array(32).fill(6));
    const volume = file('data.vol');
    cloister(0, 'volume', 'create', volume, '--recipient', file('public.pem'));
    const mount = `type=sealed,source=${volume},target=/d,key-file=${file('private.pem')}`;
    cloister(0, 'run', '--mount', mount, '--', '/bin/sh', '-c', 'echo hello > /d/file');
    const slots = ['volume', 'slots', volume, '--key-file', file('private.pem')];
    assert.match(
      cloister(0, ...slots, '--add-key-file', file('key')),
      /^recipient {2}hpke {2}x25519:[0-9a-f]{64}\nkey {2}key\n$/,
    );
    assert.equal(cloister(0, 'volume', 'ls', volume, '--key-file', file('key')), 'file\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
