/** Nitro documents that no vector shows: other shapes of real ones, and Cloister's own. Forged root. */
import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { test } from 'node:test';
import { reportDataOf } from '../binding.ts';
import { concatBytes, toHex } from '../bytes.ts';
import { type Cbor, CborTag, encodeCbor } from '../cbor.ts';
import { parsePolicy } from '../policy.ts';
import { CA_EXTENSIONS, MAY_SIGN, makeCertificate, makeKey, NOW_MS } from '../testing/forge.ts';
import { verify } from '../verify.ts';
import type { Certificate } from '../x509/certificate.ts';
import { verifyNitro } from './verify.ts';

const keys = { root: makeKey('P-384'), ca: makeKey('P-384'), leaf: makeKey('P-384') };
const root = makeCertificate({
  subject: 'root',
  issuer: 'root',
  serial: 1,
  key: keys.root,
  signer: keys.root,
  extensions: CA_EXTENSIONS(2),
});
const ca = makeCertificate({
  subject: 'zonal',
  issuer: 'root',
  serial: 2,
  key: keys.ca,
  signer: keys.root,
  extensions: CA_EXTENSIONS(0),
});
const leaf = makeCertificate({
  subject: 'enclave',
  issuer: 'zonal',
  serial: 3,
  key: keys.leaf,
  signer: keys.ca,
  extensions: [MAY_SIGN],
});
const deep = makeCertificate({
  subject: 'deeper',
  issuer: 'zonal',
  serial: 4,
  key: keys.ca,
  signer: keys.ca,
  extensions: CA_EXTENSIONS(0),
});

const pcrs = (count: number) =>
  new Map(Array.from({ length: count }, (_, i) => [i, new Uint8Array(48).fill(i + 1)] as const));
const payload = (change: Readonly<Record<string, Cbor>> = {}) =>
  new Map<string, Cbor>(
    Object.entries({
      module_id: 'i-1',
      digest: 'SHA384',
      timestamp: NOW_MS,
      pcrs: pcrs(16),
      certificate: leaf.raw,
      cabundle: [root.raw, ca.raw],
      public_key: null,
      user_data: null,
      nonce: null,
      ...change,
    }),
  );

/** The map with indefinite length, as documents of late 2025 have it. */
function indefinite(map: ReadonlyMap<string, Cbor>): Uint8Array {
  const pairs = [...map].flatMap(([key, value]) => [encodeCbor(key), encodeCbor(value)]);
  return concatBytes(Uint8Array.of(0xbf), ...pairs, Uint8Array.of(0xff));
}

function document(body: Uint8Array, tagged = false, alg = -35): Uint8Array {
  const header = encodeCbor(new Map([[1, alg]]));
  const signed = encodeCbor(['Signature1', header, new Uint8Array(0), body]);
  const signature = new Uint8Array(
    sign('sha384', signed, { key: keys.leaf.privateKey, dsaEncoding: 'ieee-p1363' }),
  );
  const array: Cbor = [header, new Map<string, Cbor>(), body, signature];
  return encodeCbor(tagged ? new CborTag(18, array) : array);
}

const outcome = async (bytes: Uint8Array, roots: readonly Certificate[] = [root]) => {
  const verdict = await verifyNitro({ document: bytes, timeMs: NOW_MS, roots });
  return verdict.ok ? 'ok' : verdict.error;
};
const encoded = (change: Readonly<Record<string, Cbor>> = {}) =>
  document(encodeCbor(payload(change)));

test('real shapes: tagged or not, indefinite map, 17 PCRs, empty and absent fields', async () => {
  assert.equal(await outcome(encoded()), 'ok');
  assert.equal(await outcome(document(encodeCbor(payload()), true)), 'ok');
  assert.equal(await outcome(document(indefinite(payload()))), 'ok');
  assert.equal(await outcome(encoded({ pcrs: pcrs(17), user_data: new Uint8Array(0) })), 'ok');
  const map = payload();
  for (const name of ['public_key', 'user_data', 'nonce']) map.delete(name);
  assert.equal(await outcome(document(encodeCbor(map))), 'ok');
});

test('wrong shapes are refused', async () => {
  const bad: readonly Readonly<Record<string, Cbor>>[] = [
    { digest: 'SHA256' },
    { module_id: '' },
    { timestamp: -1 },
    { timestamp: 'now' },
    { pcrs: new Map() },
    { pcrs: pcrs(33) },
    { pcrs: new Map([[0, new Uint8Array(47)]]) },
    { cabundle: [] },
    { cabundle: root.raw },
    // attestation_process.md, 2.2.1: cert = bytes .size (1..1024)
    { certificate: new Uint8Array(1025) },
    { cabundle: [new Uint8Array(1025)] },
    { user_data: new Uint8Array(1025) },
    { nonce: 'text' },
  ];
  for (const change of bad) assert.equal(await outcome(encoded(change)), 'MALFORMED_PAYLOAD');
  const double = concatBytes(encodeCbor(payload()).subarray(0, -1), encodeCbor(null));
  assert.equal(await outcome(document(concatBytes(double, Uint8Array.of(0)))), 'MALFORMED_PAYLOAD');
  assert.equal(await outcome(document(encodeCbor(payload()), false, -7)), 'COSE_ALG');
});

