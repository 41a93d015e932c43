/** What the code verifier is asked and what it answers. */

/** Where a unit will run, and what surrounds it. All offsets are into code memory. */
export interface UnitPlace {
  /** Where the unit's first byte will be executed. */
  readonly placement: number;
  /** `fs:` displacement of slot 0 of the thread-local block. */
  readonly tlsDisplacement: number;
  /**
   * True for the offset of a registered entry or of a trampoline (exits, miss): the only places
   * outside the unit that a direct branch may lead to.
   */
  isTarget(codeOffset: number): boolean;
}

export interface Accepted {
  readonly ok: true;
  /** Bit n (of word n >> 5): execution may enter at offset n of the unit. */
  readonly starts: Uint32Array;
  readonly instructionCount: number;
  /**
   * Offsets in the unit of the 32-bit displacements of direct branches that leave it: what linking
   * may replace, if its address is a multiple of 4, by that of a registered entry.
   */
  readonly externalBranches: Uint32Array;
  /** It touches x87 or MMX state. */
  readonly usesX87: boolean;
}

export interface Rejected {
  readonly ok: false;
  /** Where in the unit the instruction starts that breaks the policy. */
  readonly offset: number;
  /** The rule that is broken: stable. */
  readonly reason: Rule;
  /** For people. */
  readonly text: string;
}

export type Verdict = Accepted | Rejected;

/** The rules of the policy, by name (`docs/code-verifier.md` has one section for each). */
export const RULES = {
  'unit-size': 'a unit has at least one byte and fits into code memory',
  truncated: 'the last instruction ends where the unit ends',
  'too-long': 'an instruction has at most 15 bytes',
  'prefix-order': 'prefixes stand in the order 64/65, 67, F0, 66, F2/F3, REX, each at most once',
  'prefix-useless': 'a prefix that means nothing on this instruction',
  'segment-useless': 'fs: or gs: on an instruction without such an operand',
  lock: 'LOCK only where the table allows it, with a memory destination',
  unknown: 'the encoding is in the instruction table',
  forbidden: 'the instruction is of a class that never stands in translated code',
  'vex-form': 'reserved VEX bits have their fixed value, no legacy prefix before VEX',
  'evex-form': 'reserved EVEX bits have their fixed value, masks and rounding as the table says',
  'gs-missing': 'a memory operand has the override gs:',
  'address-size': 'a memory operand has the address-size prefix 67',
  'rip-relative': 'no operand is RIP-relative',
  'fs-form': 'an fs: operand is fs:[disp32] (mod 00, SIB 25) of one of the listed slot forms',
  'fs-slot': 'an fs: operand lies in a slot and uses it as its access rights say',
  'x87-unmarked': 'x87 and MMX instructions follow a mark of x87Used, nothing enters between',
  'table-jump': 'an indirect jump reads a table by an index just cut to 16 bits',
  'macro-form': 'a macro that begins is there whole and in order',
  'branch-prefix': 'a direct branch has no 66, F2, F3, REX or segment prefix',
  'branch-interior': 'a branch inside the unit goes to an instruction start outside of macros',
  'branch-external': 'a branch out of the unit goes to a registered entry or exit',
  'falls-through': 'the last instruction is an unconditional jump',
} as const;
export type Rule = keyof typeof RULES;
