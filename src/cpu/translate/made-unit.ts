/** A unit as the translator makes it. */

import { LANDING_AT } from './control.ts';
import type { Details, Unit } from './unit.ts';
import { type TableSizes, UnitTables } from './unit-tables.ts';

export class MadeUnit extends UnitTables implements Unit {
  readonly rip: number;
  readonly entryAt: number;
  readonly landingAt = LANDING_AT;
  readonly bytes: Uint8Array;
  readonly source: Uint8Array;
  readonly pages: Uint32Array;
  readonly instructionCount: number;
  readonly isMovable: boolean;
  readonly selfChecking: boolean;
  readonly hasLiveImmediates: boolean;
  readonly details: Details | undefined;

  constructor(
    parts: Omit<Unit, keyof TableSizes | 'landingAt'>,
    words: Uint32Array,
    sizes: TableSizes,
  ) {
    super();
    this.rip = parts.rip;
    this.entryAt = parts.entryAt;
    this.bytes = parts.bytes;
    this.source = parts.source;
    this.pages = parts.pages;
    this.instructionCount = parts.instructionCount;
    this.isMovable = parts.isMovable;
    this.selfChecking = parts.selfChecking;
    this.hasLiveImmediates = parts.hasLiveImmediates;
    this.details = parts.details;
    this.setTables(words, sizes);
  }
}
