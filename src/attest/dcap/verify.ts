/**
 * Verification of Intel DCAP quotes (SGX, TDX 1.0, TDX 1.5), in the order of Intel's quote
 * verification library (steps 4.1.2.5.x). Policy (debug, allowed statuses, measurements) is apart
 * from it and comes after: this file states what is true, not what is acceptable.
 */
import { equalBytes, fromHex, isZero, toHex } from '../bytes.ts';
import { type Checklist, runChecks, type Verdict } from '../checks.ts';
import { type RefusalCode, require } from '../errors.ts';
import { INTEL_SGX_ROOT } from '../roots.table.ts';
import { digest, type PublicKey, verifyEcdsa } from '../webcrypto.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import {
  checkCrlTime,
  checkNotRevoked,
  checkValidity,
  isoTime,
  pathUntilMs,
} from '../x509/path.ts';
import type { DcapCollateral } from './collateral.ts';
import {
  evaluateTcb,
  findTdxModule,
  matchIsvLevel,
  relaunchStatus,
  type TcbEvaluation,
} from './evaluate.ts';
import { type PckExtension, parsePckExtension } from './pck.ts';
import { parseQuote, type Quote, type SgxReport } from './quote.ts';
import { TrustedSources } from './sources.ts';
import type { QeIdentity, TcbInfo, TcbStatus } from './tcb-info.ts';

const PLAN = {
  structure: ['the quote is well formed', 'TDX DCAP Quoting Library API, A.3; QuoteLib, A.4'],
  'pck-chain': [
    'the PCK certificate leads to the root',
    'PCK Certificate Profile, 1.3; RFC 5280, 6.1',
  ],
  'root-crl': ['the root revoked no certificate in use', 'RFC 5280, 6.3; QVL 4.1.2.5.6'],
  'pck-crl': ['the PCK certificate is not revoked', 'RFC 5280, 6.3; QVL 4.1.2.5.7, .8'],
  'tcb-info': ['TCB info is signed and current', 'PCS API v4, Get TCB Info; QVL 4.1.2.5.9'],
  'qe-identity': ['QE identity is signed and current', 'PCS API v4, Get QE Identity'],
  platform: ['TCB info is about this platform', 'QVL 4.1.2.5.10, .11'],
  'tdx-module': ['the TDX module is one of Intel', 'QVL 4.1.2.5.12'],
  'qe-report': ['the QE report is signed by the PCK', 'QVL 4.1.2.5.13'],
  'qe-binding': ['the QE vouches for the attestation key', 'QVL 4.1.2.5.14'],
  'qe-match': ['the QE is the one of the identity', 'QVL 4.1.2.5.15, .16'],
  signature: ['the quote is signed by the attestation key', 'QVL 4.1.2.5.17'],
  tcb: ['the TCB level is known', 'QVL 4.1.2.5.18'],
} as const;

type Checks = Checklist<typeof PLAN>;

export interface DcapClaims {
  readonly quote: Quote;
  readonly pck: PckExtension;
  readonly pckSerial: string;
  readonly status: TcbStatus;
  readonly evaluation: TcbEvaluation;
  /** TDX 1.5 only: status at launch, and of the TCB that runs now. */
  readonly launchStatus: TcbStatus | undefined;
  readonly currentStatus: TcbStatus | undefined;
  readonly evaluationDataNumber: number;
  readonly debug: boolean;
  readonly crlsChecked: boolean;
  /** When the first piece of collateral ends. */
  readonly collateralUntilMs: number;
}

export interface DcapInput {
  readonly quote: Uint8Array;
  readonly collateral: DcapCollateral;
  readonly timeMs: number;
  /** Trusted roots instead of Intel's, for tests. */
  readonly roots?: readonly Certificate[];
}

/** Verifies one quote. For many, keep a {@link DcapVerifier}: it remembers what it has checked. */
export function verifyDcap(input: DcapInput): Promise<Verdict<DcapClaims>> {
  return new DcapVerifier(input.roots).verify(input);
}

/**
 * A verifier that remembers signatures over collateral objects and PCK chains that it found good
 * (or bad). Periods of validity are checked anew each time. Collateral that was given to it must
 * not be changed afterwards.
 */
export class DcapVerifier {
  readonly #sources: TrustedSources;

  constructor(roots: readonly Certificate[] = [parseCertificate(INTEL_SGX_ROOT)]) {
    this.#sources = new TrustedSources(roots);
  }

