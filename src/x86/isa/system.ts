/**
 * What a translator turns into exits or macros: system calls, traps, processor identification,
 * segment registers, state saving. Instructions that fault with #GP in user mode are listed too
 * (`hlt`, `in`, `cli`, …), since Linux answers them with SIGSEGV, not SIGILL.
 */
import { type RowOptions, type RowSource, row } from './row.ts';

const SYSTEM = { class: 'system' } as const;
const SEGMENT = { class: 'segment' } as const;

const traps: RowSource[] = [
  row('syscall', '', '0F 05', { ...SYSTEM, in: 'rax', out: 'rax rcx r11' }),
  row('int3', '', 'CC', SYSTEM),
  row('int1', '', 'F1', SYSTEM),
  row('int', 'imm8', 'CD ib', SYSTEM),
  row('ud2', '', '0F 0B', SYSTEM),
  row('ud1', 'r32:n, rm32:n', '0F B9 /r', SYSTEM),
  row('ud0', 'r32:n, rm32:n', '0F FF /r', SYSTEM),
  row('cpuid', '', '0F A2', { ...SYSTEM, in: 'rax rcx', out: 'rax rbx rcx rdx' }),
  row('xgetbv', '', 'NP 0F 01 D0', { ...SYSTEM, in: 'rcx', out: 'rax rdx', features: 'xsave' }),
  row('rdpid', 'r64@rm:w', 'F3 0F C7 /7', { ...SYSTEM, features: 'rdpid' }),
  row('rdtsc', '', '0F 31', { out: 'rax rdx' }),
  row('rdtscp', '', '0F 01 F9', { out: 'rax rcx rdx', features: 'rdtscp' }),
  row('serialize', '', 'NP 0F 01 E8', { features: 'serialize' }),
];

/** #GP(0) at every privilege that a guest has. */
const privileged: RowSource[] = [
  row('hlt', '', 'F4', SYSTEM),
  row('cli', '', 'FA', SYSTEM),
  row('sti', '', 'FB', SYSTEM),
  row('in', 'al:w, imm8', 'E4 ib', SYSTEM),
  row('in', 'eax:w, imm8', 'E5 ib', SYSTEM),
  row('out', 'imm8, al:r', 'E6 ib', SYSTEM),
  row('out', 'imm8, eax:r', 'E7 ib', SYSTEM),
  row('in', 'al:w, dx:r', 'EC', SYSTEM),
  row('in', 'eax:w, dx:r', 'ED', SYSTEM),
  row('out', 'dx:r, al:r', 'EE', SYSTEM),
  row('out', 'dx:r, eax:r', 'EF', SYSTEM),
  row('insb', '', '6C', SYSTEM),
  row('insd', '', '6D', SYSTEM),
  row('outsb', '', '6E', SYSTEM),
  row('outsd', '', '6F', SYSTEM),
  row('clts', '', '0F 06', SYSTEM),
  row('wbinvd', '', '0F 09', SYSTEM),
  row('invd', '', '0F 08', SYSTEM),
  row('rdmsr', '', '0F 32', SYSTEM),
  row('wrmsr', '', '0F 30', SYSTEM),
  row('rdpmc', '', '0F 33', SYSTEM),
  // Control and debug registers stand in ModRM.reg and are no operands here.
  row('movcr', 'r64@rm:n', '0F 20 /r', SYSTEM),
  row('movdr', 'r64@rm:n', '0F 21 /r', SYSTEM),
  row('movcr', 'r64@rm:n', '0F 22 /r', SYSTEM),
  row('movdr', 'r64@rm:n', '0F 23 /r', SYSTEM),
  row('lldt', 'rm16:n', '0F 00 /2', SYSTEM),
  row('ltr', 'rm16:n', '0F 00 /3', SYSTEM),
  row('lgdt', 'm80:n', '0F 01 /2', SYSTEM),
  row('lidt', 'm80:n', '0F 01 /3', SYSTEM),
  row('lmsw', 'rm16:n', '0F 01 /6', SYSTEM),
  row('invlpg', 'm8:n', '0F 01 /7', SYSTEM),
  row('swapgs', '', '0F 01 F8', SYSTEM),
  row('sysret', '', '0F 07', SYSTEM),
];

