/**
 * The instruction table: all rows, found by encoding or by mnemonic. It stands in memory as strings
 * (`compiled.table.ts`); rows are made an opcode at a time when first asked for, and kept. What it
 * answers never changes. `isa` is the one instance.
 */
import { assert } from '../../base/assert.ts';
import { EFFECTS, MNEMONICS, OPCODES, OPERANDS, ROW_COUNT, ROWS } from './compiled.table.ts';
import {
  type PackedEffects,
  type PackedOperand,
  type PackedRow,
  TableRow,
  unpackOperand,
} from './pack.ts';
import type { Row, RowOperand, Space } from './row.ts';

/** Index of an opcode: `space`, `map` 0–7, `opcode`. */
export function opcodeKey(space: Space, map: number, opcode: number): number {
  return (space << 11) | (map << 8) | opcode;
}

/** Characters of a record of OPCODES, and where its fields end. */
const RECORD = 12;

const NO_ROWS: readonly Row[] = Object.freeze([]);

export class InstructionTable {
  readonly #rows = new Array<TableRow | undefined>(ROW_COUNT).fill(undefined);
  readonly #groups = new Map<number, readonly Row[]>();
  readonly #named = new Map<string, readonly Row[]>();
  readonly #operandLines = OPERANDS.split('\n');
  readonly #operands: RowOperand[] = [];
  readonly #operandTexts: string[] = [];
  readonly #effectLines = EFFECTS.split('\n');
  readonly #effects: PackedEffects[] = [];

  get size(): number {
    return ROW_COUNT;
  }

  /** All rows of one opcode, in the order in which they are to be tried. */
  rowsAt(space: Space, map: number, opcode: number): readonly Row[] {
    const key = opcodeKey(space, map, opcode);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = this.#load(this.#find(key));
      this.#groups.set(key, group);
    }
    return group;
  }

  /** The row with this id. */
  row(id: number): Row {
    assert(id >= 0 && id < ROW_COUNT, `no row ${id}`);
    // First ids do not decrease from record to record: the last one that is not greater covers it.
    if (this.#rows[id] === undefined) this.#load(this.#last(id, 3, 6));
    return this.#rows[id]!;
  }

  /** All rows of a mnemonic. */
  rowsNamed(mnemonic: string): readonly Row[] {
    const known = this.#named.get(mnemonic);
    if (known !== undefined) return known;
    const at = MNEMONICS.indexOf(`\n${mnemonic} `);
    if (at < 0 || mnemonic === '') return NO_ROWS;
    const start = at + mnemonic.length + 2;
    const ids = MNEMONICS.slice(start, MNEMONICS.indexOf('\n', start)).split(',');
    const rows = ids.map((id) => this.row(Number(id)));
    this.#named.set(mnemonic, rows);
    return rows;
  }

  /** Every row; makes all of them: for tests and reports. */
  all(): readonly Row[] {
    for (let at = 0; at < OPCODES.length; at += RECORD) this.#load(at);
    return this.#rows as TableRow[];
  }

  /** Offset of the record of `key` in OPCODES, or -1. */
  #find(key: number): number {
    const at = this.#last(key, 0, 3);
    return at >= 0 && field(at, 0, 3) === key ? at : -1;
  }

  /** Offset of the last record whose field is not greater than `value`, or -1. */
  #last(value: number, from: number, to: number): number {
    let low = 0;
    let high = OPCODES.length / RECORD;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (field(middle * RECORD, from, to) <= value) low = middle + 1;
      else high = middle;
    }
    return (low - 1) * RECORD;
  }

  /** The rows of the record at `at`. */
  #load(at: number): readonly Row[] {
    if (at < 0) return NO_ROWS;
    const first = field(at, 3, 6);
    const count = field(at, 6, 8);
    const group: Row[] = [];
    let offset = field(at, 8, 12);
    for (let n = 0; n < count; n++) {
      let stop = ROWS.indexOf('\n', offset);
      if (stop < 0) stop = ROWS.length;
      let row = this.#rows[first + n];
      if (row === undefined) {
        row = this.#make(first + n, JSON.parse(ROWS.slice(offset, stop)) as PackedRow);
        this.#rows[first + n] = row;
      }
      group.push(row);
      offset = stop + 1;
    }
    return group;
  }

  #make(id: number, packed: PackedRow): TableRow {
    const operands = packed[2].map((index) => this.#operand(index));
    const texts = packed[2].map((index) => this.#operandTexts[index]!);
    let effects = this.#effects[packed[3]];
    if (effects === undefined) {
      effects = JSON.parse(this.#effectLines[packed[3]]!) as PackedEffects;
      this.#effects[packed[3]] = effects;
    }
    return new TableRow(id, packed, operands, texts, effects);
  }

  #operand(index: number): RowOperand {
    let operand = this.#operands[index];
    if (operand === undefined) {
      const packed = JSON.parse(this.#operandLines[index]!) as PackedOperand;
      operand = unpackOperand(packed);
      this.#operands[index] = operand;
      this.#operandTexts[index] = packed[0];
    }
    return operand;
  }
}

/** A number of a record of OPCODES, in base 36. */
function field(at: number, from: number, to: number): number {
  let value = 0;
  for (let n = at + from; n < at + to; n++) {
    const code = OPCODES.charCodeAt(n);
    value = value * 36 + (code < 58 ? code - 48 : code - 87);
  }
  return value;
}

/** The one instruction table. */
export const isa: InstructionTable = new InstructionTable();
