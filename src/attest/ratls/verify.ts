/** Appraises the evidence inside an RA-TLS certificate: the certificate first, then what it proves. */
import { APPRAISAL_FORMAT, type Appraisal } from '../appraise/appraisal.ts';
import type { Check } from '../checks.ts';
import { parseQuote } from '../dcap/quote.ts';
import { Refusal } from '../errors.ts';
import type { Evidence, ProviderName } from '../evidence.ts';
import { type Collateral, type VerifyInput, verify } from '../verify.ts';
import { isoTime } from '../x509/path.ts';
import { parseRaTlsCertificate, type RaTlsEvidence } from './certificate.ts';

export interface RaTlsInput extends Omit<VerifyInput, 'evidence' | 'collateral'> {
  /** DER or PEM. */
  readonly certificate: Uint8Array;
  /** Given the evidence, so that the caller can look up what belongs to its platform. */
  readonly collateral?: (evidence: Evidence) => Promise<Collateral>;
}

export async function verifyRaTls(input: RaTlsInput): Promise<Appraisal> {
  const timeMs = input.time.getTime();
  const parsed = await parseRaTlsCertificate(input.certificate, timeMs);
  const checks = parsed.checks.map((check): Check => ({ ...check, id: `ra-tls.${check.id}` }));
  if (!parsed.ok) return refusedCertificate(input, checks, timeMs);
  const evidence = evidenceOf(parsed.claims);
  const collateral = (await input.collateral?.(evidence)) ?? {};
  const { policy, time, nonce } = input;
  const question = { evidence, collateral, policy, time, ...(nonce ? { nonce } : {}) };
  const appraisal = await verify(question);
  return { ...appraisal, checks: [...checks, ...appraisal.checks] };
}

/** Evidence as `verify` wants it. */
export function evidenceOf(found: RaTlsEvidence): Evidence {
  const { certificate, quote, certificates, binding, nonce } = found;
  const { imageMeasurement, runtimeMeasurement } = found;
  const publicKey = certificate.spki;
  return {
    provider: found.provider ?? quoteProvider(quote),
    raw: quote,
    certificates,
    binding: undefined,
    imageSignatures: [],
    channel: { expected: binding, publicKey, nonce, imageMeasurement, runtimeMeasurement },
  };
}

function quoteProvider(quote: Uint8Array): ProviderName {
  try {
    return parseQuote(quote).body.kind;
  } catch (error) {
    if (error instanceof Refusal) return 'sgx';
    throw error;
  }
}

function refusedCertificate(
  input: RaTlsInput,
  checks: readonly Check[],
  timeMs: number,
): Appraisal {
  const failed = checks.filter((check) => check.status === 'fail');
  const code = failed[0]?.code;
  return {
    format: APPRAISAL_FORMAT,
    accepted: false,
    status: 'contraindicated',
    provider: 'sgx',
    time: isoTime(Math.trunc(timeMs / 1000) * 1000),
    ...(code ? { error: code } : {}),
    reasons: failed.map((check) => check.reason),
    checks,
    advisories: [],
    hardware: {},
    trustVector: {
      'instance-identity': 97,
      configuration: 0,
      executables: 0,
      'file-system': 0,
      hardware: 0,
      'runtime-opaque': 0,
      'storage-opaque': 0,
      'sourced-data': 0,
    },
    policy: { name: input.policy.name },
  };
}
