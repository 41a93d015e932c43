/**
 * `verify`: evidence, collateral, policy, time and nonce in; one appraisal out. Pure: no network, no
 * clock, no files. Bad evidence is a result, never an exception.
 */
import {
  APPRAISAL_FORMAT,
  type Appraisal,
  type EarStatus,
  type SoftwareClaims,
  type TrustVector,
} from './appraise/appraisal.ts';
import { type Facts, factsOf, prefixed, type TeeClaims } from './appraise/facts.ts';
import { checkProviderPolicy, RuleList } from './appraise/policy-checks.ts';
import { checkBinding, checkSoftwarePolicy } from './appraise/software-checks.ts';
import type { Check, Verdict } from './checks.ts';
import type { DcapCollateral } from './dcap/collateral.ts';
import { DcapVerifier, verifyDcap } from './dcap/verify.ts';
import type { RefusalCode } from './errors.ts';
import type { Evidence } from './evidence.ts';
import { verifyNitro } from './nitro/verify.ts';
import type { Policy } from './policy.ts';
import { verifySim } from './sim/verify.ts';
import { verifySnp } from './snp/verify.ts';
import { verifyTpm } from './tpm/verify.ts';
import type { Certificate } from './x509/certificate.ts';
import { isoTime, SignatureMemo } from './x509/path.ts';

/** What vendors serve beside the evidence. Everything is optional; what is missing is said. */
export interface Collateral {
  readonly dcap?: DcapCollateral;
  /** SNP: endorsement key certificate first, then those above it; else as in the evidence. */
  readonly snpCertificates?: readonly Uint8Array[];
  readonly snpCrl?: Uint8Array;
  /** Trusted roots instead of the vendors', for tests. */
  readonly roots?: readonly Certificate[];
}

export interface VerifyInput {
  readonly evidence: Evidence;
  readonly collateral?: Collateral;
  readonly policy: Policy;
  /** Trusted time: shown in the appraisal, since a verdict holds at a time only. */
  readonly time: Date;
  /** The challenge that this evidence must answer. */
  readonly nonce?: Uint8Array;
  readonly cache?: VerificationCache;
}

/**
 * What a long-lived verifier remembers between calls: signatures over collateral, chains and
 * authorities. Holds no verdict: times, levels and policies are judged anew.
 */
export class VerificationCache {
  readonly dcap = new DcapVerifier();
  readonly signatures = new SignatureMemo();
}

type Checked = { readonly verdict: Verdict<unknown>; readonly tee: TeeClaims | undefined };

export async function verify(input: VerifyInput): Promise<Appraisal> {
  const { evidence, policy } = input;
  const timeMs = input.time.getTime();
  const base = {
    format: APPRAISAL_FORMAT,
    provider: evidence.provider,
    time: isoTime(Math.trunc(timeMs / 1000) * 1000),
    policy: { name: policy.name },
  } as const;
  const { verdict, tee } = await verifyTee(input, timeMs);
  const checks = prefixed(evidence.provider, verdict);
  if (!tee) return { ...base, ...refused(checks), hardware: {}, advisories: [] };

  const facts = factsOf(tee);
  const question = { evidence, facts, nonce: input.nonce, timeMs };
  const rules = new RuleList();
  const software = await checkBinding(rules, question);
  checkProviderPolicy(rules, facts, policy);
  checkSoftwarePolicy(rules, policy, software, question);
  checks.push(...rules.checks);
  return { ...base, ...conclude(checks, facts), ...described(facts, software) };
}

function described(facts: Facts, software: SoftwareClaims) {
  return {
    ...(facts.tcbStatus === undefined ? {} : { tcbStatus: facts.tcbStatus }),
    advisories: facts.advisories,
    hardware: facts.hardware,
    software,
    ...(facts.untilMs === undefined ? {} : { validUntil: isoTime(facts.untilMs) }),
  };
}

