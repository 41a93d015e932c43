/** General-purpose integer instructions (Intel SDM vol. 2; baseline x86-64 and small extensions). */
import { type RowOptions, type RowSource, row } from './row.ts';

const ARITH = 'w=oszapc';
const LOGIC = 'w=oszpc u=a';

/** `[rm operand, register operand, size token]` of the 16-, 32- and 64-bit forms. */
const SIZES = [
  ['16', 'o16'],
  ['32', 'o32'],
  ['64', 'REX.W'],
] as const;

/** add, or, adc, sbb, and, sub, xor, cmp: opcode block 00–3F and group 1. */
function alu(mnemonic: string, n: number, flags: string): RowSource[] {
  const dest = mnemonic === 'cmp' ? 'r' : 'rw';
  const options: RowOptions = { flags, lock: mnemonic !== 'cmp' };
  const noLock: RowOptions = { flags };
  const op = (low: number) => (n * 8 + low).toString(16).padStart(2, '0').toUpperCase();
  const rows = [
    row(mnemonic, `rm8:${dest}, r8:r`, `${op(0)} /r`, options),
    row(mnemonic, `r8:${dest}, rm8:r`, `${op(2)} /r`, noLock),
    row(mnemonic, `al:${dest}, imm8`, `${op(4)} ib`, noLock),
    row(mnemonic, `rm8:${dest}, imm8`, `80 /${n} ib`, options),
  ];
  for (const [bits, size] of SIZES) {
    const imm = bits === '64' ? 'imm32s' : `imm${bits}`;
    const immBytes = bits === '16' ? 'iw' : 'id';
    const a = bits === '16' ? 'ax' : bits === '32' ? 'eax' : 'rax';
    rows.push(
      row(mnemonic, `rm${bits}:${dest}, r${bits}:r`, `${size} ${op(1)} /r`, options),
      row(mnemonic, `r${bits}:${dest}, rm${bits}:r`, `${size} ${op(3)} /r`, noLock),
      row(mnemonic, `rm${bits}:${dest}, imm8s`, `${size} 83 /${n} ib`, options),
      row(mnemonic, `${a}:${dest}, ${imm}`, `${size} ${op(5)} ${immBytes}`, noLock),
      row(mnemonic, `rm${bits}:${dest}, ${imm}`, `${size} 81 /${n} ${immBytes}`, options),
    );
  }
  return rows;
}

/** rol … sar: by 1, by cl, by imm8. A masked count of 0 changes no flag. */
function shift(mnemonic: string, n: number): RowSource[] {
  const rotate = n < 4;
  const carryIn = n === 2 || n === 3 ? 'r=c ' : '';
  const one = rotate ? `${carryIn}w=oc` : 'w=oszpc u=a';
  const many = rotate ? `${carryIn}w=c u=o m=oc` : 'w=szpc u=oa m=oszapc';
  const rows: RowSource[] = [];
  for (const [bits, size] of [['8', ''], ...SIZES] as const) {
    const prefix = size === '' ? '' : `${size} `;
    const odd = bits === '8' ? 0 : 1;
    rows.push(
      row(mnemonic, `rm${bits}:rw, 1`, `${prefix}D${odd} /${n}`, { flags: one }),
      row(mnemonic, `rm${bits}:rw, cl:r`, `${prefix}D${2 + odd} /${n}`, { flags: many }),
      row(mnemonic, `rm${bits}:rw, imm8`, `${prefix}C${odd} /${n} ib`, { flags: many }),
    );
  }
  return rows;
}

/** One-operand group 3/4/5 forms and other `op rm` rows in four sizes. */
function unary(
  mnemonic: string,
  byteOpcode: string,
  ext: string,
  access: string,
  options: RowOptions,
): RowSource[] {
  const wide = (Number.parseInt(byteOpcode, 16) + 1).toString(16).toUpperCase();
  return [
    row(mnemonic, `rm8:${access}`, `${byteOpcode} ${ext}`, options),
    ...SIZES.map(([bits, size]) =>
      row(mnemonic, `rm${bits}:${access}`, `${size} ${wide} ${ext}`, options),
    ),
  ];
}

/** Rows `TEMPLATE` for 16, 32, 64 bits: `#` is the size in operands, `SIZE` the prefix token. */
function sized(
  mnemonic: string,
  operands: string,
  encoding: string,
  options: RowOptions = {},
): RowSource[] {
  return SIZES.map(([bits, size]) =>
    row(mnemonic, operands.replaceAll('#', bits), encoding.replace('SIZE', size), options),
  );
}

