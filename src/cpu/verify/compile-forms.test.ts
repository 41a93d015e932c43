import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isa } from '../../x86/isa/table.ts';
import { compileForms } from './compile-forms.ts';

test('forms.table.ts is what the rows compile to', () => {
  const text = readFileSync(new URL('./forms.table.ts', import.meta.url), 'utf8');
  assert.ok(text === compileForms(isa), 'run `npm run isa`');
});
