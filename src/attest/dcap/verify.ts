/**
 * Verification of Intel DCAP quotes (SGX, TDX 1.0, TDX 1.5), in the order of Intel's quote
 * verification library (steps 4.1.2.5.x). Policy (debug, allowed statuses, measurements) is apart
 * from it and comes after: this file states what is true, not what is acceptable.
 */
import { equalBytes, fromHex, fromUtf8, isZero, toHex } from '../bytes.ts';
import { type Checklist, runChecks, type Verdict } from '../checks.ts';
import { Refusal, type RefusalCode, require } from '../errors.ts';
import { INTEL_SGX_ROOT } from '../roots.table.ts';
import { digest, type PublicKey, verifyEcdsa } from '../webcrypto.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { type Crl, parseCrl } from '../x509/crl.ts';
import { checkNotRevoked, isoTime, validateCrl, validatePath } from '../x509/path.ts';
import { parsePemChain } from '../x509/pem.ts';
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
import {
  parseQeIdentity,
  parseTcbInfo,
  type QeIdentity,
  type TcbInfo,
  type TcbStatus,
} from './tcb-info.ts';

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

export function verifyDcap(input: DcapInput): Promise<Verdict<DcapClaims>> {
  return runChecks(PLAN, (checks) => verifySteps(checks, input));
}

async function verifySteps(checks: Checks, input: DcapInput): Promise<DcapClaims> {
  const { collateral, timeMs } = input;
  const roots = input.roots ?? [parseCertificate(INTEL_SGX_ROOT)];
  const quote = await checks.step('structure', () => parseQuote(input.quote));
  const path = await checks.step('pck-chain', () =>
    pckPath(quote, collateral.pckCertificateChain, roots, timeMs),
  );
  const [leaf, issuer, root] = path as [Certificate, Certificate, Certificate];
  const pck = await checks.step('pck-chain', () => parsePckExtension(leaf));

  const context = { collateral, roots, root, timeMs };
  const rootCrl = await checkRootCrl(checks, context, issuer);
  const pckCrl = await checkPckCrl(checks, context, leaf, issuer);
  const info = await checks.step('tcb-info', () => trustedTcbInfo(context, rootCrl));
  const identity = await checks.step('qe-identity', () => trustedQeIdentity(context, rootCrl));

  await checks.step('platform', () => checkPlatform(quote, pck, info));
  if (quote.body.kind === 'tdx') await checks.step('tdx-module', () => checkTdxModule(quote, info));
  else checks.skip('tdx-module', 'not a TD');
  await checks.step('qe-report', async () =>
    require(await verifyEcdsa(
      leaf.publicKey,
      'SHA-256',
      quote.qeReport.raw,
      quote.qeReportSignature,
    ), 'QE_REPORT_BAD_SIGNATURE', 'the QE report is not signed by the PCK'),
  );
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
      ...path.map((certificate) => certificate.notAfterMs),
      ...[rootCrl, pckCrl].map((crl) => crl?.nextUpdateMs ?? Number.POSITIVE_INFINITY),
      info.nextUpdateMs,
      identity.nextUpdateMs,
    ),
  };
}

const SIGNATURES_PLAN = {
  structure: PLAN.structure,
  'pck-chain': PLAN['pck-chain'],
  'qe-report': PLAN['qe-report'],
  'qe-binding': PLAN['qe-binding'],
  signature: PLAN.signature,
} as const;

/**
 * The part of the verification that needs no collateral: who signed the quote. It says nothing
 * about revocation or TCB; `verifyDcap` does.
 */
export function verifyDcapSignatures(
  input: Omit<DcapInput, 'collateral'>,
): Promise<Verdict<{ readonly quote: Quote; readonly pck: PckExtension }>> {
  return runChecks(SIGNATURES_PLAN, async (checks) => {
    const roots = input.roots ?? [parseCertificate(INTEL_SGX_ROOT)];
    const quote = await checks.step('structure', () => parseQuote(input.quote));
    const [leaf] = await checks.step('pck-chain', () =>
      pckPath(quote, undefined, roots, input.timeMs),
    );
    const pck = await checks.step('pck-chain', () => parsePckExtension(leaf as Certificate));
    await checks.step('qe-report', () => checkQeReport(quote, leaf as Certificate));
    await checks.step('qe-binding', () => checkQeBinding(quote));
    await checks.step('signature', () => checkQuoteSignature(quote));
    return { quote, pck };
  });
}

interface Context {
  readonly collateral: DcapCollateral;
  readonly roots: readonly Certificate[];
  readonly root: Certificate;
  readonly timeMs: number;
}

/** QVL takes the PCK chain as an argument: one given by the caller goes before the quote's own. */
function chainInQuote(quote: Quote): string {
  const { certificationData } = quote;
  if (certificationData.kind === 'pem-chain')
    return fromUtf8(certificationData.text, 'MALFORMED_PEM');
  const message = 'neither the quote nor the collateral has a PCK certificate';
  throw new Refusal('COLLATERAL_MISSING', message);
}

