/**
 * Guest addresses → offsets in code memory, by open addressing in one typed array: a program's start
 * registers tens of thousands of blocks, and nothing here is allocated for one.
 */

/** No guest address: the first and last pages of guest space are never mapped. */
const FREE = 0;
const REMOVED = -1;
const FIRST_SLOTS = 1 << 8;
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
    const key = address | 0;
    if (address >>> 0 !== address || key === FREE || key === REMOVED) return;
    const known = this.find(address);
    if (known >= 0) {
      this.slots[known + 1] = offset;
      return;
    }
    if (4 * this.taken >= this.slots.length) this.grow();
    this.insert(key, offset);
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

  private insert(key: number, offset: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let at = (Math.imul(key, MULTIPLIER) >>> this.shift) << 1;
    while (slots[at] !== FREE) at = (at + 2) & mask;
    slots[at] = key;
    slots[at + 1] = offset;
    this.taken++;
  }

  /** Twice as many slots (or as many, when most were of removed addresses). */
  private grow(): void {
    const old = this.slots;
    let live = 0;
    for (let n = 0; n < old.length; n += 2) if (old[n] !== FREE && old[n] !== REMOVED) live++;
    const doubles = 8 * live > old.length;
    this.slots = new Int32Array(doubles ? old.length * 2 : old.length);
    if (doubles) this.shift--;
    this.taken = 0;
    for (let n = 0; n < old.length; n += 2)
      if (old[n] !== FREE && old[n] !== REMOVED) this.insert(old[n]!, old[n + 1]!);
  }
}
