/** SSE to SSE4.2 and SSE4A in their legacy encodings (Intel SDM vol. 2; SSE4A: AMD APM vol. 4). */
import { pairsOf } from './mmx.ts';
import { type RowOptions, type RowSource, row } from './row.ts';

const COMPARE_FLAGS: RowOptions = { flags: 'w=oszapc' };
const SSE3: RowOptions = { features: 'pni' };
const SSE41: RowOptions = { features: 'sse4_1' };
const SSE42: RowOptions = { features: 'sse4_2' };
const SSE4A: RowOptions = { features: 'sse4a' };

/** ps, pd, ss, sd: prefix, memory bits. */
const FLOAT = [
  ['ps', 'NP', 128],
  ['pd', '66', 128],
  ['ss', 'F3', 32],
  ['sd', 'F2', 64],
] as const;

const float4 = (name: string, opcode: string): RowSource[] =>
  FLOAT.map(([suffix, prefix, bits]) => {
    // sqrtps and sqrtpd overwrite, the scalar forms keep the upper part.
    const access = name === 'sqrt' && bits === 128 ? 'w' : 'rw';
    return row(`${name}${suffix}`, `xmm:${access}, xmm/m${bits}:r`, `${prefix} 0F ${opcode} /r`);
  });

const packed2 = (name: string, opcode: string, tail = '', access = 'rw'): RowSource[] =>
  FLOAT.slice(0, 2).map(([suffix, prefix]) =>
    row(
      `${name}${suffix}`,
      `xmm:${access}, xmm/m128:r${tail === '' ? '' : ', imm8'}`,
      `${prefix} 0F ${opcode} /r${tail}`,
    ),
  );

const moves: RowSource[] = [
  ...FLOAT.slice(0, 2).flatMap(([suffix, prefix]) => [
    row(`movu${suffix}`, 'xmm:w, xmm/m128:r', `${prefix} 0F 10 /r`),
    row(`movu${suffix}`, 'xmm/m128:w, xmm:r', `${prefix} 0F 11 /r`),
    row(`mova${suffix}`, 'xmm:w, xmm/m128:r', `${prefix} 0F 28 /r`),
    row(`mova${suffix}`, 'xmm/m128:w, xmm:r', `${prefix} 0F 29 /r`),
    row(`movl${suffix}`, 'xmm:rw, m64:r', `${prefix} 0F 12 /r`),
    row(`movl${suffix}`, 'm64:w, xmm:r', `${prefix} 0F 13 /r`),
    row(`movh${suffix}`, 'xmm:rw, m64:r', `${prefix} 0F 16 /r`),
    row(`movh${suffix}`, 'm64:w, xmm:r', `${prefix} 0F 17 /r`),
    row(`movnt${suffix}`, 'm128:w, xmm:r', `${prefix} 0F 2B /r`),
    row(`movmsk${suffix}`, 'r32:w, xmm@rm:r', `${prefix} 0F 50 /r`),
    row(
      `ucomi${suffix === 'ps' ? 'ss' : 'sd'}`,
      `xmm:r, xmm/m${suffix === 'ps' ? 32 : 64}:r`,
      `${prefix} 0F 2E /r`,
      COMPARE_FLAGS,
    ),
    row(
      `comi${suffix === 'ps' ? 'ss' : 'sd'}`,
      `xmm:r, xmm/m${suffix === 'ps' ? 32 : 64}:r`,
      `${prefix} 0F 2F /r`,
      COMPARE_FLAGS,
    ),
  ]),
  row('movhlps', 'xmm:rw, xmm@rm:r', 'NP 0F 12 /r'),
  row('movlhps', 'xmm:rw, xmm@rm:r', 'NP 0F 16 /r'),
  row('movss', 'xmm:rw, xmm/m32:r', 'F3 0F 10 /r'),
  row('movss', 'xmm/m32:rw, xmm:r', 'F3 0F 11 /r'),
  row('movsd', 'xmm:rw, xmm/m64:r', 'F2 0F 10 /r'),
  row('movsd', 'xmm/m64:rw, xmm:r', 'F2 0F 11 /r'),
  row('movsldup', 'xmm:w, xmm/m128:r', 'F3 0F 12 /r', SSE3),
  row('movshdup', 'xmm:w, xmm/m128:r', 'F3 0F 16 /r', SSE3),
  row('movddup', 'xmm:w, xmm/m64:r', 'F2 0F 12 /r', SSE3),
  row('lddqu', 'xmm:w, m128:r', 'F2 0F F0 /r', SSE3),
  row('movdqa', 'xmm:w, xmm/m128:r', '66 0F 6F /r'),
  row('movdqa', 'xmm/m128:w, xmm:r', '66 0F 7F /r'),
  row('movdqu', 'xmm:w, xmm/m128:r', 'F3 0F 6F /r'),
  row('movdqu', 'xmm/m128:w, xmm:r', 'F3 0F 7F /r'),
  row('movd', 'xmm:w, rm32:r', '66 W0 0F 6E /r'),
  row('movq', 'xmm:w, rm64:r', '66 REX.W 0F 6E /r'),
  row('movd', 'rm32:w, xmm:r', '66 W0 0F 7E /r'),
  row('movq', 'rm64:w, xmm:r', '66 REX.W 0F 7E /r'),
  row('movq', 'xmm:w, xmm/m64:r', 'F3 0F 7E /r'),
  row('movq', 'xmm/m64:w, xmm:r', '66 0F D6 /r'),
  row('movntdq', 'm128:w, xmm:r', '66 0F E7 /r'),
  row('movntdqa', 'xmm:w, m128:r', '66 0F 38 2A /r', SSE41),
  row('maskmovdqu', 'xmm:r, xmm@rm:r', '66 0F F7 /r', {
    ...{ in: 'rdi', mem: 'w:ds:rdi:128', gsSafe: true },
  }),
  row('pmovmskb', 'r32:w, xmm@rm:r', '66 0F D7 /r'),
];

