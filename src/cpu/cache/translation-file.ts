/**
 * The translations of one module (one version of an ELF file) as a file: an index by address and a
 * record a unit (docs/formats/translations.md). Nothing is read of a unit until an address of it is
 * asked for. Not trusted: the code verifier sees every unit again, and its source is compared.
 */

import type { Arena } from '../translate/arena.ts';
import type { Unit } from '../translate/unit.ts';
import { isKept, KeptUnit, UnitWriter } from './kept-unit.ts';
import { VarintWriter } from './varint.ts';

/** "CLTRANSL" */
const MAGIC = [0x5254_4c43, 0x4c53_4e41] as const;
export const FORMAT = 3;
/** Changes with what the translator emits and with `cpu/sandbox`. */
export const VERSION = 8;
const HEAD_WORDS = 7;
/** Of an entry: address, number of the record. */
const PAIR = 2;
/** Of a record: address of its unit, offset, length. */
const PLACE = 3;

/** Bytes that lie somewhere. */
export interface TranslationSource {
  readonly sizeBytes: number;
  /** Bytes that stay until the next read; undefined: they cannot be read, or are not authentic. */
  read(offset: number, length: number): Uint8Array | undefined;
}

export function sourceOfBytes(bytes: Uint8Array): TranslationSource {
  return {
    sizeBytes: bytes.length,
    read: (offset, length) =>
      offset + length <= bytes.length ? bytes.subarray(offset, offset + length) : undefined,
  };
}

/** A unit and the base that its module had when it was made. */
export interface BasedUnit {
  readonly unit: Unit;
  readonly base: number;
}

/** Bits of the number of a record: a file has fewer. */
const NUMBER_BITS = 20;
const MOST_RECORDS = 1 << NUMBER_BITS;
const KEY = 2 * MOST_RECORDS;

/**
 * A file of `units`, and of those units of `older` files that have other addresses; of one address
 * that of the first of them. Undefined when there are none to keep. The same units in any order give
 * the same bytes, save that `used`, addresses of units in a module, says which records stand first:
 * a run that needs the same units again reads one piece of the file.
 */
export function encodeTranslations(
  units: readonly BasedUnit[],
  tlsDisplacement: number,
  older: readonly TranslationFile[] = [],
  used: Iterable<number> = [],
): Uint8Array | undefined {
  const byAddress = new Map<number, BasedUnit>();
  for (const each of units) {
    const address = each.unit.rip - each.base;
    if (address >= 0 && address <= 0xffff_ffff && isKept(each.unit)) byAddress.set(address, each);
  }
  // Of those that no file can hold some are made in every run: that is no reason to write one.
  while (byAddress.size > 0) {
    const unfit = new FileWriter(byAddress, tlsDisplacement, older, used).write();
    if (typeof unfit !== 'number') return unfit;
    byAddress.delete(unfit);
  }
  return undefined;
}

class FileWriter {
  private readonly fresh: ReadonlyMap<number, BasedUnit>;
  private readonly tlsDisplacement: number;
  /** What is not fresh, by address: the file that has it. */
  private readonly olderAt = new Map<number, TranslationFile>();
  private readonly older: readonly TranslationFile[];
  private readonly used: Iterable<number>;
  /** Ascending. */
  private readonly addresses: Float64Array;
  private readonly numbers = new Map<number, number>();

  constructor(
    fresh: ReadonlyMap<number, BasedUnit>,
    tlsDisplacement: number,
    older: readonly TranslationFile[],
    used: Iterable<number>,
  ) {
    this.fresh = fresh;
    this.tlsDisplacement = tlsDisplacement;
    this.older = older;
    this.used = used;
    for (const file of older)
      for (const address of file.addresses())
        if (!fresh.has(address) && !this.olderAt.has(address)) this.olderAt.set(address, file);
    this.addresses = Float64Array.from([...fresh.keys(), ...this.olderAt.keys()]).sort();
    this.addresses.forEach((address, number) => {
      this.numbers.set(address, number);
    });
  }

