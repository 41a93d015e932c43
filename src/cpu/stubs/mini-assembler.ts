/** Bridge until x86/ has its assembler: encodes the few dozen forms that the stubs use. */

import { assert } from '../../base/assert.ts';
import type { Label, Memory, Operand, Register } from '../../x86/operand.ts';

const ALU: Record<string, number> = { add: 0, or: 1, and: 4, sub: 5, xor: 6, cmp: 7 };
const JCC: Record<string, number> = {
  jo: 0,
  jno: 1,
  jb: 2,
  jae: 3,
  je: 4,
  jz: 4,
  jne: 5,
  jnz: 5,
  jbe: 6,
  ja: 7,
  js: 8,
  jns: 9,
  jl: 12,
  jge: 13,
  jle: 14,
  jg: 15,
};
const FIXED: Record<string, readonly number[]> = {
  ret: [0xc3],
  cld: [0xfc],
  std: [0xfd],
  pushfq: [0x9c],
  popfq: [0x9d],
  sahf: [0x9e],
  lahf: [0x9f],
  syscall: [0x0f, 0x05],
  cpuid: [0x0f, 0xa2],
  xgetbv: [0x0f, 0x01, 0xd0],
  fninit: [0xdb, 0xe3],
  vzeroupper: [0xc5, 0xf8, 0x77],
  ud2: [0x0f, 0x0b],
  'rep movsb': [0xf3, 0xa4],
  'rep stosb': [0xf3, 0xaa],
  int3: [0xcc],
  pause: [0xf3, 0x90],
};

interface Fix {
  readonly at: number;
  readonly label: Label;
  readonly end: number;
  readonly extra: number;
}

export class MiniAssembler {
  #bytes: number[] = [];
  #labels = new Map<Label, number>();
  #fixes: Fix[] = [];
  readonly origin: number;

  constructor(origin: number) {
    this.origin = origin;
  }

  get offset(): number {
    return this.#bytes.length;
  }

  label(name: string): Label {
    return { type: 'label', name };
  }

  bind(label: Label): void {
    this.#labels.set(label, this.offset);
  }

  addressOf(label: Label): number {
    const at = this.#labels.get(label);
    assert(at !== undefined, `label ${label.name} is not bound`);
    return this.origin + at;
  }

  align(bytes: number): void {
    while (this.offset % bytes !== 0) this.#bytes.push(0xcc);
  }

  finish(): Uint8Array {
    const out = Uint8Array.from(this.#bytes);
    const view = new DataView(out.buffer);
    for (const fix of this.#fixes)
      view.setInt32(fix.at, this.addressOf(fix.label) - this.origin - fix.end + fix.extra, true);
    return out;
  }

  emit(name: string, ...ops: Operand[]): undefined {
    const fixed = FIXED[name];
    if (fixed) return this.#push(...fixed);
    const [a, b] = ops;
    if (name in JCC) return this.#branch([0x0f, 0x80 + (JCC[name] as number)], a as Label);
    if (name === 'jmp' && isLabel(a)) return this.#branch([0xe9], a);
    if (name === 'call' && isLabel(a)) return this.#branch([0xe8], a);
    if (name === 'jmp') return this.#modrm([], 0, [0xff], 4, a as Register | Memory);
    if (name === 'call') return this.#modrm([], 0, [0xff], 2, a as Register | Memory);
    if (name === 'push' && isReg(a)) return this.#plusReg(0x50, a, false);
    if (name === 'pop' && isReg(a)) return this.#plusReg(0x58, a, false);
    if (name === 'pop') return this.#modrm([], 0, [0x8f], 0, a as Memory);
    if (name === 'mov') return this.#mov(a as Operand, b as Operand);
    if (name === 'lea') return this.#modrm([], 1, [0x8d], (a as Register).number, b as Memory);
    if (name in ALU) return this.#alu(ALU[name] as number, a as Register | Memory, b as Operand);
    if (name === 'test')
      return this.#modrm([], width(a, b), [0x85], (b as Register).number, a as Register);
    if (name === 'imul') {
      this.#modrm([], 0, [0x69], (a as Register).number, b as Register, 4);
      return this.#imm32(ops[2] as number);
    }
    if (name === 'shl' || name === 'shr') {
      this.#modrm([], width(a), [0xc1], name === 'shl' ? 4 : 5, a as Register, 1);
      return this.#push(b as number);
    }
    if (name === 'seto') return this.#modrm([], 0, [0x0f, 0x90], 0, a as Register);
    this.#state(name, ops);
  }

  #state(name: string, ops: readonly Operand[]): undefined {
    const [a, b] = ops as [Register | Memory, Register | Memory];
    if (name === 'ldmxcsr') return this.#modrm([], 0, [0x0f, 0xae], 2, a);
    if (name === 'stmxcsr') return this.#modrm([], 0, [0x0f, 0xae], 3, a);
    if (name === 'fxsave64') return this.#modrm([], 1, [0x0f, 0xae], 0, a);
    if (name === 'fxrstor64') return this.#modrm([], 1, [0x0f, 0xae], 1, a);
    if (name === 'fldcw') return this.#modrm([], 0, [0xd9], 5, a);
    if (name === 'fnstcw') return this.#modrm([], 0, [0xd9], 7, a);
    if (name === 'rdgsbase') return this.#modrm([0xf3], 1, [0x0f, 0xae], 1, a);
    if (name === 'wrgsbase') return this.#modrm([0xf3], 1, [0x0f, 0xae], 3, a);
    if (name === 'vmovups' && isReg(a)) return this.#vector(a, b as Memory, false);
    if (name === 'vmovups') return this.#vector(b as Register, a as Memory, true);
    if (name === 'kmovq') {
      const load = isReg(a);
      const r = (load ? a : b) as Register;
      return this.#legacyVex([0xc4, 0xe1, 0xf8, load ? 0x90 : 0x91], r, (load ? b : a) as Memory);
    }
    throw new Error(`mini assembler: ${name}`);
  }

  #vector(r: Register, m: Memory, store: boolean): undefined {
    const base = m.base as Register;
    assert(base.number < 8, 'vector base');
    const opcode = store ? 0x11 : 0x10;
    if (r.bits === 512) {
      const p0 = (r.number & 8 ? 0 : 0x80) | 0x60 | (r.number & 16 ? 0 : 0x10) | 1;
      return this.#legacyVex([0x62, p0, 0x7c, 0x48, opcode], r, m);
    }
    return this.#legacyVex([0xc5, (r.number & 8 ? 0 : 0x80) | 0x7c, opcode], r, m);
  }

