/**
 * The translations of one module (one version of an ELF file) as a file: an index by address and a
 * record a unit (docs/formats/translations.md). Nothing is read of a unit until an address of it is
 * asked for. Not trusted: the code verifier sees every unit again, and its source is compared.
 */

import type { Arena } from '../translate/arena.ts';
import type { Unit } from '../translate/unit.ts';
import { KeptUnit, UnitWriter } from './kept-unit.ts';
import { VarintWriter } from './varint.ts';

/** "CLTRANSL" */
const MAGIC = [0x5254_4c43, 0x4c53_4e41] as const;
export const FORMAT = 1;
/** Changes with what the translator emits and with `cpu/sandbox`. */
export const VERSION = 5;
const HEAD_WORDS = 7;
/** Of an entry: address, number of the record. Of a record: address of its unit, offset. */
const PAIR = 2;

/** Bytes that lie somewhere. */
export interface TranslationSource {
  readonly sizeBytes: number;
  /** Bytes that nobody changes afterwards; undefined: they cannot be read, or are not authentic. */
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

/** A unit as it stands in a file; addresses are relative to the module. */
interface Kept {
  readonly bytes: Uint8Array;
  /** Where it can be entered beside its own address. */
  readonly leaders: readonly number[];
}

/**
 * A file of `units`, and of those units of `older` that have other addresses. Undefined when there
 * are none to keep. The same units in any order give the same bytes.
 */
export function encodeTranslations(
  units: readonly BasedUnit[],
  tlsDisplacement: number,
  older?: TranslationFile,
): Uint8Array | undefined {
  const kept = new Map<number, Kept>(older?.records());
  const writer = new UnitWriter();
  const w = new VarintWriter(1 << 20);
  for (const { unit, base } of units) {
    const address = unit.rip - base;
    if (address < 0 || address > 0xffff_ffff) continue;
    const start = w.length;
    if (!writer.write(w, unit, base, tlsDisplacement)) continue;
    const leaders: number[] = [];
    for (let n = 0; n < unit.leaders.length; n += 2) leaders.push(unit.leaders[n]! - base);
    kept.set(address, { bytes: w.bytes.subarray(start, w.length), leaders });
  }
  return kept.size === 0 ? undefined : layOut(kept);
}

function layOut(kept: ReadonlyMap<number, Kept>): Uint8Array {
  const addresses = Float64Array.from(kept.keys()).sort();
  const records = Array.from(addresses, (address) => kept.get(address) as Kept);
  const numbers = new Map<number, number>();
  addresses.forEach((address, number) => {
    numbers.set(address, number);
  });
  records.forEach(({ leaders }, number) => {
    for (const leader of leaders) if (!numbers.has(leader)) numbers.set(leader, number);
  });
  const entries = Float64Array.from(numbers.keys()).sort();
  const headBytes = (HEAD_WORDS + PAIR * (entries.length + records.length)) * 4;
  const total = records.reduce((sum, { bytes }) => sum + bytes.length, headBytes);
  const file = new Uint8Array(total);
  const words = new Uint32Array(file.buffer, 0, headBytes / 4);
  words.set([...MAGIC, FORMAT, VERSION, entries.length, records.length, total]);
  let at = HEAD_WORDS;
  for (const entry of entries) {
    words[at++] = entry;
    words[at++] = numbers.get(entry) as number;
  }
  let offset = headBytes;
  records.forEach(({ bytes }, number) => {
    words[at++] = addresses[number]!;
    words[at++] = offset;
    file.set(bytes, offset);
    offset += bytes.length;
  });
  return file;
}

export class TranslationFile {
  private readonly source: TranslationSource;
  /** Pairs by ascending address; pairs by number. */
  private readonly entries: Uint32Array;
  private readonly places: Uint32Array;

  private constructor(source: TranslationSource, entries: Uint32Array, places: Uint32Array) {
    this.source = source;
    this.entries = entries;
    this.places = places;
  }

  /** The file, or why it is none that this version can use. */
  static open(source: TranslationSource): TranslationFile | string {
    const head = wordsOf(source, 0, HEAD_WORDS);
    if (!head) return 'it is too short';
    const [first, second, format, version, entries, records, total] = head;
    if (first !== MAGIC[0] || second !== MAGIC[1]) return 'it holds no translations';
    if (format !== FORMAT) return `it has format ${format}, this is ${FORMAT}`;
    if (version !== VERSION) return `it was made by translator ${version}, this is ${VERSION}`;
    if (total !== source.sizeBytes) return `it has ${source.sizeBytes} bytes instead of ${total}`;
    const index = wordsOf(source, HEAD_WORDS, PAIR * (entries! + records!));
    if (!index) return 'its index is cut short';
    const middle = PAIR * entries!;
    return new TranslationFile(source, index.subarray(0, middle), index.subarray(middle));
  }

  /** Number of units. */
  get size(): number {
    return this.places.length / PAIR;
  }

  /** Its units as they stand there, by their addresses in the module. */
  *records(): Iterable<readonly [number, Kept]> {
    const leaders = Array.from({ length: this.size }, (): number[] => []);
    for (let n = 0; n < this.entries.length; n += PAIR)
      leaders[this.entries[n + 1]!]?.push(this.entries[n]!);
    for (let number = 0; number < this.size; number++) {
      const bytes = this.record(number);
      if (bytes) yield [this.places[PAIR * number]!, { bytes, leaders: leaders[number]! }];
    }
  }

  /**
   * The unit that can be entered at `address` of a module at `base`; undefined: none, or it does not
   * decode.
   */
  unit(address: number, base: number, tlsDisplacement: number, arena: Arena): KeptUnit | undefined {
    const number = this.find(address);
    const record = number < 0 ? undefined : this.record(number);
    if (!record) return undefined;
    const rip = base + this.places[PAIR * number]!;
    return KeptUnit.read(record, rip, base, tlsDisplacement, arena);
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
    const start = this.places[PAIR * number + 1];
    const end = this.places[PAIR * number + 3] ?? this.source.sizeBytes;
    return start === undefined || end < start ? undefined : this.source.read(start, end - start);
  }
}

function wordsOf(source: TranslationSource, first: number, count: number): Uint32Array | undefined {
  if ((first + count) * 4 > source.sizeBytes) return undefined;
  const bytes = source.read(first * 4, count * 4);
  if (!bytes) return undefined;
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, count);
}
