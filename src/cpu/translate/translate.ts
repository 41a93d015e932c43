/**
 * The translator: guest instructions around an entry → a unit. Not trusted for isolation: the code
 * verifier checks every byte of what it makes. Deterministic: the same source bytes and the same set
 * of known entries give the same unit.
 */

import type { Instruction } from '../../x86/instruction.ts';
import { EXIT } from '../sandbox/layout.ts';
import { Arena } from './arena.ts';
import { Control } from './control.ts';
import { Emitter } from './emitter.ts';
import { KIND, type RowFacts } from './facts.ts';
import { FIXUP_INTS } from './fixup.ts';
import { MadeUnit } from './made-unit.ts';
import { copy, copySegmented, hasImplicitSegment, isSegmented, ripTarget } from './operand.ts';
import { JOIN, LEADER, RETURN_SITE, Scan, type ScanLimits } from './scan.ts';
import { emitSelfCheck, loadableImmediate, loadImmediate, SPILL_BYTES } from './self-check.ts';
import { enter, leave, pop, push } from './stack.ts';
import { isMacroString, StringMacros, stringInstruction } from './string.ts';
import type { Details, Unit } from './unit.ts';
import { UnitSource } from './unit-source.ts';
import type { CodeSource, Window } from './window.ts';

/** Instructions a unit has at most: what it may cost before it runs, against links between units. */
export const UNIT_INSTRUCTIONS = 1000;

/** Kinds of landing for a thunk. */
export type LandingKind = 'return' | 'jump';

export class Translator {
  private readonly e: Emitter;
  private readonly scan = new Scan();
  private readonly control: Control;
  private readonly strings: StringMacros;
  private hostAt = new Int32Array(4096);
  private readonly arena = new Arena();
  private readonly returns: number[] = [];
  private readonly leaders: number[] = [];
  private readonly runs: number[] = [];
  private x87Marked = false;
  private hasLiveImmediates = false;

  constructor(tlsDisplacement: number) {
    this.e = new Emitter(tlsDisplacement);
    const owner = this;
    this.control = new Control(this.e, {
      find: (rip) => owner.scan.find(rip),
      get hostAt() {
        return owner.hostAt;
      },
    });
    this.strings = new StringMacros(tlsDisplacement);
  }

  /**
   * The unit at `rip`; undefined when no instruction can be fetched there. An instruction that no
   * row describes becomes an exit.
   */
  translate(source: CodeSource, rip: number, limits: ScanLimits): Unit | undefined {
    return this.make(source, rip, limits, false);
  }

  /**
   * The details of a unit that this translator made, or that was moved from where another made it;
   * undefined: it is no such unit.
   */
  describe(unit: Unit): Details | undefined {
    if (unit.details) return unit.details;
    const source = new UnitSource(unit);
    const again = this.make(source, unit.rip, source, true);
    return again && isSame(again.bytes, unit.bytes) ? again.details : undefined;
  }

  private make(
    source: CodeSource,
    rip: number,
    limits: ScanLimits,
    detailed: boolean,
  ): Unit | undefined {
    const { scan, e } = this;
    const found = scan.run(source, rip, limits);
    if (!found && scan.window.limitAt(rip) === 0) return undefined;
    const bytes = this.source();
    this.begin();
    e.keepsFixups =
      detailed || !found || scan.window.selfChecking || this.hasLiveImmediates || !scan.isPlain();
    e.reserve();
    const { selfChecking } = scan.window;
    this.control.jumpLanding(rip, selfChecking ? SPILL_BYTES : -1);
    const checkAt = e.position;
    if (selfChecking) this.selfCheck(rip, found, bytes);
    const bodyAt = this.emitBody(rip, found);
    return this.finish(rip, selfChecking ? checkAt : bodyAt, bytes, scan.window.pages(this.arena));
  }

  /** A landing for `rip`, whose entry lies in another unit (or not yet anywhere). */
  landingThunk(rip: number, kind: LandingKind): Unit {
    const { e } = this;
    this.scan.count = 0;
    this.runs.length = 0;
    this.hasLiveImmediates = false;
    this.begin();
    e.keepsFixups = true;
    e.reserve();
    if (kind === 'return') {
      const landing = this.control.returnLanding(rip);
      this.returns.push(rip, landing);
    } else this.control.jumpLanding(rip);
    const entryAt = e.position;
    this.control.link(rip);
    return this.finish(rip, entryAt, new Uint8Array(0), new Uint32Array(0));
  }

  private selfCheck(rip: number, found: boolean, bytes: Uint8Array): void {
    const { scan, e } = this;
    const { window } = scan;
    if (found) {
      emitSelfCheck(e, rip, this.runs, bytes);
      return;
    }
    // Bytes that no instruction was found in: as many as decide about that.
    const from = rip - window.base;
    const source = window.bytes.slice(from, Math.min(window.limitAt(rip), from + 15));
    emitSelfCheck(e, rip, [rip, source.length], source);
  }

