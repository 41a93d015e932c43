/**
 * `Platform` over translated code: enters it, and handles what is not the kernel's business — missing
 * translations, links, interpreted instructions, code that changed — until a system call, a fault or
 * the end of the time slice.
 */

import { assert } from '../base/assert.ts';
import type { Logger } from '../base/interfaces.ts';
import { CodeCache } from '../cpu/cache/code-cache.ts';
import { MISSED_RETURN } from '../cpu/cache/code-space.ts';
import { isStart, type PlacedUnit } from '../cpu/cache/domain.ts';
import { hostOffsetOf } from '../cpu/cache/exact.ts';
import type { CodeHost } from '../cpu/code-host.ts';
import { faultingAddress, staysBelow } from '../cpu/interpret/address.ts';
import { Decoded, illegalLine } from '../cpu/interpret/decoded.ts';
import { Interpreter } from '../cpu/interpret/emulate.ts';
import { CpuModel } from '../cpu/interpret/model.ts';
import { Xstate } from '../cpu/interpret/xstate.ts';
import { EXIT, STATE } from '../cpu/sandbox/layout.ts';
import { type LandingKind, Translator, UNIT_INSTRUCTIONS } from '../cpu/translate/translate.ts';
import { type GuestCpu, type Platform, RUN, type RunExit } from '../kernel/platform.ts';
import type { AddressSpace, FaultAccess } from '../mm/address-space.ts';
import { Beside, GO_ON } from './beside.ts';
import {
  asManyAsAccepted,
  BrokenTranslation,
  entryOf,
  expectOfCode,
  isBroken,
  type UnitMaker,
} from './broken-translation.ts';
import { CpuidAnswers } from './cpuid.ts';
import { cpuinfoText } from './cpuinfo.ts';
import { isSharable } from './domains.ts';
import { ExtendedImage } from './extended-image.ts';
import { addressIn, TranslatedCpu } from './guest-cpu.ts';
import { Interruption } from './interruption.ts';
import { learnImmediates } from './live-immediates.ts';
import { GuestMachine } from './machine.ts';
import type { PlatformObserver } from './observer.ts';
import {
  COMPLETED,
  errorBits,
  LEAVE_PREEMPTED,
  LEAVE_SYSCALL,
  type Next,
  raise,
  raiseHostTrap,
  raiseOutside,
  raiseTrap,
} from './raise.ts';
import {
  ILL_ILLOPN,
  PF_PRESENT,
  PF_WRITE,
  SEGV_MAPERR,
  SI_KERNEL,
  SIGILL,
  SIGKILL,
  SIGSEGV,
  SIGTRAP,
  TRAP,
  TRAP_TRACE,
} from './signals.ts';
import { SingleSteps } from './single-step.ts';
import type { SpaceState } from './space.ts';
import { Spaces } from './spaces.ts';
import { PlatformStatistics } from './statistics.ts';
import { UnitDetails } from './unit-details.ts';
import { TICK_US } from './written-pages.ts';

const MAX_INSTRUCTION_BYTES = 15;
/** Processor time between two samples of a profile. */
const SAMPLE_US = 1000;
const GUEST_LIMIT = 2 ** 32;
const ENTRY = STATE.entry / 4;
const RIP = STATE.rip / 4;

export class TranslatedPlatform implements Platform {
  readonly model: CpuModel;
  readonly cache: CodeCache;
  observer: PlatformObserver | undefined;
  readonly statistics = new PlatformStatistics();
  readonly hwcap: number;
  /** Bit 1 is FSGSBASE, which guests do not have. */
  readonly hwcap2 = 0;
  private readonly host: CodeHost;
  private readonly logger: Logger;
  private readonly xstate: Xstate;
  private readonly images: ExtendedImage;
  private readonly interpreter: Interpreter;
  private readonly translator: UnitMaker;
  private readonly steps: SingleSteps;
  readonly beside: Beside;
  private readonly spaces: Spaces;
  private readonly decoded = new Decoded();
  private readonly details: UnitDetails;
  private readonly interruption: Interruption;
  private ticksAtOnce = 1;
  private readonly cpuids: CpuidAnswers;
  /** `translator`: not trusted, whatever it makes is checked. */
  constructor(host: CodeHost, logger: Logger, translator?: UnitMaker) {
    this.host = host;
    this.logger = logger;
    this.model = new CpuModel(host);
    this.cpuids = new CpuidAnswers(this.model, this.statistics);
    this.xstate = new Xstate(this.model);
    this.images = new ExtendedImage(host, this.model);
    this.interpreter = new Interpreter(this.model, this.xstate);
    this.translator = translator ?? new Translator(host.tlsDisplacement);
    this.details = new UnitDetails(this.translator);
    this.cache = new CodeCache(host);
    this.interruption = new Interruption(this.cache, this.details);
    this.steps = new SingleSteps(this.cache, this.translator);
    this.beside = new Beside(host, {
      prepare: (cpu, space) => this.prepareBeside(cpu, space),
      makeExact: (cpu, known) => void this.interruption.makeExact(cpu, known),
      linkTarget: ({ state }) => this.cache.linkTarget(state.i32[STATE.exitSite / 4]!),
      left: (kind) => {
        this.statistics.exits[kind]!++;
        if (kind !== EXIT.syscall) this.observer?.left?.(kind);
      },
    });
    this.cache.beforeFlush = () => this.beside.halt();
    this.spaces = new Spaces(this.cache, () => this.beside.halt());
    this.hwcap = this.model.cpuid(1, 0).edx >>> 0;
  }

