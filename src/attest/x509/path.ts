/**
 * Certification path validation (RFC 5280, section 6.1) and CRL validation (section 6.3), for the
 * short, unbranched chains that TEEs have. The order of checks within a certificate is that of
 * section 6.1.3 (a): signature, validity, revocation, issuer name.
 *
 * Deviation: no policy tree, no name constraints: a certificate that makes them critical is
 * refused, which is always safe.
 */
import { equalBytes, toHex } from '../bytes.ts';
import { Refusal, require } from '../errors.ts';
import { type Certificate, KEY_USAGE } from './certificate.ts';
import type { Crl } from './crl.ts';
import { sameName } from './name.ts';
import { OID } from './oid.table.ts';
import { verifySignature } from './signature.ts';

const MAXIMUM_CHAIN = 10;

export interface PathOptions {
  /** Candidates for the certificates between leaf and anchor, in any order; unused ones are ignored. */
  readonly intermediates: readonly Certificate[];
  /** Trusted roots, given out of band. Compared as whole certificates, never by name alone. */
  readonly anchors: readonly Certificate[];
  /** Undefined leaves validity periods to the caller ({@link checkValidity}), as a cache needs it. */
  readonly timeMs: number | undefined;
  readonly crls?: readonly Crl[];
  /** `required`: every certificate below the anchor needs a valid CRL of its issuer. */
  readonly revocation: 'required' | 'if-present' | 'none';
  /** Remembers good signatures of authorities from one call to the next. */
  readonly memo?: SignatureMemo;
}

const MAXIMUM_REMEMBERED = 1024;

/**
 * Signatures over CA certificates that were found good, by the exact bytes of certificate and issuer
 * key: a statement without a time, so it stays true. End certificates are not remembered, so that
 * no flood of them pushes the authorities out.
 */
export class SignatureMemo {
  readonly #good = new Set<string>();

