/**
 * RA-TLS certificates: self-signed, the evidence in an extension, the key bound in its report data.
 * Conventions read: interoperable RA-TLS (CCC, TCG DICE tagged evidence, 2.23.133.5.4.9) and
 * Gramine's legacy extension. What the evidence is worth is for its own verifier to say.
 */
import { equalBytes, isZero } from '../bytes.ts';
import { type Cbor, CborTag, decodeCbor, encodeCbor } from '../cbor.ts';
import { runChecks, type Verdict } from '../checks.ts';
import { Refusal, require } from '../errors.ts';
import { digest, type HashName } from '../webcrypto.ts';
import { type Certificate, findExtension } from '../x509/certificate.ts';
import { OID } from '../x509/oid.table.ts';
import { checkSignedBy, checkValidity } from '../x509/path.ts';
import { parseAnyCertificate } from '../x509/pem.ts';

/** CBOR tags of the CCC convention: DCAP quote, report for local attestation, legacy report. */
const TAG_QUOTE = 60000;
const MAXIMUM_EVIDENCE = 64 * 1024;

/** IANA Named Information Hash Algorithm Registry. */
const HASH_BY_NUMBER: Readonly<Record<number, HashName>> = {
  1: 'SHA-256',
  7: 'SHA-384',
  8: 'SHA-512',
};

export type RaTlsConvention = 'interoperable' | 'gramine-legacy';

export interface RaTlsEvidence {
  readonly convention: RaTlsConvention;
  readonly certificate: Certificate;
  /** Raw evidence, a DCAP quote. */
  readonly quote: Uint8Array;
  /** What must be in the first bytes of the quote's report data, the rest being zero. */
  readonly binding: Uint8Array;
  /** The claim "nonce", where the convention has one and the prover gave one. */
  readonly nonce: Uint8Array | undefined;
}

const PLAN = {
  certificate: ['the certificate is well formed', 'RFC 5280, 4.1'],
  'self-signature': ['the holder of the key signed it', 'RFC 5280, 6.1.3 (a)(1)'],
  validity: ['the certificate is valid now', 'RFC 5280, 4.1.2.5'],
  evidence: ['it carries evidence about its own key', 'CCC interoperable RA-TLS; Gramine ra_tls'],
} as const;

export function parseRaTlsCertificate(
  bytes: Uint8Array,
  timeMs: number,
): Promise<Verdict<RaTlsEvidence>> {
  return runChecks(PLAN, async (checks) => {
    const certificate = await checks.step('certificate', () => parseAnyCertificate(bytes));
    await checks.step('self-signature', () => checkSignedBy(certificate, certificate));
    await checks.step('validity', () => checkValidity(certificate, timeMs));
    return checks.step('evidence', () => extractEvidence(certificate));
  });
}

async function extractEvidence(certificate: Certificate): Promise<RaTlsEvidence> {
  const tagged = findExtension(certificate, OID.taggedEvidence);
  if (tagged) return taggedEvidence(certificate, tagged);
  const quote =
    findExtension(certificate, OID.gramineQuote) ??
    findExtension(certificate, OID.gramineQuoteAsEncoded);
  if (!quote) throw new Refusal('UNSUPPORTED_EVIDENCE', 'certificate without evidence');
  const binding = await digest('SHA-256', certificate.spki);
  return { convention: 'gramine-legacy', certificate, quote, binding, nonce: undefined };
}

/** `60000([quote, claims])`, claims = bstr of a map with "pubkey-hash" and perhaps "nonce". */
async function taggedEvidence(certificate: Certificate, value: Uint8Array): Promise<RaTlsEvidence> {
  const code = 'MALFORMED_EVIDENCE';
  require(value.length <= MAXIMUM_EVIDENCE, code, 'evidence too large');
  const outer = decodeCbor(value, code);
  require(outer instanceof CborTag, code, 'evidence without CBOR tag');
  require(outer.tag === TAG_QUOTE, 'UNSUPPORTED_EVIDENCE', `evidence with CBOR tag ${outer.tag}`);
  const pair = outer.value;
  require(Array.isArray(pair) && pair.length === 2, code, 'evidence is not [quote, claims]');
  const [quote, claimsBytes] = pair as readonly Cbor[];
  require(quote instanceof Uint8Array, code, 'quote is not bytes');
  require(claimsBytes instanceof Uint8Array, code, 'claims are not bytes');
  const claims = decodeCbor(claimsBytes, code);
  require(claims instanceof Map, code, 'claims are not a map');
  await checkKeyHash(certificate, claims.get('pubkey-hash'));
  const nonce = claims.get('nonce');
  require(nonce === undefined || nonce instanceof Uint8Array, code, 'nonce is not bytes');
  const binding = await digest('SHA-256', claimsBytes);
  return { convention: 'interoperable', certificate, quote, binding, nonce };
}

/** "pubkey-hash": bstr of [algorithm, hash of the DER SubjectPublicKeyInfo]. */
async function checkKeyHash(certificate: Certificate, claim: Cbor): Promise<void> {
  const code = 'MALFORMED_EVIDENCE';
  require(claim instanceof Uint8Array, code, 'claim "pubkey-hash" missing');
  const entry = decodeCbor(claim, code);
  require(Array.isArray(entry) && entry.length === 2, code, 'pubkey-hash is not [alg, hash]');
  const [number, hash] = entry as readonly Cbor[];
  const name = typeof number === 'number' ? HASH_BY_NUMBER[number] : undefined;
  require(name, 'UNSUPPORTED_SIGNATURE_ALGO', `pubkey-hash algorithm ${String(number)}`);
  require(hash instanceof Uint8Array, code, 'pubkey-hash is not bytes');
  const own = equalBytes(hash, await digest(name, certificate.spki));
  require(own, 'BINDING_MISMATCH', 'the evidence is about another public key');
}

/** Whether report data of a TEE is `binding`, zero padded (CCC convention; Gramine alike). */
export function checkReportData(reportData: Uint8Array, binding: Uint8Array): void {
  const bound =
    equalBytes(reportData.subarray(0, binding.length), binding) &&
    isZero(reportData.subarray(binding.length));
  require(bound, 'BINDING_MISMATCH', 'report data does not bind this certificate');
}

/** The value of the tagged-evidence extension for `quote`, and the claims that it must bind. */
export async function encodeClaims(spki: Uint8Array, nonce?: Uint8Array): Promise<Uint8Array> {
  const keyHash = encodeCbor([1, await digest('SHA-256', spki)]);
  const claims = new Map<string, Cbor>([['pubkey-hash', keyHash]]);
  if (nonce) claims.set('nonce', nonce);
  return encodeCbor(claims);
}

export function encodeTaggedEvidence(quote: Uint8Array, claims: Uint8Array): Uint8Array {
  return encodeCbor(new CborTag(TAG_QUOTE, [quote, claims]));
}
