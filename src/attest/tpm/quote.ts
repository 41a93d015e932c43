/**
 * TPM 2.0 quotes: bytes → structures (TCG TPM 2.0 Library, part 2 "Structures", revision 1.59; section
 * numbers below are of that part). Integers are big endian. Container: docs/formats/evidence.md,
 * section 6.
 */

import { Reader } from '../bytes.ts';
import { Refusal, require } from '../errors.ts';
import { COORDINATE_BYTES, type CurveName, type HashName } from '../webcrypto.ts';

const CODE = 'MALFORMED_QUOTE';

/** TPM_ALG_ID (6.3). */
const ALG = {
  rsa: 0x0001,
  null: 0x0010,
  rsaSsa: 0x0014,
  rsaPss: 0x0016,
  ecDsa: 0x0018,
  ecc: 0x0023,
};
const HASHES: Readonly<Record<number, readonly [HashName, bytes: number]>> = {
  11: ['SHA-256', 32],
  12: ['SHA-384', 48],
  13: ['SHA-512', 64],
};
/** TPM_ECC_CURVE (6.4). */
const CURVES: Readonly<Record<number, CurveName>> = { 3: 'P-256', 4: 'P-384', 5: 'P-521' };
/** TPM_GENERATED_VALUE (6.2) and TPM_ST_ATTEST_QUOTE (6.9). */
const GENERATED = 0xff544347;
const ST_ATTEST_QUOTE = 0x8018;
const MAXIMUM_BANKS = 16;
const MAXIMUM_PCR_BYTES = 4;

export type TpmKey =
  | { readonly kind: 'ec'; readonly curve: CurveName; readonly point: Uint8Array }
  | { readonly kind: 'rsa'; readonly modulus: Uint8Array; readonly exponent: number };

/** The public area of the key that signed (TPMT_PUBLIC, 12.2.4). */
export interface TpmPublic {
  /** As it is hashed for the name. */
  readonly raw: Uint8Array;
  readonly nameHash: HashName;
  /** TPMI_ALG_HASH of the name. */
  readonly nameAlgorithm: number;
  /** TPMA_OBJECT (8.3). */
  readonly attributes: number;
  /** TPM_ALG_ID and hash that a restricted key is bound to. */
  readonly scheme: number;
  readonly schemeHash: HashName | undefined;
  readonly key: TpmKey;
}

export interface TpmSignature {
  readonly scheme: 'RSASSA-PKCS1-v1_5' | 'RSA-PSS' | 'ECDSA';
  /** TPM_ALG_ID of it. */
  readonly algorithm: number;
  readonly hash: HashName;
  /** RSA: as it is. ECDSA: r ‖ s of the curve's width. */
  readonly bytes: Uint8Array;
}

/** Registers of one bank (TPMS_PCR_SELECTION, 10.6.3). */
export interface PcrSelection {
  readonly hash: HashName;
  readonly digestBytes: number;
  readonly registers: readonly number[];
}

/** TPMS_ATTEST (10.12.8) of a quote. */
export interface TpmAttest {
  /** What the signature covers. */
  readonly raw: Uint8Array;
  readonly qualifiedSigner: Uint8Array;
  /** The asker's data: a nonce, or report data. */
  readonly extraData: Uint8Array;
  readonly clock: bigint;
  readonly resetCount: number;
  readonly restartCount: number;
  readonly isClockSafe: boolean;
  readonly firmwareVersion: bigint;
  readonly selections: readonly PcrSelection[];
  readonly pcrDigest: Uint8Array;
}

export interface TpmQuote {
  readonly publicArea: TpmPublic;
  readonly attest: TpmAttest;
  readonly signature: TpmSignature;
  /** In the order of the selections; empty when none were given. */
  readonly pcrs: readonly {
    readonly bank: HashName;
    readonly register: number;
    readonly value: Uint8Array;
  }[];
  readonly pcrBytes: Uint8Array;
}

class TpmReader extends Reader {
  constructor(bytes: Uint8Array) {
    super(bytes, CODE);
  }

  big(bytes: number): number {
    return this.take(bytes).reduce((value, byte) => value * 256 + byte, 0);
  }

  big64(): bigint {
    return (BigInt(this.big(4)) << 32n) | BigInt(this.big(4));
  }

  /** TPM2B_*: a length in two bytes, then so many. */
  sized(most: number): Uint8Array {
    const length = this.big(2);
    if (length > most) this.fail(`${length} bytes, at most ${most}`);
    return this.take(length);
  }

  hash(): readonly [HashName, number] {
    const id = this.big(2);
    const found = HASHES[id];
    if (found === undefined)
      throw new Refusal('UNSUPPORTED_SIGNATURE_ALGO', `TPM hash algorithm ${hex(id)}`);
    return found;
  }

  done(what: string): void {
    if (this.left !== 0) this.fail(`${this.left} bytes behind ${what}`);
  }
}

const hex = (id: number): string => `0x${id.toString(16).padStart(4, '0')}`;
const MAXIMUM_PART = 4096;

/** The container: TPM2B_PUBLIC, TPM2B_ATTEST, TPMT_SIGNATURE, sized values of the registers. */
export function parseTpmQuote(bytes: Uint8Array): TpmQuote {
  const reader = new TpmReader(bytes);
  const publicArea = parsePublic(reader.sized(MAXIMUM_PART));
  const attest = parseAttest(reader.sized(MAXIMUM_PART));
  const signature = parseSignature(reader, publicArea);
  const pcrBytes = reader.sized(0xffff);
  reader.done('the quote');
  return { publicArea, attest, signature, pcrBytes, pcrs: parsePcrs(pcrBytes, attest) };
}