  private begin(): void {
    this.e.reset();
    this.control.reset();
    this.returns.length = 0;
    this.leaders.length = 0;
    this.x87Marked = false;
    if (this.hostAt.length < this.scan.count) this.hostAt = new Int32Array(this.scan.count * 2);
    this.hostAt.fill(-1, 0, this.scan.count);
  }

  private emitBody(rip: number, found: boolean): number {
    const { scan, e } = this;
    if (!found) {
      const entryAt = e.position;
      // No instruction starts here that a tick could be told from.
      e.fix(rip, 0, 0);
      e.exit(EXIT.illegal, rip);
      return entryAt;
    }
    // Layout is by address; where the entry is not the lowest, the landing jumps to it.
    const entryFirst = scan.order[0] === scan.find(rip);
    if (!entryFirst) this.control.jumpTo(rip);
    let fallsTo = entryFirst ? rip : -1;
    for (let n = 0; n < scan.count; n++) {
      const index = scan.order[n]!;
      const ins = scan.pool[index]!;
      const at = scan.ripOf(ins);
      e.reserve();
      if (fallsTo !== at) {
        if (fallsTo >= 0) this.control.jumpTo(fallsTo);
        this.x87Marked = false;
      }
      this.beginInstruction(at, fallsTo === at);
      this.hostAt[index] = e.position;
      fallsTo = this.emit(ins, at) ? at + ins.length : -1;
    }
    e.reserve();
    if (fallsTo >= 0) this.control.jumpTo(fallsTo >>> 0);
    return this.hostAt[scan.find(rip)]!;
  }

  /** What comes before an instruction that control reaches from elsewhere. */
  private beginInstruction(rip: number, fallsIn: boolean): void {
    const { scan } = this;
    const marks = scan.markOf(rip);
    if (marks & (LEADER | JOIN)) this.x87Marked = false;
    if (marks & RETURN_SITE && !fallsIn) {
      this.returns.push(rip, this.control.returnLanding(rip));
    }
  }

  /** True when control goes on behind it. */
  private emit(ins: Instruction, rip: number): boolean {
    const { scan, e, control } = this;
    const facts = scan.factsOf(ins);
    if (facts.usesX87 && !this.x87Marked && facts.kind === KIND.plain) {
      e.markX87();
      e.fix(rip, 0, 0);
      this.x87Marked = true;
    }
    switch (facts.kind) {
      case KIND.plain:
        if (hasImplicitSegment(ins)) return this.emitRare(ins, facts, rip);
        if (isLive(scan.window, ins)) loadImmediate(e, ins, rip);
        else if (isSegmented(ins)) copySegmented(e, scan.window.bytes, ins, facts, rip);
        else copy(e, scan.window.bytes, ins, facts, rip, null);
        return true;
      case KIND.nothing:
        return true;
      case KIND.lea:
        this.lea(ins, facts, rip);
        return true;
      case KIND.branch:
        control.jumpTo(scan.targetOf(ins));
        return false;
      case KIND.condbranch:
        control.branch(ins, scan.targetOf(ins));
        return true;
      case KIND.call:
        // The return address is a store: the next check comes before the next instruction.
        control.call(ins, rip, scan.targetOf(ins), scan.window.selfChecking);
        return false;
      case KIND.ret:
        control.ret(ins, rip);
        return false;
      case KIND.indirectbranch:
      case KIND.indirectcall:
        control.indirect(ins, rip, facts.kind === KIND.indirectcall);
        return false;
      case KIND.push:
        push(e, ins, facts, rip);
        return true;
      case KIND.pop:
        pop(e, ins, facts, rip);
        return true;
      default:
        return this.emitRare(ins, facts, rip);
    }
  }

  private emitRare(ins: Instruction, facts: RowFacts, rip: number): boolean {
    const { e } = this;
    switch (facts.kind) {
      case KIND.leave:
        leave(e, rip);
        return true;
      case KIND.enter:
        if ((ins.immediate2 & 31) > 1) break;
        enter(e, ins, rip);
        return true;
      case KIND.string:
        if (!isMacroString(ins)) break;
        stringInstruction(e, this.strings, ins, rip);
        return true;
      case KIND.loopbranch:
        if (!this.control.isPlainLoop(ins)) break;
        this.control.loopBranch(ins, rip, this.scan.targetOf(ins));
        this.x87Marked = false;
        return true;
      case KIND.syscall:
        e.exit(EXIT.syscall, rip, rip + ins.length);
        return false;
      case KIND.breakpoint:
        e.exit(EXIT.int3, rip, rip + ins.length);
        return false;
      default:
        break;
    }
    e.exit(EXIT.emulate, rip);
    return false;
  }

  /** An address, not an access: RIP-relative ones become constants. */
  private lea(ins: Instruction, facts: RowFacts, rip: number): void {
    const { e, scan } = this;
    const wide = ins.row.sizeRule === 'o64';
    if (ins.base < 16) {
      copyLea(e, scan.window.bytes, ins, facts, wide);
      return;
    }
    const value = ripTarget(ins, rip);
    if (wide && (value < 0 || value > 0xffff_ffff)) {
      e.isMovable = false;
      e.u8(0x48 | (ins.reg >> 3));
      e.u8(0xb8 | (ins.reg & 7));
      e.u32(value % 2 ** 32);
      e.u32(Math.floor(value / 2 ** 32));
      return;
    }
    if (facts.sizePrefix) {
      e.isMovable = false;
      e.u8(0x66);
      if (ins.reg >= 8) e.u8(0x41);
      e.u8(0xb8 | (ins.reg & 7));
      e.u16(value);
      return;
    }
    e.moveAddress(ins.reg, value);
  }