async function verifyTee(input: VerifyInput, timeMs: number): Promise<Checked> {
  const { evidence, cache, collateral = {} } = input;
  const { provider, raw } = evidence;
  const memo = cache ? { memo: cache.signatures } : {};
  const roots = collateral.roots ? { roots: collateral.roots } : {};
  switch (provider) {
    case 'tdx':
    case 'sgx': {
      if (!collateral.dcap) return missing('DCAP collateral (TCB info, QE identity, CRLs)');
      const question = { quote: raw, collateral: collateral.dcap, timeMs };
      // A cache is bound to the vendor's roots; other roots are for tests.
      const verdict =
        cache && !collateral.roots
          ? await cache.dcap.verify(question)
          : await verifyDcap({ ...question, ...roots });
      // A quote of the other kind would be judged by the wrong half of the policy.
      if (verdict.ok && verdict.claims.quote.body.kind !== provider)
        return mislabelled(verdict.claims.quote.body.kind, provider);
      return { verdict, tee: verdict.ok ? { provider, claims: verdict.claims } : undefined };
    }
    case 'snp': {
      const certificates = collateral.snpCertificates ?? evidence.certificates;
      const [endorsementKey, ...chain] = certificates;
      if (!endorsementKey) return missing('the VCEK or VLEK certificate');
      const crl = collateral.snpCrl ? { crl: collateral.snpCrl } : {};
      const verdict = await verifySnp({
        report: raw,
        endorsementKey,
        chain,
        timeMs,
        ...crl,
        ...roots,
        ...memo,
      });
      return { verdict, tee: verdict.ok ? { provider, claims: verdict.claims } : undefined };
    }
    case 'nitro': {
      const verdict = await verifyNitro({ document: raw, timeMs, ...roots, ...memo });
      return { verdict, tee: verdict.ok ? { provider, claims: verdict.claims } : undefined };
    }
    case 'tpm': {
      const verdict = await verifyTpm(raw);
      return { verdict, tee: verdict.ok ? { provider, claims: verdict.claims } : undefined };
    }
    case 'sim': {
      const verdict = await verifySim(raw);
      return { verdict, tee: verdict.ok ? { provider, claims: verdict.claims } : undefined };
    }
  }
}

function failed(id: string, code: RefusalCode, reason: string): Checked {
  const check: Check = { id, status: 'fail', reason, clause: 'RFC 9334, 3.2', code };
  const verdict = { ok: false, error: code, reason, checks: [check], warnings: [] } as const;
  return { verdict, tee: undefined };
}

const missing = (what: string): Checked =>
  failed('collateral', 'COLLATERAL_MISSING', `${what} is missing`);

const mislabelled = (is: string, says: string): Checked =>
  failed('provider', 'UNSUPPORTED_EVIDENCE', `this is evidence of ${is}, not of ${says}`);

/** The verdict over all checks: one failure refuses. */
function conclude(checks: readonly Check[], facts: Facts | undefined) {
  const failures = checks.filter((check) => check.status === 'fail');
  const warnings = checks.filter((check) => check.status === 'warn');
  const first = failures[0]?.code;
  const accepted = failures.length === 0 && facts !== undefined;
  const worn = warnings.length > 0 || (facts?.tcbStatus ?? 'UpToDate') !== 'UpToDate';
  const status: EarStatus = !accepted ? 'contraindicated' : worn ? 'warning' : 'affirming';
  return {
    accepted,
    status,
    ...(first ? { error: first } : {}),
    reasons: [...failures, ...warnings].map((check) => check.reason),
    checks,
    trustVector: trustVector(checks, facts),
  };
}

const refused = (checks: readonly Check[]) => conclude(checks, undefined);

const CONTRAINDICATED = 96;

/** AR4SI (draft-ietf-rats-ar4si, section 2.3): per aspect, from the checks that are about it. */
function trustVector(checks: readonly Check[], facts: Facts | undefined): TrustVector {
  const fails = (...codes: RefusalCode[]) =>
    checks.some((check) => check.status === 'fail' && check.code && codes.includes(check.code));
  const aspect = (good: number, bad: number, ...codes: RefusalCode[]) =>
    facts === undefined ? 0 : fails(...codes) ? bad : good;
  const isSim = facts?.tee.provider === 'sim';
  // A TPM measures; it keeps nobody out of memory.
  const isOpaque = !isSim && facts?.tee.provider !== 'tpm';
  const tcbFine = (facts?.tcbStatus ?? 'UpToDate') === 'UpToDate';
  return {
    'instance-identity': aspect(2, 97, 'BINDING_MISMATCH', 'NONCE_MISMATCH', 'POLICY_AGE'),
    configuration: aspect(2, CONTRAINDICATED, 'POLICY_CONFIGURATION', 'POLICY_DEBUG'),
    executables: aspect(3, 99, 'POLICY_MEASUREMENT', 'POLICY_SIGNER', 'POLICY_VERSION'),
    'file-system': aspect(2, CONTRAINDICATED, 'POLICY_MEASUREMENT'),
    // 32: genuine but with known weaknesses; simulated hardware is none at all.
    hardware:
      facts === undefined || isSim
        ? 97
        : aspect(tcbFine ? 2 : 32, 96, 'POLICY_TCB', 'POLICY_ADVISORY'),
    'runtime-opaque': facts === undefined || !isOpaque ? 0 : aspect(2, 96, 'POLICY_DEBUG'),
    'storage-opaque': 0,
    'sourced-data': 0,
  };
}
