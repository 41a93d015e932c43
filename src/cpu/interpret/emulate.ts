/**
 * Instructions that leave translated code to be interpreted: processor identification, flags on the
 * stack, state saving, segment registers. Rare, so plain code over the state block.
 */

import {
  type Instruction,
  PREFIX_ADDR32,
  PREFIX_FS,
  PREFIX_GS,
  PREFIX_OPSIZE,
} from '../../x86/instruction.ts';
import { type AddressContext, effectiveAddress } from './address.ts';
import { controlFlow, enter } from './control-flow.ts';
import { farTransfer } from './far.ts';
import type { CpuModel } from './model.ts';
import { stringStep } from './string-step.ts';
import { read32, type Xstate } from './xstate.ts';

/** What the interpreter works on. */
export interface Machine extends AddressContext {
  readonly state: Uint8Array;
  readonly gprs: BigUint64Array;
  readonly halves: Int32Array;
  rflags: number;
  /** False: the guest may not access it (nothing was transferred). */
  read(addr: bigint, target: Uint8Array): boolean;
  write(addr: bigint, source: Uint8Array): boolean;
}

export type Outcome =
  /** Done; go on behind it. */
  | { readonly kind: 'done' }
  /** Done; go on there. */
  | { readonly kind: 'jump'; readonly rip: number }
  /** A page fault at `address`. */
  | { readonly kind: 'page'; readonly address: bigint; readonly write: boolean }
  /** #GP with an error code. */
  | { readonly kind: 'protection'; readonly errorCode: number }
  /** #UD, `known`: Linux raises SIGILL for it on every processor. */
  | { readonly kind: 'undefined'; readonly known: boolean }
  /** int3, int1 and int 4, with RIP behind them: the vector of the trap. */
  | { readonly kind: 'trap'; readonly vector: 1 | 3 | 4 };

/** Legacy area and header of an XSAVE image. */
const IMAGE_HEAD_BYTES = 576;
const DONE: Outcome = { kind: 'done' };
const PROTECTION: Outcome = { kind: 'protection', errorCode: 0 };

/** CF PF AF ZF SF DF OF, TF, and AC and ID, which programs change to see which processor they have. TF
 * is stepped in software, AC and ID are only kept; NT and IOPL stay clear. */
const POPF_MASK = 0x240dd5;
/** IF and the always-one bit, as Linux programs see them. */
const FLAGS_FIXED = 0x202;

export class Interpreter {
  private readonly model: CpuModel;
  private readonly xstate: Xstate;
  /** Of images on their way to and from guests. */
  private readonly buffer: Uint8Array;

  constructor(model: CpuModel, xstate: Xstate) {
    this.model = model;
    this.xstate = xstate;
    const compactBytes = xstate.bytesOf(model.xcr0, true);
    this.buffer = new Uint8Array(Math.max(IMAGE_HEAD_BYTES, model.xsaveBytes, compactBytes));
  }

  /** `once`: a repeated string instruction stops behind one iteration. */
  run(ins: Instruction, rip: number, m: Machine, once = false): Outcome {
    const { mnemonic } = ins.row;
    const transfer = controlFlow(ins, rip, m) ?? farTransfer(ins, rip, m);
    if (transfer !== undefined) return transfer;
    if (ins.row.class === 'string') return stringStep(ins, rip, m, once);
    switch (mnemonic) {
      case 'cpuid':
        return this.cpuid(m);
      case 'xgetbv':
        return this.xgetbv(m);
      case 'rdpid':
        m.gprs[ins.rm] = 0n;
        return DONE;
      case 'pushf':
      case 'pushfw':
        return pushf(m, mnemonic === 'pushfw' ? 2 : 8);
      case 'popf':
      case 'popfw':
        return popf(m, mnemonic === 'popfw' ? 2 : 8);
      case 'mov':
        return moveSegment(ins, rip, m);
      case 'enter':
      case 'enterw':
        return enter(ins, m, mnemonic === 'enterw' ? 2 : 8);
      case 'ud0':
      case 'ud1':
      case 'ud2':
        return { kind: 'undefined', known: true };
      case 'xlat':
        return translateByte(ins, m);
      case 'int1':
        return { kind: 'trap', vector: 1 };
      case 'int':
        return interrupt(ins.immediate & 0xff);
      default:
        break;
    }
    if (PRIVILEGED.has(mnemonic)) return PROTECTION;
    if (mnemonic.startsWith('xsave')) return this.save(ins, rip, m);
    if (mnemonic.startsWith('xrstor')) return this.restore(ins, rip, m);
    return { kind: 'undefined', known: mnemonic.endsWith('base') };
  }

