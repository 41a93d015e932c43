/**
 * Verification of SEV-SNP reports against their endorsement key: VCEK (AMD 57230) or VLEK (AMD
 * 58369), chain to a pinned ARK, certificate extensions against the report. Policy comes after.
 */
import { equalBytes, isZero, toHex } from '../bytes.ts';
import { runChecks, type Verdict } from '../checks.ts';
import { Refusal, require } from '../errors.ts';
import * as roots from '../roots.table.ts';
import { verifyEcdsa } from '../webcrypto.ts';
import { type Certificate, findExtension, parseCertificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import { DerReader, TAG } from '../x509/der.ts';
import { sameName } from '../x509/name.ts';
import { OID } from '../x509/oid.table.ts';
import { pathUntilMs, type SignatureMemo, validatePath } from '../x509/path.ts';
import { parseAnyCrl } from '../x509/pem.ts';
import {
  decodeTcb,
  parseReport,
  productOfCpuid,
  type SnpProduct,
  type SnpReport,
  type TcbVersion,
} from './report.ts';

const PLAN = {
  structure: ['the report is well formed', 'SNP Firmware ABI (56860), 7.3'],
  certificate: ['the endorsement key certificate is well formed', 'VCEK Certificate (57230), 3'],
  chain: ['the endorsement key leads to the root of AMD', '57230, 3; 58369; RFC 5280, 6.1'],
  product: ['report and certificate are of one product line', '57230, 3; 56860, 7.3 (CPUID)'],
  signature: ['the report is signed by the endorsement key', '56860, 7.3 and 10'],
  tcb: ['the certificate is for the reported TCB', '57230, 3.1 (SPL extensions)'],
  'chip-id': ['the certificate is for this chip', '57230, 3.1 (hwID)'],
} as const;

export interface SnpClaims {
  readonly report: SnpReport;
  readonly product: SnpProduct;
  readonly reportedTcb: TcbVersion;
  readonly committedTcb: TcbVersion;
  readonly currentTcb: TcbVersion;
  readonly launchTcb: TcbVersion;
  /** VLEK only: whom AMD issued the key to. */
  readonly cspId: string | undefined;
  readonly crlChecked: boolean;
  /** When the first certificate, or the revocation list, ends. */
  readonly keyUntilMs: number;
}

export interface SnpInput {
  readonly report: Uint8Array;
  /** VCEK or VLEK certificate, DER. */
  readonly endorsementKey: Uint8Array;
  /** Certificates above it (ASK or ASVK, ARK), DER, any order; AMD's own are known without. */
  readonly chain?: readonly Uint8Array[];
  readonly crl?: Uint8Array;
  readonly timeMs: number;
  /** Trusted roots instead of AMD's three, for tests. */
  readonly roots?: readonly Certificate[];
  readonly memo?: SignatureMemo;
}

const ANCHORS: Readonly<Record<SnpProduct, Uint8Array>> = {
  Milan: roots.AMD_MILAN_ARK,
  Genoa: roots.AMD_GENOA_ARK,
  Turin: roots.AMD_TURIN_ARK,
};
const INTERMEDIATES: Readonly<Record<SnpProduct, readonly Uint8Array[]>> = {
  Milan: [roots.AMD_MILAN_ASK, roots.AMD_MILAN_ASVK],
  Genoa: [roots.AMD_GENOA_ASK, roots.AMD_GENOA_ASVK],
  Turin: [roots.AMD_TURIN_ASK, roots.AMD_TURIN_ASVK],
};

export function verifySnp(input: SnpInput): Promise<Verdict<SnpClaims>> {
  return runChecks(PLAN, async (checks) => {
    const report = await checks.step('structure', () => parseReport(input.report));
    const key = await checks.step('certificate', () => parseCertificate(input.endorsementKey));
    const product = await checks.step('certificate', () => productOfCertificate(key));
    const { path, crl } = await checks.step('chain', () => checkChain(input, report, key, product));
    await checks.step('product', () => checkProduct(report, product));
    await checks.step('signature', async () => {
      const good = await verifyEcdsa(key.publicKey, 'SHA-384', report.signed, report.signature);
      const masked = report.chipKeyMasked ? ' (MASK_CHIP_KEY: the firmware signed nothing)' : '';
      const reason = `the report is not signed by the endorsement key${masked}`;
      require(good, 'REPORT_BAD_SIGNATURE', reason);
    });
    const reportedTcb = decodeTcb(report.reportedTcb, product);
    await checks.step('tcb', () => checkTcb(key, reportedTcb));
    if (report.signingKey === 'vcek')
      await checks.step('chip-id', () => checkChipId(key, report, product));
    else checks.skip('chip-id', 'a VLEK belongs to a cloud provider, not to a chip');
    return {
      report,
      product,
      reportedTcb,
      committedTcb: decodeTcb(report.committedTcb, product),
      currentTcb: decodeTcb(report.currentTcb, product),
      launchTcb: decodeTcb(report.launchTcb, product),
      cspId: cspIdOf(key),
      crlChecked: input.crl !== undefined,
      keyUntilMs: Math.min(pathUntilMs(path), crl?.nextUpdateMs ?? Number.POSITIVE_INFINITY),
    };
  });
}

/** Bergamo and Siena are of the Genoa line and have its root (57230, table 1). */
const PRODUCT_LINES: Readonly<Record<string, SnpProduct | undefined>> = {
  Milan: 'Milan',
  Genoa: 'Genoa',
  Bergamo: 'Genoa',
  Siena: 'Genoa',
  Turin: 'Turin',
};

/** Product name extension: "Milan-B0" in a VCEK, "Milan" in a VLEK. */
function productOfCertificate(key: Certificate): SnpProduct {
  const value = findExtension(key, OID.amdProductName);
  if (!value) throw new Refusal('CERT_WRONG_TYPE', 'certificate without AMD product name');
  const reader = new DerReader(value, 'MALFORMED_CERT');
  const text = new TextDecoder().decode(reader.next(0x16).content); // IA5String
  reader.end();
  const product = PRODUCT_LINES[text.split('-')[0] ?? ''];
  if (product) return product;
  throw new Refusal('PRODUCT_MISMATCH', `unknown product "${text.slice(0, 32)}"`);
}

async function checkChain(
  input: SnpInput,
  report: SnpReport,
  key: Certificate,
  product: SnpProduct,
): Promise<{ readonly path: readonly Certificate[]; readonly crl: Crl | undefined }> {
  const wanted = report.signingKey === 'vlek' ? `SEV-VLEK-${product}` : `SEV-${product}`;
  const presented = (input.chain ?? []).map(parseCertificate);
  const crl = input.crl && parseAnyCrl(input.crl);
  const path = await validatePath(key, {
    intermediates: [...presented, ...INTERMEDIATES[product].map(parseCertificate)],
    anchors: input.roots ?? [parseCertificate(ANCHORS[product])],
    timeMs: input.timeMs,
    ...(crl ? { crls: [crl] } : {}),
    revocation: crl ? 'if-present' : 'none',
    ...(input.memo ? { memo: input.memo } : {}),
  });
  // 58369: a VLEK hangs under ASVK, a VCEK under ASK; the report says which key signed it.
  require(path.length === 3 &&
    path[1]?.subjectCommonName ===
      wanted, 'CERT_WRONG_TYPE', `a ${report.signingKey} report needs a key under ${wanted}`);
  checkKeyKind(key, report);
  // 57230, 4.3: the list of a product line is its root's. Another's would be read by nobody.
  const ours = !crl || path.some((certificate) => sameName(certificate.subject, crl.issuer));
  require(ours, 'CRL_ISSUER_MISMATCH', `the CRL is of no authority above this ${product} key`);
  return { path, crl };
}

/** 57230, 3.1, and 58369: a VCEK names its chip, a VLEK the provider it was issued to. */
function checkKeyKind(key: Certificate, report: SnpReport): void {
  const names = {
    vcek: findExtension(key, OID.amdHardwareId) !== undefined,
    vlek: cspIdOf(key) !== undefined,
  };
  const other = report.signingKey === 'vlek' ? 'vcek' : 'vlek';
  const code = 'CERT_WRONG_TYPE';
  require(names[report.signingKey], code, `not a ${report.signingKey}: no chip or provider named`);
  require(!names[other], code, `a ${report.signingKey} with the extension of a ${other}`);
}

function checkProduct(report: SnpReport, product: SnpProduct): void {
  if (!report.cpuid) return;
  const found = productOfCpuid(report.cpuid);
  require(found ===
    product, 'PRODUCT_MISMATCH', `the certificate is for ${product}, the report says ${found ?? 'an unknown processor'}`);
}

function splOf(key: Certificate, oid: string): number | undefined {
  const value = findExtension(key, oid);
  if (!value) return undefined;
  const reader = new DerReader(value, 'MALFORMED_CERT');
  const spl = reader.smallInteger(255);
  reader.end();
  return spl;
}

function checkTcb(key: Certificate, tcb: TcbVersion): void {
  const pairs = [
    ['boot loader', splOf(key, OID.amdBootloader), tcb.bootloader],
    ['TEE', splOf(key, OID.amdTee), tcb.tee],
    ['SNP firmware', splOf(key, OID.amdSnp), tcb.snp],
    ['microcode', splOf(key, OID.amdMicrocode), tcb.microcode],
    ['FMC', splOf(key, OID.amdFmc), tcb.fmc],
  ] as const;
  for (const [name, certified, reported] of pairs)
    require(certified ===
      reported, 'TCB_MISMATCH', `${name}: certificate for ${certified ?? 'none'}, report says ${reported ?? 'none'}`);
}

/** hwID is the chip ID: 64 bytes, on Turin 8 with the rest zero. */
function checkChipId(key: Certificate, report: SnpReport, product: SnpProduct): void {
  // Masked: the host hides the chip (MASK_CHIP_ID of SNP_CONFIG, which no field tells). The key
  // that signed the report is the certificate's all the same.
  if (isZero(report.chipId)) return;
  const bytes = product === 'Turin' ? 8 : 64;
  const hardwareId = hardwareIdOf(key, bytes);
  const rest = report.chipId.subarray(bytes);
  const same = equalBytes(hardwareId, report.chipId.subarray(0, bytes)) && isZero(rest);
  require(same, 'CHIP_ID_MISMATCH', `the certificate is for chip ${toHex(hardwareId).slice(0, 16)}…`);
}

/**
 * The chip of a VCEK. The key service gives the bytes as they stand; a service that wraps them as
 * the OCTET STRING that 57230 speaks of is understood, too.
 */
function hardwareIdOf(key: Certificate, bytes: number): Uint8Array {
  const value = findExtension(key, OID.amdHardwareId) ?? new Uint8Array(0);
  if (value.length !== bytes + 2) return value;
  const reader = new DerReader(value, 'MALFORMED_CERT');
  const { content } = reader.next(TAG.octetString);
  reader.end();
  return content;
}

function cspIdOf(key: Certificate): string | undefined {
  const value = findExtension(key, OID.amdCspId);
  if (!value) return undefined;
  const reader = new DerReader(value, 'MALFORMED_CERT');
  const text = new TextDecoder().decode(reader.next(0x16).content.subarray(0, 256)); // IA5String
  reader.end();
  return text;
}
