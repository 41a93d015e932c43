/**
 * CBOR (RFC 8949), the part that evidence uses: integers, byte and text strings, arrays, maps with
 * integer or text keys, tags, simple values. Duplicate keys, lengths beyond the input and
 * non-minimal integers are refused. Indefinite lengths are accepted only where asked: Nitro
 * documents of late 2025 use them for maps (measured).
 */
import { concatBytes, fromUtf8, Reader, utf8 } from './bytes.ts';
import { Refusal, type RefusalCode } from './errors.ts';

export type Cbor =
  | number
  | bigint
  | boolean
  | null
  | undefined
  | string
  | Uint8Array
  | readonly Cbor[]
  | CborMap
  | CborTag;
export type CborKey = number | string;
export type CborMap = ReadonlyMap<CborKey, Cbor>;

export class CborTag {
  readonly tag: number;
  readonly value: Cbor;
  constructor(tag: number, value: Cbor) {
    this.tag = tag;
    this.value = value;
  }
}

const MAXIMUM_DEPTH = 16;
const MAXIMUM_ITEMS = 4096;

export interface DecodeOptions {
  readonly allowIndefinite?: boolean;
  /** Integers and lengths in longer forms than needed: only for bytes that a signature covers. */
  readonly allowLongForms?: boolean;
}

/** For signed or hashed payloads of others: RFC 8949 allows both, and writers do both. */
export const FOREIGN: DecodeOptions = { allowIndefinite: true, allowLongForms: true };

const BREAK = Symbol('break');

class Decoder {
  readonly reader: Reader;
  readonly #allowIndefinite: boolean;
  readonly #allowLongForms: boolean;

  constructor(bytes: Uint8Array, code: RefusalCode, options: DecodeOptions) {
    this.reader = new Reader(bytes, code);
    this.#allowIndefinite = options.allowIndefinite ?? false;
    this.#allowLongForms = options.allowLongForms ?? false;
  }

  /** RFC 8949, section 3: major type and argument. */
  item(depth: number): Cbor | typeof BREAK {
    const { reader } = this;
    if (depth > MAXIMUM_DEPTH) reader.fail('CBOR nested too deeply');
    const initial = reader.u8();
    const major = initial >> 5;
    const info = initial & 31;
    if (initial === 0xff) return BREAK;
    if (info === 31) return this.#indefinite(major, depth);
    if (major === 7) return this.#simple(info);
    const argument = this.#argument(info);
    switch (major) {
      case 0:
        return argument;
      case 1:
        return typeof argument === 'bigint' ? -1n - argument : -1 - argument;
      case 2:
        return reader.take(this.#small(argument));
      case 3:
        return fromUtf8(reader.take(this.#small(argument)), reader.code);
      case 4:
        return this.#array(this.#count(argument), depth);
      case 5:
        return this.#map(this.#count(argument), depth);
      default:
        return new CborTag(this.#small(argument), this.value(depth + 1));
    }
  }

  value(depth: number): Cbor {
    const value = this.item(depth);
    if (value === BREAK) this.reader.fail('CBOR break out of place');
    return value as Cbor;
  }

  /** Section 4.2.1: the shortest form, so that one value has one encoding. */
  #argument(info: number): number | bigint {
    const { reader } = this;
    if (info < 24) return info;
    if (info > 27) reader.fail('CBOR additional information reserved');
    const bytes = reader.take(1 << (info - 24));
    let value = 0n;
    for (const byte of bytes) value = (value << 8n) | BigInt(byte);
    const least = info === 24 ? 24n : 1n << BigInt(4 * bytes.length);
    const isLong = value < least && !this.#allowLongForms;
    if (isLong) reader.fail('CBOR integer not in shortest form');
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }

  #small(argument: number | bigint): number {
    if (typeof argument === 'bigint') return this.reader.fail('CBOR length too large');
    return argument;
  }

  #count(argument: number | bigint): number {
    const count = this.#small(argument);
    if (count > MAXIMUM_ITEMS) this.reader.fail('CBOR: too many items');
    return count;
  }

  #array(count: number, depth: number): Cbor[] {
    const items: Cbor[] = [];
    for (let i = 0; i < count; i++) items.push(this.value(depth + 1));
    return items;
  }

