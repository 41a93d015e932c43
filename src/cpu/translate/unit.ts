/**
 * A unit: the translation of some connected guest instructions, position-independent but for the
 * places its relocations name. Made by the translator, checked by the code verifier, placed by the
 * cache. Plain data, so that it can be kept in a file.
 */

/** A direct branch out of the unit that linking may redirect. */
export interface UnitLink {
  /** Guest address it goes to. */
  readonly target: number;
  /** Offset of the 4-byte displacement of the `jmp rel32` that is replaced. */
  readonly displacementAt: number;
  /** Offset of the immediate that names the link to the exit: the cache's number of the link. */
  readonly siteAt: number;
}

/** A `rel32` at `at` (relative to its end, at + 4) that goes to the place `target` names. */
export interface UnitReloc {
  readonly at: number;
  /** An exit kind, or a number of `TARGET`. */
  readonly target: number;
}

export interface Unit {
  /** Guest address of its first instruction, and its host entry (behind the jump landing). */
  readonly rip: number;
  readonly entryAt: number;
  /** Offset of the landing of indirect jumps to `rip`. */
  readonly landingAt: number;
  readonly bytes: Uint8Array;
  readonly links: readonly UnitLink[];
  readonly relocs: readonly UnitReloc[];
  /** Guest address and host offset of every instruction, in host order. */
  readonly rips: Uint32Array;
  readonly offsets: Uint32Array;
  /** Pairs of indices into `rips`: blocks that other units may be linked to. */
  readonly leaders: Uint32Array;
  /** Landings of returns: pairs of guest return address, host offset. */
  readonly returns: Uint32Array;
  /** Records of FIXUP_INTS integers, by ascending host offset. */
  readonly fixups: Int32Array;
  /** Guest ranges it was made from (pairs of address, length), and their bytes one after another. */
  readonly ranges: Uint32Array;
  readonly source: Uint8Array;
  /** Guest pages (addr >>> 12) whose bytes it was made from, ascending. */
  readonly pages: Uint32Array;
}