  readonly counter = (): bigint => this.host.counter();

  setTick(periodUs: number): void {
    // Who looks on wants samples.
    const period = this.observer?.ticked ? Math.min(periodUs, SAMPLE_US) : periodUs;
    this.host.setTick(period);
    this.ticksAtOnce = Math.max(1, Math.round(period / TICK_US));
  }

  cpuinfo(processors: number): string {
    return cpuinfoText(this.model, processors);
  }

  createCpu(): TranslatedCpu {
    return new TranslatedCpu(this.host.createState(), this.model, this.xstate, this.images);
  }

  adopt(space: AddressSpace, parent?: AddressSpace): void {
    this.spaces.adopt(space, parent);
  }

  release(space: AddressSpace): void {
    this.spaces.release(space);
  }

  /** Units of code that `space` may run, those it shares included. */
  unitCountOf(space: AddressSpace): number {
    return this.spaces.get(space)?.domain.unitCount ?? 0;
  }

  run(cpu: GuestCpu, space: AddressSpace): RunExit {
    assert(cpu instanceof TranslatedCpu, 'a cpu of this platform');
    const known = cpu.lastSpace === space ? cpu.lastKnown : this.spaces.get(space);
    assert(known && !known.isReleased, 'an adopted address space');
    cpu.lastSpace = space;
    cpu.lastKnown = known;
    try {
      return this.runUntilLeft(cpu, known);
    } catch (error) {
      if (!isBroken(error)) throw error;
      this.logger.log('error', `a process is killed, its translation is broken: ${error.message}`);
      raise(cpu, SIGKILL, SI_KERNEL, 0n, 0, 0);
      return RUN.fault;
    }
  }

  private runUntilLeft(cpu: TranslatedCpu, known: SpaceState): RunExit {
    const { i32 } = cpu.state;
    let next = 0;
    if (cpu.left !== 0) {
      const kind = cpu.left;
      cpu.left = 0;
      if (kind === EXIT.syscall) return RUN.syscall;
      next = kind === GO_ON ? this.enterAt(cpu, known, cpu.rip) : this.handle(kind, cpu, known);
    } else if (!cpu.stepsItself) {
      // measured: the address as an integer saves 10 ns of a system call.
      if (i32[RIP + 1] === 0) next = known.domain.recentEntry(i32[RIP]!);
      if (next === 0) next = this.enterAt(cpu, known, cpu.rip);
    }
    while (next >= 0) {
      if (cpu.stepsItself) {
        next = this.step(cpu, known);
        if (next === LEAVE_SYSCALL) return RUN.syscall;
        continue;
      }
      if (this.beside.hasHalted) return RUN.preempted;
      const kind = this.enter(cpu, known, next);
      if (kind === EXIT.syscall) return RUN.syscall;
      next = this.handle(kind, cpu, known);
    }
    return next === LEAVE_PREEMPTED ? RUN.preempted : RUN.fault;
  }

  /** Runs translated code from offset `at` of code memory until it leaves; the kind of exit. */
  private enter(cpu: TranslatedCpu, known: SpaceState, at: number): number {
    cpu.bind(known);
    cpu.state.i32[ENTRY] = at;
    const { state } = cpu;
    const kind = this.beside.isBusy ? this.host.enterBeside(state) : this.host.enter(state);
    this.statistics.exits[kind]!++;
    // Code says where it left by a sign-extended immediate; only `indirect` reports 64 bits.
    if (kind !== EXIT.indirect) cpu.state.i32[RIP + 1] = 0;
    return kind;
  }

