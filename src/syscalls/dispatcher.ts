/**
 * Dispatch of system calls from the table: decodes registers by the argument kinds of a row, calls
 * the handler, logs what is missing once, and traces when asked. On the hot path there is neither
 * BigInt nor allocation.
 */

import { EBADF, ENOSYS } from '../abi/errno.table.ts';
import { SYSCALL_NAMES } from '../abi/syscall-numbers.table.ts';
import type { Logger } from '../base/interfaces.ts';
import type { SyscallDispatcher } from '../kernel/kernel.ts';
import { BLOCKED } from '../kernel/outcome.ts';
import { checkSyscall } from '../kernel/seccomp.ts';
import type { Task } from '../kernel/task.ts';
import type { IoCounts } from '../kernel/thread-group.ts';
import { checkUserDispatch } from '../kernel/user-dispatch.ts';
import { DECODE, type Decode } from './args.ts';
import type { Handler, SyscallRow } from './row.ts';
import { Strace } from './strace.ts';
import { buildTable } from './table.ts';

export interface DispatcherOptions {
  readonly logger: Logger;
  /** Receives a line a call, as strace(1) prints it. */
  readonly trace?: ((task: Task, line: string) => void) | undefined;
  readonly rows?: readonly SyscallRow[];
}

/** Index of the low half of each argument register in `gprHalves`: rdi rsi rdx r10 r8 r9. */
const ARGUMENT_HALVES = [14, 12, 4, 20, 16, 18] as const;
const TWO_32 = 0x1_0000_0000;

/** What `task_io_account` of Linux counts as reading, as writing, as both. */
const READS = 1;
const WRITES = 2;
const MOVES: Readonly<Record<string, number>> = {
  ...{ read: READS, pread64: READS, readv: READS, preadv: READS, preadv2: READS },
  ...{ write: WRITES, pwrite64: WRITES, writev: WRITES, pwritev: WRITES, pwritev2: WRITES },
  ...{ sendfile: READS | WRITES, copy_file_range: READS | WRITES },
};

export class Dispatcher implements SyscallDispatcher {
  readonly #rows: readonly (SyscallRow | undefined)[];
  readonly #handlers: readonly (Handler | undefined)[];
  /** Six decode codes a call, flat. */
  readonly #decoders: Uint8Array;
  readonly #arity: Uint8Array;
  readonly #moves: Uint8Array;
  readonly #logger: Logger;
  readonly #strace: Strace | undefined;
  readonly #missing = new Set<number>();
  /** Calls served, by number. */
  readonly counts: Float64Array;

