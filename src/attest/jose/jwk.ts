/** Elliptic-curve JSON Web Keys (RFC 7517, RFC 7518 section 6.2), P-256 only: what RCAR uses. */
import { concatBytes, fromBase64Url, fromHex, toBase64Url, utf8 } from '../bytes.ts';
import { require } from '../errors.ts';
import { type Json, Members } from '../json.ts';
import { digest } from '../webcrypto.ts';

export interface EcJwk {
  readonly kty: 'EC';
  readonly crv: 'P-256';
  readonly alg?: string;
  readonly x: string;
  readonly y: string;
}

const CODE = 'MALFORMED_MESSAGE';
/** RFC 5480: everything of a P-256 SubjectPublicKeyInfo but the point. */
const P256_SPKI_PREFIX = fromHex('3059301306072a8648ce3d020106082a8648ce3d030107034200');

export function parseEcJwk(value: Json | undefined, where = 'jwk'): EcJwk {
  const members = new Members(value, CODE, where);
  const [kty, crv] = [members.string('kty'), members.string('crv')];
  require(kty === 'EC' &&
    crv === 'P-256', 'UNSUPPORTED_KEY', `${where}: ${kty} ${crv}, not EC P-256`);
  const [x, y] = [members.string('x'), members.string('y')];
  for (const coordinate of [x, y])
    require(fromBase64Url(coordinate).length === 32, CODE, `${where}: coordinate is not 32 bytes`);
  const alg = members.has('alg') ? members.string('alg') : undefined;
  return { kty: 'EC', crv: 'P-256', ...(alg === undefined ? {} : { alg }), x, y };
}

/** 0x04 ‖ x ‖ y. */
export function jwkPoint(jwk: EcJwk): Uint8Array {
  return concatBytes(Uint8Array.of(4), fromBase64Url(jwk.x), fromBase64Url(jwk.y));
}

export function jwkFromPoint(point: Uint8Array, alg?: string): EcJwk {
  const x = toBase64Url(point.subarray(1, 33));
  const y = toBase64Url(point.subarray(33, 65));
  return { kty: 'EC', crv: 'P-256', ...(alg === undefined ? {} : { alg }), x, y };
}

/** The key as DER SubjectPublicKeyInfo, as evidence binds it. */
export function jwkToSpki(jwk: EcJwk): Uint8Array {
  return concatBytes(P256_SPKI_PREFIX, jwkPoint(jwk));
}

/** RFC 7638: SHA-256 over the required members in lexical order. */
export async function jwkThumbprint(jwk: EcJwk): Promise<string> {
  const { crv, kty, x, y } = jwk;
  return toBase64Url(await digest('SHA-256', utf8(JSON.stringify({ crv, kty, x, y }))));
}
