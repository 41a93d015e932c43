import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBinding } from '../attest/binding.ts';
import { toHex } from '../attest/bytes.ts';
import { parseEvidence } from '../attest/evidence.ts';
import { parsePolicy } from '../attest/policy.ts';
import { verify } from '../attest/verify.ts';
import { nodeClock } from '../host/clock.ts';
import { nodeCrypto } from '../host/crypto.ts';
import type { Image } from '../image/open.ts';
import { TeeError } from '../tee/provider.ts';
import { createSimIdentity, simProvider } from '../tee/sim.ts';
import { guestAttestation } from './guest-attestation.ts';

const digest = (text: string) => nodeCrypto.sha256(new TextEncoder().encode(text));
const own = digest('own image');
const other = digest('approved image');
const provider = simProvider(await createSimIdentity(), { crypto: nodeCrypto, clock: nodeClock });
const log: string[] = [];
const parts = {
  image: { measurement: `sha256:${toHex(own)}`, signatures: [] } as unknown as Image,
  provider,
  measureRuntime: () => digest('runtime'),
  publicKey: new Uint8Array(91).fill(1),
  crypto: nodeCrypto,
  logger: { log: (_: string, message: string) => void log.push(message) },
};
const time = new Date(Number(nodeClock.realtimeNs() / 1_000_000n));
const policyFor = (image: Uint8Array) =>
  parsePolicy(`format: cloister-policy/1\nproviders: {sim: }\nimages: [sha256:${toHex(image)}]\n`);
const quote = (reportData: Uint8Array) =>
  parseEvidence(new TextDecoder().decode(guestAttestation(parts).quote(reportData)));

test('a guest’s report data is the nonce of its own image’s evidence', async () => {
  const reportData = new Uint8Array(64).fill(9);
  const evidence = quote(reportData);
  const good = await verify({ evidence, policy: policyFor(own), time, nonce: reportData });
  assert.equal(good.accepted, true, good.reasons.join());
});

test('forgery: report data made to be another image’s binding does not speak for that image', async () => {
  const nonce = new Uint8Array(32).fill(7);
  const claimed = {
    imageMeasurement: other,
    runtimeMeasurement: digest('runtime'),
    publicKey: parts.publicKey,
    nonce,
  };
  const evidence = quote(nodeCrypto.sha512(encodeBinding(claimed)));
  const policy = policyFor(other);
  const honest = await verify({ evidence, policy, time, nonce });
  assert.equal(honest.error, 'NONCE_MISMATCH');
  const forged = await verify({ evidence: { ...evidence, binding: claimed }, policy, time, nonce });
  assert.equal(forged.error, 'BINDING_MISMATCH');
});

test('a TEE that does not answer is one line in the log and no evidence', () => {
  const silent = {
    ...provider,
    quote(): never {
      throw new TeeError('TEE_TIMEOUT', 'no answer');
    },
  };
  const source = guestAttestation({ ...parts, provider: silent });
  assert.equal(source.quote(new Uint8Array(64)), undefined);
  assert.deepEqual(log, ['attestation: no answer']);
});
