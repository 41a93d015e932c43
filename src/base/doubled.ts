/** A table of twice the length, which begins with what `table` holds. */
export function doubled(table: Int32Array): Int32Array<ArrayBuffer>;
export function doubled(table: Uint32Array): Uint32Array<ArrayBuffer>;
export function doubled(table: Int32Array | Uint32Array): Int32Array | Uint32Array {
  const length = 2 * table.length;
  const larger = table instanceof Int32Array ? new Int32Array(length) : new Uint32Array(length);
  larger.set(table);
  return larger;
}
