/**
 * The code verifier's own decoder: prefixes, VEX, EVEX, ModRM, length. It shares nothing with the
 * decoder of `x86/` but the rows. It checks what concerns the form of one instruction (canonical
 * prefixes, reserved bits); what an instruction may do where it stands is `verifier.ts`.
 * Sources: Intel SDM vol. 2, chapter 2; AMD APM vol. 3, chapter 1.
 */
import {
  COUNTER,
  Forms,
  IMMEDIATE_SHIFT,
  keyOf,
  LOCKABLE,
  MASK_NEEDED,
  MASKABLE,
  NAMES_GENERAL,
  NAMES_MASK,
  NAMES_NOTHING,
  NAMES_VECTOR,
  OFFSET,
  REG_SHIFT,
  RM_SHIFT,
  VSIB,
  VVVV_SHIFT,
  ZEROABLE,
} from './forms.ts';
import { RULES, type Rule } from './types.ts';

const MAX_LENGTH = 15;
/** Readable bytes behind the unit, so that decoding its last instruction stays inside. */
export const PADDING_BYTES = 32;
const LEGACY = 0;
const VEX = 1;
const EVEX = 2;

/** Place of a prefix byte in the canonical order; 0: no prefix; 8: one that is never useful. */
const PREFIX_RANK = new Uint8Array(256);
for (const [rank, bytes] of [
  [1, [0x64, 0x65]],
  [2, [0x67]],
  [3, [0xf0]],
  [4, [0x66]],
  [5, [0xf2, 0xf3]],
  [6, Array.from({ length: 16 }, (_, n) => 0x40 + n)],
  [8, [0x26, 0x2e, 0x36, 0x3e]],
] as const)
  for (const byte of bytes) PREFIX_RANK[byte] = rank;

export class Decoder {
  readonly #forms: Forms;
  readonly #off: ReadonlySet<Rule>;
  /** The unit, with padding behind it. */
  code: Uint8Array = new Uint8Array(PADDING_BYTES);
  /** Bytes of the unit without the padding. */
  size = 0;

  /** Of the last instruction: the rule that it broke. */
  broken: Rule = 'unknown';
  /** Where the next one starts. */
  end = 0;
  /** Flags of its form. */
  flags = 0;
  /** 0, 0x64 or 0x65. */
  segment = 0;
  /** 67 was there. */
  address32 = false;
  lock = false;
  /** 66, F2 or F3 was there. */
  otherPrefix = false;
  /** The REX byte or 0. */
  rex = 0;
  /** ModRM or -1; where it stands. */
  modrm = -1;
  modrmAt = 0;
  ripRelative = false;
  /** The first immediate stands here (relative displacements too). */
  immediateAt = 0;

  constructor(off: ReadonlySet<Rule>) {
    this.#forms = new Forms(off);
    this.#off = off;
  }

  /** Notes a broken rule; false if a test has switched it off. */
  breaks(rule: Rule): boolean {
    if (this.#off.has(rule)) return false;
    this.broken = rule;
    return true;
  }

  /** Decodes the instruction at `at`; false if it broke a rule (in `broken`). */
  decode(at: number): boolean {
    const { code } = this;
    this.segment = 0;
    this.address32 = false;
    this.lock = false;
    this.rex = 0;
    this.ripRelative = false;
    this.modrm = -1;
    let rep = 0;
    let small = 0;
    let rank = 0;
    let p = at;
    for (;;) {
      const byte = code[p]!;
      const next = PREFIX_RANK[byte]!;
      if (next === 0) break;
      if (p - at >= MAX_LENGTH) return !this.breaks('too-long');
      if (next === 8 && this.breaks('prefix-useless')) return false;
      if (next <= rank && next !== 8 && this.breaks('prefix-order')) return false;
      if (next === 1) this.segment = byte;
      else if (next === 2) this.address32 = true;
      else if (next === 3) this.lock = true;
      else if (next === 4) small = 1;
      else if (next === 5) rep = byte === 0xf3 ? 1 : 2;
      else if (next === 6) this.rex = byte;
      if (next !== 8) rank = next;
      p++;
    }
    this.otherPrefix = (small | rep) !== 0;
    const opcode = code[p]!;
    if (opcode === 0xc5 || opcode === 0xc4) return this.#vex(at, p, opcode === 0xc5, rank);
    if (opcode === 0x62) return this.#evex(at, p, rank);
    let map = 0;
    if (opcode === 0x0f) {
      p++;
      map = 1;
      if (code[p] === 0x38 || code[p] === 0x3a) map = code[p++] === 0x38 ? 2 : 3;
    }
    const variant = (rep << 2) | (small << 1) | ((this.rex >> 3) & 1);
    return this.#finish(at, p, keyOf(LEGACY, map, code[p]!), variant);
  }

  /** Opcode at `p`: finds the form, then ModRM, displacement, immediates, length. */
  #finish(at: number, p: number, key: number, variant: number): boolean {
    const { code } = this;
    const forms = this.#forms;
    p++;
    let modrmClass = 0;
    if (forms.hasModrm(key)) {
      const modrm = code[p]!;
      this.modrm = modrm;
      this.modrmAt = p;
      modrmClass = modrm >= 0xc0 ? modrm & 63 : 64 + ((modrm >> 3) & 7);
      p = modrm >= 0xc0 ? p + 1 : this.#memory(p, modrm);
    }
    const form = forms.lookup(key, variant, modrmClass);
    if (form < 0) {
      this.broken = ruleNames[-1 - form]!;
      return false;
    }
    const flags = forms.flags[form]!;
    this.flags = flags;
    if (flags & OFFSET) p += this.address32 ? 4 : 8;
    this.immediateAt = p;
    p += (flags >> IMMEDIATE_SHIFT) & 15;
    this.end = p;
    if (p - at > MAX_LENGTH && this.breaks('too-long')) return false;
    if (p > this.size && this.breaks('truncated')) return false;
    if (this.lock && !(flags & LOCKABLE) && this.breaks('lock')) return false;
    return true;
  }

