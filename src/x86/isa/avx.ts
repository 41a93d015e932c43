/** AVX, AVX2, FMA, F16C, VAES, VPCLMULQDQ and GFNI in VEX encodings (Intel SDM vol. 2). */
import { FLOAT_KINDS, FMA_ORDERS, fmaOpcodes, vexBoth } from './lengths.ts';
import { PAIRS, PAIRS_SSSE3, pairsOf } from './mmx.ts';
import { type RowOptions, type RowSource, row } from './row.ts';
import { EXTENSIONS, SSE41_BINARY } from './sse.ts';

const AVX: RowOptions = { features: 'avx' };
const AVX2: RowOptions = { features: 'avx2' };
const COMPARE: RowOptions = { features: 'avx', flags: 'w=oszapc' };

/** Integer operations: 128 bits since AVX, 256 since AVX2. */
const integer = (name: string, operands: string, encoding: string): RowSource[] =>
  vexBoth(name, operands, encoding, 'avx', 'avx2');

const float = (name: string, operands: string, encoding: string): RowSource[] =>
  vexBoth(name, operands, encoding, 'avx', 'avx');

/** Packed forms of both lengths and scalar forms of a three-operand float operation. */
const float4 = (name: string, opcode: string, two = false): RowSource[] =>
  FLOAT_KINDS.flatMap(([suffix, pp, bits]) =>
    bits === 128
      ? float(`v${name}${suffix}`, `V:w, ${two ? '' : 'V:r, '}V/M:r`, `${pp}.0F.WIG ${opcode} /r`)
      : [
          row(
            `v${name}${suffix}`,
            `xmm:w, xmm:r, xmm/m${bits}:r`,
            `VEX.LIG.${pp}.0F.WIG ${opcode} /r`,
            AVX,
          ),
        ],
  );

const float2 = (name: string, opcode: string, tail = ''): RowSource[] =>
  FLOAT_KINDS.slice(0, 2).flatMap(([suffix, pp]) =>
    float(
      `v${name}${suffix}`,
      `V:w, V:r, V/M:r${tail === '' ? '' : ', imm8'}`,
      `${pp}.0F.WIG ${opcode} /r${tail}`,
    ),
  );

