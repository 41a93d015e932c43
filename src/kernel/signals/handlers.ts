/** Signal dispositions of a process (sigaction(2)): shared by CLONE_SIGHAND, copied by fork. */

import {
  SIG_DFL,
  SIG_IGN,
  SIGCHLD,
  SIGCONT,
  SIGSTOP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  SIGURG,
  SIGWINCH,
} from '../../abi/signal.table.ts';
import { SignalSet } from './signal-set.ts';

export interface SignalAction {
  /** Guest address, SIG_DFL or SIG_IGN. */
  readonly handler: number;
  readonly flags: number;
  readonly restorer: number;
  readonly mask: SignalSet;
}

const DEFAULT: SignalAction = { handler: SIG_DFL, flags: 0, restorer: 0, mask: new SignalSet() };
const IGNORE: SignalAction = { ...DEFAULT, handler: SIG_IGN };

/** What SIG_DFL means for a signal. */
export type DefaultAction = 'terminate' | 'dump' | 'ignore' | 'stop' | 'continue';

export function defaultAction(signal: number): DefaultAction {
  if (signal === SIGCHLD || signal === SIGURG || signal === SIGWINCH) return 'ignore';
  if (signal === SIGCONT) return 'continue';
  if (isStopSignal(signal)) return 'stop';
  return DUMPS.has(signal) ? 'dump' : 'terminate';
}

/** SIGQUIT ILL TRAP ABRT BUS FPE SEGV XCPU XFSZ SYS. */
const DUMPS: ReadonlySet<number> = new Set([3, 4, 5, 6, 7, 8, 11, 24, 25, 31]);

export function isStopSignal(signal: number): boolean {
  return signal === SIGSTOP || signal === SIGTSTP || signal === SIGTTIN || signal === SIGTTOU;
}

export class SignalHandlers {
  readonly #actions: SignalAction[];
  #owners = 1;
  /** Something may be other than the default. */
  #differs = false;

  constructor(from?: SignalHandlers) {
    this.#actions = from ? from.#actions.slice() : new Array(65).fill(DEFAULT);
    if (from !== undefined) this.#differs = from.#differs;
  }

  get(signal: number): SignalAction {
    return this.#actions[signal] as SignalAction;
  }

  set(signal: number, action: SignalAction): void {
    this.#actions[signal] = action;
    this.#differs = true;
  }

  /** SA_RESETHAND, forced signals: flags and mask stay, as on Linux. */
  reset(signal: number): void {
    this.#actions[signal] = { ...this.get(signal), handler: SIG_DFL };
  }

  /** A signal with this disposition is dropped when it is generated. */
  ignores(signal: number): boolean {
    const { handler } = this.get(signal);
    if (handler === SIG_IGN) return true;
    return handler === SIG_DFL && defaultAction(signal) === 'ignore';
  }

  /** A guest function handles it. */
  catches(signal: number): boolean {
    const { handler } = this.get(signal);
    return handler !== SIG_IGN && handler !== SIG_DFL;
  }

  /** execve: caught signals go back to the default, ignored ones stay. */
  resetForExec(): void {
    if (!this.#differs) return;
    for (let signal = 1; signal <= 64; signal++)
      this.#actions[signal] = this.get(signal).handler === SIG_IGN ? IGNORE : DEFAULT;
  }

  clone(): SignalHandlers {
    return new SignalHandlers(this);
  }

  share(): this {
    this.#owners++;
    return this;
  }

  leave(): void {
    this.#owners--;
  }

  get isShared(): boolean {
    return this.#owners > 1;
  }
}