  private finish(rip: number, entryAt: number, source: Uint8Array, pages: Uint32Array): Unit {
    const { e, scan, arena, leaders, hostAt } = this;
    this.control.finish();
    const { count, order, pool, marks } = scan;
    const { base } = scan.window;
    const selfChecking = pages.length > 0 && scan.window.selfChecking;
    if (!selfChecking)
      for (let n = 0; n < count; n++) {
        const index = order[n]!;
        const { offset } = pool[index]!;
        if (marks[offset]! & LEADER) leaders.push(base + offset, hostAt[index]!);
      }
    const sizes = {
      ranges: this.runs.length,
      leaders: leaders.length,
      returns: this.returns.length,
      links: e.linkCount,
      relocs: e.relocCount,
      places: e.placeCount,
    };
    const words = arena.emptyWords(
      sizes.ranges + sizes.leaders + sizes.returns + sizes.links + sizes.relocs + sizes.places,
    );
    let at = put(words, 0, this.runs, sizes.ranges);
    at = put(words, at, leaders, sizes.leaders);
    at = put(words, at, this.returns, sizes.returns);
    at = put(words, at, e.links, sizes.links);
    at = put(words, at, e.relocs, sizes.relocs);
    put(words, at, e.places, sizes.places);
    const parts = {
      rip,
      entryAt,
      bytes: arena.bytes(e.bytes, 0, e.position),
      source,
      pages,
      instructionCount: count,
      isMovable: e.isMovable,
      selfChecking,
      hasLiveImmediates: this.hasLiveImmediates,
      details: e.keepsFixups ? this.details() : undefined,
    };
    return new MadeUnit(parts, words, sizes);
  }

  private details(): Details {
    const { e, scan, hostAt } = this;
    const rips = new Uint32Array(scan.count);
    const offsets = new Uint32Array(scan.count);
    for (let n = 0; n < scan.count; n++) {
      const index = scan.order[n]!;
      rips[n] = scan.ripOf(scan.pool[index]!);
      offsets[n] = hostAt[index]!;
    }
    return { rips, offsets, fixups: e.fixups.slice(0, e.fixupCount * FIXUP_INTS) };
  }

  /** The guest bytes that the instructions take; `runs` then has them as ranges without gaps. */
  private source(): Uint8Array {
    const { scan, runs } = this;
    const { bytes, base } = scan.window;
    runs.length = 0;
    this.hasLiveImmediates = false;
    let total = 0;
    let end = -1;
    for (let n = 0; n < scan.count; n++) {
      const ins = scan.pool[scan.order[n]!]!;
      const { offset } = ins;
      const live = isLive(scan.window, ins);
      if (live) this.hasLiveImmediates = true;
      const until = offset + (live ? ins.immediateAt : ins.length);
      if (until <= end) continue;
      if (offset > end || end < 0) runs.push(offset, until - offset);
      else runs[runs.length - 1]! += until - end;
      total += until - Math.max(offset, end);
      end = until;
    }
    const source = this.arena.room(total);
    let at = 0;
    for (let n = 0; n < runs.length; n += 2) {
      const from = runs[n]!;
      const length = runs[n + 1]!;
      source.set(bytes.subarray(from, from + length), at);
      at += length;
      runs[n] = from + base;
    }
    return source;
  }
}

/** Copies a table; returns where the next one begins. */
function put(words: Uint32Array, at: number, table: ArrayLike<number>, length: number): number {
  for (let n = 0; n < length; n++) words[at + n] = table[n]!;
  return at + length;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let n = 0; n < one.length; n++) if (one[n] !== other[n]) return false;
  return true;
}

function isLive(window: Window, ins: Instruction): boolean {
  return window.hasLiveImmediate(window.base + ins.offset) && loadableImmediate(ins) > 0;
}

/**
 * lea with general registers. Under 67 the sum is cut to 32 bits, which a 32-bit destination does by
 * itself: the prefix goes, and a 64-bit destination becomes a 32-bit one.
 */
function copyLea(
  e: Emitter,
  source: Uint8Array,
  ins: Instruction,
  facts: RowFacts,
  wide: boolean,
): void {
  const address32 = (ins.prefixes & 0x10) !== 0;
  if (facts.sizePrefix) e.u8(0x66);
  let rex = ins.rex & 7;
  if (ins.index < 0) rex &= ~2;
  if (ins.base < 0) rex &= ~1;
  if (wide && !address32) rex |= 8;
  if (rex !== 0) e.u8(0x40 | rex);
  const end = ins.offset + ins.length;
  for (let at = ins.offset + ins.opcodeAt; at < end; at++) e.u8(source[at]!);
}