async function pckPath(
  quote: Quote,
  chainOutside: string | undefined,
  roots: readonly Certificate[],
  timeMs: number,
): Promise<readonly Certificate[]> {
  const text = chainOutside ?? chainInQuote(quote);
  const chain = parsePemChain(text);
  const leaf = chain.find((certificate) => !certificate.isCa);
  require(leaf, 'CERT_WRONG_TYPE', 'no PCK certificate in the chain');
  const path = await validatePath(leaf, {
    intermediates: chain,
    anchors: roots,
    timeMs,
    revocation: 'none',
  });
  require(path.length === 3, 'CERT_PATH_LENGTH', 'a PCK chain has three certificates');
  // QVL 4.1.2.5.5
  require(leaf.subjectCommonName.includes(
    'SGX PCK Certificate',
  ), 'CERT_WRONG_TYPE', `"${leaf.subjectCommonName}" is not a PCK certificate`);
  return path;
}

async function checkRootCrl(
  checks: Checks,
  context: Context,
  issuer: Certificate,
): Promise<Crl | undefined> {
  const { rootCaCrl } = context.collateral;
  if (!rootCaCrl) {
    checks.warn('root-crl', 'no root CA CRL');
    return undefined;
  }
  return checks.step('root-crl', async () => {
    const crl = parseCrl(rootCaCrl);
    await validateCrl(crl, context.root, context.timeMs);
    checkNotRevoked(issuer, crl);
    return crl;
  });
}

async function checkPckCrl(
  checks: Checks,
  context: Context,
  leaf: Certificate,
  issuer: Certificate,
): Promise<Crl | undefined> {
  const { pckCrl } = context.collateral;
  if (!pckCrl) {
    checks.warn('pck-crl', 'no PCK CRL');
    return undefined;
  }
  return checks.step('pck-crl', async () => {
    const crl = parseCrl(pckCrl);
    // The CRL's issuer is the leaf's, as raw DER, or it says nothing about this leaf.
    await validateCrl(crl, issuer, context.timeMs);
    checkNotRevoked(leaf, crl);
    return crl;
  });
}

/** Checks the chain and the signature over `text`; both TCB info and QE identity are signed so. */
async function checkSignedText(
  context: Context,
  rootCrl: Crl | undefined,
  chainText: string,
  text: string,
  signature: Uint8Array,
  code: RefusalCode,
): Promise<void> {
  const chain = parsePemChain(chainText);
  const leaf = chain.find((certificate) => !certificate.isCa);
  require(leaf, 'CERT_WRONG_TYPE', 'no signing certificate in the chain');
  const { roots, timeMs } = context;
  const path = await validatePath(leaf, {
    intermediates: chain,
    anchors: roots,
    timeMs,
    revocation: 'none',
  });
  require(path.length === 2 &&
    leaf.subjectCommonName.includes(
      'SGX TCB Signing',
    ), 'CERT_WRONG_TYPE', `"${leaf.subjectCommonName}" is not a TCB signing certificate`);
  if (rootCrl) checkNotRevoked(leaf, rootCrl);
  const bytes = new TextEncoder().encode(text);
  const good = await verifyEcdsa(leaf.publicKey, 'SHA-256', bytes, signature);
  require(good, code, 'the signature does not match the text');
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

async function trustedTcbInfo(context: Context, rootCrl: Crl | undefined): Promise<TcbInfo> {
  const { tcbInfo, tcbInfoSignature, tcbInfoIssuerChain } = context.collateral;
  const bad = 'TCB_INFO_BAD_SIGNATURE';
  await checkSignedText(context, rootCrl, tcbInfoIssuerChain, tcbInfo, tcbInfoSignature, bad);
  const info = parseTcbInfo(tcbInfo);
  const { timeMs } = context;
  checkPeriod('TCB info', info, timeMs, 'TCB_INFO_NOT_YET_VALID', 'TCB_INFO_EXPIRED');
  return info;
}

async function trustedQeIdentity(context: Context, rootCrl: Crl | undefined): Promise<QeIdentity> {
  const { qeIdentity, qeIdentitySignature, qeIdentityIssuerChain } = context.collateral;
  const bad = 'QE_IDENTITY_BAD_SIGNATURE';
  await checkSignedText(
    context,
    rootCrl,
    qeIdentityIssuerChain,
    qeIdentity,
    qeIdentitySignature,
    bad,
  );
  const identity = parseQeIdentity(qeIdentity);
  const { timeMs } = context;
  checkPeriod('QE identity', identity, timeMs, 'QE_IDENTITY_NOT_YET_VALID', 'QE_IDENTITY_EXPIRED');
  return identity;
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
