/** A small guest program with a symbol table, assembled here: the same bytes on every machine. */

import { Assembler } from '../../x86/assemble.ts';
import type { Label } from '../../x86/operand.ts';
import * as o from '../../x86/operand.ts';

export const CODE_AT = 0x401000;
const CODE_OFFSET = 0x1000;
const SYM_BYTES = 24;
const SHDR_BYTES = 64;
const FUNC_GLOBAL = 0x12;

export interface Function {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** An executable of one segment with these functions; without symbols `isStripped`. */
export function elfFile(code: Uint8Array, functions: readonly Function[], isStripped = false) {
  const names = `\0${functions.map(({ name }) => `${name}\0`).join('')}`;
  const symbolsAt = CODE_OFFSET + Math.ceil(code.length / 8) * 8;
  const symbolBytes = (functions.length + 1) * SYM_BYTES;
  const namesAt = symbolsAt + symbolBytes;
  const sectionsAt = Math.ceil((namesAt + names.length) / 8) * 8;
  const bytes = new Uint8Array(sectionsAt + 3 * SHDR_BYTES);
  const view = new DataView(bytes.buffer);
  const put64 = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  for (const [at, value] of [
    [16, 2],
    [18, 62],
    [52, 64],
    [54, 56],
    [56, 1],
    [58, SHDR_BYTES],
    [60, isStripped ? 0 : 3],
  ] as const)
    view.setUint16(at, value, true);
  view.setUint32(20, 1, true);
  put64(24, CODE_AT);
  put64(32, 64);
  put64(40, sectionsAt);
  view.setUint32(64, 1, true);
  view.setUint32(68, 5, true);
  for (const [at, value] of [
    [72, CODE_OFFSET],
    [80, CODE_AT],
    [96, code.length],
    [104, code.length],
    [112, 4096],
  ] as const)
    put64(at, value);
  bytes.set(code, CODE_OFFSET);
  let nameAt = 1;
  for (const [n, { name, start, end }] of functions.entries()) {
    const at = symbolsAt + (n + 1) * SYM_BYTES;
    view.setUint32(at, nameAt, true);
    view.setUint8(at + 4, FUNC_GLOBAL);
    view.setUint16(at + 6, 1, true);
    put64(at + 8, start);
    put64(at + 16, end - start);
    nameAt += name.length + 1;
  }
  bytes.set(new TextEncoder().encode(names), namesAt);
  const section = (n: number, type: number, offset: number, size: number, link: number) => {
    const at = sectionsAt + n * SHDR_BYTES;
    view.setUint32(at + 4, type, true);
    put64(at + 24, offset);
    put64(at + 32, size);
    view.setUint32(at + 40, link, true);
  };
  section(1, 2, symbolsAt, symbolBytes, 2);
  section(2, 3, namesAt, names.length, 0);
  return bytes;
}

/** Assembles functions one after another, 16-byte aligned, and makes the file. */
export class SmallProgram {
  readonly a = new Assembler(CODE_AT);
  readonly functions: Function[] = [];

  add(name: string, build: (a: Assembler) => void): Label {
    const { a } = this;
    while (a.here % 16 !== 0) a.emit('nop');
    const label = a.mark(name);
    const start = a.here;
    build(a);
    this.functions.push({ name, start, end: a.here });
    return label;
  }

  file(isStripped = false): Uint8Array {
    return elfFile(this.a.finish(), this.functions, isStripped);
  }
}

/** Something of every rewrite. */
export function everyRewrite(isStripped = false): Uint8Array {
  const program = new SmallProgram();
  const leaf = program.a.label('leaf');
  program.add('_start', (a) => {
    const again = a.label('again');
    a.emit('push', o.rbx);
    a.emit('mov', o.ecx, 3);
    a.bind(again);
    a.emit('add', o.rax, o.mem({ base: o.rsi, index: o.rcx, scale: 8, disp: 16 }));
    a.emit('mov', o.mem({ disp: -8, seg: 'fs', bits: 32 }), o.eax);
    a.emit('dec', o.ecx);
    a.emit('jne', again);
    a.emit('lea', o.rdx, o.mem({ label: leaf }));
    a.emit('call', leaf);
    a.emit('call', o.rdx);
    a.emit('fld1');
    a.emit('rep movsb');
    a.emit('cpuid');
    a.emit('pop', o.rbx);
    a.emit('js', leaf);
    a.emit('mov', o.eax, 60);
    a.emit('syscall');
    a.emit('ud2');
  });
  program.add('leaf', (a) => {
    a.bind(leaf);
    a.emit('endbr64');
    a.emit('mov', o.rax, o.mem({ label: leaf, disp: 4 }));
    a.emit('ret');
  });
  return program.file(isStripped);
}