const moves: RowSource[] = [
  ...FLOAT_KINDS.slice(0, 2).flatMap(([suffix, pp]) => [
    ...float(`vmovu${suffix}`, 'V:w, V/M:r', `${pp}.0F.WIG 10 /r`),
    ...float(`vmovu${suffix}`, 'V/M:w, V:r', `${pp}.0F.WIG 11 /r`),
    ...float(`vmova${suffix}`, 'V:w, V/M:r', `${pp}.0F.WIG 28 /r`),
    ...float(`vmova${suffix}`, 'V/M:w, V:r', `${pp}.0F.WIG 29 /r`),
    ...float(`vmovnt${suffix}`, 'M:w, V:r', `${pp}.0F.WIG 2B /r`),
    ...float(`vmovmsk${suffix}`, 'r32:w, V@rm:r', `${pp}.0F.WIG 50 /r`),
    row(`vmovl${suffix}`, 'xmm:w, xmm:r, m64:r', `VEX.128.${pp}.0F.WIG 12 /r`, AVX),
    row(`vmovl${suffix}`, 'm64:w, xmm:r', `VEX.128.${pp}.0F.WIG 13 /r`, AVX),
    row(`vmovh${suffix}`, 'xmm:w, xmm:r, m64:r', `VEX.128.${pp}.0F.WIG 16 /r`, AVX),
    row(`vmovh${suffix}`, 'm64:w, xmm:r', `VEX.128.${pp}.0F.WIG 17 /r`, AVX),
  ]),
  row('vmovhlps', 'xmm:w, xmm:r, xmm@rm:r', 'VEX.128.NP.0F.WIG 12 /r', AVX),
  row('vmovlhps', 'xmm:w, xmm:r, xmm@rm:r', 'VEX.128.NP.0F.WIG 16 /r', AVX),
  ...FLOAT_KINDS.slice(2).flatMap(([suffix, pp, bits]) => [
    row(`vmov${suffix}`, 'xmm:w, xmm:r, xmm@rm:r', `VEX.LIG.${pp}.0F.WIG 10 /r`, AVX),
    row(`vmov${suffix}`, `xmm:w, m${bits}:r`, `VEX.LIG.${pp}.0F.WIG 10 /r`, AVX),
    row(`vmov${suffix}`, 'xmm@rm:w, xmm@v:r, xmm@reg:r', `VEX.LIG.${pp}.0F.WIG 11 /r`, AVX),
    row(`vmov${suffix}`, `m${bits}:w, xmm:r`, `VEX.LIG.${pp}.0F.WIG 11 /r`, AVX),
  ]),
  ...float('vmovsldup', 'V:w, V/M:r', 'F3.0F.WIG 12 /r'),
  ...float('vmovshdup', 'V:w, V/M:r', 'F3.0F.WIG 16 /r'),
  row('vmovddup', 'xmm:w, xmm/m64:r', 'VEX.128.F2.0F.WIG 12 /r', AVX),
  row('vmovddup', 'ymm:w, ymm/m256:r', 'VEX.256.F2.0F.WIG 12 /r', AVX),
  ...float('vlddqu', 'V:w, M:r', 'F2.0F.WIG F0 /r'),
  ...float('vmovdqa', 'V:w, V/M:r', '66.0F.WIG 6F /r'),
  ...float('vmovdqa', 'V/M:w, V:r', '66.0F.WIG 7F /r'),
  ...float('vmovdqu', 'V:w, V/M:r', 'F3.0F.WIG 6F /r'),
  ...float('vmovdqu', 'V/M:w, V:r', 'F3.0F.WIG 7F /r'),
  row('vmovd', 'xmm:w, rm32:r', 'VEX.128.66.0F.W0 6E /r', AVX),
  row('vmovq', 'xmm:w, rm64:r', 'VEX.128.66.0F.W1 6E /r', AVX),
  row('vmovd', 'rm32:w, xmm:r', 'VEX.128.66.0F.W0 7E /r', AVX),
  row('vmovq', 'rm64:w, xmm:r', 'VEX.128.66.0F.W1 7E /r', AVX),
  row('vmovq', 'xmm:w, xmm/m64:r', 'VEX.128.F3.0F.WIG 7E /r', AVX),
  row('vmovq', 'xmm/m64:w, xmm:r', 'VEX.128.66.0F.WIG D6 /r', AVX),
  ...float('vmovntdq', 'M:w, V:r', '66.0F.WIG E7 /r'),
  ...integer('vmovntdqa', 'V:w, M:r', '66.0F38.WIG 2A /r'),
  ...integer('vpmovmskb', 'r32:w, V@rm:r', '66.0F.WIG D7 /r'),
  row('vmaskmovdqu', 'xmm:r, xmm@rm:r', 'VEX.128.66.0F.WIG F7 /r', {
    ...{ ...AVX, in: 'rdi', mem: 'w:ds:rdi:128', gsSafe: true },
  }),
  row('vzeroupper', '', 'VEX.128.NP.0F.WIG 77', {
    ...{ ...AVX, unit: 'avx', in: 'xmm*', out: 'xmm*' },
  }),
  row('vzeroall', '', 'VEX.256.NP.0F.WIG 77', { ...AVX, unit: 'avx', out: 'xmm*' }),
];

