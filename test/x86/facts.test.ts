/**
 * What the table says of each row against this processor: registers and flags read and written,
 * size and place of its memory operand, length, features.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SeededRandom } from '../../src/base/random.ts';
import { DECODE_OK, decodeInto } from '../../src/x86/decode.ts';
import { encodeInto } from '../../src/x86/encode.ts';
import {
  BASE_RIP,
  Instruction,
  NONE,
  PREFIX_FS,
  PREFIX_REP,
  PREFIX_REPNE,
} from '../../src/x86/instruction.ts';
import { LEGACY, READ, type Row, WRITE } from '../../src/x86/isa/row.ts';
import { isa } from '../../src/x86/isa/table.ts';
import { print } from '../../src/x86/print.ts';
import { randomInstruction } from '../../src/x86/random.ts';
import { onPath } from '../support/packages.ts';
import { DATA, DATA_END, type ProbeCase, type ProbeResult, runProbe } from './probe/run.ts';

const SIGFPE = 8;
const SIGSEGV = 11;
const folder = mkdtempSync(join(tmpdir(), 'cloister-facts-'));
const probe = join(folder, 'probe');
const cpu = readFileSync('/proc/cpuinfo', 'utf8');
const features = new Set(/^flags\s*:(.*)$/m.exec(cpu)?.[1]?.trim().split(' '));
const skip =
  process.arch !== 'x64' || onPath('gcc') === undefined
    ? 'needs x86-64 and gcc'
    : features.has('avx512f')
      ? false
      : 'probe.c needs AVX-512';

before(() => {
  const source = new URL('./probe/probe.c', import.meta.url).pathname;
  if (skip === false) execFileSync('gcc', ['-O1', '-no-pie', '-o', probe, source]);
});
after(() => rmSync(folder, { recursive: true }));

interface Trial {
  readonly row: Row;
  readonly instruction: Instruction;
  readonly probe: ProbeCase;
  /** Effective address of the explicit operand. */
  readonly address: number;
}

/** Both masks of the pair that holds the mask of `bit`. */
const pairOf = (bit: number): number => bit | (bit & 0x55 ? bit << 1 : bit >> 1);

const isRun = (row: Row): boolean =>
  ['plain', 'string', 'stack'].includes(row.class) &&
  row.features.every((feature) => features.has(feature)) &&
  // Absolute 64-bit addresses, random addresses by design, and what changes with every run.
  !row.moffs &&
  !/^(popfw?|rdtscp?|rdrand|rdseed|enterw?|leavew|xlat|fldenv|frstor|ldmxcsr|vldmxcsr)$/.test(
    row.mnemonic,
  );

/** The general registers that the memory operand is made of get values for `address`. */
function place(gp: bigint[], i: Instruction, address: number): void {
  const displacement = BigInt(i.displacement);
  let rest = BigInt(address) - displacement;
  if (i.index !== NONE && i.row.operands[i.row.memoryOperand]!.vsibBits === 0) {
    gp[i.index] = 8n;
    rest -= 8n << BigInt(i.scale);
  }
  if (i.base !== NONE) gp[i.base] = rest;
}

function simpleAddress(random: SeededRandom, i: Instruction): void {
  i.base = random.below(16);
  i.displacement = random.below(2) === 0 ? 0 : random.below(256) - 128;
  if (i.row.operands[i.row.memoryOperand]!.vsibBits !== 0) return;
  i.index = NONE;
  if (random.below(3) === 0) {
    i.index = (i.base + 1 + random.below(15)) & 15;
    if (i.index === 4) i.index = NONE;
  }
  i.scale = i.index === NONE ? 0 : random.below(4);
}

/** Registers with fixed uses get values with which the instruction does not fault. */
function prepare(gp: bigint[], i: Instruction): void {
  const { row } = i;
  const middle = BigInt(DATA + 0x1000);
  if (row.class === 'string') {
    gp[6] = middle - 0x200n;
    gp[7] = middle + 0x200n;
    gp[1] = 5n;
  }
  if (row.class === 'stack') gp[4] = middle;
  if (row.mnemonic === 'leave') gp[5] = middle;
  if (row.implicitMemory.some((m) => m.address === 'rdi')) gp[7] = middle;
  if (/^i?div$/.test(row.mnemonic)) {
    gp[2] = 0n;
    gp[0] = 100n;
  }
}

