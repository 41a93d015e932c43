/**
 * AMD SEV-SNP attestation reports, versions 2 to 5 (AMD 56860, SNP Firmware ABI, section 7.3, table
 * ATTESTATION_REPORT; 1184 bytes, little endian). Reserved fields of the signature must be zero, so
 * that no unsigned byte of a report can vary.
 */
import { isZero, Reader } from '../bytes.ts';
import { Refusal } from '../errors.ts';

export const REPORT_BYTES = 0x4a0;
const SIGNED_BYTES = 0x2a0;
const ECDSA_P384_SHA384 = 1;

export type SnpProduct = 'Milan' | 'Genoa' | 'Turin';

/** A TCB version (AMD 57230, section 3): component SVNs; `fmc` exists on Turin only. */
export interface TcbVersion {
  readonly fmc: number | undefined;
  readonly bootloader: number;
  readonly tee: number;
  readonly snp: number;
  readonly microcode: number;
}

export interface GuestPolicy {
  readonly raw: bigint;
  readonly abiMajor: number;
  readonly abiMinor: number;
  readonly smtAllowed: boolean;
  readonly migrationAgentAllowed: boolean;
  readonly debugAllowed: boolean;
  readonly singleSocket: boolean;
  readonly cxlAllowed: boolean;
  readonly memAes256Xts: boolean;
  readonly raplDisabled: boolean;
  readonly ciphertextHiding: boolean;
  readonly pageSwapDisabled: boolean;
}

export interface SnpReport {
  readonly version: number;
  readonly guestSvn: number;
  readonly policy: GuestPolicy;
  readonly familyId: Uint8Array;
  readonly imageId: Uint8Array;
  /** 0 to 3; 0xFFFFFFFF when the host asked for the report. */
  readonly vmpl: number;
  readonly currentTcb: Uint8Array;
  readonly platformInfo: bigint;
  readonly authorKeyPresent: boolean;
  /** The VCEK is not used: firmware leaves the signature zero, and it does not verify. */
  readonly chipKeyMasked: boolean;
  readonly signingKey: 'vcek' | 'vlek';
  readonly reportData: Uint8Array;
  readonly measurement: Uint8Array;
  readonly hostData: Uint8Array;
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  readonly reportId: Uint8Array;
  readonly reportIdMa: Uint8Array;
  readonly reportedTcb: Uint8Array;
  /** Family, model, stepping; version 3 and later. */
  readonly cpuid: readonly [number, number, number] | undefined;
  readonly chipId: Uint8Array;
  readonly committedTcb: Uint8Array;
  /** [build, minor, major] of the firmware. */
  readonly currentVersion: readonly number[];
  readonly committedVersion: readonly number[];
  readonly launchTcb: Uint8Array;
  /** Version 5 and later. */
  readonly launchMitigations: bigint | undefined;
  readonly currentMitigations: bigint | undefined;
  readonly signed: Uint8Array;
  /** r ‖ s, 48 bytes each, most significant first, as WebCrypto wants it. */
  readonly signature: Uint8Array;
}

const bit = (value: bigint, n: number): boolean => ((value >> BigInt(n)) & 1n) === 1n;

/** Guest policy (AMD 56860, section 4.3). */
function parsePolicy(raw: bigint): GuestPolicy {
  if (!bit(raw, 17)) throw new Refusal('MALFORMED_REPORT', 'guest policy bit 17 must be one');
  return {
    raw,
    abiMinor: Number(raw & 0xffn),
    abiMajor: Number((raw >> 8n) & 0xffn),
    smtAllowed: bit(raw, 16),
    migrationAgentAllowed: bit(raw, 18),
    debugAllowed: bit(raw, 19),
    singleSocket: bit(raw, 20),
    cxlAllowed: bit(raw, 21),
    memAes256Xts: bit(raw, 22),
    raplDisabled: bit(raw, 23),
    ciphertextHiding: bit(raw, 24),
    pageSwapDisabled: bit(raw, 25),
  };
}

const NEWEST_VERSION = 5;
const SIGNING_KEYS: Readonly<Record<number, 'vcek' | 'vlek'>> = { 0: 'vcek', 1: 'vlek' };

