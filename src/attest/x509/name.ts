/**
 * Comparison of distinguished names (RFC 5280, section 7.1): the values of PrintableString and
 * UTF8String are compared without regard to case and to blanks at the ends or in a row, one
 * encoding against the other; everything else byte by byte. No signature depends on it.
 */
import { equalBytes, toHex } from '../bytes.ts';
import { DerReader, TAG } from './der.ts';

const FOLDED_TAGS: ReadonlySet<number> = new Set([0x0c, 0x13]);

export function sameName(a: Uint8Array, b: Uint8Array): boolean {
  return equalBytes(a, b) || canonical(a) === canonical(b);
}

/** Relative names in their order; within one, attributes as a set. */
function canonical(name: Uint8Array): string {
  const outer = new DerReader(name, 'MALFORMED_CERT');
  const sequence = outer.enter(TAG.sequence);
  outer.end();
  const parts: string[][] = [];
  while (!sequence.done) {
    const set = sequence.enter(TAG.set);
    const attributes: string[] = [];
    while (!set.done) {
      const pair = set.enter(TAG.sequence);
      const oid = pair.oid();
      const { tag, content } = pair.next();
      pair.end();
      attributes.push(`${oid}=${folded(tag, content)}`);
    }
    parts.push(attributes.sort());
  }
  return JSON.stringify(parts);
}

/** RFC 4518: mapping, normalisation, insignificant blanks. What is no UTF-8 is left as it is. */
function folded(tag: number, content: Uint8Array): string {
  if (!FOLDED_TAGS.has(tag)) return `${tag}:${toHex(content)}`;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
    return `text:${text.normalize('NFKC').toLowerCase().trim().replace(/\s+/gu, ' ')}`;
  } catch {
    return `${tag}:${toHex(content)}`;
  }
}
