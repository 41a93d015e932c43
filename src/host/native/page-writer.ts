/** What is written to pages of guests from outside: by host addresses. */

import type { NativeContext } from './context.ts';
import { PROT_READ, PROT_WRITE } from './libc.ts';
import type { Pagemap } from './pagemap.ts';
import type { SafeCopy } from './safe-copy.ts';
import type { NativeSegment } from './segment.ts';
import { SelfMemory } from './self-memory.ts';
import type { UsedRange } from './used-ranges.ts';

const OPEN = PROT_READ | PROT_WRITE;

/** False of a method: the host did not do it, or not all of it. */
export class PageWriter {
  readonly #native: NativeContext;
  readonly #copy: SafeCopy;
  readonly #pagemap: Pagemap;
  readonly #memory: SelfMemory;

  constructor(native: NativeContext, copy: SafeCopy, pagemap: Pagemap) {
    this.#native = native;
    this.#copy = copy;
    this.#pagemap = pagemap;
    this.#memory = new SelfMemory(native);
  }

  /** Pages that differ from what is mapped: start and end by turns; undefined: the host does not say. */
  changedIn(base: number, ranges: readonly UsedRange[]): readonly number[] | undefined {
    const runs = this.#pagemap.privateRuns(base, ranges);
    return typeof runs === 'number' ? undefined : runs;
  }

  open(at: number, length: number): boolean {
    return this.#native.sys.mprotect(at, length, OPEN) === 0;
  }

  /** `isOpen`: the process may write there; else only read. */
  zero(at: number, length: number, isOpen: boolean): boolean {
    if (isOpen) return this.#copy.fill(at, 0, length) === length;
    const { bounce, bounceAddress } = this.#native;
    bounce.fill(0, 0, Math.min(length, bounce.length));
    return length <= bounce.length && this.writeClosed(at, bounceAddress, length);
  }

  /** With the bytes of `segment` from `offset` on. */
  fill(
    at: number,
    length: number,
    isOpen: boolean,
    segment: NativeSegment,
    offset: number,
  ): boolean {
    if (isOpen) return segment.readTo(offset, at, length) === 0;
    const { bounce, bounceAddress } = this.#native;
    const isRead = length <= bounce.length && segment.readTo(offset, bounceAddress, length) === 0;
    return isRead && this.writeClosed(at, bounceAddress, length);
  }

  /** To pages that the process may only read. */
  writeClosed(to: number, from: number, length: number): boolean {
    if (this.#memory.write(to, from, length)) return true;
    if (!this.open(to, length)) return false;
    const copied = this.#copy.copyAcross(from, to, length);
    return this.#native.sys.mprotect(to, length, PROT_READ) === 0 && copied === length;
  }
}
