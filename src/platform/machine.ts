/** A guest thread as the interpreter and the fixups see it: registers, state, guest memory. */

import type { ExactContext } from '../cpu/cache/exact.ts';
import type { Machine } from '../cpu/interpret/emulate.ts';
import { STATE, TLS } from '../cpu/sandbox/layout.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { TranslatedCpu } from './guest-cpu.ts';

const GUEST_LIMIT = 0x1_0000_0000n;

export class GuestMachine implements Machine, ExactContext {
  private readonly cpu: TranslatedCpu;
  private readonly space: AddressSpace;

  constructor(cpu: TranslatedCpu, space: AddressSpace) {
    this.cpu = cpu;
    this.space = space;
  }

  get state(): Uint8Array {
    return this.cpu.state.u8;
  }

  get u64(): BigUint64Array {
    return this.cpu.state.u64;
  }

  get gprs(): BigUint64Array {
    return this.cpu.gprs;
  }

  get halves(): Int32Array {
    return this.cpu.gprHalves;
  }

  get fsBase(): bigint {
    return this.cpu.fsBase;
  }

  get gsBase(): bigint {
    return this.cpu.gsBase;
  }

  get sandboxBase(): bigint {
    return BigInt(this.space.pages.base);
  }

  get rflags(): number {
    return this.cpu.rflags;
  }

  set rflags(value: number) {
    this.cpu.rflags = value;
  }

  readGuest(addr: number): bigint | undefined {
    return this.space.readBigU64(addr);
  }

  /** Where an indirect transfer that was interrupted goes. */
  transferTarget(isReturn: boolean): number {
    const target = isReturn
      ? this.readGuest(Number((this.gprs[4]! - 8n) & 0xffff_ffffn))
      : this.u64[(STATE.spills + TLS.target.offset) / 8]!;
    return Number(target ?? 0n);
  }

  read(addr: bigint, target: Uint8Array): boolean {
    if (addr + BigInt(target.length) > GUEST_LIMIT) return false;
    return this.space.copyIn(Number(addr), target) >= 0;
  }

  write(addr: bigint, source: Uint8Array): boolean {
    if (addr + BigInt(source.length) > GUEST_LIMIT) return false;
    return this.space.copyOut(Number(addr), source) >= 0;
  }
}
