/**
 * The tables of a unit one behind the other in one array: there are many units, and each view that
 * is kept costs more than what it shows. Views are made when they are asked for.
 */

/** Integers in each table, in their order. */
export interface TableSizes {
  readonly ranges: number;
  readonly leaders: number;
  readonly returns: number;
  readonly links: number;
  readonly relocs: number;
  readonly places: number;
}

export class UnitTables {
  private words: Uint32Array = NOTHING;
  private leadersAt = 0;
  private returnsAt = 0;
  private linksAt = 0;
  private relocsAt = 0;
  private placesAt = 0;

  protected setTables(words: Uint32Array, sizes: TableSizes): void {
    this.words = words;
    this.leadersAt = sizes.ranges;
    this.returnsAt = this.leadersAt + sizes.leaders;
    this.linksAt = this.returnsAt + sizes.returns;
    this.relocsAt = this.linksAt + sizes.links;
    this.placesAt = this.relocsAt + sizes.relocs;
  }

  get ranges(): Uint32Array {
    return this.words.subarray(0, this.leadersAt);
  }

  get leaders(): Uint32Array {
    return this.words.subarray(this.leadersAt, this.returnsAt);
  }

  get returns(): Uint32Array {
    return this.words.subarray(this.returnsAt, this.linksAt);
  }

  get links(): Uint32Array {
    return this.words.subarray(this.linksAt, this.relocsAt);
  }

  get relocs(): Uint32Array {
    return this.words.subarray(this.relocsAt, this.placesAt);
  }

  get places(): Uint32Array {
    return this.words.subarray(this.placesAt);
  }
}

const NOTHING = new Uint32Array(0);
