/** {@link KeyAgreement} over node:crypto (OpenSSL). Stateless; share one instance. */

import { createECDH, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import type { KeyAgreement } from '../base/interfaces.ts';

/** PrivateKeyInfo and SubjectPublicKeyInfo of an X25519 key up to its bytes (RFC 8410). */
const X25519_PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const X25519_SPKI = Buffer.from('302a300506032b656e032100', 'hex');
/** SEC 1, 2.3.3: an uncompressed point. */
const UNCOMPRESSED = Buffer.of(4);

const x25519Key = (raw: Uint8Array) =>
  createPrivateKey({ key: Buffer.concat([X25519_PKCS8, raw]), format: 'der', type: 'pkcs8' });

export const nodeKeyAgreement: KeyAgreement = {
  p256(peer) {
    const own = createECDH('prime256v1');
    const point = new Uint8Array(own.generateKeys().subarray(1));
    try {
      const shared = new Uint8Array(own.computeSecret(Buffer.concat([UNCOMPRESSED, peer])));
      return { point, shared };
    } catch {
      return undefined;
    }
  },

  x25519(privateKey, publicKey) {
    const key = Buffer.concat([X25519_SPKI, publicKey]);
    const peer = createPublicKey({ key, format: 'der', type: 'spki' });
    try {
      return new Uint8Array(diffieHellman({ privateKey: x25519Key(privateKey), publicKey: peer }));
    } catch {
      return undefined;
    }
  },

  x25519Public(privateKey) {
    const der = createPublicKey(x25519Key(privateKey)).export({ format: 'der', type: 'spki' });
    return new Uint8Array(der.subarray(X25519_SPKI.length));
  },
};
