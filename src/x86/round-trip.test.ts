import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import { DECODE_OK, DECODE_TRUNCATED, DECODE_UNKNOWN, decode, decodeInto } from './decode.ts';
import { encodeInto } from './encode.ts';
import { Instruction, PREFIX_OPSIZE, PREFIX_REP, PREFIX_REPNE } from './instruction.ts';
import { isa } from './isa/table.ts';
import { randomInstruction } from './random.ts';

const FIELDS = [
  ...['opmask', 'zeroing', 'evexB', 'hasMemory', 'base', 'index', 'displacement'],
  ...['displacementBytes', 'immediate', 'immediateAt'],
  ...['length'],
] as const;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** What the row gives meaning to. */
function compare(sent: Instruction, got: Instruction, bytes: string): void {
  const context = `${sent.row.text}: ${bytes} decoded as ${got.row.text}`;
  assert.equal(got.row.id, sent.row.id, context);
  const sentFields = sent as unknown as Record<string, unknown>;
  const gotFields = got as unknown as Record<string, unknown>;
  for (const field of FIELDS)
    assert.equal(gotFields[field], sentFields[field], `${field}, ${context}`);
  // 66, F2 and F3 belong to the row, but where they repeat.
  const mask = ~PREFIX_OPSIZE & (sent.row.prefixes.rep ? ~0 : ~(PREFIX_REP | PREFIX_REPNE));
  assert.equal(got.prefixes & mask, sent.prefixes & mask, context);
  if (sent.displacementBytes > 0) assert.equal(got.displacementAt, sent.displacementAt, context);
  if (sent.displacementBytes === 8)
    assert.equal(got.displacementHigh, sent.displacementHigh, context);
  if (sent.index >= 0) assert.equal(got.scale, sent.scale, context);
  for (const { slot } of sent.row.operands) {
    if (slot === 'reg') assert.equal(got.reg, sent.reg, context);
    if (slot === 'rm' && !sent.hasMemory) assert.equal(got.rm, sent.rm, context);
    if (slot === 'vvvv') assert.equal(got.vvvv, sent.vvvv, context);
    if (slot === 'is4') assert.equal(got.is4, sent.is4, context);
    if (slot === 'opcode') assert.equal(got.opcodeReg, sent.opcodeReg, context);
    if (slot === 'imm2') assert.equal(got.immediate2, sent.immediate2, context);
  }
  if (sent.row.immediateBytes === 8) assert.equal(got.immediateHigh, sent.immediateHigh, context);
  if (sent.row.rounding && sent.evexB && !sent.hasMemory)
    assert.equal(got.rounding, sent.rounding, context);
}

test('every row: random instance → bytes → the same instance → the same bytes', () => {
  const random = new SeededRandom(1);
  const out = new Uint8Array(32);
  const again = new Uint8Array(32);
  const got = new Instruction();
  for (const row of isa.all()) {
    for (let n = 0; n < 12; n++) {
      const sent = randomInstruction(random, row, { overrides: true });
      const end = encodeInto(out, 0, sent);
      const bytes = hex(out.subarray(0, end));
      assert.equal(decodeInto(got, out, 0, end), DECODE_OK, `${row.text}: ${bytes}`);
      compare(sent, got, bytes);
      assert.equal(encodeInto(again, 0, got), end, `${row.text}: ${bytes}`);
      assert.equal(hex(again.subarray(0, end)), bytes, row.text);
    }
  }
});

test('decode() says truncated for every proper beginning of an instruction', () => {
  const random = new SeededRandom(2);
  const out = new Uint8Array(32);
  for (const row of isa.all()) {
    const end = encodeInto(out, 0, randomInstruction(random, row));
    for (let cut = 0; cut < end; cut++)
      assert.equal(decode(out, 0, cut).status, DECODE_TRUNCATED, `${row.text} cut at ${cut}`);
  }
});

const UNKNOWN: readonly (readonly [string, string])[] = [
  ['f04889c3', 'lock without memory'],
  ['f08b03', 'lock on a load'],
  ['06', 'push es'],
  ['d5', 'REX2'],
  ['66c5f858c0', 'legacy prefix before VEX'],
  ['48c5f858c0', 'REX before VEX'],
  ['c5f06fc0', 'vvvv not 1111 where it is not used'],
  ['62f17c0858c0'.replace('62f1', '62f9'), 'EVEX reserved bit 3 of P0'],
  ['62f1780858c0', 'EVEX bit 2 of P1 is 0'],
  ['62f17cc858c0'.replace('c8', '88'), 'zeroing without mask'],
  ['62f17c6858c0', "EVEX L'L = 3"],
  ['62f27d48900408', 'gather without mask'],
  ['8fe97801c0', 'XOP'],
  ['66e900000000', '66 on a branch'],
  ['666666666666666666666666666666660f1f00', 'longer than 15 bytes'],
];

test('decode() refuses what the processor refuses or no row describes', () => {
  for (const [text, reason] of UNKNOWN) {
    const bytes = new Uint8Array([...Buffer.from(text, 'hex'), ...new Uint8Array(16)]);
    assert.equal(decode(bytes, 0, bytes.length).status, DECODE_UNKNOWN, `${text}: ${reason}`);
  }
});

const KNOWN: readonly (readonly [string, string, number])[] = [
  ['f390', 'pause', 2],
  ['4190', 'xchg', 2],
  ['4890', 'nop', 2],
  ['f3c3', 'ret', 2],
  ['6666662e0f1f840000000000', 'nop', 12],
  ['666648e800000000', 'call', 8],
  ['3effe0', 'jmp', 3],
  ['f30f1efa', 'endbr64', 4],
  ['66f30fbcc0', 'tzcnt', 5],
  ['f20fbcc0', 'bsf', 4],
  ['9b', 'fwait', 1],
  ['64488b042528000000', 'mov', 9],
];

test('decode() takes redundant prefixes and hints as the processor does', () => {
  for (const [text, mnemonic, length] of KNOWN) {
    const bytes = Buffer.from(text, 'hex');
    const result = decode(bytes, 0, bytes.length);
    assert.equal(result.status, DECODE_OK, text);
    if (result.status !== DECODE_OK) continue;
    assert.equal(result.instruction.row.mnemonic, mnemonic, text);
    assert.equal(result.instruction.length, length, text);
  }
});
