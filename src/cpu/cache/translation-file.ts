/**
 * Translations as a file: what a run leaves for the next one. Words of 32 bits, little-endian, so
 * that a unit's tables are views of the file: nothing is parsed until a guest address is asked for.
 * Not trusted: the code verifier sees every unit again, and its source bytes are compared.
 */

import type { Unit } from '../translate/unit.ts';

const MAGIC = 0x43544c43; // "CLTC"
/** Changes with the format and with what the translator emits. */
const VERSION = 3;
const HEAD_WORDS = 6;
const UNIT_HEAD = 14;

export interface TranslationFileContents {
  readonly tlsDisplacement: number;
  /** What the units' addresses depend on: module → base. */
  readonly bases: Readonly<Record<string, number>>;
  readonly units: readonly Unit[];
}

const words = (bytes: number): number => Math.ceil(bytes / 4);

function unitWords(unit: Unit): number {
  return (
    UNIT_HEAD +
    words(unit.bytes.length) +
    unit.links.length +
    unit.relocs.length +
    unit.places.length +
    2 * unit.rips.length +
    unit.leaders.length +
    unit.returns.length +
    unit.fixups.length +
    unit.ranges.length +
    words(unit.source.length) +
    unit.pages.length
  );
}

export function encodeTranslations(contents: TranslationFileContents): Uint8Array {
  const { units } = contents;
  const bases = new TextEncoder().encode(JSON.stringify(contents.bases));
  const index = HEAD_WORDS + words(bases.length);
  const total = units.reduce((sum, unit) => sum + unitWords(unit), index + 2 * units.length);
  const file = new Uint32Array(total);
  const bytes = new Uint8Array(file.buffer);
  file.set([MAGIC, VERSION, contents.tlsDisplacement, units.length, bases.length, total]);
  bytes.set(bases, HEAD_WORDS * 4);
  let at = index + 2 * units.length;
  units.forEach((unit, n) => {
    file[index + 2 * n] = unit.rip;
    file[index + 2 * n + 1] = at;
    at = putUnit(file, bytes, at, unit);
  });
  return bytes;
}

function putUnit(file: Uint32Array, bytes: Uint8Array, start: number, unit: Unit): number {
  file.set(
    [
      ...[unit.entryAt, unit.landingAt, unit.bytes.length, unit.links.length, unit.relocs.length],
      ...[unit.rips.length, unit.leaders.length, unit.returns.length, unit.fixups.length],
      ...[unit.ranges.length, unit.source.length, unit.pages.length],
      ...[unit.places.length, unit.isMovable ? 1 : 0],
    ],
    start,
  );
  let at = start + UNIT_HEAD;
  const put = (table: ArrayLike<number>): void => {
    file.set(table, at);
    at += table.length;
  };
  for (const table of [unit.rips, unit.offsets, unit.leaders, unit.returns]) put(table);
  for (const table of [unit.fixups, unit.ranges, unit.pages]) put(table);
  for (const table of [unit.links, unit.relocs, unit.places]) put(table);
  for (const raw of [unit.bytes, unit.source]) {
    bytes.set(raw, at * 4);
    at += words(raw.length);
  }
  return at;
}

export class TranslationFile {
  readonly bases: Readonly<Record<string, number>>;
  private readonly file: Uint32Array;
  private readonly bytes: Uint8Array;
  /** Guest address → where its unit stands. */
  private readonly places = new Map<number, number>();

  private constructor(bytes: Uint8Array, file: Uint32Array, bases: Record<string, number>) {
    this.bytes = bytes;
    this.file = file;
    this.bases = bases;
    const index = HEAD_WORDS + words(file[4]!);
    for (let n = 0; n < file[3]!; n++)
      this.places.set(file[index + 2 * n]!, file[index + 2 * n + 1]!);
  }

  /** Undefined when it is none of this version and thread-local layout. */
  static open(bytes: Uint8Array, tlsDisplacement: number): TranslationFile | undefined {
    if (bytes.length < HEAD_WORDS * 4 || bytes.length % 4 !== 0) return undefined;
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    const file = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
    const [magic, version, displacement, count, baseBytes, total] = file;
    if (magic !== MAGIC || version !== VERSION || displacement !== tlsDisplacement >>> 0)
      return undefined;
    if (total !== file.length || HEAD_WORDS + words(baseBytes!) + 2 * count! > file.length)
      return undefined;
    try {
      const text = new TextDecoder().decode(
        aligned.subarray(HEAD_WORDS * 4, HEAD_WORDS * 4 + baseBytes!),
      );
      return new TranslationFile(aligned, file, JSON.parse(text));
    } catch {
      return undefined;
    }
  }

  get size(): number {
    return this.places.size;
  }

  addresses(): Iterable<number> {
    return this.places.keys();
  }

  /** The unit for a guest address, unverified; undefined: none, or it does not fit the file. */
  unit(rip: number): Unit | undefined {
    const place = this.places.get(rip);
    return place === undefined ? undefined : this.read(rip, place);
  }

  private read(rip: number, place: number): Unit | undefined {
    const { file } = this;
    const head = file.subarray(place, place + UNIT_HEAD);
    if (head.length < UNIT_HEAD) return undefined;
    const count = (n: number): number => head[n]!;
    const start = this.bytes.byteOffset;
    let at = place + UNIT_HEAD;
    const end = at + 2 * count(5) + count(6) + count(7) + count(8) + count(9) + count(11);
    const tail = count(3) + count(4) + count(12) + words(count(2)) + words(count(10));
    if (end + tail > file.length) return undefined;
    const take = (length: number): Uint32Array => {
      at += length;
      return file.subarray(at - length, at);
    };
    const rips = take(count(5));
    const offsets = take(count(5));
    const leaders = take(count(6));
    const returns = take(count(7));
    const fixups = new Int32Array(file.buffer, start + at * 4, count(8));
    at += count(8);
    const ranges = take(count(9));
    const pages = take(count(11));
    const links = take(count(3));
    const relocs = take(count(4));
    const places = take(count(12));
    const raw = (length: number): Uint8Array => {
      const piece = this.bytes.subarray(at * 4, at * 4 + length);
      at += words(length);
      return piece;
    };
    const code = raw(count(2));
    const source = raw(count(10));
    return {
      ...{ rip, entryAt: count(0), landingAt: count(1), bytes: code },
      ...{ rips, offsets, leaders, returns, fixups, ranges, source, pages },
      ...{ links, relocs, places, isMovable: count(13) === 1, instructionCount: count(5) },
    };
  }
}
