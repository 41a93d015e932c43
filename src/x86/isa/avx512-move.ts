/** AVX-512: moves, broadcasts, inserts, extracts, compress, expand, gather, scatter, down-converts. */
import { evex } from './lengths.ts';
import { type RowSource, row } from './row.ts';

const F = 'avx512f';
const BW = 'avx512bw';
const DQ = 'avx512dq';
const VBMI2 = 'avx512_vbmi2';

const whole = (name: string, load: string, store: string, features: string): RowSource[] => [
  ...evex(name, 'V:w{k}{z}, V/M:r', `${load} /r`, features),
  ...evex(name, 'V/M:w{k}{z}, V:r', `${store} /r`, features),
];

const wholeMoves: RowSource[] = [
  ...whole('vmovups', 'NP.0F.W0 10', 'NP.0F.W0 11', F),
  ...whole('vmovupd', '66.0F.W1 10', '66.0F.W1 11', F),
  ...whole('vmovaps', 'NP.0F.W0 28', 'NP.0F.W0 29', F),
  ...whole('vmovapd', '66.0F.W1 28', '66.0F.W1 29', F),
  ...whole('vmovdqa32', '66.0F.W0 6F', '66.0F.W0 7F', F),
  ...whole('vmovdqa64', '66.0F.W1 6F', '66.0F.W1 7F', F),
  ...whole('vmovdqu32', 'F3.0F.W0 6F', 'F3.0F.W0 7F', F),
  ...whole('vmovdqu64', 'F3.0F.W1 6F', 'F3.0F.W1 7F', F),
  ...whole('vmovdqu8', 'F2.0F.W0 6F', 'F2.0F.W0 7F', BW),
  ...whole('vmovdqu16', 'F2.0F.W1 6F', 'F2.0F.W1 7F', BW),
  ...evex('vmovntps', 'M:w, V:r', 'NP.0F.W0 2B /r', F),
  ...evex('vmovntpd', 'M:w, V:r', '66.0F.W1 2B /r', F),
  ...evex('vmovntdq', 'M:w, V:r', '66.0F.W0 E7 /r', F),
  ...evex('vmovntdqa', 'V:w, M:r', '66.0F38.W0 2A /r', F),
  ...evex('vmovsldup', 'V:w{k}{z}, V/M:r', 'F3.0F.W0 12 /r', F),
  ...evex('vmovshdup', 'V:w{k}{z}, V/M:r', 'F3.0F.W0 16 /r', F),
  ...evex('vmovddup', 'V:w{k}{z}, xmm/m64:r', 'F2.0F.W1 12 /r', F, [0]),
  ...evex('vmovddup', 'V:w{k}{z}, V/M:r', 'F2.0F.W1 12 /r', F, [1, 2]),
];

const AVX512F = { features: F };

