/**
 * Hybrid Public Key Encryption (RFC 9180), base mode, one message a key: DHKEM(X25519, HKDF-SHA256),
 * HKDF-SHA256, AES-256-GCM. Whoever holds the public key of a recipient can seal for it; nothing
 * tells the recipient who did.
 */

import { concatBytes } from './concat-bytes.ts';
import type { Crypto, Entropy, KeyAgreement } from './interfaces.ts';

export interface HpkeTools {
  readonly crypto: Pick<Crypto, 'hmacSha256' | 'aesGcmSeal' | 'aesGcmOpen'>;
  readonly keys: Pick<KeyAgreement, 'x25519' | 'x25519Public'>;
}

/** An AEAD by its number (section 7.3) and the length of its key. */
export interface HpkeAead {
  readonly id: number;
  readonly keyBytes: number;
}

export const AES_256_GCM: HpkeAead = { id: 0x0002, keyBytes: 32 };
/** Of keys and of what encapsulation gives (section 7.1). */
export const X25519_BYTES = 32;
export const HPKE_TAG_BYTES = 16;

const KEM_ID = 0x0020;
const KDF_ID = 0x0001;
const HASH_BYTES = 32;
const NONCE_BYTES = 12;
const MODE_BASE = 0;
const EMPTY = new Uint8Array(0);

const ascii = (text: string) => new TextEncoder().encode(text);
const twoBytes = (value: number) => Uint8Array.of(value >>> 8, value);

const KEM_SUITE = concatBytes(ascii('KEM'), twoBytes(KEM_ID));

/** Section 4: LabeledExtract. */
function extract(
  { crypto }: HpkeTools,
  suite: Uint8Array,
  salt: Uint8Array,
  label: string,
  secret: Uint8Array,
): Uint8Array {
  return crypto.hmacSha256(salt, ascii('HPKE-v1'), suite, ascii(label), secret);
}

/** Section 4: LabeledExpand; at most one block of the hash. */
function expand(
  { crypto }: HpkeTools,
  suite: Uint8Array,
  key: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Uint8Array {
  const labeled = [twoBytes(length), ascii('HPKE-v1'), suite, ascii(label), info];
  return crypto.hmacSha256(key, ...labeled, Uint8Array.of(1)).slice(0, length);
}

/** Section 4.1: ExtractAndExpand of DHKEM. */
function sharedSecret(
  tools: HpkeTools,
  product: Uint8Array,
  encapsulated: Uint8Array,
  recipient: Uint8Array,
): Uint8Array {
  const key = extract(tools, KEM_SUITE, EMPTY, 'eae_prk', product);
  const context = concatBytes(encapsulated, recipient);
  return expand(tools, KEM_SUITE, key, 'shared_secret', context, HASH_BYTES);
}

/** Section 5.1: KeySchedule in base mode. */
export function hpkeKeySchedule(
  tools: HpkeTools,
  aead: HpkeAead,
  shared: Uint8Array,
  info: Uint8Array,
): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
  const suite = concatBytes(ascii('HPKE'), twoBytes(KEM_ID), twoBytes(KDF_ID), twoBytes(aead.id));
  const pskIdHash = extract(tools, suite, EMPTY, 'psk_id_hash', EMPTY);
  const infoHash = extract(tools, suite, EMPTY, 'info_hash', info);
  const context = concatBytes(Uint8Array.of(MODE_BASE), pskIdHash, infoHash);
  const secret = extract(tools, suite, shared, 'secret', EMPTY);
  return {
    key: expand(tools, suite, secret, 'key', context, aead.keyBytes),
    nonce: expand(tools, suite, secret, 'base_nonce', context, NONCE_BYTES),
  };
}

/** Section 4.1: Encap with the ephemeral key given; undefined when `recipient` is no good key. */
export function hpkeEncapsulate(
  tools: HpkeTools,
  recipient: Uint8Array,
  ephemeral: Uint8Array,
): { readonly shared: Uint8Array; readonly encapsulated: Uint8Array } | undefined {
  const product = tools.keys.x25519(ephemeral, recipient);
  if (product === undefined) return undefined;
  const encapsulated = tools.keys.x25519Public(ephemeral);
  return { shared: sharedSecret(tools, product, encapsulated, recipient), encapsulated };
}

export interface HpkeSealed {
  /** `enc` of the RFC, 32 bytes. */
  readonly encapsulated: Uint8Array;
  /** As long as the plaintext, and 16 bytes of tag. */
  readonly ciphertext: Uint8Array;
}

/** Seals one message for the holder of `recipient` (section 6.1); undefined: no good key. */
export function hpkeSeal(
  tools: HpkeTools & { readonly entropy: Entropy },
  recipient: Uint8Array,
  info: Uint8Array,
  plaintext: Uint8Array,
): HpkeSealed | undefined {
  const ephemeral = new Uint8Array(X25519_BYTES);
  tools.entropy.fill(ephemeral);
  const made = hpkeEncapsulate(tools, recipient, ephemeral);
  ephemeral.fill(0);
  if (made === undefined) return undefined;
  const { key, nonce } = hpkeKeySchedule(tools, AES_256_GCM, made.shared, info);
  const { ciphertext, tag } = tools.crypto.aesGcmSeal(key, nonce, EMPTY, plaintext);
  return { encapsulated: made.encapsulated, ciphertext: concatBytes(ciphertext, tag) };
}

/** The plaintext; undefined when it was not sealed for this key with this `info`. */
export function hpkeOpen(
  tools: HpkeTools,
  privateKey: Uint8Array,
  info: Uint8Array,
  { encapsulated, ciphertext }: HpkeSealed,
): Uint8Array | undefined {
  const product = tools.keys.x25519(privateKey, encapsulated);
  if (product === undefined || ciphertext.length < HPKE_TAG_BYTES) return undefined;
  const recipient = tools.keys.x25519Public(privateKey);
  const shared = sharedSecret(tools, product, encapsulated, recipient);
  const { key, nonce } = hpkeKeySchedule(tools, AES_256_GCM, shared, info);
  const [body, tag] = [
    ciphertext.subarray(0, -HPKE_TAG_BYTES),
    ciphertext.subarray(-HPKE_TAG_BYTES),
  ];
  return tools.crypto.aesGcmOpen(key, nonce, EMPTY, body, tag);
}
