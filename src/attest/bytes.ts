/** Byte helpers of the verifiers: bounded reading, hex, base64, comparison. Pure, no platform. */
import { Refusal, type RefusalCode } from './errors.ts';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export { concatBytes } from '../base/concat-bytes.ts';

export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** Strict hexadecimal: even length, digits only, either case. */
export function fromHex(text: string, code: RefusalCode = 'MALFORMED_EVIDENCE'): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text))
    throw new Refusal(code, 'not an even number of hexadecimal digits');
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const BASE64URL = `${BASE64.slice(0, 62)}-_`;

function decodeTable(alphabet: string): Int8Array {
  const table = new Int8Array(128).fill(-1);
  for (let i = 0; i < 64; i++) table[alphabet.charCodeAt(i)] = i;
  return table;
}
const FROM_BASE64 = decodeTable(BASE64);
const FROM_BASE64URL = decodeTable(BASE64URL);

function decodeDigits(text: string, table: Int8Array, code: RefusalCode): Uint8Array {
  if (text.length % 4 === 1) throw new Refusal(code, 'base64 text of impossible length');
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let value = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = table[text.charCodeAt(i)] ?? -1;
    if (digit < 0) throw new Refusal(code, 'not a base64 digit');
    value = ((value << 6) | digit) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (value >> bits) & 0xff;
    }
  }
  // RFC 4648, section 3.5: two texts must never mean the same bytes where signatures are compared.
  if ((value & ((1 << bits) - 1)) !== 0) throw new Refusal(code, 'base64 pad bits are not zero');
  return bytes;
}

/** RFC 4648, section 4: padded, no blanks, canonical pad bits. */
export function fromBase64(text: string, code: RefusalCode = 'MALFORMED_EVIDENCE'): Uint8Array {
  if (text.length % 4 !== 0) throw new Refusal(code, 'base64 text is not padded');
  const digits = text.endsWith('==') ? text.slice(0, -2) : text.replace(/=$/, '');
  return decodeDigits(digits, FROM_BASE64, code);
}

/** RFC 4648, section 5, without padding, as JOSE uses it (RFC 7515, section 2). */
export function fromBase64Url(text: string, code: RefusalCode = 'MALFORMED_MESSAGE'): Uint8Array {
  return decodeDigits(text, FROM_BASE64URL, code);
}

function encodeDigits(bytes: Uint8Array, alphabet: string): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const word = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += alphabet[(word >> 18) & 63];
    text += alphabet[(word >> 12) & 63];
    if (left > 1) text += alphabet[(word >> 6) & 63];
    if (left > 2) text += alphabet[word & 63];
  }
  return text;
}

export function toBase64(bytes: Uint8Array): string {
  const digits = encodeDigits(bytes, BASE64);
  return digits + '='.repeat((4 - (digits.length % 4)) % 4);
}

export function toBase64Url(bytes: Uint8Array): string {
  return encodeDigits(bytes, BASE64URL);
}

/** Equality whose time does not depend on where the bytes differ. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

const ENCODER = new TextEncoder();
export function utf8(text: string): Uint8Array {
  return ENCODER.encode(text);
}

/** Strict UTF-8 (RFC 3629); a byte order mark is an ordinary character. */
export function fromUtf8(bytes: Uint8Array, code: RefusalCode): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new Refusal(code, 'not UTF-8', { cause });
  }
}

/**
 * A forward reader over bytes of unknown origin. Every read is bounds-checked; running out of
 * bytes refuses with the code given at construction. Sub-arrays are views, not copies.
 */
export class Reader {
  readonly bytes: Uint8Array;
  readonly code: RefusalCode;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, code: RefusalCode, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.code = code;
    this.at = at;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  fail(message: string): never {
    throw new Refusal(this.code, `${message} (at byte ${this.at})`);
  }

  take(length: number): Uint8Array {
    if (!Number.isSafeInteger(length) || length < 0 || length > this.left)
      this.fail(`${length} bytes wanted, ${this.left} left`);
    const part = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return part;
  }

  u8(): number {
    return this.take(1)[0] as number;
  }

  u16(): number {
    const b = this.take(2);
    return (b[0] as number) | ((b[1] as number) << 8);
  }

  u32(): number {
    const b = this.take(4);
    return new DataView(b.buffer, b.byteOffset, 4).getUint32(0, true);
  }

  u64(): bigint {
    const b = this.take(8);
    return new DataView(b.buffer, b.byteOffset, 8).getBigUint64(0, true);
  }
}
