/**
 * Signature algorithms and subject public keys of certificates and CRLs (RFC 5280, section
 * 4.1.1.2; RFC 5480; RFC 4055; RFC 8410), and their verification.
 */
import { concatBytes } from '../bytes.ts';
import type { RefusalCode } from '../errors.ts';
import {
  COORDINATE_BYTES,
  type CurveName,
  type HashName,
  type PublicKey,
  verifyEcdsa,
  verifyEd25519,
  verifyRsa,
} from '../webcrypto.ts';
import { contextTag, DerReader, TAG } from './der.ts';
import { OID } from './oid.table.ts';

export type SignatureScheme =
  | { readonly kind: 'ecdsa'; readonly hash: HashName }
  | { readonly kind: 'rsa-pkcs1'; readonly hash: HashName }
  | { readonly kind: 'rsa-pss'; readonly hash: HashName; readonly saltBytes: number }
  | { readonly kind: 'ed25519' };

const SIMPLE_SCHEMES: Readonly<Record<string, SignatureScheme>> = {
  [OID.ecdsaSha256]: { kind: 'ecdsa', hash: 'SHA-256' },
  [OID.ecdsaSha384]: { kind: 'ecdsa', hash: 'SHA-384' },
  [OID.ecdsaSha512]: { kind: 'ecdsa', hash: 'SHA-512' },
  [OID.rsaSha256]: { kind: 'rsa-pkcs1', hash: 'SHA-256' },
  [OID.rsaSha384]: { kind: 'rsa-pkcs1', hash: 'SHA-384' },
  [OID.rsaSha512]: { kind: 'rsa-pkcs1', hash: 'SHA-512' },
  [OID.ed25519]: { kind: 'ed25519' },
};

const HASHES: Readonly<Record<string, HashName>> = {
  [OID.sha256]: 'SHA-256',
  [OID.sha384]: 'SHA-384',
  [OID.sha512]: 'SHA-512',
};

const CURVES: Readonly<Record<string, CurveName>> = {
  [OID.p256]: 'P-256',
  [OID.p384]: 'P-384',
  [OID.p521]: 'P-521',
};

/** AlgorithmIdentifier of a signature, from its raw DER. */
export function parseSignatureScheme(raw: Uint8Array, code: RefusalCode): SignatureScheme {
  const outer = new DerReader(raw, code);
  const algorithm = outer.enter(TAG.sequence);
  outer.end();
  const oid = algorithm.oid();
  if (oid === OID.rsaPss) return parsePss(algorithm);
  const scheme = SIMPLE_SCHEMES[oid];
  if (!scheme) return algorithm.fail(`signature algorithm ${oid} is not accepted`);
  const isRsa = scheme.kind === 'rsa-pkcs1';
  // RFC 4055, section 5: RSA has a NULL parameter. RFC 5758, section 3.2: ECDSA has none. mbedTLS
  // writes a NULL there all the same (measured: Gramine's certificates), so it is tolerated.
  if (isRsa || algorithm.peek() === TAG.null) {
    const parameter = algorithm.next(TAG.null);
    if (parameter.content.length > 0) algorithm.fail('NULL with content');
  }
  algorithm.end();
  return scheme;
}

function parseHash(reader: DerReader): HashName {
  const algorithm = reader.enter(TAG.sequence);
  const oid = algorithm.oid();
  if (!algorithm.done && algorithm.next(TAG.null).content.length > 0)
    algorithm.fail('NULL with content');
  algorithm.end();
  return HASHES[oid] ?? reader.fail(`hash ${oid} is not accepted`);
}

/** RSASSA-PSS-params (RFC 4055, section 3.1): the defaults are SHA-1 and therefore refused. */
function parsePss(algorithm: DerReader): SignatureScheme {
  const parameters = algorithm.enter(TAG.sequence);
  algorithm.end();
  const hash = parseHash(parameters.enter(contextTag(0)));
  const mask = parameters.enter(contextTag(1)).enter(TAG.sequence);
  if (mask.oid() !== OID.mgf1 || parseHash(mask) !== hash)
    parameters.fail('PSS mask must be MGF1 with the same hash');
  const saltBytes = parameters.enter(contextTag(2)).smallInteger(512);
  if (!parameters.done && parameters.enter(contextTag(3)).smallInteger(255) !== 1)
    parameters.fail('PSS trailer field must be 1');
  parameters.end();
  return { kind: 'rsa-pss', hash, saltBytes };
}

