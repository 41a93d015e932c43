/** MMX, and the packed-integer instructions that MMX and SSE2/SSSE3 share (Intel SDM vol. 2). */
import { type RowOptions, type RowSource, row } from './row.ts';

/** `name opcode` in map 0F, as `NP … mm, mm/m64` and `66 … xmm, xmm/m128`. */
export const PAIRS = `punpcklbw 60, punpcklwd 61, punpckldq 62, packsswb 63, pcmpgtb 64, pcmpgtw 65,
  pcmpgtd 66, packuswb 67, punpckhbw 68, punpckhwd 69, punpckhdq 6A, packssdw 6B, pcmpeqb 74,
  pcmpeqw 75, pcmpeqd 76, psrlw D1, psrld D2, psrlq D3, paddq D4, pmullw D5, psubusb D8,
  psubusw D9, pminub DA, pand DB, paddusb DC, paddusw DD, pmaxub DE, pandn DF, pavgb E0, psraw E1,
  psrad E2, pavgw E3, pmulhuw E4, pmulhw E5, psubsb E8, psubsw E9, pminsw EA, por EB, paddsb EC,
  paddsw ED, pmaxsw EE, pxor EF, psllw F1, pslld F2, psllq F3, pmuludq F4, pmaddwd F5, psadbw F6,
  psubb F8, psubw F9, psubd FA, psubq FB, paddb FC, paddw FD, paddd FE`;

export const PAIRS_SSSE3 = `pshufb 00, phaddw 01, phaddd 02, phaddsw 03, pmaddubsw 04, phsubw 05,
  phsubd 06, phsubsw 07, psignb 08, psignw 09, psignd 0A, pmulhrsw 0B, pabsb 1C, pabsw 1D,
  pabsd 1E`;

/** `[mnemonic, opcode]` of a list as above. */
export function pairsOf(list: string): (readonly [string, string])[] {
  return list.split(/,\s+/).map((item) => item.split(' ') as [string, string]);
}

const SSSE3: RowOptions = { features: 'ssse3' };

/** The low unpacks of MMX read 32 bits only. */
const mmMemory = (name: string) => (name.startsWith('punpckl') ? 'm32' : 'm64');

const shiftImmediate = (mnemonic: string, opcode: string, n: number): RowSource[] => [
  row(mnemonic, 'mm@rm:rw, imm8', `NP 0F ${opcode} /${n} ib`),
  row(mnemonic, 'xmm@rm:rw, imm8', `66 0F ${opcode} /${n} ib`),
];

export const mmxRows: readonly RowSource[] = [
  ...pairsOf(PAIRS).flatMap(([name, opcode]) => [
    row(name, `mm:rw, mm/${mmMemory(name)}:r`, `NP 0F ${opcode} /r`),
    row(name, 'xmm:rw, xmm/m128:r', `66 0F ${opcode} /r`),
  ]),
  ...pairsOf(PAIRS_SSSE3).flatMap(([name, opcode]) => {
    const access = name.startsWith('pabs') ? 'w' : 'rw';
    return [
      row(name, `mm:${access}, mm/m64:r`, `NP 0F 38 ${opcode} /r`, SSSE3),
      row(name, `xmm:${access}, xmm/m128:r`, `66 0F 38 ${opcode} /r`, SSSE3),
    ];
  }),
  row('palignr', 'mm:rw, mm/m64:r, imm8', 'NP 0F 3A 0F /r ib', SSSE3),
  row('palignr', 'xmm:rw, xmm/m128:r, imm8', '66 0F 3A 0F /r ib', SSSE3),
  ...shiftImmediate('psrlw', '71', 2),
  ...shiftImmediate('psraw', '71', 4),
  ...shiftImmediate('psllw', '71', 6),
  ...shiftImmediate('psrld', '72', 2),
  ...shiftImmediate('psrad', '72', 4),
  ...shiftImmediate('pslld', '72', 6),
  ...shiftImmediate('psrlq', '73', 2),
  ...shiftImmediate('psllq', '73', 6),
  row('psrldq', 'xmm@rm:rw, imm8', '66 0F 73 /3 ib'),
  row('pslldq', 'xmm@rm:rw, imm8', '66 0F 73 /7 ib'),
  row('emms', '', 'NP 0F 77', { unit: 'mmx' }),
  row('movd', 'mm:w, rm32:r', 'NP W0 0F 6E /r'),
  row('movq', 'mm:w, rm64:r', 'NP REX.W 0F 6E /r'),
  row('movd', 'rm32:w, mm:r', 'NP W0 0F 7E /r'),
  row('movq', 'rm64:w, mm:r', 'NP REX.W 0F 7E /r'),
  row('movq', 'mm:w, mm/m64:r', 'NP 0F 6F /r'),
  row('movq', 'mm/m64:w, mm:r', 'NP 0F 7F /r'),
  row('movntq', 'm64:w, mm:r', 'NP 0F E7 /r'),
  row('pshufw', 'mm:w, mm/m64:r, imm8', 'NP 0F 70 /r ib'),
  row('pinsrw', 'mm:rw, r32/m16:r, imm8', 'NP 0F C4 /r ib'),
  row('pextrw', 'r32:w, mm@rm:r, imm8', 'NP 0F C5 /r ib'),
  row('pmovmskb', 'r32:w, mm@rm:r', 'NP 0F D7 /r'),
  row('maskmovq', 'mm:r, mm@rm:r', 'NP 0F F7 /r', { in: 'rdi', mem: 'w:ds:rdi:64', gsSafe: true }),
  row('cvtpi2ps', 'xmm:rw, mm/m64:r', 'NP 0F 2A /r', { unit: 'mmx' }),
  row('cvtpi2pd', 'xmm:w, mm/m64:r', '66 0F 2A /r', { unit: 'mmx' }),
  row('cvttps2pi', 'mm:w, xmm/m64:r', 'NP 0F 2C /r', { unit: 'mmx' }),
  row('cvttpd2pi', 'mm:w, xmm/m128:r', '66 0F 2C /r', { unit: 'mmx' }),
  row('cvtps2pi', 'mm:w, xmm/m64:r', 'NP 0F 2D /r', { unit: 'mmx' }),
  row('cvtpd2pi', 'mm:w, xmm/m128:r', '66 0F 2D /r', { unit: 'mmx' }),
  row('movq2dq', 'xmm:w, mm@rm:r', 'F3 0F D6 /r', { unit: 'mmx' }),
  row('movdq2q', 'mm:w, xmm@rm:r', 'F2 0F D6 /r', { unit: 'mmx' }),
];
