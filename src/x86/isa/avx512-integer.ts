/** AVX-512: integer arithmetic, compares, shifts, permutations, bit and crypto extensions. */
import { evex } from './lengths.ts';
import { pairsOf } from './mmx.ts';
import type { RowSource } from './row.ts';

const F = 'avx512f';
const BW = 'avx512bw';
const DQ = 'avx512dq';

/** Byte and word operations of map 0F, `66.0F.WIG`. */
const WORDS_0F = `punpcklbw 60, punpcklwd 61, packsswb 63, packuswb 67, punpckhbw 68, punpckhwd 69,
  pmullw D5, psubusb D8, psubusw D9, pminub DA, paddusb DC, paddusw DD, pmaxub DE, pavgb E0,
  pavgw E3, pmulhuw E4, pmulhw E5, psubsb E8, psubsw E9, pminsw EA, paddsb EC, paddsw ED, pmaxsw EE,
  pmaddwd F5, psubb F8, psubw F9, paddb FC, paddw FD`;
/** … of map 0F38. */
const WORDS_0F38 = `pshufb 00, pmaddubsw 04, pmulhrsw 0B, pminsb 38, pminuw 3A, pmaxsb 3C,
  pmaxuw 3E`;
/** Doubleword (W0) and quadword (W1) operations with broadcast: `map/opcode`. */
const DWORDS = `punpckldq 0F/62, punpckhdq 0F/6A, pandd 0F/DB, pandnd 0F/DF, pord 0F/EB,
  pxord 0F/EF, psubd 0F/FA, paddd 0F/FE, prorvd 0F38/14, prolvd 0F38/15, pminsd 0F38/39,
  pminud 0F38/3B, pmaxsd 0F38/3D, pmaxud 0F38/3F, pmulld 0F38/40, psrlvd 0F38/45, psravd 0F38/46,
  psllvd 0F38/47, pblendmd 0F38/64`;
const QWORDS = `punpcklqdq 0F/6C, punpckhqdq 0F/6D, paddq 0F/D4, pandq 0F/DB, pandnq 0F/DF,
  porq 0F/EB, pxorq 0F/EF, pmuludq 0F/F4, psubq 0F/FB, prorvq 0F38/14, prolvq 0F38/15,
  pmuldq 0F38/28, pminsq 0F38/39, pminuq 0F38/3B, pmaxsq 0F38/3D, pmaxuq 0F38/3F, psrlvq 0F38/45,
  psravq 0F38/46, psllvq 0F38/47, pblendmq 0F38/64`;

const THREE = 'V:w{k}{z}, V:r, V/M:r';
const three = (bits: number, access = 'w') => `V:${access}{k}{z}, V:r, V/M/b${bits}:r`;

const binary: RowSource[] = [
  ...pairsOf(WORDS_0F).flatMap(([name, opcode]) =>
    evex(`v${name}`, THREE, `66.0F.WIG ${opcode} /r`, BW),
  ),
  ...pairsOf(WORDS_0F38).flatMap(([name, opcode]) =>
    evex(`v${name}`, THREE, `66.0F38.WIG ${opcode} /r`, BW),
  ),
  ...pairsOf(DWORDS).flatMap(([name, code]) => {
    const [map, opcode] = code.split('/');
    return evex(`v${name}`, three(32), `66.${map}.W0 ${opcode} /r`, F);
  }),
  ...pairsOf(QWORDS).flatMap(([name, code]) => {
    const [map, opcode] = code.split('/');
    return evex(`v${name}`, three(64), `66.${map}.W1 ${opcode} /r`, F);
  }),
  ...evex('vpackssdw', three(32), '66.0F.W0 6B /r', BW),
  ...evex('vpackusdw', three(32), '66.0F38.W0 2B /r', BW),
  ...evex('vpmullq', three(64), '66.0F38.W1 40 /r', DQ),
  ...evex('vpsadbw', 'V:w, V:r, V/M:r', '66.0F.WIG F6 /r', BW),
  ...evex('vdbpsadbw', `${THREE}, imm8`, '66.0F3A.W0 42 /r ib', BW),
  ...evex('vpblendmb', THREE, '66.0F38.W0 66 /r', BW),
  ...evex('vpblendmw', THREE, '66.0F38.W1 66 /r', BW),
  ...evex('vpsrlvw', THREE, '66.0F38.W1 10 /r', BW),
  ...evex('vpsravw', THREE, '66.0F38.W1 11 /r', BW),
  ...evex('vpsllvw', THREE, '66.0F38.W1 12 /r', BW),
  ...evex('vpalignr', `${THREE}, imm8`, '66.0F3A.WIG 0F /r ib', BW),
  ...evex('valignd', `${three(32)}, imm8`, '66.0F3A.W0 03 /r ib', F),
  ...evex('valignq', `${three(64)}, imm8`, '66.0F3A.W1 03 /r ib', F),
  ...evex('vpternlogd', `${three(32, 'rw')}, imm8`, '66.0F3A.W0 25 /r ib', F),
  ...evex('vpternlogq', `${three(64, 'rw')}, imm8`, '66.0F3A.W1 25 /r ib', F),
  ...evex('vshufi32x4', `${three(32)}, imm8`, '66.0F3A.W0 43 /r ib', F, [1, 2]),
  ...evex('vshufi64x2', `${three(64)}, imm8`, '66.0F3A.W1 43 /r ib', F, [1, 2]),
];