const floats: RowSource[] = [
  ...float4('sqrt', '51', true),
  ...float('vrsqrtps', 'V:w, V/M:r', 'NP.0F.WIG 52 /r'),
  row('vrsqrtss', 'xmm:w, xmm:r, xmm/m32:r', 'VEX.LIG.F3.0F.WIG 52 /r', AVX),
  ...float('vrcpps', 'V:w, V/M:r', 'NP.0F.WIG 53 /r'),
  row('vrcpss', 'xmm:w, xmm:r, xmm/m32:r', 'VEX.LIG.F3.0F.WIG 53 /r', AVX),
  ...pairsOf('unpckl 14, unpckh 15, and 54, andn 55, or 56, xor 57').flatMap(([name, opcode]) =>
    float2(name, opcode),
  ),
  ...float2('shuf', 'C6', ' ib'),
  ...pairsOf('add 58, mul 59, sub 5C, min 5D, div 5E, max 5F').flatMap(([name, opcode]) =>
    float4(name, opcode),
  ),
  ...FLOAT_KINDS.flatMap(([suffix, pp, bits]) =>
    bits === 128
      ? float(`vcmp${suffix}`, 'V:w, V:r, V/M:r, imm8', `${pp}.0F.WIG C2 /r ib`)
      : row(
          `vcmp${suffix}`,
          `xmm:w, xmm:r, xmm/m${bits}:r, imm8`,
          `VEX.LIG.${pp}.0F.WIG C2 /r ib`,
          AVX,
        ),
  ),
  ...pairsOf('hadd 7C, hsub 7D, addsub D0').flatMap(([name, opcode]) => [
    ...float(`v${name}pd`, 'V:w, V:r, V/M:r', `66.0F.WIG ${opcode} /r`),
    ...float(`v${name}ps`, 'V:w, V:r, V/M:r', `F2.0F.WIG ${opcode} /r`),
  ]),
  row('vucomiss', 'xmm:r, xmm/m32:r', 'VEX.LIG.NP.0F.WIG 2E /r', COMPARE),
  row('vucomisd', 'xmm:r, xmm/m64:r', 'VEX.LIG.66.0F.WIG 2E /r', COMPARE),
  row('vcomiss', 'xmm:r, xmm/m32:r', 'VEX.LIG.NP.0F.WIG 2F /r', COMPARE),
  row('vcomisd', 'xmm:r, xmm/m64:r', 'VEX.LIG.66.0F.WIG 2F /r', COMPARE),
  ...float('vroundps', 'V:w, V/M:r, imm8', '66.0F3A.WIG 08 /r ib'),
  ...float('vroundpd', 'V:w, V/M:r, imm8', '66.0F3A.WIG 09 /r ib'),
  row('vroundss', 'xmm:w, xmm:r, xmm/m32:r, imm8', 'VEX.LIG.66.0F3A.WIG 0A /r ib', AVX),
  row('vroundsd', 'xmm:w, xmm:r, xmm/m64:r, imm8', 'VEX.LIG.66.0F3A.WIG 0B /r ib', AVX),
  ...float('vblendps', 'V:w, V:r, V/M:r, imm8', '66.0F3A.WIG 0C /r ib'),
  ...float('vblendpd', 'V:w, V:r, V/M:r, imm8', '66.0F3A.WIG 0D /r ib'),
  ...float('vdpps', 'V:w, V:r, V/M:r, imm8', '66.0F3A.WIG 40 /r ib'),
  row('vdppd', 'xmm:w, xmm:r, xmm/m128:r, imm8', 'VEX.128.66.0F3A.WIG 41 /r ib', AVX),
  ...float('vblendvps', 'V:w, V:r, V/M:r, V@is4:r', '66.0F3A.W0 4A /r /is4'),
  ...float('vblendvpd', 'V:w, V:r, V/M:r, V@is4:r', '66.0F3A.W0 4B /r /is4'),
  ...float('vtestps', 'V:r, V/M:r', '66.0F38.W0 0E /r').map((r) => ({ ...r, options: COMPARE })),
  ...float('vtestpd', 'V:r, V/M:r', '66.0F38.W0 0F /r').map((r) => ({ ...r, options: COMPARE })),
  ...float('vptest', 'V:r, V/M:r', '66.0F38.WIG 17 /r').map((r) => ({ ...r, options: COMPARE })),
];

