/**
 * A unit as it is kept in a file: at no base and no thread-local layout in particular, addresses
 * relative to its own (docs/formats/translations.md). Reading one decodes what placing it needs;
 * what only faults and ticks ask for is not kept (`Unit.details`). The bytes may be anything: what
 * comes out is as little trusted as what the translator makes.
 */

import type { Arena } from '../translate/arena.ts';
import type { Unit } from '../translate/unit.ts';
import { type TableSizes, UnitTables } from '../translate/unit-tables.ts';
import { moveBytes } from './move-unit.ts';
import { VarintReader, type VarintWriter } from './varint.ts';

/** No unit of the translator has more of anything. */
const MOST = 1 << 20;
const LOWEST = -(2 ** 31);

/** Writes units; owns the room that it works in. */
export class UnitWriter {
  private numbers = new Uint32Array(1 << 12);

  /** Writes `unit`, made at `base` of its module; false if it cannot be moved, or has no source. */
  write(w: VarintWriter, unit: Unit, base: number, tlsDisplacement: number): boolean {
    if (!isKept(unit)) return false;
    const { places, rip, bytes, source } = unit;
    const start = w.length;
    w.reserve(64);
    w.unsigned(unit.entryAt);
    w.unsigned(unit.landingAt);
    w.unsigned(bytes.length);
    w.unsigned(unit.instructionCount);
    for (const [name] of SIZES) w.unsigned(unit[name].length);
    for (const [name, columns] of COLUMNS) this.put(w, unit[name], columns, rip);
    w.raw(source);
    w.raw(bytes);
    const written = w.bytes.subarray(w.length - bytes.length, w.length);
    if (moveBytes(written, places, -base, -tlsDisplacement, LOWEST)) return true;
    w.length = start;
    return false;
  }

  private put(w: VarintWriter, table: Uint32Array, columns: readonly number[], rip: number): void {
    const { length } = table;
    if (length > this.numbers.length) this.numbers = new Uint32Array(length * 2);
    distances(table, columns, rip, this.numbers, 0);
    w.numbers(this.numbers, length);
  }
}

/** May `unit` stand in a file? It can be moved, has a source, and can be described from that. */
export function isKept(unit: Unit): boolean {
  return unit.isMovable && unit.ranges.length > 0 && unit.details === undefined;
}

function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

export class KeptUnit extends UnitTables implements Unit {
  readonly selfChecking = false;
  readonly hasLiveImmediates = false;
  readonly rip: number;
  entryAt = 0;
  landingAt = 0;
  instructionCount = 0;
  readonly isMovable = true;
  bytes: Uint8Array = NOTHING;
  source: Uint8Array = NOTHING;
  pages: Uint32Array = NO_WORDS;
  readonly details = undefined;

  private constructor(rip: number) {
    super();
    this.rip = rip;
  }

  /** The unit of `record` at `rip`, whose module has the base `base`; undefined if it is none. */
  static read(
    record: Uint8Array,
    rip: number,
    base: number,
    tlsDisplacement: number,
    arena: Arena,
  ): KeptUnit | undefined {
    const unit = new KeptUnit(rip);
    return unit.decode(record, base, tlsDisplacement, arena) ? unit : undefined;
  }

  private decode(record: Uint8Array, base: number, tlsDisplacement: number, arena: Arena): boolean {
    const { rip } = this;
    const r = new VarintReader(record, 0, record.length);
    r.numbers(head, HEAD_NUMBERS);
    if (r.failed || !fitsRecord(record.length)) return false;
    this.entryAt = head[0]!;
    this.landingAt = head[1]!;
    this.instructionCount = head[3]!;
    const sizes: TableSizes = {
      ...{ ranges: head[4]!, links: head[5]!, relocs: head[6]! },
      ...{ places: head[7]!, leaders: head[8]!, returns: head[9]! },
    };
    const { ranges, leaders, returns, links, relocs, places } = sizes;
    const byteCount = head[2]!;
    const total = ranges + leaders + returns + links + relocs + places;
    const words = arena.emptyWords(total);
    r.numbers(words, total);
    let at = summed(words, 0, ranges, RANGE, rip);
    at = summed(words, at, leaders, PAIR, rip);
    at = summed(words, at, returns, PAIR, rip);
    at = summed(words, at, links, LINK, rip);
    at = summed(words, at, relocs, RELOC, rip);
    summed(words, at, places, PLACE, rip);
    this.setTables(words, sizes);
    const source = r.raw(totalOf(this.ranges));
    const code = r.raw(byteCount);
    if (r.failed || record.length !== r.at || !ascend(this.ranges)) return false;
    this.source = arena.bytes(source, 0, source.length);
    this.bytes = arena.bytes(code, 0, code.length);
    this.pages = pagesOf(this.ranges, arena);
    return moveBytes(this.bytes, this.places, base, tlsDisplacement);
  }
}