const unary: RowSource[] = [
  ...evex('vpabsb', 'V:w{k}{z}, V/M:r', '66.0F38.WIG 1C /r', BW),
  ...evex('vpabsw', 'V:w{k}{z}, V/M:r', '66.0F38.WIG 1D /r', BW),
  ...evex('vpabsd', 'V:w{k}{z}, V/M/b32:r', '66.0F38.W0 1E /r', F),
  ...evex('vpabsq', 'V:w{k}{z}, V/M/b64:r', '66.0F38.W1 1F /r', F),
  ...evex('vplzcntd', 'V:w{k}{z}, V/M/b32:r', '66.0F38.W0 44 /r', 'avx512cd'),
  ...evex('vplzcntq', 'V:w{k}{z}, V/M/b64:r', '66.0F38.W1 44 /r', 'avx512cd'),
  ...evex('vpconflictd', 'V:w{k}{z}, V/M/b32:r', '66.0F38.W0 C4 /r', 'avx512cd'),
  ...evex('vpconflictq', 'V:w{k}{z}, V/M/b64:r', '66.0F38.W1 C4 /r', 'avx512cd'),
  ...evex('vpopcntb', 'V:w{k}{z}, V/M:r', '66.0F38.W0 54 /r', 'avx512_bitalg'),
  ...evex('vpopcntw', 'V:w{k}{z}, V/M:r', '66.0F38.W1 54 /r', 'avx512_bitalg'),
  ...evex('vpopcntd', 'V:w{k}{z}, V/M/b32:r', '66.0F38.W0 55 /r', 'avx512_vpopcntdq'),
  ...evex('vpopcntq', 'V:w{k}{z}, V/M/b64:r', '66.0F38.W1 55 /r', 'avx512_vpopcntdq'),
  ...evex('vpshufd', 'V:w{k}{z}, V/M/b32:r, imm8', '66.0F.W0 70 /r ib', F),
  ...evex('vpshufhw', 'V:w{k}{z}, V/M:r, imm8', 'F3.0F.WIG 70 /r ib', BW),
  ...evex('vpshuflw', 'V:w{k}{z}, V/M:r, imm8', 'F2.0F.WIG 70 /r ib', BW),
];

/** pmovsx and pmovzx: digit, W, memory, feature. */
const extensions: RowSource[] = (
  [
    ['bw', '0', 'WIG', 'H/HM', BW],
    ['bd', '1', 'WIG', 'Q/QM', F],
    ['bq', '2', 'WIG', 'O/OM', F],
    ['wd', '3', 'WIG', 'H/HM', F],
    ['wq', '4', 'WIG', 'Q/QM', F],
    ['dq', '5', 'W0', 'H/HM', F],
  ] as const
).flatMap(([suffix, digit, w, source, feature]) => [
  ...evex(`vpmovsx${suffix}`, `V:w{k}{z}, ${source}:r`, `66.0F38.${w} 2${digit} /r`, feature),
  ...evex(`vpmovzx${suffix}`, `V:w{k}{z}, ${source}:r`, `66.0F38.${w} 3${digit} /r`, feature),
]);

