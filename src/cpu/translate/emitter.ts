/**
 * Bytes of a unit while it is made: a growing buffer, the records that go with it, and the few
 * instruction shapes that rewrites are built from (`cpu/sandbox/macros.ts` states them).
 */

import { doubled } from '../../base/doubled.ts';
import { TLS } from '../sandbox/layout.ts';
import { FIXUP_INTS } from './fixup.ts';
import {
  LINK_INTS,
  MOVABLE_LIMIT,
  PLACE_ADDRESS,
  PLACE_NEGATED,
  PLACE_SHIFT,
  PLACE_SLOT,
  RELOC_INTS,
} from './unit.ts';

export const RAX = 0;
export const RCX = 1;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;
export const R8 = 8;

/** Room that one guest instruction never exceeds, landings and pads included. */
const RESERVE_BYTES = 256;

export class Emitter {
  bytes = new Uint8Array(1 << 16);
  position = 0;
  /** Fixups are written down: only faults and ticks need them. */
  keepsFixups = false;
  fixups = new Int32Array(1 << 12);
  fixupCount = 0;
  /** Records of LINK_INTS, of RELOC_INTS integers (`unit.ts`). */
  links = new Int32Array(1 << 10);
  linkCount = 0;
  relocs = new Int32Array(1 << 10);
  relocCount = 0;
  /** As in `Unit.places`. */
  places = new Int32Array(1 << 10);
  placeCount = 0;
  /** False: some guest address stands in a form that another base would not take. */
  isMovable = true;
  readonly tlsDisplacement: number;

  constructor(tlsDisplacement: number) {
    this.tlsDisplacement = tlsDisplacement;
  }

  reset(): void {
    this.position = 0;
    this.fixupCount = 0;
    this.linkCount = 0;
    this.relocCount = 0;
    this.placeCount = 0;
    this.isMovable = true;
  }

  /** To be called before each guest instruction: what it emits then needs no check. */
  reserve(): void {
    if (this.position + RESERVE_BYTES > this.bytes.length) {
      const grown = new Uint8Array(this.bytes.length * 2);
      grown.set(this.bytes);
      this.bytes = grown;
    }
    if ((this.fixupCount + 24) * FIXUP_INTS > this.fixups.length) {
      this.fixups = doubled(this.fixups);
    }
    if (this.linkCount + 2 * LINK_INTS > this.links.length) this.links = doubled(this.links);
    if (this.relocCount + 8 * RELOC_INTS > this.relocs.length) this.relocs = doubled(this.relocs);
    if (this.placeCount + 32 > this.places.length) this.places = doubled(this.places);
  }

  u8(value: number): void {
    this.bytes[this.position++] = value;
  }

  u16(value: number): void {
    this.u8(value);
    this.u8(value >> 8);
  }

  u32(value: number): void {
    const at = this.position;
    this.bytes[at] = value;
    this.bytes[at + 1] = value >> 8;
    this.bytes[at + 2] = value >> 16;
    this.bytes[at + 3] = value >> 24;
    this.position = at + 4;
  }

  /**
   * A guest address (`isNegated`: its negative) in 32 bits: what moves with the module. All forms
   * here are the same for every address below 2 GiB.
   */
  address32(address: number, isNegated = false): void {
    if (!(address >= 0 && address < MOVABLE_LIMIT)) this.isMovable = false;
    const kind = isNegated ? PLACE_NEGATED : PLACE_ADDRESS;
    this.places[this.placeCount++] = (this.position << PLACE_SHIFT) | kind;
    this.u32(isNegated ? -address : address);
  }

  patch32(at: number, value: number): void {
    this.bytes[at] = value;
    this.bytes[at + 1] = value >> 8;
    this.bytes[at + 2] = value >> 16;
    this.bytes[at + 3] = value >> 24;
  }

  /** The host instruction that comes next, if interrupted: see `fixup.ts`. */
  fix(rip: number, actions: number, rspAdjust: number): void {
    if (!this.keepsFixups) return;
    const at = this.fixupCount++ * FIXUP_INTS;
    this.fixups[at] = this.position;
    this.fixups[at + 1] = rip;
    this.fixups[at + 2] = actions;
    this.fixups[at + 3] = rspAdjust;
  }

  // fs: slots

  private slotOperand(register: number, offset: number): void {
    this.u8(((register & 7) << 3) | 4);
    this.u8(0x25);
    this.slot32(offset);
  }

  /** Displacement of an fs: operand. */
  slot32(offset: number): void {
    this.noteSlot(this.position);
    this.u32(this.tlsDisplacement + offset);
  }

  /** A slot's displacement stands at `at`. */
  noteSlot(at: number): void {
    this.places[this.placeCount++] = (at << PLACE_SHIFT) | PLACE_SLOT;
  }

  /** mov r64, fs:[slot] */
  loadSlot(register: number, offset: number): void {
    this.u8(0x64);
    this.u8(register >= 8 ? 0x4c : 0x48);
    this.u8(0x8b);
    this.slotOperand(register, offset);
  }

