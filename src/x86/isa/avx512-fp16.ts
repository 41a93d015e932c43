/** AVX512-FP16 (Intel SDM vol. 2; opcode maps 5 and 6) and VP2INTERSECT. */
import { evex, FMA_ORDERS, fmaOpcodes } from './lengths.ts';
import { pairsOf } from './mmx.ts';
import { type RowSource, row } from './row.ts';

const FP16 = 'avx512_fp16';

const packed = (name: string, operands: string, encoding: string): RowSource[] =>
  evex(name, operands, encoding, FP16);
const scalar = (name: string, operands: string, encoding: string): RowSource =>
  row(name, operands, `EVEX.LIG.${encoding}`, { features: FP16 });

const THREE = 'V:w{k}{z}, V:r, V/M/b16:r';
const TWO = 'V:w{k}{z}, V/M/b16:r';
const SCALAR = 'xmm:w{k}{z}, xmm:r, xmm/m16:r';

const arithmetic: RowSource[] = [
  ...pairsOf('add 58/er, mul 59/er, sub 5C/er, div 5E/er, min 5D/sae, max 5F/sae').flatMap(
    ([name, code]) => {
      const [opcode, mode] = code.split('/');
      return [
        ...packed(`v${name}ph`, `${THREE}{${mode}}`, `NP.MAP5.W0 ${opcode} /r`),
        scalar(`v${name}sh`, `${SCALAR}{${mode}}`, `F3.MAP5.W0 ${opcode} /r`),
      ];
    },
  ),
  ...packed('vsqrtph', `${TWO}{er}`, 'NP.MAP5.W0 51 /r'),
  scalar('vsqrtsh', `${SCALAR}{er}`, 'F3.MAP5.W0 51 /r'),
  ...packed('vcmpph', 'k:w{k}, V:r, V/M/b16:r{sae}, imm8', 'NP.0F3A.W0 C2 /r ib'),
  scalar('vcmpsh', 'k:w{k}, xmm:r, xmm/m16:r{sae}, imm8', 'F3.0F3A.W0 C2 /r ib'),
  ...pairsOf('vucomish 2E, vcomish 2F').map(([name, opcode]) =>
    row(name, 'xmm:r, xmm/m16:r{sae}', `EVEX.LIG.NP.MAP5.W0 ${opcode} /r`, {
      ...{ features: FP16, flags: 'w=oszapc' },
    }),
  ),
  ...packed('vgetexpph', `${TWO}{sae}`, '66.MAP6.W0 42 /r'),
  scalar('vgetexpsh', `${SCALAR}{sae}`, '66.MAP6.W0 43 /r'),
  ...packed('vgetmantph', `${TWO}{sae}, imm8`, 'NP.0F3A.W0 26 /r ib'),
  scalar('vgetmantsh', `${SCALAR}{sae}, imm8`, 'NP.0F3A.W0 27 /r ib'),
  ...packed('vreduceph', `${TWO}{sae}, imm8`, 'NP.0F3A.W0 56 /r ib'),
  scalar('vreducesh', `${SCALAR}{sae}, imm8`, 'NP.0F3A.W0 57 /r ib'),
  ...packed('vrndscaleph', `${TWO}{sae}, imm8`, 'NP.0F3A.W0 08 /r ib'),
  scalar('vrndscalesh', `${SCALAR}{sae}, imm8`, 'NP.0F3A.W0 0A /r ib'),
  ...packed('vfpclassph', 'k:w{k}, V/M/b16:r, imm8', 'NP.0F3A.W0 66 /r ib'),
  scalar('vfpclasssh', 'k:w{k}, xmm/m16:r, imm8', 'NP.0F3A.W0 67 /r ib'),
  ...packed('vrcpph', TWO, '66.MAP6.W0 4C /r'),
  scalar('vrcpsh', SCALAR, '66.MAP6.W0 4D /r'),
  ...packed('vrsqrtph', TWO, '66.MAP6.W0 4E /r'),
  scalar('vrsqrtsh', SCALAR, '66.MAP6.W0 4F /r'),
  ...packed('vscalefph', `${THREE}{er}`, '66.MAP6.W0 2C /r'),
  scalar('vscalefsh', `${SCALAR}{er}`, '66.MAP6.W0 2D /r'),
];