/** A trial of `row`; the operand ends `beyond` bytes behind the last mapped one. */
function makeTrial(random: SeededRandom, row: Row, beyond: number): Trial | undefined {
  const i = randomInstruction(random, row, {
    address: simpleAddress,
    ...(beyond > 0 ? { memory: true } : {}),
  });
  const vsib = row.memoryOperand >= 0 && row.operands[row.memoryOperand]!.vsibBits !== 0;
  if (vsib) simpleAddress(random, i);
  if (beyond > 0) {
    i.opmask = 0;
    i.zeroing = false;
    i.prefixes = 0;
  }
  const gp = Array.from({ length: 16 }, () => BigInt(random.uint32()) << BigInt(random.below(32)));
  const size = i.evexB && i.hasMemory ? row.operands[row.memoryOperand]!.broadcastBits >> 3 : 0;
  const bytes = size || row.memoryBytes;
  const address = vsib ? DATA + 0x800 : DATA_END - bytes + beyond;
  prepare(gp, i);
  if (row.bitString && i.hasMemory) gp[i.reg] = BigInt(random.below(row.operands[0]!.bits));
  if (i.hasMemory) place(gp, i, address);
  // A register with two uses would spoil one of them.
  if (i.hasMemory && clashes(i)) return undefined;
  const out = new Uint8Array(32);
  const end = encodeInto(out, 0, i);
  if (end < 0) return undefined;
  return {
    row,
    instruction: i,
    address,
    probe: {
      code: out.slice(0, end),
      seed: random.uint32(),
      gp,
      index: vsib ? i.index : -1,
      indexBits: vsib ? row.operands[row.memoryOperand]!.vsibElementBits : 0,
      mode: beyond === 0 ? 1 : 0,
      flags: random.uint32() & 0x8d5,
    },
  };
}

function clashes(i: Instruction): boolean {
  const { row } = i;
  const fixed = row.implicitRead | row.implicitWrite | (row.class === 'stack' ? 0x30 : 0);
  const address =
    (i.base === NONE ? 0 : 1 << i.base) | (i.index === NONE || i.index > 15 ? 0 : 1 << i.index);
  return (address & fixed) !== 0 || (row.bitString && (address & (1 << i.reg)) !== 0);
}

interface Allowed {
  gpRead: number;
  gpWrite: number;
  vecRead: number;
  vecWrite: number;
  maskRead: number;
  maskWrite: number;
}

/** What the table allows an instance to read and write. */
function allowedOf(i: Instruction): Allowed {
  const { row } = i;
  const a: Allowed = {
    gpRead: row.implicitRead,
    gpWrite: row.implicitWrite,
    vecRead: row.implicitVectorRead,
    vecWrite: row.implicitVectorWrite,
    maskRead: i.opmask !== 0 ? 1 << i.opmask : 0,
    maskWrite: 0,
  };
  if (row.prefixes.rep && i.prefixes & (PREFIX_REP | PREFIX_REPNE)) {
    a.gpRead |= 2;
    a.gpWrite |= 2;
  }
  for (const operand of row.operands) {
    const inMemory = operand.memory && i.hasMemory;
    const slots: Readonly<Record<string, number>> = {
      ...{ reg: i.reg, rm: i.rm, vvvv: i.vvvv, is4: i.is4, opcode: i.opcodeReg },
      fixed: operand.fixed,
    };
    let number = slots[operand.slot];
    if (number === undefined || inMemory) continue;
    if (operand.kind === 'gp' && operand.bits === 8 && i.rex === 0 && number > 3 && number < 8)
      number -= operand.slot === 'fixed' ? 0 : 4;
    const bit = (1 << number) >>> 0;
    const merges =
      (operand.kind === 'gp' && operand.bits < 32) ||
      (operand.kind === 'vec' && row.space === LEGACY) ||
      (row.masking && i.opmask !== 0 && !i.zeroing);
    const reads = operand.access & READ || (operand.access & WRITE && merges);
    if (operand.kind === 'gp') {
      if (reads) a.gpRead |= bit;
      if (operand.access & WRITE) a.gpWrite |= bit;
    } else if (operand.kind === 'vec') {
      if (reads) a.vecRead |= bit;
      if (operand.access & WRITE) a.vecWrite |= bit;
    } else if (operand.kind === 'mask') {
      if (reads) a.maskRead |= bit;
      // A pair, even register first (SDM 2D, VP2INTERSECTD); the operand names either.
      const isPair = row.mnemonic.startsWith('vp2intersect');
      if (operand.access & WRITE) a.maskWrite |= isPair ? pairOf(bit) : bit;
    }
  }
  if (i.hasMemory) {
    if (i.base !== NONE) a.gpRead |= 1 << i.base;
    if (i.index !== NONE) {
      if (row.operands[row.memoryOperand]!.vsibBits !== 0) a.vecRead |= (1 << i.index) >>> 0;
      else a.gpRead |= 1 << i.index;
    }
    // Gather writes its opmask, too.
    if (row.maskRequired) a.maskWrite |= 1 << i.opmask;
  }
  return a;
}

