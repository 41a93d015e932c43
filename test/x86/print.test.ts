/** Random instances of every row, printed by us and by objdump: checks rows, encoder, printer. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SeededRandom } from '../../src/base/random.ts';
import { encodeInto } from '../../src/x86/encode.ts';
import { isa } from '../../src/x86/isa/table.ts';
import { print } from '../../src/x86/print.ts';
import { randomInstruction } from '../../src/x86/random.ts';
import { hasObjdump } from './objdump.ts';

const INSTANCES = 4;

/** Rows that objdump 2.40 shows as something else: MPX and other uses of the hint space, ins, outs. */
const SKIPPED = new Set(['nop', 'insb', 'insd', 'outsb', 'outsd']);

/** Rows that it does not know, or names otherwise. */
const NEWER =
  /^(serialize|fstpnce|f(com|comp|xch|stp)\d|mov[cd]r|sysret|l[gi]dt|invlpg|lmsw|lldt|ltr)$/;

/** Takes away what the two spell differently on purpose. */
function normalize(text: string): string {
  return (
    text
      .replace(/\s+#.*$/, '')
      .replace(/\s+/g, ' ')
      .replace(/^(\{e?vex\} |(fs|gs|addr32|data16|rex(\.\w+)?) )+/, '')
      .replace(/^(rep|repz|repnz) ((fs|gs|addr32) )*/, '$1 ')
      .replace(/^movabs /, 'mov ')
      .replace(/^(call|jmp) FWORD PTR /, '$1f ')
      .replace(/^(lock )?sal /, '$1shl ')
      .replace(/^(push|fldenv|fnstenv|frstor|fnsave)w /, '$1 ')
      .replace(/^(fcomp?) st,/, '$1 ')
      .replace(/(\ws:)?\[eiz\*1\+(0x[0-9a-f]+)\]/, (_, s: string, n: string) => `${s ?? 'ds:'}${n}`)
      .replace(/^(v?lddqu \w+),\wMMWORD PTR /, '$1,')
      .replace(/(cmpxchg16b) XMMWORD PTR /, '$1 OWORD PTR ')
      .replace(/ BCST (.*)\{1to\d+\}/, ' BCST $1')
      // objdump gives the source of the 16-bit form 32 bits, the manual 16.
      .replace(/^(movsxd (?:r\d+w|\w\w)),(DWORD PTR|WORD PTR) /, '$1,')
      .replace(
        /^(movsxd (?:r\d+w|\w\w)),(?:e(\w\w)|(r\d+)d)$/,
        (_, m, a, b) => `${m},${a ?? `${b}w`}`,
      )
      .trim()
  );
}

function disassemble(code: Uint8Array): Map<number, string> {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-print-'));
  try {
    const file = join(folder, 'code');
    writeFileSync(file, code);
    const options = ['-D', '-b', 'binary', '-m', 'i386:x86-64', '-M', 'intel', '-w'];
    const text = execFileSync('objdump', [...options, '--insn-width=16', file], {
      maxBuffer: 1 << 30,
      encoding: 'utf8',
    });
    const lines = new Map<number, string>();
    for (const line of text.split('\n')) {
      const match = /^\s*([0-9a-f]+):\t[0-9a-f ]+\t(.*)$/.exec(line);
      if (match) lines.set(Number.parseInt(match[1]!, 16), match[2]!);
    }
    return lines;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('print() agrees with objdump on random instances of every row', {
  skip: hasObjdump() ? false : 'objdump (binutils) is not installed',
}, () => {
  const random = new SeededRandom(3);
  const code = new Uint8Array(isa.size * INSTANCES * 32).fill(0x90);
  const expected: [number, string, string][] = [];
  let at = 0;
  for (const row of isa.all()) {
    if (SKIPPED.has(row.mnemonic) || NEWER.test(row.mnemonic)) continue;
    for (let n = 0; n < INSTANCES; n++) {
      const instruction = randomInstruction(random, row, { memory: n % 2 === 0, overrides: n > 1 });
      const end = encodeInto(code, at, instruction);
      expected.push([at, print(instruction, at), row.text]);
      at = end + 16;
    }
  }
  const lines = disassemble(code.subarray(0, at));
  const wrong = expected.filter(
    ([offset, text]) => normalize(lines.get(offset) ?? 'nothing') !== normalize(text),
  );
  const shown = wrong
    .slice(0, 40)
    .map(([offset, text, row]) => `${row}\n  we: ${text}\n  objdump: ${lines.get(offset)}`);
  assert.equal(wrong.length, 0, `${wrong.length} differ:\n${shown.join('\n')}`);
  assert.ok(expected.length > 3000 * INSTANCES);
});