  /** One instruction of a program with TF set, then SIGTRAP (SDM vol. 3, 17.3.1.4). */
  private step(cpu: TranslatedCpu, known: SpaceState): Next {
    const { rip } = cpu;
    this.beside.halt();
    let next: Next;
    if (this.decoded.at(known.space, rip) && this.steps.isInterpreted(this.decoded.instruction))
      next = this.interpret(cpu, known, true);
    else {
      const placed = this.steps.place(known, rip);
      if (!placed) return this.fetchFault(cpu, known, BigInt(known.firstUnfetchable(rip)));
      const kind = this.enter(cpu, known, entryOf(placed));
      if (kind === EXIT.link) cpu.rip = this.linkTarget(cpu);
      placed.domain.drop(placed);
      if (kind === EXIT.syscall) return LEAVE_SYSCALL;
      if (kind === EXIT.link) next = COMPLETED;
      else
        next =
          kind === EXIT.emulate ? this.interpret(cpu, known, true) : this.handle(kind, cpu, known);
      // The tick may have come behind the instruction: its trap must not be lost.
      if (kind === EXIT.tick && cpu.rip !== rip) next = COMPLETED;
    }
    if (next !== COMPLETED) return next;
    return raise(cpu, SIGTRAP, TRAP_TRACE, BigInt(cpu.rip), TRAP.debug, 0);
  }

  private handle(kind: number, cpu: TranslatedCpu, known: SpaceState): Next {
    this.observer?.left?.(kind);
    switch (kind) {
      case EXIT.link:
        cpu.rip = this.linkTarget(cpu);
        return this.enterTarget(cpu, known, cpu.rip);
      case EXIT.indirect:
        return this.indirect(cpu, known);
      case EXIT.tick:
        this.interruption.makeExact(cpu, known);
        this.observer?.ticked?.(cpu, known.space, true);
        for (const page of known.written.tick(this.ticksAtOnce))
          this.spaces.invalidate(known, page * 4096, 4096);
        return LEAVE_PREEMPTED;
      case EXIT.tickBeforeEntry:
        this.observer?.ticked?.(cpu, known.space, false);
        return LEAVE_PREEMPTED;
      case EXIT.fault:
        return this.fault(cpu, known);
      case EXIT.emulate:
        return this.emulate(cpu, known);
      case EXIT.illegal:
        return this.illegal(cpu, known, false);
      case EXIT.int3:
        return raise(cpu, SIGTRAP, SI_KERNEL, 0n, TRAP.breakpoint, 0);
      case EXIT.stale:
        this.forgetStale(known, cpu.rip);
        return this.enterAt(cpu, known, cpu.rip);
      default:
        throw new BrokenTranslation(`exit ${kind} is none`);
    }
  }

  private prepareBeside(cpu: GuestCpu, space: AddressSpace): SpaceState | undefined {
    assert(cpu instanceof TranslatedCpu, 'a cpu of this platform');
    // Who wants samples sees only what this thread runs.
    if (cpu.stepsItself || cpu.left !== 0 || this.observer?.ticked) return undefined;
    const known = this.spaces.get(space);
    assert(known && !known.isReleased, 'an adopted address space');
    const at = this.knownEntry(cpu, known, cpu.rip);
    if (at === undefined) return undefined;
    cpu.bind(known);
    cpu.state.i32[ENTRY] = at;
    return known;
  }

  private enterAt(cpu: TranslatedCpu, known: SpaceState, rip: number): Next {
    return this.knownEntry(cpu, known, rip) ?? this.enterTarget(cpu, known, rip);
  }

  /** Where to go on at `rip` without translating anything. */
  private knownEntry(cpu: TranslatedCpu, known: SpaceState, rip: number): number | undefined {
    const entry = known.domain.entryOf(rip);
    if (entry !== undefined) return entry;
    const last = cpu.lastUnit;
    if (last && !last.dead && last.domain === known.domain) {
      const at = hostOffsetOf(this.details.of(last.unit), rip);
      // Others ran meanwhile, and this is not its entry, where it checks itself.
      const isGood = isStart(last, at) && (!last.unit.selfChecking || known.holdsSource(last.unit));
      if (isGood) return last.offset + at;
    }
    return undefined;
  }

  /** For what leads there again: it needs an entry. */
  private enterTarget(cpu: TranslatedCpu, known: SpaceState, rip: number): Next {
    const entry = known.domain.entryOf(rip);
    if (entry !== undefined) return entry;
    if (rip >= GUEST_LIMIT) return this.fetchFault(cpu, known, BigInt(rip));
    const placed = this.translate(known, rip);
    if (!placed) return this.fetchFault(cpu, known, BigInt(known.firstUnfetchable(rip)));
    return known.domain.entryOf(rip) ?? entryOf(placed);
  }