const conversions: RowSource[] = [
  ...FLOAT_KINDS.slice(2).flatMap(([suffix, pp, bits]) => [
    row(`vcvtsi2${suffix}`, 'xmm:w, xmm:r, rm32:r', `VEX.LIG.${pp}.0F.W0 2A /r`, AVX),
    row(`vcvtsi2${suffix}`, 'xmm:w, xmm:r, rm64:r', `VEX.LIG.${pp}.0F.W1 2A /r`, AVX),
    row(`vcvtt${suffix}2si`, `r32:w, xmm/m${bits}:r`, `VEX.LIG.${pp}.0F.W0 2C /r`, AVX),
    row(`vcvtt${suffix}2si`, `r64:w, xmm/m${bits}:r`, `VEX.LIG.${pp}.0F.W1 2C /r`, AVX),
    row(`vcvt${suffix}2si`, `r32:w, xmm/m${bits}:r`, `VEX.LIG.${pp}.0F.W0 2D /r`, AVX),
    row(`vcvt${suffix}2si`, `r64:w, xmm/m${bits}:r`, `VEX.LIG.${pp}.0F.W1 2D /r`, AVX),
  ]),
  row('vcvtps2pd', 'xmm:w, xmm/m64:r', 'VEX.128.NP.0F.WIG 5A /r', AVX),
  row('vcvtps2pd', 'ymm:w, xmm/m128:r', 'VEX.256.NP.0F.WIG 5A /r', AVX),
  row('vcvtpd2ps', 'xmm:w, xmm/m128:r', 'VEX.128.66.0F.WIG 5A /r', AVX),
  row('vcvtpd2ps', 'xmm:w, ymm/m256:r', 'VEX.256.66.0F.WIG 5A /r', AVX),
  row('vcvtss2sd', 'xmm:w, xmm:r, xmm/m32:r', 'VEX.LIG.F3.0F.WIG 5A /r', AVX),
  row('vcvtsd2ss', 'xmm:w, xmm:r, xmm/m64:r', 'VEX.LIG.F2.0F.WIG 5A /r', AVX),
  ...float('vcvtdq2ps', 'V:w, V/M:r', 'NP.0F.WIG 5B /r'),
  ...float('vcvtps2dq', 'V:w, V/M:r', '66.0F.WIG 5B /r'),
  ...float('vcvttps2dq', 'V:w, V/M:r', 'F3.0F.WIG 5B /r'),
  row('vcvttpd2dq', 'xmm:w, xmm/m128:r', 'VEX.128.66.0F.WIG E6 /r', AVX),
  row('vcvttpd2dq', 'xmm:w, ymm/m256:r', 'VEX.256.66.0F.WIG E6 /r', AVX),
  row('vcvtdq2pd', 'xmm:w, xmm/m64:r', 'VEX.128.F3.0F.WIG E6 /r', AVX),
  row('vcvtdq2pd', 'ymm:w, xmm/m128:r', 'VEX.256.F3.0F.WIG E6 /r', AVX),
  row('vcvtpd2dq', 'xmm:w, xmm/m128:r', 'VEX.128.F2.0F.WIG E6 /r', AVX),
  row('vcvtpd2dq', 'xmm:w, ymm/m256:r', 'VEX.256.F2.0F.WIG E6 /r', AVX),
  row('vcvtph2ps', 'xmm:w, xmm/m64:r', 'VEX.128.66.0F38.W0 13 /r', { features: 'f16c' }),
  row('vcvtph2ps', 'ymm:w, xmm/m128:r', 'VEX.256.66.0F38.W0 13 /r', { features: 'f16c' }),
  row('vcvtps2ph', 'xmm/m64:w, xmm:r, imm8', 'VEX.128.66.0F3A.W0 1D /r ib', { features: 'f16c' }),
  row('vcvtps2ph', 'xmm/m128:w, ymm:r, imm8', 'VEX.256.66.0F3A.W0 1D /r ib', { features: 'f16c' }),
];

