import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fromHex } from '../../src/attest/bytes.ts';
import { formatEvidence } from '../../src/attest/evidence.ts';
import { httpTransport } from '../../src/host/broker-server.ts';
import { nodeClock } from '../../src/host/clock.ts';
import { nodeCrypto } from '../../src/host/crypto.ts';
import { BrokerRefusal, RcarClient } from '../../src/kbs/client.ts';
import { image, policyFor, RUNTIME } from '../../src/kbs/testing/setup.ts';
import { createEvidence } from '../../src/tee/provider.ts';
import { createSimIdentity, simProvider } from '../../src/tee/sim.ts';

const CLOISTER = new URL('../../bin/cloister', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'kbs-cli-'));
const environment = { ...process.env, CLOISTER_HOME: join(folder, 'home') };
test.after(() => rmSync(folder, { recursive: true, force: true }));

function cloister(args: readonly string[], input = '') {
  const run = spawnSync(CLOISTER, args, { encoding: 'utf8', input, env: environment });
  return { status: run.status, out: run.stdout, err: run.stderr };
}

const sim = simProvider(await createSimIdentity(), { crypto: nodeCrypto, clock: nodeClock });
const evidenceFor = (name: string) => (publicKey: Uint8Array, nonce: Uint8Array) =>
  createEvidence(
    sim,
    { imageMeasurement: image(name), runtimeMeasurement: RUNTIME, publicKey, nonce },
    nodeCrypto,
  );
const policy = join(folder, 'policy.yaml');
writeFileSync(policy, policyFor('analysis'));

test('cloister verify --evidence: accepted, refused, and a wrong policy, each with its status', () => {
  const file = join(folder, 'evidence.json');
  const nonce = 'c0ffee00';
  const made = evidenceFor('analysis')(new Uint8Array(91), fromHex(nonce));
  writeFileSync(file, formatEvidence(made));
  const verify = (...args: string[]) => cloister(['verify', '--evidence', file, ...args]);
  const good = verify('--policy', policy, '--nonce', nonce, '--json');
  assert.equal(good.status, 0, good.err);
  assert.equal(JSON.parse(good.out).accepted, true);
  const replayed = verify('--policy', policy, '--nonce', 'c0ffee01');
  assert.equal(replayed.status, 4);
  assert.match(replayed.out, /refused \(NONCE_MISMATCH\)/);
  assert.equal(verify().status, 2);
  const wrong = join(folder, 'wrong.yaml');
  writeFileSync(wrong, 'format: cloister-policy/1\nproviders: {simm: }\n');
  const bad = verify('--policy', wrong);
  assert.equal(bad.status, 1);
  assert.match(bad.err, /providers\.simm/);
});

test('cloister kbs: a secret put by one command is served by another, to the right image', async () => {
  assert.equal(cloister(['kbs', 'policy', 'lab', policy]).status, 0);
  const put = cloister(['kbs', 'put', 'lab/key/volume', '--policy', 'lab'], 'a key');
  assert.equal(put.status, 0, put.err);
  assert.equal(cloister(['kbs', 'put', 'x/y/z', '--policy', 'none'], 'a').status, 1);
  const key = JSON.parse(cloister(['kbs', 'list', '--json']).out).key as string;
  const args = ['kbs', 'serve', '--listen', '127.0.0.1:0'];
  const server = spawn(CLOISTER, args, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let base = '';
    for await (const line of createInterface({ input: server.stdout })) {
      base = /http:\S+/.exec(line)?.[0] ?? '';
      if (base) break;
    }
    const client = (name: string) =>
      new RcarClient({
        transport: httpTransport(base),
        brokerKey: fromHex(key.slice('ed25519:'.length)),
        prover: { kind: 'cloister', provider: 'sim', evidence: evidenceFor(name) },
      });
    const { secret } = await client('analysis').secret('lab/key/volume');
    assert.equal(
      secret.use((bytes) => new TextDecoder().decode(bytes)),
      'a key',
    );
    await assert.rejects(client('other').secret('lab/key/volume'), BrokerRefusal);
  } finally {
    server.kill('SIGTERM');
    await new Promise((resolve) => server.once('exit', resolve));
  }
  const audit = cloister(['kbs', 'audit', '--json']);
  assert.equal(audit.status, 0, audit.err);
  assert.match(audit.out, /"kind":"release"/);
  assert.match(audit.out, /"kind":"refuse"/);
  assert.ok(!audit.out.includes('a key'));
});