const compares: RowSource[] = [
  ...pairsOf('pcmpgtb 64, pcmpgtw 65, pcmpeqb 74, pcmpeqw 75').flatMap(([name, opcode]) =>
    evex(`v${name}`, 'k:w{k}, V:r, V/M:r', `66.0F.WIG ${opcode} /r`, BW),
  ),
  ...evex('vpcmpgtd', 'k:w{k}, V:r, V/M/b32:r', '66.0F.W0 66 /r', F),
  ...evex('vpcmpeqd', 'k:w{k}, V:r, V/M/b32:r', '66.0F.W0 76 /r', F),
  ...evex('vpcmpeqq', 'k:w{k}, V:r, V/M/b64:r', '66.0F38.W1 29 /r', F),
  ...evex('vpcmpgtq', 'k:w{k}, V:r, V/M/b64:r', '66.0F38.W1 37 /r', F),
  ...evex('vpcmpub', 'k:w{k}, V:r, V/M:r, imm8', '66.0F3A.W0 3E /r ib', BW),
  ...evex('vpcmpuw', 'k:w{k}, V:r, V/M:r, imm8', '66.0F3A.W1 3E /r ib', BW),
  ...evex('vpcmpb', 'k:w{k}, V:r, V/M:r, imm8', '66.0F3A.W0 3F /r ib', BW),
  ...evex('vpcmpw', 'k:w{k}, V:r, V/M:r, imm8', '66.0F3A.W1 3F /r ib', BW),
  ...evex('vpcmpud', 'k:w{k}, V:r, V/M/b32:r, imm8', '66.0F3A.W0 1E /r ib', F),
  ...evex('vpcmpuq', 'k:w{k}, V:r, V/M/b64:r, imm8', '66.0F3A.W1 1E /r ib', F),
  ...evex('vpcmpd', 'k:w{k}, V:r, V/M/b32:r, imm8', '66.0F3A.W0 1F /r ib', F),
  ...evex('vpcmpq', 'k:w{k}, V:r, V/M/b64:r, imm8', '66.0F3A.W1 1F /r ib', F),
  ...(['vptestm 66', 'vptestnm F3'] as const).flatMap((text) => {
    const [name, pp] = text.split(' ');
    return [
      ...evex(`${name}b`, 'k:w{k}, V:r, V/M:r', `${pp}.0F38.W0 26 /r`, BW),
      ...evex(`${name}w`, 'k:w{k}, V:r, V/M:r', `${pp}.0F38.W1 26 /r`, BW),
      ...evex(`${name}d`, 'k:w{k}, V:r, V/M/b32:r', `${pp}.0F38.W0 27 /r`, F),
      ...evex(`${name}q`, 'k:w{k}, V:r, V/M/b64:r', `${pp}.0F38.W1 27 /r`, F),
    ];
  }),
  ...evex('vpshufbitqmb', 'k:w{k}, V:r, V/M:r', '66.0F38.W0 8F /r', 'avx512_bitalg'),
];

/** By a count in xmm/m128 (`opcode W`), then by immediate (`opcode/ext W element`). */
const shifts: RowSource[] = [
  ...pairsOf(
    `psrlw D1-WIG, psrld D2-W0, psrlq D3-W1, psraw E1-WIG, psrad E2-W0, psraq E2-W1, psllw F1-WIG,
     pslld F2-W0, psllq F3-W1`,
  ).flatMap(([name, code]) => {
    const [opcode, w] = code.split('-');
    return evex(
      `v${name}`,
      'V:w{k}{z}, V:r, xmm/m128:r',
      `66.0F.${w} ${opcode} /r`,
      w === 'WIG' ? BW : F,
    );
  }),
  ...pairsOf(
    `psrlw 71/2-WIG, psraw 71/4-WIG, psllw 71/6-WIG, prord 72/0-W0, prorq 72/0-W1, prold 72/1-W0,
     prolq 72/1-W1, psrld 72/2-W0, psrad 72/4-W0, psraq 72/4-W1, pslld 72/6-W0, psrlq 73/2-W1,
     psllq 73/6-W1`,
  ).flatMap(([name, code]) => {
    const w = code.slice(5);
    const memory = w === 'WIG' ? 'V/M' : w === 'W0' ? 'V/M/b32' : 'V/M/b64';
    return evex(
      `v${name}`,
      `V@v:w{k}{z}, ${memory}:r, imm8`,
      `66.0F.${w} ${code.slice(0, 2)} ${code.slice(2, 4)} ib`,
      w === 'WIG' ? BW : F,
    );
  }),
  ...evex('vpsrldq', 'V@v:w, V/M:r, imm8', '66.0F.WIG 73 /3 ib', BW),
  ...evex('vpslldq', 'V@v:w, V/M:r, imm8', '66.0F.WIG 73 /7 ib', BW),
];

const VBMI = 'avx512vbmi';
const VBMI2 = 'avx512_vbmi2';

