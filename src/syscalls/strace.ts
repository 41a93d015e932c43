/** Renders calls as strace(1) does: `openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3`. */

import { ERRNO_NAMES, ERRNO_TEXTS } from '../abi/errno.table.ts';
import { EXITED, REGISTERS_SET } from '../kernel/outcome.ts';
import type { Task } from '../kernel/task.ts';
import type { SyscallRow } from './row.ts';

const RESTART_NAMES: Readonly<Record<number, string>> = {
  512: 'ERESTARTSYS (To be restarted if SA_RESTART is set)',
  513: 'ERESTARTNOINTR (To be restarted)',
  514: 'ERESTARTNOHAND (To be restarted if no handler)',
  516: 'ERESTART_RESTARTBLOCK (Interrupted by signal)',
};

interface OpenCall {
  readonly row: SyscallRow;
  readonly args: readonly number[];
  /** Inputs, rendered before the call could change them. */
  readonly texts: (string | undefined)[];
}

export class Strace {
  readonly #emit: (task: Task, line: string) => void;
  readonly #open = new WeakMap<Task, OpenCall>();

  constructor(emit: (task: Task, line: string) => void) {
    this.#emit = emit;
  }

  /** Before the handler runs. */
  enter(task: Task, row: SyscallRow, args: readonly number[]): void {
    const context = { task, args, result: undefined };
    const texts = row.args.map((arg, i) =>
      arg.isOutput ? undefined : arg.render(args[i] as number, context),
    );
    this.#open.set(task, { row, args, texts });
    if (row.result === 'never') this.#emit(task, `${row.name}(${texts.join(', ')}) = ?`);
  }

  /** When the result is known, at once or after a sleep. */
  exit(task: Task, result: number): void {
    const call = this.#open.get(task);
    if (call === undefined) return;
    this.#open.delete(task);
    const { row, args } = call;
    if (row.result === 'never' || result === EXITED) return;
    const context = { task, args, result };
    const texts = call.texts.map(
      (text, i) => text ?? row.args[i]?.render(args[i] as number, context) ?? '',
    );
    this.#emit(task, `${row.name}(${texts.join(', ')}) = ${renderResult(row, result)}`);
  }

  refused(task: Task, name: string): void {
    this.#emit(task, `${name}(…) = -1 ENOSYS (Function not implemented)`);
  }
}

function renderResult(row: SyscallRow, result: number): string {
  if (result === REGISTERS_SET) return '0';
  if (result < 0 && result >= -4095) {
    const restart = RESTART_NAMES[-result];
    if (restart !== undefined) return `? ${restart}`;
    return `-1 ${ERRNO_NAMES[-result] ?? -result} (${ERRNO_TEXTS[-result] ?? 'Unknown error'})`;
  }
  if (row.result === 'hex') return `0x${result.toString(16)}`;
  if (row.result === 'octal') return `0${result.toString(8)}`;
  return String(result);
}
