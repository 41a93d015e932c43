/** AVX-512: floating point arithmetic, conversions, compares, FMA. */
import { evex, FMA_ORDERS, fmaOpcodes } from './lengths.ts';
import { pairsOf } from './mmx.ts';
import { type RowOptions, type RowSource, row } from './row.ts';

const F = 'avx512f';
const DQ = 'avx512dq';

/** ps, pd in map 0F: prefix and W, element bits. */
const PACKED = [
  ['ps', 'NP.0F.W0', '66.0F38.W0', '66.0F3A.W0', 32],
  ['pd', '66.0F.W1', '66.0F38.W1', '66.0F3A.W1', 64],
] as const;
const SCALAR = [
  ['ss', 'F3.0F.W0', '66.0F38.W0', '66.0F3A.W0', 32],
  ['sd', 'F2.0F.W1', '66.0F38.W1', '66.0F3A.W1', 64],
] as const;

const lig = (name: string, operands: string, encoding: string, features = F): RowSource =>
  row(name, operands, `EVEX.LIG.${encoding}`, { features });

/** add … max: packed and scalar in map 0F; `mode` er or sae. */
const arithmetic: RowSource[] = pairsOf(
  'add 58/er, mul 59/er, sub 5C/er, div 5E/er, min 5D/sae, max 5F/sae',
).flatMap(([name, code]) => {
  const [opcode, mode] = code.split('/');
  return [
    ...PACKED.flatMap(([suffix, map, , , bits]) =>
      evex(
        `v${name}${suffix}`,
        `V:w{k}{z}, V:r, V/M/b${bits}:r{${mode}}`,
        `${map} ${opcode} /r`,
        F,
      ),
    ),
    ...SCALAR.map(([suffix, map, , , bits]) =>
      lig(
        `v${name}${suffix}`,
        `xmm:w{k}{z}, xmm:r, xmm/m${bits}:r{${mode}}`,
        `${map} ${opcode} /r`,
      ),
    ),
  ];
});

const others: RowSource[] = [
  ...PACKED.flatMap(([s, map, , , bits]) => [
    ...evex(`vsqrt${s}`, `V:w{k}{z}, V/M/b${bits}:r{er}`, `${map} 51 /r`, F),
    ...pairsOf('unpckl 14, unpckh 15').flatMap(([name, opcode]) =>
      evex(`v${name}${s}`, `V:w{k}{z}, V:r, V/M/b${bits}:r`, `${map} ${opcode} /r`, F),
    ),
    ...pairsOf('and 54, andn 55, or 56, xor 57').flatMap(([name, opcode]) =>
      evex(`v${name}${s}`, `V:w{k}{z}, V:r, V/M/b${bits}:r`, `${map} ${opcode} /r`, DQ),
    ),
    ...evex(`vshuf${s}`, `V:w{k}{z}, V:r, V/M/b${bits}:r, imm8`, `${map} C6 /r ib`, F),
    ...evex(`vcmp${s}`, `k:w{k}, V:r, V/M/b${bits}:r{sae}, imm8`, `${map} C2 /r ib`, F),
  ]),
  ...SCALAR.flatMap(([s, map, , , bits]) => [
    lig(`vsqrt${s}`, `xmm:w{k}{z}, xmm:r, xmm/m${bits}:r{er}`, `${map} 51 /r`),
    lig(`vcmp${s}`, `k:w{k}, xmm:r, xmm/m${bits}:r{sae}, imm8`, `${map} C2 /r ib`),
  ]),
  ...(['vucomis 2E', 'vcomis 2F'] as const).flatMap((text) => {
    const [name, opcode] = text.split(' ');
    const options: RowOptions = { features: F, flags: 'w=oszapc' };
    return [
      row(`${name}s`, 'xmm:r, xmm/m32:r{sae}', `EVEX.LIG.NP.0F.W0 ${opcode} /r`, options),
      row(`${name}d`, 'xmm:r, xmm/m64:r{sae}', `EVEX.LIG.66.0F.W1 ${opcode} /r`, options),
    ];
  }),
];

