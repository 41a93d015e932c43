/**
 * `miss`: an indirect transfer that the narrow tables did not know. Probes the wide table and goes
 * on at the entry found there, else leaves with `indirect`. Guest flags and registers are kept.
 */

import { al, eax, ecx, edx, esp, mem, rax, rcx, rdx } from '../../x86/operand.ts';
import { WIDE_ENTRY_BYTES, WIDE_MULTIPLIER, WIDE_PROBES } from '../code-host.ts';
import { EXIT } from '../sandbox/layout.ts';
import { type Context, tls } from './context.ts';

/** What `exitSite` says at exit `indirect`. */
export const MISS_RETURN = 1;
export const MISS_JUMP = 2;

export function emitMiss(c: Context): void {
  const { a, at } = c;
  const scratch = (n: number) => tls(c, 'stubScratch', 0, 8 * n);
  const hit = a.label('hit');
  const none = a.label('none');
  const restore = () => {
    a.emit('mov', rdx, scratch(2));
    a.emit('mov', rcx, tls(c, 'spill'));
    a.emit('mov', rax, scratch(3));
    a.emit('add', al, 0x7f);
    a.emit('sahf');
    a.emit('mov', rax, scratch(1));
  };
  // Where the narrow tables lead when they do not know a target: guest RCX is in spill 0.
  a.align(16, 0xcc);
  a.bind(at('missJump'));
  a.emit('mov', tls(c, 'exitSite', 32), MISS_JUMP);
  a.emit('mov', rcx, tls(c, 'target'));
  a.emit('jmp', at('miss'));
  a.align(16, 0xcc);
  a.bind(at('missReturn'));
  a.emit('mov', tls(c, 'exitSite', 32), MISS_RETURN);
  // The only guest memory that a stub reads; the handler treats a fault here as the guest's.
  a.bind(at('missReturnLoad'));
  a.emit('mov', rcx, mem({ base: esp, disp: -8, seg: 'gs', addr32: true }));
  a.bind(at('missReturnLoaded'));
  a.emit('jmp', at('miss'));
  a.align(16, 0xcc);
  a.bind(at('miss'));
  a.emit('mov', tls(c, 'exitRip'), rcx);
  a.emit('mov', scratch(1), rax);
  a.emit('mov', scratch(2), rdx);
  a.emit('lahf');
  a.emit('seto', al);
  a.emit('mov', scratch(3), rax);
  // A target of 4 GiB or more has no key; its low half must not be taken for one.
  a.emit('mov', eax, ecx);
  a.emit('cmp', rax, rcx);
  a.emit('jne', none);
  // Nor has 0, where nothing is ever mapped: it marks the table's free entries.
  a.emit('test', eax, eax);
  a.emit('je', none);
  a.emit('imul', edx, ecx, WIDE_MULTIPLIER);
  a.emit('shr', edx, 8);
  a.emit('and', rdx, tls(c, 'wideMask'));
  a.emit('shl', rdx, Math.log2(WIDE_ENTRY_BYTES));
  a.emit('add', rdx, tls(c, 'wideTable'));
  for (let n = 0; n < WIDE_PROBES; n++) {
    a.emit('cmp', rcx, mem({ base: rdx, disp: WIDE_ENTRY_BYTES * n }));
    const next = a.label('next');
    a.emit('jne', next);
    a.emit('mov', rax, mem({ base: rdx, disp: WIDE_ENTRY_BYTES * n + 8 }));
    a.emit('jmp', hit);
    a.bind(next);
  }
  a.bind(none);
  restore();
  a.emit('jmp', c.exit(EXIT.indirect));
  a.bind(hit);
  a.emit('mov', scratch(4), rax);
  restore();
  a.emit('jmp', scratch(4));
}
