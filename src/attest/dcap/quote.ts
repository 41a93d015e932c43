/**
 * Intel DCAP quotes, byte by byte: version 3 (Intel SGX ECDSA QuoteLib Reference, appendix A.4),
 * versions 4 and 5 (Intel TDX DCAP Quoting Library API, appendix A.3). All integers little endian.
 * Bytes after the quote are allowed (hosts pad their buffers); inside it every size must fit.
 */
import { equalBytes, fromHex, Reader } from '../bytes.ts';
import { Refusal } from '../errors.ts';

export const TEE_SGX = 0x00;
export const TEE_TDX = 0x81;

const HEADER_BYTES = 48;
const KEY_TYPE_ECDSA_P256 = 2;
const INTEL_QE_VENDOR = fromHex('939a7233f79c4ca9940a0db3957f0607');
const MAXIMUM_QUOTE = 64 * 1024;

/** REPORTBODY of an enclave (384 bytes): that of the quoted enclave, or of the quoting one. */
export interface SgxReport {
  readonly raw: Uint8Array;
  readonly cpuSvn: Uint8Array;
  readonly miscSelect: Uint8Array;
  readonly isvExtProdId: Uint8Array;
  readonly attributes: Uint8Array;
  readonly mrEnclave: Uint8Array;
  readonly mrSigner: Uint8Array;
  readonly configId: Uint8Array;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly configSvn: number;
  readonly isvFamilyId: Uint8Array;
  readonly reportData: Uint8Array;
}

/**
 * TDREPORT body: 584 bytes (TDX 1.0), 648 with `teeTcbSvn2` and `mrServiceTd` (TDX 1.5), 885 with
 * `extended` (TDX 1.5, TD identity and migration; `sgx_report2_body_v1_5_ex_t`).
 */
export interface TdReport {
  readonly teeTcbSvn: Uint8Array;
  readonly mrSeam: Uint8Array;
  readonly mrSignerSeam: Uint8Array;
  readonly seamAttributes: Uint8Array;
  readonly tdAttributes: Uint8Array;
  readonly xfam: Uint8Array;
  readonly mrTd: Uint8Array;
  readonly mrConfigId: Uint8Array;
  readonly mrOwner: Uint8Array;
  readonly mrOwnerConfig: Uint8Array;
  readonly rtmrs: readonly Uint8Array[];
  readonly reportData: Uint8Array;
  readonly teeTcbSvn2: Uint8Array | undefined;
  readonly mrServiceTd: Uint8Array | undefined;
  readonly extended: TdReportExtension | undefined;
}

/** What body type 4 adds: which TD this is, and under which service TDs it began and runs. */
export interface TdReportExtension {
  readonly vmId: number;
  readonly tdId: Uint8Array;
  readonly devInfo: Uint8Array;
  readonly initServiceTdHash: Uint8Array;
  readonly initServiceTdAttributes: Uint8Array;
  readonly initCpuSvn: Uint8Array;
  readonly initTeeTcbSvn: Uint8Array;
  readonly initTeeFmspc: Uint8Array;
  readonly currentServiceTdHash: Uint8Array;
  readonly currentServiceTdAttributes: Uint8Array;
}

export type QuoteBody =
  | { readonly kind: 'sgx'; readonly report: SgxReport }
  | { readonly kind: 'tdx'; readonly report: TdReport };

/** How the quote names its PCK certificate (QuoteLib Reference, table 9). */
export type CertificationData =
  | { readonly kind: 'pem-chain'; readonly text: Uint8Array }
  | { readonly kind: 'outside'; readonly type: number };

export interface Quote {
  readonly version: 3 | 4 | 5;
  readonly userData: Uint8Array;
  readonly body: QuoteBody;
  /** The bytes that the quote signature covers: header (and body descriptor) and body. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  /** x ‖ y of the attestation key. */
  readonly attestationKey: Uint8Array;
  readonly qeReport: SgxReport;
  readonly qeReportSignature: Uint8Array;
  readonly qeAuthData: Uint8Array;
  readonly certificationData: CertificationData;
  readonly trailingBytes: number;
}

export function parseQuote(bytes: Uint8Array): Quote {
  const reader = new Reader(bytes, 'MALFORMED_QUOTE');
  if (bytes.length > MAXIMUM_QUOTE) reader.fail('quote too large');
  const header = new Reader(reader.take(HEADER_BYTES), 'MALFORMED_QUOTE');
  const version = header.u16();
  if (version !== 3 && version !== 4 && version !== 5)
    throw new Refusal('UNSUPPORTED_VERSION', `quote version ${version}`);
  const keyType = header.u16();
  if (keyType !== KEY_TYPE_ECDSA_P256)
    throw new Refusal('UNSUPPORTED_SIGNATURE_ALGO', `attestation key type ${keyType}`);
  const teeType = header.u32();
  header.take(4); // v3: SVN of QE and PCE, repeated in the QE report; v4, v5: reserved
  if (!equalBytes(header.take(16), INTEL_QE_VENDOR)) header.fail('not a quoting enclave of Intel');
  const userData = header.take(20);
  if (teeType !== TEE_SGX && (teeType !== TEE_TDX || version === 3))
    header.fail(`TEE type ${teeType} in a version ${version} quote`);

  const body =
    version === 5 ? bodyV5(reader, teeType) : bodyOf(reader, teeType === TEE_TDX ? 2 : 1);
  const signed = bytes.subarray(0, reader.at);
  const signatureData = new Reader(reader.take(reader.u32()), 'MALFORMED_QUOTE');
  const signature = signatureData.take(64);
  const attestationKey = signatureData.take(64);
  const certified = version === 3 ? signatureData : qeCertificationData(signatureData);
  const qeReport = readSgxReport(certified);
  const qeReportSignature = certified.take(64);
  const qeAuthData = certified.take(certified.u16());
  const certificationData = readCertificationData(certified);
  return {
    version,
    userData,
    body,
    signed,
    signature,
    attestationKey,
    qeReport,
    qeReportSignature,
    qeAuthData,
    certificationData,
    trailingBytes: reader.left,
  };
}