/** Map 0F38 and 0F3A: packed and scalar pairs of AVX512F and DQ. */
const special: RowSource[] = [
  ...PACKED.flatMap(([s, , m38, m3a, bits]) => {
    const source = `V/M/b${bits}:r`;
    return [
      ...evex(`vscalef${s}`, `V:w{k}{z}, V:r, ${source}{er}`, `${m38} 2C /r`, F),
      ...evex(`vgetexp${s}`, `V:w{k}{z}, ${source}{sae}`, `${m38} 42 /r`, F),
      ...evex(`vrcp14${s}`, `V:w{k}{z}, ${source}`, `${m38} 4C /r`, F),
      ...evex(`vrsqrt14${s}`, `V:w{k}{z}, ${source}`, `${m38} 4E /r`, F),
      ...evex(`vblendm${s}`, `V:w{k}{z}, V:r, ${source}`, `${m38} 65 /r`, F),
      ...evex(`vperm${s}`, `V:w{k}{z}, V:r, ${source}`, `${m38} 16 /r`, F, [1, 2]),
      ...evex(`vpermi2${s}`, `V:rw{k}{z}, V:r, ${source}`, `${m38} 77 /r`, F),
      ...evex(`vpermt2${s}`, `V:rw{k}{z}, V:r, ${source}`, `${m38} 7F /r`, F),
      ...evex(
        `vpermil${s}`,
        `V:w{k}{z}, V:r, ${source}`,
        `${m38} ${s === 'ps' ? '0C' : '0D'} /r`,
        F,
      ),
      ...evex(
        `vpermil${s}`,
        `V:w{k}{z}, ${source}, imm8`,
        `${m3a} ${s === 'ps' ? '04' : '05'} /r ib`,
        F,
      ),
      ...evex(
        `vrndscale${s}`,
        `V:w{k}{z}, ${source}{sae}, imm8`,
        `${m3a} ${s === 'ps' ? '08' : '09'} /r ib`,
        F,
      ),
      ...evex(`vgetmant${s}`, `V:w{k}{z}, ${source}{sae}, imm8`, `${m3a} 26 /r ib`, F),
      ...evex(`vfixupimm${s}`, `V:rw{k}{z}, V:r, ${source}{sae}, imm8`, `${m3a} 54 /r ib`, F),
      ...evex(`vrange${s}`, `V:w{k}{z}, V:r, ${source}{sae}, imm8`, `${m3a} 50 /r ib`, DQ),
      ...evex(`vreduce${s}`, `V:w{k}{z}, ${source}{sae}, imm8`, `${m3a} 56 /r ib`, DQ),
      ...evex(`vfpclass${s}`, `k:w{k}, ${source}, imm8`, `${m3a} 66 /r ib`, DQ),
    ];
  }),
  ...evex('vpermpd', 'V:w{k}{z}, V/M/b64:r, imm8', '66.0F3A.W1 01 /r ib', F, [1, 2]),
  ...evex('vshuff32x4', 'V:w{k}{z}, V:r, V/M/b32:r, imm8', '66.0F3A.W0 23 /r ib', F, [1, 2]),
  ...evex('vshuff64x2', 'V:w{k}{z}, V:r, V/M/b64:r, imm8', '66.0F3A.W1 23 /r ib', F, [1, 2]),
  ...SCALAR.flatMap(([s, , m38, m3a, bits]) => {
    const source = `xmm/m${bits}:r`;
    const two = 'xmm:w{k}{z}, xmm:r';
    return [
      lig(`vscalef${s}`, `${two}, ${source}{er}`, `${m38} 2D /r`),
      lig(`vgetexp${s}`, `${two}, ${source}{sae}`, `${m38} 43 /r`),
      lig(`vrcp14${s}`, `${two}, ${source}`, `${m38} 4D /r`),
      lig(`vrsqrt14${s}`, `${two}, ${source}`, `${m38} 4F /r`),
      lig(
        `vrndscale${s}`,
        `${two}, ${source}{sae}, imm8`,
        `${m3a} ${s === 'ss' ? '0A' : '0B'} /r ib`,
      ),
      lig(`vgetmant${s}`, `${two}, ${source}{sae}, imm8`, `${m3a} 27 /r ib`),
      lig(`vfixupimm${s}`, `xmm:rw{k}{z}, xmm:r, ${source}{sae}, imm8`, `${m3a} 55 /r ib`),
      lig(`vrange${s}`, `${two}, ${source}{sae}, imm8`, `${m3a} 51 /r ib`, DQ),
      lig(`vreduce${s}`, `${two}, ${source}{sae}, imm8`, `${m3a} 57 /r ib`, DQ),
      lig(`vfpclass${s}`, `k:w{k}, ${source}, imm8`, `${m3a} 67 /r ib`, DQ),
    ];
  }),
];

