/**
 * Control transfers: direct branches with links, calls, returns, indirect jumps, and the landings
 * that check where a table jump arrived (DESIGN: "Control").
 *
 * Landings leave the flags alone even when they refuse: another address with the same low half may
 * need them.
 */

import { type Instruction, PREFIX_ADDR32 } from '../../x86/instruction.ts';
import { EXIT, TLS } from '../sandbox/layout.ts';
import { JUMP_MACROS, patternBytes, RETURN_MACRO, TARGET } from '../sandbox/macros.ts';
import { type Emitter, RCX, RSP } from './emitter.ts';
import { FIX_RIP_RETURN, FIX_RIP_TARGET, restore } from './fixup.ts';
import { loadOperand } from './stack.ts';

const RESTORE_RCX = restore(RCX, 0);
/** Immediates are sign-extended: addresses from here on take another way. */
const HIGH = 0x8000_0000;
const LEA_LIMIT = 0x7fff_ffff;

/** Where a guest address of the unit lies; what branches are resolved with. */
export interface Places {
  /** Pool index of the instruction at `rip` in this unit, or -1. */
  find(rip: number): number;
  /** Host offset by pool index; -1 while not emitted. */
  readonly hostAt: Int32Array;
}

export class Control {
  private readonly e: Emitter;
  private readonly returnBytes: Uint8Array;
  private readonly jumpBytes: readonly Uint8Array[];
  private places: Places;
  /** Pairs: offset of a rel32, pool index of its target. */
  private readonly forward: number[] = [];
  /** Pairs: offset of a rel32, guest target outside. */
  private readonly outside: number[] = [];
  /** Guest target outside → offset of its link, while they are emitted. */
  private readonly stubs = new Map<number, number>();

  constructor(e: Emitter, places: Places) {
    this.e = e;
    this.places = places;
    this.returnBytes = patternBytes(RETURN_MACRO.pattern, e.tlsDisplacement);
    this.jumpBytes = JUMP_MACROS.map((macro) => patternBytes(macro.pattern, e.tlsDisplacement));
  }

  reset(): void {
    this.forward.length = 0;
    this.outside.length = 0;
  }

  /** jmp to a guest address. `rip` is what a tick at the jump reports. */
  jumpTo(target: number): void {
    const { e } = this;
    const index = this.places.find(target);
    if (index < 0) {
      this.link(target);
      return;
    }
    const known = this.places.hostAt[index]!;
    e.fix(target, 0, 0);
    if (known >= 0 && known - (e.position + 2) >= -128) {
      e.u8(0xeb);
      e.u8(known - (e.position + 1));
    } else {
      e.u8(0xe9);
      this.relative(index);
    }
  }

  branch(ins: Instruction, target: number): void {
    const { e } = this;
    const condition = ins.row.condition;
    const index = this.places.find(target);
    const known = index < 0 ? -1 : this.places.hostAt[index]!;
    if (known >= 0 && known - (e.position + 2) >= -128) {
      e.u8(0x70 | condition);
      e.u8(known - (e.position + 1));
      return;
    }
    e.u8(0x0f);
    e.u8(0x80 | condition);
    if (index < 0) this.relativeOutside(target);
    else this.relative(index);
  }

  /** loop*, jrcxz: only rel8 exists, so it hops over a short jump to a long one. */
  loopBranch(ins: Instruction, rip: number, target: number): void {
    const { e } = this;
    e.u8(ins.opcode);
    e.u8(2);
    e.fix(rip + ins.length, 0, 0);
    e.u8(0xeb);
    e.u8(5);
    e.fix(target, 0, 0);
    e.u8(0xe9);
    const index = this.places.find(target);
    if (index < 0) this.relativeOutside(target);
    else this.relative(index);
  }

  isPlainLoop(ins: Instruction): boolean {
    return (ins.prefixes & PREFIX_ADDR32) === 0;
  }