/** What the processor did that the table does not say. */
function complaints({ row, instruction: i, address }: Trial, r: ProbeResult): string[] {
  const a = allowedOf(i);
  const found: string[] = [];
  const extra = (name: string, got: number, allowed: number) => {
    if ((got & ~allowed) !== 0) found.push(`${name} ${((got & ~allowed) >>> 0).toString(16)}`);
  };
  extra('writes general', r.gpChanged, a.gpWrite);
  extra('writes vector', r.vecChanged, a.vecWrite);
  extra('writes mask', r.maskChanged, a.maskWrite);
  extra('writes flags', r.flagsChanged, row.flags.write | row.flags.undefined);
  extra('reads general', r.gpRead, a.gpRead);
  extra('reads vector', r.vecRead, a.vecRead);
  extra('reads mask', r.maskRead, a.maskRead);
  // A flag that is surely overwritten does not depend on what it was.
  extra(
    'keeps flags',
    r.flagsKept & (row.flags.write | row.flags.undefined),
    row.flags.maybe | row.flags.read,
  );
  extra('reads flags', r.flagsRead, row.flags.read | row.flags.undefined);
  if (r.x87Changed && row.unit !== 'x87' && row.unit !== 'mmx') found.push('changes x87 state');
  if (r.firstByte >= 0 && row.implicitMemory.length === 0) {
    const first = address - DATA;
    const vsib = row.operands[row.memoryOperand]?.vsibBits ?? 0;
    if (!(row.memoryAccess & WRITE)) found.push('writes memory');
    else if (vsib === 0 && (r.firstByte < first || r.lastByte >= first + row.memoryBytes))
      found.push(`writes bytes ${r.firstByte}–${r.lastByte}, expected from ${first}`);
  }
  return found;
}

const show = (t: Trial): string =>
  `${t.row.text}: ${print(t.instruction)} [${Buffer.from(t.probe.code).toString('hex')}]`;

test('rows read and write what the table says, on this processor', { skip }, () => {
  const random = new SeededRandom(5);
  const trials: Trial[] = [];
  for (const row of isa.all().filter(isRun)) {
    const target = trials.length + 3;
    for (let tries = 0; trials.length < target && tries < 30; tries++) {
      const trial = makeTrial(random, row, 0);
      if (trial) trials.push(trial);
    }
  }
  const results = runProbe(
    probe,
    trials.map((t) => t.probe),
  );
  const wrong: string[] = [];
  const seen = new Set<Row>();
  for (const [n, trial] of trials.entries()) {
    const result = results[n]!;
    if (result.signal === SIGFPE) continue;
    if (result.signal !== 0) wrong.push(`${show(trial)}: signal ${result.signal}`);
    else {
      seen.add(trial.row);
      const found = complaints(trial, result);
      if (found.length > 0) wrong.push(`${show(trial)}: ${found.join(', ')}`);
    }
  }
  assert.equal(wrong.length, 0, `${wrong.length} differ:\n${wrong.slice(0, 60).join('\n')}`);
  assert.deepEqual(
    isa
      .all()
      .filter((row) => isRun(row) && !seen.has(row))
      .map((r) => r.text),
    [],
  );
});

