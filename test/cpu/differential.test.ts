/**
 * Random instruction sequences on this machine's processor and translated, from equal states: the same
 * program runs them natively and under Cloister, and prints registers, flags, vectors, memory and
 * signals. `CLOISTER_CASES` and `CLOISTER_SEED` choose how many and which; `CLOISTER_LONG` so many rounds,
 * each with the next seed.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SeededRandom } from '../../src/base/random.ts';
import { encodeInto } from '../../src/x86/encode.ts';
import type { Instruction } from '../../src/x86/instruction.ts';
import type { Row } from '../../src/x86/isa/row.ts';
import { isa } from '../../src/x86/isa/table.ts';
import { print } from '../../src/x86/print.ts';
import { randomInstruction } from '../../src/x86/random.ts';
import { CLOISTER, NO_GUESTS } from '../guests/harness.ts';

const CASES = Number(process.env['CLOISTER_CASES'] ?? 50000);
const SEED = Number(process.env['CLOISTER_SEED'] ?? 1);
const ROUNDS = Number(process.env['CLOISTER_LONG'] ?? 1);

/**
 * Answers that differ from run to run, host addresses in x87 environments, flags of the tracer; and
 * bit strings, gathers and scatters, whose wild addresses count modulo 2^32, `enter` with levels and 16-bit
 * frames, which raise SIGILL (deviations).
 */
const LEFT_OUT =
  /^(bt[src]?$|enter|leavew|vp?gather|vp?scatter|rdtsc|rdrand|rdseed|rdpid|fx(save|rstor)|fn?stenv|fldenv|fn?save|frstor|popf|pushf|serialize|fninit)/;
/** R12 points into the data, RSP at its stack. */
const REGISTERS = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15];
/** jmp [0x30000000] */
const RETURN = [0xff, 0x24, 0x25, 0, 0, 0, 0x30];

function candidates(): Row[] {
  const rows: Row[] = [];
  for (let id = 0; id < isa.size; id++) {
    const row = isa.row(id);
    const fits = row.class === 'plain' || row.class === 'stack' || row.class === 'string';
    if (fits && !row.moffs && !LEFT_OUT.test(row.mnemonic)) rows.push(row);
  }
  return rows;
}

function dataAddress(random: SeededRandom, into: Instruction): void {
  into.base = random.below(8) === 0 ? random.pick([4, 6, 7]) : 12;
  into.index = -1;
  into.scale = 0;
  into.displacement = random.below(4) === 0 ? random.below(0x2000) - 0x1000 : random.below(64) * 16;
}

interface Sequences {
  readonly file: Uint8Array;
  readonly texts: readonly string[];
}

function generate(random: SeededRandom): Sequences {
  const rows = candidates();
  const texts: string[] = [];
  const code: number[] = [];
  const offsets: number[] = [];
  const scratch = new Uint8Array(32);
  for (let n = 0; n < CASES; n++) {
    offsets.push(code.length);
    const text: string[] = [];
    for (let left = 1 + random.below(6); left > 0; left--) {
      const row = random.pick(rows);
      const ins = randomInstruction(random, row, { registers: REGISTERS, address: dataAddress });
      const length = encodeInto(scratch, 0, ins);
      code.push(...scratch.subarray(0, length));
      text.push(print(ins));
    }
    code.push(...RETURN);
    texts.push(text.join('; '));
  }
  const codeAt = Math.ceil((8 + 4 * CASES) / 4096) * 4096;
  const file = new Uint8Array(codeAt + Math.ceil(code.length / 4096) * 4096);
  file.set(new Uint8Array(Uint32Array.of(CASES, codeAt, ...offsets).buffer));
  file.set(code, codeAt);
  return { file, texts };
}

test('random sequences leave what the processor leaves', { skip: NO_GUESTS }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-differential-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const program = join(folder, 'differential');
  const source = new URL('differential.c', import.meta.url).pathname;
  const vectors = readFileSync('/proc/cpuinfo', 'utf8').includes(' avx512bw') ? ['-DAVX512'] : [];
  const built = spawnSync('gcc', ['-O1', '-static', ...vectors, '-o', program, source]);
  if (built.error) return t.skip('no gcc');
  assert.equal(built.status, 0, String(built.stderr));
  for (let seed = SEED; seed < SEED + ROUNDS; seed++) {
    const { file, texts } = generate(new SeededRandom(seed));
    writeFileSync(join(folder, 'cases'), file);
    const expected = outputOf(program, ['cases'], folder);
    assert.equal(expected.length, CASES + 1);
    const wrong = differences(expected, folder);
    const shown = wrong.slice(0, 12).map(([n, line]) => {
      return `${texts[n]}\n  native ${expected[n]}\n  inside ${line}`;
    });
    assert.equal(wrong.length, 0, `seed ${seed}: ${wrong.length} differ\n${shown.join('\n')}`);
  }
});

function outputOf(program: string, args: readonly string[], cwd: string): string[] {
  const options = { cwd, maxBuffer: 1 << 30, encoding: 'utf8', timeout: 600_000 } as const;
  const run = spawnSync(program, args, options);
  assert.equal(run.status, 0, run.stderr);
  return run.stdout.split('\n');
}

/** Number of a case, and what it left inside where that is not what the processor left. */
function differences(expected: readonly string[], folder: string): (readonly [number, string])[] {
  const inside = (...options: string[]): (readonly [number, string])[] => {
    const command = ['--', './differential', 'cases'];
    const args = ['run', ...options, '-v', `${folder}:/w`, '-w', '/w', ...command];
    const actual = outputOf(CLOISTER, args, folder);
    return expected.flatMap((line, n) =>
      line === actual[n] ? [] : [[n, actual[n] ?? ''] as const],
    );
  };
  const wrong = inside();
  const wild = wrong.filter(([n]) => WILD.test(expected[n]!)).slice(0, MOST_WILD);
  const others = wrong.filter((one) => !wild.includes(one));
  // A stray pointer may hit what lies elsewhere natively, such as the stack: not so in another layout.
  if (!others.some(([n]) => STRAY.test(expected[n]!))) return others;
  const again = new Set(inside('--no-aslr').map(([n]) => n));
  return others.filter(([n]) => !STRAY.test(expected[n]!) || again.has(n));
}

/** Number, SIGSEGV, SEGV_MAPERR, an address below 4 GiB. */
const STRAY = /^\d+ 11 1 [0-9a-f]{1,8} /;
/**
 * An address above, or none as of those that are not canonical. Of such a pointer the low half counts,
 * so it goes unnoticed where that lies in something (a deviation): a few do in each round.
 */
const WILD = /^\d+ 11 (128 0|1 [0-9a-f]{9,16}) /;
const MOST_WILD = Math.ceil(CASES / 10_000);
