/** Compact JSON Web Signatures (RFC 7515, section 7.1) with EdDSA or ES256, nothing else. */
import { fromBase64Url, fromUtf8, toBase64Url, utf8 } from '../bytes.ts';
import { require } from '../errors.ts';
import { type JsonObject, Members, parseJson } from '../json.ts';
import { verifyEcdsa, verifyEd25519 } from '../webcrypto.ts';

export type JwsAlgorithm = 'EdDSA' | 'ES256';

export interface JwsSigner {
  readonly algorithm: JwsAlgorithm;
  /** EdDSA: RFC 8032. ES256: r ‖ s over SHA-256. */
  readonly sign: (message: Uint8Array) => Uint8Array | Promise<Uint8Array>;
}

/** The verifier's own knowledge of the key: its algorithm is not taken from the message. */
export type JwsKey =
  | { readonly algorithm: 'EdDSA'; readonly publicKey: Uint8Array }
  | { readonly algorithm: 'ES256'; readonly point: Uint8Array };

const CODE = 'MALFORMED_MESSAGE';
const MAXIMUM_TEXT = 1024 * 1024;

export async function signJws(
  type: string,
  claims: JsonObject,
  signer: JwsSigner,
): Promise<string> {
  const header = toBase64Url(utf8(JSON.stringify({ alg: signer.algorithm, typ: type })));
  const body = `${header}.${toBase64Url(utf8(JSON.stringify(claims)))}`;
  return `${body}.${toBase64Url(await signer.sign(utf8(body)))}`;
}

/** The claims of a token that `key` signed; refuses otherwise. */
export async function verifyJws(token: string, type: string, key: JwsKey): Promise<Members> {
  require(token.length <= MAXIMUM_TEXT, CODE, 'token too large');
  const parts = token.split('.');
  require(parts.length === 3, CODE, 'token is not of three parts');
  const [header, payload, signature] = parts as [string, string, string];
  const read = (part: string, where: string) =>
    new Members(parseJson(fromUtf8(fromBase64Url(part), CODE), CODE), CODE, where);
  const fields = read(header, 'token header');
  require(fields.string('alg') === key.algorithm &&
    fields.string('typ') ===
      type, 'UNSUPPORTED_SIGNATURE_ALGO', 'token of another algorithm or type');
  require(!fields.has('crit'), CODE, 'token with critical extensions');
  const message = utf8(`${header}.${payload}`);
  const bytes = fromBase64Url(signature);
  const good =
    key.algorithm === 'EdDSA'
      ? await verifyEd25519(key.publicKey, message, bytes)
      : await verifyEcdsa(
          { kind: 'ec', curve: 'P-256', point: key.point },
          'SHA-256',
          message,
          bytes,
        );
  require(good, 'REPORT_BAD_SIGNATURE', 'token is not signed by this key');
  return read(payload, 'token');
}
