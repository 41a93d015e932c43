/**
 * Verification of AWS Nitro attestation documents (`docs/attestation_process.md`, section 3): chain
 * to the pinned root at an explicit time, then the COSE signature. Policy comes after.
 */
import { equalBytes, isZero } from '../bytes.ts';
import { runChecks, type Verdict } from '../checks.ts';
import { require } from '../errors.ts';
import { AWS_NITRO_ROOT } from '../roots.table.ts';
import { verifyEcdsa } from '../webcrypto.ts';
import { type Certificate, KEY_USAGE, parseCertificate } from '../x509/certificate.ts';
import { pathUntilMs, type SignatureMemo, validatePath } from '../x509/path.ts';
import { type NitroDocument, parseNitroDocument } from './document.ts';

const PLAN = {
  structure: ['the document is well formed', 'attestation_process.md, 2.2, 3.2.2; RFC 9052, 4.2'],
  chain: [
    'the certificate leads to the root of AWS',
    'attestation_process.md, 3.2.3; RFC 5280, 6.1',
  ],
  signature: [
    'the document is signed by the certificate',
    'RFC 9052, 4.4; attestation_process.md, 3.2',
  ],
} as const;

export interface NitroClaims {
  readonly document: NitroDocument;
  /** PCR0 to PCR2 are zero exactly when the enclave was started in debug mode. */
  readonly debug: boolean;
  /** When the first certificate ends: the leaf, or an authority that is renewed before. */
  readonly chainUntilMs: number;
}

export interface NitroInput {
  readonly document: Uint8Array;
  /** A leaf lives three hours; a stored document needs its own time, which the caller must name. */
  readonly timeMs: number;
  /** Trusted roots instead of AWS's, for tests. */
  readonly roots?: readonly Certificate[];
  /** The authorities of a region are the same for days: worth remembering. */
  readonly memo?: SignatureMemo;
}

export function verifyNitro(input: NitroInput): Promise<Verdict<NitroClaims>> {
  return runChecks(PLAN, async (checks) => {
    const document = await checks.step('structure', () => parseNitroDocument(input.document));
    const { leaf, chainUntilMs } = await checks.step('chain', () => checkChain(document, input));
    await checks.step('signature', async () => {
      const { signed, signature } = document;
      const good = await verifyEcdsa(leaf.publicKey, 'SHA-384', signed, signature);
      require(good, 'COSE_BAD_SIGNATURE', 'the document is not signed by its certificate');
    });
    const zero = (pcr: number) => isZero(document.pcrs.get(pcr) ?? new Uint8Array(0));
    return { document, debug: zero(0) && zero(1) && zero(2), chainUntilMs };
  });
}

/** Section 3.2.3: the path is given, root first; it is validated as given and in full. */
async function checkChain(document: NitroDocument, input: NitroInput) {
  const anchors = input.roots ?? [parseCertificate(AWS_NITRO_ROOT)];
  const leaf = parseCertificate(document.certificate);
  const bundle = document.cabundle.map(parseCertificate);
  const root = bundle[0] as Certificate;
  const trusted = anchors.some((anchor) => equalBytes(anchor.raw, root.raw));
  require(trusted, 'UNTRUSTED_ROOT', `"${root.subjectCommonName}" is no trusted root`);
  const path = await validatePath(leaf, {
    intermediates: bundle,
    anchors,
    timeMs: input.timeMs,
    revocation: 'none',
    ...(input.memo ? { memo: input.memo } : {}),
  });
  const used = bundle.every((certificate) => path.includes(certificate));
  require(used, 'CHAIN_INCOMPLETE', 'cabundle has certificates that lead nowhere');
  require(!leaf.isCa, 'CERT_WRONG_TYPE', 'the signing certificate is an authority');
  // 3.2.3.3: stricter than RFC 5280, which lets a certificate without key usage do anything.
  require(leaf.pathLength === undefined, 'CERT_PATH_LENGTH', 'the leaf has a path length');
  requireUsage(leaf, KEY_USAGE.digitalSignature);
  for (const authority of bundle) requireUsage(authority, KEY_USAGE.keyCertSign);
  return { leaf, chainUntilMs: pathUntilMs(path) };
}

function requireUsage(certificate: Certificate, bit: number): void {
  const stated = ((certificate.keyUsage ?? 0) & bit) !== 0;
  const reason = `"${certificate.subjectCommonName}" does not state what it is for`;
  require(stated, 'CERT_KEY_USAGE', reason);
}