test('a NitroTPM document is no enclave’s, though one root signs both', async () => {
  const map = payload({ nitrotpm_pcrs: pcrs(16) });
  map.delete('pcrs');
  assert.equal(await outcome(document(encodeCbor(map))), 'MALFORMED_PAYLOAD');
});

test('chains: another root, a missing or needless authority, one in the wrong order', async () => {
  assert.equal(await outcome(encoded(), []), 'UNTRUSTED_ROOT');
  const other = makeCertificate({
    subject: 'root',
    issuer: 'root',
    serial: 9,
    key: keys.ca,
    signer: keys.ca,
    extensions: CA_EXTENSIONS(2),
  });
  assert.equal(await outcome(encoded({ cabundle: [other.raw, ca.raw] })), 'UNTRUSTED_ROOT');
  assert.equal(await outcome(encoded({ cabundle: [root.raw] })), 'CHAIN_INCOMPLETE');
  assert.equal(
    await outcome(encoded({ cabundle: [root.raw, ca.raw, deep.raw] })),
    'CHAIN_INCOMPLETE',
  );
  assert.equal(await outcome(encoded({ cabundle: [ca.raw, root.raw] })), 'UNTRUSTED_ROOT');
  assert.equal(await outcome(encoded({ certificate: ca.raw })), 'CHAIN_INCOMPLETE');
});

test('an authority below one that allows none is refused (path length)', async () => {
  const child = makeCertificate({
    subject: 'end',
    issuer: 'deeper',
    serial: 5,
    key: keys.leaf,
    signer: keys.ca,
    extensions: [MAY_SIGN],
  });
  const change = { certificate: child.raw, cabundle: [root.raw, ca.raw, deep.raw] };
  assert.equal(await outcome(encoded(change)), 'CERT_PATH_LENGTH');
});

test('key usage must be stated, by the leaf and by authorities (attestation_process.md, 3.2.3.3)', async () => {
  const shape = { subject: 'enclave', issuer: 'zonal', serial: 6, key: keys.leaf, signer: keys.ca };
  const silent = makeCertificate({ ...shape, extensions: [] });
  assert.equal(await outcome(encoded({ certificate: silent.raw })), 'CERT_KEY_USAGE');
  const [constraints] = CA_EXTENSIONS(0);
  assert.ok(constraints);
  const zonal = makeCertificate({
    subject: 'zonal',
    issuer: 'root',
    serial: 7,
    key: keys.ca,
    signer: keys.root,
    extensions: [constraints],
  });
  assert.equal(await outcome(encoded({ cabundle: [root.raw, zonal.raw] })), 'CERT_KEY_USAGE');
});

test('a verdict holds until the first certificate ends, be it an authority', async () => {
  const zonal = makeCertificate({
    subject: 'zonal',
    issuer: 'root',
    serial: 8,
    key: keys.ca,
    signer: keys.root,
    extensions: CA_EXTENSIONS(0),
    notAfterMs: NOW_MS + 60_000,
  });
  const bytes = encoded({ cabundle: [root.raw, zonal.raw] });
  const verdict = await verifyNitro({ document: bytes, timeMs: NOW_MS, roots: [root] });
  assert.equal(verdict.ok && verdict.claims.chainUntilMs, NOW_MS + 60_000);
});

test('Cloister’s binding travels as user data', async () => {
  const binding = {
    imageMeasurement: new Uint8Array(32).fill(1),
    runtimeMeasurement: new Uint8Array(32).fill(2),
    publicKey: new Uint8Array(91).fill(3),
    nonce: new Uint8Array(32).fill(4),
  };
  const raw = encoded({ user_data: await reportDataOf(binding) });
  const evidence = {
    provider: 'nitro',
    raw,
    certificates: [],
    binding,
    imageSignatures: [],
  } as const;
  const policy = parsePolicy(
    `format: cloister-policy/1\nproviders: {nitro: {pcrs: {0: [${toHex(new Uint8Array(48).fill(1))}]}}}\nimages: [sha256:${'01'.repeat(32)}]\n`,
  );
  const base = { evidence, policy, collateral: { roots: [root] }, time: new Date(NOW_MS) };
  const good = await verify({ ...base, nonce: binding.nonce });
  assert.equal(good.accepted, true, good.reasons.join());
  assert.equal(good.status, 'affirming');
  assert.equal((await verify({ ...base, nonce: new Uint8Array(32) })).error, 'NONCE_MISMATCH');
  const bare = { ...evidence, raw: encoded() };
  assert.equal(
    (await verify({ ...base, evidence: bare, nonce: binding.nonce })).error,
    'BINDING_MISMATCH',
  );
});
