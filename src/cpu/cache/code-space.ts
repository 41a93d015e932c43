/**
 * Code memory: the preambles at its start, then units one behind the other until it is full and
 * everything is dropped at once. The only writer of code memory.
 */

import type { HostAddr } from '../../base/brand.ts';
import type { CodeHost } from '../code-host.ts';

import { CODE_EXITS, patternBytes, TARGET, UNIT_ALIGNMENT } from '../sandbox/macros.ts';

/** What `exitSite` says at an `indirect` exit. */
export const MISSED_RETURN = 1;
export const MISSED_JUMP = 2;

const INT3 = 0xcc;
const NOP = 0x90;
const PREAMBLE_BYTES = 256;
/** Code memory is settled so much at a time: a call of the host each. */
const SETTLE_BYTES = 256 * 1024;
/** measured: more at a time is no faster, and stays resident. */
const PREPARE_BYTES = 64 * 1024;
const JMP_BYTES = 5;

export class CodeSpace {
  readonly host: CodeHost;
  /** Code memory by displacements. */
  private readonly words: Int32Array;
  /** By exit kind and `TARGET`: offset in code memory. */
  private readonly targets: (number | undefined)[] = [];
  private readonly targetOffsets: number[] = [];
  private readonly start: number;
  private next: number;
  /** Up to here code memory is settled. */
  private settled = 0;
  /** Up to here it has pages. */
  private prepared = 0;

  constructor(host: CodeHost) {
    this.host = host;
    const { buffer, byteOffset, length } = host.code.bytes;
    this.words = new Int32Array(buffer, byteOffset, length >> 2);
    for (const [kind, address] of Object.entries(host.stubs.exits))
      this.targets[Number(kind)] = address - host.code.executable;
    this.targets[TARGET.miss] = host.stubs.miss - host.code.executable;
    this.writePreambles();
    // Exits that signal handlers take say more than guest code may: no branch leads there.
    for (const target of [...CODE_EXITS, ...Object.values(TARGET)])
      this.targetOffsets.push(this.targetOffset(target));
    this.start = align(host.codeStart + PREAMBLE_BYTES);
    this.next = this.start;
  }

  get tlsDisplacement(): number {
    return this.host.tlsDisplacement;
  }

  /** Bytes of units so far, and room for them. */
  get usedBytes(): number {
    return this.next - this.start;
  }

  /** Where the place that `target` names lies in code memory. */
  targetOffset(target: number): number {
    const offset = this.findTarget(target);
    if (offset === undefined) throw new Error(`no place ${target} to branch to`);
    return offset;
  }

  /** The same for a number that may be anything: undefined when it names no place. */
  findTarget(target: number): number | undefined {
    return this.targets[target];
  }

  isTarget(offset: number): boolean {
    return this.targetOffsets.includes(offset);
  }

  addressOf(offset: number): HostAddr {
    return (this.host.code.executable + offset) as HostAddr;
  }

  /** Of an address in code memory. */
  offsetOf(address: bigint): number {
    return Number(address) - this.host.code.executable;
  }

  /** All of it, for reading. */
  get code(): Uint8Array {
    return this.host.code.bytes;
  }

  /** Offset for a unit of `bytes`, or -1: full. */
  reserve(bytes: number): number {
    const offset = this.next;
    if (offset + bytes > this.host.code.sizeBytes) return -1;
    this.next = align(offset + bytes);
    return offset;
  }

  write(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > this.prepared) this.prepare(offset + bytes.length);
    this.host.code.bytes.set(bytes, offset);
    if (offset - this.settled < SETTLE_BYTES) return;
    const end = Math.floor(offset / SETTLE_BYTES) * SETTLE_BYTES;
    this.host.settleCode(this.settled, end);
    this.settled = end;
  }

  /** Pages for what is written up to `end`, and for what comes next. */
  private prepare(end: number): void {
    const { sizeBytes } = this.host.code;
    const until = Math.min(Math.ceil(end / PREPARE_BYTES) * PREPARE_BYTES, sizeBytes);
    this.host.prepareCode(this.prepared, until);
    this.prepared = until;
  }

  /**
   * Replaces the displacement at `at`, a multiple of 4, so that its `jmp rel32` goes to `target`: by one
   * store, so that a processor which runs it meanwhile goes to the old place or to the new one (AMD64
   * APM, vol. 2, 7.6.1; on Intel, too, where it lies in one cache line).
   */
  patchBranch(at: number, target: number): void {
    this.words[at >> 2] = target - (at + 4);
  }

  /** Forgets all units; no address of one may be left anywhere. */
  reset(): void {
    this.host.code.bytes.fill(INT3, this.start, this.next);
    this.next = this.start;
    this.settled = 0;
  }

  private writePreambles(): void {
    const load = (pattern: string) => patternBytes(pattern, this.tlsDisplacement);
    const site = (kind: number) => load(`64 C7 04 25 {fs:exitSite} 0${kind} 00 00 00`);
    let at = this.host.codeStart;
    for (const [target, kind, pattern] of [
      [TARGET.missReturn, MISSED_RETURN, '65 67 48 8B 4C 24 F8'],
      [TARGET.missJump, MISSED_JUMP, '64 48 8B 0C 25 {fs:target}'],
    ] as const) {
      this.targets[target] = at;
      const nops = new Array<number>((7 - site(kind).length - load(pattern).length) & 3).fill(NOP);
      const parts = [...site(kind), ...load(pattern), ...nops, 0xe9, 0, 0, 0, 0];
      this.write(at, Uint8Array.from(parts));
      this.patchBranch(at + parts.length - 4, this.targetOffset(TARGET.miss));
      at = align(at + parts.length + JMP_BYTES);
    }
  }

  /**
   * Interrupted in a preamble: the kind of transfer under way. The guest's RCX is in spill 0, its
   * target below RSP or in fs:[target].
   */
  preambleAt(offset: number): typeof MISSED_RETURN | typeof MISSED_JUMP | 0 {
    if (offset < this.host.codeStart || offset >= this.start) return 0;
    return offset < this.targetOffset(TARGET.missJump) ? MISSED_RETURN : MISSED_JUMP;
  }
}

function align(offset: number): number {
  return Math.ceil(offset / UNIT_ALIGNMENT) * UNIT_ALIGNMENT;
}
