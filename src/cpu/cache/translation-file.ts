/**
 * The translations of one module (one version of an ELF file) as a file: an index by address and a
 * record a unit (docs/formats/translations.md). Nothing is read of a unit until its address is asked
 * for. Not trusted: the code verifier sees every unit again, and its source bytes are compared.
 */

import type { Arena } from '../translate/arena.ts';
import type { Unit } from '../translate/unit.ts';
import { KeptUnit, writeUnit } from './kept-unit.ts';
import { VarintWriter } from './varint.ts';

/** "CLTRANSL" */
const MAGIC = [0x5254_4c43, 0x4c53_4e41] as const;
export const FORMAT = 1;
/** Changes with what the translator emits and with `cpu/sandbox`. */
export const VERSION = 4;
const HEAD_WORDS = 6;
const ENTRY_WORDS = 3;

/** A unit and the base that its module had when it was made. */
export interface BasedUnit {
  readonly unit: Unit;
  readonly base: number;
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
  const byAddress = new Map<number, BasedUnit | Uint8Array>();
  for (const [address, record] of older?.records() ?? []) byAddress.set(address, record);
  for (const unit of units) byAddress.set(unit.unit.rip - unit.base, unit);
  const addresses = Float64Array.from(byAddress.keys()).sort();
  const w = new VarintWriter();
  const index: number[] = [];
  for (const address of addresses) {
    const start = w.length;
    const one = byAddress.get(address)!;
    if (address < 0 || address > 0xffff_ffff) continue;
    if (one instanceof Uint8Array) w.raw(one);
    else if (!writeUnit(w, one.unit, one.base, tlsDisplacement)) continue;
    index.push(address, start, w.length - start);
  }
  if (index.length === 0) return undefined;
  const headBytes = (HEAD_WORDS + index.length) * 4;
  const file = new Uint8Array(headBytes + w.length);
  const words = new Uint32Array(file.buffer, 0, headBytes / 4);
  words.set([...MAGIC, FORMAT, VERSION, index.length / ENTRY_WORDS, file.length]);
  for (let n = 0; n < index.length; n += ENTRY_WORDS) index[n + 1]! += headBytes;
  words.set(index, HEAD_WORDS);
  file.set(w.bytes.subarray(0, w.length), headBytes);
  return file;
}

export class TranslationFile {
  private readonly bytes: Uint8Array;
  /** Address relative to the module, offset and length of the record; ascending addresses. */
  private readonly index: Uint32Array;

  private constructor(bytes: Uint8Array, index: Uint32Array) {
    this.bytes = bytes;
    this.index = index;
  }

  /** The file, or why it is none that this version can use. */
  static open(given: Uint8Array): TranslationFile | string {
    if (given.length < HEAD_WORDS * 4) return 'it is too short';
    const bytes = given.byteOffset % 4 === 0 ? given : given.slice();
    const head = new Uint32Array(bytes.buffer, bytes.byteOffset, HEAD_WORDS);
    const [first, second, format, version, count, total] = head;
    if (first !== MAGIC[0] || second !== MAGIC[1]) return 'it holds no translations';
    if (format !== FORMAT) return `it has format ${format}, this is ${FORMAT}`;
    if (version !== VERSION) return `it was made by translator ${version}, this is ${VERSION}`;
    if (total !== bytes.length) return `it has ${bytes.length} bytes instead of ${total}`;
    const words = count! * ENTRY_WORDS;
    if ((HEAD_WORDS + words) * 4 > bytes.length) return 'its index is cut short';
    const index = new Uint32Array(bytes.buffer, bytes.byteOffset + HEAD_WORDS * 4, words);
    return new TranslationFile(bytes, index);
  }

  get size(): number {
    return this.index.length / ENTRY_WORDS;
  }

  /** Addresses of its units, relative to the module, and the bytes that hold them. */
  *records(): Iterable<readonly [number, Uint8Array]> {
    const { index, bytes } = this;
    for (let n = 0; n < index.length; n += ENTRY_WORDS) {
      const start = index[n + 1]!;
      yield [index[n]!, bytes.subarray(start, start + index[n + 2]!)];
    }
  }

  /** The unit at `address` of a module at `base`; undefined: none, or it does not decode. */
  unit(address: number, base: number, tlsDisplacement: number, arena: Arena): KeptUnit | undefined {
    const { index } = this;
    let low = 0;
    let high = index.length / ENTRY_WORDS - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = index[middle * ENTRY_WORDS]!;
      if (found < address) low = middle + 1;
      else if (found > address) high = middle - 1;
      else {
        const start = index[middle * ENTRY_WORDS + 1]!;
        const length = index[middle * ENTRY_WORDS + 2]!;
        if (start + length > this.bytes.length) return undefined;
        const record = this.bytes.subarray(start, start + length);
        return KeptUnit.read(record, base + address, base, tlsDisplacement, arena);
      }
    }
    return undefined;
  }
}
