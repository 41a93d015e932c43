/**
 * The stack that a program finds (psABI 3.4.1; `create_elf_tables`): argc, argv, envp, auxiliary
 * vector, random bytes, strings. Built as one block of bytes below `top`, copied out at once.
 */

import { E2BIG, type Errno } from '../../abi/errno.table.ts';
import { AT } from '../../abi/task-flags.ts';
import { assert } from '../../base/assert.ts';

export interface StackContents {
  readonly argv: readonly Uint8Array[];
  readonly env: readonly Uint8Array[];
  /** AT_EXECFN. */
  readonly programName: Uint8Array;
  readonly platform: Uint8Array;
  /** 16 bytes for AT_RANDOM. */
  readonly random: Uint8Array;
  /** Entries except AT_RANDOM, AT_EXECFN, AT_PLATFORM, which stand on the stack. */
  readonly auxv: readonly (readonly [type: number, value: number])[];
}

export interface BuiltStack {
  readonly bytes: Uint8Array;
  /** Address of the first byte: the initial RSP; 16-byte aligned. */
  readonly address: number;
  readonly argStart: number;
  readonly argEnd: number;
  readonly envStart: number;
  readonly envEnd: number;
  readonly auxv: Uint8Array;
}

/** Longest single string (`MAX_ARG_STRLEN`). */
export const MAX_STRING_BYTES = 131072;
const POINTER = 8;

/**
 * Checks the sizes as `prepare_arg_pages` does: a quarter of the stack limit, at most 6 MiB, at
 * least 128 KiB. 0 or E2BIG.
 */
export function checkArguments(
  argv: readonly Uint8Array[],
  env: readonly Uint8Array[],
  stackLimit: number,
): 0 | Errno {
  const limit = Math.max(Math.min(stackLimit / 4, 6 * 1024 * 1024), 131072);
  let total = 0;
  for (const list of [argv, env])
    for (const text of list) {
      if (text.length >= MAX_STRING_BYTES) return E2BIG;
      total += text.length + 1 + POINTER;
    }
  return total > limit ? E2BIG : 0;
}

/** Lays everything out so that the block ends at `top` (a multiple of 16). */
export function buildStack(contents: StackContents, top: number): BuiltStack {
  const { argv, env, programName, platform, random } = contents;
  assert(top % 16 === 0 && random.length === 16);
  let stringBytes = 0;
  for (const text of [...argv, ...env, programName, platform]) stringBytes += text.length + 1;
  // Strings end 8 bytes below the top, as Linux leaves a null pointer there.
  const stringsAt = top - 8 - stringBytes;
  const randomAt = Math.floor((stringsAt - 16) / 16) * 16;
  const auxEntries = contents.auxv.length + 4;
  const words = 1 + argv.length + 1 + env.length + 1 + 2 * auxEntries;
  const address = Math.floor((randomAt - words * POINTER) / 16) * 16;
  const bytes = new Uint8Array(top - address);
  const view = new DataView(bytes.buffer);
  let textAt = stringsAt;
  let wordAt = 0;
  const putWord = (value: number) => {
    view.setBigUint64(wordAt, BigInt(value), true);
    wordAt += POINTER;
  };
  const putText = (text: Uint8Array) => {
    const at = textAt;
    bytes.set(text, at - address);
    textAt += text.length + 1;
    return at;
  };
  putWord(argv.length);
  const argStart = textAt;
  for (const text of argv) putWord(putText(text));
  const argEnd = textAt;
  putWord(0);
  for (const text of env) putWord(putText(text));
  const envEnd = textAt;
  putWord(0);
  bytes.set(random, randomAt - address);
  const auxStart = wordAt;
  const entries: (readonly [number, number])[] = [
    ...contents.auxv,
    [AT.AT_RANDOM, randomAt],
    [AT.AT_EXECFN, putText(programName)],
    [AT.AT_PLATFORM, putText(platform)],
    [AT.AT_NULL, 0],
  ];
  for (const [type, value] of entries) {
    putWord(type);
    putWord(value);
  }
  const auxv = bytes.slice(auxStart, wordAt);
  return { bytes, address, argStart, argEnd, envStart: argEnd, envEnd, auxv };
}