  #map(count: number, depth: number): CborMap {
    const map = new Map<CborKey, Cbor>();
    for (let i = 0; i < count; i++) this.#pair(map, this.value(depth + 1), depth);
    return map;
  }

  #pair(map: Map<CborKey, Cbor>, key: Cbor, depth: number): void {
    if (typeof key !== 'string' && typeof key !== 'number')
      throw new Refusal(this.reader.code, 'CBOR map key is neither text nor integer');
    if (map.has(key)) this.reader.fail(`CBOR map key ${String(key).slice(0, 40)} twice`);
    map.set(key, this.value(depth + 1));
  }

  /** Section 3.2.2. Only maps and arrays: a string in chunks has no use in evidence. */
  #indefinite(major: number, depth: number): Cbor {
    if (!this.#allowIndefinite || (major !== 4 && major !== 5))
      return this.reader.fail('CBOR indefinite length not accepted here');
    const items: Cbor[] = [];
    const map = new Map<CborKey, Cbor>();
    for (let i = 0; i <= MAXIMUM_ITEMS; i++) {
      const next = this.item(depth + 1);
      if (next === BREAK) return major === 4 ? items : map;
      if (major === 4) items.push(next as Cbor);
      else this.#pair(map, next as Cbor, depth);
    }
    return this.reader.fail('CBOR: too many items');
  }

  #simple(info: number): Cbor {
    if (info === 20) return false;
    if (info === 21) return true;
    if (info === 22) return null;
    if (info === 23) return undefined;
    return this.reader.fail('CBOR simple or floating value not accepted');
  }
}

/** Decodes exactly one item; bytes after it are refused. */
export function decodeCbor(
  bytes: Uint8Array,
  code: RefusalCode = 'MALFORMED_CBOR',
  options: DecodeOptions = {},
): Cbor {
  const decoder = new Decoder(bytes, code, options);
  const value = decoder.value(0);
  if (decoder.reader.left > 0) throw new Refusal(code, 'bytes after the CBOR item');
  return value;
}

function head(major: number, argument: number): Uint8Array {
  const top = major << 5;
  if (argument < 24) return Uint8Array.of(top | argument);
  if (argument < 0x100) return Uint8Array.of(top | 24, argument);
  if (argument < 0x10000) return Uint8Array.of(top | 25, argument >> 8, argument & 255);
  if (argument < 2 ** 32) {
    const bytes = new Uint8Array(5);
    bytes[0] = top | 26;
    new DataView(bytes.buffer).setUint32(1, argument);
    return bytes;
  }
  const bytes = new Uint8Array(9);
  bytes[0] = top | 27;
  new DataView(bytes.buffer).setBigUint64(1, BigInt(argument));
  return bytes;
}

/** Deterministic encoding (RFC 8949, section 4.2.1); the caller gives map keys in their order. */
export function encodeCbor(value: Cbor): Uint8Array {
  if (value === null) return Uint8Array.of(0xf6);
  if (value === undefined) return Uint8Array.of(0xf7);
  if (typeof value === 'boolean') return Uint8Array.of(value ? 0xf5 : 0xf4);
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'bigint')
    throw new Refusal('MALFORMED_CBOR', 'integers above 2^53 are not encoded');
  if (typeof value === 'string') {
    const bytes = utf8(value);
    return concatBytes(head(3, bytes.length), bytes);
  }
  if (value instanceof Uint8Array) return concatBytes(head(2, value.length), value);
  if (value instanceof CborTag) return concatBytes(head(6, value.tag), encodeCbor(value.value));
  if (value instanceof Map) {
    const pairs = [...value].flatMap(([key, item]) => [encodeCbor(key), encodeCbor(item)]);
    return concatBytes(head(5, value.size), ...pairs);
  }
  const items = value as readonly Cbor[];
  return concatBytes(head(4, items.length), ...items.map(encodeCbor));
}