const floats: RowSource[] = [
  ...float4('sqrt', '51'),
  row('rsqrtps', 'xmm:w, xmm/m128:r', 'NP 0F 52 /r'),
  row('rsqrtss', 'xmm:rw, xmm/m32:r', 'F3 0F 52 /r'),
  row('rcpps', 'xmm:w, xmm/m128:r', 'NP 0F 53 /r'),
  row('rcpss', 'xmm:rw, xmm/m32:r', 'F3 0F 53 /r'),
  ...packed2('unpckl', '14'),
  ...packed2('unpckh', '15'),
  ...packed2('and', '54'),
  ...packed2('andn', '55'),
  ...packed2('or', '56'),
  ...packed2('xor', '57'),
  ...float4('add', '58'),
  ...float4('mul', '59'),
  ...float4('sub', '5C'),
  ...float4('min', '5D'),
  ...float4('div', '5E'),
  ...float4('max', '5F'),
  ...FLOAT.map(([suffix, prefix, bits]) =>
    row(`cmp${suffix}`, `xmm:rw, xmm/m${bits}:r, imm8`, `${prefix} 0F C2 /r ib`),
  ),
  ...packed2('shuf', 'C6', ' ib'),
  ...['hadd 7C', 'hsub 7D', 'addsub D0'].flatMap((text) => {
    const [name, opcode] = text.split(' ');
    return [
      row(`${name}pd`, 'xmm:rw, xmm/m128:r', `66 0F ${opcode} /r`, SSE3),
      row(`${name}ps`, 'xmm:rw, xmm/m128:r', `F2 0F ${opcode} /r`, SSE3),
    ];
  }),
];

