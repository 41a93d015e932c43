/** Attested channels over real TLS on loopback, and attacks on them, each named after what it tries. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { connect as tlsConnect } from 'node:tls';
import type { Evidence } from '../attest/evidence.ts';
import { parsePolicy } from '../attest/policy.ts';
import { parseRaTlsCertificate } from '../attest/ratls/certificate.ts';
import {
  claimsReportData,
  createCertificate,
  encodeClaims,
  encodeTaggedEvidence,
  generateChannelKey,
} from '../attest/ratls/create.ts';
import { verifyRaTls } from '../attest/ratls/verify.ts';
import { nodeCrypto } from '../host/crypto.ts';
import { createEvidence } from '../tee/provider.ts';
import { createSimIdentity, simProvider } from '../tee/sim.ts';
import { attestChannel, type ChannelOptions, ChannelRefused } from './ra-tls.ts';
import { image, policyFor, RUNTIME, START_MS, TestClock } from './testing/setup.ts';
import { messageTls } from './testing/tls.ts';
import type { TlsConnection } from './tls.ts';

const clock = new TestClock();
const now = new Date(START_MS);
const sim = simProvider(await createSimIdentity(), { crypto: nodeCrypto, clock });
const notBefore = new Date(START_MS - 3_600_000);
const notAfter = new Date(START_MS + 3_600_000);
const judge = (...images: string[]) => ({
  policy: parsePolicy(policyFor(...images)),
  time: () => now,
});
const prover = (imageName: string) => (publicKey: Uint8Array, nonce: Uint8Array) =>
  createEvidence(
    sim,
    { imageMeasurement: image(imageName), runtimeMeasurement: RUNTIME, publicKey, nonce },
    nodeCrypto,
  );

async function identity() {
  const key = await generateChannelKey();
  const certificate = await createCertificate({ key, commonName: 'instance', notBefore, notAfter });
  return { key, tls: { certificate, privateKey: key.pkcs8, publicKey: key.spki } };
}
const client = await identity();
const server = await identity();

const isAccepted = (outcome: Outcome | undefined) => {
  const appraisal = outcome?.result as { readonly accepted?: boolean } | undefined;
  assert.equal(appraisal?.accepted, true, String(outcome?.result));
};

type Outcome = { readonly side: string; readonly result: unknown };
type Wrap = (connection: TlsConnection) => TlsConnection;
const asIs: Wrap = (connection) => connection;

/** Runs a server and a client against each other; answers what became of both. */
async function meet(
  clientOptions: Partial<ChannelOptions>,
  serverOptions: Partial<ChannelOptions>,
  wraps: { client?: Wrap; server?: Wrap } = {},
): Promise<readonly Outcome[]> {
  const accepted = Promise.withResolvers<TlsConnection>();
  const listening = await messageTls.listen('127.0.0.1', 0, server.tls, accepted.resolve);
  const connection = await messageTls.connect('127.0.0.1', listening.port, client.tls);
  const other = await accepted.promise;
  const run = async (
    side: 'client' | 'server',
    wrapped: TlsConnection,
    options: Partial<ChannelOptions>,
  ) => {
    const ownKey = side === 'client' ? client.key.spki : server.key.spki;
    try {
      return { side, result: await attestChannel(wrapped, { side, ownKey, ...options }) };
    } catch (error) {
      return { side, result: error };
    }
  };
  const outcomes = await Promise.all([
    run('client', (wraps.client ?? asIs)(connection), clientOptions),
    run('server', (wraps.server ?? asIs)(other), serverOptions),
  ]);
  connection.close();
  other.close();
  await listening.close();
  return outcomes;
}

const isRefused = ({ result }: Outcome, pattern: RegExp) => {
  assert.ok(result instanceof ChannelRefused, String(result));
  assert.match(result.message, pattern);
};

test('mutual: both sides attest, and each learns what the other runs', async () => {
  const [a, b] = await meet(
    { prove: prover('left'), judge: judge('right') },
    { prove: prover('right'), judge: judge('left') },
  );
  isAccepted(a);
  isAccepted(b);
});

