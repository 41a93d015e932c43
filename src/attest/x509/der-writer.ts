/** Writes DER (ITU-T X.690, section 10): the little that self-signed certificates need. */
import { concatBytes, utf8 } from '../bytes.ts';
import { TAG } from './der.ts';

export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(...parts);
  const { length } = content;
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : length < 0x10000
          ? [tag, 0x82, length >> 8, length & 255]
          : [tag, 0x83, length >> 16, (length >> 8) & 255, length & 255];
  return concatBytes(Uint8Array.from(header), content);
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array =>
  der(TAG.sequence, ...parts);

/** A non-negative INTEGER from its big-endian digits. */
export function unsigned(digits: Uint8Array): Uint8Array {
  let from = 0;
  while (from < digits.length - 1 && digits[from] === 0) from++;
  const shortest = digits.subarray(from);
  const pad = (shortest[0] ?? 0) > 127 ? Uint8Array.of(0) : new Uint8Array(0);
  return der(TAG.integer, pad, shortest);
}

export function objectIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes: number[] = [];
  for (const arc of [40 * first + second, ...rest]) {
    const digits = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      digits.unshift((left % 128) | 0x80);
    bytes.push(...digits);
  }
  return der(TAG.oid, Uint8Array.from(bytes));
}

/** RFC 5280, section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050. */
export function time(ms: number): Uint8Array {
  const digits = new Date(ms)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '');
  const isUtc = Number(digits.slice(0, 4)) < 2050;
  return der(isUtc ? TAG.utcTime : TAG.generalizedTime, utf8(isUtc ? digits.slice(2) : digits));
}

export const bitString = (bytes: Uint8Array): Uint8Array =>
  der(TAG.bitString, Uint8Array.of(0), bytes);

/** ECDSA-Sig-Value from r ‖ s. */
export function ecdsaToDer(fixed: Uint8Array): Uint8Array {
  const half = fixed.length / 2;
  return sequence(unsigned(fixed.subarray(0, half)), unsigned(fixed.subarray(half)));
}
