/**
 * A unit as it is kept in a file: at no base and no thread-local layout in particular, addresses
 * relative to its own (docs/formats/translations.md). Reading one decodes what placing it needs;
 * what only faults and ticks ask for is decoded when they do. The bytes may be anything: what comes
 * out is as little trusted as what the translator makes.
 */

import type { Arena } from '../translate/arena.ts';
import { FIXUP_INTS } from '../translate/fixup.ts';
import { LINK_INTS, RELOC_INTS, type Unit } from '../translate/unit.ts';
import { moveBytes } from './move-unit.ts';
import { VarintReader, VarintWriter } from './varint.ts';

/** No unit of the translator has more of anything. */
const MOST = 1 << 20;
const LOWEST = -(2 ** 31);

/** Writes units; owns the room that it works in. */
export class UnitWriter {
  private readonly details = new VarintWriter();
  private numbers = new Uint32Array(1 << 12);

  /** Writes `unit`, made at `base` of its module; false if it cannot be moved, or has no source. */
  write(w: VarintWriter, unit: Unit, base: number, tlsDisplacement: number): boolean {
    if (!unit.isMovable || unit.ranges.length === 0) return false;
    const bytes = unit.bytes.slice();
    if (!moveBytes(bytes, unit.places, -base, -tlsDisplacement, LOWEST)) return false;
    const { ranges, links, relocs, places, leaders, returns, rip } = unit;
    const tables = [ranges, links, relocs, places, leaders, returns];
    const total = tables.reduce((sum, table) => sum + table.length, 0);
    this.putDetails(unit);
    w.reserve(64);
    for (const value of [unit.entryAt, unit.landingAt, bytes.length, unit.instructionCount])
      w.unsigned(value);
    w.unsigned(this.details.length);
    for (const table of tables) w.unsigned(table.length);
    const numbers = this.room(total);
    let at = 0;
    for (const [table, columns] of [
      [ranges, RANGE],
      [leaders, PAIR],
      [returns, PAIR],
      [links, LINK],
      [relocs, RELOC],
      [places, PLACE],
    ] as const) {
      distances(table, columns, rip, numbers, at);
      at += table.length;
    }
    w.numbers(numbers, total);
    w.raw(unit.source);
    w.raw(bytes);
    w.raw(this.details.bytes.subarray(0, this.details.length));
    return true;
  }

  /** Where the instructions lie, and the fixups. */
  private putDetails(unit: Unit): void {
    const { details } = this;
    const { rips, offsets, fixups } = unit;
    const numbers = this.room(2 * rips.length + 1 + fixups.length);
    let at = 0;
    let rip = unit.rip;
    let offset = 0;
    for (let n = 0; n < rips.length; n++) {
      numbers[at++] = zigzag(rips[n]! - rip);
      numbers[at++] = zigzag(offsets[n]! - offset);
      rip = rips[n]!;
      offset = offsets[n]!;
    }
    numbers[at++] = fixups.length / FIXUP_INTS;
    rip = unit.rip;
    offset = 0;
    for (let n = 0; n < fixups.length; n += FIXUP_INTS) {
      const to = fixups[n + 1]!;
      numbers[at++] = zigzag(fixups[n]! - offset);
      // 0 where the address stands in a register or slot.
      numbers[at++] = to === 0 ? 0 : zigzag(to - rip) + 1;
      numbers[at++] = fixups[n + 2]!;
      numbers[at++] = zigzag(fixups[n + 3]!);
      offset = fixups[n]!;
      if (to !== 0) rip = to;
    }
    details.length = 0;
    details.numbers(numbers, at);
  }

  private room(count: number): Uint32Array {
    if (count > this.numbers.length) this.numbers = new Uint32Array(count * 2);
    return this.numbers;
  }
}

function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

interface Details {
  readonly rips: Uint32Array;
  readonly offsets: Uint32Array;
  readonly fixups: Int32Array;
}

export class KeptUnit implements Unit {
  readonly selfChecking = false;
  readonly hasLiveImmediates = false;
  readonly rip: number;
  entryAt = 0;
  landingAt = 0;
  instructionCount = 0;
  readonly isMovable = true;
  bytes: Uint8Array = NOTHING;
  links: Uint32Array = NO_WORDS;
  relocs: Uint32Array = NO_WORDS;
  leaders: Uint32Array = NO_WORDS;
  returns: Uint32Array = NO_WORDS;
  ranges: Uint32Array = NO_WORDS;
  source: Uint8Array = NOTHING;
  pages: Uint32Array = NO_WORDS;
  private readonly record: Uint8Array;
  private detailsAt = 0;
  private details: Details | undefined;

  private constructor(rip: number, record: Uint8Array) {
    this.rip = rip;
    this.record = record;
  }

  get places(): Uint32Array {
    return NO_WORDS;
  }

  get rips(): Uint32Array {
    return this.detailed().rips;
  }

  get offsets(): Uint32Array {
    return this.detailed().offsets;
  }

