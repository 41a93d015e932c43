/** Options that one socket keeps, as the rows of socket-options.table.ts have them. */

import { CAP_NET_ADMIN } from '../abi/capability.ts';
import { EINVAL, ENOPROTOOPT, EPERM } from '../abi/errno.table.ts';
import { SOL_IP } from '../abi/inet.ts';
import { SO, SOL_SOCKET } from '../abi/socket.ts';
import { type Credentials, hasCapability } from '../vfs/credentials.ts';
import { type OptionRow, optionKey } from './socket-options.table.ts';

export class KeptOptions {
  readonly #rows: ReadonlyMap<number, OptionRow>;
  /** What is not there has its initial value. */
  readonly #values = new Map<number, number>();

  constructor(rows: ReadonlyMap<number, OptionRow>) {
    this.#rows = rows;
  }

  /** What it is now; 0 of an option that there is not. */
  value(level: number, option: number): number {
    const key = optionKey(level, option);
    return this.#values.get(key) ?? this.#rows.get(key)?.initial ?? 0;
  }

  wasSet(level: number, option: number): boolean {
    return this.#values.has(optionKey(level, option));
  }

  /** For getsockopt(2): 0 or -errno; undefined where there is no such option. */
  mayRead(level: number, option: number): number | undefined {
    const row = this.#rows.get(optionKey(level, option));
    return row === undefined ? undefined : -(row.getError ?? 0);
  }

  /** setsockopt(2): 0 or -errno. */
  set(level: number, option: number, value: Uint8Array, who: Credentials): number {
    const row = this.#rows.get(optionKey(level, option));
    if (row === undefined) return -ENOPROTOOPT;
    // Options of the Internet protocol itself may be one byte, or none (ip(7)).
    const given = intOf(value, level === SOL_IP);
    if (given === undefined) return -EINVAL;
    if (row.setError !== undefined) return -row.setError;
    if (row.capability !== undefined && !hasCapability(who, row.capability)) return -EPERM;
    const isPriority = level === SOL_SOCKET && option === SO.SO_PRIORITY;
    if (given < row.least || given > row.most || row.except?.(given) === true) {
      if (!isPriority) return -EINVAL;
      if (!hasCapability(who, CAP_NET_ADMIN)) return -EPERM;
    }
    const result = row.isFlag ? (given === 0 ? 0 : 1) : (row.change?.(given) ?? given);
    this.#values.set(optionKey(level, option), result);
    return 0;
  }

  /** Without any check. */
  put(level: number, option: number, value: number): void {
    this.#values.set(optionKey(level, option), value);
  }

  /** accept(2). */
  inherit(from: KeptOptions): void {
    for (const [key, value] of from.#values) this.#values.set(key, value);
  }
}

/** A C int; with `takesByte` a single byte is taken, too. */
function intOf(value: Uint8Array, takesByte: boolean): number | undefined {
  if (value.length >= 4) return new DataView(value.buffer, value.byteOffset).getInt32(0, true);
  return takesByte ? (value[0] ?? 0) : undefined;
}