  /** mov fs:[slot], r64 */
  storeSlot(register: number, offset: number): void {
    this.u8(0x64);
    this.u8(register >= 8 ? 0x4c : 0x48);
    this.u8(0x89);
    this.slotOperand(register, offset);
  }

  spill(register: number, slot: number): void {
    this.storeSlot(register, TLS.spill.offset + 8 * slot);
  }

  reload(register: number, slot: number): void {
    this.loadSlot(register, TLS.spill.offset + 8 * slot);
  }

  /** mov qword fs:[slot], imm32 */
  storeSlotAddress(offset: number, address: number): void {
    this.u8(0x64);
    this.u8(0x48);
    this.u8(0xc7);
    this.slotOperand(0, offset);
    this.address32(address);
  }

  /** cmp qword fs:[slot], imm32 */
  compareSlot(offset: number, value: number): void {
    this.u8(0x64);
    this.u8(0x48);
    this.u8(0x81);
    this.slotOperand(7, offset);
    this.u32(value);
  }

  /** mov byte fs:[x87Used], 1 */
  markX87(): void {
    this.u8(0x64);
    this.u8(0xc6);
    this.slotOperand(0, TLS.x87Used.offset);
    this.u8(1);
  }

  // guest memory at [base + disp]

  private stackOperand(register: number, base: number, disp: number): void {
    const short = disp >= -128 && disp <= 127;
    this.u8((short ? 0x40 : 0x80) | ((register & 7) << 3) | (base & 7));
    if ((base & 7) === 4) this.u8(0x24);
    if (short) this.u8(disp);
    else this.u32(disp);
  }

  /** OP r, gs:[base + disp] with `bits` 16 or 64. */
  guestAccess(opcode: number, register: number, base: number, disp: number, bits: number): void {
    this.u8(0x65);
    this.u8(0x67);
    if (bits === 16) this.u8(0x66);
    const rex = (bits === 64 ? 8 : 0) | ((register >> 3) << 2) | (base >> 3);
    if (rex !== 0) this.u8(0x40 | rex);
    this.u8(opcode);
    this.stackOperand(register, base, disp);
  }

  loadGuest(register: number, base: number, disp: number, bits = 64): void {
    this.guestAccess(0x8b, register, base, disp, bits);
  }

  storeGuest(register: number, base: number, disp: number, bits = 64): void {
    this.guestAccess(0x89, register, base, disp, bits);
  }

  /** mov gs:[base + disp], imm (sign-extended for 64 bits). */
  storeGuestImmediate(base: number, disp: number, value: number, bits = 64): void {
    this.guestAccess(0xc7, 0, base, disp, bits);
    if (bits === 16) this.u16(value);
    else this.u32(value);
  }

  /** mov qword gs:[base + disp], imm32 with a guest address below 2 GiB. */
  storeGuestAddress(base: number, disp: number, address: number): void {
    this.guestAccess(0xc7, 0, base, disp, 64);
    this.address32(address);
  }

  /** lea r64, [base + disp] */
  lea(register: number, base: number, disp: number): void {
    this.u8(0x48 | ((register >> 3) << 2) | (base >> 3));
    this.u8(0x8d);
    this.stackOperand(register, base, disp);
  }

  /** lea r64, [base − address] */
  leaMinusAddress(register: number, base: number, address: number): void {
    this.u8(0x48 | ((register >> 3) << 2) | (base >> 3));
    this.u8(0x8d);
    this.u8(0x80 | ((register & 7) << 3) | (base & 7));
    if ((base & 7) === 4) this.u8(0x24);
    this.address32(address, true);
  }

  /** mov r32, imm32: the register holds the guest address zero-extended. */
  moveAddress(register: number, address: number): void {
    if (register >= 8) this.u8(0x41);
    this.u8(0xb8 | (register & 7));
    this.address32(address);
  }

  /** mov r64, r64 */
  move(to: number, from: number): void {
    this.u8(0x48 | ((from >> 3) << 2) | (to >> 3));
    this.u8(0x89);
    this.u8(0xc0 | ((from & 7) << 3) | (to & 7));
  }

  pattern(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.position);
    this.position += bytes.length;
  }

  // leaving

  /** jmp rel32 to a place outside that `target` names. */
  jumpOut(target: number): void {
    this.u8(0xe9);
    const at = this.relocCount;
    this.relocs[at] = this.position;
    this.relocs[at + 1] = target;
    this.relocCount = at + RELOC_INTS;
    this.u32(0);
  }

  /** Notes a link of the unit. */
  link(target: number, displacementAt: number, siteAt: number): void {
    const at = this.linkCount;
    this.links[at] = target;
    this.links[at + 1] = displacementAt;
    this.links[at + 2] = siteAt;
    this.linkCount = at + LINK_INTS;
  }

  /**
   * An exit of `kind` at the instruction `rip`, which reports `reported`. Interrupted before it left,
   * it has done nothing: the instruction runs again.
   */
  exit(kind: number, rip: number, reported = rip): void {
    this.storeSlotAddress(TLS.exitRip.offset, reported);
    this.fix(rip, 0, 0);
    this.jumpOut(kind);
  }
}