/** Shifts by a count in an xmm register or 128 bits of memory, and by immediate. */
const shifts: RowSource[] = [
  ...pairsOf(
    'psrlw D1, psrld D2, psrlq D3, psraw E1, psrad E2, psllw F1, pslld F2, psllq F3',
  ).flatMap(([name, opcode]) =>
    integer(`v${name}`, 'V:w, V:r, xmm/m128:r', `66.0F.WIG ${opcode} /r`),
  ),
  ...pairsOf(
    `psrlw 71/2, psraw 71/4, psllw 71/6, psrld 72/2, psrad 72/4, pslld 72/6, psrlq 73/2,
     psrldq 73/3, psllq 73/6, pslldq 73/7`,
  ).flatMap(([name, code]) =>
    integer(`v${name}`, 'V@v:w, V@rm:r, imm8', `66.0F.WIG ${code.slice(0, 2)} ${code.slice(2)} ib`),
  ),
  ...['psrlv 45', 'psllv 47'].flatMap((text) => {
    const [name, opcode] = text.split(' ');
    return [
      ...vexBoth(`v${name}d`, 'V:w, V:r, V/M:r', `66.0F38.W0 ${opcode} /r`, 'avx2', 'avx2'),
      ...vexBoth(`v${name}q`, 'V:w, V:r, V/M:r', `66.0F38.W1 ${opcode} /r`, 'avx2', 'avx2'),
    ];
  }),
  ...vexBoth('vpsravd', 'V:w, V:r, V/M:r', '66.0F38.W0 46 /r', 'avx2', 'avx2'),
];

const isShift = (name: string) => /^ps(rl|ra|ll)[wdq]$/.test(name);

const integers: RowSource[] = [
  ...pairsOf(`${PAIRS}, punpcklqdq 6C, punpckhqdq 6D`)
    .filter(([name]) => !isShift(name))
    .flatMap(([name, opcode]) => integer(`v${name}`, 'V:w, V:r, V/M:r', `66.0F.WIG ${opcode} /r`)),
  ...pairsOf(PAIRS_SSSE3).flatMap(([name, opcode]) =>
    integer(
      `v${name}`,
      name.startsWith('pabs') ? 'V:w, V/M:r' : 'V:w, V:r, V/M:r',
      `66.0F38.WIG ${opcode} /r`,
    ),
  ),
  ...pairsOf(`${SSE41_BINARY}, pcmpgtq 37`).flatMap(([name, opcode]) =>
    integer(`v${name}`, 'V:w, V:r, V/M:r', `66.0F38.WIG ${opcode} /r`),
  ),
  ...integer('vpalignr', 'V:w, V:r, V/M:r, imm8', '66.0F3A.WIG 0F /r ib'),
  ...integer('vpblendw', 'V:w, V:r, V/M:r, imm8', '66.0F3A.WIG 0E /r ib'),
  ...integer('vmpsadbw', 'V:w, V:r, V/M:r, imm8', '66.0F3A.WIG 42 /r ib'),
  ...integer('vpblendvb', 'V:w, V:r, V/M:r, V@is4:r', '66.0F3A.W0 4C /r /is4'),
  ...integer('vpshufd', 'V:w, V/M:r, imm8', '66.0F.WIG 70 /r ib'),
  ...integer('vpshufhw', 'V:w, V/M:r, imm8', 'F3.0F.WIG 70 /r ib'),
  ...integer('vpshuflw', 'V:w, V/M:r, imm8', 'F2.0F.WIG 70 /r ib'),
  row('vphminposuw', 'xmm:w, xmm/m128:r', 'VEX.128.66.0F38.WIG 41 /r', AVX),
  ...EXTENSIONS.flatMap(([suffix, bits], n) => [
    row(`vpmovsx${suffix}`, `xmm:w, xmm/m${bits}:r`, `VEX.128.66.0F38.WIG 2${n} /r`, AVX),
    row(`vpmovsx${suffix}`, `ymm:w, xmm/m${bits * 2}:r`, `VEX.256.66.0F38.WIG 2${n} /r`, AVX2),
    row(`vpmovzx${suffix}`, `xmm:w, xmm/m${bits}:r`, `VEX.128.66.0F38.WIG 3${n} /r`, AVX),
    row(`vpmovzx${suffix}`, `ymm:w, xmm/m${bits * 2}:r`, `VEX.256.66.0F38.WIG 3${n} /r`, AVX2),
  ]),
  ...vexBoth('vpblendd', 'V:w, V:r, V/M:r, imm8', '66.0F3A.W0 02 /r ib', 'avx2', 'avx2'),
  row('vpermq', 'ymm:w, ymm/m256:r, imm8', 'VEX.256.66.0F3A.W1 00 /r ib', AVX2),
  row('vpermpd', 'ymm:w, ymm/m256:r, imm8', 'VEX.256.66.0F3A.W1 01 /r ib', AVX2),
  row('vpermd', 'ymm:w, ymm:r, ymm/m256:r', 'VEX.256.66.0F38.W0 36 /r', AVX2),
  row('vpermps', 'ymm:w, ymm:r, ymm/m256:r', 'VEX.256.66.0F38.W0 16 /r', AVX2),
  ...float('vpermilps', 'V:w, V:r, V/M:r', '66.0F38.W0 0C /r'),
  ...float('vpermilpd', 'V:w, V:r, V/M:r', '66.0F38.W0 0D /r'),
  ...float('vpermilps', 'V:w, V/M:r, imm8', '66.0F3A.W0 04 /r ib'),
  ...float('vpermilpd', 'V:w, V/M:r, imm8', '66.0F3A.W0 05 /r ib'),
];

