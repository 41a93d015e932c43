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
  /**
   * Types and values by turns, except AT_RANDOM, AT_EXECFN, AT_PLATFORM, which stand on the stack.
   */
  readonly auxv: readonly number[];
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
const HIGH = 2 ** 32;
/** AT_RANDOM, AT_EXECFN, AT_PLATFORM, AT_NULL. */
const OWN_ENTRIES = 4;

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
  return sizeOf(argv) + sizeOf(env) > limit ? E2BIG : 0;
}

/** With pointers; Infinity when one is too long. */
function sizeOf(texts: readonly Uint8Array[]): number {
  let bytes = 0;
  for (let n = 0; n < texts.length; n++) {
    const { length } = texts[n] as Uint8Array;
    if (length >= MAX_STRING_BYTES) return Number.POSITIVE_INFINITY;
    bytes += length + 1 + POINTER;
  }
  return bytes;
}

/** Lays everything out so that the block ends at `top` (a multiple of 16). */
export function buildStack(contents: StackContents, top: number): BuiltStack {
  const { argv, env, programName, platform, random } = contents;
  assert(top % 16 === 0 && random.length === 16);
  const stringBytes = lengthsOf(argv) + lengthsOf(env) + programName.length + platform.length + 2;
  // Strings end 8 bytes below the top, as Linux leaves a null pointer there.
  const stringsAt = top - 8 - stringBytes;
  const randomAt = Math.floor((stringsAt - 16) / 16) * 16;
  const words = 1 + argv.length + 1 + env.length + 1 + contents.auxv.length + 2 * OWN_ENTRIES;
  const address = Math.floor((randomAt - words * POINTER) / 16) * 16;
  const block = new Block(address, top, stringsAt);
  block.putWord(argv.length);
  const argStart = block.textAt;
  for (let n = 0; n < argv.length; n++) block.putText(argv[n] as Uint8Array);
  const argEnd = block.textAt;
  block.putWord(0);
  for (let n = 0; n < env.length; n++) block.putText(env[n] as Uint8Array);
  const envEnd = block.textAt;
  block.putWord(0);
  block.bytes.set(random, randomAt - address);
  const auxStart = block.wordAt;
  for (let n = 0; n < contents.auxv.length; n++) block.putWord(contents.auxv[n] as number);
  block.putWord(AT.AT_RANDOM);
  block.putWord(randomAt);
  block.putWord(AT.AT_EXECFN);
  block.putText(programName);
  block.putWord(AT.AT_PLATFORM);
  block.putText(platform);
  block.putWord(AT.AT_NULL);
  block.putWord(0);
  const { bytes } = block;
  const auxv = bytes.slice(auxStart, block.wordAt);
  return { bytes, address, argStart, argEnd, envStart: argEnd, envEnd, auxv };
}

/** With a zero behind each. */
function lengthsOf(texts: readonly Uint8Array[]): number {
  let bytes = texts.length;
  for (let n = 0; n < texts.length; n++) bytes += (texts[n] as Uint8Array).length;
  return bytes;
}

/** The bytes from `address` to `top`: words from below, strings where `textAt` stands. */
class Block {
  readonly bytes: Uint8Array;
  readonly #address: number;
  /** All of them are below 2^32 in halves: no BigInt a word. */
  readonly #halves: Uint32Array;
  /** Offset of the next word. */
  wordAt = 0;
  /** Address of the next string. */
  textAt: number;

  constructor(address: number, top: number, stringsAt: number) {
    this.#address = address;
    this.bytes = new Uint8Array(top - address);
    this.#halves = new Uint32Array(this.bytes.buffer);
    this.textAt = stringsAt;
  }

  putWord(value: number): void {
    const at = this.wordAt / 4;
    this.#halves[at] = value;
    if (value >= HIGH) this.#halves[at + 1] = Math.floor(value / HIGH);
    this.wordAt += POINTER;
  }

  /** The string, and a word that points to it. */
  putText(text: Uint8Array): void {
    this.putWord(this.textAt);
    this.bytes.set(text, this.textAt - this.#address);
    this.textAt += text.length + 1;
  }
}