// Undefined by the manual; measured: AMD keeps what was there.
const MUL_FLAGS = 'w=oc u=szap m=szap';
const DIV_FLAGS = 'u=oszapc m=oszapc';

/** mul, imul, div, idiv with one operand. The 16-bit forms keep the rest of RDX. */
const multiply = (mnemonic: string, n: number, flags: string): RowSource[] => [
  row(mnemonic, 'rm8:r', `F6 /${n}`, { flags, in: 'rax', out: 'rax' }),
  row(mnemonic, 'rm16:r', `o16 F7 /${n}`, { flags, in: 'rax rdx', out: 'rax rdx' }),
  ...(['o32', 'REX.W'] as const).map((size) =>
    row(mnemonic, size === 'o32' ? 'rm32:r' : 'rm64:r', `${size} F7 /${n}`, {
      ...{ flags, in: n < 6 ? 'rax' : 'rax rdx', out: 'rax rdx' },
    }),
  ),
];

const move: RowSource[] = [
  row('mov', 'rm8:w, r8:r', '88 /r'),
  ...sized('mov', 'rm#:w, r#:r', 'SIZE 89 /r'),
  row('mov', 'r8:w, rm8:r', '8A /r'),
  ...sized('mov', 'r#:w, rm#:r', 'SIZE 8B /r'),
  row('mov', 'r8:w, imm8', 'B0+r ib'),
  row('mov', 'r16:w, imm16', 'o16 B8+r iw'),
  row('mov', 'r32:w, imm32', 'o32 B8+r id'),
  row('mov', 'rm8:w, imm8', 'C6 /0 ib'),
  row('mov', 'rm16:w, imm16', 'o16 C7 /0 iw'),
  row('mov', 'rm32:w, imm32', 'o32 C7 /0 id'),
  row('mov', 'rm64:w, imm32s', 'REX.W C7 /0 id'),
  row('movabs', 'r64:w, imm64', 'REX.W B8+r io'),
  row('movabs', 'al:w, moffs8:r', 'A0'),
  row('movabs', 'ax:w, moffs16:r', 'o16 A1'),
  row('movabs', 'eax:w, moffs32:r', 'o32 A1'),
  row('movabs', 'rax:w, moffs64:r', 'REX.W A1'),
  row('movabs', 'moffs8:w, al:r', 'A2'),
  row('movabs', 'moffs16:w, ax:r', 'o16 A3'),
  row('movabs', 'moffs32:w, eax:r', 'o32 A3'),
  row('movabs', 'moffs64:w, rax:r', 'REX.W A3'),
  ...sized('movzx', 'r#:w, rm8:r', 'SIZE 0F B6 /r'),
  ...sized('movzx', 'r#:w, rm16:r', 'SIZE 0F B7 /r'),
  ...sized('movsx', 'r#:w, rm8:r', 'SIZE 0F BE /r'),
  ...sized('movsx', 'r#:w, rm16:r', 'SIZE 0F BF /r'),
  // Intel: r/m16; AMD reads 32 bits (measured), as objdump has it.
  row('movsxd', 'r16:w, rm32:r', 'o16 63 /r'),
  row('movsxd', 'r32:w, rm32:r', 'o32 63 /r'),
  row('movsxd', 'r64:w, rm32:r', 'REX.W 63 /r'),
  ...sized('lea', 'r#:w, m:n', 'SIZE 8D /r'),
  ...sized('movbe', 'r#:w, m#:r', 'SIZE 0F 38 F0 /r', { features: 'movbe' }),
  ...sized('movbe', 'm#:w, r#:r', 'SIZE 0F 38 F1 /r', { features: 'movbe' }),
  row('movnti', 'm32:w, r32:r', 'NP W0 0F C3 /r'),
  row('movnti', 'm64:w, r64:r', 'NP REX.W 0F C3 /r'),
];

const CMPXCHG8: RowOptions = {
  lock: true,
  flags: 'w=z',
  in: 'rax rdx rbx rcx',
  out: 'rax rdx',
};
const CMPXCHG: RowOptions = { lock: true, flags: ARITH, in: 'rax', out: 'rax' };

