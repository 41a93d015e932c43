/**
 * The instruction table: all rows, found by encoding or by mnemonic. Rows are parsed at first use
 * and kept; the object is immutable in what it answers. `isa` is the one instance.
 */

import { avxRows } from './avx.ts';
import { avx512Rows } from './avx512.ts';
import { bitRows } from './bit.ts';
import { controlRows } from './control.ts';
import { cryptoRows } from './crypto.ts';
import { integerRows } from './integer.ts';
import { mmxRows } from './mmx.ts';
import { parseRow } from './parse.ts';
import {
  LEGACY,
  PREFIX_ANY,
  PREFIX_F2,
  PREFIX_F3,
  type Row,
  type RowSource,
  type Space,
  VEX,
} from './row.ts';
import { sseRows } from './sse.ts';
import { stringRows } from './string.ts';
import { systemRows } from './system.ts';
import { x87Rows } from './x87.ts';

/** Families in order: it fixes the ids. */
const FAMILIES: readonly (readonly RowSource[])[] = [
  integerRows,
  controlRows,
  stringRows,
  bitRows,
  systemRows,
  x87Rows,
  mmxRows,
  sseRows,
  cryptoRows,
  avxRows,
  avx512Rows,
];

/** Index of an opcode: `space`, `map` 0–7, `opcode`. */
export function opcodeKey(space: Space, map: number, opcode: number): number {
  return (space << 11) | (map << 8) | opcode;
}

const MAP_TOKENS = { '0F': 1, '0F38': 2, '0F3A': 3, MAP5: 5, MAP6: 6 } as const;

/** The opcode key of an encoding string, found without parsing all of it. */
export function keyOf(encoding: string): number {
  const first = encoding.charCodeAt(0);
  const dot = encoding.indexOf('.');
  // VEX.… or EVEX.… (REX.W is the only other token with a dot, and starts with R).
  if (first === 86 || (first === 69 && dot === 4)) {
    const space = encoding.indexOf(' ');
    const token = encoding.slice(0, space).split('.')[3] as keyof typeof MAP_TOKENS;
    const opcode = Number.parseInt(encoding.slice(space + 1, space + 3), 16);
    return opcodeKey(first === 86 ? VEX : 2, MAP_TOKENS[token], opcode);
  }
  let at = 0;
  for (;;) {
    const end = encoding.indexOf(' ', at);
    const token = end < 0 ? encoding.slice(at) : encoding.slice(at, end);
    if (!LEGACY_PREFIXES.has(token)) break;
    at = end + 1;
  }
  let map = 0;
  if (encoding.startsWith('0F ', at)) {
    const next = encoding.slice(at + 3, at + 6);
    map = next === '38 ' ? 2 : next === '3A ' ? 3 : 1;
    at += map === 1 ? 3 : 6;
  }
  return opcodeKey(LEGACY, map, Number.parseInt(encoding.slice(at, at + 2), 16));
}

const LEGACY_PREFIXES = new Set(['NP', '66', 'F2', 'F3', 'o16', 'o32', 'd64', 'W0', 'REX.W']);

/** Rows that ask for more come first: F2/F3, then others with a prefix, then the indifferent. */
function rank(row: Row): number {
  const prefix =
    row.prefix === PREFIX_F3 || row.prefix === PREFIX_F2 ? 0 : row.prefix === PREFIX_ANY ? 2 : 1;
  return prefix * 4 + (row.rm >= 0 ? 0 : 2) + (row.opcodeReg ? 1 : 0);
}

const NO_ROWS: readonly Row[] = Object.freeze([]);

export class InstructionTable {
  readonly #sources: RowSource[] = [];
  readonly #rows: (Row | undefined)[] = [];
  readonly #byKey: (number[] | undefined)[] = [];
  readonly #sorted = new Map<number, readonly Row[]>();
  #byMnemonic: Map<string, number[]> | undefined;

  constructor(families: readonly (readonly RowSource[])[] = FAMILIES) {
    for (const family of families) for (const source of family) this.#add(source);
  }

  #add(source: RowSource): void {
    const id = this.#sources.length;
    this.#sources.push(source);
    this.#rows.push(undefined);
    const key = keyOf(source.encoding);
    const count = source.encoding.includes('+r') ? 8 : 1;
    for (let n = 0; n < count; n++) {
      const ids = this.#byKey[key + n];
      if (ids === undefined) this.#byKey[key + n] = [id];
      else ids.push(id);
    }
  }

  get size(): number {
    return this.#sources.length;
  }

  /** The row with this id, which must exist. */
  row(id: number): Row {
    let row = this.#rows[id];
    if (row === undefined) {
      row = parseRow(this.#sources[id]!, id);
      this.#rows[id] = row;
    }
    return row;
  }

  /** All rows of one opcode, in the order in which they are to be tried. */
  rowsAt(space: Space, map: number, opcode: number): readonly Row[] {
    const key = opcodeKey(space, map, opcode);
    let rows = this.#sorted.get(key);
    if (rows === undefined) {
      const ids = this.#byKey[key];
      if (ids === undefined) return NO_ROWS;
      rows = ids.map((id) => this.row(id)).sort((a, b) => rank(a) - rank(b) || a.id - b.id);
      this.#sorted.set(key, rows);
    }
    return rows;
  }

  /** All rows of a mnemonic, in table order. */
  rowsNamed(mnemonic: string): readonly Row[] {
    if (this.#byMnemonic === undefined) {
      this.#byMnemonic = new Map();
      for (const [id, source] of this.#sources.entries()) {
        const ids = this.#byMnemonic.get(source.mnemonic);
        if (ids === undefined) this.#byMnemonic.set(source.mnemonic, [id]);
        else ids.push(id);
      }
    }
    return (this.#byMnemonic.get(mnemonic) ?? []).map((id) => this.row(id));
  }

  /** Every row; parses all of them: for tests and reports. */
  all(): readonly Row[] {
    return this.#sources.map((_, id) => this.row(id));
  }
}

/** The one instruction table. */
export const isa: InstructionTable = new InstructionTable();