  private translate(known: SpaceState, rip: number): PlacedUnit | undefined {
    // What the guest can write may differ between the spaces that share a domain.
    const area = known.sharesDomain ? known.space.areaAt(rip) : undefined;
    if (area && !isSharable(area)) this.spaces.leaveShared(known);
    const { domain } = known;
    const stored = this.cache.addStored(rip, domain, known, (ahead) =>
      this.observer?.placed?.(known.space, ahead),
    );
    if (stored) this.observer?.placed?.(known.space, stored);
    if (stored && (stored.unit.rip === rip || domain.hasEntry(rip))) return stored;
    const before = this.cache.store.newest(rip);
    if (before && area === undefined) learnImmediates(before, known, this.decoded, this.details.of);
    const isEntry = (address: number): boolean => domain.hasEntry(address);
    const placed = asManyAsAccepted(UNIT_INSTRUCTIONS, (maxInstructions) => {
      const unit = this.translator.translate(known, rip, { maxInstructions, isEntry });
      return unit && this.cache.addFresh(unit, domain, known.moduleOf(unit));
    });
    if (placed) this.observer?.placed?.(known.space, placed);
    return placed;
  }

  private indirect(cpu: TranslatedCpu, known: SpaceState): Next {
    const rip = cpu.rip;
    if (rip >= GUEST_LIMIT) return this.enterAt(cpu, known, rip);
    const kind: LandingKind =
      cpu.state.i32[STATE.exitSite / 4] === MISSED_RETURN ? 'return' : 'jump';
    this.statistics.misses[kind]++;
    const next = this.enterTarget(cpu, known, rip);
    if (next < 0) return next;
    const { domain } = known;
    if (!domain.hasWideRoom(rip)) this.beside.halt();
    if (!domain.learn(rip, kind)) {
      const thunk = this.cache.add(this.translator.landingThunk(rip, kind), domain);
      this.observer?.placed?.(known.space, thunk);
      domain.learn(rip, kind);
    }
    domain.learnWide(rip);
    // Adding the thunk may have flushed the cache: look again.
    return this.enterTarget(cpu, known, rip);
  }

  // interruptions

  private fault(cpu: TranslatedCpu, known: SpaceState): Next {
    const { i32 } = cpu.state;
    const trap = i32[STATE.trapNumber / 4]!;
    const errorCode = i32[STATE.errorCode / 4]!;
    const faultAt = addressIn(i32, STATE.faultAddress / 4);
    const hostSignal = i32[STATE.signal / 4]!;
    const hostCode = i32[STATE.signalCode / 4]!;
    const fetching = this.interruption.makeExact(cpu, known);
    if (trap === TRAP.page) {
      const low = faultAt - known.space.pages.base;
      if (fetching) return this.fetchFault(cpu, known, BigInt(low));
      return this.pageFault(cpu, known, low, errorCode);
    }
    if (trap === TRAP.undefined) return this.illegal(cpu, known, true);
    return raiseHostTrap(cpu, hostSignal, hostCode, trap);
  }

  private pageFault(cpu: TranslatedCpu, known: SpaceState, low: number, errorCode: number): Next {
    const { space } = known;
    const write = (errorCode & PF_WRITE) !== 0;
    const inside = low >= 0 && low < GUEST_LIMIT;
    if (write && inside && space.isWriteProtected(low)) {
      const page = Math.floor(low / 4096) * 4096;
      const runsThere = cpu.rip < page + 4096 && cpu.rip + MAX_INSTRUCTION_BYTES > page;
      known.written.noteFault(page / 4096, runsThere);
      this.spaces.invalidate(known, page, 4096);
      space.setWriteProtect(page, 4096, false);
      return this.enterAt(cpu, known, cpu.rip);
    }
    const access = write ? 'write' : 'read';
    const present = errorCode & PF_PRESENT;
    const { rip } = cpu;
    const { decoded, interruption } = this;
    const unit = interruption.placed?.unit;
    const isDecoded = (unit && decoded.of(unit, rip)) || decoded.at(space, rip);
    if (inside && (!isDecoded || staysBelow(decoded.instruction, rip, cpu.gprHalves)))
      return this.spaceFault(cpu, known, low, access, present);
    let address = BigInt(low < 0 ? low + GUEST_LIMIT : low);
    if (isDecoded) address = faultingAddress(decoded.instruction, rip, Number(address), cpu);
    return this.accessFault(cpu, known, address, access, present);
  }

