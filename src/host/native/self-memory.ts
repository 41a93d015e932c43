/**
 * Writes to pages of this process that it may not write itself, as a debugger does: through
 * /proc/self/mem (proc_pid_mem(5)). Opening a page and closing it again flushes translations of addresses;
 * this does not.
 */

import { closeSync, openSync } from 'node:fs';
import type { NativeContext } from './context.ts';

export class SelfMemory {
  readonly #native: NativeContext;
  #fd = -1;
  /** The host may forbid it (proc_mem.force_override). */
  #isUsable = true;

  constructor(native: NativeContext) {
    this.#native = native;
  }

  /** Between host addresses. False: not, or not all of it. */
  write(to: number, from: number, length: number): boolean {
    if (!this.#isUsable) return false;
    if (this.#fd < 0) this.#fd = openOrNot('/proc/self/mem');
    this.#isUsable =
      this.#fd >= 0 && this.#native.sys.pwrite(this.#fd, from, length, to) === length;
    return this.#isUsable;
  }

  [Symbol.dispose](): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

function openOrNot(path: string): number {
  try {
    return openSync(path, 'r+');
  } catch {
    return -1;
  }
}
