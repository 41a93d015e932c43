/** x87 floating point (Intel SDM vol. 2), with the aliases that processors accept. */
import { hex } from './conditions.ts';
import { type RowOptions, type RowSource, row } from './row.ts';

const ARITHMETIC = ['add', 'mul', 'com', 'comp', 'sub', 'subr', 'div', 'divr'] as const;

/** D8/DA/DC/DE with memory: `f` or `fi`. */
const memoryArithmetic = (opcode: string, prefix: string, bits: number): RowSource[] =>
  ARITHMETIC.map((name, n) => row(`${prefix}${name}`, `m${bits}:r`, `${opcode} /${n}`));

/** Rows `st, st(i)` or `st(i), st`. */
const stackRow = (
  mnemonic: string,
  operands: string,
  encoding: string,
  options?: RowOptions,
): RowSource => row(mnemonic, operands, `${encoding}+i`, options);

const CONSTANT_D9: Readonly<Record<string, number>> = {
  ...{ fnop: 0xd0, fchs: 0xe0, fabs: 0xe1, ftst: 0xe4, fxam: 0xe5, fld1: 0xe8, fldl2t: 0xe9 },
  ...{ fldl2e: 0xea, fldpi: 0xeb, fldlg2: 0xec, fldln2: 0xed, fldz: 0xee, f2xm1: 0xf0 },
  ...{ fyl2x: 0xf1, fptan: 0xf2, fpatan: 0xf3, fxtract: 0xf4, fprem1: 0xf5, fdecstp: 0xf6 },
  ...{ fincstp: 0xf7, fprem: 0xf8, fyl2xp1: 0xf9, fsqrt: 0xfa, fsincos: 0xfb, frndint: 0xfc },
  ...{ fscale: 0xfd, fsin: 0xfe, fcos: 0xff },
};

const CMOV = ['b', 'e', 'be', 'u'] as const;
const CMOV_FLAGS = ['c', 'z', 'cz', 'p'] as const;
const COMI = { flags: 'w=oszapc' } as const;

const loads: RowSource[] = [
  row('fld', 'm32:r', 'D9 /0'),
  row('fst', 'm32:w', 'D9 /2'),
  row('fstp', 'm32:w', 'D9 /3'),
  row('fldenv', 'm112:r', 'o16 D9 /4'),
  row('fldenv', 'm224:r', 'd64 D9 /4'),
  row('fldcw', 'm16:r', 'D9 /5'),
  row('fnstenv', 'm112:w', 'o16 D9 /6'),
  row('fnstenv', 'm224:w', 'd64 D9 /6'),
  row('fnstcw', 'm16:w', 'D9 /7'),
  row('fild', 'm32:r', 'DB /0'),
  row('fisttp', 'm32:w', 'DB /1'),
  row('fist', 'm32:w', 'DB /2'),
  row('fistp', 'm32:w', 'DB /3'),
  row('fld', 'm80:r', 'DB /5'),
  row('fstp', 'm80:w', 'DB /7'),
  row('fld', 'm64:r', 'DD /0'),
  row('fisttp', 'm64:w', 'DD /1'),
  row('fst', 'm64:w', 'DD /2'),
  row('fstp', 'm64:w', 'DD /3'),
  row('frstor', 'm752:r', 'o16 DD /4'),
  row('frstor', 'm864:r', 'd64 DD /4'),
  row('fnsave', 'm752:w', 'o16 DD /6'),
  row('fnsave', 'm864:w', 'd64 DD /6'),
  row('fnstsw', 'm16:w', 'DD /7'),
  row('fild', 'm16:r', 'DF /0'),
  row('fisttp', 'm16:w', 'DF /1'),
  row('fist', 'm16:w', 'DF /2'),
  row('fistp', 'm16:w', 'DF /3'),
  row('fbld', 'm80:r', 'DF /4'),
  row('fild', 'm64:r', 'DF /5'),
  row('fbstp', 'm80:w', 'DF /6'),
  row('fistp', 'm64:w', 'DF /7'),
];