  verify(input: Omit<DcapInput, 'roots'>): Promise<Verdict<DcapClaims>> {
    return runChecks(PLAN, (checks) => verifySteps(checks, input, this.#sources));
  }

  /**
   * The part of the verification that needs no collateral: who signed the quote. It says nothing
   * about revocation or TCB.
   */
  verifySignatures(
    quoteBytes: Uint8Array,
    timeMs: number,
  ): Promise<Verdict<{ readonly quote: Quote; readonly pck: PckExtension }>> {
    return runChecks(SIGNATURES_PLAN, async (checks) => {
      const quote = await checks.step('structure', () => parseQuote(quoteBytes));
      const leaf = await checks.step('pck-chain', async () => {
        const path = await this.#sources.pckPath(quote, undefined);
        for (const certificate of path) checkValidity(certificate, timeMs);
        return path[0] as Certificate;
      });
      const pck = await checks.step('pck-chain', () => parsePckExtension(leaf));
      await checks.step('qe-report', () => checkQeReport(quote, leaf));
      await checks.step('qe-binding', () => checkQeBinding(quote));
      await checks.step('signature', () => checkQuoteSignature(quote));
      return { quote, pck };
    });
  }
}

const SIGNATURES_PLAN = {
  structure: PLAN.structure,
  'pck-chain': PLAN['pck-chain'],
  'qe-report': PLAN['qe-report'],
  'qe-binding': PLAN['qe-binding'],
  signature: PLAN.signature,
} as const;

async function verifySteps(
  checks: Checks,
  input: Omit<DcapInput, 'roots'>,
  sources: TrustedSources,
): Promise<DcapClaims> {
  const { collateral, timeMs } = input;
  const quote = await checks.step('structure', () => parseQuote(input.quote));
  const path = await checks.step('pck-chain', async () => {
    const found = await sources.pckPath(quote, collateral.pckCertificateChain);
    for (let i = found.length - 1; i >= 0; i--) checkValidity(found[i] as Certificate, timeMs);
    return found;
  });
  const [leaf, issuer, root] = path as [Certificate, Certificate, Certificate];
  const pck = await checks.step('pck-chain', () => parsePckExtension(leaf));
  const rootCrl = await crlStep(
    checks,
    'root-crl',
    'no root CA CRL',
    collateral.rootCaCrl,
    async () => {
      const crl = await sources.crl(collateral, 'rootCaCrl', root);
      checkCrlTime(crl, root, timeMs);
      checkNotRevoked(issuer, crl);
      return crl;
    },
  );
  const pckCrl = await crlStep(checks, 'pck-crl', 'no PCK CRL', collateral.pckCrl, async () => {
    // The CRL's issuer is the leaf's, as raw DER, or it says nothing about this leaf.
    const crl = await sources.crl(collateral, 'pckCrl', issuer);
    checkCrlTime(crl, issuer, timeMs);
    checkNotRevoked(leaf, crl);
    return crl;
  });
  const { value: info, path: infoPath } = await checks.step('tcb-info', async () => {
    const signed = await sources.tcbInfo(collateral);
    checkSigners(signed.path, rootCrl, timeMs);
    checkPeriod('TCB info', signed.value, timeMs, 'TCB_INFO_NOT_YET_VALID', 'TCB_INFO_EXPIRED');
    return signed;
  });
  const { value: identity, path: identityPath } = await checks.step('qe-identity', async () => {
    const signed = await sources.qeIdentity(collateral);
    checkSigners(signed.path, rootCrl, timeMs);
    checkPeriod(
      'QE identity',
      signed.value,
      timeMs,
      'QE_IDENTITY_NOT_YET_VALID',
      'QE_IDENTITY_EXPIRED',
    );
    return signed;
  });

  await checks.step('platform', () => checkPlatform(quote, pck, info));
  if (quote.body.kind === 'tdx') await checks.step('tdx-module', () => checkTdxModule(quote, info));
  else checks.skip('tdx-module', 'not a TD');
  await checks.step('qe-report', () => checkQeReport(quote, leaf));
  await checks.step('qe-binding', () => checkQeBinding(quote));
  await checks.step('qe-match', () => checkQe(quote, identity));
  await checks.step('signature', () => checkQuoteSignature(quote));
  const tcb = await checks.step('tcb', () => evaluate(quote, pck, info, identity));
  return {
    quote,
    pck,
    pckSerial: toHex(leaf.serial),
    ...tcb,
    evaluationDataNumber: info.evaluationDataNumber,
    debug: isDebug(quote),
    crlsChecked: rootCrl !== undefined && pckCrl !== undefined,
    collateralUntilMs: Math.min(
      ...[path, infoPath, identityPath].map(pathUntilMs),
      ...[rootCrl, pckCrl].map((crl) => crl?.nextUpdateMs ?? Number.POSITIVE_INFINITY),
      info.nextUpdateMs,
      identity.nextUpdateMs,
    ),
  };
}

/** An absent list is warned of; whether that is enough is for the policy to say. */
async function crlStep(
  checks: Checks,
  id: 'root-crl' | 'pck-crl',
  warning: string,
  bytes: Uint8Array | undefined,
  action: () => Promise<Crl>,
): Promise<Crl | undefined> {
  if (bytes) return checks.step(id, action);
  checks.warn(id, warning);
  return undefined;
}

/** Validity of a TCB signing chain at the time, and that the root did not revoke the signer. */
function checkSigners(
  path: readonly Certificate[],
  rootCrl: Crl | undefined,
  timeMs: number,
): void {
  for (let i = path.length - 1; i >= 0; i--) checkValidity(path[i] as Certificate, timeMs);
  if (rootCrl) checkNotRevoked(path[0] as Certificate, rootCrl);
}

function checkPeriod(
  what: string,
  period: { readonly issueDateMs: number; readonly nextUpdateMs: number },
  timeMs: number,
  notYet: RefusalCode,
  expired: RefusalCode,
): void {
  const { issueDateMs, nextUpdateMs } = period;
  require(timeMs >= issueDateMs, notYet, `${what} was issued ${isoTime(issueDateMs)}`);
  require(timeMs <= nextUpdateMs, expired, `${what} ended ${isoTime(nextUpdateMs)}`);
}

function checkPlatform(quote: Quote, pck: PckExtension, info: TcbInfo): void {
  const isTdx = quote.body.kind === 'tdx';
  require(isTdx === (info.id === 'TDX'), 'TCB_INFO_MISMATCH', `TCB info is for ${info.id}`);
  // FMSPC is compared as bytes: its case differs between responses.
  const other = `TCB info is for FMSPC ${info.fmspc}, the platform is ${pck.fmspc}`;
  require(info.fmspc === pck.fmspc, 'FMSPC_MISMATCH', other);
  require(info.pceId === pck.pceId, 'PCEID_MISMATCH', 'TCB info is for another PCE');
}

function checkTdxModule(quote: Quote, info: TcbInfo): void {
  if (quote.body.kind !== 'tdx') return;
  const { teeTcbSvn, mrSignerSeam, seamAttributes } = quote.body.report;
  const module = findTdxModule(info, teeTcbSvn);
  const code = 'TDX_MODULE_MISMATCH';
  require(toHex(mrSignerSeam) === module.mrSigner, code, 'the TDX module has another signer');
  const expected = toHex(seamAttributes) === module.attributes && isZero(seamAttributes);
  require(expected, code, 'the TDX module has attributes set');
}

async function checkQeReport(quote: Quote, leaf: Certificate): Promise<void> {
  const { qeReport, qeReportSignature } = quote;
  const good = await verifyEcdsa(leaf.publicKey, 'SHA-256', qeReport.raw, qeReportSignature);
  require(good, 'QE_REPORT_BAD_SIGNATURE', 'the QE report is not signed by the PCK');
}

async function checkQeBinding(quote: Quote): Promise<void> {
  const hash = await digest('SHA-256', quote.attestationKey, quote.qeAuthData);
  const bound = equalBytes(hash, quote.qeReport.reportData.subarray(0, 32));
  require(bound, 'QE_REPORT_DATA_MISMATCH', 'the QE report names another attestation key');
}

const masked = (value: Uint8Array, mask: string): string =>
  toHex(value.map((byte, i) => byte & (fromHex(mask)[i] ?? 0)));

function checkQe(quote: Quote, identity: QeIdentity): void {
  const code = 'QE_IDENTITY_MISMATCH';
  const wanted = quote.body.kind === 'tdx' ? 'TD_QE' : 'QE';
  require(identity.id === wanted, code, `QE identity is for ${identity.id}, not ${wanted}`);
  const report: SgxReport = quote.qeReport;
  const miscSelect = masked(report.miscSelect, identity.miscSelectMask);
  require(miscSelect === identity.miscSelect, code, 'QE has another MISCSELECT');
  const attributes = masked(report.attributes, identity.attributesMask);
  require(attributes === identity.attributes, code, 'QE has other attributes');
  require(toHex(report.mrSigner) === identity.mrSigner, code, 'QE has another signer');
  require(report.isvProdId === identity.isvProdId, code, 'QE has another product number');
}

async function checkQuoteSignature(quote: Quote): Promise<void> {
  const point = new Uint8Array(65);
  point[0] = 4;
  point.set(quote.attestationKey, 1);
  const key: PublicKey = { kind: 'ec', curve: 'P-256', point };
  const good = await verifyEcdsa(key, 'SHA-256', quote.signed, quote.signature);
  require(good, 'QUOTE_BAD_SIGNATURE', 'the quote is not signed by the attestation key');
}

function evaluate(quote: Quote, pck: PckExtension, info: TcbInfo, identity: QeIdentity) {
  const qe = matchIsvLevel(identity.levels, quote.qeReport.isvSvn, 'QE');
  const report = quote.body.kind === 'tdx' ? quote.body.report : undefined;
  const launch = evaluateTcb(info, pck, qe, report?.teeTcbSvn);
  const current = report?.teeTcbSvn2 && evaluateTcb(info, pck, qe, report.teeTcbSvn2);
  return {
    evaluation: launch,
    status: current ? relaunchStatus(launch.status, current.status) : launch.status,
    launchStatus: current && launch.status,
    currentStatus: current?.status,
  };
}

/** SGX: ATTRIBUTES bit 1. TDX: the whole TUD byte (TDX Module ABI, TDATTRIBUTES) must be 0. */
function isDebug(quote: Quote): boolean {
  if (quote.body.kind === 'sgx') return ((quote.body.report.attributes[0] ?? 0) & 2) !== 0;
  return quote.body.report.tdAttributes[0] !== 0;
}
