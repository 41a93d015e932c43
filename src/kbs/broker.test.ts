import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, toHex, utf8 } from '../attest/bytes.ts';
import { verifyJws } from '../attest/jose/jws.ts';
import { nodeCrypto } from '../host/crypto.ts';
import { checkAuditChain } from './audit.ts';
import { BrokerRefusal, type ClientOptions, RcarClient } from './client.ts';
import { RECEIPT_TYPE } from './release.ts';
import { directTransport, policyFor, START_MS, secretOf, setup } from './testing/setup.ts';

const TEXT = 'the volume key, not to be seen';

async function ready(limits = {}) {
  const s = await setup(limits);
  s.vault.putPolicy('analysis', policyFor('analysis'));
  s.vault.putSecret('lab/key/volume', 'analysis', secretOf(TEXT));
  const client = (imageName: string, options: Partial<ClientOptions> = {}) =>
    new RcarClient({
      transport: s.transport,
      prover: s.prover(imageName),
      brokerKey: s.key.publicKey,
      ...options,
    });
  return { ...s, client };
}

const refusedWith = (status: number) => (error: unknown) =>
  error instanceof BrokerRefusal && error.status === status;
const show = (received: { secret: { use<T>(f: (b: Uint8Array) => T): T } }) =>
  received.secret.use((bytes) => fromUtf8(bytes, 'MALFORMED_MESSAGE'));

test('an approved image gets its secret, with a receipt that is in the audit log', async () => {
  const { client, key, store } = await ready();
  const received = await client('analysis').secret('lab/key/volume');
  assert.equal(show(received), TEXT);
  assert.equal(received.version, 1);
  const jwsKey = { algorithm: 'EdDSA', publicKey: key.publicKey } as const;
  const claims = await verifyJws(received.receipt ?? '', RECEIPT_TYPE, jwsKey);
  const record = store.audits(claims.integer('sequence', 1e9), 1)[0];
  assert.equal(claims.string('audit'), toHex(record?.hash ?? new Uint8Array(0)));
  assert.match(record?.text ?? '', /"kind":"release"/);
  assert.equal(checkAuditChain(store, nodeCrypto), undefined);
});

test('a changed image gets nothing, and the refusal is recorded', async () => {
  const { client, store } = await ready();
  await assert.rejects(client('changed').secret('lab/key/volume'), refusedWith(401));
  assert.ok(store.audits(1, 100).some((record) => record.text.includes('"kind":"refuse"')));
});

test('an image that one policy admits does not get the secrets of another', async () => {
  const { client, vault } = await ready();
  vault.putPolicy('other', policyFor('other'));
  vault.putSecret('lab/key/other', 'other', secretOf('not yours'));
  await assert.rejects(client('analysis').secret('lab/key/other'), refusedWith(403));
});

test('a secret that does not exist is 404, a strange name is refused before it is sent', async () => {
  const { client } = await ready();
  await assert.rejects(client('analysis').secret('lab/key/none'), refusedWith(404));
  await assert.rejects(client('analysis').secret('../../etc/passwd'), /REPOSITORY\/TYPE\/TAG/);
});

test('rotation gives the next version at once; deletion takes it away', async () => {
  const { client, vault } = await ready();
  const one = client('analysis');
  assert.equal((await one.secret('lab/key/volume')).version, 1);
  assert.equal(vault.putSecret('lab/key/volume', 'analysis', secretOf('next')), 2);
  const next = await one.secret('lab/key/volume');
  assert.equal(next.version, 2);
  assert.equal(show(next), 'next');
  vault.deleteSecret('lab/key/volume');
  await assert.rejects(one.secret('lab/key/volume'), refusedWith(404));
});

test('a policy that is tightened takes effect for sessions that are open', async () => {
  const { client, vault } = await ready();
  const one = client('analysis');
  await one.secret('lab/key/volume');
  vault.putPolicy('analysis', policyFor('something else'));
  await assert.rejects(one.secret('lab/key/volume'), refusedWith(403));
});

test('a session ends in time, and the client shakes hands again', async () => {
  const { client, clock } = await ready();
  const one = client('analysis');
  await one.secret('lab/key/volume');
  clock.ms += 6 * 60_000;
  assert.equal(show(await one.secret('lab/key/volume')), TEXT);
});

test('requests are limited by peer, sessions in number', async () => {
  const rate = { perSecond: 1, burst: 3, maximumPeers: 2 };
  const { broker, clock } = await ready({ rate, maximumSessions: 4 });
  const ask = (peer: string) =>
    directTransport(broker, peer).send({
      method: 'POST',
      path: '/kbs/v0/auth',
      headers: {},
      body: utf8('{"version":"0.4.0","tee":"sample","extra-params":{}}'),
    });
  const statuses = async (peer: string, count: number) => {
    const list: number[] = [];
    for (let i = 0; i < count; i++) list.push((await ask(peer)).status);
    return list;
  };
  assert.deepEqual(await statuses('a', 4), [200, 200, 200, 429]);
  assert.deepEqual(await statuses('b', 3), [200, 503, 503]);
  clock.ms += 10 * 60_000;
  assert.deepEqual(await statuses('a', 1), [200]);
});