/** To and from general registers. */
const scalarConversions: RowSource[] = [
  lig('vcvtsi2ss', 'xmm:w, xmm:r, rm32:r{er}', 'F3.0F.W0 2A /r'),
  lig('vcvtsi2ss', 'xmm:w, xmm:r, rm64:r{er}', 'F3.0F.W1 2A /r'),
  // The 32-bit sources of double are exact: no rounding (EVEX.b with a register is ignored there).
  lig('vcvtsi2sd', 'xmm:w, xmm:r, rm32:r', 'F2.0F.W0 2A /r'),
  lig('vcvtsi2sd', 'xmm:w, xmm:r, rm64:r{er}', 'F2.0F.W1 2A /r'),
  lig('vcvtusi2ss', 'xmm:w, xmm:r, rm32:r{er}', 'F3.0F.W0 7B /r'),
  lig('vcvtusi2ss', 'xmm:w, xmm:r, rm64:r{er}', 'F3.0F.W1 7B /r'),
  lig('vcvtusi2sd', 'xmm:w, xmm:r, rm32:r', 'F2.0F.W0 7B /r'),
  lig('vcvtusi2sd', 'xmm:w, xmm:r, rm64:r{er}', 'F2.0F.W1 7B /r'),
  ...(['ss F3 32', 'sd F2 64'] as const).flatMap((text) => {
    const [s, pp, bits] = text.split(' ');
    return (['2C t si sae', '2D  si er', '78 t usi sae', '79  usi er'] as const).flatMap((kind) => {
      const [opcode, t, to, mode] = kind.split(' ');
      return (['32', '64'] as const).map((size) =>
        lig(
          `vcvt${t}${s}2${to}`,
          `r${size}:w, xmm/m${bits}:r{${mode}}`,
          `${pp}.0F.W${size === '32' ? 0 : 1} ${opcode} /r`,
        ),
      );
    });
  }),
  lig('vcvtss2sd', 'xmm:w{k}{z}, xmm:r, xmm/m32:r{sae}', 'F3.0F.W0 5A /r'),
  lig('vcvtsd2ss', 'xmm:w{k}{z}, xmm:r, xmm/m64:r{er}', 'F2.0F.W1 5A /r'),
];

/** Packed conversions: same width, widening (source a half), narrowing (destination a half). */
const same = (name: string, bits: number, mode: string, encoding: string, feature = F) =>
  evex(name, `V:w{k}{z}, V/M/b${bits}:r${mode}`, `${encoding} /r`, feature);
const wide = (name: string, mode: string, encoding: string, feature = F) =>
  evex(name, `V:w{k}{z}, H/HM/b32:r${mode}`, `${encoding} /r`, feature);
const narrow = (name: string, mode: string, encoding: string, feature = F) =>
  evex(name, `H:w{k}{z}, V/M/b64@rm:r${mode}`, `${encoding} /r`, feature);

