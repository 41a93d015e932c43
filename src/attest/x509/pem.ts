/** PEM (RFC 7468, strict form with CRLF or LF), the certificates of a chain in their order. */
import { fromBase64 } from '../bytes.ts';
import { Refusal, type RefusalCode } from '../errors.ts';
import { type Certificate, parseCertificate } from './certificate.ts';
import { type Crl, parseCrl } from './crl.ts';

const MAXIMUM_TEXT = 1024 * 1024;
const MAXIMUM_BLOCKS = 16;

/**
 * The DER of every block named `label`. Between blocks only blanks may stand; other text, other
 * labels and attributes are refused, so that no byte of a chain goes unread.
 */
export function parsePem(text: string, label: string, code: RefusalCode = 'MALFORMED_PEM') {
  if (text.length > MAXIMUM_TEXT) throw new Refusal(code, 'PEM text too large');
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const blocks: Uint8Array[] = [];
  let at = skipBlanks(text, 0);
  while (at < text.length) {
    if (!text.startsWith(begin, at)) throw new Refusal(code, `PEM: ${begin} missing at ${at}`);
    const from = at + begin.length;
    const to = text.indexOf(end, from);
    if (to < 0) throw new Refusal(code, `PEM: ${end} missing`);
    blocks.push(fromBase64(text.slice(from, to).replace(/[\r\n \t]/g, ''), code));
    if (blocks.length > MAXIMUM_BLOCKS) throw new Refusal(code, 'PEM: too many blocks');
    at = skipBlanks(text, to + end.length);
  }
  return blocks;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text[at] as string)) at++;
  return at;
}

/** A PEM chain as certificates. */
export function parsePemChain(text: string): Certificate[] {
  const chain = parsePem(text, 'CERTIFICATE').map(parseCertificate);
  if (chain.length === 0) throw new Refusal('MALFORMED_PEM', 'PEM: no certificate');
  return chain;
}

/** A certificate as DER or PEM, whichever it is. */
export function parseAnyCertificate(bytes: Uint8Array): Certificate {
  if (bytes[0] === 0x30) return parseCertificate(bytes);
  const text = new TextDecoder().decode(bytes);
  const chain = parsePemChain(text);
  if (chain.length !== 1) throw new Refusal('MALFORMED_PEM', 'one certificate expected');
  return chain[0] as Certificate;
}

/** A revocation list as DER or PEM: Intel's services and caches give out both. */
export function parseAnyCrl(bytes: Uint8Array): Crl {
  if (bytes[0] === 0x30) return parseCrl(bytes);
  const [der, ...others] = parsePem(new TextDecoder().decode(bytes), 'X509 CRL', 'MALFORMED_CRL');
  if (!der || others.length > 0) throw new Refusal('MALFORMED_CRL', 'one CRL expected');
  return parseCrl(der);
}
