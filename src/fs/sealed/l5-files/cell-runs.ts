/** Which blocks of a window are written anew, and as which cells. */

import { BLOCK_BYTES } from '../l0-host/block-host.ts';
import type { CellPart } from './cells.ts';
import { maskOf, WINDOW_BLOCKS, type Window } from './window.ts';

/** Files of so many blocks are always one cell. */
const SMALL_BLOCKS = 4;
/**
 * From so many blocks, or cells, on a window is written as a whole: sealing 64 KiB once costs less
 * than sealing many blocks one by one, and reading them back does (measured: bench storage).
 */
const MANY_BLOCKS = 8;
const MANY_CELLS = 8;

/** Blocks of a window up to the end of the file. */
function blocksInFile(window: Window, size: number): number {
  const blocks = Math.ceil(size / BLOCK_BYTES) - window.index * WINDOW_BLOCKS;
  return Math.max(0, Math.min(WINDOW_BLOCKS, blocks));
}

interface CellUse {
  readonly blocks: number;
  /** Bits of the blocks that the file would still use. */
  left: number;
  touched: number;
}

/** The cells of `parts`, when the blocks of `written` go to others. */
function usesOf(parts: readonly CellPart[], base: number, written: number): CellUse[] {
  const uses = new Map<number, CellUse>();
  for (const { first, count, block, blocks } of parts) {
    let use = uses.get(block);
    if (use === undefined) {
      use = { blocks, left: 0, touched: 0 };
      uses.set(block, use);
    }
    const mask = maskOf(first - base, first - base + count);
    use.left |= mask & ~written;
    use.touched |= mask & written;
  }
  return [...uses.values()];
}

/**
 * What is left in cells that must go, since half of their blocks or less would be used: the space of
 * a cell is free only when nothing uses it. Where space is `scarce`, every cell must go that
 * something is taken from.
 */
export function leftOf(
  parts: readonly CellPart[],
  base: number,
  written: number,
  scarce: boolean,
): number {
  let mask = 0;
  for (const { blocks, left, touched } of usesOf(parts, base, written))
    if (countBits(left) * 2 <= blocks || (scarce && touched !== 0)) mask |= left;
  return mask;
}

/** The blocks of a dirty window that are written: the dirty ones, and what lies around them. */
export function blocksToWrite(
  parts: readonly CellPart[],
  window: Window,
  size: number,
  scarce: boolean,
): number {
  const base = window.index * WINDOW_BLOCKS;
  const inFile = blocksInFile(window, size);
  let mask = window.dirty & maskOf(0, inFile);
  if (mask === 0) return 0;
  mask |= leftOf(parts, base, mask, scarce);
  const others = usesOf(parts, base, mask).filter(({ left }) => left !== 0);
  const isWhole =
    inFile <= SMALL_BLOCKS ||
    countBits(mask) >= MANY_BLOCKS ||
    others.length + runsOf(mask).length > MANY_CELLS;
  if (isWhole) for (const { left } of others) mask |= left;
  return mask;
}

/** Runs of set bits: from, and behind the last. */
export function runsOf(mask: number): [number, number][] {
  const runs: [number, number][] = [];
  for (let i = 0; mask >>> i !== 0; i++) {
    if ((mask & (1 << i)) === 0) continue;
    const from = i;
    while ((mask & (1 << i)) !== 0) i++;
    runs.push([from, i]);
  }
  return runs;
}

function countBits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}
