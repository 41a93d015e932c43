/**
 * A strict reader of DER (ITU-T X.690, section 10): definite lengths in their shortest form, tags
 * below 31, minimal integers, canonical booleans. Nothing is copied; nesting is driven by the
 * caller, so depth and memory are bounded by the caller's structure.
 */
import { Refusal, type RefusalCode } from '../errors.ts';

/** One element: tag byte, content, and the whole encoding with its header. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly raw: Uint8Array;
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Context-specific tag `[n]`, constructed. */
export const contextTag = (n: number): number => 0xa0 | n;

export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #code: RefusalCode;
  #at = 0;

  constructor(bytes: Uint8Array, code: RefusalCode) {
    this.#bytes = bytes;
    this.#code = code;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  fail(message: string): never {
    throw new Refusal(this.#code, `DER: ${message}`);
  }

  /** The tag of the next element, or −1 at the end. */
  peek(): number {
    return this.#bytes[this.#at] ?? -1;
  }

  /** The next element; with `tag`, it must have that tag. */
  next(tag?: number): DerElement {
    const bytes = this.#bytes;
    const start = this.#at;
    const found = bytes[start];
    if (found === undefined) this.fail('element missing');
    if ((found & 0x1f) === 0x1f) this.fail('tag of more than one byte');
    if (tag !== undefined && found !== tag) this.fail(`tag ${found} where ${tag} must be`);
    const [length, header] = this.#length(start + 1);
    const from = start + 1 + header;
    if (length > bytes.length - from) this.fail('length beyond the end');
    this.#at = from + length;
    return {
      tag: found,
      content: bytes.subarray(from, from + length),
      raw: bytes.subarray(start, from + length),
    };
  }

  /** X.690, sections 8.1.3 and 10.1. At most three length bytes: nothing here is larger. */
  #length(at: number): [length: number, header: number] {
    const first = this.#bytes[at];
    if (first === undefined) this.fail('length missing');
    if (first < 0x80) return [first, 1];
    const count = first & 0x7f;
    if (count === 0) this.fail('indefinite length');
    if (count > 3) this.fail('length of more than three bytes');
    let length = 0;
    for (let i = 1; i <= count; i++) {
      const byte = this.#bytes[at + i];
      if (byte === undefined) this.fail('length missing');
      length = length * 256 + byte;
    }
    if (length < 0x80 || length < 2 ** (8 * (count - 1))) this.fail('length not in shortest form');
    return [length, 1 + count];
  }

  /** The next element if it has `tag`. */
  optional(tag: number): DerElement | undefined {
    return this.peek() === tag ? this.next(tag) : undefined;
  }

  /** A reader over the content of the next element. */
  enter(tag: number): DerReader {
    return new DerReader(this.next(tag).content, this.#code);
  }

  /** A reader over `element`'s content. */
  into(element: DerElement): DerReader {
    return new DerReader(element.content, this.#code);
  }

  end(): void {
    if (!this.done) this.fail('bytes after the last element');
  }

  /** X.690, section 8.3: two's complement, shortest form. */
  integer(): Uint8Array {
    return this.checkInteger(this.next(TAG.integer).content);
  }

  checkInteger(content: Uint8Array): Uint8Array {
    const first = content[0];
    if (first === undefined) this.fail('empty integer');
    const second = content[1];
    if (second !== undefined && ((first === 0 && second < 128) || (first === 255 && second > 127)))
      this.fail('integer not in shortest form');
    return content;
  }

  /** A non-negative INTEGER that fits `maximum`. */
  smallInteger(maximum: number): number {
    const content = this.integer();
    if ((content[0] as number) > 127) this.fail('negative integer');
    if (content.length > 5) this.fail('integer too large');
    const value = content.reduce((sum, byte) => sum * 256 + byte, 0);
    if (value > maximum) this.fail(`integer above ${maximum}`);
    return value;
  }

  /** X.690, section 11.1. */
  boolean(): boolean {
    const { content } = this.next(TAG.boolean);
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff))
      this.fail('boolean neither 00 nor FF');
    return content[0] === 0xff;
  }

  /** A BIT STRING of whole bytes. */
  bitString(): Uint8Array {
    const { content } = this.next(TAG.bitString);
    if (content[0] !== 0) this.fail('bit string of broken bytes');
    return content.subarray(1);
  }

  /** A signature: a BIT STRING of whole bytes; a broken one matches no key, so it reads as empty. */
  signatureBits(): Uint8Array {
    const { content } = this.next(TAG.bitString);
    return content[0] === 0 ? content.subarray(1) : new Uint8Array(0);
  }

  /** A named-bit list (X.690, section 11.2.2) as a number, bit 0 = first named bit. */
  namedBits(): number {
    const { content } = this.next(TAG.bitString);
    const unused = content[0];
    if (unused === undefined || unused > 7 || content.length > 3) this.fail('bad named-bit list');
    if (content.length === 1) {
      if (unused !== 0) this.fail('bad named-bit list');
      return 0;
    }
    const last = content[content.length - 1] as number;
    if ((last & ((1 << unused) - 1)) !== 0) this.fail('unused bits are not zero');
    let bits = 0;
    for (let i = 0; i < 8 * (content.length - 1); i++)
      if (((content[1 + (i >> 3)] as number) >> (7 - (i & 7))) & 1) bits |= 1 << i;
    return bits;
  }

  /** An OBJECT IDENTIFIER in dotted form; arcs below 2^53 (X.690, section 8.19). */
  oid(): string {
    return this.oidText(this.next(TAG.oid).content);
  }

  oidText(content: Uint8Array): string {
    if (content.length === 0 || content.length > 64) this.fail('bad object identifier');
    const arcs: number[] = [];
    let arc = 0;
    let fresh = true;
    for (const byte of content) {
      if (fresh && byte === 0x80) this.fail('object identifier not in shortest form');
      arc = arc * 128 + (byte & 0x7f);
      if (arc > Number.MAX_SAFE_INTEGER) this.fail('arc too large');
      fresh = byte < 0x80;
      if (fresh) {
        arcs.push(arc);
        arc = 0;
      }
    }
    if (!fresh) this.fail('object identifier cut off');
    const first = arcs[0] as number;
    const root = Math.min(2, Math.floor(first / 40));
    return [root, first - 40 * root, ...arcs.slice(1)].join('.');
  }

  /**
   * UTCTime or GeneralizedTime as RFC 5280, section 4.1.2.5, restricts them: to the second, in
   * GMT, no fraction. In milliseconds since the epoch.
   */
  timeMs(): number {
    const element = this.next();
    const text = String.fromCharCode(...element.content.subarray(0, 20));
    const isUtc = element.tag === TAG.utcTime;
    if (!isUtc && element.tag !== TAG.generalizedTime) this.fail('not a time');
    const match = (
      isUtc
        ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
        : /^(\d\d\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
    ).exec(text);
    if (!match || element.content.length > 20) this.fail('time not as RFC 5280 has it');
    const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const fullYear = !isUtc ? year : year < 50 ? 2000 + year : 1900 + year;
    const ms = Date.UTC(fullYear, month - 1, day, hour, minute, second);
    const back = new Date(ms);
    if (back.getUTCMonth() !== month - 1 || back.getUTCDate() !== day || hour > 23 || second > 59)
      this.fail('no such time');
    if (minute > 59) this.fail('no such time');
    return ms;
  }
}