const conversions: RowSource[] = [
  ...(
    [
      ['ss', 'F3', 32],
      ['sd', 'F2', 64],
    ] as const
  ).flatMap(([suffix, prefix, bits]) => [
    row(`cvtsi2${suffix}`, 'xmm:rw, rm32:r', `${prefix} W0 0F 2A /r`),
    row(`cvtsi2${suffix}`, 'xmm:rw, rm64:r', `${prefix} REX.W 0F 2A /r`),
    row(`cvtt${suffix}2si`, `r32:w, xmm/m${bits}:r`, `${prefix} W0 0F 2C /r`),
    row(`cvtt${suffix}2si`, `r64:w, xmm/m${bits}:r`, `${prefix} REX.W 0F 2C /r`),
    row(`cvt${suffix}2si`, `r32:w, xmm/m${bits}:r`, `${prefix} W0 0F 2D /r`),
    row(`cvt${suffix}2si`, `r64:w, xmm/m${bits}:r`, `${prefix} REX.W 0F 2D /r`),
  ]),
  row('cvtps2pd', 'xmm:w, xmm/m64:r', 'NP 0F 5A /r'),
  row('cvtpd2ps', 'xmm:w, xmm/m128:r', '66 0F 5A /r'),
  row('cvtss2sd', 'xmm:rw, xmm/m32:r', 'F3 0F 5A /r'),
  row('cvtsd2ss', 'xmm:rw, xmm/m64:r', 'F2 0F 5A /r'),
  row('cvtdq2ps', 'xmm:w, xmm/m128:r', 'NP 0F 5B /r'),
  row('cvtps2dq', 'xmm:w, xmm/m128:r', '66 0F 5B /r'),
  row('cvttps2dq', 'xmm:w, xmm/m128:r', 'F3 0F 5B /r'),
  row('cvttpd2dq', 'xmm:w, xmm/m128:r', '66 0F E6 /r'),
  row('cvtdq2pd', 'xmm:w, xmm/m64:r', 'F3 0F E6 /r'),
  row('cvtpd2dq', 'xmm:w, xmm/m128:r', 'F2 0F E6 /r'),
];

const integers: RowSource[] = [
  row('punpcklqdq', 'xmm:rw, xmm/m128:r', '66 0F 6C /r'),
  row('punpckhqdq', 'xmm:rw, xmm/m128:r', '66 0F 6D /r'),
  row('pshufd', 'xmm:w, xmm/m128:r, imm8', '66 0F 70 /r ib'),
  row('pshufhw', 'xmm:w, xmm/m128:r, imm8', 'F3 0F 70 /r ib'),
  row('pshuflw', 'xmm:w, xmm/m128:r, imm8', 'F2 0F 70 /r ib'),
  row('pinsrw', 'xmm:rw, r32/m16:r, imm8', '66 0F C4 /r ib'),
  row('pextrw', 'r32:w, xmm@rm:r, imm8', '66 0F C5 /r ib'),
];

/** pmovsx and pmovzx: suffix and memory bits, opcodes 20–25 and 30–35. */
export const EXTENSIONS = [
  ['bw', 64],
  ['bd', 32],
  ['bq', 16],
  ['wd', 64],
  ['wq', 32],
  ['dq', 64],
] as const;

export const SSE41_BINARY = `pmuldq 28, pcmpeqq 29, packusdw 2B, pminsb 38, pminsd 39, pminuw 3A,
  pminud 3B, pmaxsb 3C, pmaxsd 3D, pmaxuw 3E, pmaxud 3F, pmulld 40`;

