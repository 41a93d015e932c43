/** The alternate signal stack of a thread (sigaltstack(2)). */

import { SS_AUTODISARM, SS_DISABLE, SS_ONSTACK } from '../../abi/signal.table.ts';

export class AlternateStack {
  pointer = 0;
  sizeBytes = 0;
  /** SS_AUTODISARM or 0. */
  flags = 0;

  /** `on_sig_stack`: never with SS_AUTODISARM, which allows nesting. */
  contains(sp: number): boolean {
    if ((this.flags & SS_AUTODISARM) !== 0) return false;
    return this.holds(sp);
  }

  /** `__on_sig_stack`: within its bounds. */
  holds(sp: number): boolean {
    return sp > this.pointer && sp - this.pointer <= this.sizeBytes;
  }

  /** What sigaltstack(2) and `uc_stack` report. */
  reportedFlags(sp: number): number {
    if (this.sizeBytes === 0) return SS_DISABLE | this.flags;
    return (this.contains(sp) ? SS_ONSTACK : 0) | this.flags;
  }

  disable(): void {
    this.pointer = 0;
    this.sizeBytes = 0;
    this.flags = 0;
  }

  copyFrom(other: AlternateStack): void {
    this.pointer = other.pointer;
    this.sizeBytes = other.sizeBytes;
    this.flags = other.flags;
  }
}
