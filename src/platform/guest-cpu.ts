/** The processor state of one guest thread, over its state block (`cpu/sandbox/layout.ts`). */

import type { PlacedUnit } from '../cpu/cache/domain.ts';
import type { StateBlock } from '../cpu/code-host.ts';
import type { CpuModel } from '../cpu/interpret/model.ts';
import type { Xstate } from '../cpu/interpret/xstate.ts';
import { STATE } from '../cpu/sandbox/layout.ts';
import type { GuestCpu, GuestFault } from '../kernel/platform.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { ExtendedImage } from './extended-image.ts';
import type { SpaceState } from './space.ts';

const RIP = STATE.rip / 4;
const RFLAGS = STATE.rflags / 4;
const HIGH = 2 ** 32;
/** IF and the bit that is always one. */
const RFLAGS_FIXED = 0x202;
/** CF PF AF ZF SF DF OF: what a guest may set without leaving its sandbox. */
const RFLAGS_GUEST = 0xcd5;
/** AC, ID. */
const FLAGS_KEPT = 0x240000;
const TF = 0x100;

export class TranslatedCpu implements GuestCpu {
  readonly state: StateBlock;
  readonly gprs: BigUint64Array;
  readonly gprHalves: Int32Array;
  readonly fault: GuestFault = {
    ...{ signal: 0, code: 0, address: 0n, trapNumber: 0, errorCode: 0 },
  };
  /** What it ran last: the trail for finding an entry after a tick, and what its block names. */
  lastUnit: PlacedUnit | undefined;
  boundTo: object | undefined;
  boundGeneration = -1;
  /** TF of the guest: kept here, since it never reaches the processor. */
  stepsItself = false;
  /**
   * AC and ID of the guest, likewise; programs set them to see which processor they have.
   * Deviation: with AC set, accesses that are not aligned do not fault.
   */
  private keptFlags = 0;
  /** The kind of exit that it left by when it ran beside, for the kernel to come to; 0: none. */
  left = 0;
  /** The address space that it ran in last, and what the platform keeps for it. */
  lastSpace: AddressSpace | undefined;
  lastKnown: SpaceState | undefined;
  private readonly model: CpuModel;
  private readonly xstate: Xstate;
  private readonly images: ExtendedImage;

  constructor(state: StateBlock, model: CpuModel, xstate: Xstate, images: ExtendedImage) {
    this.images = images;
    this.state = state;
    this.model = model;
    this.xstate = xstate;
    this.gprs = state.u64.subarray(STATE.gprs / 8, STATE.gprs / 8 + 16);
    this.gprHalves = state.i32.subarray(STATE.gprs / 4, STATE.gprs / 4 + 32);
    // New state blocks are all zero.
    this.rflags = 0;
    this.resetExtended();
  }

  /** Writes into the state block what belongs to the address space. */
  bind(known: SpaceState): void {
    const { wide } = known.domain;
    const generation = known.generation * 1024 + wide.generation;
    if (this.boundTo === known && this.boundGeneration === generation) return;
    this.boundTo = known;
    this.boundGeneration = generation;
    const { i32 } = this.state;
    setAddress(i32, STATE.sandboxBase / 4, known.space.pages.base);
    setAddress(i32, STATE.wideTable / 4, wide.address);
    setAddress(i32, STATE.wideMask / 4, wide.mask);
  }

  get rip(): number {
    const { i32 } = this.state;
    const low = i32[RIP]! >>> 0;
    const high = i32[RIP + 1]! >>> 0;
    // A sum of doubles stays one, and so would all that a translation is made of.
    return high === 0 ? low : low + high * HIGH;
  }

  set rip(value: number) {
    const { i32 } = this.state;
    i32[RIP] = value | 0;
    i32[RIP + 1] = Math.floor(value / HIGH);
  }

  get rflags(): number {
    const flags = (this.state.i32[RFLAGS]! & ~FLAGS_KEPT) | this.keptFlags | RFLAGS_FIXED;
    return this.stepsItself ? flags | TF : flags;
  }

  set rflags(value: number) {
    this.stepsItself = (value & TF) !== 0;
    this.keptFlags = value & FLAGS_KEPT;
    this.state.i32[RFLAGS] = (value & RFLAGS_GUEST) | RFLAGS_FIXED;
    this.state.i32[RFLAGS + 1] = 0;
  }

  get fsBase(): bigint {
    return this.state.u64[STATE.fsBase / 8]!;
  }

  set fsBase(value: bigint) {
    this.state.u64[STATE.fsBase / 8] = value;
  }

  get gsBase(): bigint {
    return this.state.u64[STATE.gsBase / 8]!;
  }

  set gsBase(value: bigint) {
    this.state.u64[STATE.gsBase / 8] = value;
  }

  get extendedBytes(): number {
    return this.model.xsaveBytes;
  }

  get extendedFeatures(): number {
    return this.model.xcr0;
  }

  saveExtended(target: Uint8Array): void {
    this.images.save(this.state, target);
  }

  loadExtended(source: Uint8Array): boolean {
    const { xsaveBytes, xcr0 } = this.model;
    if (source.length === xsaveBytes && this.images.load(this.state, source)) return true;
    return this.xstate.restore(this.state.u8, source, xcr0);
  }

  saveExtendedTo(space: AddressSpace, addr: number, words: Int32Array): void {
    this.images.saveTo(this.state, words, addr >>> 2, space.pages.base + addr);
  }

  loadExtendedFrom(space: AddressSpace, addr: number, words: Int32Array): boolean {
    return this.images.loadFrom(this.state, words, addr >>> 2, space.pages.base + addr);
  }

  resetExtended(): void {
    this.images.reset(this.state);
  }

  copyFrom(other: GuestCpu): void {
    if (!(other instanceof TranslatedCpu)) throw new TypeError('not a cpu of this platform');
    this.state.u8.set(other.state.u8);
    this.stepsItself = other.stepsItself;
    this.keptFlags = other.keptFlags;
    this.lastUnit = undefined;
    this.boundTo = undefined;
    this.lastSpace = undefined;
    this.lastKnown = undefined;
  }

  reset(): void {
    this.state.u8.fill(0);
    this.rflags = 0;
    this.resetExtended();
    this.lastUnit = undefined;
    this.boundTo = undefined;
    this.lastSpace = undefined;
    this.lastKnown = undefined;
  }

  get hasLeft(): boolean {
    return this.left !== 0;
  }

  [Symbol.dispose](): void {
    this.state[Symbol.dispose]();
  }
}

/** Host addresses in a state block, as pairs of words: exact, without a BigInt. */
export function setAddress(i32: Int32Array, at: number, value: number): void {
  i32[at] = value | 0;
  i32[at + 1] = Math.floor(value / HIGH);
}

export function addressIn(i32: Int32Array, at: number): number {
  return (i32[at]! >>> 0) + i32[at + 1]! * HIGH;
}
