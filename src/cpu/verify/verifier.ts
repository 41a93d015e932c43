/**
 * The code verifier: decides whether bytes may run as translated code. It is an accept-list: linear
 * decoding covers the unit exactly, and every instruction is one of
 *
 * (a) a plain instruction of the table without memory operand;
 * (b) a plain instruction whose one memory operand, explicit or implicit, is `gs:` with the prefix 67:
 *     an address below 2^32 is added to B, so the access ends below B + 2^32 + 4 KiB (the guard);
 * (c) a listed form of mov or cmp with `fs:[tlsDisplacement + slot]`, as the slot's rights say;
 * (d) a step of a fixed macro, whole and in order: nothing enters its middle;
 * (e) a direct branch to an instruction start of the unit outside of macros, or to a place outside
 *     that the caller has registered (entries, trampolines).
 *
 * x87 and MMX instructions stand only behind `mov byte fs:[x87Used], 1`, with no way in between. The
 * last instruction does not fall through. Prefixes, reserved bits and lengths have one canonical form
 * (`decoder.ts`); classes come from the table and a hand-written second opinion (`forms.ts`,
 * `never.table.ts`). The proof is in `docs/code-verifier.md`.
 *
 * Trusted for isolation. Imports the numbers of `cpu/sandbox` and base only; its
 * table is compiled from the rows of `x86/isa`.
 */
import { assert } from '../../base/assert.ts';
import { Decoder, PADDING_BYTES } from './decoder.ts';
import {
  ADDRESS_ONLY,
  IMPLICIT,
  KIND_CONDITIONAL,
  KIND_INDIRECT,
  KIND_JUMP,
  KIND_PLAIN,
  MEMORY,
  SLOT,
  SLOT_BYTES_SHIFT,
  SLOT_WRITE,
  X87,
} from './forms.ts';
import { matches, Sequences } from './sequences.ts';
import { RULES, type Rule, type UnitPlace, type Verdict } from './types.ts';

const GS = 0x65;
const FS = 0x64;
/** Largest unit, and largest offset in code memory. */
const MAX_UNIT_BYTES = 1 << 24;
const CODE_BYTES = 2 ** 31;

const NONE = -1;
const ROOM_WORDS = 1 << 14;

export class CodeVerifier {
  readonly #decoder: Decoder;
  #code = new Uint8Array(4096 + PADDING_BYTES);
  #view = new DataView(this.#code.buffer);
  /** Bit n: an instruction starts at n, and execution may enter there. */
  #starts = new Uint32Array(4096 >> 5);
  /** Pairs of source and target of branches inside the unit; displacements of those outside. */
  #inner = new Uint32Array(256);
  #innerCount = 0;
  #outer = new Uint32Array(256);
  #outerCount = 0;
  /** What verdicts hold: views of it cost less than arrays of their own. */
  #room = new Uint32Array(0);
  #roomUsed = 0;
  #sequences = new Sequences(0);
  #at = 0;
  #previous = NONE;
  /** First start behind the mark of x87Used that nothing has been found to rely on, or NONE. */
  #marked = NONE;
  #fallsThrough = true;
  #usesX87 = false;

  /** `off` switches rules off: only for tests, which show that each rule is needed. */
  constructor(off: ReadonlySet<Rule> = new Set()) {
    this.#decoder = new Decoder(off);
  }

