/** Boundaries of real programs: our decoder beside `objdump -d`. The whole system: see scripts. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { type CompareOptions, compareWithObjdump, hasObjdump } from './objdump.ts';

const LIBRARIES = '/usr/lib/x86_64-linux-gnu';

interface Case {
  readonly file: string;
  readonly options?: CompareOptions;
  /** Tables lie between the code: much there is no code at all. */
  readonly hasData?: boolean;
}

const CASES: readonly Case[] = [
  { file: '/usr/bin/bash' },
  { file: `${LIBRARIES}/libc.so.6` },
  { file: `${LIBRARIES}/libm.so.6` },
  { file: `${LIBRARIES}/libstdc++.so.6` },
  { file: `${LIBRARIES}/libcrypto.so.3`, options: { every: 4 }, hasData: true },
  { file: '/usr/bin/python3', options: { every: 4 } },
  { file: '/usr/lib/gcc/x86_64-linux-gnu/12/cc1', options: { range: [0xa00000, 0xb00000] } },
];

/** Not in the table, on purpose: transactions, protection keys, AMD's FMA4. */
const NOT_IN_TABLE = /^(x(test|begin|abort|end)|(rd|wr)pkru|vfn?m(add|sub)[sp][sd])$/;

for (const { file, options, hasData } of CASES)
  test(`decodeInto() finds objdump's boundaries in ${file}`, {
    skip: !hasObjdump()
      ? 'objdump (binutils) is not installed'
      : !existsSync(file) && 'file is not installed',
  }, async () => {
    const result = await compareWithObjdump(file, options);
    assert.deepEqual(result.different, []);
    const unexpected = [...result.unknown].filter(([name]) => !NOT_IN_TABLE.test(name));
    if (hasData !== true) assert.deepEqual(unexpected, []);
    assert.ok(result.equal > 0.99 * result.instructions);
    assert.ok(result.instructions > 10_000, `${result.instructions} instructions`);
  });
