/** Integers of variable length (LEB128; signed ones zigzag), written into and read from bytes. */

export class VarintWriter {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity = 1 << 12) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    larger.set(this.bytes);
    this.bytes = larger;
  }

  /** An integer below 2^32. */
  unsigned(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.bytes[this.length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.bytes[this.length++] = rest;
  }

  /** The first `count` of `from`: one loop for all, quick before it has been optimised. */
  numbers(from: Uint32Array, count: number): void {
    this.reserve(5 * count);
    const { bytes } = this;
    let at = this.length;
    for (let n = 0; n < count; n++) {
      let rest = from[n]!;
      while (rest > 127) {
        bytes[at++] = (rest & 127) | 128;
        rest >>>= 7;
      }
      bytes[at++] = rest;
    }
    this.length = at;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }
}

/** Reads what the writer wrote; the bytes may be anything. */
export class VarintReader {
  private readonly bytes: Uint8Array;
  at: number;
  private readonly end: number;
  /** Something was read beyond the end, or was no integer of 32 bits. */
  failed = false;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  unsigned(): number {
    if (this.at >= this.end) return this.fail();
    const first = this.bytes[this.at++]!;
    if (first < 128) return first;
    let value = first & 127;
    for (let shift = 7; shift < 35; shift += 7) {
      if (this.at >= this.end) return this.fail();
      const byte = this.bytes[this.at++]!;
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    return this.fail();
  }

  signed(): number {
    const value = this.unsigned();
    return (value >>> 1) ^ -(value & 1);
  }

  /**
   * The next `count` unsigned numbers, into the start of `target`: one loop for all, which is what
   * makes reading units quick before it has been optimised.
   */
  numbers(target: Uint32Array, count: number): void {
    const { bytes, end } = this;
    let { at } = this;
    for (let n = 0; n < count; n++) {
      if (at >= end) {
        this.fail();
        return;
      }
      let value = bytes[at++]!;
      if (value > 127) {
        value &= 127;
        for (let shift = 7; ; shift += 7) {
          if (at >= end || shift > 28) {
            this.fail();
            return;
          }
          const byte = bytes[at++]!;
          value |= (byte & 127) << shift;
          if (byte < 128) break;
        }
      }
      target[n] = value;
    }
    this.at = at;
  }

  /** A view of the next bytes; empty when there are fewer. */
  raw(length: number): Uint8Array {
    if (length > this.end - this.at) {
      this.fail();
      return this.bytes.subarray(0, 0);
    }
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  private fail(): number {
    this.failed = true;
    this.at = this.end;
    return 0;
  }
}