const exchange: RowSource[] = [
  row('xchg', 'rm8:rw, r8:rw', '86 /r', { lock: true }),
  ...sized('xchg', 'rm#:rw, r#:rw', 'SIZE 87 /r', { lock: true }),
  // 90 itself is nop; only with REX.B it is xchg r8, rax.
  row('nop', '', '90'),
  row('pause', '', 'F3 90'),
  row('xchg', 'r16:rw, ax:rw', 'o16 90+r'),
  row('xchg', 'r32:rw, eax:rw', 'o32 90+r'),
  row('xchg', 'r64:rw, rax:rw', 'REX.W 90+r'),
  row('xadd', 'rm8:rw, r8:rw', '0F C0 /r', { lock: true, flags: ARITH }),
  ...sized('xadd', 'rm#:rw, r#:rw', 'SIZE 0F C1 /r', { lock: true, flags: ARITH }),
  row('cmpxchg', 'rm8:rw, r8:r', '0F B0 /r', CMPXCHG),
  ...sized('cmpxchg', 'rm#:rw, r#:r', 'SIZE 0F B1 /r', CMPXCHG),
  row('cmpxchg8b', 'm64:rw', 'W0 0F C7 /1', CMPXCHG8),
  row('cmpxchg16b', 'm128:rw', 'REX.W 0F C7 /1', { ...CMPXCHG8, features: 'cx16' }),
  row('bswap', 'r32:rw', 'o32 0F C8+r'),
  row('bswap', 'r64:rw', 'REX.W 0F C8+r'),
  // Undefined by the manual (the result is 0 on common processors).
  row('bswap', 'r16:rw', 'o16 0F C8+r'),
];

const arithmetic: RowSource[] = [
  ...alu('add', 0, ARITH),
  ...alu('or', 1, LOGIC),
  ...alu('adc', 2, `r=c ${ARITH}`),
  ...alu('sbb', 3, `r=c ${ARITH}`),
  ...alu('and', 4, LOGIC),
  ...alu('sub', 5, ARITH),
  ...alu('xor', 6, LOGIC),
  ...alu('cmp', 7, ARITH),
  row('test', 'rm8:r, r8:r', '84 /r', { flags: LOGIC }),
  ...sized('test', 'rm#:r, r#:r', 'SIZE 85 /r', { flags: LOGIC }),
  row('test', 'al:r, imm8', 'A8 ib', { flags: LOGIC }),
  row('test', 'ax:r, imm16', 'o16 A9 iw', { flags: LOGIC }),
  row('test', 'eax:r, imm32', 'o32 A9 id', { flags: LOGIC }),
  row('test', 'rax:r, imm32s', 'REX.W A9 id', { flags: LOGIC }),
  ...[0, 1].flatMap((n) => [
    row('test', 'rm8:r, imm8', `F6 /${n} ib`, { flags: LOGIC }),
    row('test', 'rm16:r, imm16', `o16 F7 /${n} iw`, { flags: LOGIC }),
    row('test', 'rm32:r, imm32', `o32 F7 /${n} id`, { flags: LOGIC }),
    row('test', 'rm64:r, imm32s', `REX.W F7 /${n} id`, { flags: LOGIC }),
  ]),
  ...unary('not', 'F6', '/2', 'rw', { lock: true }),
  ...unary('neg', 'F6', '/3', 'rw', { lock: true, flags: ARITH }),
  ...unary('inc', 'FE', '/0', 'rw', { lock: true, flags: 'w=oszap' }),
  ...unary('dec', 'FE', '/1', 'rw', { lock: true, flags: 'w=oszap' }),
  ...multiply('mul', 4, MUL_FLAGS),
  ...multiply('imul', 5, MUL_FLAGS),
  ...multiply('div', 6, DIV_FLAGS),
  ...multiply('idiv', 7, DIV_FLAGS),
  ...sized('imul', 'r#:rw, rm#:r', 'SIZE 0F AF /r', { flags: MUL_FLAGS }),
  ...sized('imul', 'r#:w, rm#:r, imm8s', 'SIZE 6B /r ib', { flags: MUL_FLAGS }),
  row('imul', 'r16:w, rm16:r, imm16', 'o16 69 /r iw', { flags: MUL_FLAGS }),
  row('imul', 'r32:w, rm32:r, imm32', 'o32 69 /r id', { flags: MUL_FLAGS }),
  row('imul', 'r64:w, rm64:r, imm32s', 'REX.W 69 /r id', { flags: MUL_FLAGS }),
  row('cbw', '', 'o16 98', { in: 'rax', out: 'rax' }),
  row('cwde', '', 'o32 98', { in: 'rax', out: 'rax' }),
  row('cdqe', '', 'REX.W 98', { in: 'rax', out: 'rax' }),
  row('cwd', '', 'o16 99', { in: 'rax rdx', out: 'rdx' }),
  row('cdq', '', 'o32 99', { in: 'rax', out: 'rdx' }),
  row('cqo', '', 'REX.W 99', { in: 'rax', out: 'rdx' }),
  ...shift('rol', 0),
  ...shift('ror', 1),
  ...shift('rcl', 2),
  ...shift('rcr', 3),
  ...shift('shl', 4),
  ...shift('shr', 5),
  // /6 is an undocumented alias of /4 (sal).
  ...shift('sal', 6),
  ...shift('sar', 7),
  ...['shld A4 A5', 'shrd AC AD'].flatMap((text) => {
    const [name, imm, cl] = text.split(' ') as [string, string, string];
    const flags = 'w=szpc u=oa m=oszapc';
    return [
      ...sized(name, 'rm#:rw, r#:r, imm8', `SIZE 0F ${imm} /r ib`, { flags }),
      ...sized(name, 'rm#:rw, r#:r, cl:r', `SIZE 0F ${cl} /r`, { flags }),
    ];
  }),
];