const elementMoves: RowSource[] = [
  ...(
    [
      ['ss', 'F3', 'W0', 32],
      ['sd', 'F2', 'W1', 64],
    ] as const
  ).flatMap(([s, pp, w, bits]) => [
    row(`vmov${s}`, 'xmm:w{k}{z}, xmm:r, xmm@rm:r', `EVEX.LIG.${pp}.0F.${w} 10 /r`, AVX512F),
    row(`vmov${s}`, `xmm:w{k}{z}, m${bits}:r`, `EVEX.LIG.${pp}.0F.${w} 10 /r`, AVX512F),
    row(`vmov${s}`, 'xmm@rm:w{k}{z}, xmm@v:r, xmm@reg:r', `EVEX.LIG.${pp}.0F.${w} 11 /r`, AVX512F),
    row(`vmov${s}`, `m${bits}:w{k}, xmm:r`, `EVEX.LIG.${pp}.0F.${w} 11 /r`, AVX512F),
  ]),
  ...(
    [
      ['ps', 'NP', 'W0'],
      ['pd', '66', 'W1'],
    ] as const
  ).flatMap(([s, pp, w]) => [
    row(`vmovl${s}`, 'xmm:w, xmm:r, m64:r', `EVEX.128.${pp}.0F.${w} 12 /r`, AVX512F),
    row(`vmovl${s}`, 'm64:w, xmm:r', `EVEX.128.${pp}.0F.${w} 13 /r`, AVX512F),
    row(`vmovh${s}`, 'xmm:w, xmm:r, m64:r', `EVEX.128.${pp}.0F.${w} 16 /r`, AVX512F),
    row(`vmovh${s}`, 'm64:w, xmm:r', `EVEX.128.${pp}.0F.${w} 17 /r`, AVX512F),
  ]),
  row('vmovhlps', 'xmm:w, xmm:r, xmm@rm:r', 'EVEX.128.NP.0F.W0 12 /r', AVX512F),
  row('vmovlhps', 'xmm:w, xmm:r, xmm@rm:r', 'EVEX.128.NP.0F.W0 16 /r', AVX512F),
  row('vmovd', 'xmm:w, rm32:r', 'EVEX.128.66.0F.W0 6E /r', AVX512F),
  row('vmovq', 'xmm:w, rm64:r', 'EVEX.128.66.0F.W1 6E /r', AVX512F),
  row('vmovd', 'rm32:w, xmm:r', 'EVEX.128.66.0F.W0 7E /r', AVX512F),
  row('vmovq', 'rm64:w, xmm:r', 'EVEX.128.66.0F.W1 7E /r', AVX512F),
  row('vmovq', 'xmm:w, xmm/m64:r', 'EVEX.128.F3.0F.W1 7E /r', AVX512F),
  row('vmovq', 'xmm/m64:w, xmm:r', 'EVEX.128.66.0F.W1 D6 /r', AVX512F),
  row('vpinsrw', 'xmm:w, xmm:r, r32/m16:r, imm8', 'EVEX.128.66.0F.WIG C4 /r ib', { features: BW }),
  row('vpextrw', 'r32:w, xmm@rm:r, imm8', 'EVEX.128.66.0F.WIG C5 /r ib', { features: BW }),
  row('vpextrb', 'r32/m8:w, xmm:r, imm8', 'EVEX.128.66.0F3A.WIG 14 /r ib', { features: BW }),
  row('vpextrw', 'r32/m16:w, xmm:r, imm8', 'EVEX.128.66.0F3A.WIG 15 /r ib', { features: BW }),
  row('vpextrd', 'rm32:w, xmm:r, imm8', 'EVEX.128.66.0F3A.W0 16 /r ib', { features: DQ }),
  row('vpextrq', 'rm64:w, xmm:r, imm8', 'EVEX.128.66.0F3A.W1 16 /r ib', { features: DQ }),
  row('vextractps', 'rm32:w, xmm:r, imm8', 'EVEX.128.66.0F3A.WIG 17 /r ib', AVX512F),
  row('vpinsrb', 'xmm:w, xmm:r, r32/m8:r, imm8', 'EVEX.128.66.0F3A.WIG 20 /r ib', {
    features: BW,
  }),
  row('vinsertps', 'xmm:w, xmm:r, xmm/m32:r, imm8', 'EVEX.128.66.0F3A.W0 21 /r ib', AVX512F),
  row('vpinsrd', 'xmm:w, xmm:r, rm32:r, imm8', 'EVEX.128.66.0F3A.W0 22 /r ib', { features: DQ }),
  row('vpinsrq', 'xmm:w, xmm:r, rm64:r, imm8', 'EVEX.128.66.0F3A.W1 22 /r ib', { features: DQ }),
];

