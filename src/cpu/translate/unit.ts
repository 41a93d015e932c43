/**
 * A unit: the translation of some connected guest instructions, position-independent but for the
 * places its relocations name. Made by the translator, checked by the code verifier, placed by the
 * cache. Plain data, so that it can be kept in a file.
 */

/**
 * Integers of a link, a direct branch out of the unit that linking may redirect: the guest address
 * it goes to; the offset of the 4-byte displacement of the `jmp rel32` that is replaced; the offset
 * of the immediate that names the link to the exit (the cache's number of the link).
 */
export const LINK_INTS = 3;

/**
 * Integers of a relocation: the offset of a `rel32` (relative to its end), and the place it goes to,
 * an exit kind or a number of `TARGET`.
 */
export const RELOC_INTS = 2;

/** Kinds of places that move: a guest address, the negative of one, the displacement of a slot. */
export const PLACE_ADDRESS = 0;
export const PLACE_NEGATED = 1;
export const PLACE_SLOT = 2;
export const PLACE_SHIFT = 2;
/** Guest addresses below have the same forms in `bytes`, so that units move among them. */
export const MOVABLE_LIMIT = 2 ** 31;

export interface Unit {
  /** Guest address of its first instruction, and its host entry (behind the jump landing). */
  readonly rip: number;
  readonly entryAt: number;
  /** Offset of the landing of indirect jumps to `rip`. */
  readonly landingAt: number;
  readonly bytes: Uint8Array;
  /** Records of LINK_INTS, of RELOC_INTS integers. */
  readonly links: Uint32Array;
  readonly relocs: Uint32Array;
  /** Where 4 bytes of `bytes` depend on where the module lies: PLACE_SHIFT'ed offset and kind. */
  readonly places: Uint32Array;
  /** False: it is right at its own address only. */
  readonly isMovable: boolean;
  readonly instructionCount: number;
  /** Blocks that other units may be linked to: pairs of guest address, host offset. */
  readonly leaders: Uint32Array;
  /** Landings of returns: pairs of guest return address, host offset. */
  readonly returns: Uint32Array;
  /** Guest ranges it was made from (pairs of address, length), and their bytes one after another. */
  readonly ranges: Uint32Array;
  readonly source: Uint8Array;
  /** Guest pages (addr >>> 12) whose bytes it was made from, ascending. */
  readonly pages: Uint32Array;
  /**
   * Compares its source bytes with guest memory at its one entry (`self-check.ts`): its pages need no
   * write-protection.
   */
  readonly selfChecking: boolean;
  /** Loads immediates from its source, which `ranges` then leave out: good for one run only. */
  readonly hasLiveImmediates: boolean;
  /**
   * What only faults and ticks ask for. Undefined: `Translator.describe` finds it, by translating
   * the source again.
   */
  readonly details: Details | undefined;
}

/** A unit whose details are there. */
export type DescribedUnit = Unit & { readonly details: Details };

/** Where the instructions of a unit lie. */
export interface Details {
  /** Guest address and host offset of every instruction, in host order. */
  readonly rips: Uint32Array;
  readonly offsets: Uint32Array;
  /** Records of FIXUP_INTS integers, by ascending host offset. */
  readonly fixups: Int32Array;
}

/** What `unit` holds as a plain object, with some of it changed. */
export function plainUnit<Changes extends Partial<Unit>>(
  unit: Unit,
  changes: Changes,
): Unit & Changes {
  return {
    rip: unit.rip,
    entryAt: unit.entryAt,
    landingAt: unit.landingAt,
    bytes: unit.bytes,
    links: unit.links,
    relocs: unit.relocs,
    places: unit.places,
    isMovable: unit.isMovable,
    instructionCount: unit.instructionCount,
    leaders: unit.leaders,
    returns: unit.returns,
    ranges: unit.ranges,
    source: unit.source,
    pages: unit.pages,
    selfChecking: unit.selfChecking,
    hasLiveImmediates: unit.hasLiveImmediates,
    details: unit.details,
    ...changes,
  };
}