const sse4: RowSource[] = [
  ...pairsOf(SSE41_BINARY).map(([name, opcode]) =>
    row(name, 'xmm:rw, xmm/m128:r', `66 0F 38 ${opcode} /r`, SSE41),
  ),
  row('pcmpgtq', 'xmm:rw, xmm/m128:r', '66 0F 38 37 /r', SSE42),
  row('phminposuw', 'xmm:w, xmm/m128:r', '66 0F 38 41 /r', SSE41),
  row('pblendvb', 'xmm:rw, xmm/m128:r, xmm0:r', '66 0F 38 10 /r', SSE41),
  row('blendvps', 'xmm:rw, xmm/m128:r, xmm0:r', '66 0F 38 14 /r', SSE41),
  row('blendvpd', 'xmm:rw, xmm/m128:r, xmm0:r', '66 0F 38 15 /r', SSE41),
  row('ptest', 'xmm:r, xmm/m128:r', '66 0F 38 17 /r', { ...SSE41, ...COMPARE_FLAGS }),
  ...EXTENSIONS.flatMap(([suffix, bits], n) => [
    row(`pmovsx${suffix}`, `xmm:w, xmm/m${bits}:r`, `66 0F 38 2${n} /r`, SSE41),
    row(`pmovzx${suffix}`, `xmm:w, xmm/m${bits}:r`, `66 0F 38 3${n} /r`, SSE41),
  ]),
  row('roundps', 'xmm:w, xmm/m128:r, imm8', '66 0F 3A 08 /r ib', SSE41),
  row('roundpd', 'xmm:w, xmm/m128:r, imm8', '66 0F 3A 09 /r ib', SSE41),
  row('roundss', 'xmm:rw, xmm/m32:r, imm8', '66 0F 3A 0A /r ib', SSE41),
  row('roundsd', 'xmm:rw, xmm/m64:r, imm8', '66 0F 3A 0B /r ib', SSE41),
  ...pairsOf('blendps 0C, blendpd 0D, pblendw 0E, dpps 40, dppd 41, mpsadbw 42').map(
    ([name, opcode]) => row(name, 'xmm:rw, xmm/m128:r, imm8', `66 0F 3A ${opcode} /r ib`, SSE41),
  ),
  row('pextrb', 'r32/m8:w, xmm:r, imm8', '66 0F 3A 14 /r ib', SSE41),
  row('pextrw', 'r32/m16:w, xmm:r, imm8', '66 0F 3A 15 /r ib', SSE41),
  row('pextrd', 'rm32:w, xmm:r, imm8', '66 W0 0F 3A 16 /r ib', SSE41),
  row('pextrq', 'rm64:w, xmm:r, imm8', '66 REX.W 0F 3A 16 /r ib', SSE41),
  row('extractps', 'rm32:w, xmm:r, imm8', '66 0F 3A 17 /r ib', SSE41),
  row('pinsrb', 'xmm:rw, r32/m8:r, imm8', '66 0F 3A 20 /r ib', SSE41),
  row('insertps', 'xmm:rw, xmm/m32:r, imm8', '66 0F 3A 21 /r ib', SSE41),
  row('pinsrd', 'xmm:rw, rm32:r, imm8', '66 W0 0F 3A 22 /r ib', SSE41),
  row('pinsrq', 'xmm:rw, rm64:r, imm8', '66 REX.W 0F 3A 22 /r ib', SSE41),
  ...(['pcmpestrm 60 xmm0', 'pcmpestri 61 rcx', 'pcmpistrm 62 xmm0', 'pcmpistri 63 rcx'] as const)
    .map((text) => text.split(' ') as [string, string, string])
    .map(([name, opcode, out]) =>
      row(name, 'xmm:r, xmm/m128:r, imm8', `66 0F 3A ${opcode} /r ib`, {
        ...SSE42,
        ...COMPARE_FLAGS,
        out,
        ...(name.includes('est') ? { in: 'rax rdx' } : {}),
      }),
    ),
  row('extrq', 'xmm@rm:rw, imm8, imm8', '66 0F 78 /0 ib ib', SSE4A),
  row('extrq', 'xmm:rw, xmm@rm:r', '66 0F 79 /r', SSE4A),
  row('insertq', 'xmm:rw, xmm@rm:r, imm8, imm8', 'F2 0F 78 /r ib ib', SSE4A),
  row('insertq', 'xmm:rw, xmm@rm:r', 'F2 0F 79 /r', SSE4A),
  row('movntss', 'm32:w, xmm:r', 'F3 0F 2B /r', SSE4A),
  row('movntsd', 'm64:w, xmm:r', 'F2 0F 2B /r', SSE4A),
];

export const sseRows: readonly RowSource[] = [
  ...moves,
  ...floats,
  ...conversions,
  ...integers,
  ...sse4,
];
