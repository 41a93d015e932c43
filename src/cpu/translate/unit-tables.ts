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

const NOTHING = new Uint32Array(0);

export class UnitTables {
  /** The array that they lie in, without a view of its own. */
  private buffer: ArrayBufferLike = NOTHING.buffer;
  private start = 0;
  private leadersAt = 0;
  private returnsAt = 0;
  private linksAt = 0;
  private relocsAt = 0;
  private placesAt = 0;
  private end = 0;

  protected setTables(words: Uint32Array, sizes: TableSizes): void {
    this.buffer = words.buffer;
    this.start = words.byteOffset;
    this.leadersAt = sizes.ranges;
    this.returnsAt = this.leadersAt + sizes.leaders;
    this.linksAt = this.returnsAt + sizes.returns;
    this.relocsAt = this.linksAt + sizes.links;
    this.placesAt = this.relocsAt + sizes.relocs;
    this.end = words.length;
  }

  get ranges(): Uint32Array {
    return this.table(0, this.leadersAt);
  }

  get leaders(): Uint32Array {
    return this.table(this.leadersAt, this.returnsAt);
  }

  get returns(): Uint32Array {
    return this.table(this.returnsAt, this.linksAt);
  }

  get links(): Uint32Array {
    return this.table(this.linksAt, this.relocsAt);
  }

  get relocs(): Uint32Array {
    return this.table(this.relocsAt, this.placesAt);
  }

  get places(): Uint32Array {
    return this.table(this.placesAt, this.end);
  }

  /** measured: `subarray` takes three times as long, and small units have few tables. */
  private table(start: number, end: number): Uint32Array {
    if (start === end) return NOTHING;
    return new Uint32Array(this.buffer, this.start + 4 * start, end - start);
  }
}