/** Interpreted: the code segment is the one there is, or the transfer faults. */
const far: RowSource[] = [
  row('retf', '', 'CB', { ...SYSTEM, in: 'rsp', out: 'rsp', mem: 'r:ss:rsp:64' }),
  row('retf', 'imm16', 'CA iw', { ...SYSTEM, in: 'rsp', out: 'rsp', mem: 'r:ss:rsp:64' }),
  row('iret', '', 'CF', { ...SYSTEM, in: 'rsp', out: 'rsp', mem: 'r:ss:rsp:64' }),
  row('callf', 'm:n', 'FF /3', { ...SYSTEM, in: 'rsp', out: 'rsp' }),
  row('jmpf', 'm:n', 'FF /5', SYSTEM),
];

const segments: RowSource[] = [
  row('mov', 'r16/m16:w, sreg:r', 'o16 8C /r', SEGMENT),
  row('mov', 'r32/m16:w, sreg:r', 'o32 8C /r', SEGMENT),
  row('mov', 'r64/m16:w, sreg:r', 'REX.W 8C /r', SEGMENT),
  row('mov', 'sreg:w, r32/m16:r', '8E /r', SEGMENT),
  row('push', 'fs:r', 'd64 0F A0', { ...SEGMENT, in: 'rsp', out: 'rsp', mem: 'w:ss:rsp:64' }),
  row('pop', 'fs:w', 'd64 0F A1', { ...SEGMENT, in: 'rsp', out: 'rsp', mem: 'r:ss:rsp:64' }),
  row('push', 'gs:r', 'd64 0F A8', { ...SEGMENT, in: 'rsp', out: 'rsp', mem: 'w:ss:rsp:64' }),
  row('pop', 'gs:w', 'd64 0F A9', { ...SEGMENT, in: 'rsp', out: 'rsp', mem: 'r:ss:rsp:64' }),
  ...['rdfsbase', 'rdgsbase', 'wrfsbase', 'wrgsbase'].flatMap((mnemonic, n) => {
    const access = n < 2 ? 'w' : 'r';
    return [
      row(mnemonic, `r32@rm:${access}`, `F3 W0 0F AE /${n}`, { ...SEGMENT, features: 'fsgsbase' }),
      row(mnemonic, `r64@rm:${access}`, `F3 REX.W 0F AE /${n}`, {
        ...SEGMENT,
        features: 'fsgsbase',
      }),
    ];
  }),
];

function state(
  mnemonic: string,
  operand: string,
  encoding: string,
  features: string,
  mask: boolean,
): RowSource[] {
  const options: RowOptions = {
    class: 'state',
    unit: 'x87',
    ...(features === '' ? {} : { features }),
    ...(mask ? { in: 'rax rdx' } : {}),
  };
  return [
    row(mnemonic, operand, `NP W0 ${encoding}`, options),
    row(`${mnemonic}64`, operand, `NP REX.W ${encoding}`, options),
  ];
}

const saving: RowSource[] = [
  ...state('fxsave', 'm4096:w', '0F AE /0', '', false),
  ...state('fxrstor', 'm4096:r', '0F AE /1', '', false),
  ...state('xsave', 'm:rw', '0F AE /4', 'xsave', true),
  ...state('xrstor', 'm:r', '0F AE /5', 'xsave', true),
  ...state('xsaveopt', 'm:rw', '0F AE /6', 'xsaveopt', true),
  ...state('xsavec', 'm:w', '0F C7 /4', 'xsavec', true),
  row('ldmxcsr', 'm32:r', 'NP 0F AE /2', { unit: 'sse' }),
  row('stmxcsr', 'm32:w', 'NP 0F AE /3', { unit: 'sse' }),
  row('vldmxcsr', 'm32:r', 'VEX.LZ.NP.0F.WIG AE /2', { unit: 'avx', features: 'avx' }),
  row('vstmxcsr', 'm32:w', 'VEX.LZ.NP.0F.WIG AE /3', { unit: 'avx', features: 'avx' }),
];

export const systemRows: readonly RowSource[] = [
  ...traps,
  ...privileged,
  ...far,
  ...segments,
  ...saving,
];
