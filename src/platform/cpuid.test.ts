import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CpuidResult, CpuModel, hasSubleaves } from '../cpu/interpret/model.ts';
import { Xstate } from '../cpu/interpret/xstate.ts';
import { sharedNativeHost } from '../host/native/testing/shared-native-host.ts';
import { testSpaces } from '../mm/testing/spaces.ts';
import { CpuidAnswers } from './cpuid.ts';
import { ExtendedImage } from './extended-image.ts';
import { TranslatedCpu } from './guest-cpu.ts';
import { PlatformStatistics } from './statistics.ts';

const { code } = sharedNativeHost();
const model = new CpuModel(code);
const CODE = 0x40_0000;

const LEAVES = [
  ...Array.from({ length: 0x20 }, (_, leaf) => leaf),
  ...Array.from({ length: 0x22 }, (_, leaf) => 0x8000_0000 + leaf),
];

test('leaves that are told apart by nothing but EAX are so on this processor', () => {
  // The number of the processor that is asked differs from call to call.
  const masked = (leaf: number, { eax, ebx, ecx, edx }: CpuidResult) =>
    [eax, leaf === 1 ? ebx & 0xff_ffff : ebx, ecx, edx].map((value) => value | 0);
  const plain = LEAVES.filter((leaf) => !hasSubleaves(leaf));
  assert.equal(plain.length, 19);
  assert.ok(plain.every((leaf) => !hasSubleaves(leaf | 0)));
  for (const leaf of plain)
    for (const ecx of [1, 2, 0x1234_5678, -1])
      assert.deepEqual(
        masked(leaf, code.cpuid(leaf, ecx)),
        masked(leaf, code.cpuid(leaf, 0)),
        `leaf 0x${leaf.toString(16)}, ECX ${ecx}`,
      );
});

test('a guest that asks again and again is answered as the model says, whatever it asked before', () => {
  using space = testSpaces().create();
  space.map({ addr: CODE, length: 4096, prot: 7, fixed: true });
  space.copyOut(CODE, Uint8Array.from([0x0f, 0xa2, 0x0f, 0x05]));
  const statistics = new PlatformStatistics();
  const answers = new CpuidAnswers(model, statistics);
  const images = new ExtendedImage(code, model);
  using cpu = new TranslatedCpu(code.createState(), model, new Xstate(model), images);
  for (let round = 0; round < 2; round++)
    for (const leaf of LEAVES)
      for (const ecx of [0, 1, 2, 7, 0x8000_0001]) {
        cpu.rip = CODE;
        cpu.gprs.set([BigInt(leaf) | (7n << 40n), BigInt(ecx), 5n << 32n, 6n << 32n]);
        assert.equal(answers.answer(cpu, space), true);
        assert.equal(cpu.rip, CODE + 2);
        const expected = model.cpuid(leaf | 0, ecx | 0);
        const { eax, ebx, edx } = expected;
        const values = [eax, expected.ecx, edx, ebx].map((value) => BigInt(value >>> 0));
        assert.deepEqual([...cpu.gprs.subarray(0, 4)], values, `leaf 0x${leaf.toString(16)}`);
      }
  assert.equal(statistics.interpreted.get('cpuid'), 2 * LEAVES.length * 5);
  cpu.rip = CODE + 2;
  assert.equal(answers.answer(cpu, space), false, 'another instruction');
  space.protect(CODE, 4096, 0);
  cpu.rip = CODE;
  assert.equal(answers.answer(cpu, space), false, 'nothing to be read');
});
