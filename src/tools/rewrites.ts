/** What the translator makes of a guest instruction, in a few words: the rewrites of `cpu/translate`. */

import { EXIT } from '../cpu/sandbox/layout.ts';
import { FactsTable, KIND, type Kind } from '../cpu/translate/facts.ts';
import { hasImplicitSegment, isSegmented } from '../cpu/translate/operand.ts';
import { BASE_RIP, type Instruction } from '../x86/instruction.ts';

const WORDS: Readonly<Record<Kind, string>> = {
  [KIND.plain]: 'copied',
  [KIND.nothing]: 'left out',
  [KIND.lea]: 'address',
  [KIND.branch]: 'jump',
  [KIND.condbranch]: 'branch',
  [KIND.loopbranch]: 'loop over a jump',
  [KIND.call]: 'call: return address stored',
  [KIND.ret]: 'return by table',
  [KIND.indirectbranch]: 'jump by table',
  [KIND.indirectcall]: 'call by table',
  [KIND.push]: 'push by a store',
  [KIND.pop]: 'pop by a load',
  [KIND.leave]: 'leave by a load',
  [KIND.enter]: 'enter by stores',
  [KIND.string]: 'string macro',
  [KIND.syscall]: 'exit: system call',
  [KIND.breakpoint]: 'exit: breakpoint',
  [KIND.emulate]: 'exit: interpreted',
};

/** Bytes of `mov byte fs:[x87Used], 1`. */
const MARK_BYTES = 9;

export interface Rewritten {
  /** Its host code: number of instructions, kinds of exits in it. */
  readonly hostInstructions: number;
  readonly exits: ReadonlySet<number>;
  readonly isMarked: boolean;
}

export class Rewrites {
  readonly #facts = new FactsTable();

  /** Words for `ins`, whose host code is `made`. */
  wordsFor(ins: Instruction, made: Rewritten): string {
    const facts = this.#facts.of(ins.row);
    const { kind } = facts;
    const leaves = made.exits.has(EXIT.emulate) || made.exits.has(EXIT.illegal);
    if (leaves) return WORDS[KIND.emulate];
    if (kind === KIND.lea && ins.base === BASE_RIP) return 'address: constant';
    if (kind !== KIND.plain) return WORDS[kind];
    const marked = made.isMarked ? ', x87 marked' : '';
    return `${operandWords(ins, made.hostInstructions - (made.isMarked ? 1 : 0))}${marked}`;
  }
}

export function isMark(bytes: Uint8Array): boolean {
  return bytes.length === MARK_BYTES && bytes[0] === 0x64 && bytes[1] === 0xc6;
}

function operandWords(ins: Instruction, hostInstructions: number): string {
  if (hasImplicitSegment(ins)) return WORDS[KIND.emulate];
  if (isSegmented(ins)) return 'thread-local operand confined';
  if (ins.hasMemory && ins.base === BASE_RIP) return 'absolute operand confined';
  if (ins.hasMemory || ins.row.implicitMemory.length > 0)
    return hostInstructions > 1 ? 'operand computed, confined' : 'operand confined';
  return hostInstructions > 1 ? 'rewritten' : WORDS[KIND.plain];
}