  /** Address of a memory operand: returns where its bytes end. */
  #memory(p: number, modrm: number): number {
    const mod = modrm >> 6;
    const rm = modrm & 7;
    let end = p + 1;
    if (rm === 4) {
      if (mod === 0 && (this.code[end]! & 7) === 5) end += 4;
      end++;
    } else if (mod === 0 && rm === 5) {
      this.ripRelative = true;
      end += 4;
    }
    return mod === 1 ? end + 1 : mod === 2 ? end + 4 : end;
  }

  /** VEX (SDM vol. 2, 2.3.5). After `rank` 3 no prefix may have been there. */
  #vex(at: number, p: number, short: boolean, rank: number): boolean {
    const { code } = this;
    if (rank > 2 && this.breaks('vex-form')) return false;
    const first = code[p + 1]!;
    const second = short ? first & 0x7f : code[p + 2]!;
    const map = short ? 1 : first & 31;
    if ((map === 0 || map > 3) && this.breaks('vex-form')) return false;
    const variant = ((second & 3) << 2) | ((second >> 7) << 1) | ((second >> 2) & 1);
    // Inverted register extensions: 1 means none.
    const r = first >> 7;
    const x = short ? 1 : (first >> 6) & 1;
    const b = short ? 1 : (first >> 5) & 1;
    const vvvv = (second >> 3) & 15;
    p += short ? 2 : 3;
    if (!this.#finish(at, p, keyOf(VEX, map & 7, code[p]!), variant)) return false;
    return this.#extensionsFit(vvvv, 1, r, 1, x, b) || !this.breaks('vex-form');
  }

  /** EVEX (SDM vol. 2, 2.7.1); APX's uses of its reserved bits are refused. */
  #evex(at: number, p: number, rank: number): boolean {
    const { code } = this;
    if (rank > 2 && this.breaks('evex-form')) return false;
    const p0 = code[p + 1]!;
    const p1 = code[p + 2]!;
    const p2 = code[p + 3]!;
    const map = p0 & 7;
    const reserved = (p0 & 8) !== 0 || (p1 & 4) === 0 || map === 0 || map === 4 || map === 7;
    if (reserved && this.breaks('evex-form')) return false;
    const variant = ((p1 & 3) << 4) | ((p1 >> 7) << 3) | (((p2 >> 5) & 3) << 1) | ((p2 >> 4) & 1);
    p += 4;
    if (!this.#finish(at, p, keyOf(EVEX, map, code[p]!), variant)) return false;
    const fits =
      this.#maskFits(p2 & 7, p2 >> 7 !== 0) &&
      this.#extensionsFit(
        (p1 >> 3) & 15,
        // With a vector index V' extends the index.
        this.flags & VSIB ? 1 : (p2 >> 3) & 1,
        p0 >> 7,
        (p0 >> 4) & 1,
        (p0 >> 6) & 1,
        (p0 >> 5) & 1,
      );
    return fits || !this.breaks('evex-form');
  }

  #maskFits(mask: number, zeroing: boolean): boolean {
    const { flags } = this;
    if (mask !== 0 ? !(flags & MASKABLE) : flags & MASK_NEEDED) return false;
    return !zeroing || (mask !== 0 && (flags & ZEROABLE) !== 0);
  }

  /**
   * Register extension bits, inverted as they are encoded, against what the fields name: 16 general
   * registers, 8 masks, 32 vectors (16 under VEX, whose callers pass 1 for the fifth bits).
   */
  #extensionsFit(
    vvvv: number,
    vHigh: number,
    r: number,
    rHigh: number,
    x: number,
    b: number,
  ): boolean {
    const { flags } = this;
    const v = (flags >> VVVV_SHIFT) & 3;
    if (v === NAMES_NOTHING && (vvvv !== 15 || vHigh === 0)) return false;
    if (v === NAMES_GENERAL && vHigh === 0) return false;
    if (v === NAMES_MASK && (vvvv < 8 || vHigh === 0)) return false;
    const reg = (flags >> REG_SHIFT) & 3;
    if (reg !== NAMES_VECTOR && rHigh === 0) return false;
    if ((reg === NAMES_MASK || reg === NAMES_NOTHING) && r === 0) return false;
    if (this.modrm < 0xc0) {
      if (!(flags & VSIB)) return true;
      return (this.modrm & 7) === 4;
    }
    const rm = (flags >> RM_SHIFT) & 3;
    if (rm === NAMES_MASK && (b === 0 || x === 0)) return false;
    return rm !== NAMES_GENERAL || x === 1;
  }

  /** 67 on an instruction that has neither an address nor a counter. */
  addressSizeUseless(): boolean {
    return this.address32 && !(this.flags & COUNTER);
  }
}

const ruleNames = Object.keys(RULES) as Rule[];
