/**
 * Finds the instructions of a unit: from an entry over direct branches and behind calls, bounded,
 * not into code that other units already have. Instruction objects are pooled: a scan allocates
 * nothing that grows with the program.
 */

import { DECODE_OK, decodeInto } from '../../x86/decode.ts';
import { Instruction, PREFIX_ADDR32 } from '../../x86/instruction.ts';
import { FactsTable, KIND, type RowFacts } from './facts.ts';
import { type CodeSource, WINDOW_BYTES, Window } from './window.ts';

export interface ScanLimits {
  readonly maxInstructions: number;
  /** True for guest addresses that have an entry already: units link to it. */
  isEntry(rip: number): boolean;
}

/** Marks of a byte of the window. */
export const LEADER = 1;
export const RETURN_SITE = 2;
/** Control may come here by a jump inside of the unit, too. */
export const JOIN = 4;

const MAX_INSTRUCTION_BYTES = 15;
/** Every instruction costs a comparison of its bytes, so few that may not run after all. */
const MAX_SELF_CHECKING = 24;
const MAX_SELF_CHECKING_BYTES = MAX_SELF_CHECKING * 15;

export class Scan {
  readonly window = new Window();
  readonly facts = new FactsTable();
  readonly pool: Instruction[] = [];
  /** Window offset → index in the pool + 1. */
  private readonly indexAt = new Int32Array(WINDOW_BYTES);
  readonly marks = new Uint8Array(WINDOW_BYTES);
  count = 0;
  /** Pool indices by ascending address. */
  order = new Int32Array(4096);
  private maxInstructions = 0;
  private low = 0;
  private high = 0;
  private readonly work: number[] = [];

  /** False when nothing can be decoded at `rip`. */
  run(source: CodeSource, rip: number, limits: ScanLimits): boolean {
    this.clear();
    this.window.open(source, rip);
    this.maxInstructions = this.window.selfChecking
      ? Math.min(limits.maxInstructions, MAX_SELF_CHECKING)
      : limits.maxInstructions;
    this.low = this.high = rip - this.window.base;
    this.work.push(rip);
    this.marks[this.low] = LEADER;
    while (this.work.length > 0) this.follow(this.work.pop()!, rip, limits);
    this.sort();
    return this.count > 0;
  }

  /** Pool index of the instruction that starts at `rip` in this unit, or -1. */
  find(rip: number): number {
    const offset = rip - this.window.base;
    return offset >= 0 && offset < WINDOW_BYTES ? this.indexAt[offset]! - 1 : -1;
  }

  factsOf(ins: Instruction): RowFacts {
    return this.facts.of(ins.row);
  }

  ripOf(ins: Instruction): number {
    return this.window.base + ins.offset;
  }

  /** Guest address that the relative branch `ins` goes to (wraps at 4 GiB). */
  targetOf(ins: Instruction): number {
    return (this.ripOf(ins) + ins.length + ins.immediate) >>> 0;
  }

  markOf(rip: number): number {
    return this.marks[rip - this.window.base] ?? 0;
  }

  private clear(): void {
    this.indexAt.fill(0, this.low, this.high + 1);
    this.marks.fill(0, this.low, this.high + 16);
    this.count = 0;
    this.work.length = 0;
  }

  private follow(start: number, entry: number, limits: ScanLimits): void {
    const { window } = this;
    let rip = start;
    for (;;) {
      if (!window.contains(rip) || this.count >= this.maxInstructions) return;
      const offset = rip - window.base;
      if (this.indexAt[offset] !== 0) return;
      if (rip !== entry && limits.isEntry(rip)) return;
      const limit = window.limitAt(rip);
      if (limit === 0) return;
      const ins = this.take();
      if (decodeInto(ins, window.bytes, offset, limit) !== DECODE_OK) return;
      this.count++;
      this.indexAt[offset] = this.count;
      if (offset < this.low) this.low = offset;
      if (offset > this.high) this.high = offset;
      if (window.selfChecking ? this.mayChangeCode(ins) : !this.goesOn(ins)) return;
      rip += ins.length;
    }
  }