  constructor(options: DispatcherOptions) {
    this.#logger = options.logger;
    this.#rows = buildTable(options.rows);
    this.#handlers = this.#rows.map((row) => row?.handler);
    this.#decoders = new Uint8Array(this.#rows.length * 6);
    this.#arity = new Uint8Array(this.#rows.length);
    this.#moves = new Uint8Array(this.#rows.length);
    this.counts = new Float64Array(this.#rows.length);
    for (const [number, row] of this.#rows.entries()) {
      if (row === undefined) continue;
      this.#arity[number] = row.args.length;
      this.#moves[number] = MOVES[row.name] ?? 0;
      for (const [i, arg] of row.args.entries()) this.#decoders[number * 6 + i] = arg.decode;
    }
    this.#strace = options.trace === undefined ? undefined : new Strace(options.trace);
  }

  dispatch(task: Task, isPermitted = false): number {
    const halves = task.cpu.gprHalves;
    const number = halves[0] as number;
    task.syscallNumber = number;
    const handler = this.#handlers[number];
    // The upper half of rax does not count (`do_syscall_64`).
    if (handler === undefined) return this.#refuse(task, number, isPermitted);
    (this.counts[number] as number)++;
    task.group.io.calls++;
    if (!isPermitted && (task.seccomp !== undefined || task.userDispatch !== undefined)) {
      const refused = this.#filter(task, number);
      if (refused !== undefined) return refused;
    }
    const result =
      this.#strace === undefined
        ? this.#call(task, number, handler)
        : this.#traced(task, number, handler);
    const moves = this.#moves[number] as number;
    if (moves !== 0 && result !== BLOCKED) countMoved(task.group.io, moves, result);
    return result;
  }

  finished(task: Task, result: number): void {
    const moves = this.#moves[task.syscallNumber] ?? 0;
    if (moves !== 0) countMoved(task.group.io, moves, result);
    this.#strace?.exit(task, result);
  }

  #call(task: Task, number: number, handler: Handler): number {
    const arity = this.#arity[number] as number;
    if (arity === 0) return handler(task, 0, 0, 0, 0, 0, 0);
    const halves = task.cpu.gprHalves;
    const at = number * 6;
    const d = this.#decoders;
    const a = decode(d[at] as Decode, halves[14] as number, halves[15] as number);
    if (arity === 1) return handler(task, a, 0, 0, 0, 0, 0);
    const b = decode(d[at + 1] as Decode, halves[12] as number, halves[13] as number);
    if (arity === 2) return handler(task, a, b, 0, 0, 0, 0);
    const c = decode(d[at + 2] as Decode, halves[4] as number, halves[5] as number);
    if (arity === 3) return handler(task, a, b, c, 0, 0, 0);
    const e = decode(d[at + 3] as Decode, halves[20] as number, halves[21] as number);
    if (arity === 4) return handler(task, a, b, c, e, 0, 0);
    const f = decode(d[at + 4] as Decode, halves[16] as number, halves[17] as number);
    if (arity === 5) return handler(task, a, b, c, e, f, 0);
    const g = decode(d[at + 5] as Decode, halves[18] as number, halves[19] as number);
    return handler(task, a, b, c, e, f, g);
  }

  #traced(task: Task, number: number, handler: Handler): number {
    const row = this.#rows[number] as SyscallRow;
    const halves = task.cpu.gprHalves;
    const args = row.args.map((arg, i) => {
      const half = ARGUMENT_HALVES[i] as number;
      return decode(arg.decode, halves[half] as number, halves[half + 1] as number);
    });
    this.#strace?.enter(task, row, args);
    const result = this.#call(task, number, handler);
    if (result !== BLOCKED) this.#strace?.exit(task, result);
    return result;
  }

  /** What the program itself has arranged for its calls: undefined to go on. */
  #filter(task: Task, number: number): number | undefined {
    const { userDispatch, seccomp } = task;
    if (userDispatch !== undefined) {
      const refused = checkUserDispatch(task, userDispatch, number);
      if (refused !== undefined) return refused;
    }
    return seccomp === undefined ? undefined : checkSyscall(task, seccomp, number);
  }

  #refuse(task: Task, number: number, isPermitted: boolean): number {
    const refused = isPermitted ? undefined : this.#filter(task, number);
    if (refused !== undefined) return refused;
    const name = SYSCALL_NAMES[number] ?? `number ${number}`;
    if (!this.#missing.has(number) && this.#missing.size < 1024) {
      this.#missing.add(number);
      this.#logger.log(
        'warn',
        `system call ${name} is not implemented (ENOSYS), called by ${task}`,
      );
    }
    this.#strace?.refused(task, name);
    return -ENOSYS;
  }
}

function countMoved(io: IoCounts, moves: number, result: number): void {
  // It came to no file.
  if (result === -EBADF) return;
  const bytes = Math.max(result, 0);
  if (moves & READS) {
    io.reads++;
    io.readBytes += bytes;
  }
  if (moves & WRITES) {
    io.writes++;
    io.writtenBytes += bytes;
  }
}

/** A register pair as a number; see {@link DECODE}. */
function decode(code: Decode, low: number, high: number): number {
  switch (code) {
    case DECODE.int:
      return low;
    case DECODE.uint:
      return low >>> 0;
    case DECODE.ulong:
      return high === 0 ? low >>> 0 : (high >>> 0) * TWO_32 + (low >>> 0);
    default:
      return high * TWO_32 + (low >>> 0);
  }
}
