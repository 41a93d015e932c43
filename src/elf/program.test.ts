import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import { type ElfFault, type ElfProgram, isElfFault, readElfProgram } from './program.ts';

const FILE_BYTES = 0x3000;

/** Two segments, an interpreter, a stack header. */
function sample(): Uint8Array {
  const bytes = new Uint8Array(FILE_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 3, true);
  view.setUint16(18, 62, true);
  view.setBigUint64(24, 0x1010n, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  const headers = [
    [3, 4, 0x200, 0x200, 12, 12],
    [1, 5, 0, 0, 0x1800, 0x1800],
    [1, 6, 0x1800, 0x2800, 0x100, 0x2000],
    [0x6474e551, 6, 0, 0, 0, 0],
  ] as const;
  view.setUint16(56, headers.length, true);
  for (const [i, [type, flags, offset, vaddr, fileBytes, memoryBytes]] of headers.entries()) {
    const at = 64 + 56 * i;
    view.setUint32(at, type, true);
    view.setUint32(at + 4, flags, true);
    view.setBigUint64(at + 8, BigInt(offset), true);
    view.setBigUint64(at + 16, BigInt(vaddr), true);
    view.setBigUint64(at + 32, BigInt(fileBytes), true);
    view.setBigUint64(at + 40, BigInt(memoryBytes), true);
  }
  bytes.set(new TextEncoder().encode('/lib/ld.so.1'.slice(0, 11)), 0x200);
  return bytes;
}

function parse(bytes: Uint8Array): ElfProgram | ElfFault {
  return readElfProgram((offset, target) => {
    const part = bytes.subarray(offset, offset + target.length);
    target.set(part);
    return part.length;
  }, bytes.length);
}

function messageOf(change: (view: DataView, bytes: Uint8Array) => Uint8Array | undefined): string {
  const bytes = sample();
  const changed = change(new DataView(bytes.buffer), bytes) ?? bytes;
  const result = parse(changed);
  return isElfFault(result) ? result.message : 'accepted';
}

test('a program is read with its segments and interpreter', () => {
  const elf = parse(sample());
  assert.ok(!isElfFault(elf));
  assert.equal(elf.isFixed, false);
  assert.equal(elf.entry, 0x1010);
  assert.equal(elf.segments.length, 2);
  assert.equal(new TextDecoder().decode(elf.interpreter), '/lib/ld.so.');
  assert.equal(elf.hasExecutableStack, false);
});

test('bad files are named with what is wrong', () => {
  const message = messageOf;
  assert.equal(
    message((_v, b) => b.subarray(0, 2)),
    'is not an ELF file',
  );
  assert.match(
    message((_v, b) => b.subarray(0, 40)),
    /truncated: 40 bytes/,
  );
  assert.match(
    message((_v, b) => b.subarray(0, 100)),
    /truncated: program headers end at byte 288/,
  );
  assert.match(
    message((_v, b) => b.subarray(0, 0x1000)),
    /truncated: segment 0 ends at/,
  );
  assert.match(
    message((v) => void v.setUint8(4, 1)),
    /32-bit program/,
  );
  assert.match(
    message((v) => void v.setUint8(5, 2)),
    /big-endian/,
  );
  assert.match(
    message((v) => void v.setUint16(18, 183, true)),
    /another machine \(AArch64\)/,
  );
  assert.match(
    message((v) => void v.setUint16(16, 1, true)),
    /type 1/,
  );
  assert.match(
    message((v) => void v.setUint16(56, 0, true)),
    /0 program headers/,
  );
  const second = 64 + 56 * 2;
  assert.match(
    message((v) => void v.setBigUint64(second + 32, 0x9000n, true)),
    /more bytes in the file/,
  );
  assert.match(
    message((v) => void v.setBigUint64(second + 16, 0x2801n, true)),
    /not aligned/,
  );
  assert.match(
    message((v) => void v.setBigUint64(second + 16, 0x7fff_0000_0800n, true)),
    /above 4 GiB/,
  );
  assert.match(
    message((v) => void v.setBigUint64(second + 16, 0x800n, true)),
    /overlaps/,
  );
  assert.match(
    message((v) => void v.setBigUint64(64 + 32, 0n, true)),
    /interpreter of 0 bytes/,
  );
});

test('random damage is refused or read, never thrown, and segments stay inside', () => {
  const random = new SeededRandom(11);
  for (let round = 0; round < 20_000; round++) {
    const bytes = sample();
    for (let i = random.below(6) + 1; i > 0; i--) bytes[random.below(320)] = random.uint32();
    const length = random.below(4) === 0 ? random.below(FILE_BYTES) : FILE_BYTES;
    const elf = parse(bytes.subarray(0, length));
    if (isElfFault(elf)) continue;
    for (const segment of elf.segments) {
      assert.ok(segment.vaddr + segment.memoryBytes <= 2 ** 32);
      assert.ok(segment.fileBytes === 0 || segment.offset + segment.fileBytes <= length);
    }
  }
});
