/** Attacks on RCAR, each named after what it tries. The broker is honest unless the name says so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, toBase64, utf8 } from '../attest/bytes.ts';
import { type Evidence, formatEvidence, parseEvidence } from '../attest/evidence.ts';
import { encryptJwe, generateEphemeralKey } from '../attest/jose/jwe.ts';
import { parseEcJwk } from '../attest/jose/jwk.ts';
import type { JsonObject } from '../attest/json.ts';
import { nodeCrypto } from '../host/crypto.ts';
import { createEvidence } from '../tee/provider.ts';
import { createSimIdentity, simProvider } from '../tee/sim.ts';
import { BrokerRefusal, type ClientOptions, type Prover, RcarClient } from './client.ts';
import { image, manInTheMiddle, policyFor, RUNTIME, secretOf, setup } from './testing/setup.ts';

const ID = 'lab/key/volume';

async function ready() {
  const s = await setup();
  s.vault.putPolicy('analysis', policyFor('analysis'));
  s.vault.putSecret(ID, 'analysis', secretOf('the secret'));
  s.vault.putSecret('lab/key/other', 'analysis', secretOf('another secret'));
  const client = (options: Partial<ClientOptions> = {}, name = 'analysis') =>
    new RcarClient({
      transport: s.transport,
      prover: s.prover(name),
      brokerKey: s.key.publicKey,
      ...options,
    });
  return { ...s, client };
}

type Cloister = Extract<Prover, { kind: 'cloister' }>;
const refused = (status: number) => (error: unknown) =>
  error instanceof BrokerRefusal && error.status === status;
const bodyOf = (bytes: Uint8Array) => JSON.parse(fromUtf8(bytes, 'MALFORMED_MESSAGE'));
const releases = (s: {
  store: { audits(from: number, count: number): readonly { text: string }[] };
}) => s.store.audits(1, 1000).filter((record) => record.text.includes('"kind":"release"')).length;

/** Rewrites `attest` messages on their way. */
const changingAttest = (change: (message: Record<string, JsonObject>) => void) => ({
  request: (request: { path: string; body: Uint8Array }) => {
    if (!request.path.endsWith('/attest')) return request as never;
    const message = bodyOf(request.body);
    change(message);
    return { ...request, body: utf8(JSON.stringify(message)) } as never;
  },
});

test('replay: evidence recorded in one session does not open another', async () => {
  const s = await ready();
  let recorded: Evidence | undefined;
  const honest = s.prover('analysis') as Cloister;
  const recording: Prover = {
    ...honest,
    evidence: async (key, nonce) => {
      recorded = await honest.evidence(key, nonce);
      return recorded;
    },
  };
  await s.client({ prover: recording }).secret(ID);
  const replaying: Prover = { ...honest, evidence: () => recorded as Evidence };
  await assert.rejects(s.client({ prover: replaying }).secret(ID), refused(401));
  assert.equal(releases(s), 1);
});

test('replay: one challenge cannot be answered twice', async () => {
  const s = await ready();
  let attest: { method: string; path: string; headers: object; body: Uint8Array } | undefined;
  const transport = manInTheMiddle(s.transport, {
    request: (request) => {
      if (request.path.endsWith('/attest')) attest = request;
      return request;
    },
  });
  await s.client({ transport }).handshake();
  const again = await s.transport.send(attest as never);
  assert.equal(again.status, 401);
});

test('relay: honest evidence with the attacker’s key in the message (unknown key share)', async () => {
  const s = await ready();
  const attacker = await generateEphemeralKey();
  const transport = manInTheMiddle(
    s.transport,
    changingAttest((message) => {
      (message['runtime-data'] as Record<string, unknown>)['tee-pubkey'] = attacker.jwk;
    }),
  );
  await assert.rejects(s.client({ transport }).secret(ID), refused(401));
  assert.equal(releases(s), 0);
});

test('relay: the attacker asks the instance with its own challenge and key', async () => {
  const s = await ready();
  const attacker = await generateEphemeralKey();
  const honest = s.prover('analysis') as Cloister;
  // What an instance gives to anybody who asks is bound to the key that the instance itself holds.
  const instanceKey = (await generateEphemeralKey()).jwk;
  const { jwkToSpki } = await import('../attest/jose/jwk.ts');
  const relayed: Prover = {
    ...honest,
    evidence: (_, nonce) => honest.evidence(jwkToSpki(instanceKey), nonce),
  };
  await assert.rejects(s.client({ prover: relayed }).secret(ID), refused(401));
  assert.ok(attacker);
});

