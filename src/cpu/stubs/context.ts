/** What the emitters of stubs share. */

import type { Assembler } from '../../x86/assemble.ts';
import { type Label, type Memory, mem, type Register, rdi } from '../../x86/operand.ts';
import { TLS } from '../sandbox/layout.ts';
import type { StubConfig } from './calls.ts';

export interface Context {
  readonly a: Assembler;
  readonly config: StubConfig;
  /** The label of a stub or place. */
  at(name: string): Label;
  /** The label of an exit kind. */
  exit(kind: number): Label;
}

/** A slot of the thread-local block, `extra` bytes in. */
export function tls(c: Context, slot: keyof typeof TLS, bits = 0, extra = 0): Memory {
  const disp = c.config.tlsDisplacement + TLS[slot].offset + extra;
  return mem({ seg: 'fs', disp, bits });
}

/** A field of the state block, whose address is in RDI (or `base`). */
export function field(disp: number, bits = 0, base: Register = rdi): Memory {
  return mem({ base, disp, bits });
}