const broadcasts: RowSource[] = [
  ...evex('vbroadcastss', 'V:w{k}{z}, xmm/m32:r', '66.0F38.W0 18 /r', F),
  ...evex('vbroadcastf32x2', 'V:w{k}{z}, xmm/m64:r', '66.0F38.W0 19 /r', DQ, [1, 2]),
  ...evex('vbroadcastsd', 'V:w{k}{z}, xmm/m64:r', '66.0F38.W1 19 /r', F, [1, 2]),
  ...evex('vbroadcastf32x4', 'V:w{k}{z}, m128:r', '66.0F38.W0 1A /r', F, [1, 2]),
  ...evex('vbroadcastf64x2', 'V:w{k}{z}, m128:r', '66.0F38.W1 1A /r', DQ, [1, 2]),
  ...evex('vbroadcastf32x8', 'V:w{k}{z}, m256:r', '66.0F38.W0 1B /r', DQ, [2]),
  ...evex('vbroadcastf64x4', 'V:w{k}{z}, m256:r', '66.0F38.W1 1B /r', F, [2]),
  ...evex('vpbroadcastd', 'V:w{k}{z}, xmm/m32:r', '66.0F38.W0 58 /r', F),
  ...evex('vbroadcasti32x2', 'V:w{k}{z}, xmm/m64:r', '66.0F38.W0 59 /r', DQ),
  ...evex('vpbroadcastq', 'V:w{k}{z}, xmm/m64:r', '66.0F38.W1 59 /r', F),
  ...evex('vbroadcasti32x4', 'V:w{k}{z}, m128:r', '66.0F38.W0 5A /r', F, [1, 2]),
  ...evex('vbroadcasti64x2', 'V:w{k}{z}, m128:r', '66.0F38.W1 5A /r', DQ, [1, 2]),
  ...evex('vbroadcasti32x8', 'V:w{k}{z}, m256:r', '66.0F38.W0 5B /r', DQ, [2]),
  ...evex('vbroadcasti64x4', 'V:w{k}{z}, m256:r', '66.0F38.W1 5B /r', F, [2]),
  ...evex('vpbroadcastb', 'V:w{k}{z}, xmm/m8:r', '66.0F38.W0 78 /r', BW),
  ...evex('vpbroadcastw', 'V:w{k}{z}, xmm/m16:r', '66.0F38.W0 79 /r', BW),
  ...evex('vpbroadcastb', 'V:w{k}{z}, r32@rm:r', '66.0F38.W0 7A /r', BW),
  ...evex('vpbroadcastw', 'V:w{k}{z}, r32@rm:r', '66.0F38.W0 7B /r', BW),
  ...evex('vpbroadcastd', 'V:w{k}{z}, r32@rm:r', '66.0F38.W0 7C /r', F),
  ...evex('vpbroadcastq', 'V:w{k}{z}, r64@rm:r', '66.0F38.W1 7C /r', F),
  ...evex('vpbroadcastmb2q', 'V:w, k@rm:r', 'F3.0F38.W1 2A /r', 'avx512cd'),
  ...evex('vpbroadcastmw2d', 'V:w, k@rm:r', 'F3.0F38.W0 3A /r', 'avx512cd'),
];

/** `[element kind, W of quarter/eighth forms]`: insert, extract for f and i. */
const parts: RowSource[] = (
  [
    ['f', '18', '19', '1A', '1B'],
    ['i', '38', '39', '3A', '3B'],
  ] as const
).flatMap(([t, insert4, extract4, insert8, extract8]) => [
  ...(
    [
      [`${t}32x4`, insert4, extract4, 'W0', F, 'xmm', 'm128', [1, 2]],
      [`${t}64x2`, insert4, extract4, 'W1', DQ, 'xmm', 'm128', [1, 2]],
      [`${t}32x8`, insert8, extract8, 'W0', DQ, 'ymm', 'm256', [2]],
      [`${t}64x4`, insert8, extract8, 'W1', F, 'ymm', 'm256', [2]],
    ] as const
  ).flatMap(([name, insert, extract, w, feature, register, memory, lengths]) => [
    ...evex(
      `vinsert${name}`,
      `V:w{k}{z}, V:r, ${register}/${memory}:r, imm8`,
      `66.0F3A.${w} ${insert} /r ib`,
      feature,
      lengths,
    ),
    ...evex(
      `vextract${name}`,
      `${register}/${memory}:w{k}{z}, V:r, imm8`,
      `66.0F3A.${w} ${extract} /r ib`,
      feature,
      lengths,
    ),
  ]),
]);

/** Memory of up to the whole length, compressed displacement of one element (`n`). */
const packing: RowSource[] = (
  [
    ['ps', 'W0', '88', '8A', 32, F],
    ['pd', 'W1', '88', '8A', 64, F],
    ['d', 'W0', '89', '8B', 32, F],
    ['q', 'W1', '89', '8B', 64, F],
    ['b', 'W0', '62', '63', 8, VBMI2],
    ['w', 'W1', '62', '63', 16, VBMI2],
  ] as const
).flatMap(([suffix, w, expandOp, compressOp, bits, feature]) => {
  const p = suffix.startsWith('p') ? '' : 'p';
  return [
    ...evex(
      `v${p}expand${suffix}`,
      `V:w{k}{z}, V/M/n${bits}:r`,
      `66.0F38.${w} ${expandOp} /r`,
      feature,
    ),
    ...evex(
      `v${p}compress${suffix}`,
      `V/M/n${bits}:w{k}{z}, V:r`,
      `66.0F38.${w} ${compressOp} /r`,
      feature,
    ),
  ];
});