test('substitution: the approved image written over evidence of another', async () => {
  const s = await ready();
  const transport = manInTheMiddle(
    s.transport,
    changingAttest((message) => {
      const evidence = message['tee-evidence'] as { primary_evidence: { binding: JsonObject } };
      const hex = Buffer.from(image('analysis')).toString('hex');
      Object.assign(evidence.primary_evidence.binding, { imageMeasurement: hex });
    }),
  );
  await assert.rejects(s.client({ transport }, 'changed').secret(ID), refused(401));
});

test('substitution: another secret in place of the one asked for', async () => {
  const s = await ready();
  const transport = manInTheMiddle(s.transport, {
    request: (request) =>
      request.path.endsWith(ID)
        ? { ...request, path: request.path.replace(ID, 'lab/key/other') }
        : request,
  });
  await assert.rejects(s.client({ transport }).secret(ID), /another secret/);
});

test('substitution: the answer of another session is not accepted', async () => {
  const s = await ready();
  const other = await s.client();
  await other.handshake();
  let answer: unknown;
  const tap = manInTheMiddle(s.transport, {
    response: (path, response) => {
      if (path.endsWith(ID)) answer ??= response;
      return response;
    },
  });
  await s.client({ transport: tap }).secret(ID);
  const swap = manInTheMiddle(s.transport, {
    response: (path, response) => (path.endsWith(ID) ? (answer as typeof response) : response),
  });
  await assert.rejects(s.client({ transport: swap }).secret(ID), /not encrypted to this key/);
});

test('impostor: a broker without the pinned key cannot plant a secret', async () => {
  const s = await ready();
  const key = (body: Uint8Array) => parseEcJwk(bodyOf(body)['runtime-data']['tee-pubkey']);
  let requester: ReturnType<typeof key> | undefined;
  let planted = '';
  const below = {
    send: async (request: Parameters<typeof s.transport.send>[0]) => {
      if (request.path.endsWith('/attest')) requester = key(request.body);
      const response = await s.transport.send(request);
      if (request.path.endsWith(ID) && requester) {
        const header = JSON.parse(
          Buffer.from(bodyOf(response.body).protected, 'base64url').toString(),
        );
        planted = JSON.stringify(
          await encryptJwe(utf8('planted'), requester, { cloister: header.cloister }),
        );
        return { ...response, body: utf8(planted) };
      }
      return response;
    },
  };
  await assert.rejects(s.client({ transport: below }).secret(ID), /receipt is for another message/);
  assert.ok(planted);
});

test('downgrade: an older protocol, another algorithm, a stripped binding', async () => {
  const s = await ready();
  const old = manInTheMiddle(s.transport, {
    request: (request) =>
      request.path.endsWith('/auth')
        ? { ...request, body: utf8('{"version":"0.1.1","tee":"sample","extra-params":""}') }
        : request,
  });
  await assert.rejects(s.client({ transport: old }).secret(ID), refused(400));
  const header = (change: (header: Record<string, unknown>) => void) =>
    manInTheMiddle(s.transport, {
      response: (path, response) => {
        if (!path.endsWith(ID)) return response;
        const jwe = bodyOf(response.body);
        const fields = JSON.parse(Buffer.from(jwe.protected, 'base64url').toString());
        change(fields);
        jwe.protected = Buffer.from(JSON.stringify(fields)).toString('base64url');
        return { ...response, body: utf8(JSON.stringify(jwe)) };
      },
    });
  const weak = header((fields) => Object.assign(fields, { alg: 'dir' }));
  await assert.rejects(s.client({ transport: weak }).secret(ID), /alg dir/);
  const cbc = header((fields) => Object.assign(fields, { enc: 'A128CBC-HS256' }));
  await assert.rejects(s.client({ transport: cbc }).secret(ID), /enc A128CBC/);
  const stripped = header((fields) => void delete fields['cloister']);
  await assert.rejects(s.client({ transport: stripped }).secret(ID), /changed on the way/);
  const hash = manInTheMiddle(s.transport, {
    response: (path, response) =>
      path.endsWith('/auth')
        ? {
            ...response,
            body: utf8(fromUtf8(response.body, 'MALFORMED_MESSAGE').replace('sha384', 'md5')),
          }
        : response,
  });
  await assert.rejects(s.client({ transport: hash }).secret(ID), /hash md5/);
});