const packedConversions: RowSource[] = [
  ...wide('vcvtps2pd', '{sae}', 'NP.0F.W0 5A'),
  ...narrow('vcvtpd2ps', '{er}', '66.0F.W1 5A'),
  ...same('vcvtdq2ps', 32, '{er}', 'NP.0F.W0 5B'),
  ...same('vcvtps2dq', 32, '{er}', '66.0F.W0 5B'),
  ...same('vcvttps2dq', 32, '{sae}', 'F3.0F.W0 5B'),
  ...narrow('vcvtqq2ps', '{er}', 'NP.0F.W1 5B', DQ),
  ...narrow('vcvttpd2dq', '{sae}', '66.0F.W1 E6'),
  ...wide('vcvtdq2pd', '', 'F3.0F.W0 E6'),
  ...same('vcvtqq2pd', 64, '{er}', 'F3.0F.W1 E6', DQ),
  ...narrow('vcvtpd2dq', '{er}', 'F2.0F.W1 E6'),
  ...same('vcvttps2udq', 32, '{sae}', 'NP.0F.W0 78'),
  ...narrow('vcvttpd2udq', '{sae}', 'NP.0F.W1 78'),
  ...wide('vcvttps2uqq', '{sae}', '66.0F.W0 78', DQ),
  ...same('vcvttpd2uqq', 64, '{sae}', '66.0F.W1 78', DQ),
  ...same('vcvtps2udq', 32, '{er}', 'NP.0F.W0 79'),
  ...narrow('vcvtpd2udq', '{er}', 'NP.0F.W1 79'),
  ...wide('vcvtps2uqq', '{er}', '66.0F.W0 79', DQ),
  ...same('vcvtpd2uqq', 64, '{er}', '66.0F.W1 79', DQ),
  ...wide('vcvtudq2pd', '', 'F3.0F.W0 7A'),
  ...same('vcvtuqq2pd', 64, '{er}', 'F3.0F.W1 7A', DQ),
  ...same('vcvtudq2ps', 32, '{er}', 'F2.0F.W0 7A'),
  ...narrow('vcvtuqq2ps', '{er}', 'F2.0F.W1 7A', DQ),
  ...wide('vcvttps2qq', '{sae}', '66.0F.W0 7A', DQ),
  ...same('vcvttpd2qq', 64, '{sae}', '66.0F.W1 7A', DQ),
  ...wide('vcvtps2qq', '{er}', '66.0F.W0 7B', DQ),
  ...same('vcvtpd2qq', 64, '{er}', '66.0F.W1 7B', DQ),
  ...evex('vcvtph2ps', 'V:w{k}{z}, H/HM:r{sae}', '66.0F38.W0 13 /r', F),
  ...evex('vcvtps2ph', 'H/HM:w{k}{z}, V:r{sae}, imm8', '66.0F3A.W0 1D /r ib', F),
  ...evex('vcvtne2ps2bf16', 'V:w{k}{z}, V:r, V/M/b32:r', 'F2.0F38.W0 72 /r', 'avx512_bf16'),
  ...evex('vcvtneps2bf16', 'H:w{k}{z}, V/M/b32@rm:r', 'F3.0F38.W0 72 /r', 'avx512_bf16'),
  ...evex('vdpbf16ps', 'V:rw{k}{z}, V:r, V/M/b32:r', 'F3.0F38.W0 52 /r', 'avx512_bf16'),
];

const fma: RowSource[] = FMA_ORDERS.flatMap((order, n) =>
  fmaOpcodes(n).flatMap(([name, packed, scalar]) => [
    ...PACKED.flatMap(([suffix, , map, , bits]) =>
      evex(
        `v${name}${order}${suffix}`,
        `V:rw{k}{z}, V:r, V/M/b${bits}:r{er}`,
        `${map} ${packed} /r`,
        F,
      ),
    ),
    ...(scalar === ''
      ? []
      : SCALAR.map(([suffix, , map, , bits]) =>
          lig(
            `v${name}${order}${suffix}`,
            `xmm:rw{k}{z}, xmm:r, xmm/m${bits}:r{er}`,
            `${map} ${scalar} /r`,
          ),
        )),
  ]),
);

export const avx512FloatRows: readonly RowSource[] = [
  ...arithmetic,
  ...others,
  ...special,
  ...scalarConversions,
  ...packedConversions,
  ...fma,
];
