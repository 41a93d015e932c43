/** Binding, nonce, image, signer, runtime and age: the rules that are the same for every TEE. */
import { type EvidenceBinding, reportDataOf } from '../binding.ts';
import { equalBytes, isZero, toBase64, toHex } from '../bytes.ts';
import type { ChannelBinding, Evidence } from '../evidence.ts';
import { validSigners } from '../image-signature.ts';
import type { Policy } from '../policy.ts';
import type { SoftwareClaims } from './appraisal.ts';
import type { Facts } from './facts.ts';
import type { RuleList } from './policy-checks.ts';

export interface Question {
  readonly evidence: Evidence;
  readonly facts: Facts;
  readonly nonce: Uint8Array | undefined;
  readonly timeMs: number;
}

/** Checks that the evidence is about what it says, and answers what that is. */
export async function checkBinding(rules: RuleList, question: Question): Promise<SoftwareClaims> {
  const { evidence, facts, nonce } = question;
  const { binding, channel } = evidence;
  const reportData = toHex(facts.reportData);
  if (channel) return checkChannel(rules, question, channel);
  if (!binding) {
    rules.warn('binding', 'not evidence of Cloister: the report data is not interpreted');
    if (nonce !== undefined) {
      const holds =
        equalBytes(facts.reportData.subarray(0, nonce.length), nonce) && nonce.length > 0;
      const bad = 'the report data does not begin with the nonce';
      rules.rule('nonce', 'NONCE_MISMATCH', holds, 'the report data begins with the nonce', bad);
    }
    return { imageSigners: [], reportData };
  }
  const expected = await reportDataOf(binding);
  rules.rule(
    'binding',
    'BINDING_MISMATCH',
    isReportData(facts, expected),
    'the TEE signed image, runtime, instance key and nonce',
    'the TEE signed something else than the image, runtime, instance key and nonce stated',
  );
  checkNonce(rules, binding, nonce);
  const signers = await validSigners(binding.imageMeasurement, evidence.imageSignatures);
  return {
    imageMeasurement: `sha256:${toHex(binding.imageMeasurement)}`,
    runtimeMeasurement: `sha256:${toHex(binding.runtimeMeasurement)}`,
    imageSigners: signers.map((key) => `ed25519:${key}`),
    instanceKey: toBase64(binding.publicKey),
    nonce: toHex(binding.nonce),
    reportData,
  };
}

const TPM_LEAST_BYTES = 32;

/** Many TPMs take no 64 bytes of asker's data: SHA-512 is then cut, to no less than 32 bytes. */
function isReportData({ tee, reportData }: Facts, expected: Uint8Array): boolean {
  const isCut = tee.provider === 'tpm' && reportData.length >= TPM_LEAST_BYTES;
  return equalBytes(isCut ? expected.subarray(0, reportData.length) : expected, reportData);
}

/** RA-TLS: report data is a hash over claims (or the key), zero padded. */
function checkChannel(
  rules: RuleList,
  { facts, nonce }: Question,
  channel: ChannelBinding,
): SoftwareClaims {
  const { reportData } = facts;
  const { expected, imageMeasurement: image, runtimeMeasurement: runtime } = channel;
  const bound =
    expected.length > 0 &&
    equalBytes(reportData.subarray(0, expected.length), expected) &&
    isZero(reportData.subarray(expected.length));
  const bad = 'the TEE signed something else than the key and claims of this certificate';
  const good = 'the TEE signed the key and claims of this certificate';
  rules.rule('binding', 'BINDING_MISMATCH', bound, good, bad);
  checkNonce(rules, { nonce: channel.nonce ?? new Uint8Array(0) }, nonce);
  return {
    ...(image ? { imageMeasurement: `sha256:${toHex(image)}` } : {}),
    ...(runtime ? { runtimeMeasurement: `sha256:${toHex(runtime)}` } : {}),
    imageSigners: [],
    instanceKey: toBase64(channel.publicKey),
    ...(channel.nonce ? { nonce: toHex(channel.nonce) } : {}),
    reportData: toHex(reportData),
  };
}

function checkNonce(
  rules: RuleList,
  binding: Pick<EvidenceBinding, 'nonce'>,
  nonce: Uint8Array | undefined,
): void {
  if (nonce === undefined) {
    rules.warn('nonce', 'no nonce was asked for: the evidence may be a replay');
    return;
  }
  const same = equalBytes(binding.nonce, nonce) && nonce.length > 0;
  const bad = 'the evidence answers another challenge: a replay';
  rules.rule('nonce', 'NONCE_MISMATCH', same, 'the evidence answers this challenge', bad);
}

export function checkSoftwarePolicy(
  rules: RuleList,
  policy: Policy,
  software: SoftwareClaims,
  question: Question,
): void {
  const strip = (word: string | undefined) => word?.slice(word.indexOf(':') + 1);
  const image = strip(software.imageMeasurement);
  const bySigner = software.imageSigners.some((key) => policy.signers?.includes(strip(key) ?? ''));
  if (policy.images === 'any') rules.warn('images', 'the policy accepts any image');
  else {
    const listed = image !== undefined && (policy.images ?? []).includes(image);
    const reason = listed ? 'the image is listed' : 'the image is signed by a listed key';
    const shown = image === undefined ? 'unknown' : `sha256:${image}`;
    const bad = `image ${shown} is neither listed nor signed by a listed key`;
    rules.rule('images', 'POLICY_MEASUREMENT', listed || bySigner, reason, bad);
  }
  if (policy.runtimes) {
    const runtime = strip(software.runtimeMeasurement) ?? 'unknown';
    rules.oneOf('runtimes', 'POLICY_MEASUREMENT', runtime, policy.runtimes);
  }
  checkAge(rules, policy, question);
}

const CLOCK_TOLERANCE_MS = 60_000;

function checkAge(rules: RuleList, policy: Policy, question: Question): void {
  const { facts, nonce, timeMs } = question;
  if (policy.requireNonce) {
    const bad = 'the policy wants a nonce, and none was asked for';
    rules.rule('requireNonce', 'NONCE_MISMATCH', nonce !== undefined, 'a nonce was asked for', bad);
  }
  const { maximumEvidenceAgeSeconds: seconds } = policy;
  if (seconds === undefined) return;
  const { timestampMs } = facts;
  if (timestampMs === undefined) {
    // TDX, SGX and SNP evidence has no clock: only the answer to a challenge shows that it is new.
    const bad = 'this evidence states no time: its age can only be bounded by a nonce';
    rules.rule(
      'maximumEvidenceAgeSeconds',
      'POLICY_AGE',
      nonce !== undefined,
      'bounded by nonce',
      bad,
    );
    return;
  }
  const ageMs = timeMs - timestampMs;
  const holds = ageMs <= seconds * 1000 && ageMs >= -CLOCK_TOLERANCE_MS;
  const reason = `the evidence is ${Math.round(ageMs / 1000)} s old, at most ${seconds} s wanted`;
  rules.rule('maximumEvidenceAgeSeconds', 'POLICY_AGE', holds, reason, reason);
}