test('downgrade: evidence of sim under another name is not read as a TEE’s', async () => {
  const s = await ready();
  const honest = s.prover('analysis') as Cloister;
  for (const provider of ['tdx', 'snp', 'sgx', 'nitro'] as const) {
    const dressed: Prover = {
      ...honest,
      evidence: async (key, nonce) => ({ ...(await honest.evidence(key, nonce)), provider }),
    };
    await assert.rejects(s.client({ prover: dressed }).secret(ID), refused(400));
    // Even when the session was opened under the false name.
    const lying: Prover = { ...dressed, provider };
    await assert.rejects(s.client({ prover: lying }).secret(ID), refused(401));
  }
});

test('forgery: evidence of a platform that the policy does not name', async () => {
  const s = await ready();
  const root = Buffer.from(s.identity.rootPublicKey).toString('hex');
  const pinned = policyFor('analysis').replace('{sim: }', `{sim: {roots: ['ed25519:${root}']}}`);
  s.vault.putPolicy('analysis', pinned);
  await s.client().secret(ID);
  const stranger = simProvider(await createSimIdentity(), { crypto: nodeCrypto, clock: s.clock });
  const measured = { imageMeasurement: image('analysis'), runtimeMeasurement: RUNTIME };
  const forged: Prover = {
    kind: 'cloister',
    provider: 'sim',
    evidence: (publicKey, nonce) =>
      createEvidence(stranger, { ...measured, publicKey, nonce }, nodeCrypto),
  };
  await assert.rejects(s.client({ prover: forged }).secret(ID), refused(401));
});

test('theft: a stolen session cookie gives only what the thief cannot read', async () => {
  const s = await ready();
  let cookie = '';
  const tap = manInTheMiddle(s.transport, {
    request: (request) => {
      cookie = request.headers['cookie'] ?? cookie;
      return request;
    },
  });
  await s.client({ transport: tap }).secret(ID);
  const response = await s.transport.send({
    method: 'GET',
    path: `/kbs/v0/resource/${ID}`,
    headers: { cookie },
    body: new Uint8Array(0),
  });
  assert.equal(response.status, 200);
  const body = fromUtf8(response.body, 'MALFORMED_MESSAGE');
  assert.ok(!body.includes('the secret') && !body.includes(toBase64(utf8('the secret'))));
  const { decryptJwe } = await import('../attest/jose/jwe.ts');
  await assert.rejects(decryptJwe(body, await generateEphemeralKey()), /not encrypted to this key/);
});

test('rollback: an old receipt does not answer a new freshness challenge', async () => {
  const s = await ready();
  s.vault.addVolume('aa', 'analysis');
  const volume = Uint8Array.of(0xaa);
  const nonce = (n: number) => new Uint8Array(16).fill(n);
  let old: unknown;
  const tap = manInTheMiddle(s.transport, {
    response: (path, response) => {
      if (path.endsWith('/freshness')) old ??= response;
      return response;
    },
  });
  await s.client({ transport: tap }).freshness(volume, nonce(1));
  const replay = manInTheMiddle(s.transport, {
    response: (path, response) =>
      path.endsWith('/freshness') ? (old as typeof response) : response,
  });
  await assert.rejects(
    s.client({ transport: replay }).freshness(volume, nonce(2)),
    /another question/,
  );
});

test('rollback: a store record moved to another name or policy does not open', async () => {
  const s = await ready();
  const stored = s.vault.stored('lab/key/other');
  s.store.putSecret({ ...stored, id: ID });
  await assert.rejects(s.client().secret(ID), refused(500));
  s.vault.putPolicy('lax', policyFor('analysis'));
  s.store.putSecret({ ...stored, policy: 'lax' });
  await assert.rejects(s.client().secret('lab/key/other'), refused(500));
});

test('evidence text survives its own reader, or is refused: duplicates, prototypes, depth', async () => {
  const s = await ready();
  const honest = s.prover('analysis') as Cloister;
  const made = formatEvidence(await honest.evidence(new Uint8Array(91), new Uint8Array(32)));
  assert.throws(() => parseEvidence(made.replace('{', '{"provider":"tdx",')), /twice/);
  assert.equal(parseEvidence(made.replace('{', '{"__proto__":{"a":1},')).provider, 'sim');
  assert.throws(() => parseEvidence('['.repeat(100_000)), /deeply/);
});
