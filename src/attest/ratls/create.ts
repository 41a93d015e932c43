/** Keys and self-signed certificates of attested channels (RA-TLS): P-256, ECDSA with SHA-256. */
import { utf8 } from '../bytes.ts';
import { type Cbor, CborTag, encodeCbor } from '../cbor.ts';
import type { Evidence } from '../evidence.ts';
import { digest, source } from '../webcrypto.ts';
import { contextTag, TAG } from '../x509/der.ts';
import {
  bitString,
  der,
  ecdsaToDer,
  objectIdentifier,
  sequence,
  time,
  unsigned,
} from '../x509/der-writer.ts';
import { OID } from '../x509/oid.table.ts';
import { CLAIM_IMAGE, CLAIM_RUNTIME, TAG_OTHER, TAG_QUOTE } from './certificate.ts';

export interface ChannelKey {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** PKCS #8, DER: TLS libraries want the key itself. */
  readonly pkcs8: Uint8Array;
  /** ECDSA P-256 with SHA-256, r ‖ s. */
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>;
}

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256' };

export async function generateChannelKey(): Promise<ChannelKey> {
  const made: unknown = await crypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
  const pair = made as { readonly publicKey: CryptoKey; readonly privateKey: CryptoKey };
  return {
    spki: new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)),
    pkcs8: new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey)),
    sign: async (message) => {
      const scheme = { name: 'ECDSA', hash: 'SHA-256' };
      return new Uint8Array(await crypto.subtle.sign(scheme, pair.privateKey, source(message)));
    },
  };
}

/** What an instance states about itself; its hash is the evidence's report data. */
export interface ChannelClaims {
  readonly spki: Uint8Array;
  readonly imageMeasurement?: Uint8Array;
  readonly runtimeMeasurement?: Uint8Array;
  readonly nonce?: Uint8Array;
}

/** CCC interoperable RA-TLS: a map with "pubkey-hash"; further claims are ours, others skip them. */
export async function encodeClaims(claims: ChannelClaims): Promise<Uint8Array> {
  const map = new Map<string, Cbor>();
  map.set('pubkey-hash', encodeCbor([1, await digest('SHA-256', claims.spki)]));
  if (claims.nonce) map.set('nonce', claims.nonce);
  if (claims.imageMeasurement) map.set(CLAIM_IMAGE, claims.imageMeasurement);
  if (claims.runtimeMeasurement) map.set(CLAIM_RUNTIME, claims.runtimeMeasurement);
  return encodeCbor(map);
}

/** Report data for claims: SHA-256, zero padded to 64 bytes. */
export async function claimsReportData(claims: Uint8Array): Promise<Uint8Array> {
  const reportData = new Uint8Array(64);
  reportData.set(await digest('SHA-256', claims));
  return reportData;
}

type Raw = Pick<Evidence, 'provider' | 'raw' | 'certificates'>;

/** Intel quotes under the CCC's tag, so that any RA-TLS verifier reads them; others under ours. */
export function encodeTaggedEvidence(evidence: Raw, claims: Uint8Array): Uint8Array {
  const { provider, raw, certificates } = evidence;
  if (provider === 'tdx' || provider === 'sgx')
    return encodeCbor(new CborTag(TAG_QUOTE, [raw, claims]));
  return encodeCbor(new CborTag(TAG_OTHER, [provider, raw, certificates, claims]));
}

export interface CertificateRequest {
  readonly key: ChannelKey;
  readonly commonName: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Value of the tagged-evidence extension; absent: a certificate without evidence. */
  readonly evidence?: Uint8Array;
}

/** A self-signed certificate, DER. What it is worth is in its evidence alone. */
export async function createCertificate(request: CertificateRequest): Promise<Uint8Array> {
  const algorithm = sequence(objectIdentifier(OID.ecdsaSha256));
  const name = sequence(
    der(TAG.set, sequence(objectIdentifier(OID.commonName), der(0x0c, utf8(request.commonName)))),
  );
  const serial = crypto.getRandomValues(new Uint8Array(16));
  const extensions = request.evidence
    ? [
        der(
          contextTag(3),
          sequence(
            sequence(objectIdentifier(OID.taggedEvidence), der(TAG.octetString, request.evidence)),
          ),
        ),
      ]
    : [];
  const tbs = sequence(
    der(contextTag(0), unsigned(Uint8Array.of(2))),
    unsigned(serial),
    algorithm,
    name,
    sequence(time(request.notBefore.getTime()), time(request.notAfter.getTime())),
    name,
    request.key.spki,
    ...extensions,
  );
  return sequence(tbs, algorithm, bitString(ecdsaToDer(await request.key.sign(tbs))));
}