const moves: RowSource[] = [
  scalar('vmovsh', 'xmm:w{k}{z}, xmm:r, xmm@rm:r', 'F3.MAP5.W0 10 /r'),
  scalar('vmovsh', 'xmm:w{k}{z}, m16:r', 'F3.MAP5.W0 10 /r'),
  scalar('vmovsh', 'xmm@rm:w{k}{z}, xmm@v:r, xmm@reg:r', 'F3.MAP5.W0 11 /r'),
  scalar('vmovsh', 'm16:w{k}, xmm:r', 'F3.MAP5.W0 11 /r'),
  row('vmovw', 'xmm:w, r32/m16:r', 'EVEX.128.66.MAP5.WIG 6E /r', { features: FP16 }),
  row('vmovw', 'r32/m16:w, xmm:r', 'EVEX.128.66.MAP5.WIG 7E /r', { features: FP16 }),
];

/** Sources of a half, a quarter and the whole length; destinations likewise. */
const fromHalf = 'V:w{k}{z}, H/HM/b16:r';
const fromQuarter = 'V:w{k}{z}, Q/QM/b16:r';
const toHalf = 'H:w{k}{z}, V/M/b32@rm:r{er}';
const toQuarter = 'Q:w{k}{z}, V/M/b64@rm:r{er}';

const conversions: RowSource[] = [
  ...packed('vcvtdq2ph', toHalf, 'NP.MAP5.W0 5B /r'),
  ...packed('vcvtudq2ph', toHalf, 'F2.MAP5.W0 7A /r'),
  ...packed('vcvtps2phx', toHalf, '66.MAP5.W0 1D /r'),
  ...packed('vcvtpd2ph', toQuarter, '66.MAP5.W1 5A /r'),
  ...packed('vcvtqq2ph', toQuarter, 'NP.MAP5.W1 5B /r'),
  ...packed('vcvtuqq2ph', toQuarter, 'F2.MAP5.W1 7A /r'),
  ...packed('vcvtph2dq', `${fromHalf}{er}`, '66.MAP5.W0 5B /r'),
  ...packed('vcvttph2dq', `${fromHalf}{sae}`, 'F3.MAP5.W0 5B /r'),
  ...packed('vcvtph2udq', `${fromHalf}{er}`, 'NP.MAP5.W0 79 /r'),
  ...packed('vcvttph2udq', `${fromHalf}{sae}`, 'NP.MAP5.W0 78 /r'),
  ...packed('vcvtph2psx', `${fromHalf}{sae}`, '66.MAP6.W0 13 /r'),
  ...packed('vcvtph2pd', `${fromQuarter}{sae}`, 'NP.MAP5.W0 5A /r'),
  ...packed('vcvtph2qq', `${fromQuarter}{er}`, '66.MAP5.W0 7B /r'),
  ...packed('vcvttph2qq', `${fromQuarter}{sae}`, '66.MAP5.W0 7A /r'),
  ...packed('vcvtph2uqq', `${fromQuarter}{er}`, '66.MAP5.W0 79 /r'),
  ...packed('vcvttph2uqq', `${fromQuarter}{sae}`, '66.MAP5.W0 78 /r'),
  ...packed('vcvtph2w', `${TWO}{er}`, '66.MAP5.W0 7D /r'),
  ...packed('vcvttph2w', `${TWO}{sae}`, '66.MAP5.W0 7C /r'),
  ...packed('vcvtph2uw', `${TWO}{er}`, 'NP.MAP5.W0 7D /r'),
  ...packed('vcvttph2uw', `${TWO}{sae}`, 'NP.MAP5.W0 7C /r'),
  ...packed('vcvtw2ph', `${TWO}{er}`, 'F3.MAP5.W0 7D /r'),
  ...packed('vcvtuw2ph', `${TWO}{er}`, 'F2.MAP5.W0 7D /r'),
  scalar('vcvtsd2sh', 'xmm:w{k}{z}, xmm:r, xmm/m64:r{er}', 'F2.MAP5.W1 5A /r'),
  scalar('vcvtsh2sd', `${SCALAR}{sae}`, 'F3.MAP5.W0 5A /r'),
  scalar('vcvtss2sh', 'xmm:w{k}{z}, xmm:r, xmm/m32:r{er}', 'NP.MAP5.W0 1D /r'),
  scalar('vcvtsh2ss', `${SCALAR}{sae}`, 'NP.MAP6.W0 13 /r'),
  ...(['32', '64'] as const).flatMap((bits) => {
    const w = bits === '32' ? 'W0' : 'W1';
    return [
      scalar('vcvtsh2si', `r${bits}:w, xmm/m16:r{er}`, `F3.MAP5.${w} 2D /r`),
      scalar('vcvttsh2si', `r${bits}:w, xmm/m16:r{sae}`, `F3.MAP5.${w} 2C /r`),
      scalar('vcvtsh2usi', `r${bits}:w, xmm/m16:r{er}`, `F3.MAP5.${w} 79 /r`),
      scalar('vcvttsh2usi', `r${bits}:w, xmm/m16:r{sae}`, `F3.MAP5.${w} 78 /r`),
      scalar('vcvtsi2sh', `xmm:w, xmm:r, rm${bits}:r{er}`, `F3.MAP5.${w} 2A /r`),
      scalar('vcvtusi2sh', `xmm:w, xmm:r, rm${bits}:r{er}`, `F3.MAP5.${w} 7B /r`),
    ];
  }),
];

