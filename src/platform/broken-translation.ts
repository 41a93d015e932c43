/**
 * What translated code says when it leaves, and what the translator recorded of it, is guest input:
 * where it names nothing, the process that ran it ends, and nothing else does.
 */

import { RejectedUnitError } from '../cpu/cache/code-cache.ts';
import { isStart, type PlacedUnit } from '../cpu/cache/domain.ts';
import type { Translator } from '../cpu/translate/translate.ts';

export class BrokenTranslation extends Error {
  readonly code = 'CLOISTER_BROKEN_TRANSLATION';
}

/** What makes units of guest code: not trusted. */
export type UnitMaker = Pick<Translator, 'translate' | 'landingThunk' | 'describe'>;

/** The fault of translated code, and of nothing else. */
export const isBroken = (error: unknown): error is Error =>
  error instanceof BrokenTranslation || error instanceof RejectedUnitError;

/**
 * What `make` makes of at most `most` instructions, of ever fewer where the code verifier refuses them:
 * they may stand where control never comes, as data among code. The first one alone must be accepted.
 */
export function asManyAsAccepted<T>(most: number, make: (most: number) => T): T {
  for (let count = most; ; )
    try {
      return make(count);
    } catch (error) {
      if (!(error instanceof RejectedUnitError) || error.unit.instructionCount < 2) throw error;
      count = error.unit.instructionCount >> 1;
    }
}

/** Throws {@link BrokenTranslation} where an answer of translated code makes no sense. */
export function expectOfCode(condition: unknown, what: string): asserts condition {
  if (!condition) throw new BrokenTranslation(what);
}

/** Where a unit is entered: only where the code verifier lets it be. */
export function entryOf(placed: PlacedUnit): number {
  const { entryAt } = placed.unit;
  expectOfCode(isStart(placed, entryAt), `its entry ${entryAt} is no instruction`);
  return placed.offset + entryAt;
}
