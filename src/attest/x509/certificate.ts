/**
 * X.509 version 3 certificates (RFC 5280, section 4.1), read strictly and without copying. Values
 * of extensions that this room does not know are kept raw for those who do.
 */

import { equalBytes } from '../bytes.ts';
import { Refusal } from '../errors.ts';
import type { PublicKey } from '../webcrypto.ts';
import { contextTag, DerReader, TAG } from './der.ts';
import { OID } from './oid.table.ts';
import { parsePublicKey, parseSignatureScheme, type SignatureScheme } from './signature.ts';

const MAXIMUM_BYTES = 64 * 1024;
const MAXIMUM_EXTENSIONS = 64;

export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

export interface Certificate {
  readonly raw: Uint8Array;
  /** The signed part (TBSCertificate). */
  readonly signed: Uint8Array;
  readonly serial: Uint8Array;
  /** Issuer and subject names as raw DER: see `name.ts` for their comparison. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly subjectCommonName: string;
  readonly issuerCommonName: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly spki: Uint8Array;
  readonly publicKey: PublicKey;
  readonly scheme: SignatureScheme;
  readonly signature: Uint8Array;
  readonly extensions: readonly Extension[];
  readonly isCa: boolean;
  readonly pathLength: number | undefined;
  /** Bits of KeyUsage (RFC 5280, section 4.2.1.3), or undefined when the extension is absent. */
  readonly keyUsage: number | undefined;
}

export const KEY_USAGE = {
  digitalSignature: 1 << 0,
  keyCertSign: 1 << 5,
  crlSign: 1 << 6,
} as const;

export function parseCertificate(raw: Uint8Array): Certificate {
  if (raw.length > MAXIMUM_BYTES) throw new Refusal('MALFORMED_CERT', 'certificate too large');
  const outer = new DerReader(raw, 'MALFORMED_CERT');
  const certificate = outer.enter(TAG.sequence);
  outer.end();
  const signedElement = certificate.next(TAG.sequence);
  const outerAlgorithm = certificate.next(TAG.sequence).raw;
  const signature = certificate.signatureBits();
  certificate.end();

  const tbs = certificate.into(signedElement);
  const version = tbs.peek() === contextTag(0) ? tbs.enter(contextTag(0)).smallInteger(2) : 0;
  const serial = tbs.integer();
  if (serial.length > 21) tbs.fail('serial number of more than 20 bytes');
  const innerAlgorithm = tbs.next(TAG.sequence).raw;
  // RFC 5280, section 4.1.1.2: the unsigned field must repeat the signed one.
  if (!equalBytes(innerAlgorithm, outerAlgorithm)) tbs.fail('two different signature algorithms');
  const issuer = tbs.next(TAG.sequence).raw;
  const validity = tbs.enter(TAG.sequence);
  const notBeforeMs = validity.timeMs();
  const notAfterMs = validity.timeMs();
  validity.end();
  const subject = tbs.next(TAG.sequence).raw;
  const spki = tbs.next(TAG.sequence).raw;
  tbs.optional(0x81);
  tbs.optional(0x82);
  const extensions = tbs.peek() === contextTag(3) ? parseExtensions(tbs.enter(contextTag(3))) : [];
  tbs.end();
  if (extensions.length > 0 && version !== 2) tbs.fail('extensions need version 3');

  return {
    raw,
    signed: signedElement.raw,
    serial,
    issuer,
    subject,
    subjectCommonName: commonName(subject),
    issuerCommonName: commonName(issuer),
    notBeforeMs,
    notAfterMs,
    spki,
    publicKey: parsePublicKey(spki, 'MALFORMED_CERT'),
    scheme: parseSignatureScheme(innerAlgorithm, 'MALFORMED_CERT'),
    signature,
    extensions,
    ...basicConstraints(extensions),
    keyUsage: keyUsageOf(extensions),
  };
}

/** Extensions (RFC 5280, section 4.1.2.9); the same one twice is refused (section 4.2). */
export function parseExtensions(wrapper: DerReader): Extension[] {
  const list = wrapper.enter(TAG.sequence);
  wrapper.end();
  const extensions: Extension[] = [];
  const seen = new Set<string>();
  while (!list.done) {
    const entry = list.enter(TAG.sequence);
    const oid = entry.oid();
    const critical = entry.peek() === TAG.boolean ? entry.boolean() : false;
    const value = entry.next(TAG.octetString).content;
    entry.end();
    if (seen.has(oid)) entry.fail(`extension ${oid} twice`);
    seen.add(oid);
    extensions.push({ oid, critical, value });
    if (extensions.length > MAXIMUM_EXTENSIONS) entry.fail('too many extensions');
  }
  return extensions;
}

export function findExtension(
  holder: { readonly extensions: readonly Extension[] },
  oid: string,
): Uint8Array | undefined {
  return holder.extensions.find((extension) => extension.oid === oid)?.value;
}

/** RFC 5280, section 4.2.1.9. */
function basicConstraints(extensions: readonly Extension[]) {
  const value = findExtension({ extensions }, OID.basicConstraints);
  if (!value) return { isCa: false, pathLength: undefined };
  const outer = new DerReader(value, 'MALFORMED_CERT');
  const fields = outer.enter(TAG.sequence);
  outer.end();
  const isCa = fields.peek() === TAG.boolean ? fields.boolean() : false;
  const pathLength = fields.done ? undefined : fields.smallInteger(64);
  fields.end();
  return { isCa, pathLength };
}

function keyUsageOf(extensions: readonly Extension[]): number | undefined {
  const value = findExtension({ extensions }, OID.keyUsage);
  if (!value) return undefined;
  const outer = new DerReader(value, 'MALFORMED_CERT');
  const bits = outer.namedBits();
  outer.end();
  return bits;
}

const STRING_TAGS = new Set([0x0c, 0x13, 0x14, 0x16, 0x1e]);

/** The last commonName of a Name (RFC 5280, section 4.1.2.4), for messages; '' if there is none. */
export function commonName(name: Uint8Array): string {
  const outer = new DerReader(name, 'MALFORMED_CERT');
  const sequence = outer.enter(TAG.sequence);
  outer.end();
  let found = '';
  while (!sequence.done) {
    const set = sequence.enter(TAG.set);
    while (!set.done) {
      const pair = set.enter(TAG.sequence);
      const oid = pair.oid();
      const value = pair.next();
      pair.end();
      if (oid === OID.commonName && STRING_TAGS.has(value.tag))
        found = new TextDecoder().decode(value.content.subarray(0, 256));
    }
  }
  return found;
}
