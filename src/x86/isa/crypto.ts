/** AES, CLMUL, SHA and GFNI in their legacy encodings (Intel SDM vol. 2). */
import { pairsOf } from './mmx.ts';
import { type RowSource, row } from './row.ts';

const SHA = 'sha1nexte C8, sha1msg1 C9, sha1msg2 CA, sha256msg1 CC, sha256msg2 CD';

export const cryptoRows: readonly RowSource[] = [
  ...pairsOf('aesenc DC, aesenclast DD, aesdec DE, aesdeclast DF').map(([name, opcode]) =>
    row(name, 'xmm:rw, xmm/m128:r', `66 0F 38 ${opcode} /r`, { features: 'aes' }),
  ),
  row('aesimc', 'xmm:w, xmm/m128:r', '66 0F 38 DB /r', { features: 'aes' }),
  row('aeskeygenassist', 'xmm:w, xmm/m128:r, imm8', '66 0F 3A DF /r ib', { features: 'aes' }),
  row('pclmulqdq', 'xmm:rw, xmm/m128:r, imm8', '66 0F 3A 44 /r ib', { features: 'pclmulqdq' }),
  ...pairsOf(SHA).map(([name, opcode]) =>
    row(name, 'xmm:rw, xmm/m128:r', `NP 0F 38 ${opcode} /r`, { features: 'sha_ni' }),
  ),
  row('sha256rnds2', 'xmm:rw, xmm/m128:r, xmm0:r', 'NP 0F 38 CB /r', { features: 'sha_ni' }),
  row('sha1rnds4', 'xmm:rw, xmm/m128:r, imm8', 'NP 0F 3A CC /r ib', { features: 'sha_ni' }),
  row('gf2p8mulb', 'xmm:rw, xmm/m128:r', '66 0F 38 CF /r', { features: 'gfni' }),
  row('gf2p8affineqb', 'xmm:rw, xmm/m128:r, imm8', '66 0F 3A CE /r ib', { features: 'gfni' }),
  row('gf2p8affineinvqb', 'xmm:rw, xmm/m128:r, imm8', '66 0F 3A CF /r ib', { features: 'gfni' }),
];