test('malformed requests get a status and a reason, and never a crash', async () => {
  const { broker, log } = await ready();
  const transport = directTransport(broker, 'x');
  const bodies = [
    '',
    '{',
    '[]',
    '{"version":"0.1.1","tee":"tdx"}',
    '{"version":"0.4.0","tee":"z"}',
  ];
  for (const body of bodies) {
    const response = await transport.send({
      method: 'POST',
      path: '/kbs/v0/auth',
      headers: {},
      body: utf8(body),
    });
    assert.equal(response.status, 400, body);
    assert.match(fromUtf8(response.body, 'MALFORMED_MESSAGE'), /"detail":"./);
  }
  const wild = await transport.send({
    method: 'GET',
    path: '/kbs/v0/resource/a/b/c',
    headers: { cookie: 'kbs-session-id=guess' },
    body: new Uint8Array(0),
  });
  assert.equal(wild.status, 401);
  assert.deepEqual(log, []);
});

test('no output of any failure shows the secret', async () => {
  const { client, vault, store, log, broker, clock } = await ready();
  const outputs: string[] = [];
  const attempt = async (action: () => Promise<unknown>) => {
    try {
      outputs.push(JSON.stringify(await action()));
    } catch (error) {
      outputs.push(String((error as Error).stack), JSON.stringify(error));
    }
  };
  const one = client('analysis');
  await attempt(() => one.secret('lab/key/volume'));
  await attempt(() => client('changed').secret('lab/key/volume'));
  await attempt(() =>
    client('analysis', { brokerKey: new Uint8Array(32) }).secret('lab/key/volume'),
  );
  clock.ms += 10 * 60_000;
  await attempt(async () =>
    directTransport(broker, 'x').send({
      method: 'GET',
      path: '/kbs/v0/resource/lab/key/volume',
      headers: {},
      body: new Uint8Array(0),
    }),
  );
  // A store that was tampered with: the record does not open.
  const stored = vault.stored('lab/key/volume');
  store.putSecret({ ...stored, version: 7 });
  await attempt(() => client('analysis').secret('lab/key/volume'));
  assert.ok(log.length > 0, 'the damaged store is in the log');
  const all = [...outputs, ...log, ...store.audits(1, 1000).map((r) => r.text)].join('\n');
  for (const form of [
    TEXT,
    Buffer.from(TEXT).toString('base64'),
    Buffer.from(TEXT).toString('hex'),
  ])
    assert.ok(!all.includes(form));
  assert.ok(!JSON.stringify(store.secret('lab/key/volume')).includes(TEXT));
});

test('the audit chain shows a changed, a dropped and a moved record', async () => {
  const { client, store } = await ready();
  await client('analysis').secret('lab/key/volume');
  assert.equal(checkAuditChain(store, nodeCrypto), undefined);
  const records = store.audits(1, 100);
  const withRecords = (list: typeof records) =>
    checkAuditChain(
      { ...store, audits: (from) => list.filter((r) => r.sequence >= from) } as typeof store,
      nodeCrypto,
    );
  const changed = records.map((r) => (r.sequence === 2 ? { ...r, text: `${r.text} ` } : r));
  assert.equal(withRecords(changed), 2);
  assert.equal(withRecords(records.filter((r) => r.sequence !== 3)), 3);
});

test('the freshness anchor goes forwards only, from what it knows, and signs what it says', async () => {
  const { client, vault } = await ready();
  vault.addVolume('aabb', 'analysis');
  const volume = Uint8Array.of(0xaa, 0xbb);
  const nonce = new Uint8Array(16).fill(5);
  const root = (n: number) => new Uint8Array(32).fill(n);
  const none = { counter: 0, root: root(0) };
  const one = client('analysis');
  const { statement: first } = await one.advance(volume, nonce, none, {
    counter: 3,
    root: root(1),
  });
  assert.deepEqual([first.counter, first.timeMs], [3, START_MS]);
  await one.advance(volume, nonce, { counter: 3, root: root(1) }, { counter: 4, root: root(2) });
  assert.equal((await one.freshness(volume, nonce)).statement.counter, 4);
  // The same move again (an answer was lost) is no error.
  await one.advance(volume, nonce, { counter: 3, root: root(1) }, { counter: 4, root: root(2) });
  const refused = refusedWith(409);
  const from4 = { counter: 4, root: root(2) };
  await assert.rejects(one.advance(volume, nonce, from4, { counter: 3, root: root(1) }), refused);
  await assert.rejects(one.advance(volume, nonce, from4, { counter: 4, root: root(9) }), refused);
  await assert.rejects(one.advance(volume, nonce, none, { counter: 9, root: root(9) }), refused);
  await assert.rejects(client('changed').freshness(volume, nonce), refusedWith(401));
  await assert.rejects(one.freshness(Uint8Array.of(1), nonce), refusedWith(404));
});