/** Entry, landing, bytes, instructions, sizes of the tables in the order of SIZES. */
const HEAD_NUMBERS = 10;
const head = new Uint32Array(HEAD_NUMBERS);

/** Can a record of that many bytes hold what its head says? */
function fitsRecord(recordBytes: number): boolean {
  if (head[3]! > MOST) return false;
  for (let n = 0; n < SIZES.length; n++) {
    const size = head[4 + n]!;
    // Every integer takes a byte at least: no table is larger than the record.
    if (size % SIZES[n]![1].length !== 0 || size > recordBytes) return false;
  }
  return true;
}

const NOTHING = new Uint8Array(0);
const NO_WORDS = new Uint32Array(0);

/** How a column of a table is written. */
const PLAIN = 0;
/** A signed distance from the row before; in the first row from 0, or from the unit's address. */
const FROM_ZERO = 1;
const FROM_RIP = 2;
/** A signed distance from the column before; from the end of the range before. */
const FROM_LEFT = 3;
const FROM_END = 4;
const RANGE = [FROM_END, PLAIN] as const;
const PAIR = [FROM_RIP, FROM_ZERO] as const;
const LINK = [FROM_RIP, FROM_ZERO, FROM_LEFT] as const;
const RELOC = [FROM_ZERO, PLAIN] as const;
const PLACE = [FROM_ZERO] as const;
/** The tables in the order of a record; sizes stand there in another. */
const COLUMNS = [
  ['ranges', RANGE],
  ['leaders', PAIR],
  ['returns', PAIR],
  ['links', LINK],
  ['relocs', RELOC],
  ['places', PLACE],
] as const;
const SIZES = [
  ['ranges', RANGE],
  ['links', LINK],
  ['relocs', RELOC],
  ['places', PLACE],
  ['leaders', PAIR],
  ['returns', PAIR],
] as const;

/** What {@link summed} makes numbers of, into `target` from `at` on. */
function distances(
  table: Uint32Array,
  columns: readonly number[],
  rip: number,
  target: Uint32Array,
  at: number,
): void {
  const width = columns.length;
  for (let column = 0; column < width; column++) {
    const kind = columns[column]!;
    let before = kind === FROM_ZERO ? 0 : rip;
    for (let n = column; n < table.length; n += width) {
      const value = table[n]!;
      if (kind === FROM_LEFT) before = table[n - 1]!;
      target[at + n] = kind === PLAIN ? value : zigzag(value - before);
      before = kind === FROM_END ? value + table[n + 1]! : value;
    }
  }
}

/** Makes numbers of the `count` distances in `table` from `start` on, in place; answers their end. */
function summed(
  table: Uint32Array,
  start: number,
  count: number,
  columns: readonly number[],
  rip: number,
): number {
  const width = columns.length;
  const end = start + count;
  for (let column = 0; column < width; column++) {
    const kind = columns[column]!;
    if (kind === PLAIN) continue;
    let sum = kind === FROM_ZERO ? 0 : rip;
    for (let n = start + column; n < end; n += width) {
      const coded = table[n]!;
      const distance = (coded >>> 1) ^ -(coded & 1);
      if (kind === FROM_LEFT) sum = table[n - 1]!;
      sum = (sum + distance) >>> 0;
      table[n] = sum;
      if (kind === FROM_END) sum += table[n + 1]!;
    }
  }
  return end;
}

/** Ranges one behind the other, all below 4 GiB. */
function ascend(ranges: Uint32Array): boolean {
  let end = 0;
  for (let n = 0; n < ranges.length; n += 2) {
    if (ranges[n]! < end || ranges[n + 1] === 0) return false;
    end = ranges[n]! + ranges[n + 1]!;
  }
  return end <= 2 ** 32;
}

function totalOf(ranges: Uint32Array): number {
  let total = 0;
  for (let n = 1; n < ranges.length; n += 2) total += ranges[n]!;
  return total;
}

function pagesOf(ranges: Uint32Array, arena: Arena): Uint32Array {
  let count = 0;
  let done = -1;
  for (let n = 0; n < ranges.length; n += 2) {
    const last = lastPage(ranges, n);
    for (let page = ranges[n]! >>> 12; page <= last; page++)
      if (page !== done) {
        pageRoom[count++] = page;
        done = page;
      }
  }
  return arena.words(pageRoom, count);
}

/** Grows to what the largest unit needs. */
const pageRoom: number[] = [];

function lastPage(ranges: Uint32Array, n: number): number {
  return Math.floor((ranges[n]! + Math.max(ranges[n + 1]!, 1) - 1) / 4096);
}
