import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compileTable, sortedRows } from './compile.ts';
import { FAMILIES } from './families.ts';
import { parseRow } from './parse.ts';
import type { Row } from './row.ts';
import { isa } from './table.ts';

test('compiled.table.ts is what the families compile to', () => {
  const text = readFileSync(new URL('./compiled.table.ts', import.meta.url), 'utf8');
  assert.ok(text === compileTable(FAMILIES), 'run `npm run isa`');
});

test('every compiled row is the row as written', () => {
  const entries = sortedRows(FAMILIES);
  const rows = isa.all();
  assert.equal(rows.length, entries.length);
  for (const [id, { source }] of entries.entries()) {
    const written = parseRow(source, id);
    for (const name of Object.keys(written) as (keyof Row)[])
      assert.deepEqual(rows[id]![name], written[name], `${name} of ${written.text}`);
    assert.equal(isa.row(id), rows[id]);
  }
});

test('rowsAt() and rowsNamed() find every row, and nothing where nothing is', () => {
  for (const row of isa.all()) {
    assert.ok(isa.rowsAt(row.space, row.map, row.opcode).includes(row), row.text);
    if (row.opcodeReg) assert.ok(isa.rowsAt(row.space, row.map, row.opcode + 7).includes(row));
    assert.ok(isa.rowsNamed(row.mnemonic).includes(row), row.text);
  }
  assert.deepEqual(isa.rowsAt(0, 0, 0x06), []);
  assert.deepEqual(isa.rowsNamed('nonsense'), []);
  assert.deepEqual(isa.rowsNamed(''), []);
});
