/**
 * RA-TLS certificates: self-signed, the evidence in an extension, the key bound in its report data.
 * Conventions read: interoperable RA-TLS (CCC, TCG DICE tagged evidence, 2.23.133.5.4.9) and
 * Gramine's legacy extension. What the evidence is worth is for its own verifier to say.
 */
import { equalBytes, isZero } from '../bytes.ts';
import { type Cbor, CborTag, decodeCbor, FOREIGN } from '../cbor.ts';
import { runChecks, type Verdict } from '../checks.ts';
import { Refusal, require } from '../errors.ts';
import { PROVIDERS, type ProviderName } from '../evidence.ts';
import { digest, type HashName } from '../webcrypto.ts';
import { type Certificate, findExtension } from '../x509/certificate.ts';
import { OID } from '../x509/oid.table.ts';
import { checkSignedBy, checkValidity } from '../x509/path.ts';
import { parseAnyCertificate } from '../x509/pem.ts';

/** CBOR tag of the CCC convention for a DCAP quote: `[quote, claims]`. */
export const TAG_QUOTE = 60000;
/** Ours for other TEEs: `[provider, evidence, certificates, claims]`. */
export const TAG_OTHER = 60064;
/** Claims of ours, beside the convention's "pubkey-hash" and "nonce". */
export const CLAIM_IMAGE = 'cloister-image';
export const CLAIM_RUNTIME = 'cloister-runtime';
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
  /** The TEE, where the convention names it; a DCAP quote says so itself. */
  readonly provider: ProviderName | undefined;
  /** Raw evidence. */
  readonly quote: Uint8Array;
  readonly certificates: readonly Uint8Array[];
  /** What must be in the first bytes of the quote's report data, the rest being zero. */
  readonly binding: Uint8Array;
  /** The claim "nonce", where the convention has one and the prover gave one. */
  readonly nonce: Uint8Array | undefined;
  /** Measurements among the claims, bound like them; only Cloister's certificates have them. */
  readonly imageMeasurement: Uint8Array | undefined;
  readonly runtimeMeasurement: Uint8Array | undefined;
}

const NO_CLAIMS = {
  certificates: [],
  nonce: undefined,
  imageMeasurement: undefined,
  runtimeMeasurement: undefined,
} as const;

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
  const convention = 'gramine-legacy';
  return { ...NO_CLAIMS, convention, certificate, provider: 'sgx', quote, binding };
}

/** `60000([quote, claims])` or `60064([provider, evidence, certificates, claims])`. */
async function taggedEvidence(certificate: Certificate, value: Uint8Array): Promise<RaTlsEvidence> {
  const code = 'MALFORMED_EVIDENCE';
  require(value.length <= MAXIMUM_EVIDENCE, code, 'evidence too large');
  const outer = decodeCbor(value, code, FOREIGN);
  require(outer instanceof CborTag, code, 'evidence without CBOR tag');
  const { provider, quote, certificates, claimsBytes } = takeApart(outer);
  // Claims are a bstr of a map with "pubkey-hash" and perhaps "nonce"; unknown ones are skipped.
  const claims = decodeCbor(claimsBytes, code, FOREIGN);
  require(claims instanceof Map, code, 'claims are not a map');
  await checkKeyHash(certificate, claims.get('pubkey-hash'));
  const optional = (name: string, length?: number): Uint8Array | undefined => {
    const claim = claims.get(name);
    if (claim === undefined) return undefined;
    require(claim instanceof Uint8Array, code, `claim ${name} is not bytes`);
    require(length === undefined || claim.length === length, code, `claim ${name} of odd size`);
    return claim;
  };
  return {
    convention: 'interoperable',
    certificate,
    provider,
    quote,
    certificates,
    binding: await digest('SHA-256', claimsBytes),
    nonce: optional('nonce'),
    imageMeasurement: optional(CLAIM_IMAGE, 32),
    runtimeMeasurement: optional(CLAIM_RUNTIME, 32),
  };
}

function takeApart(outer: CborTag) {
  const code = 'MALFORMED_EVIDENCE';
  const isQuote = outer.tag === TAG_QUOTE;
  require(isQuote ||
    outer.tag === TAG_OTHER, 'UNSUPPORTED_EVIDENCE', `evidence with CBOR tag ${outer.tag}`);
  const list = outer.value;
  require(Array.isArray(list), code, 'evidence is not a list');
  require(list.length === (isQuote ? 2 : 4), code, `evidence is a list of ${list.length}`);
  const items = list as readonly Cbor[];
  const [name, quote, certificates, claimsBytes] = isQuote
    ? [undefined, items[0], [], items[1]]
    : items;
  require(quote instanceof Uint8Array, code, 'quote is not bytes');
  require(claimsBytes instanceof Uint8Array, code, 'claims are not bytes');
  const provider = PROVIDERS.find((candidate) => candidate === name);
  require(isQuote || provider !== undefined, 'UNSUPPORTED_EVIDENCE', 'unknown provider');
  require(Array.isArray(certificates), code, 'certificates are not a list');
  const ders = (certificates as readonly Cbor[]).map((certificate) => {
    require(certificate instanceof Uint8Array, code, 'certificate is not bytes');
    return certificate;
  });
  return { provider, quote, certificates: ders, claimsBytes };
}

/** "pubkey-hash": bstr of [algorithm, hash of the DER SubjectPublicKeyInfo]. */
async function checkKeyHash(certificate: Certificate, claim: Cbor): Promise<void> {
  const code = 'MALFORMED_EVIDENCE';
  require(claim instanceof Uint8Array, code, 'claim "pubkey-hash" missing');
  const entry = decodeCbor(claim, code, FOREIGN);
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
