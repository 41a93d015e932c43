import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fromHex } from '../../src/attest/bytes.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { httpTransport } from '../../src/host/broker-server.ts';
import { nodeCrypto } from '../../src/host/crypto.ts';
import { SqliteStore } from '../../src/host/sqlite-store.ts';
import { checkAuditChain } from '../../src/kbs/audit.ts';
import { BrokerRefusal, RcarClient } from '../../src/kbs/client.ts';
import { image, RUNTIME } from '../../src/kbs/testing/setup.ts';
import { createEvidence } from '../../src/tee/provider.ts';
import { createSimIdentity, simProvider } from '../../src/tee/sim.ts';

const PROCESS = new URL('./broker-process.ts', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'broker-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

interface Running {
  readonly child: ChildProcess;
  readonly base: string;
  readonly key: Uint8Array;
}

async function start(database: string): Promise<Running> {
  const flags = ['--disable-warning=ExperimentalWarning', PROCESS, database];
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const { port, key } = JSON.parse(line) as { port: number; key: string };
    return { child, base: `http://127.0.0.1:${port}`, key: fromHex(key) };
  }
  throw new Error('the broker did not start');
}

const stopped = (child: ChildProcess) =>
  new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });

const identity = await createSimIdentity();
const clock = { realtimeNs: () => BigInt(Date.now()) * 1_000_000n };
const sim = simProvider(identity, { crypto: nodeCrypto, clock });

function client(running: Running, imageName: string): RcarClient {
  const measured = { imageMeasurement: image(imageName), runtimeMeasurement: RUNTIME };
  return new RcarClient({
    transport: httpTransport(running.base),
    brokerKey: running.key,
    prover: {
      kind: 'cloister',
      provider: 'sim',
      evidence: (publicKey, nonce) =>
        createEvidence(sim, { ...measured, publicKey, nonce }, nodeCrypto),
    },
  });
}

const releasesIn = (store: SqliteStore) =>
  store.audits(1, 1_000_000).filter((record) => record.text.includes('"kind":"release"'));

test('1,000 concurrent attestations: none lost, none released wrongly', async (t) => {
  const database = join(folder, 'load.db');
  const running = await start(database);
  const started = performance.now();
  const outcomes = await Promise.all(
    Array.from({ length: 1000 }, async (_, i) => {
      const approved = i % 4 !== 3;
      try {
        const { secret } = await client(running, approved ? 'analysis' : 'changed').secret(
          'lab/key/volume',
        );
        using held = secret;
        const text = held.use((bytes) => new TextDecoder().decode(bytes));
        return approved && text === 'the secret' ? 'released' : 'wrong';
      } catch (error) {
        const isRefusal = error instanceof BrokerRefusal && error.status === 401;
        return !approved && isRefusal ? 'refused' : `failed: ${String(error)}`;
      }
    }),
  );
  t.diagnostic(`${Math.round(performance.now() - started)} ms`);
  const count = (word: string) => outcomes.filter((outcome) => outcome === word).length;
  const odd = outcomes.filter((outcome) => outcome !== 'released' && outcome !== 'refused');
  assert.deepEqual([...new Set(odd)], []);
  assert.deepEqual([count('released'), count('refused')], [750, 250]);
  running.child.kill('SIGKILL');
  await stopped(running.child);
  using store = new SqliteStore(database);
  assert.equal(releasesIn(store).length, 750);
  assert.equal(checkAuditChain(store, nodeCrypto), undefined);
});

test('killed at random points: every release has its record, no secret is lost', async (t) => {
  const random = new SeededRandom(7);
  const database = join(folder, 'kill.db');
  const receipts: string[] = [];
  let commits = 0;
  let acknowledged = { counter: 0 };
  for (let round = 0; round < 6; round++) {
    const running = await start(database);
    const one = client(running, 'analysis');
    // After some operations, at a random moment of one of the next.
    let left = 1 + random.below(12);
    const killSoon = () => setTimeout(() => running.child.kill('SIGKILL'), random.below(15));
    try {
      for (;;) {
        const received = await one.secret('lab/key/volume');
        received.secret[Symbol.dispose]();
        receipts.push(received.receipt ?? '');
        if (--left === 0) killSoon();
        const nonce = random.bytes(16);
        const { statement: known } = await one.freshness(Uint8Array.of(0xaa), nonce);
        assert.ok(known.counter >= acknowledged.counter, 'the anchor went back');
        const to = { counter: known.counter + 1, root: random.bytes(32) };
        acknowledged = (await one.advance(Uint8Array.of(0xaa), nonce, known, to)).statement;
        commits++;
      }
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
    }
    running.child.kill('SIGKILL');
    await stopped(running.child);
  }
  t.diagnostic(`${receipts.length} releases, ${commits} commits, 6 kills`);
  assert.ok(receipts.length > 0);
  using store = new SqliteStore(database);
  const hashes = new Set(
    releasesIn(store).map((record) => Buffer.from(record.hash).toString('hex')),
  );
  for (const receipt of receipts) {
    const claims = JSON.parse(Buffer.from(receipt.split('.')[1] ?? '', 'base64url').toString());
    assert.ok(hashes.has(claims.audit), 'a release without its audit record');
  }
  assert.equal(checkAuditChain(store, nodeCrypto), undefined);
  assert.ok(store.secret('lab/key/volume'));
  assert.ok((store.volume('aa')?.counter ?? 0) >= acknowledged.counter);
});