const flagRows: RowSource[] = [
  row('lahf', '', '9F', { in: 'rax', out: 'rax', flags: 'r=szapc', features: 'lahf_lm' }),
  row('sahf', '', '9E', { in: 'rax', flags: 'w=szapc', features: 'lahf_lm' }),
  row('cmc', '', 'F5', { flags: 'r=c w=c' }),
  row('clc', '', 'F8', { flags: 'w=c' }),
  row('stc', '', 'F9', { flags: 'w=c' }),
  row('cld', '', 'FC', { flags: 'w=d' }),
  row('std', '', 'FD', { flags: 'w=d' }),
];

/** Hint space 0F 18–1F, prefetches, cache control, fences, and what newer processors made of it. */
const hints: RowSource[] = [
  ...sized('nop', 'rm#:n', 'SIZE 0F 1F /r'),
  row('endbr64', '', 'F3 0F 1E FA'),
  row('endbr32', '', 'F3 0F 1E FB'),
  // Without shadow stacks (which guests do not have) rdssp leaves its operand unchanged.
  row('rdsspd', 'r32@rm:n', 'F3 W0 0F 1E /1'),
  row('rdsspq', 'r64@rm:n', 'F3 REX.W 0F 1E /1'),
  ...['nta', 't0', 't1', 't2'].map((hint, n) => row(`prefetch${hint}`, 'm8:n', `0F 18 /${n}`)),
  // ModRM.reg is ignored from here on, where another row does not name it.
  ...[4, 5, 6, 7].map((n) => row('nop', 'rm32:n', `0F 18 /${n}`)),
  ...[0, 1, 2, 3].map((n) => row('nop', 'r32@rm:n', `0F 18 /${n}`)),
  ...sized('nop', 'rm#:n', 'SIZE 0F 19 /r'),
  ...sized('nop', 'rm#:n', 'SIZE 0F 1A /r'),
  ...sized('nop', 'rm#:n', 'SIZE 0F 1B /r'),
  ...sized('nop', 'rm#:n', 'SIZE 0F 1C /r'),
  ...sized('nop', 'rm#:n', 'SIZE 0F 1D /r'),
  ...sized('nop', 'rm#:n', 'SIZE 0F 1E /r'),
  row('prefetch', 'm8:n', '0F 0D /0', { features: '3dnowprefetch' }),
  row('prefetchw', 'm8:n', '0F 0D /1', { features: '3dnowprefetch' }),
  row('prefetchwt1', 'm8:n', '0F 0D /2', { features: '3dnowprefetch' }),
  ...[3, 4, 5, 6, 7].map((n) => row('prefetch', 'm8:n', `0F 0D /${n}`)),
  // They fault as a load of that byte does.
  row('clflush', 'm8:r', 'NP 0F AE /7'),
  row('clflushopt', 'm8:r', '66 0F AE /7', { features: 'clflushopt' }),
  row('clwb', 'm8:r', '66 0F AE /6', { features: 'clwb' }),
  row('lfence', '', 'NP 0F AE E8+i'),
  row('mfence', '', 'NP 0F AE F0+i'),
  row('sfence', '', 'NP 0F AE F8+i'),
];

export const integerRows: readonly RowSource[] = [
  ...move,
  ...exchange,
  ...arithmetic,
  ...flagRows,
  ...hints,
];
