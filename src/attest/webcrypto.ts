/**
 * The cryptography of the verifiers, over WebCrypto only: the same in Node.js and in browsers, and
 * 10 to 30 times faster than JavaScript curves (measured: P-256 0.15 ms, P-384 0.75 ms a
 * signature). Every function refuses or answers false for hostile input, it never throws otherwise.
 */
import { concatBytes, isZero } from './bytes.ts';

export type HashName = 'SHA-256' | 'SHA-384' | 'SHA-512';
export type CurveName = 'P-256' | 'P-384' | 'P-521';

/** Bytes of a coordinate of each curve (SEC 1, section 2.3.5). */
export const COORDINATE_BYTES: Readonly<Record<CurveName, number>> = {
  'P-256': 32,
  'P-384': 48,
  'P-521': 66,
};

/** The views of this room may lie over any buffer; WebCrypto's types want an ArrayBuffer. */
export function source(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}

export async function digest(hash: HashName, ...parts: readonly Uint8Array[]): Promise<Uint8Array> {
  const bytes = parts.length === 1 ? (parts[0] as Uint8Array) : concatBytes(...parts);
  return new Uint8Array(await crypto.subtle.digest(hash, source(bytes)));
}

/** An uncompressed elliptic-curve point, or an RSA key as DER SubjectPublicKeyInfo. */
export type PublicKey =
  | { readonly kind: 'ec'; readonly curve: CurveName; readonly point: Uint8Array }
  | { readonly kind: 'rsa'; readonly bits: number; readonly spki: Uint8Array }
  | { readonly kind: 'ed25519'; readonly key: Uint8Array };

/**
 * ECDSA (FIPS 186-5, section 6.4.2) with the signature as r ‖ s of fixed width. A point that is
 * not on the curve makes the signature invalid, since no key exists that could have made it.
 */
export async function verifyEcdsa(
  key: PublicKey,
  hash: HashName,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (key.kind !== 'ec') return false;
  const width = COORDINATE_BYTES[key.curve];
  if (signature.length !== 2 * width || key.point.length !== 2 * width + 1) return false;
  if (isZero(signature.subarray(0, width)) || isZero(signature.subarray(width))) return false;
  try {
    const algorithm = { name: 'ECDSA', namedCurve: key.curve };
    const imported = await crypto.subtle.importKey('raw', source(key.point), algorithm, false, [
      'verify',
    ]);
    const scheme = { name: 'ECDSA', hash };
    return await crypto.subtle.verify(scheme, imported, source(signature), source(message));
  } catch {
    return false;
  }
}

/** RSASSA-PKCS1-v1_5 or RSASSA-PSS (RFC 8017, sections 8.2.2 and 8.1.2). */
export async function verifyRsa(
  key: PublicKey,
  scheme: { readonly name: 'RSASSA-PKCS1-v1_5' | 'RSA-PSS'; readonly saltBytes?: number },
  hash: HashName,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (key.kind !== 'rsa') return false;
  try {
    const algorithm = { name: scheme.name, hash };
    const imported = await crypto.subtle.importKey('spki', source(key.spki), algorithm, false, [
      'verify',
    ]);
    const parameters =
      scheme.name === 'RSA-PSS'
        ? { name: scheme.name, saltLength: scheme.saltBytes ?? 0 }
        : { name: scheme.name };
    return await crypto.subtle.verify(parameters, imported, source(signature), source(message));
  } catch {
    return false;
  }
}

/** Ed25519 (RFC 8032, section 5.1.7). */
export async function verifyEd25519(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  try {
    const imported = await crypto.subtle.importKey(
      'raw',
      source(publicKey),
      { name: 'Ed25519' },
      false,
      ['verify'],
    );
    const name = { name: 'Ed25519' };
    return await crypto.subtle.verify(name, imported, source(signature), source(message));
  } catch {
    return false;
  }
}