const fma: RowSource[] = FMA_ORDERS.flatMap((order, n) =>
  fmaOpcodes(n).flatMap(([name, packedOpcode, scalarOpcode]) => [
    ...packed(
      `v${name}${order}ph`,
      'V:rw{k}{z}, V:r, V/M/b16:r{er}',
      `66.MAP6.W0 ${packedOpcode} /r`,
    ),
    ...(scalarOpcode === ''
      ? []
      : [
          scalar(
            `v${name}${order}sh`,
            'xmm:rw{k}{z}, xmm:r, xmm/m16:r{er}',
            `66.MAP6.W0 ${scalarOpcode} /r`,
          ),
        ]),
  ]),
);

/** Complex numbers: pairs of halves, so elements of 32 bits. The destination must be another. */
const complex: RowSource[] = [
  ...pairsOf('vfmaddc F3, vfcmaddc F2').flatMap(([name, pp]) => [
    ...packed(`${name}ph`, 'V:rw{k}{z}, V:r, V/M/b32:r{er}', `${pp}.MAP6.W0 56 /r`),
    scalar(`${name}sh`, 'xmm:rw{k}{z}, xmm:r, xmm/m32:r{er}', `${pp}.MAP6.W0 57 /r`),
  ]),
  ...pairsOf('vfmulc F3, vfcmulc F2').flatMap(([name, pp]) => [
    ...packed(`${name}ph`, 'V:w{k}{z}, V:r, V/M/b32:r{er}', `${pp}.MAP6.W0 D6 /r`),
    scalar(`${name}sh`, 'xmm:w{k}{z}, xmm:r, xmm/m32:r{er}', `${pp}.MAP6.W0 D7 /r`),
  ]),
];

/** Writes the pair of masks that the operand belongs to. */
const intersect: RowSource[] = [
  ...evex('vp2intersectd', 'k:w, V:r, V/M/b32:r', 'F2.0F38.W0 68 /r', 'avx512_vp2intersect'),
  ...evex('vp2intersectq', 'k:w, V:r, V/M/b64:r', 'F2.0F38.W1 68 /r', 'avx512_vp2intersect'),
];

export const avx512Fp16Rows: readonly RowSource[] = [
  ...arithmetic,
  ...moves,
  ...conversions,
  ...fma,
  ...complex,
  ...intersect,
];
