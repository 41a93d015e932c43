/**
 * What the code verifier knows of every encoding: one 32-bit word of flags, or the rule that refuses
 * it, for every combination of opcode, prefixes and ModRM class. Decoding an instruction then costs
 * three loads and allocates nothing. The answers stand in `forms.table.ts`, compiled from the rows of
 * the instruction table by `compile-forms.ts`, so that a start needs no rows.
 */
import { FORMS, LISTS, OPCODES, PATTERNS } from './forms.table.ts';
import { RULES, type Rule } from './types.ts';

/** Bits 0–1: what the instruction does to control flow. */
export const KIND_PLAIN = 0;
export const KIND_JUMP = 1;
export const KIND_CONDITIONAL = 2;
export const KIND_INDIRECT = 3;
/** Bits 4–7: bytes of all immediates. */
export const IMMEDIATE_SHIFT = 4;
/** The ModRM memory operand is accessed (or prefetched), or only computed (lea, nop). */
export const MEMORY = 1 << 8;
export const ADDRESS_ONLY = 1 << 9;
/** xlat, maskmovq, maskmovdqu: an implicit operand that honours gs: and 67. */
export const IMPLICIT = 1 << 10;
/** An absolute offset behind the opcode instead of ModRM. */
export const OFFSET = 1 << 11;
export const LOCKABLE = 1 << 12;
export const X87 = 1 << 13;
/** May stand with a slot; bits 15–18: bytes (1, 4, 8); it writes the slot. */
export const SLOT = 1 << 14;
export const SLOT_BYTES_SHIFT = 15;
export const SLOT_WRITE = 1 << 19;
export const VSIB = 1 << 20;
export const MASKABLE = 1 << 21;
export const MASK_NEEDED = 1 << 22;
export const ZEROABLE = 1 << 23;
/** Bits 24–25, 26–27, 28–29: what vvvv, ModRM.reg and ModRM.rm (mod 3) name. */
export const VVVV_SHIFT = 24;
export const REG_SHIFT = 26;
export const RM_SHIFT = 28;
/** loop, jrcxz: 67 means a 32-bit counter. */
export const COUNTER = 1 << 30;

export const NAMES_NOTHING = 0;
export const NAMES_VECTOR = 1;
export const NAMES_GENERAL = 2;
export const NAMES_MASK = 3;

/** Kinds of ModRM: 8 × 8 register forms, then 8 memory forms by ModRM.reg. */
export const MODRM_CLASSES = 72;
/** Variants of prefix, W, length: legacy rep(3) 66(2) W(2); VEX pp W L; EVEX pp W LL b. */
export const VARIANTS = [12, 16, 64] as const;
/** Number of keys (`keyOf`). */
export const KEYS = 3 << 11;

const ruleNames = Object.keys(RULES) as Rule[];
/** Variants that a list of patterns has room for. */
const LIST_WORDS = 64;

export class Forms {
  /** List of an opcode; of a list: has it ModRM, patterns by variant. */
  readonly #lists: Uint16Array;
  readonly #modrm: Uint8Array;
  readonly #patterns: Uint8Array;
  /** By pattern and ModRM class: a form, or -1 - n: refused by rule n. */
  readonly #forms: Int16Array;
  /** Flags by form. */
  readonly flags: Int32Array;

  /** `off`: rules that do not refuse (tests only). */
  constructor(off: ReadonlySet<Rule>) {
    const rows = FORMS.split(' ');
    this.flags = new Int32Array(rows.length);
    const answers = rows.map((row, form) => {
      const [flags, rule] = row.split(':');
      this.flags[form] = Number.parseInt(flags!, 16);
      return rule && !off.has(rule as Rule) ? -1 - ruleNames.indexOf(rule as Rule) : form;
    });
    const patterns = PATTERNS.split(' ');
    this.#forms = new Int16Array(patterns.length * MODRM_CLASSES);
    patterns.forEach((runs, n) => {
      expand(runs, n * MODRM_CLASSES, this.#forms, answers);
    });
    const lists = LISTS.split(' ');
    this.#modrm = Uint8Array.from(lists, (list) => (list.startsWith('m') ? 1 : 0));
    this.#patterns = new Uint8Array(lists.length * LIST_WORDS);
    lists.forEach((list, n) => {
      expand(list.slice(1), n * LIST_WORDS, this.#patterns);
    });
    this.#lists = new Uint16Array(KEYS);
    expand(OPCODES, 0, this.#lists);
  }

  hasModrm(key: number): boolean {
    return this.#modrm[this.#lists[key]!] === 1;
  }

  /** A form (its flags in `flags`), or -1 - n: refused by rule n. */
  lookup(key: number, variant: number, modrmClass: number): number {
    const pattern = this.#patterns[this.#lists[key]! * LIST_WORDS + variant]!;
    return this.#forms[pattern * MODRM_CLASSES + modrmClass]!;
  }
}

/** Writes runs, `value` or `value*count` between commas, from `at` on; `names`: what values stand for. */
function expand(
  runs: string,
  at: number,
  target: Int16Array | Uint8Array | Uint16Array,
  names?: readonly number[],
): void {
  let end = at;
  for (const run of runs.split(',')) {
    const star = run.indexOf('*');
    const value = Number(star < 0 ? run : run.slice(0, star));
    const start = end;
    end += star < 0 ? 1 : Number(run.slice(star + 1));
    target.fill(names ? names[value]! : value, start, end);
  }
}

/** Key of an opcode; space 0–2 (`LEGACY`, `VEX`, `EVEX`). */
export function keyOf(space: number, map: number, opcode: number): number {
  return (space << 11) | (map << 8) | opcode;
}