  /** The file, or the address of a unit that cannot be moved after all. */
  write(): Uint8Array | number | undefined {
    const { addresses, fresh } = this;
    if (addresses.length === 0 || addresses.length >= MOST_RECORDS) return undefined;
    const entries = this.entries();
    const headBytes = (HEAD_WORDS + entries.length + PLACE * addresses.length) * 4;
    const w = new VarintWriter(headBytes + this.likelyBytes());
    w.length = headBytes;
    const places = new Uint32Array(PLACE * addresses.length);
    const units = new UnitWriter();
    for (const address of this.order()) {
      const start = w.length;
      const made = fresh.get(address);
      if (!made) w.raw(this.olderAt.get(address)?.recordAt(address) ?? NOTHING);
      else if (!units.write(w, made.unit, made.base, this.tlsDisplacement)) return address;
      places.set([address, start, w.length - start], PLACE * this.numbers.get(address)!);
    }
    const words = new Uint32Array(w.bytes.buffer, 0, headBytes / 4);
    const counts = [entries.length / PAIR, addresses.length, w.length];
    words.set([...MAGIC, FORMAT, VERSION, ...counts]);
    words.set(entries, HEAD_WORDS);
    words.set(places, HEAD_WORDS + entries.length);
    return w.bytes.subarray(0, w.length);
  }

  /** Addresses in the order of their records: what was used, what is new, the older files' order. */
  private order(): Set<number> {
    const order = new Set<number>();
    for (const address of this.used) if (this.numbers.has(address)) order.add(address);
    for (const address of Float64Array.from(this.fresh.keys()).sort()) order.add(address);
    for (const file of this.older)
      for (const address of file.addressesInOrder())
        if (this.olderAt.get(address) === file) order.add(address);
    return order;
  }

  private likelyBytes(): number {
    let bytes = 0;
    for (const { sizeBytes } of this.older) bytes += sizeBytes;
    for (const { unit } of this.fresh.values()) {
      const { links, relocs, places, leaders, returns } = unit;
      const numbers = links.length + relocs.length + places.length + leaders.length;
      bytes += 32 + unit.bytes.length + unit.source.length + 2 * (numbers + returns.length);
    }
    return bytes;
  }

  /**
   * Pairs by ascending address. Sorted as one number each: address, then a unit's own before those
   * of others' blocks, then the number.
   */
  private entries(): Uint32Array {
    const { addresses, numbers, fresh, older, olderAt } = this;
    let most = addresses.length;
    for (const { entryCount } of older) most += entryCount;
    for (const { unit } of fresh.values()) most += unit.leaders.length / 2;
    const keys = new Float64Array(most);
    let count = 0;
    for (let n = 0; n < addresses.length; n++) keys[count++] = addresses[n]! * KEY + n;
    for (const file of older)
      for (const [entry, address] of file.pairs())
        if (olderAt.get(address) === file)
          keys[count++] = entry * KEY + MOST_RECORDS + (numbers.get(address) as number);
    for (const [address, { unit, base }] of fresh) {
      const number = MOST_RECORDS + (numbers.get(address) as number);
      const { leaders } = unit;
      for (let n = 0; n < leaders.length; n += 2)
        keys[count++] = (leaders[n]! - base) * KEY + number;
    }
    const sorted = keys.subarray(0, count).sort();
    const entries = new Uint32Array(PAIR * count);
    let at = 0;
    let last = -1;
    for (let n = 0; n < count; n++) {
      const key = sorted[n]!;
      const entry = Math.floor(key / KEY);
      if (entry === last) continue;
      last = entry;
      entries[at++] = entry;
      entries[at++] = (key - entry * KEY) % MOST_RECORDS;
    }
    return entries.subarray(0, at);
  }
}

const NOTHING = new Uint8Array(0);

/** Records by their offsets in the file. */
interface RecordOrder {
  readonly numbers: Uint32Array;
  /** By number. */
  readonly positions: Uint32Array;
}

export class TranslationFile {
  private readonly source: TranslationSource;
  /** Pairs by ascending address; triples by number. */
  private readonly entries: Uint32Array;
  private readonly places: Uint32Array;
  private knownOrder: RecordOrder | undefined;

  private constructor(source: TranslationSource, entries: Uint32Array, places: Uint32Array) {
    this.source = source;
    this.entries = entries;
    this.places = places;
  }

