/** How the dirty blocks of a window are cut into cells, and other arithmetic of windows. */

import { BLOCK_BYTES } from '../l0-host/block-host.ts';
import { WINDOW_BLOCKS, type Window } from './content-cache.ts';

/** Up to here a window is always one cell. */
export const SMALL_BLOCKS = 4;
/** From here on a window is written as a whole. */
export const MANY_BLOCKS = 3;

/** Bits of the blocks [from, to) of a window. */
export const maskOf = (from: number, to: number): number => (1 << to) - (1 << from);

/** Blocks of a window up to the end of the file. */
export function blocksInFile(window: Window, size: number): number {
  const blocks = Math.ceil(size / BLOCK_BYTES) - window.index * WINDOW_BLOCKS;
  return Math.max(0, Math.min(WINDOW_BLOCKS, blocks));
}

/**
 * The dirty blocks as cells: runs without holes. Where few blocks of a large cell were `written`,
 * they get cells of their own, so that writing them again costs little.
 */
export function runsOf(window: Window, written: number, size: number): [number, number][] {
  const runs: [number, number][] = [];
  const end = blocksInFile(window, size);
  const isWhole = end <= SMALL_BLOCKS || countBits(written) >= MANY_BLOCKS;
  const kindOf = (block: number): number => {
    const bit = 1 << block;
    if ((window.dirty & bit) === 0) return 0;
    return isWhole || (written & bit) !== 0 ? 1 : 2;
  };
  for (let i = 0; i < end; ) {
    const kind = kindOf(i);
    let to = i + 1;
    while (to < end && kindOf(to) === kind) to++;
    if (kind !== 0) runs.push([i, to]);
    i = to;
  }
  return runs;
}

/** Set bits of a mask. */
export function countBits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** Copies what `source` has at `offset`, and zeros behind its end. */
export function copyOrZero(
  source: Uint8Array,
  offset: number,
  target: Uint8Array,
  start: number,
  length: number,
): void {
  const have = Math.max(0, Math.min(length, source.length - offset));
  if (have > 0) target.set(source.subarray(offset, offset + have), start);
  if (have < length) target.fill(0, start + have, start + length);
}
