import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import { EM_X86_64, readElfNeeds } from './needs.ts';

/** A shared object with one PT_LOAD, PT_DYNAMIC and PT_INTERP, made by hand. */
function sample(): Uint8Array {
  const bytes = new Uint8Array(1024);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 3, true);
  view.setUint16(18, EM_X86_64, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 3, true);
  const segment = (i: number, type: number, offset: number, vaddr: number, size: number) => {
    const at = 64 + i * 56;
    view.setUint32(at, type, true);
    view.setBigUint64(at + 8, BigInt(offset), true);
    view.setBigUint64(at + 16, BigInt(vaddr), true);
    view.setBigUint64(at + 32, BigInt(size), true);
  };
  segment(0, 1, 0, 0x1000, 1024);
  segment(1, 2, 400, 0x1190, 160);
  segment(2, 3, 300, 0x112c, 20);
  bytes.set(new TextEncoder().encode('/lib64/ld.so\0'), 300);
  const strings = '\0libc.so.6\0libm.so.6\0$ORIGIN/../lib:/opt\0libme.so\0';
  bytes.set(new TextEncoder().encode(strings), 600);
  const at = (text: string) => strings.indexOf(text);
  const dynamic: [number, number][] = [
    [1, at('libc.so.6')],
    [1, at('libm.so.6')],
    [29, at('$ORIGIN')],
    [14, at('libme.so')],
    [5, 0x1000 + 600],
    [10, strings.length],
    [0, 0],
  ];
  dynamic.forEach(([tag, value], i) => {
    view.setBigUint64(400 + i * 16, BigInt(tag), true);
    view.setBigUint64(408 + i * 16, BigInt(value), true);
  });
  return bytes;
}

const reader = (bytes: Uint8Array) => (offset: number, length: number) =>
  bytes.subarray(offset, offset + length);

test('readElfNeeds() finds interpreter, libraries, soname and search paths', () => {
  assert.deepEqual(readElfNeeds(reader(sample())), {
    machine: EM_X86_64,
    interpreter: '/lib64/ld.so',
    needed: ['libc.so.6', 'libm.so.6'],
    soname: 'libme.so',
    rpath: [],
    runpath: ['$ORIGIN/../lib', '/opt'],
  });
});

test('readElfNeeds() answers undefined for what is no 64-bit ELF', () => {
  assert.equal(readElfNeeds(reader(new TextEncoder().encode('#!/bin/sh\n'))), undefined);
  const elf32 = sample();
  elf32[4] = 1;
  assert.equal(readElfNeeds(reader(elf32)), undefined);
});

test('readElfNeeds() survives any corruption and truncation', () => {
  const random = new SeededRandom(7);
  const good = sample();
  for (let i = 0; i < 3000; i++) {
    const bytes = good.slice(0, random.below(4) === 0 ? random.below(1024) : 1024);
    for (let k = 0; k < 4; k++) bytes[random.below(700)] = random.uint32();
    readElfNeeds(reader(bytes));
  }
});

test('readElfNeeds() reads the running Node.js binary', () => {
  const needs = readElfNeeds(reader(readFileSync(process.execPath)));
  assert.ok(needs?.needed.includes('libc.so.6'));
});