test('one-sided: a client without evidence checks a server', async () => {
  const [a, b] = await meet({ judge: judge('service') }, { prove: prover('service') });
  isAccepted(a);
  assert.equal(b?.result, undefined);
});

test('a changed image and a peer without evidence are refused, and both sides know', async () => {
  const [a, b] = await meet({ judge: judge('service') }, { prove: prover('changed') });
  isRefused(a as Outcome, /neither listed nor signed/);
  isRefused(b as Outcome, /refused our evidence/);
  const [c] = await meet({ judge: judge('service') }, {});
  isRefused(c as Outcome, /no evidence to give/);
});

test('relay: an attacker who ends TLS on both sides cannot pass evidence through', async () => {
  const attacker = await identity();
  const honest = Promise.withResolvers<TlsConnection>();
  const real = await messageTls.listen('127.0.0.1', 0, server.tls, honest.resolve);
  const caught = Promise.withResolvers<TlsConnection>();
  const fake = await messageTls.listen('127.0.0.1', 0, attacker.tls, caught.resolve);
  const victim = await messageTls.connect('127.0.0.1', fake.port, client.tls);
  const inside = await caught.promise;
  const outside = await messageTls.connect('127.0.0.1', real.port, attacker.tls);
  const pump = async (from: TlsConnection, to: TlsConnection) => {
    try {
      for (;;) await to.send(await from.receive(1 << 20));
    } catch {
      to.close();
    }
  };
  void pump(inside, outside);
  void pump(outside, inside);
  const serving = attestChannel(await honest.promise, {
    side: 'server',
    ownKey: server.key.spki,
    prove: prover('service'),
  }).catch((error: unknown) => error);
  const outcome = await attestChannel(victim, {
    side: 'client',
    ownKey: client.key.spki,
    judge: judge('service'),
  }).catch((error: unknown) => error);
  isRefused({ side: 'client', result: outcome }, /another TLS key/);
  await serving;
  for (const connection of [victim, inside, outside]) connection.close();
  await Promise.all([real.close(), fake.close()]);
});

test('relay: with a stolen TLS key the connection still differs (exporter)', async () => {
  // The attacker holds the server's key, so the certificate is right; the evidence was made for the
  // attacker's own connection to the instance.
  const elsewhere: Wrap = (connection) => ({
    peerCertificate: connection.peerCertificate,
    send: (message) => connection.send(message),
    receive: (most) => connection.receive(most),
    close: () => connection.close(),
    exportKeyingMaterial: (length) => new Uint8Array(length).fill(1),
  });
  const [a] = await meet(
    { judge: judge('service') },
    { prove: prover('service') },
    { server: elsewhere },
  );
  isRefused(a as Outcome, /another challenge: a replay/);
});

test('replay: evidence of an earlier connection is refused on the next', async () => {
  let recorded: Evidence | undefined;
  await meet(
    { judge: judge('service') },
    {
      prove: (key, nonce) => {
        recorded = prover('service')(key, nonce);
        return recorded;
      },
    },
  );
  const [a] = await meet({ judge: judge('service') }, { prove: () => recorded as Evidence });
  isRefused(a as Outcome, /another challenge: a replay/);
});

test('unknown key share: evidence about another key than the TLS one', async () => {
  const other = await generateChannelKey();
  const [a] = await meet(
    { judge: judge('service') },
    { prove: (_, nonce) => prover('service')(other.spki, nonce) },
  );
  isRefused(a as Outcome, /another TLS key/);
});

test('reflection: messages that come back to their sender prove nothing', async () => {
  const sent: Uint8Array[] = [];
  let at = 0;
  const mirror = {
    peerCertificate: client.tls.certificate,
    exportKeyingMaterial: (length: number) => new Uint8Array(length).fill(1),
    send: async (message: Uint8Array) => void sent.push(message),
    receive: async () => sent[at++] as Uint8Array,
    close() {
      sent.length = 0;
    },
  };
  const options = {
    side: 'client',
    ownKey: client.key.spki,
    prove: prover('a'),
    judge: judge('a'),
  } as const;
  await assert.rejects(attestChannel(mirror, options), /came back to its sender/);
});