/** Single elements, halves, broadcasts, masked moves. */
const parts: RowSource[] = [
  row('vpinsrw', 'xmm:w, xmm:r, r32/m16:r, imm8', 'VEX.128.66.0F.WIG C4 /r ib', AVX),
  row('vpextrw', 'r32:w, xmm@rm:r, imm8', 'VEX.128.66.0F.WIG C5 /r ib', AVX),
  row('vpextrb', 'r32/m8:w, xmm:r, imm8', 'VEX.128.66.0F3A.WIG 14 /r ib', AVX),
  row('vpextrw', 'r32/m16:w, xmm:r, imm8', 'VEX.128.66.0F3A.WIG 15 /r ib', AVX),
  row('vpextrd', 'rm32:w, xmm:r, imm8', 'VEX.128.66.0F3A.W0 16 /r ib', AVX),
  row('vpextrq', 'rm64:w, xmm:r, imm8', 'VEX.128.66.0F3A.W1 16 /r ib', AVX),
  row('vextractps', 'rm32:w, xmm:r, imm8', 'VEX.128.66.0F3A.WIG 17 /r ib', AVX),
  row('vpinsrb', 'xmm:w, xmm:r, r32/m8:r, imm8', 'VEX.128.66.0F3A.WIG 20 /r ib', AVX),
  row('vinsertps', 'xmm:w, xmm:r, xmm/m32:r, imm8', 'VEX.128.66.0F3A.WIG 21 /r ib', AVX),
  row('vpinsrd', 'xmm:w, xmm:r, rm32:r, imm8', 'VEX.128.66.0F3A.W0 22 /r ib', AVX),
  row('vpinsrq', 'xmm:w, xmm:r, rm64:r, imm8', 'VEX.128.66.0F3A.W1 22 /r ib', AVX),
  row('vperm2f128', 'ymm:w, ymm:r, ymm/m256:r, imm8', 'VEX.256.66.0F3A.W0 06 /r ib', AVX),
  row('vinsertf128', 'ymm:w, ymm:r, xmm/m128:r, imm8', 'VEX.256.66.0F3A.W0 18 /r ib', AVX),
  row('vextractf128', 'xmm/m128:w, ymm:r, imm8', 'VEX.256.66.0F3A.W0 19 /r ib', AVX),
  row('vperm2i128', 'ymm:w, ymm:r, ymm/m256:r, imm8', 'VEX.256.66.0F3A.W0 46 /r ib', AVX2),
  row('vinserti128', 'ymm:w, ymm:r, xmm/m128:r, imm8', 'VEX.256.66.0F3A.W0 38 /r ib', AVX2),
  row('vextracti128', 'xmm/m128:w, ymm:r, imm8', 'VEX.256.66.0F3A.W0 39 /r ib', AVX2),
  ...float('vbroadcastss', 'V:w, m32:r', '66.0F38.W0 18 /r'),
  ...vexBoth('vbroadcastss', 'V:w, xmm@rm:r', '66.0F38.W0 18 /r', 'avx2', 'avx2'),
  row('vbroadcastsd', 'ymm:w, m64:r', 'VEX.256.66.0F38.W0 19 /r', AVX),
  row('vbroadcastsd', 'ymm:w, xmm@rm:r', 'VEX.256.66.0F38.W0 19 /r', AVX2),
  row('vbroadcastf128', 'ymm:w, m128:r', 'VEX.256.66.0F38.W0 1A /r', AVX),
  row('vbroadcasti128', 'ymm:w, m128:r', 'VEX.256.66.0F38.W0 5A /r', AVX2),
  ...(['d 58 32', 'q 59 64', 'b 78 8', 'w 79 16'] as const).flatMap((text) => {
    const [suffix, opcode, bits] = text.split(' ');
    return vexBoth(
      `vpbroadcast${suffix}`,
      `V:w, xmm/m${bits}:r`,
      `66.0F38.W0 ${opcode} /r`,
      'avx2',
      'avx2',
    );
  }),
  ...float('vmaskmovps', 'V:w, V:r, M:r', '66.0F38.W0 2C /r'),
  ...float('vmaskmovpd', 'V:w, V:r, M:r', '66.0F38.W0 2D /r'),
  ...float('vmaskmovps', 'M:w, V@v:r, V@reg:r', '66.0F38.W0 2E /r'),
  ...float('vmaskmovpd', 'M:w, V@v:r, V@reg:r', '66.0F38.W0 2F /r'),
  ...vexBoth('vpmaskmovd', 'V:w, V:r, M:r', '66.0F38.W0 8C /r', 'avx2', 'avx2'),
  ...vexBoth('vpmaskmovq', 'V:w, V:r, M:r', '66.0F38.W1 8C /r', 'avx2', 'avx2'),
  ...vexBoth('vpmaskmovd', 'M:w, V@v:r, V@reg:r', '66.0F38.W0 8E /r', 'avx2', 'avx2'),
  ...vexBoth('vpmaskmovq', 'M:w, V@v:r, V@reg:r', '66.0F38.W1 8E /r', 'avx2', 'avx2'),
];