  get fixups(): Int32Array {
    return this.detailed().fixups;
  }

  /** The unit of `record` at `rip`, whose module has the base `base`; undefined if it is none. */
  static read(
    record: Uint8Array,
    rip: number,
    base: number,
    tlsDisplacement: number,
    arena: Arena,
  ): KeptUnit | undefined {
    const unit = new KeptUnit(rip, record);
    return unit.decode(base, tlsDisplacement, arena) ? unit : undefined;
  }

  private decode(base: number, tlsDisplacement: number, arena: Arena): boolean {
    const { rip } = this;
    const r = new VarintReader(this.record, 0, this.record.length);
    this.entryAt = r.unsigned();
    this.landingAt = r.unsigned();
    const byteCount = r.unsigned();
    this.instructionCount = r.unsigned();
    const detailBytes = r.unsigned();
    const counts = this.counts(r);
    if (!counts || r.failed || this.instructionCount > MOST) return false;
    const [ranges, links, relocs, places, leaders, returns] = counts as [
      ...[number, number, number, number, number, number],
    ];
    const total = ranges + links + relocs + places + leaders + returns;
    const raw = arena.emptyWords(total);
    r.numbers(raw, total);
    let at = 0;
    const take = (count: number): Uint32Array => {
      at += count;
      return raw.subarray(at - count, at);
    };
    this.ranges = summed(take(ranges), RANGE, rip);
    this.leaders = summed(take(leaders), PAIR, rip);
    this.returns = summed(take(returns), PAIR, rip);
    this.links = summed(take(links), LINK, rip);
    this.relocs = summed(take(relocs), RELOC, rip);
    const moving = summed(take(places), PLACE, rip);
    this.source = r.raw(totalOf(this.ranges));
    const code = r.raw(byteCount);
    if (r.failed || this.record.length - r.at !== detailBytes || !ascend(this.ranges)) return false;
    this.detailsAt = r.at;
    this.bytes = arena.bytes(code, 0, code.length);
    this.pages = pagesOf(this.ranges, arena);
    return moveBytes(this.bytes, moving, base, tlsDisplacement);
  }

  private counts(r: VarintReader): number[] | undefined {
    const counts: number[] = [];
    for (const step of [2, LINK_INTS, RELOC_INTS, 1, 2, 2]) {
      const count = r.unsigned();
      // Every integer takes a byte at least: no table is larger than the record.
      if (count % step !== 0 || count > this.record.length) return undefined;
      counts.push(count);
    }
    return counts;
  }

  private detailed(): Details {
    this.details ??= readDetails(this.record, this.detailsAt, this.rip, this.instructionCount);
    return this.details;
  }
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

/** Makes numbers of the distances in `table`, in place. */
function summed(table: Uint32Array, columns: readonly number[], rip: number): Uint32Array {
  const width = columns.length;
  for (let column = 0; column < width; column++) {
    const kind = columns[column]!;
    if (kind === PLAIN) continue;
    let sum = kind === FROM_ZERO ? 0 : rip;
    for (let n = column; n < table.length; n += width) {
      const coded = table[n]!;
      const distance = (coded >>> 1) ^ -(coded & 1);
      if (kind === FROM_LEFT) sum = table[n - 1]!;
      sum = (sum + distance) >>> 0;
      table[n] = sum;
      if (kind === FROM_END) sum += table[n + 1]!;
    }
  }
  return table;
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
  const pages: number[] = [];
  for (let n = 0; n < ranges.length; n += 2) {
    const last = Math.floor((ranges[n]! + Math.max(ranges[n + 1]!, 1) - 1) / 4096);
    for (let page = ranges[n]! >>> 12; page <= last; page++)
      if (pages.at(-1) !== page) pages.push(page);
  }
  return arena.words(pages, pages.length);
}

/** What does not decode gives tables that end early: nothing is found in them. */
function readDetails(record: Uint8Array, at: number, start: number, count: number): Details {
  const r = new VarintReader(record, at, record.length);
  const rips = new Uint32Array(count);
  const offsets = new Uint32Array(count);
  let rip = start;
  let offset = 0;
  for (let n = 0; n < count; n++) {
    rip += r.signed();
    offset += r.signed();
    rips[n] = rip;
    offsets[n] = offset;
  }
  const fixupCount = Math.min(r.unsigned(), record.length);
  const fixups = new Int32Array(fixupCount * FIXUP_INTS);
  rip = start;
  offset = 0;
  for (let n = 0; n < fixups.length; n += FIXUP_INTS) {
    offset += r.signed();
    const change = r.unsigned();
    if (change !== 0) rip += ((change - 1) >>> 1) ^ -((change - 1) & 1);
    fixups[n] = offset;
    fixups[n + 1] = change === 0 ? 0 : rip;
    fixups[n + 2] = r.unsigned();
    fixups[n + 3] = r.signed();
  }
  return { rips, offsets, fixups };
}