const permutes: RowSource[] = [
  ...evex('vpermd', three(32), '66.0F38.W0 36 /r', F, [1, 2]),
  ...evex('vpermq', three(64), '66.0F38.W1 36 /r', F, [1, 2]),
  ...evex('vpermq', 'V:w{k}{z}, V/M/b64:r, imm8', '66.0F3A.W1 00 /r ib', F, [1, 2]),
  ...evex('vpermb', THREE, '66.0F38.W0 8D /r', VBMI),
  ...evex('vpermw', THREE, '66.0F38.W1 8D /r', BW),
  ...evex('vpermi2b', 'V:rw{k}{z}, V:r, V/M:r', '66.0F38.W0 75 /r', VBMI),
  ...evex('vpermi2w', 'V:rw{k}{z}, V:r, V/M:r', '66.0F38.W1 75 /r', BW),
  ...evex('vpermi2d', three(32, 'rw'), '66.0F38.W0 76 /r', F),
  ...evex('vpermi2q', three(64, 'rw'), '66.0F38.W1 76 /r', F),
  ...evex('vpermt2b', 'V:rw{k}{z}, V:r, V/M:r', '66.0F38.W0 7D /r', VBMI),
  ...evex('vpermt2w', 'V:rw{k}{z}, V:r, V/M:r', '66.0F38.W1 7D /r', BW),
  ...evex('vpermt2d', three(32, 'rw'), '66.0F38.W0 7E /r', F),
  ...evex('vpermt2q', three(64, 'rw'), '66.0F38.W1 7E /r', F),
  ...evex('vpmultishiftqb', three(64), '66.0F38.W1 83 /r', VBMI),
];

const extras: RowSource[] = [
  ...evex('vpmadd52luq', three(64, 'rw'), '66.0F38.W1 B4 /r', 'avx512ifma'),
  ...evex('vpmadd52huq', three(64, 'rw'), '66.0F38.W1 B5 /r', 'avx512ifma'),
  ...pairsOf('vpdpbusd 50, vpdpbusds 51, vpdpwssd 52, vpdpwssds 53').flatMap(([name, opcode]) =>
    evex(name, three(32, 'rw'), `66.0F38.W0 ${opcode} /r`, 'avx512_vnni'),
  ),
  ...evex('vpshldw', `${THREE}, imm8`, '66.0F3A.W1 70 /r ib', VBMI2),
  ...evex('vpshldd', `${three(32)}, imm8`, '66.0F3A.W0 71 /r ib', VBMI2),
  ...evex('vpshldq', `${three(64)}, imm8`, '66.0F3A.W1 71 /r ib', VBMI2),
  ...evex('vpshrdw', `${THREE}, imm8`, '66.0F3A.W1 72 /r ib', VBMI2),
  ...evex('vpshrdd', `${three(32)}, imm8`, '66.0F3A.W0 73 /r ib', VBMI2),
  ...evex('vpshrdq', `${three(64)}, imm8`, '66.0F3A.W1 73 /r ib', VBMI2),
  ...evex('vpshldvw', 'V:rw{k}{z}, V:r, V/M:r', '66.0F38.W1 70 /r', VBMI2),
  ...evex('vpshldvd', three(32, 'rw'), '66.0F38.W0 71 /r', VBMI2),
  ...evex('vpshldvq', three(64, 'rw'), '66.0F38.W1 71 /r', VBMI2),
  ...evex('vpshrdvw', 'V:rw{k}{z}, V:r, V/M:r', '66.0F38.W1 72 /r', VBMI2),
  ...evex('vpshrdvd', three(32, 'rw'), '66.0F38.W0 73 /r', VBMI2),
  ...evex('vpshrdvq', three(64, 'rw'), '66.0F38.W1 73 /r', VBMI2),
  ...pairsOf('vaesenc DC, vaesenclast DD, vaesdec DE, vaesdeclast DF').flatMap(([name, opcode]) =>
    evex(name, 'V:w, V:r, V/M:r', `66.0F38.WIG ${opcode} /r`, 'avx512f vaes'),
  ),
  ...evex('vpclmulqdq', 'V:w, V:r, V/M:r, imm8', '66.0F3A.WIG 44 /r ib', 'avx512f vpclmulqdq'),
  ...evex('vgf2p8mulb', THREE, '66.0F38.W0 CF /r', 'avx512f gfni'),
  ...evex('vgf2p8affineqb', `${three(64)}, imm8`, '66.0F3A.W1 CE /r ib', 'avx512f gfni'),
  ...evex('vgf2p8affineinvqb', `${three(64)}, imm8`, '66.0F3A.W1 CF /r ib', 'avx512f gfni'),
];

export const avx512IntegerRows: readonly RowSource[] = [
  ...binary,
  ...unary,
  ...extensions,
  ...compares,
  ...shifts,
  ...permutes,
  ...extras,
];
