/**
 * Guest addresses → offsets in code memory, by open addressing in one typed array: a program's start
 * registers tens of thousands of blocks, and nothing here is allocated for one.
 */

/** No guest address: the first and last pages of guest space are never mapped. */
const FREE = 0;
const REMOVED = -1;
const FIRST_SLOTS = 1 << 8;
/** Integers below which a map grows eightfold: a program that fills it soon fills the next one. */
const SMALL = 1 << 14;
/** Of integers: two thirds of all slots. A map half as full is no faster, and touches twice the pages. */
const MOST_TAKEN = 1 / 3;
const MULTIPLIER = 0x9e3779b1 | 0;

export class AddressMap {
  /** Pairs of address and offset. */
  private slots = new Int32Array(2 * FIRST_SLOTS);
  private shift = 32 - 8;
  /** Slots that are not free, those of removed addresses included. */
  private taken = 0;

  /** The offset of `address`; undefined: there is none. */
  get(address: number): number | undefined {
    const at = this.find(address);
    return at < 0 ? undefined : this.slots[at + 1]!;
  }

  has(address: number): boolean {
    return this.find(address) >= 0;
  }

  /** What is no mapped guest address is ignored. */
  set(address: number, offset: number): void {
    const known = this.find(address);
    if (known >= 0) this.slots[known + 1] = offset;
    else this.add(address, offset);
  }

  /** Sets it where there is none; false: there is one, or this is no mapped guest address. */
  add(address: number, offset: number): boolean {
    const key = address | 0;
    if (address >>> 0 !== address || key === FREE || key === REMOVED) return false;
    if (this.taken >= MOST_TAKEN * this.slots.length) this.grow();
    const { slots } = this;
    const mask = slots.length - 1;
    let at = (Math.imul(key, MULTIPLIER) >>> this.shift) << 1;
    for (;;) {
      const found = slots[at]!;
      if (found === key) return false;
      if (found === FREE) break;
      at = (at + 2) & mask;
    }
    slots[at] = key;
    slots[at + 1] = offset;
    this.taken++;
    return true;
  }

  delete(address: number): void {
    const at = this.find(address);
    if (at >= 0) this.slots[at] = REMOVED;
  }

  clear(): void {
    this.slots = new Int32Array(2 * FIRST_SLOTS);
    this.shift = 32 - 8;
    this.taken = 0;
  }

  /** Any number: a guest's RIP has 64 bits. */
  private find(address: number): number {
    const key = address | 0;
    if (address >>> 0 !== address || key === FREE || key === REMOVED) return -1;
    const { slots } = this;
    const mask = slots.length - 1;
    let at = (Math.imul(key, MULTIPLIER) >>> this.shift) << 1;
    for (;;) {
      const found = slots[at]!;
      if (found === key) return at;
      if (found === FREE) return -1;
      at = (at + 2) & mask;
    }
  }

  /** More slots (or as many, when most were of removed addresses): small maps grow fast. */
  private grow(): void {
    const old = this.slots;
    let live = 0;
    for (let n = 0; n < old.length; n += 2) if (old[n] !== FREE && old[n] !== REMOVED) live++;
    const more = 2 * live <= MOST_TAKEN * old.length ? 0 : old.length < SMALL ? 3 : 1;
    this.slots = new Int32Array(old.length << more);
    this.shift -= more;
    this.taken = 0;
    for (let n = 0; n < old.length; n += 2)
      if (old[n] !== FREE && old[n] !== REMOVED) this.add(old[n]! >>> 0, old[n + 1]!);
  }
}
