/**
 * Secrets of volumes as files and brokers give them: a key of 32 bytes, or the private half of an
 * X25519 key pair, PKCS #8 in PEM (`openssl genpkey -algorithm x25519`). Public keys of recipients.
 */

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { VolumeError } from '../fs/sealed/errors.ts';
import { privateKey, recipientKey } from '../fs/sealed/l1-keys/hpke-slot.ts';
import { rawKey, type SlotMaker } from '../fs/sealed/l1-keys/unlock.ts';
import { nodeCrypto, nodeEntropy } from './crypto.ts';
import { nodeKeyAgreement } from './key-agreement.ts';
import { keyOf, readKeyBytes } from './volume-file.ts';

const TOOLS = { crypto: nodeCrypto, keys: nodeKeyAgreement, entropy: nodeEntropy };
const PEM = '-----BEGIN';

/** What `bytes`, which come from `where`, open. */
export function secretOf(bytes: Uint8Array, where: string): SlotMaker {
  const text = Buffer.from(bytes).toString('latin1').trimStart();
  if (!text.startsWith(PEM)) return rawKey(keyOf(bytes, where));
  return privateKey(rawX25519(createPrivateKey, text, 'd', where), TOOLS);
}

export function readSecretFile(path: string): SlotMaker {
  return secretOf(readKeyBytes(path), `key file ${path}`);
}

/** `x25519:` and 64 hexadecimal digits, or a PEM file of the public key: its bytes. */
export function readRecipient(text: string): Uint8Array {
  const digits = /^x25519:([0-9a-fA-F]{64})$/.exec(text)?.[1];
  if (digits !== undefined) return new Uint8Array(Buffer.from(digits, 'hex'));
  if (!existsSync(text))
    throw new VolumeError(
      'CLOISTER_VOLUME_USE',
      `recipient ${text}: neither x25519: and 64 hexadecimal digits, nor a PEM file`,
    );
  return rawX25519(createPublicKey, readFileSync(text, 'utf8'), 'x', `recipient ${text}`);
}

export const recipient = (publicKey: Uint8Array): SlotMaker => recipientKey(publicKey, TOOLS);

/** One half of a key in PEM, raw (RFC 8037, section 2). */
function rawX25519(
  parse: (pem: string) => KeyObject,
  pem: string,
  half: 'd' | 'x',
  where: string,
): Uint8Array {
  let key: KeyObject;
  try {
    key = parse(pem);
  } catch (cause) {
    throw new VolumeError('CLOISTER_VOLUME_KEY', `${where} holds no key: ${cause}`, cause);
  }
  if (key.asymmetricKeyType !== 'x25519')
    throw new VolumeError(
      'CLOISTER_VOLUME_KEY',
      `${where} holds a key for ${key.asymmetricKeyType}, not for X25519`,
    );
  return new Uint8Array(Buffer.from(key.export({ format: 'jwk' })[half] as string, 'base64url'));
}