  private cpuid(m: Machine): Outcome {
    const { eax, ebx, ecx, edx } = this.model.cpuid(m.halves[0]!, m.halves[2]!);
    set32(m, 0, eax);
    set32(m, 3, ebx);
    set32(m, 1, ecx);
    set32(m, 2, edx);
    return DONE;
  }

  private xgetbv(m: Machine): Outcome {
    const index = m.halves[2]!;
    if (index !== 0 && index !== 1) return PROTECTION;
    set32(m, 0, this.model.xcr0);
    set32(m, 2, 0);
    return DONE;
  }

  private save(ins: Instruction, rip: number, m: Machine): Outcome {
    const mask = m.halves[0]! & this.model.xcr0;
    const compact = ins.row.mnemonic.startsWith('xsavec');
    const address = effectiveAddress(ins, rip, m);
    if (address & 63n) return PROTECTION;
    const image = this.buffer.subarray(0, this.xstate.bytesOf(mask, compact));
    if (!compact && !m.read(address, image)) return { kind: 'page', address, write: true };
    // Read first where it is only partly written: XSAVE leaves the rest alone.
    if (compact && !m.read(address, image)) return { kind: 'page', address, write: true };
    this.xstate.save(m.state, image, mask, compact);
    return m.write(address, image) ? DONE : { kind: 'page', address, write: true };
  }

  private restore(ins: Instruction, rip: number, m: Machine): Outcome {
    const mask = m.halves[0]! & this.model.xcr0;
    const address = effectiveAddress(ins, rip, m);
    if (address & 63n) return PROTECTION;
    const head = this.buffer.subarray(0, IMAGE_HEAD_BYTES);
    if (!m.read(address, head)) return { kind: 'page', address, write: false };
    const compact = (head[527]! & 0x80) !== 0;
    const bytes = this.xstate.bytesOf(compact ? head[520]! & this.model.xcr0 : mask, compact);
    const image = this.buffer.subarray(0, Math.max(IMAGE_HEAD_BYTES, bytes));
    if (!m.read(address, image)) return { kind: 'page', address, write: false };
    return this.xstate.restore(m.state, image, mask) ? DONE : PROTECTION;
  }
}

/** Those that need a higher privilege than a guest has. */
const PRIVILEGED: ReadonlySet<string> = new Set([
  ...['hlt', 'cli', 'sti', 'in', 'out', 'insb', 'insd', 'outsb', 'outsd', 'clts', 'wbinvd', 'invd'],
  ...['rdmsr', 'wrmsr', 'rdpmc', 'movcr', 'movdr', 'lldt', 'ltr', 'lgdt', 'lidt', 'lmsw', 'invlpg'],
  ...['swapgs', 'sysret'],
]);

function set32(m: Machine, register: number, value: number): void {
  m.halves[2 * register] = value;
  m.halves[2 * register + 1] = 0;
}

function pushf(m: Machine, bytes: number): Outcome {
  const address = BigInt.asUintN(64, m.gprs[4]! - BigInt(bytes));
  const image = new Uint8Array(bytes);
  const flags = m.rflags | FLAGS_FIXED;
  for (let n = 0; n < Math.min(bytes, 4); n++) image[n] = flags >> (8 * n);
  if (!m.write(address, image)) return { kind: 'page', address, write: true };
  m.gprs[4] = address;
  return DONE;
}

