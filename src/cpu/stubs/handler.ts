/**
 * The signal handler for SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP and the tick. Runs on the
 * alternate stack with every signal blocked; RDI = signal, RSI = siginfo_t, RDX = ucontext_t. FS is
 * the host's at all times, so the thread-local block is reachable.
 *
 * By the interrupted RIP: translated code → its exact registers become the state that an exit
 * stores; a safe copy → its error return; a tick in the entry path → the abort exit; a tick
 * elsewhere → a flag that the entry reads; anything else → the handler that was there before.
 */

import {
  eax,
  ecx,
  edi,
  edx,
  mem,
  r8,
  r9,
  r10,
  rax,
  rcx,
  rdi,
  rdx,
  rsi,
} from '../../x86/operand.ts';
import { EXIT, STATE } from '../sandbox/layout.ts';
import { type Context, field, tls } from './context.ts';
import { MAILBOX } from './mailbox.ts';

/** arch/x86/include/uapi/asm/ucontext.h and sigcontext.h: byte offsets in ucontext_t. */
const UC = { rsp: 160, rip: 168, err: 192, trapno: 200, cr2: 216 } as const;
const SIGINFO_CODE = 8;
const SYS_RT_SIGACTION = 13;
const SYS_GETPID = 39;
const SYS_KILL = 62;

export function emitHandler(c: Context): void {
  const { a, at, config } = c;
  const chain = a.label('chain');
  const notTranslated = a.label('notTranslated');
  const tick = a.label('tick');
  const uc = (disp: number) => mem({ base: rdx, disp });
  const continueAt = (label: ReturnType<Context['at']>) => {
    a.emit('lea', rcx, mem({ label }));
    a.emit('mov', uc(UC.rip), rcx);
    a.emit('ret');
  };
  a.align(16, 0xcc);
  a.bind(at('handler'));
  a.emit('mov', rax, uc(UC.rip));
  a.emit('movabs', rcx, BigInt(config.origin + config.codeStart));
  a.emit('mov', r8, rax);
  a.emit('sub', r8, rcx);
  a.emit('movabs', rcx, BigInt(config.codeEnd - config.origin - config.codeStart));
  a.emit('cmp', edi, config.tickSignal);
  a.emit('je', tick);
  a.emit('cmp', r8, rcx);
  a.emit('jae', notTranslated);
  // Sent by another process (si_code ≤ 0): not a fault of the guest.
  a.emit('cmp', mem({ base: rsi, disp: SIGINFO_CODE, bits: 32 }), 0);
  a.emit('jle', chain);
  const guestFault = a.label('guestFault');
  a.bind(guestFault);
  emitRecord(c);
  continueAt(c.exit(EXIT.fault));

  a.bind(notTranslated);
  a.emit('lea', rcx, mem({ label: at('missReturnLoad') }));
  a.emit('cmp', rax, rcx);
  a.emit('je', guestFault);
  emitInside(c, 'copyStart', 'copyEnd', at('copyDone'));
  emitWildStack(c);
  a.bind(chain);
  emitChain(c);

  a.bind(tick);
  const elsewhere = a.label('elsewhere');
  a.emit('cmp', r8, rcx);
  a.emit('jae', elsewhere);
  emitRecord(c);
  continueAt(c.exit(EXIT.tick));
  a.bind(elsewhere);
  emitInside(c, 'restartStart', 'restartEnd', c.exit(EXIT.tickBeforeEntry));
  a.emit('mov', tls(c, 'tickPending', 32), 1);
  a.emit('ret');
}

/** Fields of the state block that only the handler knows. RAX = interrupted RIP. */
function emitRecord(c: Context): void {
  const { a } = c;
  a.emit('mov', r9, tls(c, 'state'));
  a.emit('mov', field(STATE.hostRip, 64, r9), rax);
  for (const [from, to] of [
    [UC.cr2, STATE.faultAddress],
    [UC.trapno, STATE.trapNumber],
    [UC.err, STATE.errorCode],
  ] as const) {
    a.emit('mov', rcx, mem({ base: rdx, disp: from }));
    a.emit('mov', field(to, 64, r9), rcx);
  }
  a.emit('mov', field(STATE.signal, 32, r9), edi);
  a.emit('mov', ecx, mem({ base: rsi, disp: SIGINFO_CODE }));
  a.emit('mov', field(STATE.signalCode, 32, r9), ecx);
  a.emit('mov', rcx, mem({ base: rdx, disp: UC.rsp }));
  a.emit('mov', field(STATE.hostRsp, 64, r9), rcx);
  emitCanonical(c);
  a.emit('mov', mem({ base: rdx, disp: UC.rsp }), rcx);
}

/**
 * RCX cut to a canonical address. IRET raises #GP for another RSP (measured on AMD), so neither this
 * handler nor any interrupt could return to a stub while the guest's wild RSP is in place.
 */
function emitCanonical(c: Context): void {
  c.a.emit('shl', rcx, 16);
  c.a.emit('sar', rcx, 16);
}

/**
 * A fault in a stub that still has the guest's RSP, because an interrupt could not return to it:
 * goes on with a canonical one. A program whose RSP is wild does not survive an interrupt natively
 * either; here it may see RSP changed.
 */
function emitWildStack(c: Context): void {
  const { a } = c;
  const usual = c.a.label('usual');
  const uc = (disp: number) => mem({ base: rdx, disp });
  a.emit('mov', rcx, uc(UC.rsp));
  emitCanonical(c);
  a.emit('cmp', rcx, uc(UC.rsp));
  a.emit('je', usual);
  a.emit('mov', uc(UC.rsp), rcx);
  emitInside(c, 'restartStart', 'restartEnd', c.exit(EXIT.tickBeforeEntry));
  a.emit('ret');
  a.bind(usual);
}

/** Continues at `to` when RAX lies in [from, until). */
function emitInside(c: Context, from: string, until: string, to: ReturnType<Context['at']>): void {
  const { a, at } = c;
  const outside = a.label('outside');
  a.emit('lea', rcx, mem({ label: at(from) }));
  a.emit('cmp', rax, rcx);
  a.emit('jb', outside);
  a.emit('lea', rcx, mem({ label: at(until) }));
  a.emit('cmp', rax, rcx);
  a.emit('jae', outside);
  a.emit('lea', rcx, mem({ label: to }));
  a.emit('mov', mem({ base: rdx, disp: UC.rip }), rcx);
  a.emit('ret');
  a.bind(outside);
}

/** The handler from before ours; where there was none, the default action, which ends the process. */
function emitChain(c: Context): void {
  const { a } = c;
  const byDefault = a.label('byDefault');
  a.emit('movabs', rcx, BigInt(c.config.mailbox + MAILBOX.oldHandlers));
  a.emit('mov', rax, mem({ base: rcx, index: rdi, scale: 8 }));
  a.emit('cmp', rax, 1); // SIG_DFL = 0, SIG_IGN = 1
  a.emit('jbe', byDefault);
  a.emit('jmp', rax);
  a.bind(byDefault);
  a.emit('mov', r9, rdi);
  a.emit('movabs', rsi, BigInt(c.config.mailbox + MAILBOX.defaultAction));
  a.emit('xor', edx, edx);
  a.emit('mov', r10, 8n);
  a.emit('mov', eax, SYS_RT_SIGACTION);
  a.emit('syscall');
  a.emit('mov', eax, SYS_GETPID);
  a.emit('syscall');
  a.emit('mov', edi, eax);
  a.emit('mov', rsi, r9);
  a.emit('mov', eax, SYS_KILL);
  a.emit('syscall');
  a.emit('ret');
}