const RSA_MINIMUM_BITS = 2048;
const RSA_MAXIMUM_BITS = 8192;

/** SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7), from its raw DER. */
export function parsePublicKey(raw: Uint8Array, code: RefusalCode): PublicKey {
  const outer = new DerReader(raw, code);
  const spki = outer.enter(TAG.sequence);
  outer.end();
  const algorithm = spki.enter(TAG.sequence);
  const oid = algorithm.oid();
  const bits = spki.bitString();
  spki.end();
  if (oid === OID.ecPublicKey) {
    const curve = CURVES[algorithm.oid()] ?? algorithm.fail('curve is not accepted');
    algorithm.end();
    if (bits.length !== 2 * COORDINATE_BYTES[curve] + 1 || bits[0] !== 4)
      spki.fail('point is not uncompressed');
    return { kind: 'ec', curve, point: bits };
  }
  if (oid === OID.ed25519) {
    algorithm.end();
    if (bits.length !== 32) spki.fail('Ed25519 key is not 32 bytes');
    return { kind: 'ed25519', key: bits };
  }
  if (oid !== OID.rsaEncryption) return spki.fail(`key algorithm ${oid} is not accepted`);
  if (algorithm.next(TAG.null).content.length > 0) algorithm.fail('NULL with content');
  algorithm.end();
  const keyOuter = new DerReader(bits, code);
  const key = keyOuter.enter(TAG.sequence);
  keyOuter.end();
  const modulus = key.integer();
  key.smallInteger(0xffffffff);
  key.end();
  const modulusBits = (modulus.length - (modulus[0] === 0 ? 1 : 0)) * 8;
  if (modulusBits < RSA_MINIMUM_BITS || modulusBits > RSA_MAXIMUM_BITS)
    spki.fail(`RSA key of ${modulusBits} bits is not accepted`);
  return { kind: 'rsa', bits: modulusBits, spki: raw };
}

/** ECDSA-Sig-Value (RFC 5480, appendix A) as r ‖ s of the curve's width; undefined if it is none. */
export function ecdsaFromDer(signature: Uint8Array, width: number): Uint8Array | undefined {
  try {
    const outer = new DerReader(signature, 'MALFORMED_CERT');
    const pair = outer.enter(TAG.sequence);
    outer.end();
    const parts = [pair.integer(), pair.integer()].map((integer) => {
      if ((integer[0] as number) > 127) pair.fail('negative');
      const digits = integer[0] === 0 ? integer.subarray(1) : integer;
      if (digits.length > width) pair.fail('too long');
      return concatBytes(new Uint8Array(width - digits.length), digits);
    });
    pair.end();
    return concatBytes(...parts);
  } catch {
    return undefined;
  }
}

/** Whether `signature` over `message` was made by `key` under `scheme`. */
export async function verifySignature(
  key: PublicKey,
  scheme: SignatureScheme,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  switch (scheme.kind) {
    case 'ecdsa': {
      if (key.kind !== 'ec') return false;
      const fixed = ecdsaFromDer(signature, COORDINATE_BYTES[key.curve]);
      return fixed !== undefined && verifyEcdsa(key, scheme.hash, message, fixed);
    }
    case 'rsa-pkcs1':
      return verifyRsa(key, { name: 'RSASSA-PKCS1-v1_5' }, scheme.hash, message, signature);
    case 'rsa-pss': {
      const parameters = { name: 'RSA-PSS', saltBytes: scheme.saltBytes } as const;
      return verifyRsa(key, parameters, scheme.hash, message, signature);
    }
    case 'ed25519':
      return key.kind === 'ed25519' && verifyEd25519(key.key, message, signature);
  }
}
