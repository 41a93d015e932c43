/**
 * `cloister/attest`: verifies and appraises evidence of TEEs, in Node.js and in browsers, without
 * ever reaching the network. See docs/formats/evidence.md and docs/formats/policy.md.
 */
export type { Appraisal, EarStatus, SoftwareClaims, TrustVector } from './appraise/appraisal.ts';
export { type EvidenceBinding, encodeBinding, reportDataOf } from './binding.ts';
export type { Check, CheckStatus, Verdict } from './checks.ts';
export { cutSignedResponse, type DcapCollateral, parseDcapCollateral } from './dcap/collateral.ts';
export { type DcapClaims, verifyDcap } from './dcap/verify.ts';
export { signEar, toEar, verifyEar } from './ear.ts';
export { Refusal, type RefusalCode } from './errors.ts';
export {
  type Evidence,
  formatEvidence,
  type ImageSignature,
  PROVIDERS,
  type ProviderName,
  parseEvidence,
} from './evidence.ts';
export { verifyFreshness } from './freshness.ts';
export { type NitroClaims, verifyNitro } from './nitro/verify.ts';
export { type Policy, parsePolicy } from './policy.ts';
export { parseRaTlsCertificate, type RaTlsEvidence } from './ratls/certificate.ts';
export { verifyRaTls } from './ratls/verify.ts';
export { encodeSimReport, keyStatement, type SimBody } from './sim/report.ts';
export { type SnpClaims, verifySnp } from './snp/verify.ts';
export { type TpmClaims, verifyTpm } from './tpm/verify.ts';
export { type Collateral, VerificationCache, type VerifyInput, verify } from './verify.ts';
export { parseAnyCertificate } from './x509/pem.ts';