/** `[name, opcode, W, elements]`; destination and mask by length, index x or y. */
const gathers: RowSource[] = (
  [
    ['vpgatherdd', '90', 0, ['xmm vm32x', 'ymm vm32y']],
    ['vpgatherdq', '90', 1, ['xmm vm32x', 'ymm vm32x']],
    ['vpgatherqd', '91', 0, ['xmm vm64x', 'xmm vm64y']],
    ['vpgatherqq', '91', 1, ['xmm vm64x', 'ymm vm64y']],
    ['vgatherdps', '92', 0, ['xmm vm32x', 'ymm vm32y']],
    ['vgatherdpd', '92', 1, ['xmm vm32x', 'ymm vm32x']],
    ['vgatherqps', '93', 0, ['xmm vm64x', 'xmm vm64y']],
    ['vgatherqpd', '93', 1, ['xmm vm64x', 'ymm vm64y']],
  ] as const
).flatMap(([name, opcode, w, shapes]) =>
  shapes.map((shape, n) => {
    const [register, memory] = shape.split(' ');
    return row(
      name,
      `${register}:rw, ${memory}/m${w === 0 ? 32 : 64}:r, ${register}@v:rw`,
      `VEX.${n === 0 ? 128 : 256}.66.0F38.W${w} ${opcode} /r`,
      AVX2,
    );
  }),
);