test('a memory operand one byte further than the mapped pages faults', { skip }, () => {
  const random = new SeededRandom(6);
  const trials: Trial[] = [];
  for (const row of isa.all().filter(isRun)) {
    const operand = row.operands[row.memoryOperand];
    if (!operand || row.memoryBytes === 0 || row.memoryAccess === 0 || operand.vsibBits !== 0)
      continue;
    if (/maskmov/.test(row.mnemonic)) continue;
    // Intel reads two bytes of them (SDM vol. 2, MOVSXD r16, r/m16), AMD four: the table has what is more.
    if (row.mnemonic === 'movsxd' && row.operands[0]?.bits === 16) continue;
    for (let tries = 0; tries < 30; tries++) {
      const trial = makeTrial(random, row, 1);
      if (!trial) continue;
      trials.push(trial);
      break;
    }
  }
  const results = runProbe(
    probe,
    trials.map((t) => t.probe),
  );
  const wrong = trials.filter((_, n) => results[n]!.signal !== SIGSEGV);
  assert.deepEqual(wrong.map(show), []);
  assert.ok(trials.length > 2000);
});

/** Prefixes put before instructions: redundant, ignored, repeated. */
const PREFIXES = [
  ...[0x66, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65, 0x67, 0x40, 0x48, 0x41, 0x44, 0x4f],
];

/** Code bytes that we decode: instances of all rows with prefixes before them, every third flipped. */
function* mutants(random: SeededRandom): Generator<readonly [Instruction, Uint8Array]> {
  for (const row of isa.all().filter(isRun))
    for (let n = 0; n < 3; n++) {
      const code = new Uint8Array(48).fill(0x90);
      const count = random.below(4);
      for (let at = 0; at < count; at++) code[at] = random.pick(PREFIXES);
      encodeInto(code, count, randomInstruction(random, row));
      if (n === 2) code[count + random.below(5)]! ^= 1 << random.below(8);
      const instruction = new Instruction();
      if (decodeInto(instruction, code, 0, 48) !== DECODE_OK) continue;
      // Operands beside the code would fault at the end of the code page themselves.
      if (instruction.base === BASE_RIP || !isRun(instruction.row)) continue;
      yield [instruction, code.slice(0, 16)];
    }
}

test('the processor fetches as many bytes as the decoder says', { skip }, () => {
  const random = new SeededRandom(7);
  const found = [...mutants(random)];
  const gp = Array.from({ length: 16 }, () => BigInt(DATA + 0x800));
  const results = runProbe(
    probe,
    found.map(([, code]) => ({
      ...{ code, seed: 1, gp, index: -1, indexBits: 0, mode: 2, flags: 0 },
    })),
  );
  const SIGILL = 4;
  const wrong = found.flatMap(([instruction, code], n) => {
    const { signal, gpChanged: length } = results[n]!;
    // The processor refuses F2 and F3 there; we ignore them.
    const refused = signal === SIGILL && /^(rdrand|rdseed|movbe)$/.test(instruction.row.mnemonic);
    // Gather with equal registers is #UD.
    const clash = signal === SIGILL && instruction.row.text.includes('vm');
    if (refused || clash || (signal !== SIGILL && length === instruction.length)) return [];
    return [
      `${Buffer.from(code).toString('hex')}: ${instruction.length}, not ${length} (${signal}) ${instruction.row.text}`,
    ];
  });
  assert.deepEqual(wrong, []);
  assert.ok(found.length > 5000, `${found.length} cases`);
});

/** `mov rax, [0x28]`: mapped in the thread's storage (fs), not at 0 (ds, gs). */
const SEGMENTS: readonly (readonly [string, boolean])[] = [
  ['64488b042528000000', true],
  ['643e488b042528000000', true],
  ['64262e36488b042528000000', true],
  ['6465488b042528000000', false],
  ['6564488b042528000000', true],
  ['65262e36488b042528000000', false],
];

test('the last of fs and gs counts, other overrides take nothing back', { skip }, () => {
  const gp = Array.from({ length: 16 }, () => BigInt(DATA));
  const codes = SEGMENTS.map(([text]) => Uint8Array.from(Buffer.from(text, 'hex')));
  const results = runProbe(
    probe,
    codes.map((code) => ({
      ...{ code, seed: 1, gp, index: -1, indexBits: 0, mode: 0, flags: 0 },
    })),
  );
  for (const [n, [text, isFs]] of SEGMENTS.entries()) {
    assert.equal(results[n]!.signal === 0, isFs, text);
    const instruction = new Instruction();
    assert.equal(decodeInto(instruction, codes[n]!, 0, codes[n]!.length), DECODE_OK);
    assert.equal((instruction.prefixes & PREFIX_FS) !== 0, isFs, text);
  }
});
