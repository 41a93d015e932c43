/**
 * Memory for the tables of units: views of large chunks, since an array of its own costs more than
 * what it holds. A chunk lives as long as a unit that has a view of it.
 */

const CHUNK_BYTES = 1 << 18;

export class Arena {
  private chunk = new ArrayBuffer(CHUNK_BYTES);
  private used = 0;

  /** A copy of the first `count` integers. */
  words(from: ArrayLike<number>, count: number): Uint32Array<ArrayBuffer> {
    const copy = this.emptyWords(count);
    for (let n = 0; n < count; n++) copy[n] = from[n]!;
    return copy;
  }

  /** To be filled. */
  emptyWords(count: number): Uint32Array<ArrayBuffer> {
    const at = this.take(count * 4);
    return new Uint32Array(this.chunk, at, count);
  }

  /** A copy of bytes [start, end). */
  bytes(from: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
    const copy = this.room(end - start);
    copy.set(from.subarray(start, end));
    return copy;
  }

  /** To be filled. */
  room(bytes: number): Uint8Array<ArrayBuffer> {
    const at = this.take(bytes);
    return new Uint8Array(this.chunk, at, bytes);
  }

  /** The offset of room in the chunk, which is replaced when it is full. */
  private take(bytes: number): number {
    if (this.used + bytes > this.chunk.byteLength) {
      this.chunk = new ArrayBuffer(Math.max(CHUNK_BYTES, bytes));
      this.used = 0;
    }
    const at = this.used;
    this.used = (at + bytes + 3) & ~3;
    return at;
  }
}
