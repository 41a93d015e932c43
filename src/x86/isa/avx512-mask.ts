/** Opmask instructions (VEX encodings; AVX512F, BW, DQ). */
import { pairsOf } from './mmx.ts';
import { type RowSource, row } from './row.ts';

/** Suffix, bits, prefix and W of the four sizes, feature. */
const SIZES = [
  ['b', 8, '66', 'W0', 'avx512dq'],
  ['w', 16, 'NP', 'W0', 'avx512f'],
  ['d', 32, '66', 'W1', 'avx512bw'],
  ['q', 64, 'NP', 'W1', 'avx512bw'],
] as const;

const featureOf = (name: string, size: string, feature: string): string =>
  // kaddw and ktestw came with AVX512DQ.
  size === 'w' && (name === 'kadd' || name === 'ktest') ? 'avx512dq' : feature;

const logic: RowSource[] = SIZES.flatMap(([suffix, , pp, w, feature]) => [
  ...pairsOf('kand 41, kandn 42, kor 45, kxnor 46, kxor 47, kadd 4A').map(([name, opcode]) =>
    row(`${name}${suffix}`, 'k:w, k:r, k@rm:r', `VEX.L1.${pp}.0F.${w} ${opcode} /r`, {
      features: featureOf(name, suffix, feature),
    }),
  ),
  row(`knot${suffix}`, 'k:w, k@rm:r', `VEX.L0.${pp}.0F.${w} 44 /r`, { features: feature }),
  ...pairsOf('kortest 98, ktest 99').map(([name, opcode]) =>
    row(`${name}${suffix}`, 'k:r, k@rm:r', `VEX.L0.${pp}.0F.${w} ${opcode} /r`, {
      features: featureOf(name, suffix, feature),
      flags: 'w=oszapc',
    }),
  ),
]);

const moves: RowSource[] = SIZES.flatMap(([suffix, bits, pp, w, feature]) => {
  const features = { features: feature };
  const register = bits === 64 ? 'r64' : 'r32';
  // To and from general registers: b 66.W0, w NP.W0, d F2.W0, q F2.W1.
  const pp2 = bits >= 32 ? 'F2' : pp;
  const w2 = bits === 64 ? 'W1' : 'W0';
  return [
    row(`kmov${suffix}`, `k:w, k/m${bits}:r`, `VEX.L0.${pp}.0F.${w} 90 /r`, features),
    row(`kmov${suffix}`, `m${bits}:w, k:r`, `VEX.L0.${pp}.0F.${w} 91 /r`, features),
    row(`kmov${suffix}`, `k:w, ${register}@rm:r`, `VEX.L0.${pp2}.0F.${w2} 92 /r`, features),
    row(`kmov${suffix}`, `${register}:w, k@rm:r`, `VEX.L0.${pp2}.0F.${w2} 93 /r`, features),
  ];
});

export const maskRows: readonly RowSource[] = [
  ...logic,
  ...moves,
  row('kunpckbw', 'k:w, k:r, k@rm:r', 'VEX.L1.66.0F.W0 4B /r', { features: 'avx512f' }),
  row('kunpckwd', 'k:w, k:r, k@rm:r', 'VEX.L1.NP.0F.W0 4B /r', { features: 'avx512bw' }),
  row('kunpckdq', 'k:w, k:r, k@rm:r', 'VEX.L1.NP.0F.W1 4B /r', { features: 'avx512bw' }),
  ...(
    [
      ['b', 'W0', '30', '32', 'avx512dq'],
      ['w', 'W1', '30', '32', 'avx512f'],
      ['d', 'W0', '31', '33', 'avx512bw'],
      ['q', 'W1', '31', '33', 'avx512bw'],
    ] as const
  ).flatMap(([suffix, w, right, left, features]) => [
    row(`kshiftr${suffix}`, 'k:w, k@rm:r, imm8', `VEX.L0.66.0F3A.${w} ${right} /r ib`, {
      features,
    }),
    row(`kshiftl${suffix}`, 'k:w, k@rm:r, imm8', `VEX.L0.66.0F3A.${w} ${left} /r ib`, { features }),
  ]),
];