  async check(certificate: Certificate, issuer: Certificate): Promise<void> {
    if (!certificate.isCa) return checkSignedBy(certificate, issuer);
    const key = `${toHex(certificate.raw)} ${toHex(issuer.spki)}`;
    if (this.#good.has(key)) return;
    await checkSignedBy(certificate, issuer);
    if (this.#good.size >= MAXIMUM_REMEMBERED) this.#good.clear();
    this.#good.add(key);
  }
}

/** The validated path, leaf first, anchor last. Refuses otherwise. */
export async function validatePath(
  leaf: Certificate,
  options: PathOptions,
): Promise<readonly Certificate[]> {
  const path = await buildPath(leaf, options);
  const anchor = path[path.length - 1] as Certificate;
  const { timeMs } = options;
  if (timeMs !== undefined) checkValidity(anchor, timeMs);
  for (let i = path.length - 2; i >= 0; i--) {
    const certificate = path[i] as Certificate;
    const issuer = path[i + 1] as Certificate;
    checkIssuer(issuer, i);
    if (options.memo) await options.memo.check(certificate, issuer);
    else await checkSignedBy(certificate, issuer);
    if (timeMs !== undefined) checkValidity(certificate, timeMs);
    if (options.revocation !== 'none') await checkRevocation(certificate, issuer, options);
    checkCriticalExtensions(certificate);
  }
  return path;
}

/**
 * Follows issuer names upwards, the presented certificates before the anchors, so that a
 * root that only looks like an anchor is named as what it is. No certificate is used twice.
 */
async function buildPath(leaf: Certificate, options: PathOptions): Promise<Certificate[]> {
  const path = [leaf];
  const all = [...options.intermediates, ...options.anchors];
  const isAnchor = (c: Certificate) => options.anchors.some((a) => equalBytes(a.raw, c.raw));
  for (let last = leaf; !isAnchor(last); last = path[path.length - 1] as Certificate) {
    const name = last.subjectCommonName;
    const { issuer, subject } = last;
    require(!sameName(subject, issuer), 'UNTRUSTED_ROOT', `"${name}" is no trusted root`);
    const candidates = all.filter((c) => sameName(c.subject, issuer) && !path.includes(c));
    const next = await chooseIssuer(last, candidates);
    require(next, 'CHAIN_INCOMPLETE', `no issuer of "${name}" ("${last.issuerCommonName}")`);
    path.push(next);
    require(path.length <= MAXIMUM_CHAIN, 'CHAIN_INCOMPLETE', 'chain too long');
  }
  return path;
}

/** Of several certificates of one name (an authority renewed its key), the one that signed. */
async function chooseIssuer(
  certificate: Certificate,
  candidates: readonly Certificate[],
): Promise<Certificate | undefined> {
  const [first, ...others] = candidates;
  if (others.every((other) => equalBytes(other.spki, first?.spki ?? other.spki))) return first;
  const { scheme, signed, signature } = certificate;
  for (const candidate of candidates)
    if (await verifySignature(candidate.publicKey, scheme, signed, signature)) return candidate;
  return first;
}

/** Section 6.1.4 (k) to (n): basic constraints, path length, key usage of an issuer. */
function checkIssuer(issuer: Certificate, certificatesBelow: number): void {
  const name = issuer.subjectCommonName;
  require(issuer.isCa, 'CERT_NOT_CA', `"${name}" is not a certificate authority`);
  // `certificatesBelow` counts intermediates under this issuer, the leaf not included.
  require(issuer.pathLength === undefined ||
    certificatesBelow <=
      issuer.pathLength, 'CERT_PATH_LENGTH', `"${name}" allows ${issuer.pathLength} certificates below, there are ${certificatesBelow}`);
  require(issuer.keyUsage === undefined ||
    (issuer.keyUsage & KEY_USAGE.keyCertSign) !==
      0, 'CERT_KEY_USAGE', `"${name}" may not sign certificates`);
}

/** When the first certificate of a path ends. */
export const pathUntilMs = (path: readonly Certificate[]): number =>
  Math.min(...path.map((certificate) => certificate.notAfterMs));

export async function checkSignedBy(certificate: Certificate, issuer: Certificate): Promise<void> {
  require(await verifySignature(
    issuer.publicKey,
    certificate.scheme,
    certificate.signed,
    certificate.signature,
  ), 'CERT_BAD_SIGNATURE', `"${certificate.subjectCommonName}" is not signed by "${issuer.subjectCommonName}"`);
}

export function checkValidity(certificate: Certificate, timeMs: number): void {
  const name = certificate.subjectCommonName;
  require(timeMs >=
    certificate.notBeforeMs, 'CERT_NOT_YET_VALID', `"${name}" is valid from ${isoTime(certificate.notBeforeMs)}`);
  require(timeMs <=
    certificate.notAfterMs, 'CERT_EXPIRED', `"${name}" was valid until ${isoTime(certificate.notAfterMs)}`);
}

/**
 * Section 6.3.3, for complete direct CRLs. Of several of one issuer each good one counts; a bad one
 * beside it neither revokes nor stands in the way.
 */
async function checkRevocation(
  certificate: Certificate,
  issuer: Certificate,
  options: PathOptions,
): Promise<void> {
  const crls = (options.crls ?? []).filter((crl) => sameName(crl.issuer, certificate.issuer));
  if (crls.length === 0) {
    if (options.revocation === 'if-present') return;
    throw new Refusal('CRL_MISSING', `no CRL of "${certificate.issuerCommonName}"`);
  }
  const refusals: Refusal[] = [];
  for (const crl of crls) {
    try {
      await checkCrlSignature(crl, issuer);
      checkCrlTime(crl, issuer, options.timeMs ?? Number.NaN);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusals.push(error);
      continue;
    }
    checkNotRevoked(certificate, crl);
  }
  if (refusals.length === crls.length) throw refusals[0];
}

/** Authority and signature of a CRL. */
export async function checkCrlSignature(crl: Crl, issuer: Certificate): Promise<void> {
  const name = issuer.subjectCommonName;
  require(sameName(crl.issuer, issuer.subject), 'CRL_ISSUER_MISMATCH', `CRL is not of "${name}"`);
  require(issuer.keyUsage === undefined ||
    (issuer.keyUsage & KEY_USAGE.crlSign) !== 0, 'CERT_KEY_USAGE', `"${name}" may not sign CRLs`);
  require(await verifySignature(
    issuer.publicKey,
    crl.scheme,
    crl.signed,
    crl.signature,
  ), 'CRL_BAD_SIGNATURE', `CRL is not signed by "${name}"`);
}

export function checkCrlTime(crl: Crl, issuer: Certificate, timeMs: number): void {
  const name = issuer.subjectCommonName;
  const since = isoTime(crl.thisUpdateMs);
  require(timeMs >= crl.thisUpdateMs, 'CRL_NOT_YET_VALID', `CRL of "${name}" is of ${since}`);
  const until = isoTime(crl.nextUpdateMs);
  require(timeMs <= crl.nextUpdateMs, 'CRL_EXPIRED', `CRL of "${name}" ended ${until}`);
}

export function checkNotRevoked(certificate: Certificate, crl: Crl): void {
  const serial = toHex(certificate.serial);
  require(!crl.revoked.has(
    serial,
  ), 'CERT_REVOKED', `"${certificate.subjectCommonName}" (serial ${serial}) is revoked`);
}

const UNDERSTOOD_CRITICAL: ReadonlySet<string> = new Set([
  OID.basicConstraints,
  OID.keyUsage,
  OID.extendedKeyUsage,
  OID.subjectAltName,
  // Every chain here leads to one pinned root for one purpose: any certificate policy is accepted
  // (the initial user policy set is any-policy, section 6.1.1 (c)).
  OID.certificatePolicies,
]);

/** Section 6.1.4 (o) and 6.1.5 (f). */
function checkCriticalExtensions(certificate: Certificate): void {
  for (const extension of certificate.extensions)
    require(!extension.critical ||
      UNDERSTOOD_CRITICAL.has(
        extension.oid,
      ), 'CERT_CRITICAL_EXTENSION', `"${certificate.subjectCommonName}" has the unknown critical extension ${extension.oid}`);
}

/** A time as RFC 3339 to the second. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