  /** Verifies `unit`, which nobody else may be able to change until it is published. */
  verifyUnit(unit: Uint8Array, place: UnitPlace): Verdict {
    const size = unit.length;
    const decoder = this.#decoder;
    const fits = size > 0 && size <= MAX_UNIT_BYTES && place.placement + size <= CODE_BYTES;
    if (!fits && decoder.breaks('unit-size')) return this.#rejected(0, 'unit-size');
    this.#begin(unit, place);
    const starts = this.#starts;
    let count = 0;
    while (this.#at < size) {
      const at = this.#at;
      if (!decoder.decode(at)) return this.#rejected(at, decoder.broken);
      starts[at >> 5]! |= 1 << (at & 31);
      this.#fallsThrough = true;
      if (!this.#permitted(at, place)) return this.#rejected(at, decoder.broken);
      this.#previous = at;
      this.#at = decoder.end;
      count++;
    }
    if (this.#fallsThrough && decoder.breaks('falls-through'))
      return this.#rejected(this.#previous, 'falls-through');
    const inner = this.#inner;
    for (let n = 0; n < this.#innerCount; n += 2)
      if (!this.#isStart(inner[n + 1]!) && decoder.breaks('branch-interior'))
        return this.#rejected(inner[n]!, 'branch-interior');
    return {
      ok: true,
      starts: this.#copied(starts, (size + 31) >> 5),
      instructionCount: count,
      externalBranches: this.#copied(this.#outer, this.#outerCount),
      usesX87: this.#usesX87,
    };
  }

  #copied(table: Uint32Array, count: number): Uint32Array {
    if (this.#roomUsed + count > this.#room.length) {
      this.#room = new Uint32Array(Math.max(count, ROOM_WORDS));
      this.#roomUsed = 0;
    }
    const copy = this.#room.subarray(this.#roomUsed, this.#roomUsed + count);
    this.#roomUsed += count;
    for (let n = 0; n < count; n++) copy[n] = table[n]!;
    return copy;
  }

  #begin(unit: Uint8Array, place: UnitPlace): void {
    const size = unit.length;
    if (this.#code.length < size + PADDING_BYTES) {
      this.#code = new Uint8Array(size * 2 + PADDING_BYTES);
      this.#view = new DataView(this.#code.buffer);
      this.#starts = new Uint32Array((size * 2 + 31) >> 5);
    }
    this.#code.set(unit);
    this.#code.fill(0, size, size + PADDING_BYTES);
    this.#starts.fill(0, 0, (size + 31) >> 5);
    this.#decoder.code = this.#code;
    this.#decoder.size = size;
    if (this.#sequences.tlsDisplacement !== place.tlsDisplacement)
      this.#sequences = new Sequences(place.tlsDisplacement);
    this.#innerCount = 0;
    this.#outerCount = 0;
    this.#at = 0;
    this.#previous = NONE;
    this.#marked = NONE;
    this.#usesX87 = false;
    this.#fallsThrough = false;
  }

  /** May the decoded instruction stand at `at`? Macros move the decoder's end behind themselves. */
  #permitted(at: number, place: UnitPlace): boolean {
    const decoder = this.#decoder;
    const { flags, segment } = decoder;
    const kind = flags & 3;
    if (kind !== KIND_PLAIN)
      return kind === KIND_INDIRECT ? this.#tableJump(at) : this.#branch(at, kind, place);
    if (flags & (MEMORY | IMPLICIT)) {
      if (segment === FS) return this.#slot(at);
      if (segment !== GS && decoder.breaks('gs-missing')) return false;
      if (!decoder.address32 && decoder.breaks('address-size')) return false;
      if (decoder.ripRelative && decoder.breaks('rip-relative')) return false;
    } else {
      if (segment !== 0 && decoder.breaks('segment-useless')) return false;
      if (flags & ADDRESS_ONLY) {
        if (decoder.ripRelative && decoder.breaks('rip-relative')) return false;
      } else if (decoder.address32 && decoder.breaks('prefix-useless')) return false;
    }
    return flags & X87 ? this.#x87(at) : true;
  }

  /** (c), the mark of x87Used, and the beginning of string macros. */
  #slot(at: number): boolean {
    const decoder = this.#decoder;
    const sequences = this.#sequences;
    if (matches(this.#code, at, sequences.mark)) {
      this.#marked = decoder.end;
      return true;
    }
    const { flags } = decoder;
    const exact =
      flags & SLOT &&
      !decoder.address32 &&
      !decoder.lock &&
      (decoder.rex & 3) === 0 &&
      (decoder.modrm & 0xc7) === 4 &&
      this.#code[decoder.modrmAt + 1] === 0x25;
    if (!exact) return !decoder.breaks('fs-form');
    const displacement = this.#view.getInt32(decoder.modrmAt + 2, true);
    if (sequences.beginsMacro(displacement)) return this.#macro(at);
    const bytes = (flags >> SLOT_BYTES_SHIFT) & 15;
    return (
      sequences.permits(displacement, bytes, (flags & SLOT_WRITE) !== 0) ||
      !decoder.breaks('fs-slot')
    );
  }

  /** (d) A string macro, all of it; only its first instruction may be entered. */
  #macro(at: number): boolean {
    const decoder = this.#decoder;
    for (const macro of this.#sequences.straight)
      if (at + macro.length <= decoder.size && matches(this.#code, at, macro)) {
        decoder.end = at + macro.length;
        return true;
      }
    return !decoder.breaks('macro-form');
  }

  /** (d) The jump through a table: with the instruction before it one of the two-step macros. */
  #tableJump(at: number): boolean {
    const { end } = this.#decoder;
    const start = this.#previous;
    this.#fallsThrough = false;
    this.#marked = NONE;
    for (const macro of this.#sequences.transfers)
      if (start !== NONE && end - start === macro.length && matches(this.#code, start, macro)) {
        this.#forbidEntry(at);
        return true;
      }
    return !this.#decoder.breaks('table-jump');
  }

  /** (e) */
  #branch(at: number, kind: number, place: UnitPlace): boolean {
    const decoder = this.#decoder;
    const prefixed = decoder.segment !== 0 || decoder.rex !== 0 || decoder.otherPrefix;
    if (prefixed && decoder.breaks('branch-prefix')) return false;
    if (decoder.addressSizeUseless() && decoder.breaks('branch-prefix')) return false;
    const { immediateAt, end } = decoder;
    const near = end - immediateAt === 1;
    const distance = near
      ? this.#view.getInt8(immediateAt)
      : this.#view.getInt32(immediateAt, true);
    const target = end + distance;
    if (kind === KIND_JUMP) {
      this.#fallsThrough = false;
      this.#marked = NONE;
    } else assert(kind === KIND_CONDITIONAL);
    const outside = place.placement + target;
    if (target >= 0 && target < decoder.size) this.#noteInner(at, target);
    else if (outside >= 0 && outside < CODE_BYTES && place.isTarget(outside)) {
      if (!near) this.#noteOuter(immediateAt);
    } else return !decoder.breaks('branch-external');
    return true;
  }

  /** Nothing may enter between the mark and this instruction, nor at it. */
  #x87(at: number): boolean {
    this.#usesX87 = true;
    if (this.#marked === NONE) return !this.#decoder.breaks('x87-unmarked');
    for (let n = this.#marked; n <= at; n++) this.#forbidEntry(n);
    this.#marked = at + 1;
    return true;
  }

  #isStart(at: number): boolean {
    return ((this.#starts[at >> 5]! >> (at & 31)) & 1) === 1;
  }

  /** At or before the instruction that is looked at: no later one starts there. */
  #forbidEntry(at: number): void {
    this.#starts[at >> 5]! &= ~(1 << (at & 31));
  }

  #noteInner(from: number, target: number): void {
    const at = this.#innerCount;
    if (at + 2 > this.#inner.length) this.#inner = doubled(this.#inner);
    this.#inner[at] = from;
    this.#inner[at + 1] = target;
    this.#innerCount = at + 2;
  }

  #noteOuter(displacementAt: number): void {
    if (this.#outerCount === this.#outer.length) this.#outer = doubled(this.#outer);
    this.#outer[this.#outerCount++] = displacementAt;
  }

  #rejected(offset: number, reason: Rule): Verdict {
    return { ok: false, offset, reason, text: RULES[reason] };
  }
}

function doubled(table: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(table.length * 2);
  larger.set(table);
  return larger;
}
