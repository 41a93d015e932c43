import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../attest/bytes.ts';
import { formatEvidence, parseEvidence } from '../attest/evidence.ts';
import { parsePolicy } from '../attest/policy.ts';
import { verify } from '../attest/verify.ts';
import { nodeCrypto } from '../host/crypto.ts';
import { createEvidence } from './provider.ts';
import { createSimIdentity, formatSimIdentity, parseSimIdentity, simProvider } from './sim.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const clock = { realtimeNs: () => BigInt(NOW_MS) * 1_000_000n };
const image = nodeCrypto.sha256(new TextEncoder().encode('an image'));
const nonce = new Uint8Array(32).fill(7);
const binding = {
  imageMeasurement: image,
  runtimeMeasurement: nodeCrypto.sha256(new TextEncoder().encode('a runtime')),
  publicKey: new Uint8Array(44).fill(3),
  nonce,
};
const identity = await createSimIdentity();
const provider = simProvider(identity, { crypto: nodeCrypto, clock });
const evidence = createEvidence(provider, binding, nodeCrypto);
const policyText = (providers: string) => `
format: cloister-policy/1
name: test
providers: {${providers}}
images: [sha256:${toHex(image)}]
maximumEvidenceAgeSeconds: 300
`;
const policy = parsePolicy(policyText('sim: '));
const time = new Date(NOW_MS + 1000);

test('simulated evidence is accepted by a policy that names sim, image and nonce', async () => {
  const appraisal = await verify({ evidence, policy, time, nonce });
  assert.equal(appraisal.accepted, true, appraisal.reasons.join());
  assert.equal(appraisal.status, 'warning');
  assert.equal(appraisal.software?.imageMeasurement, `sha256:${toHex(image)}`);
  assert.match(String(appraisal.hardware['vendor']), /simulated/);
});

test('a policy that does not name sim refuses it', async () => {
  const other = parsePolicy(policyText('tdx: {}, snp: {}, nitro: {}, sgx: {}'));
  const appraisal = await verify({ evidence, policy: other, time, nonce });
  assert.equal(appraisal.accepted, false);
  assert.equal(appraisal.error, 'POLICY_PROVIDER');
});

test('a changed image is refused', async () => {
  const changed = { ...binding, imageMeasurement: nodeCrypto.sha256(Uint8Array.of(1)) };
  const honest = createEvidence(provider, changed, nodeCrypto);
  const refused = await verify({ evidence: honest, policy, time, nonce });
  assert.equal(refused.error, 'POLICY_MEASUREMENT');
  // The same evidence with the approved image written over it does not bind.
  const forged = await verify({ evidence: { ...honest, binding }, policy, time, nonce });
  assert.equal(forged.error, 'BINDING_MISMATCH');
});

test('evidence of another session is refused', async () => {
  const other = new Uint8Array(32).fill(8);
  const appraisal = await verify({ evidence, policy, time, nonce: other });
  assert.equal(appraisal.error, 'NONCE_MISMATCH');
});

test('old evidence is refused', async () => {
  const late = new Date(NOW_MS + 301_000);
  assert.equal((await verify({ evidence, policy, time: late, nonce })).error, 'POLICY_AGE');
});

test('debug is refused unless the policy says so', async () => {
  const debug = simProvider(identity, { crypto: nodeCrypto, clock, debug: true });
  const made = createEvidence(debug, binding, nodeCrypto);
  assert.equal((await verify({ evidence: made, policy, time, nonce })).error, 'POLICY_DEBUG');
  const lax = parsePolicy(policyText('sim: {allowDebug: true}'));
  assert.equal((await verify({ evidence: made, policy: lax, time, nonce })).accepted, true);
});

test('another root is refused when the policy names roots', async () => {
  const root = `ed25519:${toHex(identity.rootPublicKey)}`;
  const own = parsePolicy(policyText(`sim: {roots: ['${root}']}`));
  assert.equal((await verify({ evidence, policy: own, time, nonce })).accepted, true);
  const stranger = simProvider(await createSimIdentity(), { crypto: nodeCrypto, clock });
  const made = createEvidence(stranger, binding, nodeCrypto);
  assert.equal(
    (await verify({ evidence: made, policy: own, time, nonce })).error,
    'POLICY_PLATFORM',
  );
});

test('no byte of a simulated report can change', async () => {
  for (let i = 0; i < evidence.raw.length; i++) {
    const raw = evidence.raw.slice();
    raw[i] = (raw[i] as number) ^ (1 << (i % 8));
    const appraisal = await verify({ evidence: { ...evidence, raw }, policy, time, nonce });
    assert.equal(appraisal.accepted, false, `byte ${i}`);
    assert.ok(appraisal.error, `byte ${i} has a reason`);
  }
});

test('evidence and identity survive their files', async () => {
  const text = formatEvidence(evidence);
  assert.match(text, /simulated/);
  assert.equal(formatEvidence(parseEvidence(text)), text);
  assert.deepEqual(parseSimIdentity(formatSimIdentity(identity)), identity);
});
