/** Certificate revocation lists, version 2 (RFC 5280, section 5), complete and direct ones only. */
import { equalBytes, toHex } from '../bytes.ts';
import { Refusal } from '../errors.ts';
import { parseExtensions } from './certificate.ts';
import { contextTag, DerReader, TAG } from './der.ts';
import { OID } from './oid.table.ts';
import { parseSignatureScheme, type SignatureScheme } from './signature.ts';

/** Intel's PCK CRLs reach some hundred kilobytes; AMD's and the root's are tiny. */
const MAXIMUM_BYTES = 8 * 1024 * 1024;

export interface Crl {
  readonly raw: Uint8Array;
  readonly signed: Uint8Array;
  readonly issuer: Uint8Array;
  readonly thisUpdateMs: number;
  /** RFC 5280, section 5.1.2.5, demands it; a list without end is refused. */
  readonly nextUpdateMs: number;
  readonly scheme: SignatureScheme;
  readonly signature: Uint8Array;
  /** CRL number (section 5.2.3), as hexadecimal; '' when absent. */
  readonly number: string;
  /** Revoked serial numbers, as hexadecimal of their DER content. */
  readonly revoked: ReadonlySet<string>;
}

const KNOWN_CRITICAL_ENTRY: ReadonlySet<string> = new Set([OID.crlReason, OID.invalidityDate]);

export function parseCrl(raw: Uint8Array): Crl {
  if (raw.length > MAXIMUM_BYTES) throw new Refusal('MALFORMED_CRL', 'CRL too large');
  const outer = new DerReader(raw, 'MALFORMED_CRL');
  const list = outer.enter(TAG.sequence);
  outer.end();
  const signedElement = list.next(TAG.sequence);
  const outerAlgorithm = list.next(TAG.sequence).raw;
  const signature = list.signatureBits();
  list.end();

  const tbs = list.into(signedElement);
  if (tbs.peek() === TAG.integer && tbs.smallInteger(1) !== 1) tbs.fail('not version 2');
  const innerAlgorithm = tbs.next(TAG.sequence).raw;
  if (!equalBytes(innerAlgorithm, outerAlgorithm)) tbs.fail('two different signature algorithms');
  const issuer = tbs.next(TAG.sequence).raw;
  const thisUpdateMs = tbs.timeMs();
  if (tbs.peek() !== TAG.utcTime && tbs.peek() !== TAG.generalizedTime)
    tbs.fail('nextUpdate missing');
  const nextUpdateMs = tbs.timeMs();
  const revoked = tbs.peek() === TAG.sequence ? parseEntries(tbs.enter(TAG.sequence)) : new Set('');
  const number = tbs.peek() === contextTag(0) ? parseCrlExtensions(tbs.enter(contextTag(0))) : '';
  tbs.end();
  return {
    raw,
    signed: signedElement.raw,
    issuer,
    thisUpdateMs,
    nextUpdateMs,
    scheme: parseSignatureScheme(innerAlgorithm, 'MALFORMED_CRL'),
    signature,
    number,
    revoked,
  };
}

function parseEntries(entries: DerReader): Set<string> {
  const revoked = new Set<string>();
  while (!entries.done) {
    const entry = entries.enter(TAG.sequence);
    revoked.add(toHex(entry.integer()));
    entry.timeMs();
    if (entry.done) continue;
    const list = entry.next(TAG.sequence);
    entry.end();
    for (const extension of parseExtensions(wrap(list.raw)))
      if (extension.critical && !KNOWN_CRITICAL_ENTRY.has(extension.oid))
        entry.fail(`critical entry extension ${extension.oid}: indirect CRLs are not accepted`);
  }
  return revoked;
}

const wrap = (raw: Uint8Array): DerReader => new DerReader(raw, 'MALFORMED_CRL');

/** Section 5.2: a delta CRL or one of limited scope would silently miss revocations. */
function parseCrlExtensions(wrapper: DerReader): string {
  let number = '';
  for (const extension of parseExtensions(wrapper)) {
    if (extension.oid === OID.crlNumber) {
      const reader = wrap(extension.value);
      number = toHex(reader.integer());
      reader.end();
    } else if (extension.critical || extension.oid === OID.deltaCrl)
      wrapper.fail(`CRL extension ${extension.oid} is not accepted`);
  }
  return number;
}
