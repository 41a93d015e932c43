/**
 * Compiles the families of rows into `compiled.table.ts`: sorted by opcode, with shared parts in
 * pools. Start-up then costs one string constant; `npm run isa` writes the file, a test compares.
 */
import { type PackedOperand, packOperand, packRow } from './pack.ts';
import { parseRow } from './parse.ts';
import { PREFIX_ANY, PREFIX_F2, PREFIX_F3, type Row, type RowSource } from './row.ts';
import { opcodeKey } from './table.ts';

interface Entry {
  readonly source: RowSource;
  readonly row: Row;
  readonly key: number;
}

/** Rows that ask for more come first: F2/F3, then others with a prefix, then the indifferent. */
function rank(row: Row): number {
  const prefix =
    row.prefix === PREFIX_F3 || row.prefix === PREFIX_F2 ? 0 : row.prefix === PREFIX_ANY ? 2 : 1;
  const modrm = row.rm >= 0 ? 0 : row.reg >= 0 ? 1 : 2;
  return prefix * 16 + modrm * 4 + (row.opcodeReg ? 1 : 0);
}

/** All rows in the order of their ids: by opcode, in an opcode as they are to be tried. */
export function sortedRows(families: readonly (readonly RowSource[])[]): readonly Entry[] {
  const entries = families.flat().map((source, order) => {
    const row = parseRow(source, 0);
    return { source, row, order, key: opcodeKey(row.space, row.map, row.opcode) };
  });
  return entries.sort((a, b) => a.key - b.key || rank(a.row) - rank(b.row) || a.order - b.order);
}

/** Index of equal values in a pool, by their JSON. */
class Pool {
  readonly items: string[] = [];
  readonly #index = new Map<string, number>();

  add(value: unknown): number {
    const text = JSON.stringify(value);
    let index = this.#index.get(text);
    if (index === undefined) {
      index = this.items.length;
      this.items.push(text);
      this.#index.set(text, index);
    }
    return index;
  }
}

const base36 = (value: number, width: number): string => value.toString(36).padStart(width, '0');

/** One record an opcode: key (3), first id (3), count (2), offset into the rows (4). */
function record(key: number, first: number, count: number, offset: number): string {
  return base36(key, 3) + base36(first, 3) + base36(count, 2) + base36(offset, 4);
}

/** The text of `compiled.table.ts`. */
export function compileTable(families: readonly (readonly RowSource[])[]): string {
  const entries = sortedRows(families);
  const operands = new Pool();
  const effects = new Pool();
  const lines: string[] = [];
  const records: [number, string][] = [];
  const mnemonics = new Map<string, number[]>();
  const offsets: number[] = [];
  let offset = 0;
  for (const [id, { source, row }] of entries.entries()) {
    const texts = source.operands === '' ? [] : source.operands.split(', ');
    const indices = row.operands.map((operand, n) =>
      operands.add(packOperand(texts[n]!, operand) satisfies PackedOperand),
    );
    const effect = effects.add({
      flags: row.flags,
      implicit: [
        ...[row.implicitRead, row.implicitWrite],
        ...[row.implicitVectorRead, row.implicitVectorWrite],
      ],
      memory: row.implicitMemory,
      features: row.features,
    });
    const packed = packRow(row, source.encoding, indices, effect, source.options.manual);
    const line = JSON.stringify(packed);
    lines.push(line);
    offsets.push(offset);
    offset += line.length + 1;
    const ids = mnemonics.get(row.mnemonic);
    if (ids === undefined) mnemonics.set(row.mnemonic, [id]);
    else ids.push(id);
  }
  const starts = entries.flatMap(({ key }, id) =>
    id === 0 || entries[id - 1]!.key !== key ? [id] : [],
  );
  for (const [n, start] of starts.entries()) {
    const stop = starts[n + 1] ?? entries.length;
    const { key } = entries[start]!;
    records.push([key, record(key, start, stop - start, offsets[start]!)]);
    // Of rows with a register in the opcode (they come last) seven more opcodes are the same.
    const first = entries.findIndex((entry, id) => id >= start && entry.row.opcodeReg);
    if (first < 0 || first >= stop) continue;
    for (let m = 1; m < 8; m++)
      records.push([key + m, record(key + m, first, stop - first, offsets[first]!)]);
  }
  records.sort((a, b) => a[0] - b[0]);
  const names = [...mnemonics].map(([name, ids]) => `${name} ${ids.join(',')}`).sort();
  return [
    '/** The compiled instruction table: written by `npm run isa` from the families, not by hand. */',
    '',
    `export const ROW_COUNT = ${entries.length};`,
    template('OPCODES', [records.map(([, text]) => text).join('')]),
    template('ROWS', lines),
    template('OPERANDS', operands.items),
    template('EFFECTS', effects.items),
    template('MNEMONICS', ['', ...names, '']),
    '',
  ].join('\n');
}

function template(name: string, lines: readonly string[]): string {
  return `export const ${name} = \`${lines.join('\n')}\`;`;
}
