/**
 * Argument kinds of system calls: how the registers become a number, and how strace prints it.
 * Further kinds (structs of a family) stand beside the rows that use them.
 */

import { signalName } from '../abi/signal.table.ts';
import type { Task } from '../kernel/task.ts';
import { type FlagSet, renderFlags, renderOneOf } from './flags.ts';
import { renderBytes } from './render.ts';

/** How a 64-bit register becomes a number. */
export const DECODE = {
  /** Low half, signed: int. */
  int: 0,
  /** Low half, unsigned: unsigned int, mode_t, uid_t. */
  uint: 1,
  /** All 64 bits, unsigned: pointers, size_t. Exact below 2^53. */
  ulong: 2,
  /** All 64 bits, signed: off_t, long. */
  long: 3,
} as const;
export type Decode = (typeof DECODE)[keyof typeof DECODE];

/** What a renderer may look at. */
export interface RenderContext {
  readonly task: Task;
  readonly args: readonly number[];
  /** Undefined before the call was made. */
  readonly result: number | undefined;
}

export interface ArgKind {
  readonly decode: Decode;
  /** Printed after the call, since the call writes what it points to. */
  readonly isOutput: boolean;
  render(value: number, context: RenderContext): string;
}

/** Makes a kind; the base of all below. */
export function kind(
  decode: Decode,
  render: (value: number, context: RenderContext) => string,
  isOutput = false,
): ArgKind {
  return { decode, isOutput, render };
}

const hex = (value: number) => (value === 0 ? 'NULL' : `0x${value.toString(16)}`);

export const int = kind(DECODE.int, String);
export const uint = kind(DECODE.uint, String);
export const long = kind(DECODE.long, String);
export const ulong = kind(DECODE.ulong, String);
export const size = kind(DECODE.ulong, String);
export const offset = kind(DECODE.long, String);
/** An offset that strace prints in hexadecimal. */
export const offsetHex = kind(DECODE.long, (value) =>
  value === 0 ? '0' : `0x${value.toString(16)}`,
);
export const fd = kind(DECODE.int, String);
export const dirfd = kind(DECODE.int, (value) => (value === -100 ? 'AT_FDCWD' : String(value)));
export const mode = kind(DECODE.uint, (value) => `0${value.toString(8).padStart(3, '0')}`);
/** uid_t and gid_t. */
export const id = kind(DECODE.uint, (value) => (value === 0xffffffff ? '-1' : String(value)));
export const pid = kind(DECODE.int, String);
export const signal = kind(DECODE.int, signalName);
export const signalText: (signal: number) => string = signalName;
/** A pointer that strace prints as an address. */
export const pointer = kind(DECODE.ulong, hex);
/** A pointer to something that the call fills; printed as an address. */
export const outPointer = kind(DECODE.ulong, hex, true);

/** Bits of `set`. */
export const flags = (set: FlagSet): ArgKind =>
  kind(DECODE.uint, (value) => renderFlags(set, value));

/** Exactly one name of `set`. */
export const oneOf = (set: FlagSet): ArgKind =>
  kind(DECODE.int, (value) => renderOneOf(set, value));

/** A NUL-terminated path or name. */
export const path: ArgKind = kind(DECODE.ulong, (value, { task }) => {
  if (value === 0) return 'NULL';
  const bytes = task.space.readCString(value, 4096);
  return typeof bytes === 'number' ? hex(value) : renderBytes(bytes, 4096);
});

/** Bytes that the call reads; their count is argument `countIndex`. */
export const inBytes = (countIndex: number): ArgKind =>
  kind(DECODE.ulong, (value, { task, args }) => renderMemory(task, value, args[countIndex] ?? 0));

/** Bytes that the call writes; their count is its result. */
export const outBytes: ArgKind = kind(
  DECODE.ulong,
  (value, { task, result }) =>
    result === undefined || result < 0 ? hex(value) : renderMemory(task, value, result),
  true,
);

const SHOWN_BYTES = 32;

/** A string in quotes, cut as strace cuts it. */
export const quoted = (bytes: Uint8Array): string => renderBytes(bytes, SHOWN_BYTES);

function renderMemory(task: Task, addr: number, count: number): string {
  if (addr === 0) return 'NULL';
  const bytes = new Uint8Array(Math.min(count, SHOWN_BYTES + 1));
  if (task.space.copyIn(addr, bytes) < 0) return hex(addr);
  return renderBytes(bytes, SHOWN_BYTES);
}

/** A pointer to a structure: `read` renders what it points to, or gives undefined on a fault. */
export const struct = (
  read: (task: Task, addr: number) => string | undefined,
  direction: 'in' | 'out' = 'in',
): ArgKind =>
  kind(
    DECODE.ulong,
    (value, { task, result }) => {
      if (value === 0) return 'NULL';
      if (direction === 'out' && (result === undefined || result < 0)) return hex(value);
      return read(task, value) ?? hex(value);
    },
    direction === 'out',
  );
