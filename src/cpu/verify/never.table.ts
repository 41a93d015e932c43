/**
 * A second opinion on the instruction table: encodings that never stand in translated code, whatever
 * class a row gives them. Written by hand from the opcode maps (Intel SDM vol. 2, appendix A; AMD APM
 * vol. 3, appendix A), so that one wrong row cannot open the sandbox.
 */
import { EVEX, LEGACY, type OpcodeMap, type Space, VEX } from '../../x86/isa/row.ts';

/** Bits of a set of mandatory prefixes: none, 66, F3, F2 (bit n = prefix number n of the rows). */
const NP = 1;
const P66 = 2;
const F3 = 4;
const F2 = 8;
const ANY = 15;

export interface Never {
  readonly space: Space;
  readonly map: OpcodeMap;
  /** First and last opcode. */
  readonly from: number;
  readonly to: number;
  readonly prefixes: number;
  /** `reg` mod = 3, `mem` mod ≠ 3. */
  readonly mod: 'any' | 'reg' | 'mem';
  /** Bit n: ModRM.reg = n. */
  readonly regs: number;
  /** ModRM bytes that are exempt. */
  readonly except: readonly number[];
  readonly why: string;
}

interface Limits {
  readonly to?: number;
  readonly prefixes?: number;
  readonly mod?: 'reg' | 'mem';
  readonly regs?: readonly number[];
  readonly except?: readonly number[];
}

function never(
  space: Space,
  map: OpcodeMap,
  from: number,
  why: string,
  limits: Limits = {},
): Never {
  return {
    space,
    map,
    from,
    to: limits.to ?? from,
    prefixes: limits.prefixes ?? ANY,
    mod: limits.mod ?? 'any',
    regs: limits.regs?.reduce((set, n) => set | (1 << n), 0) ?? 0xff,
    except: limits.except ?? [],
    why,
  };
}

const one = (from: number, why: string, limits?: Limits) => never(LEGACY, 0, from, why, limits);
const two = (from: number, why: string, limits?: Limits) => never(LEGACY, 1, from, why, limits);
const three = (from: number, why: string, limits?: Limits) => never(LEGACY, 2, from, why, limits);

const ONE_BYTE: readonly Never[] = [
  ...[0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f].map((opcode) =>
    one(opcode, 'invalid in 64-bit mode'),
  ),
  one(0x50, 'push, pop: host stack', { to: 0x5f }),
  one(0x60, 'invalid in 64-bit mode', { to: 0x62 }),
  one(0x68, 'push: host stack'),
  one(0x6a, 'push: host stack'),
  one(0x6c, 'ins, outs', { to: 0x6f }),
  one(0x82, 'invalid in 64-bit mode'),
  one(0x8c, 'reads a segment register'),
  one(0x8e, 'writes a segment register'),
  one(0x8f, 'pop; XOP on AMD'),
  one(0x9a, 'far call'),
  one(0x9c, 'pushf, popf: host stack', { to: 0x9d }),
  one(0xa4, 'string instruction outside a macro', { to: 0xa7 }),
  one(0xaa, 'string instruction outside a macro', { to: 0xaf }),
  one(0xc2, 'ret', { to: 0xc3 }),
  one(0xc4, 'VEX', { to: 0xc5 }),
  one(0xc6, 'xabort and reserved', { regs: [1, 2, 3, 4, 5, 6, 7] }),
  one(0xc7, 'xbegin and reserved', { regs: [1, 2, 3, 4, 5, 6, 7] }),
  one(0xc8, 'enter, leave, far ret, int, iret', { to: 0xcf }),
  one(0xd4, 'invalid; REX2 with APX', { to: 0xd6 }),
  one(0xe4, 'in, out', { to: 0xe7 }),
  one(0xe8, 'call: host stack'),
  one(0xea, 'far jump'),
  one(0xec, 'in, out', { to: 0xef }),
  one(0xf1, 'int1'),
  one(0xf4, 'hlt'),
  one(0xfa, 'cli, sti', { to: 0xfb }),
  one(0xfe, 'reserved', { regs: [2, 3, 4, 5, 6, 7] }),
  one(0xff, 'call, far call, far jump, push', { regs: [2, 3, 5, 6, 7] }),
  one(0xff, 'jump to an address in a register', { regs: [4], mod: 'reg' }),
];

