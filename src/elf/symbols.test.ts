import assert from 'node:assert/strict';
import { test } from 'node:test';
import { elfFile } from '../tools/testing/small-program.ts';
import { CodeSymbols } from './symbols.ts';

const AT = 0x401000;
const fn = (name: string, start: number, end: number) => ({
  name,
  start: AT + start,
  end: AT + end,
});
const FILE = elfFile(new Uint8Array(64), [
  fn('__alias', 0, 16),
  fn('alias', 0, 16),
  fn('unsized', 24, 24),
  fn('late', 40, 50),
]);

test('rangeAt() gives the function that covers an address, and what lies between functions', () => {
  const symbols = new CodeSymbols(FILE);
  const at = (offset: number) => {
    const range = symbols.rangeAt(AT + offset);
    return range && [range.name, range.start - AT, range.end - AT];
  };
  assert.deepEqual(at(0), ['alias', 0, 16]);
  assert.deepEqual(at(15), ['alias', 0, 16]);
  assert.deepEqual(at(16), [undefined, 16, 24]);
  assert.deepEqual(at(39), ['unsized', 24, 40]);
  assert.deepEqual(at(49), ['late', 40, 50]);
  assert.deepEqual(at(50), [undefined, 50, 64]);
  assert.equal(at(64), undefined);
  assert.equal(at(-1), undefined);
});

test('every name is found, one is shown', () => {
  const symbols = new CodeSymbols(FILE);
  assert.equal(symbols.find('__alias')?.address, AT);
  assert.equal(symbols.find('alias')?.address, AT);
  assert.equal(symbols.find('other'), undefined);
  assert.deepEqual(
    symbols.symbols.map(({ name }) => name),
    ['alias', 'unsized', 'late'],
  );
});

test('a damaged symbol table names nothing, and breaks nothing', () => {
  for (let at = 0; at < FILE.length; at++) {
    if (at === 128) at = 0x1040;
    for (const value of [0, 0x7f, 0xff]) {
      const damaged = FILE.slice();
      damaged[at] = value;
      const symbols = new CodeSymbols(damaged);
      symbols.rangeAt(AT + 20);
    }
  }
});
