/** Time that system calls take, by name: what strace -c shows, measured inside. */

import { SYSCALL_NAMES } from '../abi/syscall-numbers.table.ts';
import type { SyscallDispatcher } from '../kernel/kernel.ts';
import { BLOCKED } from '../kernel/outcome.ts';
import type { Task } from '../kernel/task.ts';

export interface CallRow {
  readonly name: string;
  readonly calls: number;
  /** Ended with an errno. */
  readonly errors: number;
  /** In the kernel, and the longest of them. */
  readonly kernelNs: number;
  readonly longestNs: number;
  /** Asleep until the call could end. */
  readonly waitedNs: number;
}

const MOST_NUMBERS = 1024;
const MAX_ERRNO = 4095;

export class CallTimes {
  readonly #nowNs: () => number;
  /** The last counts numbers that Linux does not have. */
  readonly #calls = new Float64Array(MOST_NUMBERS + 1);
  readonly #errors = new Float64Array(MOST_NUMBERS + 1);
  readonly #kernelNs = new Float64Array(MOST_NUMBERS + 1);
  readonly #longestNs = new Float64Array(MOST_NUMBERS + 1);
  readonly #waitedNs = new Float64Array(MOST_NUMBERS + 1);
  readonly #asleep = new WeakMap<Task, number>();

  constructor(nowNs: () => number) {
    this.#nowNs = nowNs;
  }

  watch(calls: SyscallDispatcher): SyscallDispatcher {
    return {
      dispatch: (task, isPermitted) => {
        const start = this.#nowNs();
        const result = calls.dispatch(task, isPermitted);
        this.#count(task, result, start);
        return result;
      },
      finished: (task, result) => {
        const since = this.#asleep.get(task);
        this.#asleep.delete(task);
        const at = slotOf(task);
        if (since !== undefined) this.#waitedNs[at]! += this.#nowNs() - since;
        if (isError(result)) this.#errors[at]!++;
        calls.finished(task, result);
      },
    };
  }

  #count(task: Task, result: number, start: number): void {
    const now = this.#nowNs();
    const at = slotOf(task);
    this.#calls[at]!++;
    this.#kernelNs[at]! += now - start;
    if (now - start > this.#longestNs[at]!) this.#longestNs[at] = now - start;
    if (result === BLOCKED) this.#asleep.set(task, now);
    else if (isError(result)) this.#errors[at]!++;
  }

  /** Those that were made, the longest time in the kernel first. */
  rows(): CallRow[] {
    const rows: CallRow[] = [];
    for (const [at, calls] of this.#calls.entries())
      if (calls > 0)
        rows.push({
          name: SYSCALL_NAMES[at] ?? (at === MOST_NUMBERS ? 'unknown' : `number ${at}`),
          calls,
          errors: this.#errors[at]!,
          kernelNs: this.#kernelNs[at]!,
          longestNs: this.#longestNs[at]!,
          waitedNs: this.#waitedNs[at]!,
        });
    return rows.sort((a, b) => b.kernelNs - a.kernelNs);
  }
}

function slotOf({ syscallNumber }: Task): number {
  const isKnown = syscallNumber >= 0 && syscallNumber < MOST_NUMBERS;
  return isKnown ? syscallNumber : MOST_NUMBERS;
}

function isError(result: number): boolean {
  return result < 0 && result >= -MAX_ERRNO;
}
