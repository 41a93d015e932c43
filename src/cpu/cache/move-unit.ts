/**
 * Moves the bytes of a unit: to another base of its module, and to another thread-local layout
 * (`Unit.places`). What comes out is translated code like any other: nothing here is trusted.
 */

import { MOVABLE_LIMIT, PLACE_NEGATED, PLACE_SHIFT, PLACE_SLOT } from '../translate/unit.ts';

/**
 * Adds `delta` to every guest address in `bytes` and `slotDelta` to every slot displacement. False
 * when a place lies outside, or an address would leave [lowest, 2 GiB): the unit is of no use there.
 */
export function moveBytes(
  bytes: Uint8Array,
  places: Uint32Array,
  delta: number,
  slotDelta: number,
  lowest = 0,
): boolean {
  const end = bytes.length - 4;
  for (let n = 0; n < places.length; n++) {
    const place = places[n]!;
    const at = place >>> PLACE_SHIFT;
    if (at > end) return false;
    const word =
      bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    const kind = place & 3;
    let moved: number;
    if (kind === PLACE_SLOT) moved = word + slotDelta;
    else {
      const address = (kind === PLACE_NEGATED ? -word | 0 : word) + delta;
      if (address < lowest || address >= MOVABLE_LIMIT) return false;
      moved = kind === PLACE_NEGATED ? -address : address;
    }
    bytes[at] = moved;
    bytes[at + 1] = moved >> 8;
    bytes[at + 2] = moved >> 16;
    bytes[at + 3] = moved >> 24;
  }
  return true;
}
