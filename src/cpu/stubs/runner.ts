/**
 * Runners: host threads that run guests at the same time as the one that has the kernel. Each has a
 * block of words (`RUNNER`) in which it is told what to enter, and says when it has left. What a guest
 * left for, the kernel's thread deals with: a runner does nothing but enter.
 *
 * The kernel's thread may itself be in a guest when a runner leaves one: `enterBeside` says so, and the
 * runner ticks it out. It says so before it looks whether one has left, and the runner says that it has
 * left before it looks, both behind a fence: one of the two sees the other.
 */

import { eax, ecx, edi, edx, esi, mem, r8d, r12d, rbx, rcx, rdi } from '../../x86/operand.ts';
import { EXIT } from '../sandbox/layout.ts';
import type { Context } from './context.ts';
import { MAILBOX } from './mailbox.ts';
import { emitAwait, emitNewThread, emitSerialize, emitWake, word } from './threads.ts';

const SYS_SCHED_YIELD = 24;
const SYS_TGKILL = 234;
/** Until it is ticked again: the tick before may have come while it was in a stub, which goes on. */
const LOOKS = 2000;

export const RUNNER_BYTES = 512;
/** Byte offsets in the block of one runner; the words of each side lie in cache lines of their own. */
export const RUNNER = {
  /** Number of the last request; host address of the state block to enter with. */
  request: 0,
  state: 8,
  /** Number of the last request that is done, with which kind of exit; it sleeps until the next one. */
  done: 128,
  exitKind: 132,
  sleeps: 136,
  /** Its `stack_t`, 24 bytes, and its thread number, 0 before it runs. */
  stack: 256,
  thread: 280,
} as const;

const at = (name: keyof typeof RUNNER, bits = 0) => word(RUNNER[name], bits);

export function emitRunner(c: Context): void {
  emitStart(c);
  emitHalt(c);
  emitEnterBeside(c);
  emitThread(c);
}

/** A word of the mailbox, whose address is in RCX. */
const inMailbox = (name: keyof typeof MAILBOX, bits = 0) =>
  mem({ base: rcx, disp: MAILBOX[name], bits });

/** RBX = the block that the mailbox names. */
function emitBlock(c: Context): void {
  const { a } = c;
  a.emit('push', rbx);
  a.emit('movabs', rcx, BigInt(c.config.mailbox));
  a.emit('mov', rbx, inMailbox('runner'));
}

/** The runner enters with the state block that its words name. */
function emitStart(c: Context): void {
  const { a } = c;
  a.align(16, 0xcc);
  a.bind(c.at('startRunner'));
  emitBlock(c);
  a.emit('mov', eax, at('request'));
  a.emit('add', eax, 1);
  a.emit('mov', at('request'), eax);
  emitWake(c, RUNNER.sleeps, RUNNER.request);
  a.emit('pop', rbx);
  a.emit('ret');
}

/** Ticks a thread of this process: ESI = its number. Takes EAX, ECX, EDX, EDI, R11. */
function emitTick(c: Context): void {
  const { a } = c;
  a.emit('movabs', rcx, BigInt(c.config.mailbox));
  a.emit('mov', edi, inMailbox('process'));
  a.emit('mov', edx, c.config.tickSignal);
  a.emit('mov', eax, SYS_TGKILL);
  a.emit('syscall');
}

/** Waits until the runner has left its guest, which it is made to. EAX = kind of exit. */
function emitHalt(c: Context): void {
  const { a } = c;
  const [again, look, left] = [a.label('tickAgain'), a.label('lookAgain'), a.label('hasLeft')];
  a.align(16, 0xcc);
  a.bind(c.at('haltRunner'));
  emitBlock(c);
  a.emit('mov', r8d, at('request'));
  a.emit('cmp', at('done'), r8d);
  a.emit('je', left);
  a.bind(again);
  a.emit('mov', esi, at('thread'));
  emitTick(c);
  a.emit('mov', ecx, LOOKS);
  a.bind(look);
  a.emit('cmp', at('done'), r8d);
  a.emit('je', left);
  a.emit('pause');
  a.emit('sub', ecx, 1);
  a.emit('jne', look);
  // There may be fewer processors than threads.
  a.emit('mov', eax, SYS_SCHED_YIELD);
  a.emit('syscall');
  a.emit('jmp', again);
  a.bind(left);
  a.emit('mov', eax, at('exitKind'));
  a.emit('pop', rbx);
  a.emit('ret');
}

/** As `enter`, while runners run: left before anything runs when one of them has left and is not seen. */
function emitEnterBeside(c: Context): void {
  const { a } = c;
  const unseen = a.label('unseen');
  a.align(16, 0xcc);
  a.bind(c.at('enterBeside'));
  a.emit('movabs', rcx, BigInt(c.config.mailbox));
  a.emit('mov', inMailbox('isInGuest', 32), 1);
  a.emit('mfence');
  a.emit('mov', eax, inMailbox('left'));
  a.emit('cmp', inMailbox('leftSeen'), eax);
  a.emit('mov', eax, EXIT.tickBeforeEntry);
  a.emit('jne', unseen);
  a.emit('call', c.at('enter'));
  a.emit('movabs', rcx, BigInt(c.config.mailbox));
  a.bind(unseen);
  a.emit('mov', inMailbox('isInGuest', 32), 0);
  a.emit('ret');
}

/** The thread itself, RDI = its block: serves requests for ever. R12 = the number of one. */
function emitThread(c: Context): void {
  const { a } = c;
  const next = a.label('nextRun');
  a.align(16, 0xcc);
  a.bind(c.at('runner'));
  a.emit('mov', rbx, rdi);
  emitNewThread(c, RUNNER.stack);
  a.emit('mov', r12d, at('done'));
  a.emit('mov', at('thread'), eax);
  a.bind(next);
  a.emit('add', r12d, 1);
  emitAwait(c, RUNNER.request, r12d, RUNNER.sleeps);
  emitSerialize(c);
  a.emit('mov', rdi, at('state'));
  a.emit('call', c.at('enterState'));
  a.emit('mov', at('exitKind'), eax);
  a.emit('mov', at('done'), r12d);
  a.emit('movabs', rcx, BigInt(c.config.mailbox));
  a.emit('lock add', inMailbox('left', 32), 1);
  a.emit('cmp', inMailbox('isInGuest', 32), 0);
  a.emit('je', next);
  a.emit('mov', esi, inMailbox('kernelThread'));
  emitTick(c);
  a.emit('jmp', next);
}
