/** Control transfer and the stack (Intel SDM vol. 2). Far transfers: system.ts. */
import { CONDITIONS, hex } from './conditions.ts';
import { type RowSource, row } from './row.ts';

const PUSH = { class: 'stack', in: 'rsp', out: 'rsp', mem: 'w:ss:rsp:64' } as const;
const PUSH16 = { ...PUSH, mem: 'w:ss:rsp:16' } as const;
const POP = { class: 'stack', in: 'rsp', out: 'rsp', mem: 'r:ss:rsp:64' } as const;
const POP16 = { ...POP, mem: 'r:ss:rsp:16' } as const;
const ALL_FLAGS = 'oszapcd';

/**
 * Near branches take 64 bits by default. With 66 alone AMD truncates RIP to 16 bits where Intel
 * ignores the prefix, so such bytes are in no row (`d64`: 66 only together with REX.W).
 */
const branches: RowSource[] = [
  ...CONDITIONS.flatMap(([suffix, flags], condition) => [
    row(`j${suffix}`, 'rel8', `d64 ${hex(0x70, condition)} cb`, {
      ...{ class: 'condbranch', condition, flags: `r=${flags}` },
    }),
    row(`j${suffix}`, 'rel32', `d64 0F ${hex(0x80, condition)} cd`, {
      ...{ class: 'condbranch', condition, flags: `r=${flags}` },
    }),
  ]),
  row('loopne', 'rel8', 'd64 E0 cb', {
    ...{ class: 'loopbranch', in: 'rcx', out: 'rcx', flags: 'r=z' },
  }),
  row('loope', 'rel8', 'd64 E1 cb', {
    ...{ class: 'loopbranch', in: 'rcx', out: 'rcx', flags: 'r=z' },
  }),
  row('loop', 'rel8', 'd64 E2 cb', { class: 'loopbranch', in: 'rcx', out: 'rcx' }),
  row('jrcxz', 'rel8', 'd64 E3 cb', { class: 'loopbranch', in: 'rcx' }),
  row('jmp', 'rel8', 'd64 EB cb', { class: 'branch' }),
  row('jmp', 'rel32', 'd64 E9 cd', { class: 'branch' }),
  row('jmp', 'rm64:r', 'd64 FF /4', { class: 'indirectbranch' }),
  row('call', 'rel32', 'd64 E8 cd', { ...PUSH, class: 'call' }),
  row('call', 'rm64:r', 'd64 FF /2', { ...PUSH, class: 'indirectcall' }),
  row('ret', '', 'd64 C3', { ...POP, class: 'ret' }),
  row('ret', 'imm16', 'd64 C2 iw', { ...POP, class: 'ret' }),
];

const stack: RowSource[] = [
  row('push', 'r64:r', 'd64 50+r', PUSH),
  row('push', 'r16:r', 'o16 50+r', PUSH16),
  row('pop', 'r64:w', 'd64 58+r', POP),
  row('pop', 'r16:w', 'o16 58+r', POP16),
  row('push', 'rm64:r', 'd64 FF /6', PUSH),
  row('push', 'rm16:r', 'o16 FF /6', PUSH16),
  row('pop', 'rm64:w', 'd64 8F /0', POP),
  row('pop', 'rm16:w', 'o16 8F /0', POP16),
  row('push', 'imm8s', 'd64 6A ib', PUSH),
  row('push', 'imm8s', 'o16 6A ib', PUSH16),
  row('push', 'imm32s', 'd64 68 id', PUSH),
  row('push', 'imm16', 'o16 68 iw', PUSH16),
  row('pushf', '', 'd64 9C', { ...PUSH, flags: `r=${ALL_FLAGS}` }),
  row('pushfw', '', 'o16 9C', { ...PUSH16, flags: `r=${ALL_FLAGS}` }),
  row('popf', '', 'd64 9D', { ...POP, flags: `w=${ALL_FLAGS}` }),
  row('popfw', '', 'o16 9D', { ...POP16, flags: `w=${ALL_FLAGS}` }),
  row('enter', 'imm16, imm8', 'd64 C8 iw ib', {
    ...{ class: 'stack', in: 'rsp rbp', out: 'rsp rbp', mem: 'w:ss:rsp:64 r:ss:rbp:64' },
  }),
  row('enterw', 'imm16, imm8', 'o16 C8 iw ib', {
    ...{ class: 'stack', in: 'rsp rbp', out: 'rsp rbp', mem: 'w:ss:rsp:16 r:ss:rbp:16' },
  }),
  row('leave', '', 'd64 C9', {
    ...{ class: 'stack', in: 'rbp', out: 'rsp rbp', mem: 'r:ss:rbp:64' },
  }),
  row('leavew', '', 'o16 C9', {
    ...{ class: 'stack', in: 'rbp', out: 'rsp rbp', mem: 'r:ss:rbp:16' },
  }),
];

export const controlRows: readonly RowSource[] = [...branches, ...stack];