function popf(m: Machine, bytes: number): Outcome {
  const address = m.gprs[4]!;
  const image = new Uint8Array(bytes);
  if (!m.read(address, image)) return { kind: 'page', address, write: false };
  const mask = bytes === 2 ? POPF_MASK & 0xffff : POPF_MASK;
  const value = bytes === 2 ? image[0]! | (image[1]! << 8) : read32(image, 0);
  m.rflags = (m.rflags & ~mask) | (value & mask) | FLAGS_FIXED;
  m.gprs[4] = BigInt.asUintN(64, address + BigInt(bytes));
  return DONE;
}

/** Selectors as Linux gives them to 64-bit programs: cs, ss; es, ds, fs, gs are null. */
const SELECTORS = [0, 0x33, 0x2b, 0, 0, 0];

/** xlat with a guest segment: AL from the table at RBX. */
function translateByte(ins: Instruction, m: Machine): Outcome {
  const base = ins.prefixes & PREFIX_FS ? m.fsBase : ins.prefixes & PREFIX_GS ? m.gsBase : 0n;
  const bits = ins.prefixes & PREFIX_ADDR32 ? 32 : 64;
  const offset = BigInt.asUintN(bits, m.gprs[3]! + (m.gprs[0]! & 0xffn));
  const address = BigInt.asUintN(64, offset + base);
  const image = new Uint8Array(1);
  if (!m.read(address, image)) return { kind: 'page', address, write: false };
  m.gprs[0] = (m.gprs[0]! & ~0xffn) | BigInt(image[0]!);
  return DONE;
}

/** Only the gates of #BP and #OF may be called; the error code of #GP names the gate (SDM vol. 3, 6.13). */
function interrupt(vector: number): Outcome {
  if (vector === 3 || vector === 4) return { kind: 'trap', vector };
  return { kind: 'protection', errorCode: vector * 8 + 2 };
}

const SEGMENT = { cs: 1, ss: 2, fs: 4, gs: 5 } as const;

function moveSegment(ins: Instruction, rip: number, m: Machine): Outcome {
  if (ins.opcode !== 0x8c) return loadSegment(ins, rip, m);
  const selector = SELECTORS[ins.reg] ?? 0;
  if (ins.hasMemory) {
    const address = effectiveAddress(ins, rip, m);
    const image = Uint8Array.of(selector, 0);
    return m.write(address, image) ? DONE : { kind: 'page', address, write: true };
  }
  if (ins.prefixes & PREFIX_OPSIZE && !(ins.rex & 8))
    m.gprs[ins.rm] = (m.gprs[ins.rm]! & ~0xffffn) | BigInt(selector);
  else m.gprs[ins.rm] = BigInt(selector);
  return DONE;
}

/**
 * mov sreg, r/m. Programs have three descriptors: code (0x33), data (0x2b), and the null one. What is
 * loaded is not kept: the registers read as at the start of a program.
 */
function loadSegment(ins: Instruction, rip: number, m: Machine): Outcome {
  if (ins.reg === SEGMENT.cs || ins.reg > SEGMENT.gs) return { kind: 'undefined', known: true };
  let selector = m.halves[2 * ins.rm]! & 0xffff;
  if (ins.hasMemory) {
    const address = effectiveAddress(ins, rip, m);
    const image = new Uint8Array(2);
    if (!m.read(address, image)) return { kind: 'page', address, write: false };
    selector = image[0]! | (image[1]! << 8);
  }
  const index = selector & ~3;
  const isData = index === 0x28 || (index === 0x30 && ins.reg !== SEGMENT.ss);
  if (index === 0 ? ins.reg === SEGMENT.ss : !isData)
    return { kind: 'protection', errorCode: index };
  return DONE;
}