  /** `viaEntry`: the target's entry is passed even if it lies in this unit. */
  call(ins: Instruction, rip: number, target: number, viaEntry: boolean): void {
    this.pushReturn(rip + ins.length, rip, 0, 0);
    this.e.fix(rip, 0, 0);
    this.e.lea(RSP, RSP, -8);
    if (viaEntry) this.link(target);
    else this.jumpTo(target);
  }

  /** Stores the return address below RSP. RCX may be in use as `actions` says. */
  private pushReturn(address: number, rip: number, actions: number, spare: number): void {
    const { e } = this;
    if (address < HIGH) {
      e.storeGuestAddress(RSP, -8, address);
      return;
    }
    const slot = 4 + spare;
    e.spill(RCX, slot);
    e.fix(rip, actions, 0);
    e.moveAddress(RCX, address);
    const inner = actions || restore(RCX, slot);
    e.fix(rip, inner, 0);
    e.storeGuest(RCX, RSP, -8);
    e.fix(rip, inner, 0);
    e.reload(RCX, slot);
  }

  ret(ins: Instruction, rip: number): void {
    const { e } = this;
    if (ins.row.immediateBytes > 0) {
      this.retImmediate(ins, rip);
      return;
    }
    e.spill(RCX, 0);
    e.fix(rip, 0, 0);
    e.lea(RSP, RSP, 8);
    e.fix(rip, 0, -8);
    const start = e.position;
    e.pattern(this.returnBytes);
    const end = e.position;
    e.position = start + MOVZX_RETURN_BYTES;
    e.fix(rip, RESTORE_RCX, -8);
    e.position = end;
  }

  private retImmediate(ins: Instruction, rip: number): void {
    const { e } = this;
    e.spill(RCX, 0);
    e.fix(rip, 0, 0);
    e.loadGuest(RCX, RSP, 0);
    e.fix(rip, RESTORE_RCX, 0);
    e.storeSlot(RCX, TLS.target.offset);
    e.fix(rip, RESTORE_RCX, 0);
    e.lea(RSP, RSP, 8 + (ins.immediate & 0xffff));
    this.tableJump(RCX);
  }

  /** jmp r/m, call r/m: the target into fs:[target], its low half indexes the table. */
  indirect(ins: Instruction, rip: number, isCall: boolean): void {
    const { e } = this;
    let register = ins.rm;
    e.spill(RCX, 0);
    e.fix(rip, 0, 0);
    if (ins.hasMemory) {
      loadOperand(e, ins, rip, RCX);
      register = RCX;
      e.fix(rip, RESTORE_RCX, 0);
    } else if (register === RSP) {
      e.move(RCX, RSP);
      register = RCX;
      e.fix(rip, RESTORE_RCX, 0);
    }
    e.storeSlot(register, TLS.target.offset);
    if (isCall) {
      e.fix(rip, RESTORE_RCX, 0);
      this.pushReturn(rip + ins.length, rip, RESTORE_RCX, 1);
      e.fix(rip, RESTORE_RCX | FIX_RIP_TARGET, -8);
      e.lea(RSP, RSP, -8);
    }
    this.tableJump(register);
  }

  /** Everything but the jump itself is done: a tick completes the instruction. */
  private tableJump(register: number): void {
    const { e } = this;
    const start = e.position;
    e.fix(0, RESTORE_RCX | FIX_RIP_TARGET, 0);
    e.pattern(this.jumpBytes[register]!);
    const end = e.position;
    e.position = start + (register >= 8 ? 4 : 3);
    e.fix(0, RESTORE_RCX | FIX_RIP_TARGET, 0);
    e.position = end;
  }

  /** Where a return to `rip` arrives; answers where the landing begins. */
  returnLanding(rip: number): number {
    const { e } = this;
    const arriving = RESTORE_RCX | FIX_RIP_RETURN;
    const begin = this.alignLanding(LOAD_RETURN_BYTES, arriving);
    e.fix(0, arriving, 0);
    e.loadGuest(RCX, RSP, -8);
    this.landed(rip, arriving, TARGET.missReturn);
    return begin;
  }

