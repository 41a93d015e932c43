/** The address space of a process: see the members. Owned by mm; the class grows here. */

import type { SandboxPages } from './page-host.ts';

/** What the engine must hear of, to drop translations and write-protect their source. */
export interface CodeObserver {
  /** Bytes of [addr, addr + length) changed, or went away, or lost the permission to execute. */
  onCodeChanged(space: AddressSpace, addr: number, length: number): void;
}

export interface AddressSpace {
  readonly id: number;
  readonly pages: SandboxPages;
  /** Set by the platform. */
  codeObserver: CodeObserver | undefined;
}
