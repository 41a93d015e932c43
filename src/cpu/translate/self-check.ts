/**
 * Units that check themselves: code on pages that are written all the time, and code in shared
 * memory that others may write, runs without write-protection. At its one entry such a unit compares
 * the bytes that it was made from with guest memory and leaves with `stale` when one differs; it ends
 * behind everything that may write code (`scan.ts`), so a store takes effect at the next instruction.
 *
 * The comparison leaves flags alone: differences of 32 bits are taken by `lea` and summed up in 64
 * bits, where the sum is zero only if each is. So it needs nothing of the code verifier but loads,
 * `lea`, `jrcxz` and the exit.
 *
 * An immediate that changes again and again (a patched constant of a guest's compiler) is loaded from
 * where it stands, as the processor does, and not compared.
 */

import { type Instruction, NONE } from '../../x86/instruction.ts';
import { LEGACY } from '../../x86/isa/row.ts';
import { EXIT } from '../sandbox/layout.ts';
import { type Emitter, RCX } from './emitter.ts';
import { alsoRestore, restore } from './fixup.ts';

const RDX = 2;
const RCX_SPILL = 0;
const RDX_SPILL = 1;
/** mov fs:[spill], rcx: what a landing that has done so jumps over. */
export const SPILL_BYTES = 9;

/**
 * The check at the entry of the unit at `rip`: `ranges` (pairs of address, length) held `source`. RCX
 * is in spill 0 when control arrives from a landing, behind the first instruction.
 */
export function emitSelfCheck(
  e: Emitter,
  rip: number,
  ranges: ArrayLike<number>,
  source: Uint8Array,
): void {
  const one = restore(RCX, RCX_SPILL);
  const both = alsoRestore(one, RDX, RDX_SPILL);
  e.fix(rip, 0, 0);
  e.spill(RCX, RCX_SPILL);
  e.fix(rip, one, 0);
  e.spill(RDX, RDX_SPILL);
  let isFirst = true;
  let at = 0;
  for (let n = 0; n < ranges.length; n += 2) {
    const addr = ranges[n]!;
    const length = ranges[n + 1]!;
    for (let done = 0; done < length; ) {
      e.reserve();
      const bytes = chunkBytes(length, done);
      // The last four bytes again rather than one by one.
      if (bytes === 4) done = Math.min(done, length - 4);
      const actions = isFirst ? one : both;
      const register = isFirst ? RCX : RDX;
      e.fix(rip, actions, 0);
      loadZeroExtended(e, register, addr + done, bytes);
      e.fix(rip, both, 0);
      subtract(e, register, valueAt(source, at + done, bytes));
      if (!isFirst) {
        e.fix(rip, both, 0);
        // lea rcx, [rcx + rdx]
        e.pattern(SUM);
      }
      isFirst = false;
      done += bytes;
    }
    at += length;
  }
  leaveWhenDifferent(e, rip, both);
}

const SUM = Uint8Array.of(0x48, 0x8d, 0x0c, 0x11);

function chunkBytes(length: number, done: number): number {
  if (length >= 4) return 4;
  return length - done >= 2 ? 2 : 1;
}

function valueAt(source: Uint8Array, at: number, bytes: number): number {
  let value = 0;
  for (let n = bytes - 1; n >= 0; n--) value = (value << 8) | source[at + n]!;
  return value;
}

/** mov r32 or movzx r32, gs:[address] of RCX or RDX. */
function loadZeroExtended(e: Emitter, register: number, address: number, bytes: number): void {
  e.u8(0x65);
  e.u8(0x67);
  if (bytes === 4) e.u8(0x8b);
  else {
    e.u8(0x0f);
    e.u8(bytes === 2 ? 0xb7 : 0xb6);
  }
  absolute(e, register, address);
}

/** ModRM, SIB and disp32 of [address]. */
function absolute(e: Emitter, register: number, address: number): void {
  e.u8(((register & 7) << 3) | 4);
  e.u8(0x25);
  e.address32(address);
}

/** lea r32, [r64 - value]: zero exactly when they are equal, the upper half is cleared. */
function subtract(e: Emitter, register: number, value: number): void {
  e.u8(0x8d);
  e.u8(0x80 | (register << 3) | register);
  e.u32(-value);
}

function leaveWhenDifferent(e: Emitter, rip: number, both: number): void {
  e.reserve();
  e.fix(rip, both, 0);
  e.u8(0xe3);
  const hop = e.position;
  e.u8(0);
  for (const stale of [true, false]) {
    if (!stale) e.bytes[hop] = e.position - (hop + 1);
    e.fix(rip, both, 0);
    e.reload(RDX, RDX_SPILL);
    e.fix(rip, restore(RCX, RCX_SPILL), 0);
    e.reload(RCX, RCX_SPILL);
    if (!stale) return;
    e.fix(rip, 0, 0);
    e.exit(EXIT.stale, rip);
  }
}

/** Bytes of the immediate of `ins` that can be loaded instead: of `mov` to a register; 0: none. */
export function loadableImmediate(ins: Instruction): number {
  const { row } = ins;
  if (row.space !== LEGACY || row.map !== 0 || ins.hasMemory) return 0;
  if (row.sizeRule !== 'o32' && row.sizeRule !== 'o64') return 0;
  if (row.opcodeReg && row.opcode === 0xb8) return row.immediateBytes;
  return row.opcode === 0xc7 && row.mnemonic === 'mov' ? 4 : 0;
}

/** `ins` at `rip` with its immediate read from guest memory. */
export function loadImmediate(e: Emitter, ins: Instruction, rip: number): void {
  const register = ins.opcodeReg !== NONE && ins.row.opcodeReg ? ins.opcodeReg : ins.rm;
  const wide = ins.row.sizeRule === 'o64';
  const signExtended = wide && ins.row.immediateBytes === 4;
  e.u8(0x65);
  e.u8(0x67);
  const rex = (wide ? 8 : 0) | ((register >> 3) << 2);
  if (rex !== 0) e.u8(0x40 | rex);
  // mov r, m; movsxd r64, m32
  e.u8(signExtended ? 0x63 : 0x8b);
  absolute(e, register, rip + ins.immediateAt);
}