  /**
   * So that the displacement of its jump to `miss`, behind a load, lea and jrcxz, is aligned: the
   * cache leads it to other landings. Nothing falls into a landing: these are never executed.
   */
  private alignLanding(loadBytes: number, arriving: number): number {
    const { e } = this;
    while (((e.position + loadBytes + LANDING_JUMP) & 3) !== 0) {
      e.fix(0, arriving, 0);
      e.u8(0x90);
    }
    return e.position;
  }

  /**
   * Where an indirect jump or call to `rip` arrives; at the start of a unit it begins at LANDING_AT.
   * With `skipBytes`, it goes on so many bytes behind itself, RCX still in spill 0.
   */
  jumpLanding(rip: number, skipBytes = -1): void {
    const { e } = this;
    const arriving = RESTORE_RCX | FIX_RIP_TARGET;
    this.alignLanding(LOAD_SLOT_BYTES, arriving);
    e.fix(0, arriving, 0);
    e.loadSlot(RCX, TLS.target.offset);
    this.landed(rip, arriving, TARGET.missJump, skipBytes);
  }

  /** RCX = where it should be; leaves the flags alone. */
  private landed(rip: number, arriving: number, miss: number, skipBytes = -1): void {
    const { e } = this;
    let left = rip;
    while (left > LEA_LIMIT) {
      e.fix(0, arriving, 0);
      e.lea(RCX, RCX, -LEA_LIMIT);
      left -= LEA_LIMIT;
      e.isMovable = false;
    }
    e.fix(0, arriving, 0);
    e.leaMinusAddress(RCX, RCX, left);
    e.fix(0, arriving, 0);
    e.u8(0xe3);
    e.u8(JMP_BYTES + Math.max(0, skipBytes));
    e.fix(0, arriving, 0);
    e.jumpOut(miss);
    if (skipBytes >= 0) return;
    e.fix(rip, RESTORE_RCX, 0);
    e.reload(RCX, 0);
  }

  /** A `jmp rel32` that linking may redirect, before it the exit that asks for that. */
  link(target: number): void {
    const { e } = this;
    e.reserve();
    while (((e.position + 1) & 3) !== 0) {
      e.fix(target, 0, 0);
      e.u8(0x90);
    }
    e.fix(target, 0, 0);
    e.u8(0xe9);
    const displacementAt = e.position;
    e.u32(0);
    e.fix(target, 0, 0);
    e.u8(0x64);
    e.u8(0xc7);
    e.u8(0x04);
    e.u8(0x25);
    e.slot32(TLS.exitSite.offset);
    const siteAt = e.position;
    e.u32(0);
    e.fix(target, 0, 0);
    e.link(target, displacementAt, siteAt);
    e.jumpOut(EXIT.link);
  }

  private relative(index: number): void {
    this.forward.push(this.e.position, index);
    this.e.u32(0);
  }

  private relativeOutside(target: number): void {
    this.outside.push(this.e.position, target);
    this.e.u32(0);
  }

  /** Emits the links of conditional branches that leave, then resolves every branch. */
  finish(): void {
    const { e, outside, forward } = this;
    const { stubs } = this;
    for (let n = 0; n < outside.length; n += 2) {
      const target = outside[n + 1]!;
      let stub = stubs.get(target);
      if (stub === undefined) {
        stub = e.position;
        this.link(target);
        stubs.set(target, stub);
      }
      e.patch32(outside[n]!, stub - (outside[n]! + 4));
    }
    if (stubs.size > 0) stubs.clear();
    for (let n = 0; n < forward.length; n += 2) {
      const at = forward[n]!;
      e.patch32(at, this.places.hostAt[forward[n + 1]!]! - (at + 4));
    }
  }
}

const JMP_BYTES = 5;
/** mov rcx, gs:[esp - 8]; mov rcx, fs:[slot] */
const LOAD_RETURN_BYTES = 7;
const LOAD_SLOT_BYTES = 9;
/** lea rcx, [rcx + disp32]; jrcxz; E9 */
const LANDING_JUMP = 7 + 2 + 1;
/** Where the landing of a unit lies that begins with one. */
export const LANDING_AT = 1;
/** movzx ecx, word gs:[esp - 8] */
const MOVZX_RETURN_BYTES = 7;