const fma: RowSource[] = FMA_ORDERS.flatMap((order, n) =>
  fmaOpcodes(n).flatMap(([name, packed, scalar]) => [
    ...(['ps', 'pd'] as const).flatMap((suffix, w) =>
      vexBoth(
        `v${name}${order}${suffix}`,
        'V:rw, V:r, V/M:r',
        `66.0F38.W${w} ${packed} /r`,
        'fma',
        'fma',
      ),
    ),
    ...(scalar === ''
      ? []
      : (['ss', 'sd'] as const).map((suffix, w) =>
          row(
            `v${name}${order}${suffix}`,
            `xmm:rw, xmm:r, xmm/m${w === 0 ? 32 : 64}:r`,
            `VEX.LIG.66.0F38.W${w} ${scalar} /r`,
            { features: 'fma' },
          ),
        )),
  ]),
);

const crypto: RowSource[] = [
  ...pairsOf('aesenc DC, aesenclast DD, aesdec DE, aesdeclast DF').flatMap(([name, opcode]) =>
    vexBoth(`v${name}`, 'V:w, V:r, V/M:r', `66.0F38.WIG ${opcode} /r`, 'aes avx', 'vaes'),
  ),
  row('vaesimc', 'xmm:w, xmm/m128:r', 'VEX.128.66.0F38.WIG DB /r', { features: 'aes avx' }),
  row('vaeskeygenassist', 'xmm:w, xmm/m128:r, imm8', 'VEX.128.66.0F3A.WIG DF /r ib', {
    features: 'aes avx',
  }),
  ...vexBoth(
    'vpclmulqdq',
    'V:w, V:r, V/M:r, imm8',
    '66.0F3A.WIG 44 /r ib',
    'pclmulqdq avx',
    'vpclmulqdq',
  ),
  ...vexBoth('vgf2p8mulb', 'V:w, V:r, V/M:r', '66.0F38.W0 CF /r', 'gfni avx', 'gfni avx'),
  ...vexBoth(
    'vgf2p8affineqb',
    'V:w, V:r, V/M:r, imm8',
    '66.0F3A.W1 CE /r ib',
    'gfni avx',
    'gfni avx',
  ),
  ...vexBoth(
    'vgf2p8affineinvqb',
    'V:w, V:r, V/M:r, imm8',
    '66.0F3A.W1 CF /r ib',
    'gfni avx',
    'gfni avx',
  ),
  ...pairsOf('vpdpbusd 50, vpdpbusds 51, vpdpwssd 52, vpdpwssds 53').flatMap(([name, opcode]) =>
    vexBoth(name, 'V:rw, V:r, V/M:r', `66.0F38.W0 ${opcode} /r`, 'avx_vnni', 'avx_vnni'),
  ),
  ...(['pcmpestrm 60 xmm0', 'pcmpestri 61 rcx', 'pcmpistrm 62 xmm0', 'pcmpistri 63 rcx'] as const)
    .map((text) => text.split(' ') as [string, string, string])
    .map(([name, opcode, out]) =>
      row(`v${name}`, 'xmm:r, xmm/m128:r, imm8', `VEX.128.66.0F3A.WIG ${opcode} /r ib`, {
        ...COMPARE,
        out,
        ...(name.includes('est') ? { in: 'rax rdx' } : {}),
      }),
    ),
];

export const avxRows: readonly RowSource[] = [
  ...moves,
  ...floats,
  ...conversions,
  ...shifts,
  ...integers,
  ...parts,
  ...gathers,
  ...fma,
  ...crypto,
];