const TWO_BYTE: readonly Never[] = [
  two(0x00, 'descriptor tables'),
  // 0F 01 F9 is rdtscp, the only one that user code may have.
  two(0x01, 'system, virtual machines, swapgs, xgetbv, pkru, clac, monitorx', { except: [0xf9] }),
  two(0x02, 'lar, lsl', { to: 0x04 }),
  two(0x05, 'syscall, clts, sysret, invd, wbinvd', { to: 0x0a }),
  two(0x0b, 'ud2', { to: 0x0c }),
  two(0x0e, 'femms, 3DNow!', { to: 0x0f }),
  two(0x19, 'MPX, cldemote, reserved hints', { to: 0x1d }),
  two(0x1e, 'reserved hints', { prefixes: NP | P66 | F2 }),
  // F3 0F 1E FA is endbr64.
  two(0x1e, 'rdssp', { prefixes: F3, except: [0xfa] }),
  two(0x20, 'control and debug registers', { to: 0x27 }),
  two(0x30, 'wrmsr'),
  two(0x32, 'rdmsr, rdpmc, sysenter, sysexit, getsec', { to: 0x37 }),
  two(0x78, 'vmread, vmwrite', { to: 0x79, prefixes: NP }),
  two(0xa0, 'push fs, pop fs', { to: 0xa1 }),
  two(0xa2, 'cpuid'),
  two(0xa6, 'PadLock: implicit memory', { to: 0xa7 }),
  two(0xa8, 'push gs, pop gs, rsm', { to: 0xaa }),
  two(0xae, 'xsave, xrstor, xsaveopt outside a macro', {
    prefixes: NP,
    mod: 'mem',
    regs: [4, 5, 6],
  }),
  two(0xae, 'fs and gs bases, shadow stack, ptwrite, umonitor, tpause', {
    prefixes: P66 | F2 | F3,
    mod: 'reg',
  }),
  two(0xae, 'ptwrite, clrssbsy', { prefixes: F2 | F3, mod: 'mem' }),
  two(0xb2, 'lss'),
  two(0xb4, 'lfs, lgs', { to: 0xb5 }),
  two(0xb9, 'ud1'),
  two(0xc7, 'xrstors, xsavec, xsaves, vmptrld', { mod: 'mem', regs: [0, 2, 3, 4, 5, 6, 7] }),
  two(0xc7, 'senduipi', { prefixes: F3, mod: 'reg', regs: [6] }),
  two(0xff, 'ud0'),
];

const OTHERS: readonly Never[] = [
  three(0x80, 'invept, invvpid, invpcid', { to: 0x83 }),
  three(0xd8, 'Key Locker', { to: 0xdf, prefixes: F3 }),
  three(0xf5, 'wruss', { prefixes: P66 }),
  three(0xf6, 'wrss', { prefixes: NP }),
  three(0xf8, 'movdir64b, enqcmd: the destination ignores gs:'),
  three(0xfa, 'Key Locker', { to: 0xfb }),
  never(LEGACY, 3, 0xf0, 'hreset'),
  never(VEX, 2, 0x49, 'tile configuration', { to: 0x4b }),
  never(VEX, 2, 0x5c, 'tiles', { to: 0x5e }),
  never(VEX, 2, 0x6c, 'tiles'),
  never(EVEX, 2, 0x49, 'tiles', { to: 0x4a }),
];

export const NEVER: readonly Never[] = [
  ...ONE_BYTE,
  // cmpxchg8b and cmpxchg16b (0F C7 /1 with memory) are the exception to this row.
  ...TWO_BYTE,
  ...OTHERS,
];

/** The rows above by opcode: (space, map, opcode) as one number. */
const BY_OPCODE: ReadonlyMap<number, readonly Never[]> = byOpcode();

function opcodeIndex(space: Space, map: number, opcode: number): number {
  return (space << 11) | (map << 8) | opcode;
}

function byOpcode(): Map<number, Never[]> {
  const found = new Map<number, Never[]>();
  for (const n of NEVER)
    for (let opcode = n.from; opcode <= n.to; opcode++) {
      const index = opcodeIndex(n.space, n.map, opcode);
      const known = found.get(index);
      if (known === undefined) found.set(index, [n]);
      else known.push(n);
    }
  return found;
}

/** The reason why an encoding never stands in translated code, or undefined. */
export function whyNever(
  space: Space,
  map: number,
  opcode: number,
  prefix: number,
  modrm: number,
): string | undefined {
  const rows = BY_OPCODE.get(opcodeIndex(space, map, opcode));
  if (rows === undefined) return undefined;
  const mod = modrm >= 0xc0 ? 'reg' : 'mem';
  for (const n of rows)
    if (
      (n.prefixes >> prefix) & 1 &&
      (n.mod === 'any' || n.mod === mod) &&
      (n.regs >> ((modrm >> 3) & 7)) & 1 &&
      !n.except.includes(modrm)
    )
      return n.why;
  return undefined;
}