test('downgrade: TLS 1.2 is not spoken', async () => {
  const listening = await messageTls.listen('127.0.0.1', 0, server.tls, (c) => c.close());
  const failed = await new Promise<string>((resolve) => {
    const options = { maxVersion: 'TLSv1.2', rejectUnauthorized: false } as const;
    const socket = tlsConnect({ host: '127.0.0.1', port: listening.port, ...options });
    socket.on('secureConnect', () => resolve('connected'));
    socket.on('error', (error: Error & { code?: string }) => resolve(error.code ?? error.message));
  });
  assert.notEqual(failed, 'connected');
  await listening.close();
});

async function evidenceCertificate(imageName: string, nonce?: Uint8Array) {
  const key = await generateChannelKey();
  const measured = { imageMeasurement: image(imageName), runtimeMeasurement: RUNTIME };
  const claims = await encodeClaims({ spki: key.spki, ...measured, ...(nonce ? { nonce } : {}) });
  const quote = sim.quote(await claimsReportData(claims));
  const evidence = encodeTaggedEvidence({ provider: 'sim', ...quote }, claims);
  const request = { key, commonName: 'ra-tls', notBefore, notAfter, evidence };
  return { key, evidence, certificate: await createCertificate(request) };
}
const lax = parsePolicy(policyFor('service').replace('requireNonce: true', ''));

test('a certificate carries its evidence, and other software reads it', async () => {
  const nonce = new Uint8Array(32).fill(4);
  const { certificate } = await evidenceCertificate('service', nonce);
  const appraisal = await verifyRaTls({ certificate, policy: lax, time: now, nonce });
  assert.equal(appraisal.accepted, true, appraisal.reasons.join());
  const read = new X509Certificate(certificate);
  assert.equal(read.subject, 'CN=ra-tls');
  assert.equal(read.verify(read.publicKey), true);
  const stale = await verifyRaTls({
    certificate,
    policy: lax,
    time: now,
    nonce: new Uint8Array(32),
  });
  assert.equal(stale.error, 'NONCE_MISMATCH');
  const changed = await evidenceCertificate('changed');
  const other = await verifyRaTls({ certificate: changed.certificate, policy: lax, time: now });
  assert.equal(other.error, 'POLICY_MEASUREMENT');
});

test('substitution: honest evidence in a certificate of the attacker’s key', async () => {
  const { evidence } = await evidenceCertificate('service');
  const key = await generateChannelKey();
  const certificate = await createCertificate({
    key,
    commonName: 'x',
    notBefore,
    notAfter,
    evidence,
  });
  const appraisal = await verifyRaTls({ certificate, policy: lax, time: now });
  assert.equal(appraisal.error, 'BINDING_MISMATCH');
});

test('substitution: claims rewritten for the attacker’s key do not match the report data', async () => {
  const key = await generateChannelKey();
  const honest = await evidenceCertificate('service');
  const parsed = await parseRaTlsCertificate(honest.certificate, START_MS);
  assert.ok(parsed.ok);
  const claims = await encodeClaims({ spki: key.spki, imageMeasurement: image('service') });
  const raw = { provider: 'sim', raw: parsed.claims.quote, certificates: [] } as const;
  const evidence = encodeTaggedEvidence(raw, claims);
  const certificate = await createCertificate({
    key,
    commonName: 'x',
    notBefore,
    notAfter,
    evidence,
  });
  const appraisal = await verifyRaTls({ certificate, policy: lax, time: now });
  assert.equal(appraisal.error, 'BINDING_MISMATCH');
});

test('a certificate out of its time, or without evidence, is refused', async () => {
  const { certificate } = await evidenceCertificate('service');
  const late = new Date(START_MS + 7_200_000);
  assert.equal((await verifyRaTls({ certificate, policy: lax, time: late })).error, 'CERT_EXPIRED');
  const bare = client.tls.certificate;
  const refused = await verifyRaTls({ certificate: bare, policy: lax, time: now });
  assert.equal(refused.error, 'UNSUPPORTED_EVIDENCE');
});
