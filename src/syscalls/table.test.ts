import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { NR } from '../abi/syscall-numbers.table.ts';
import { coveragePage } from './coverage.ts';
import { ALL_ROWS, buildTable } from './table.ts';

test('the table has one row a call, with at most six arguments, at its number', () => {
  const table = buildTable();
  for (const row of ALL_ROWS) {
    assert.equal(table[NR[row.name]], row);
    assert.ok(row.args.length <= 6, row.name);
    assert.ok(row.handler.length <= row.args.length + 1, `${row.name} takes what its kinds give`);
    if (row.coverage === 'partial') assert.notEqual(row.note, '', `${row.name} says what it lacks`);
  }
});

test('docs/system-calls.md is what the table says (else: npm run system-calls)', () => {
  const page = readFileSync(new URL('../../docs/system-calls.md', import.meta.url), 'utf8');
  assert.equal(page, coveragePage());
});