export function parseReport(bytes: Uint8Array): SnpReport {
  if (bytes.length !== REPORT_BYTES)
    throw new Refusal('MALFORMED_REPORT', `${bytes.length} bytes, not ${REPORT_BYTES}`);
  const at = (offset: number) => new Reader(bytes, 'MALFORMED_REPORT', offset);
  const version = at(0).u32();
  if (version < 2 || version > NEWEST_VERSION)
    throw new Refusal('UNSUPPORTED_VERSION', `report version ${version}`);
  const algorithm = at(0x34).u32();
  if (algorithm !== ECDSA_P384_SHA384)
    throw new Refusal('UNSUPPORTED_SIGNATURE_ALGO', `signature algorithm ${algorithm}`);
  const flags = at(0x48).u32();
  const signingKey = SIGNING_KEYS[(flags >> 2) & 7];
  if (!signingKey) throw new Refusal('MALFORMED_REPORT', 'report is not signed by VCEK or VLEK');
  const cpuid = at(0x188);
  return {
    version,
    guestSvn: at(4).u32(),
    policy: parsePolicy(at(8).u64()),
    familyId: at(0x10).take(16),
    imageId: at(0x20).take(16),
    vmpl: at(0x30).u32(),
    currentTcb: at(0x38).take(8),
    platformInfo: at(0x40).u64(),
    authorKeyPresent: (flags & 1) !== 0,
    chipKeyMasked: (flags & 2) !== 0,
    signingKey,
    reportData: at(0x50).take(64),
    measurement: at(0x90).take(48),
    hostData: at(0xc0).take(32),
    idKeyDigest: at(0xe0).take(48),
    authorKeyDigest: at(0x110).take(48),
    reportId: at(0x140).take(32),
    reportIdMa: at(0x160).take(32),
    reportedTcb: at(0x180).take(8),
    cpuid: version >= 3 ? [cpuid.u8(), cpuid.u8(), cpuid.u8()] : undefined,
    chipId: at(0x1a0).take(64),
    committedTcb: at(0x1e0).take(8),
    currentVersion: [...at(0x1e8).take(3)],
    committedVersion: [...at(0x1ec).take(3)],
    launchTcb: at(0x1f0).take(8),
    launchMitigations: version >= 5 ? at(0x1f8).u64() : undefined,
    currentMitigations: version >= 5 ? at(0x200).u64() : undefined,
    signed: bytes.subarray(0, SIGNED_BYTES),
    signature: parseSignature(bytes.subarray(SIGNED_BYTES)),
  };
}

/** Section 10 (signature formats): r and s zero-extended to 72 bytes, little endian; rest zero. */
function parseSignature(field: Uint8Array): Uint8Array {
  const signature = new Uint8Array(96);
  for (const [i, from] of [0, 72].entries()) {
    const zeroExtension = field.subarray(from + 48, from + 72);
    if (!isZero(zeroExtension)) throw new Refusal('REPORT_BAD_SIGNATURE', 'r or s above 384 bits');
    signature.set(field.slice(from, from + 48).reverse(), 48 * i);
  }
  if (!isZero(field.subarray(144)))
    throw new Refusal('MALFORMED_REPORT', 'reserved bytes after the signature are not zero');
  return signature;
}

/**
 * Product line by CPUID family and model (AMD 57230, table 1; Genoa's 0xA0 to 0xAF are Bergamo and
 * Siena). Version 2 reports name no product; the certificate does.
 */
export function productOfCpuid(cpuid: readonly [number, number, number]): SnpProduct | undefined {
  const [family, model] = cpuid;
  if (family === 0x19 && model <= 0x0f) return 'Milan';
  if (family === 0x19 && ((model & 0xf0) === 0x10 || (model & 0xf0) === 0xa0)) return 'Genoa';
  if (family === 0x1a && model <= 0x1f) return 'Turin';
  return undefined;
}

/** The eight bytes of a TCB version mean different things by product line (AMD 57230, section 3). */
export function decodeTcb(raw: Uint8Array, product: SnpProduct): TcbVersion {
  const byte = (i: number) => raw[i] as number;
  if (product === 'Turin')
    return { fmc: byte(0), bootloader: byte(1), tee: byte(2), snp: byte(3), microcode: byte(7) };
  return { fmc: undefined, bootloader: byte(0), tee: byte(1), snp: byte(6), microcode: byte(7) };
}