  /**
   * The file, or why it is none that this version can use; undefined: it cannot be read, which the
   * source has told.
   */
  static open(source: TranslationSource): TranslationFile | string | undefined {
    if (HEAD_WORDS * 4 > source.sizeBytes) return 'it is too short';
    const head = wordsOf(source, 0, HEAD_WORDS);
    if (!head) return undefined;
    const [first, second, format, version, entries, records, total] = head;
    if (first !== MAGIC[0] || second !== MAGIC[1]) return 'it holds no translations';
    if (format !== FORMAT) return `it has format ${format}, this is ${FORMAT}`;
    if (version !== VERSION) return `it was made by translator ${version}, this is ${VERSION}`;
    if (total !== source.sizeBytes) return `it has ${source.sizeBytes} bytes instead of ${total}`;
    if (records! >= MOST_RECORDS) return 'its index is too long';
    const indexWords = PAIR * entries! + PLACE * records!;
    if ((HEAD_WORDS + indexWords) * 4 > source.sizeBytes) return 'its index is cut short';
    const index = wordsOf(source, HEAD_WORDS, indexWords);
    if (!index) return undefined;
    const middle = PAIR * entries!;
    return new TranslationFile(source, index.subarray(0, middle), index.subarray(middle));
  }

  /** Number of units. */
  get size(): number {
    return this.places.length / PLACE;
  }

  get sizeBytes(): number {
    return this.source.sizeBytes;
  }

  get entryCount(): number {
    return this.entries.length / PAIR;
  }

  /** Of its units, ascending. */
  *addresses(): Iterable<number> {
    for (let n = 0; n < this.places.length; n += PLACE) yield this.places[n]!;
  }

  /** The same in the order of their records. */
  addressesInOrder(): Float64Array {
    return Float64Array.from(this.order().numbers, (number) => this.places[number * PLACE]!);
  }

  /** Addresses that can be entered, each with that of the unit. */
  *pairs(): Iterable<readonly [number, number]> {
    for (let n = 0; n < this.entries.length; n += PAIR) {
      const address = this.places[PLACE * this.entries[n + 1]!];
      if (address !== undefined) yield [this.entries[n]!, address];
    }
  }

  /** The record of the unit at exactly that address, as it stands there. */
  recordAt(address: number): Uint8Array | undefined {
    const number = this.find(address);
    return number >= 0 && this.places[PLACE * number] === address ? this.record(number) : undefined;
  }

  /**
   * The unit that can be entered at `address` of a module at `base`; undefined: none, or it does not
   * decode.
   */
  unit(address: number, base: number, tlsDisplacement: number, arena: Arena): KeptUnit | undefined {
    const number = this.find(address);
    const record = number < 0 ? undefined : this.record(number);
    if (!record) return undefined;
    const rip = base + this.places[PLACE * number]!;
    return KeptUnit.read(record, rip, base, tlsDisplacement, arena);
  }

  /** Where the record of the unit that can be entered at `address` stands in their order; -1: nowhere. */
  positionOf(address: number): number {
    const number = this.find(address);
    return number < 0 ? -1 : (this.order().positions[number] ?? -1);
  }

  /** The address of the unit whose record stands there. */
  addressAt(position: number): number | undefined {
    const number = this.order().numbers[position];
    return number === undefined ? undefined : this.places[PLACE * number];
  }

  private order(): RecordOrder {
    if (this.knownOrder !== undefined) return this.knownOrder;
    const { places, size } = this;
    // Sorted as one number each: offset, then the number.
    const keys = new Float64Array(size);
    for (let n = 0; n < size; n++) keys[n] = places[n * PLACE + 1]! * KEY + n;
    const numbers = Uint32Array.from(keys.sort(), (key) => key % KEY);
    const positions = new Uint32Array(size);
    for (let at = 0; at < size; at++) positions[numbers[at]!] = at;
    this.knownOrder = { numbers, positions };
    return this.knownOrder;
  }

  private find(address: number): number {
    const { entries } = this;
    let low = 0;
    let high = entries.length / PAIR - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = entries[middle * PAIR]!;
      if (found === address) return entries[middle * PAIR + 1]!;
      if (found < address) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  private record(number: number): Uint8Array | undefined {
    const start = this.places[PLACE * number + 1];
    const length = this.places[PLACE * number + 2];
    return start === undefined ? undefined : this.source.read(start, length!);
  }
}

function wordsOf(source: TranslationSource, first: number, count: number): Uint32Array | undefined {
  const bytes = source.read(first * 4, count * 4);
  if (!bytes) return undefined;
  return new Uint32Array(Uint8Array.from(bytes).buffer, 0, count);
}