  /**
   * A unit that checks itself does so at its entry, so it ends behind whatever may change its source:
   * stores, exits, transfers. One path, no entries but the first.
   */
  private mayChangeCode(ins: Instruction): boolean {
    const { kind, alwaysStores, storesOperand } = this.factsOf(ins);
    if (kind === KIND.branch || kind === KIND.condbranch || kind === KIND.loopbranch) {
      // It may lead to an instruction of the unit: what is known there does not come from above only.
      const target = this.targetOf(ins);
      if (Math.abs(target - this.ripOf(ins)) <= MAX_SELF_CHECKING_BYTES) this.mark(target, LEADER);
      return kind === KIND.branch;
    }
    switch (kind) {
      case KIND.plain:
      case KIND.pop:
        return alwaysStores || (storesOperand && ins.hasMemory);
      case KIND.nothing:
      case KIND.lea:
      case KIND.leave:
        return false;
      default:
        return true;
    }
  }

  /** Notes where `ins` leads; true when the next instruction may run behind it. */
  private goesOn(ins: Instruction): boolean {
    switch (this.factsOf(ins).kind) {
      case KIND.branch:
        this.leader(this.targetOf(ins), LEADER);
        return false;
      case KIND.condbranch:
      case KIND.loopbranch:
        this.leader(this.targetOf(ins), LEADER);
        return true;
      case KIND.ret:
      case KIND.indirectbranch:
        return false;
      case KIND.call:
        this.mark(this.targetOf(ins), JOIN);
        this.mark(this.ripOf(ins) + ins.length, LEADER | RETURN_SITE);
        return true;
      case KIND.indirectcall:
        this.mark(this.ripOf(ins) + ins.length, LEADER | RETURN_SITE);
        return true;
      case KIND.syscall:
      case KIND.emulate:
      case KIND.breakpoint:
        this.mark(this.ripOf(ins) + ins.length, LEADER);
        return !STOPS.has(ins.row.mnemonic);
      default:
        return true;
    }
  }

  private leader(rip: number, marks: number): void {
    if (!this.window.contains(rip)) return;
    this.mark(rip, marks);
    this.work.push(rip);
  }

  private mark(rip: number, marks: number): void {
    const offset = rip - this.window.base;
    if (offset < 0 || offset >= WINDOW_BYTES) return;
    this.marks[offset]! |= marks;
    if (offset < this.low) this.low = offset;
    if (offset > this.high) this.high = offset;
  }

  /**
   * False: an address that control goes on at without a link may lie inside of another instruction,
   * and not be of the unit (`unit-source.ts` could not tell).
   */
  isPlain(): boolean {
    let end = 0;
    let overlaps = false;
    for (let n = 0; n < this.count; n++) {
      const { offset, length } = this.pool[this.order[n]!]!;
      if (offset < end) overlaps = true;
      end = Math.max(end, offset + length);
    }
    if (!overlaps) return true;
    for (let n = 0; n < this.count; n++) {
      const ins = this.pool[n]!;
      const { kind } = this.factsOf(ins);
      // Such a loop is interpreted.
      if (kind === KIND.loopbranch && ins.prefixes & PREFIX_ADDR32) return false;
      const next = ins.offset + ins.length;
      if (!ENDS.has(kind) && this.indexAt[next] === 0 && this.isInside(next)) return false;
    }
    return true;
  }

  /** Does an instruction that starts before `offset` take the byte there? */
  private isInside(offset: number): boolean {
    for (let at = Math.max(this.low, offset - MAX_INSTRUCTION_BYTES + 1); at < offset; at++) {
      const index = this.indexAt[at]!;
      if (index !== 0 && at + this.pool[index - 1]!.length > offset) return true;
    }
    return false;
  }

  private take(): Instruction {
    let ins = this.pool[this.count];
    if (!ins) {
      ins = new Instruction();
      this.pool.push(ins);
    }
    return ins;
  }

  /** By address. Where instructions overlap, one is reached by a jump from the other's predecessor. */
  private sort(): void {
    if (this.order.length < this.count) this.order = new Int32Array(this.count * 2);
    let at = 0;
    let end = 0;
    for (let offset = this.low; offset <= this.high; offset++) {
      const index = this.indexAt[offset]!;
      if (index === 0) continue;
      this.order[at++] = index - 1;
      if (end > offset) this.marks[end]! |= JOIN;
      end = offset + this.pool[index - 1]!.length;
    }
  }
}

/** Control does not go on behind these. */
const ENDS: ReadonlySet<number> = new Set([KIND.branch, KIND.ret, KIND.indirectbranch]);

/** Nothing sensible follows these: the guest's signal handler decides. */
const STOPS: ReadonlySet<string> = new Set(['ud0', 'ud1', 'ud2', 'hlt']);
