/**
 * What the stubs of further host threads share: they wait for work in words of a block whose address is
 * in RBX. Both sides look for a while before they sleep on a futex; who goes to sleep says so first, and
 * looks again behind a fence (futex(2), "lost wake-ups").
 */

import {
  eax,
  ecx,
  edx,
  esi,
  type Memory,
  mem,
  type Register,
  r10d,
  rax,
  rbx,
  rcx,
  rdi,
  rsp,
} from '../../x86/operand.ts';
import type { Context } from './context.ts';

const SYS_SIGALTSTACK = 131;
const SYS_GETTID = 186;
const SYS_FUTEX = 202;
const FUTEX_WAIT_PRIVATE = 128;
const FUTEX_WAKE_PRIVATE = 129;
/** measured: 15 µs; a round of two processes over a pipe takes 3. */
const LOOKS = 1000;

/** A word of the block. */
export const word = (disp: number, bits = 0): Memory => mem({ base: rbx, disp, bits });

/** First of all on a new thread: its alternate stack, a `stack_t` at `stack`. EAX = its number. */
export function emitNewThread({ a }: Context, stack: number): void {
  a.emit('lea', rdi, word(stack));
  a.emit('xor', esi, esi);
  a.emit('mov', eax, SYS_SIGALTSTACK);
  a.emit('syscall');
  a.emit('mov', eax, SYS_GETTID);
  a.emit('syscall');
}

/** futex(address of the word at `at`, `operation`, RDX, none); keeps R8 and R12. */
function emitFutex({ a }: Context, at: number, operation: number): void {
  a.emit('lea', rdi, word(at));
  a.emit('mov', esi, operation);
  a.emit('xor', r10d, r10d);
  a.emit('mov', eax, SYS_FUTEX);
  a.emit('syscall');
}

/** Behind a fence: the other side may have gone to sleep before it could see what was written. */
export function emitWake(c: Context, sleeps: number, on: number): void {
  const { a } = c;
  const awake = a.label('awake');
  a.emit('mfence');
  a.emit('cmp', word(sleeps, 32), 0);
  a.emit('je', awake);
  a.emit('mov', edx, 1);
  emitFutex(c, on, FUTEX_WAKE_PRIVATE);
  a.bind(awake);
}

/** Waits until the word at `on` is `number`: looks for a while, then sleeps, and says so in `sleeps`. */
export function emitAwait(
  c: Context,
  on: number,
  number: Register,
  sleeps: number,
  beforeSleep?: () => void,
): void {
  const { a } = c;
  const [look, sleep, there] = [a.label('look'), a.label('sleep'), a.label('there')];
  a.emit('mov', ecx, LOOKS);
  a.bind(look);
  a.emit('cmp', word(on), number);
  a.emit('je', there);
  a.emit('pause');
  a.emit('sub', ecx, 1);
  a.emit('jne', look);
  beforeSleep?.();
  a.emit('mov', word(sleeps, 32), 1);
  a.bind(sleep);
  a.emit('mfence');
  a.emit('mov', edx, word(on));
  a.emit('cmp', edx, number);
  a.emit('je', there);
  emitFutex(c, on, FUTEX_WAIT_PRIVATE);
  a.emit('jmp', sleep);
  a.bind(there);
  a.emit('mov', word(sleeps, 32), 0);
}

/**
 * The other thread may have written code since: IRET serializes, so nothing that was fetched before
 * runs (SDM vol. 3, 9.1.3 and 9.3).
 */
export function emitSerialize({ a }: Context): void {
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
