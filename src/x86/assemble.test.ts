import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Assembler } from './assemble.ts';
import * as o from './operand.ts';

function hexOf(build: (a: Assembler) => void, base = 0): string {
  const a = new Assembler(base);
  build(a);
  return Buffer.from(a.finish()).toString('hex');
}

const CASES: readonly (readonly [string, (a: Assembler) => void])[] = [
  ['4889c3', (a) => a.emit('mov', o.rbx, o.rax)],
  ['648b442408', (a) => a.emit('mov', o.eax, o.mem({ base: o.rsp, disp: 8, seg: 'fs' }))],
  ['6567488b00', (a) => a.emit('mov', o.rax, o.mem({ base: o.rax, seg: 'gs', addr32: true }))],
  ['64488b0425c0faffff', (a) => a.emit('mov', o.rax, o.mem({ disp: -1344, seg: 'fs' }))],
  ['f00fb10f', (a) => a.emit('lock cmpxchg', o.mem({ base: o.rdi }), o.ecx)],
  ['f348ab', (a) => a.emit('rep stosq')],
  ['83c0ff', (a) => a.emit('add', o.eax, -1)],
  ['83c0ff', (a) => a.emit('add', o.eax, 0xffffffff)],
  ['05e8030000', (a) => a.emit('add', o.eax, 1000)],
  ['c70001000000', (a) => a.emit('mov', o.mem({ base: o.rax, bits: 32 }), 1)],
  ['49b8efcdab8967452301', (a) => a.emit('movabs', o.r8, 0x0123456789abcdefn)],
  ['88e1', (a) => a.emit('mov', o.cl, o.gp8High[0]!)],
  ['4088e1', (a) => a.emit('mov', o.cl, o.gp8[4]!)],
  ['0f1f4000', (a) => a.bytes([0x0f, 0x1f, 0x40, 0x00])],
  ['660f6fc1', (a) => a.emit('movdqa', o.xmm[0]!, o.xmm[1]!)],
  ['f20f38f1c1', (a) => a.emit('crc32', o.eax, o.ecx)],
  ['ffe0', (a) => a.emit('jmp', o.rax)],
  ['d9c9', (a) => a.emit('fxch', o.st[1]!)],
  ['87c0', (a) => a.emit('xchg', o.eax, o.eax)],
  [
    '4c8d34bd78563412',
    (a) => a.emit('lea', o.r14, o.mem({ index: o.rdi, scale: 4, disp: 0x12345678 })),
  ],
];

test('emit() makes the bytes that the manual gives', () => {
  for (const [expected, build] of CASES) assert.equal(hexOf(build), expected);
});

test('labels: backward short, forward near, RIP-relative, absolute', () => {
  const text = hexOf((a) => {
    const loop = a.mark('loop');
    const out = a.label('out');
    const data = a.label('data');
    a.emit('dec', o.ecx);
    a.emit('je', out);
    a.emit('lea', o.rax, o.mem({ label: data }));
    a.emit('jmp', loop);
    a.bind(out);
    a.emit('movabs', o.rdx, data);
    a.emit('call', a.symbol('far', 0x2000));
    a.align(8, 0xcc);
    a.bind(data);
    a.dq(data);
  }, 0x1000);
  assert.equal(
    text,
    'ffc9' +
      '0f8409000000' +
      '488d0511000000' +
      'ebef' +
      '48ba2010000000000000' +
      'e8e00f0000' +
      '2010000000000000',
  );
});

test('emit() refuses what no row takes, ambiguous memory, unbound and unreachable labels', () => {
  const a = new Assembler();
  assert.throws(() => a.emit('nonsense'), /unknown mnemonic/);
  assert.throws(() => a.emit('mov', o.rax, o.ebx), /no form/);
  assert.throws(() => a.emit('inc', o.mem({ base: o.rax })), /how many bits/);
  assert.throws(() => a.emit('mov', o.gp8High[0]!, o.gp8[8]!), /cannot be encoded/);
  const far = a.label();
  a.emit('jrcxz', far);
  a.bytes(new Uint8Array(200));
  assert.throws(() => a.finish(), /not bound/);
  a.bind(far);
  assert.throws(() => a.finish(), /out of reach/);
});

test('emit() takes a number as an immediate, never as the address of a moffs form', () => {
  const a = new Assembler();
  a.emit('movabs', o.rax, 0x1122334455667788n);
  assert.deepEqual([...a.finish()], [0x48, 0xb8, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]);
});
