/** Small functions called from JavaScript, their arguments in the mailbox. */

import type { Assembler } from '../../x86/assemble.ts';
import {
  eax,
  ebx,
  ecx,
  edi,
  edx,
  type Label,
  mem,
  r8,
  r8d,
  r9,
  r10,
  rax,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  xmm,
} from '../../x86/operand.ts';
import type { Context } from './context.ts';
import { MAILBOX } from './mailbox.ts';

const SYS_PAUSE = 34;

export function emitHelpers(c: Context): void {
  emitSyscall(c);
  emitCopies(c);
  emitPieces(c);
  emitCpuid(c.a, c.config.mailbox, c.at('cpuid'), c.at('xgetbv'));
  emitCounter(c);
  emitClock(c);
  const { a, at } = c;
  a.align(16, 0xcc);
  a.bind(at('pause'));
  a.emit('mov', eax, SYS_PAUSE);
  a.emit('syscall');
  a.emit('jmp', at('pause'));
}

/** A raw system call: no errno that something else could overwrite, no BigInt arguments. */
function emitSyscall(c: Context): void {
  const { a, at } = c;
  a.align(16, 0xcc);
  a.bind(at('syscall'));
  a.emit('push', rbx);
  a.emit('movabs', rbx, BigInt(c.config.mailbox + MAILBOX.syscall));
  for (const [n, r] of [rax, rdi, rsi, rdx, r10, r8, r9].entries())
    a.emit('mov', r, mem({ base: rbx, disp: 8 * n }));
  a.emit('syscall');
  a.emit('mov', mem({ base: rbx }), rax);
  a.emit('pop', rbx);
  a.emit('ret');
}

/**
 * Copies that survive faults: the handler continues a fault inside at `copyDone`, where RCX says
 * what is left (SDM vol. 2, REP: registers are exact at a fault).
 */
function emitCopies(c: Context): void {
  const { a, at } = c;
  const arguments_ = () => {
    a.emit('movabs', rdx, BigInt(c.config.mailbox));
    a.emit('mov', rdi, mem({ base: rdx, disp: MAILBOX.copyTo }));
    a.emit('mov', rsi, mem({ base: rdx, disp: MAILBOX.copyFrom }));
    a.emit('mov', rcx, mem({ base: rdx, disp: MAILBOX.copyLength }));
  };
  a.align(16, 0xcc);
  a.bind(at('fill'));
  arguments_();
  a.emit('mov', rax, rsi);
  a.bind(at('copyStart'));
  a.emit('rep stosb');
  a.emit('jmp', at('copyDone'));
  a.bind(at('copy'));
  arguments_();
  a.emit('rep movsb');
  a.bind(at('copyEnd'));
  a.bind(at('copyDone'));
  a.emit('movabs', rdx, BigInt(c.config.mailbox));
  a.emit('mov', mem({ base: rdx, disp: MAILBOX.copyLeft }), rcx);
  a.emit('mov', eax, ecx);
  a.emit('ret');
}

/** The time stamp counter, read after all loads before it (SDM vol. 2, RDTSC). */
function emitCounter({ a, at, config }: Context): void {
  a.align(16, 0xcc);
  a.bind(at('counter'));
  a.emit('lfence');
  a.emit('rdtsc');
  a.emit('movabs', r8, BigInt(config.mailbox));
  a.emit('mov', mem({ base: r8, disp: MAILBOX.cpuid }), eax);
  a.emit('mov', mem({ base: r8, disp: MAILBOX.cpuid + 4 }), edx);
  a.emit('ret');
}

/** clock_gettime(3) of the C library, which asks the vDSO: EAX = 0. The push aligns the stack for it. */
function emitClock({ a, at, config }: Context): void {
  a.align(16, 0xcc);
  a.bind(at('clock'));
  a.emit('push', rbx);
  a.emit('movabs', rbx, BigInt(config.mailbox));
  a.emit('mov', edi, mem({ base: rbx, disp: MAILBOX.clockId }));
  a.emit('lea', rsi, mem({ base: rbx, disp: MAILBOX.clockTime }));
  a.emit('call', mem({ base: rbx, disp: MAILBOX.clockFunction, bits: 64 }));
  a.emit('pop', rbx);
  a.emit('ret');
}

/** Copies 16 bytes for each pair of 32-bit offsets, from one base to another; at least one. */
function emitPieces({ a, at, config }: Context): void {
  const next = a.label('nextPiece');
  a.align(16, 0xcc);
  a.bind(at('pieces'));
  a.emit('movabs', rdx, BigInt(config.mailbox));
  a.emit('mov', rdi, mem({ base: rdx, disp: MAILBOX.copyTo }));
  a.emit('mov', rsi, mem({ base: rdx, disp: MAILBOX.copyFrom }));
  a.emit('mov', rcx, mem({ base: rdx, disp: MAILBOX.pieceCount }));
  a.emit('mov', rdx, mem({ base: rdx, disp: MAILBOX.pieces }));
  a.bind(next);
  a.emit('mov', eax, mem({ base: rdx }));
  a.emit('mov', r8d, mem({ base: rdx, disp: 4 }));
  a.emit('movups', xmm[0]!, mem({ base: rsi, index: rax }));
  a.emit('movups', mem({ base: rdi, index: r8 }), xmm[0]!);
  a.emit('add', rdx, 8);
  a.emit('dec', rcx);
  a.emit('jne', next);
  a.emit('ret');
}

export function emitCpuid(a: Assembler, mailbox: number, cpuid: Label, xgetbv: Label): void {
  const out = (n: number) => mem({ base: r8, disp: MAILBOX.cpuid + 4 * n });
  a.align(16, 0xcc);
  a.bind(cpuid);
  a.emit('push', rbx);
  a.emit('movabs', r8, BigInt(mailbox));
  a.emit('mov', eax, out(0));
  a.emit('mov', ecx, out(1));
  a.emit('cpuid');
  for (const [n, r] of [eax, ebx, ecx, edx].entries()) a.emit('mov', out(n), r);
  a.emit('pop', rbx);
  a.emit('ret');
  a.align(16, 0xcc);
  a.bind(xgetbv);
  a.emit('movabs', r8, BigInt(mailbox));
  a.emit('xor', ecx, ecx);
  a.emit('xgetbv');
  a.emit('mov', out(0), eax);
  a.emit('ret');
}