/** Version 5 (TDX API, A.3.1): type and size of the body stand before it, inside the signed part. */
function bodyV5(reader: Reader, teeType: number): QuoteBody {
  const type = reader.u16();
  const size = reader.u32();
  const expected = BODY_BYTES[type];
  if (expected === undefined)
    throw new Refusal('UNSUPPORTED_VERSION', `quote body type ${type} of ${size} bytes`);
  if (size !== expected) reader.fail(`body of type ${type} has ${size} bytes, not ${expected}`);
  if ((type === 1) !== (teeType === TEE_SGX)) reader.fail('body type and TEE type disagree');
  return bodyOf(reader, type);
}

/** Body types 1 to 4: enclave, TD 1.0, TD 1.5, TD 1.5 extended. */
const BODY_BYTES: Readonly<Record<number, number>> = { 1: 384, 2: 584, 3: 648, 4: 885 };

function bodyOf(reader: Reader, type: number): QuoteBody {
  if (type === 1) return { kind: 'sgx', report: readSgxReport(reader) };
  return { kind: 'tdx', report: readTdReport(reader, type) };
}

function readSgxReport(outer: Reader): SgxReport {
  const raw = outer.take(384);
  const reader = new Reader(raw, 'MALFORMED_QUOTE');
  const cpuSvn = reader.take(16);
  const miscSelect = reader.take(4);
  reader.take(12);
  const isvExtProdId = reader.take(16);
  const attributes = reader.take(16);
  const mrEnclave = reader.take(32);
  reader.take(32);
  const mrSigner = reader.take(32);
  reader.take(32);
  const configId = reader.take(64);
  const isvProdId = reader.u16();
  const isvSvn = reader.u16();
  const configSvn = reader.u16();
  reader.take(42);
  const isvFamilyId = reader.take(16);
  const reportData = reader.take(64);
  return {
    raw,
    cpuSvn,
    miscSelect,
    isvExtProdId,
    attributes,
    mrEnclave,
    mrSigner,
    configId,
    isvProdId,
    isvSvn,
    configSvn,
    isvFamilyId,
    reportData,
  };
}

function readTdReport(reader: Reader, type: number): TdReport {
  return {
    teeTcbSvn: reader.take(16),
    mrSeam: reader.take(48),
    mrSignerSeam: reader.take(48),
    seamAttributes: reader.take(8),
    tdAttributes: reader.take(8),
    xfam: reader.take(8),
    mrTd: reader.take(48),
    mrConfigId: reader.take(48),
    mrOwner: reader.take(48),
    mrOwnerConfig: reader.take(48),
    rtmrs: [reader.take(48), reader.take(48), reader.take(48), reader.take(48)],
    reportData: reader.take(64),
    teeTcbSvn2: type >= 3 ? reader.take(16) : undefined,
    mrServiceTd: type >= 3 ? reader.take(48) : undefined,
    extended: type >= 4 ? readTdExtension(reader) : undefined,
  };
}

function readTdExtension(reader: Reader): TdReportExtension {
  return {
    vmId: reader.u8(),
    tdId: reader.take(32),
    devInfo: reader.take(48),
    initServiceTdHash: reader.take(48),
    initServiceTdAttributes: reader.take(8),
    initCpuSvn: reader.take(16),
    initTeeTcbSvn: reader.take(16),
    initTeeFmspc: reader.take(12),
    currentServiceTdHash: reader.take(48),
    currentServiceTdAttributes: reader.take(8),
  };
}

/** Versions 4 and 5 wrap the QE's report and its certification once more, as type 6. */
function qeCertificationData(reader: Reader): Reader {
  const type = reader.u16();
  if (type !== 6) reader.fail(`certification data type ${type}, not 6`);
  const inner = new Reader(reader.take(reader.u32()), 'MALFORMED_QUOTE');
  if (reader.left !== 0) reader.fail('bytes after the certification data');
  return inner;
}

function readCertificationData(reader: Reader): CertificationData {
  const type = reader.u16();
  const data = reader.take(reader.u32());
  if (reader.left !== 0) reader.fail('bytes after the certification data');
  if (type === 5) return { kind: 'pem-chain', text: data };
  // PPID in three forms, or the PCK certificate alone: the chain comes from outside (QVL 4.1.2.5.3).
  if (type >= 1 && type <= 4) return { kind: 'outside', type };
  throw new Refusal('UNSUPPORTED_CERTIFICATION_DATA', `certification data type ${type}`);
}
