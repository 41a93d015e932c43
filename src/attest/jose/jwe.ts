/**
 * Flattened JSON Web Encryption (RFC 7516, section 7.2.2) with ECDH-ES+A256KW over P-256 (RFC 7518,
 * section 4.6) and A256GCM (section 5.3): the form in which key brokers send resources. The
 * algorithm is the recipient's choice by its key; what a message claims must be that, never more.
 */
import { concatBytes, fromBase64Url, fromUtf8, toBase64Url, utf8 } from '../bytes.ts';
import { Refusal, require } from '../errors.ts';
import { type JsonObject, Members, parseJson } from '../json.ts';
import { digest, source } from '../webcrypto.ts';
import { type EcJwk, jwkFromPoint, jwkPoint, parseEcJwk } from './jwk.ts';

export const JWE_ALG = 'ECDH-ES+A256KW';
export const JWE_ENC = 'A256GCM';
const CODE = 'MALFORMED_MESSAGE';
const ECDH = { name: 'ECDH', namedCurve: 'P-256' };

export interface FlattenedJwe {
  readonly protected: string;
  readonly encrypted_key: string;
  readonly iv: string;
  readonly ciphertext: string;
  readonly tag: string;
}

/** An ephemeral key pair of a requester; the private half never leaves WebCrypto. */
export interface EphemeralKey {
  readonly jwk: EcJwk;
  readonly privateKey: CryptoKey;
}

export async function generateEphemeralKey(): Promise<EphemeralKey> {
  const made: unknown = await crypto.subtle.generateKey(ECDH, false, ['deriveBits']);
  const pair = made as { readonly publicKey: CryptoKey; readonly privateKey: CryptoKey };
  const point = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  return { jwk: jwkFromPoint(point, JWE_ALG), privateKey: pair.privateKey };
}

/** Concat KDF with SHA-256 (NIST SP 800-56A, section 5.8.1; RFC 7518, section 4.6.2), one round. */
async function wrappingKey(
  privateKey: CryptoKey,
  publicJwk: EcJwk,
  usage: 'wrapKey' | 'unwrapKey',
): Promise<CryptoKey> {
  const none: KeyUsage[] = [];
  const point = source(jwkPoint(publicJwk));
  const publicKey = await crypto.subtle.importKey('raw', point, ECDH, false, none);
  const parameters = { name: 'ECDH', public: publicKey };
  const shared = new Uint8Array(await crypto.subtle.deriveBits(parameters, privateKey, 256));
  const number = (value: number) => Uint8Array.of(0, 0, value >> 8, value & 255);
  const algorithm = utf8(JWE_ALG);
  const info = [number(algorithm.length), algorithm, number(0), number(0), number(256)];
  const key = await digest('SHA-256', concatBytes(number(1), shared, ...info));
  shared.fill(0);
  try {
    return await crypto.subtle.importKey('raw', source(key), { name: 'AES-KW' }, false, [usage]);
  } finally {
    key.fill(0);
  }
}
type KeyUsage = 'deriveBits' | 'wrapKey' | 'unwrapKey';

const GCM = { name: 'AES-GCM', length: 256 };

/** Encrypts to `recipient`; `header` joins the protected header and so is authenticated. */
export async function encryptJwe(
  plaintext: Uint8Array,
  recipient: EcJwk,
  header: JsonObject,
): Promise<FlattenedJwe> {
  const ephemeral = await generateEphemeralKey();
  const wrapping = await wrappingKey(ephemeral.privateKey, recipient, 'wrapKey');
  const content = (await crypto.subtle.generateKey(GCM, true, ['encrypt'])) as CryptoKey;
  const encryptedKey = await crypto.subtle.wrapKey('raw', content, wrapping, { name: 'AES-KW' });
  const { kty, crv, x, y } = ephemeral.jwk;
  const protectedHeader = { alg: JWE_ALG, enc: JWE_ENC, epk: { kty, crv, x, y }, ...header };
  const encoded = toBase64Url(utf8(JSON.stringify(protectedHeader)));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const parameters = { name: 'AES-GCM', iv, additionalData: source(utf8(encoded)) };
  const sealed = new Uint8Array(
    await crypto.subtle.encrypt(parameters, content, source(plaintext)),
  );
  return {
    protected: encoded,
    encrypted_key: toBase64Url(new Uint8Array(encryptedKey)),
    iv: toBase64Url(iv),
    ciphertext: toBase64Url(sealed.subarray(0, -16)),
    tag: toBase64Url(sealed.subarray(-16)),
  };
}

export interface OpenedJwe {
  readonly header: Members;
  readonly plaintext: Uint8Array;
}

/** Decrypts a message to `key`. Refuses every other algorithm, whatever the message says. */
export async function decryptJwe(text: string, key: EphemeralKey): Promise<OpenedJwe> {
  const message = new Members(parseJson(text, CODE), CODE, 'jwe');
  const encoded = message.string('protected');
  // RFC 7516, section 5.2: additional authenticated data beyond the header is not used here.
  require(!message.has('aad'), CODE, 'jwe: aad is not used in this protocol');
  const headerText = fromUtf8(fromBase64Url(encoded), CODE);
  const header = new Members(parseJson(headerText, CODE), CODE, 'jwe.protected');
  const [alg, enc] = [header.string('alg'), header.string('enc')];
  require(alg === JWE_ALG, 'UNSUPPORTED_SIGNATURE_ALGO', `jwe: alg ${alg.slice(0, 40)}`);
  require(enc === JWE_ENC, 'UNSUPPORTED_SIGNATURE_ALGO', `jwe: enc ${enc.slice(0, 40)}`);
  require(!header.has('crit') && !header.has('zip'), CODE, 'jwe: crit and zip are not supported');
  const epk = parseEcJwk(header.raw('epk'), 'jwe.epk');
  const part = (name: string) => source(fromBase64Url(message.string(name)));
  const iv = part('iv');
  const tag = part('tag');
  require(iv.length === 12 && tag.length === 16, CODE, 'jwe: iv or tag of wrong size');
  try {
    const unwrapping = await wrappingKey(key.privateKey, epk, 'unwrapKey');
    const content = await crypto.subtle.unwrapKey(
      'raw',
      part('encrypted_key'),
      unwrapping,
      { name: 'AES-KW' },
      GCM,
      false,
      ['decrypt'],
    );
    const parameters = { name: 'AES-GCM', iv, additionalData: source(utf8(encoded)) };
    const sealed = source(concatBytes(part('ciphertext'), tag));
    const plaintext = new Uint8Array(await crypto.subtle.decrypt(parameters, content, sealed));
    return { header, plaintext };
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(CODE, 'jwe: not encrypted to this key, or changed on the way');
  }
}