  /** Prefix bytes, then ModRM with a 32-bit displacement. */
  #legacyVex(bytes: readonly number[], r: Register, m: Memory): undefined {
    const base = (m.base as Register).number;
    assert(base < 8 && base !== 4);
    this.#push(...bytes, 0x80 | ((r.number & 7) << 3) | base);
    this.#imm32(m.displacement);
  }

  #mov(a: Operand, b: Operand): undefined {
    if (isReg(a) && isReg(b)) return this.#modrm([], width(a), [0x89], b.number, a);
    if (isReg(a) && isMem(b)) return this.#modrm([], width(a), [0x8b], a.number, b);
    if (isMem(a) && isReg(b))
      return this.#modrm([], width(b), [b.bits === 8 ? 0x88 : 0x89], b.number, a);
    if (isReg(a)) {
      const value = BigInt(b as number | bigint);
      this.#plusReg(0xb8, a, a.bits === 64);
      for (let i = 0n; i < a.bits / 8; i++) this.#push(Number((value >> (8n * i)) & 255n));
      return;
    }
    const m = a as Memory;
    if (m.bits === 8) {
      this.#modrm([], 0, [0xc6], 0, m, 1);
      return this.#push((b as number) & 255);
    }
    this.#modrm([], m.bits === 64 ? 1 : 0, [0xc7], 0, m, 4);
    this.#imm32(b as number);
  }

  #alu(n: number, a: Register | Memory, b: Operand): undefined {
    if (typeof b === 'number') {
      if (a.bits === 8) {
        this.#modrm([], 0, [0x80], n, a, 1);
        return this.#push(b & 255);
      }
      this.#modrm([], a.bits === 64 ? 1 : 0, [0x81], n, a, 4);
      return this.#imm32(b);
    }
    if (isReg(a)) return this.#modrm([], width(a), [n * 8 + 3], a.number, b as Register | Memory);
    this.#modrm([], width(b), [n * 8 + 1], (b as Register).number, a);
  }

  #branch(opcode: readonly number[], target: Label): undefined {
    this.#push(...opcode);
    this.#fixes.push({ at: this.offset, label: target, end: this.offset + 4, extra: 0 });
    this.#imm32(0);
  }

  #plusReg(opcode: number, r: Register, wide: boolean): undefined {
    const rex = 0x40 | (wide ? 8 : 0) | (r.number >> 3);
    if (rex !== 0x40) this.#push(rex);
    this.#push(opcode | (r.number & 7));
  }

  #modrm(
    prefix: readonly number[],
    w: number,
    opcode: readonly number[],
    reg: number,
    rm: Register | Memory,
    immBytes = 0,
  ): undefined {
    const m = isMem(rm) ? rm : undefined;
    const index = m?.index?.number ?? 0;
    const base = m ? (m.base?.number ?? 0) : (rm as Register).number;
    if (m?.segment) this.#push(m.segment === 'fs' ? 0x64 : 0x65);
    const rex = 0x40 | (w << 3) | ((reg >> 3) << 2) | ((index >> 3) << 1) | (base >> 3);
    this.#push(...prefix);
    if (rex !== 0x40) this.#push(rex);
    this.#push(...opcode);
    const field = (reg & 7) << 3;
    if (!m) return this.#push(0xc0 | field | (base & 7));
    if (m.label) {
      this.#push(field | 5);
      this.#fixes.push({
        at: this.offset,
        label: m.label,
        end: this.offset + 4 + immBytes,
        extra: m.displacement,
      });
      return this.#imm32(0);
    }
    const scale = { 1: 0, 2: 1, 4: 2, 8: 3 }[m.scale];
    if (!m.base && !m.index) this.#push(field | 4, 0x25);
    else if (m.index || (base & 7) === 4)
      this.#push(0x84 | field, (scale << 6) | ((m.index ? index & 7 : 4) << 3) | (base & 7));
    else this.#push(0x80 | field | (base & 7));
    this.#imm32(m.displacement);
  }

  #push(...bytes: number[]): undefined {
    this.#bytes.push(...bytes);
  }

  #imm32(value: number): undefined {
    this.#push(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255);
  }
}

const isReg = (x: Operand | undefined): x is Register =>
  typeof x === 'object' && x.type === 'register';
const isMem = (x: Operand | undefined): x is Memory => typeof x === 'object' && x.type === 'memory';
const isLabel = (x: Operand | undefined): x is Label => typeof x === 'object' && x.type === 'label';
const width = (...xs: (Operand | undefined)[]): number =>
  xs.some((x) => isReg(x) && x.bits === 64) ? 1 : 0;