function parsePublic(raw: Uint8Array): TpmPublic {
  const reader = new TpmReader(raw);
  const type = reader.big(2);
  const nameAlgorithm = (((raw[2] ?? 0) << 8) | (raw[3] ?? 0)) >>> 0;
  const [nameHash] = reader.hash();
  const attributes = reader.big(4);
  reader.sized(64); // authPolicy
  // TPMT_SYM_DEF_OBJECT: only of keys that decrypt.
  if (reader.big(2) !== ALG.null) reader.fail('the key has a symmetric algorithm');
  const scheme = reader.big(2);
  const schemeHash = scheme === ALG.null ? undefined : reader.hash()[0];
  const key = type === ALG.ecc ? eccKey(reader) : type === ALG.rsa ? rsaKey(reader) : undefined;
  if (key === undefined) throw new Refusal('UNSUPPORTED_KEY', `TPM key type ${hex(type)}`);
  reader.done('the public area');
  return { raw, nameHash, nameAlgorithm, attributes, scheme, schemeHash, key };
}

/** TPMS_ECC_PARMS (12.2.3.6) from the curve on, TPMS_ECC_POINT. */
function eccKey(reader: TpmReader): TpmKey {
  const id = reader.big(2);
  const curve = CURVES[id];
  if (curve === undefined) throw new Refusal('UNSUPPORTED_KEY', `TPM curve ${hex(id)}`);
  if (reader.big(2) !== ALG.null) reader.fail('the key has a key derivation function');
  const width = COORDINATE_BYTES[curve];
  const point = new Uint8Array(1 + 2 * width);
  point[0] = 4;
  for (const end of [1 + width, 1 + 2 * width]) {
    const coordinate = reader.sized(width);
    point.set(coordinate, end - coordinate.length);
  }
  return { kind: 'ec', curve, point };
}

/** TPMS_RSA_PARMS (12.2.3.5) from the size on, TPM2B_PUBLIC_KEY_RSA. */
function rsaKey(reader: TpmReader): TpmKey {
  const bits = reader.big(2);
  const exponent = reader.big(4) || 65_537;
  const modulus = reader.sized(512);
  if (bits < 2048 || modulus.length * 8 !== bits || ((modulus[0] ?? 0) & 0x80) === 0)
    throw new Refusal('UNSUPPORTED_KEY', `RSA key of ${bits} bits, ${modulus.length} bytes`);
  return { kind: 'rsa', modulus, exponent };
}

function parseAttest(raw: Uint8Array): TpmAttest {
  const reader = new TpmReader(raw);
  require(reader.big(4) === GENERATED, CODE, 'not made by a TPM: TPM_GENERATED is missing');
  const type = reader.big(2);
  if (type !== ST_ATTEST_QUOTE)
    throw new Refusal('UNSUPPORTED_EVIDENCE', `TPM attestation of type ${hex(type)}, not a quote`);
  const qualifiedSigner = reader.sized(66);
  const extraData = reader.sized(64);
  const [clock, resetCount, restartCount] = [reader.big64(), reader.big(4), reader.big(4)];
  const safe = reader.u8();
  if (safe > 1) reader.fail('TPMI_YES_NO is neither');
  const firmwareVersion = reader.big64();
  const count = reader.big(4);
  if (count > MAXIMUM_BANKS) reader.fail(`${count} banks of registers`);
  const selections = Array.from({ length: count }, () => parseSelection(reader));
  const pcrDigest = reader.sized(64);
  reader.done('the attestation');
  return {
    ...{ raw, qualifiedSigner, extraData, clock, resetCount, restartCount },
    ...{ isClockSafe: safe === 1, firmwareVersion, selections, pcrDigest },
  };
}

function parseSelection(reader: TpmReader): PcrSelection {
  const [hash, digestBytes] = reader.hash();
  const length = reader.u8();
  if (length > MAXIMUM_PCR_BYTES) reader.fail(`selection of ${length} bytes`);
  const bits = reader.take(length);
  const registers = Array.from({ length: 8 * length }, (_, i) => i).filter(
    (register) => (((bits[register >> 3] ?? 0) >> (register & 7)) & 1) === 1,
  );
  return { hash, digestBytes, registers };
}

/** TPMT_SIGNATURE (11.3.4). */
function parseSignature(reader: TpmReader, { key }: TpmPublic): TpmSignature {
  const algorithm = reader.big(2);
  const [hash] = reader.hash();
  if (algorithm === ALG.ecDsa && key.kind === 'ec') {
    const width = COORDINATE_BYTES[key.curve];
    const bytes = new Uint8Array(2 * width);
    for (const end of [width, 2 * width]) {
      const part = reader.sized(width);
      bytes.set(part, end - part.length);
    }
    return { scheme: 'ECDSA', algorithm, hash, bytes };
  }
  const isRsa = algorithm === ALG.rsaSsa || algorithm === ALG.rsaPss;
  if (!isRsa || key.kind !== 'rsa')
    throw new Refusal('UNSUPPORTED_SIGNATURE_ALGO', `TPM signature algorithm ${hex(algorithm)}`);
  const scheme = algorithm === ALG.rsaPss ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5';
  return { scheme, algorithm, hash, bytes: reader.sized(512) };
}

function parsePcrs(bytes: Uint8Array, { selections }: TpmAttest): TpmQuote['pcrs'] {
  if (bytes.length === 0) return [];
  const reader = new TpmReader(bytes);
  const pcrs = selections.flatMap(({ hash: bank, digestBytes, registers }) =>
    registers.map((register) => ({ bank, register, value: reader.take(digestBytes) })),
  );
  reader.done('the last register');
  return pcrs;
}
