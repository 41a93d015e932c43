/**
 * A second host thread that enters guests while the first one waits for it: never both at once. Each
 * keeps its own GS base, so two processes that take turns cost no change of it; where that is a
 * system call that a hypervisor traps, it takes 8.5 µs, and a hand-over there and back 0.13 µs.
 *
 * Requests are numbered. Both sides look for a while before they sleep on a futex; who goes to sleep
 * says so first, and looks again behind a fence (futex(2), "lost wake-ups").
 */

import { eax, r8d, r12d, rbx } from '../../x86/operand.ts';
import type { Context } from './context.ts';
import { MAILBOX } from './mailbox.ts';
import { emitAwait, emitNewThread, emitSerialize, emitWake, word } from './threads.ts';

export function emitPartner(c: Context): void {
  emitHandOver(c);
  emitThread(c);
}

const at = (name: keyof typeof MAILBOX, bits = 0) => word(MAILBOX[name], bits);

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
  emitWake(c, MAILBOX.partnerSleeps, MAILBOX.request);
  emitAwait(c, MAILBOX.done, r8d, MAILBOX.callerSleeps, () =>
    a.emit('add', at('callerSlept', 32), 1),
  );
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
  emitNewThread(c, MAILBOX.partnerStack);
  a.emit('mov', r12d, at('done'));
  a.emit('mov', at('partnerThread'), eax);
  a.bind(next);
  a.emit('add', r12d, 1);
  emitAwait(c, MAILBOX.request, r12d, MAILBOX.partnerSleeps);
  emitSerialize(c);
  a.emit('call', c.at('enter'));
  a.emit('mov', at('exitKind'), eax);
  a.emit('mov', at('done'), r12d);
  emitWake(c, MAILBOX.callerSleeps, MAILBOX.done);
  a.emit('jmp', next);
}