const registers: RowSource[] = [
  ...ARITHMETIC.map((name, n) => {
    const first = name.startsWith('com') ? 'r' : 'rw';
    return stackRow(`f${name}`, `st0:${first}, sti:r`, `D8 ${hex(0xc0, n * 8)}`);
  }),
  stackRow('fld', 'sti:r', 'D9 C0'),
  stackRow('fxch', 'sti:rw', 'D9 C8'),
  ...Object.entries(CONSTANT_D9).map(([name, byte]) => row(name, '', `D9 ${hex(byte)}`)),
  ...CMOV.flatMap((name, n) => [
    stackRow(`fcmov${name}`, 'st0:rw, sti:r', `DA ${hex(0xc0, n * 8)}`, {
      flags: `r=${CMOV_FLAGS[n]}`,
    }),
    stackRow(`fcmovn${name}`, 'st0:rw, sti:r', `DB ${hex(0xc0, n * 8)}`, {
      flags: `r=${CMOV_FLAGS[n]}`,
    }),
  ]),
  row('fucompp', '', 'DA E9'),
  row('fnclex', '', 'DB E2'),
  row('fninit', '', 'DB E3'),
  stackRow('fucomi', 'st0:r, sti:r', 'DB E8', COMI),
  stackRow('fcomi', 'st0:r, sti:r', 'DB F0', COMI),
  stackRow('fadd', 'sti:rw, st0:r', 'DC C0'),
  stackRow('fmul', 'sti:rw, st0:r', 'DC C8'),
  stackRow('fsubr', 'sti:rw, st0:r', 'DC E0'),
  stackRow('fsub', 'sti:rw, st0:r', 'DC E8'),
  stackRow('fdivr', 'sti:rw, st0:r', 'DC F0'),
  stackRow('fdiv', 'sti:rw, st0:r', 'DC F8'),
  stackRow('ffree', 'sti:w', 'DD C0'),
  stackRow('fst', 'sti:w', 'DD D0'),
  stackRow('fstp', 'sti:w', 'DD D8'),
  stackRow('fucom', 'sti:r', 'DD E0'),
  stackRow('fucomp', 'sti:r', 'DD E8'),
  stackRow('faddp', 'sti:rw, st0:r', 'DE C0'),
  stackRow('fmulp', 'sti:rw, st0:r', 'DE C8'),
  row('fcompp', '', 'DE D9'),
  stackRow('fsubrp', 'sti:rw, st0:r', 'DE E0'),
  stackRow('fsubp', 'sti:rw, st0:r', 'DE E8'),
  stackRow('fdivrp', 'sti:rw, st0:r', 'DE F0'),
  stackRow('fdivp', 'sti:rw, st0:r', 'DE F8'),
  // Undocumented by Intel, in every processor, used by old compilers.
  stackRow('ffreep', 'sti:w', 'DF C0'),
  // Aliases that processors accept and no manual of today lists.
  stackRow('fstpnce', 'sti:w', 'D9 D8'),
  stackRow('fcom2', 'st0:r, sti:r', 'DC D0'),
  stackRow('fcomp3', 'st0:r, sti:r', 'DC D8'),
  stackRow('fxch4', 'sti:rw', 'DD C8'),
  stackRow('fcomp5', 'st0:r, sti:r', 'DE D0'),
  stackRow('fxch7', 'sti:rw', 'DF C8'),
  stackRow('fstp8', 'sti:w', 'DF D0'),
  stackRow('fstp9', 'sti:w', 'DF D8'),
  row('fnstsw', 'ax:w', 'DF E0'),
  stackRow('fucomip', 'st0:r, sti:r', 'DF E8', COMI),
  stackRow('fcomip', 'st0:r, sti:r', 'DF F0', COMI),
];

export const x87Rows: readonly RowSource[] = [
  row('fwait', '', '9B', { unit: 'x87' }),
  ...memoryArithmetic('D8', 'f', 32),
  ...memoryArithmetic('DA', 'fi', 32),
  ...memoryArithmetic('DC', 'f', 64),
  ...memoryArithmetic('DE', 'fi', 16),
  ...loads,
  ...registers,
];