  /** The unit at `rip` found other bytes than it was made from. */
  private forgetStale(known: SpaceState, rip: number): void {
    // What others see there may be what it was made from.
    if (known.sharesDomain) this.spaces.leaveShared(known);
    const entry = known.domain.entryOf(rip);
    const placed = entry === undefined ? undefined : this.cache.unitAt(entry);
    if (!placed?.unit.selfChecking) return;
    for (const page of placed.unit.pages) known.written.noteChange(page);
    learnImmediates(placed.unit, known, this.decoded, this.details.of);
    this.beside.halt();
    known.domain.drop(placed);
    this.cache.statistics.drops++;
  }

  private linkTarget(cpu: TranslatedCpu): number {
    const site = cpu.state.i32[STATE.exitSite / 4]!;
    const target = this.cache.linkTarget(site);
    expectOfCode(target !== undefined, `it left by link ${site}, which is none of a live unit`);
    return target;
  }

  /** What mm says of an access: run again, or a signal. */
  private accessFault(
    cpu: TranslatedCpu,
    known: SpaceState,
    address: bigint,
    access: FaultAccess,
    present: number | undefined,
  ): Next {
    if (address >= BigInt(GUEST_LIMIT))
      return raiseOutside(cpu, this.decoded.instruction, address, access);
    return this.spaceFault(cpu, known, Number(address), access, present);
  }

  /** The same of an address in guest space. */
  private spaceFault(
    cpu: TranslatedCpu,
    known: SpaceState,
    address: number,
    access: FaultAccess,
    present: number | undefined,
  ): Next {
    const verdict = known.space.fault(address, access, cpu.gprHalves[8]! >>> 0);
    if (verdict.kind === 'handled') return this.enterAt(cpu, known, cpu.rip);
    // The host's page is there exactly when the guest's would be.
    const bit = present ?? (verdict.code === SEGV_MAPERR ? 0 : PF_PRESENT);
    const { signal, code } = verdict;
    return raise(cpu, signal, code, BigInt(address), TRAP.page, errorBits(access) | bit);
  }

  private fetchFault(cpu: TranslatedCpu, known: SpaceState, address: bigint): Next {
    return this.accessFault(cpu, known, address, 'execute', undefined);
  }

  private emulate(cpu: TranslatedCpu, known: SpaceState): Next {
    const isDone = this.cpuids.answer(cpu, known.space);
    const next = isDone ? COMPLETED : this.interpret(cpu, known, false);
    return next === COMPLETED ? this.enterAt(cpu, known, cpu.rip) : next;
  }

  private interpret(cpu: TranslatedCpu, known: SpaceState, once: boolean): Next {
    const rip = cpu.rip;
    if (!this.decoded.at(known.space, rip)) return this.illegal(cpu, known, false);
    const ins = this.decoded.instruction;
    this.statistics.countInterpreted(ins.row.mnemonic);
    const outcome = this.interpreter.run(ins, rip, new GuestMachine(cpu, known.space), once);
    switch (outcome.kind) {
      case 'done':
        cpu.rip = rip + ins.length;
        return COMPLETED;
      case 'jump':
        cpu.rip = outcome.rip;
        return COMPLETED;
      case 'page': {
        const access = outcome.write ? 'write' : 'read';
        return this.accessFault(cpu, known, outcome.address, access, undefined);
      }
      case 'protection':
        return raise(cpu, SIGSEGV, SI_KERNEL, 0n, TRAP.protection, outcome.errorCode);
      case 'trap':
        cpu.rip += ins.length;
        return raiseTrap(cpu, outcome.vector);
      case 'undefined':
        return this.illegal(cpu, known, outcome.known);
    }
  }

  /** SIGILL; with a log line unless the instruction is meant to raise it. */
  private illegal(cpu: TranslatedCpu, known: SpaceState, meant: boolean): Next {
    const rip = cpu.rip;
    const pageEnd = (Math.floor(rip / 4096) + 1) * 4096;
    if (!meant && this.decoded.goesOnBehind(known.space, rip, pageEnd))
      return this.fetchFault(cpu, known, BigInt(pageEnd));
    if (!meant && this.decoded.isTooLong(known.space, rip))
      return raise(cpu, SIGSEGV, SI_KERNEL, 0n, TRAP.protection, 0);
    if (!meant) this.logger.log('warn', illegalLine(known.space, rip));
    return raise(cpu, SIGILL, ILL_ILLOPN, BigInt(rip), TRAP.undefined, 0);
  }
}
