/**
 * A second host thread that enters guests while the first one waits for it: never both at once. Each
 * keeps its own GS base, so two processes that take turns cost no change of it; where that is a
 * system call that a hypervisor traps, it takes 8.5 µs, and a hand-over there and back 0.13 µs.
 *
 * Requests are numbered. Both sides look for a while before they sleep on a futex; who goes to sleep
 * says so first, and looks again behind a fence (futex(2), "lost wake-ups").
 */

import {
  eax,
  ecx,
  edx,
  esi,
  mem,
  type Register,
  r8d,
  r10d,
  r12d,
  rax,
  rbx,
  rcx,
  rdi,
  rsp,
} from '../../x86/operand.ts';
import type { Context } from './context.ts';
import { MAILBOX } from './mailbox.ts';

const SYS_SIGALTSTACK = 131;
const SYS_GETTID = 186;
const SYS_FUTEX = 202;
const FUTEX_WAIT_PRIVATE = 128;
const FUTEX_WAKE_PRIVATE = 129;
/** measured: 15 µs; a round of two processes over a pipe takes 3. */
const LOOKS = 1000;

type Field = keyof typeof MAILBOX;

export function emitPartner(c: Context): void {
  emitHandOver(c);
  emitThread(c);
}

const at = (name: Field, bits = 0) => mem({ base: rbx, disp: MAILBOX[name], bits });

/** futex(address of `name`, `operation`, RDX, none); keeps R8 and R12. */
function emitFutex({ a }: Context, name: Field, operation: number): void {
  a.emit('lea', rdi, at(name));
  a.emit('mov', esi, operation);
  a.emit('xor', r10d, r10d);
  a.emit('mov', eax, SYS_FUTEX);
  a.emit('syscall');
}

/** Behind a fence: the other side may have gone to sleep before it could see what was written. */
function emitWake(c: Context, sleeps: Field, word: Field): void {
  const { a } = c;
  const awake = a.label('awake');
  a.emit('mfence');
  a.emit('cmp', at(sleeps, 32), 0);
  a.emit('je', awake);
  a.emit('mov', edx, 1);
  emitFutex(c, word, FUTEX_WAKE_PRIVATE);
  a.bind(awake);
}

/** Waits until `word` is `number`: looks for a while, then sleeps, and says so in `sleeps`. */
function emitAwait(
  c: Context,
  word: Field,
  number: Register,
  sleeps: Field,
  beforeSleep?: () => void,
): void {
  const { a } = c;
  const [look, sleep, there] = [a.label('look'), a.label('sleep'), a.label('there')];
  a.emit('mov', ecx, LOOKS);
  a.bind(look);
  a.emit('cmp', at(word), number);
  a.emit('je', there);
  a.emit('pause');
  a.emit('sub', ecx, 1);
  a.emit('jne', look);
  beforeSleep?.();
  a.emit('mov', at(sleeps, 32), 1);
  a.bind(sleep);
  a.emit('mfence');
  a.emit('mov', edx, at(word));
  a.emit('cmp', edx, number);
  a.emit('je', there);
  emitFutex(c, word, FUTEX_WAIT_PRIVATE);
  a.emit('jmp', sleep);
  a.bind(there);
  a.emit('mov', at(sleeps, 32), 0);
}

/** Called as `enter` is: the thread below enters instead. EAX = kind of exit. */
function emitHandOver(c: Context): void {
  const { a } = c;
  a.align(16, 0xcc);
  a.bind(c.at('handOver'));
  a.emit('push', rbx);
  a.emit('movabs', rbx, BigInt(c.config.mailbox));
  a.emit('mov', r8d, at('request'));
  a.emit('add', r8d, 1);
  a.emit('mov', at('request'), r8d);
  emitWake(c, 'partnerSleeps', 'request');
  emitAwait(c, 'done', r8d, 'callerSleeps', () => a.emit('add', at('callerSlept', 32), 1));
  a.emit('mov', eax, at('exitKind'));
  a.emit('pop', rbx);
  a.emit('ret');
}

/** The thread itself: says who it is, then serves requests for ever. R12 = the number of one. */
function emitThread(c: Context): void {
  const { a } = c;
  const next = a.label('nextRequest');
  a.align(16, 0xcc);
  a.bind(c.at('partner'));
  a.emit('movabs', rbx, BigInt(c.config.mailbox));
  a.emit('lea', rdi, at('partnerStack'));
  a.emit('xor', esi, esi);
  a.emit('mov', eax, SYS_SIGALTSTACK);
  a.emit('syscall');
  a.emit('mov', eax, SYS_GETTID);
  a.emit('syscall');
  a.emit('mov', r12d, at('done'));
  a.emit('mov', at('partnerThread'), eax);
  a.bind(next);
  a.emit('add', r12d, 1);
  emitAwait(c, 'request', r12d, 'partnerSleeps');
  emitSerialize(c);
  a.emit('call', c.at('enter'));
  a.emit('mov', at('exitKind'), eax);
  a.emit('mov', at('done'), r12d);
  emitWake(c, 'callerSleeps', 'done');
  a.emit('jmp', next);
}

/**
 * The other thread may have written code since: IRET serializes, so nothing that was fetched before
 * runs (SDM vol. 3, 9.1.3 and 9.3).
 */
function emitSerialize({ a }: Context): void {
  const here = a.label('serialized');
  a.emit('mov', rax, rsp);
  a.bytes([0x8c, 0xd1]); // mov ecx, ss
  a.emit('push', rcx);
  a.emit('push', rax);
  a.emit('pushf');
  a.bytes([0x8c, 0xc9]); // mov ecx, cs
  a.emit('push', rcx);
  a.emit('lea', rax, mem({ label: here }));
  a.emit('push', rax);
  a.bytes([0x48, 0xcf]); // iretq
  a.bind(here);
}