/** `[gather, scatter, W, gather opcode, scatter opcode, [register, index] by length]`. */
const indexed: RowSource[] = (
  [
    ['vpgatherdd', 'vpscatterdd', 'W0', '90', 'A0', ['xmm x', 'ymm y', 'zmm z'], 32],
    ['vpgatherdq', 'vpscatterdq', 'W1', '90', 'A0', ['xmm x', 'ymm x', 'zmm y'], 32],
    ['vpgatherqd', 'vpscatterqd', 'W0', '91', 'A1', ['xmm x', 'xmm y', 'ymm z'], 64],
    ['vpgatherqq', 'vpscatterqq', 'W1', '91', 'A1', ['xmm x', 'ymm y', 'zmm z'], 64],
    ['vgatherdps', 'vscatterdps', 'W0', '92', 'A2', ['xmm x', 'ymm y', 'zmm z'], 32],
    ['vgatherdpd', 'vscatterdpd', 'W1', '92', 'A2', ['xmm x', 'ymm x', 'zmm y'], 32],
    ['vgatherqps', 'vscatterqps', 'W0', '93', 'A3', ['xmm x', 'xmm y', 'ymm z'], 64],
    ['vgatherqpd', 'vscatterqpd', 'W1', '93', 'A3', ['xmm x', 'ymm y', 'zmm z'], 64],
  ] as const
).flatMap(([gather, scatter, w, load, store, shapes, indexBits]) =>
  shapes.flatMap((shape, n) => {
    const [register, index] = shape.split(' ');
    const memory = `vm${indexBits}${index}/m${w === 'W0' ? 32 : 64}`;
    const length = 128 << n;
    const options = { features: n === 2 ? F : `${F} avx512vl` };
    return [
      row(
        gather,
        `${register}:rw{k}, ${memory}:r`,
        `EVEX.${length}.66.0F38.${w} ${load} /r`,
        options,
      ),
      row(
        scatter,
        `${memory}:w{k}, ${register}:r`,
        `EVEX.${length}.66.0F38.${w} ${store} /r`,
        options,
      ),
    ];
  }),
);

/** vpmov*: narrowing; `[suffix, us, s, plain opcode, destination, feature]`. */
const narrowing: RowSource[] = (
  [
    ['wb', '0', 'H/HM', BW],
    ['db', '1', 'Q/QM', F],
    ['qb', '2', 'O/OM', F],
    ['dw', '3', 'H/HM', F],
    ['qw', '4', 'Q/QM', F],
    ['qd', '5', 'H/HM', F],
  ] as const
).flatMap(([suffix, digit, destination, feature]) =>
  (
    [
      ['vpmovus', '1'],
      ['vpmovs', '2'],
      ['vpmov', '3'],
    ] as const
  ).flatMap(([name, block]) =>
    evex(
      `${name}${suffix}`,
      `${destination}:w{k}{z}, V:r`,
      `F3.0F38.W0 ${block}${digit} /r`,
      feature,
    ),
  ),
);

const maskMoves: RowSource[] = (
  [
    ['b', '28', '29', 'W0', BW],
    ['w', '28', '29', 'W1', BW],
    ['d', '38', '39', 'W0', DQ],
    ['q', '38', '39', 'W1', DQ],
  ] as const
).flatMap(([suffix, toVector, toMask, w, feature]) => [
  ...evex(`vpmovm2${suffix}`, 'V:w, k@rm:r', `F3.0F38.${w} ${toVector} /r`, feature),
  ...evex(`vpmov${suffix}2m`, 'k:w, V@rm:r', `F3.0F38.${w} ${toMask} /r`, feature),
]);

export const avx512MoveRows: readonly RowSource[] = [
  ...wholeMoves,
  ...elementMoves,
  ...broadcasts,
  ...parts,
  ...packing,
  ...indexed,
  ...narrowing,
  ...maskMoves,
];
