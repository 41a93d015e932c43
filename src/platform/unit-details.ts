/** Where the instructions of units lie: found when a fault or a tick first asks for it, then kept. */

import type { Details, Unit } from '../cpu/translate/unit.ts';
import { expectOfCode, type UnitMaker } from './broken-translation.ts';

export class UnitDetails {
  private readonly translator: UnitMaker;
  private readonly known = new WeakMap<Unit, Details>();

  constructor(translator: UnitMaker) {
    this.translator = translator;
  }

  /** Throws `BrokenTranslation` where `unit` is not what its source gives. */
  readonly of = (unit: Unit): Details => {
    const known = unit.details ?? this.known.get(unit);
    if (known) return known;
    const made = this.translator.describe(unit);
    expectOfCode(made, 'it is no translation of its source');
    this.known.set(unit, made);
    return made;
  };
}
