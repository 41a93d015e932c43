/**
 * {@link AddressSpace} over real pages. Every change goes first to the pages, then to the map of
 * mappings; when the host fails (ENOMEM), the map still says what is really there.
 *
 * Policies of fork and of memory that becomes a memfd: docs/memory.md.
 */

import { EACCES, EAGAIN, EEXIST, EINVAL, ENOMEM, EOVERFLOW, EPERM } from '../abi/errno.table.ts';
import { PROT } from '../abi/mman.ts';
import { assert } from '../base/assert.ts';
import { type Interval, IntervalMap } from '../base/interval-map.ts';
import type {
  AddressSpace,
  CodeObserver,
  FaultAccess,
  FaultVerdict,
  MapRequest,
} from './address-space.ts';
import { adviseRange } from './advise.ts';
import { type Backing, chooseBacking, wantsOwnMemory } from './backing.ts';
import { isCharged, type MemoryBudget } from './budget.ts';
import { classifyFault, expandStack } from './faults.ts';
import { ForkHistory, forkInto } from './fork.ts';
import type { WordScratch } from './guest-memory.ts';
import { LOCK, type LockKind } from './lock-kind.ts';
import type { MappedFile } from './mapped-file.ts';
import { MappedMemory } from './mapped-memory.ts';
import {
  ANONYMOUS,
  MAPPING_RULES,
  type Mapping,
  releaseMapping,
  retainMapping,
} from './mapping.ts';
import { isOwn, OwnMemory } from './own-memory.ts';
import type { PageHost, SandboxPages } from './page-host.ts';
import { LARGE_PAGE, PAGE, roundUp } from './page-math.ts';
import {
  GUEST_HIGH,
  GUEST_LOW,
  type LayoutRandom,
  type ModuleBases,
  Placement,
} from './placement.ts';
import { populateRange } from './populate.ts';
import { remapRange } from './remap.ts';
import type { Snapshots } from './snapshots.ts';
import {
  POPULATE_LIMIT_BYTES,
  type SpaceTemplate,
  showTemplate,
  takeTemplate,
} from './template.ts';

const LIMIT = 2 ** 32;
const ALL_PROT = PROT.PROT_READ | PROT.PROT_WRITE | PROT.PROT_EXEC;
/** vm.max_map_count of Linux, for one guest. */
const MAX_MAPPINGS = 65530;
/** Of a mapping, at most so much is in large pages from the start: it counts as resident. */
const MOST_LARGE_BYTES = 8 * LARGE_PAGE;
/** measured: Go, Java and most allocators ask for multiples of this, and touch them here and there. */
const POOL_BYTES = 2 ** 20;

/** Where large pages fit, as Linux places large anonymous memory since 6.7. */
function alignmentOf(request: MapRequest, length: number): number {
  const hasLarge = length >= 2 * LARGE_PAGE || length === LARGE_PAGE;
  return hasLarge && wantsOwnMemory(request, length) ? LARGE_PAGE : PAGE;
}

/** What the address spaces of an instance share. */
export interface SpaceContext {
  readonly host: PageHost;
  readonly modules: ModuleBases;
  readonly random: LayoutRandom;
  readonly budget: MemoryBudget;
  readonly scratch: WordScratch;
  readonly snapshots: Snapshots;
  /** Ids of address spaces, counted by the instance. */
  nextId(): number;
}

export class GuestAddressSpace extends MappedMemory implements AddressSpace {
  readonly id: number;
  readonly context: SpaceContext;
  codeObserver: CodeObserver | undefined = undefined;
  limitAddressSpace = Number.POSITIVE_INFINITY;
  limitData = Number.POSITIVE_INFINITY;
  limitStack = Number.POSITIVE_INFINITY;
  limitLocked = Number.POSITIVE_INFINITY;
  lockFuture: LockKind = LOCK.none;
  brkStart = 0;
  brkEnd = 0;
  /** Private anonymous memory that lies in a memfd, so that a fork need not copy it. */
  readonly own: OwnMemory;
  readonly forkHistory = new ForkHistory();
  readonly #placement: Placement;
  #disposed = false;
  #hasSeals = false;

  constructor(context: SpaceContext, pages: SandboxPages, placement?: Placement) {
    super(pages, new IntervalMap<Mapping>(MAPPING_RULES), context.budget, context.scratch);
    this.id = context.nextId();
    this.context = context;
    this.own = new OwnMemory(context.host);
    this.#placement = placement ?? new Placement(context.modules, context.random);
  }

  /** A space, or -ENOMEM; `template`: of what it is likely to show. */
  static create(context: SpaceContext, template?: SpaceTemplate): GuestAddressSpace | number {
    const pages = context.host.createSandbox(template?.readOnly);
    return typeof pages === 'number' ? -pages : new GuestAddressSpace(context, pages);
  }

  // ---- mmap, munmap, mprotect

  map(request: MapRequest): number {
    const { prot, fileOffset = 0 } = request;
    const length = roundUp(request.length);
    if (request.length <= 0 || fileOffset % PAGE !== 0 || fileOffset < 0) return -EINVAL;
    if (length >= LIMIT) return -ENOMEM;
    if (fileOffset + length > Number.MAX_SAFE_INTEGER) return -EOVERFLOW;
    const addr = this.#target(request, length);
    if (addr < 0) return addr;
    const refused = this.#admit(request, addr, length);
    if (refused < 0) return refused;
    if (this.isSealed(addr, addr + length)) return -EPERM;
    const backing = chooseBacking(this, request, addr, length);
    if (typeof backing === 'number') return backing;
    const mapping: Mapping = {
      ...ANONYMOUS,
      prot: prot & ALL_PROT,
      maxProt: request.maxProt ?? ALL_PROT,
      shared: request.shared === true,
      growsDown: request.growsDown === true,
      locked: request.locked === true ? LOCK.all : this.lockFuture,
      label: request.label ?? '',
      file: request.file,
      fileOffset,
      contentVersion: versionOf(request.file),
      source: backing.source,
      sourceOffset: backing.sourceOffset,
      hostShared: backing.hostShared,
      direct: backing.direct,
    };
    this.#cut(addr, addr + length);
    const isPopulated = request.populate === true && length <= POPULATE_LIMIT_BYTES;
    const placed = this.#place(addr, length, mapping, backing, isPopulated);
    if (placed < 0) return placed;
    if (mapping.locked === LOCK.all) populateRange(this, addr, addr + length);
    else if (isOwn(mapping) && !request.isSparse) this.#takeLargePages(addr, length);
    if ((prot & PROT.PROT_EXEC) !== 0)
      this.codeObserver?.onCodeMayDiffer(this, addr, length, 'mapped');
    if (mapping.shared && mapping.file && (prot & PROT.PROT_WRITE) !== 0)
      mapping.file.noteSharedWrite();
    return addr;
  }

  /** An array of such a size is touched soon, mostly from its start; a pool of memory may never be. */
  #takeLargePages(addr: number, length: number): void {
    if (length % POOL_BYTES === 0) return;
    const start = Math.ceil(addr / LARGE_PAGE) * LARGE_PAGE;
    const end = Math.floor((addr + Math.min(length, MOST_LARGE_BYTES)) / LARGE_PAGE) * LARGE_PAGE;
    if (end > start) this.pages.takeLarge(start, end - start);
  }

  /** The address that the request names or leaves open, or -errno. */
  #target(request: MapRequest, length: number): number {
    const { addr } = request;
    if (request.fixed === true || request.noReplace === true) {
      if (addr % PAGE !== 0) return -EINVAL;
      if (addr < GUEST_LOW) return -EPERM;
      if (addr + length > GUEST_HIGH) return -ENOMEM;
      if (request.noReplace && !this.mappings.isFree(addr, addr + length)) return -EEXIST;
      return addr;
    }
    const hint = Math.floor(addr / PAGE) * PAGE;
    if (hint >= GUEST_LOW && hint + length <= GUEST_HIGH)
      if (this.mappings.isFree(hint, hint + length)) return hint;
    const { file } = request;
    const version = versionOf(file);
    const kind =
      request.placement ?? (version !== undefined && !request.shared ? 'module' : 'data');
    const offset = request.fileOffset ?? 0;
    const align = request.align ?? alignmentOf(request, length);
    const chosen = this.#placement.choose(this.mappings, length, kind, version, offset, align);
    return chosen < 0 ? -ENOMEM : chosen;
  }

  /** Limits; 0 or -errno. */
  #admit(request: MapRequest, addr: number, length: number): number {
    if (this.mappings.size >= MAX_MAPPINGS || !this.budget.admitsAreas(2)) return -ENOMEM;
    const replaced = this.bytesIn(addr, addr + length);
    const total = this.mappedPages * PAGE - replaced + length;
    if (total > this.limitAddressSpace) return -ENOMEM;
    const isData = !request.shared && (request.prot & PROT.PROT_WRITE) !== 0;
    const counts = isData || (request.shared && !request.file);
    if (counts && !this.context.budget.admits(length)) return -ENOMEM;
    if (isData && !request.growsDown && this.limitData !== Number.POSITIVE_INFINITY)
      if (this.usage().dataPages * PAGE + length > this.limitData) return -ENOMEM;
    if ((request.locked || this.lockFuture) && this.limitLocked !== Number.POSITIVE_INFINITY)
      if (this.usage().lockedPages * PAGE + length > this.limitLocked) return -EAGAIN;
    return 0;
  }

  /** Real pages for a mapping in a free range, then the mapping itself. 0 or -errno. */
  #place(
    addr: number,
    length: number,
    mapping: Mapping,
    backing: Backing,
    isPopulated: boolean,
  ): number {
    retainMapping(mapping);
    const failed = this.showPages(addr, length, mapping, backing.shownBytes, isPopulated);
    if (failed === 0 && backing.fill) {
      const filled = backing.fill(addr);
      if (filled < 0) return this.#undo(addr, length, mapping, filled);
    }
    if (failed !== 0) return this.#undo(addr, length, mapping, failed);
    this.insertMapping(addr, addr + length, mapping);
    return 0;
  }

  #undo(addr: number, length: number, mapping: Mapping, error: number): number {
    const cleared = this.pages.unmap(addr, length);
    assert(cleared === 0, 'cannot take back a failed mapping');
    releaseMapping(mapping);
    return error;
  }

  unmap(addr: number, length: number): number {
    const end = addr + roundUp(length);
    if (addr % PAGE !== 0 || length <= 0 || addr < 0 || end > LIMIT) return -EINVAL;
    const low = Math.max(addr, GUEST_LOW);
    const high = Math.min(end, GUEST_HIGH);
    if (low >= high || this.mappings.isFree(low, high)) return 0;
    if (this.isSealed(low, high)) return -EPERM;
    const failed = this.pages.unmap(low, high - low);
    if (failed !== 0) return -failed;
    this.#cut(low, high);
    return 0;
  }

  /** Forgets mappings whose pages are gone or about to be replaced. */
  #cut(start: number, end: number): void {
    if (this.mappings.isFree(start, end)) return;
    for (const piece of this.removeMappings(start, end)) {
      this.own.freed(piece.value, piece.end - piece.start);
      releaseMapping(piece.value);
    }
  }

  protect(addr: number, length: number, prot: number): number {
    if (addr % PAGE !== 0 || addr < 0) return -EINVAL;
    const wanted = prot & ALL_PROT;
    if ((prot & ~(ALL_PROT | PROT.PROT_GROWSDOWN | PROT.PROT_GROWSUP)) !== 0) return -EINVAL;
    const end = addr + roundUp(length);
    if (end > LIMIT) return -ENOMEM;
    if (length === 0) return 0;
    let start = addr;
    if ((prot & PROT.PROT_GROWSDOWN) !== 0) {
      const found = this.mappings.find(addr);
      if (!found?.value.growsDown) return -EINVAL;
      start = found.start;
    }
    const whole = this.mappings.find(start);
    if (whole !== undefined && end <= whole.end)
      return this.#protectPiece(start, end, whole, wanted);
    let at = start;
    for (const piece of this.mappings.overlapping(start, end)) {
      if (piece.start > at) return -ENOMEM;
      at = Math.min(piece.end, end);
      const result = this.#protectPiece(Math.max(piece.start, start), at, piece, wanted);
      if (result < 0) return result;
    }
    return at < end ? -ENOMEM : 0;
  }

  #protectPiece(start: number, end: number, piece: Interval<Mapping>, prot: number): number {
    const { value } = piece;
    if (value.sealed) return -EPERM;
    if (value.prot === prot) return 0;
    if ((prot & ~value.maxProt) !== 0) return -EACCES;
    const charge = isCharged(value, prot) ? end - start : 0;
    const charged = isCharged(value) ? end - start : 0;
    if (charge > charged && !this.budget.admits(charge)) return -ENOMEM;
    const lostExec = (value.prot & PROT.PROT_EXEC) !== 0 && (prot & PROT.PROT_EXEC) === 0;
    // First: translations go, and with them the write-protection of their source.
    if (lostExec) this.dropCode(start, end);
    const failed = this.hostProtect(start, end - start, prot, value);
    if (failed < 0) return failed;
    if (this.mappings.replace(start, end, { ...value, prot })) this.changed();
    else this.edit(start, end, (mapping) => ({ ...mapping, prot }));
    this.budget.change(charge - charged);
    const isNew = (prot & ~value.prot & (PROT.PROT_EXEC | PROT.PROT_WRITE)) !== 0;
    if (isNew && (prot & PROT.PROT_EXEC) !== 0)
      this.codeObserver?.onCodeMayDiffer(this, start, end - start, 'protected');
    return 0;
  }

  /** A free place for `length` bytes of data, or -ENOMEM. */
  choosePlace(length: number): number {
    const at = this.#placement.choose(this.mappings, length, 'data', undefined, 0);
    return at < 0 ? -ENOMEM : at;
  }

  /** The bytes of a range change: translations of them are stale. */
  codeChanged(addr: number, length: number): void {
    this.codeObserver?.onCodeChanged(this, addr, length);
  }

  remap(
    addr: number,
    oldLength: number,
    newLength: number,
    flags: number,
    newAddr: number,
  ): number {
    return remapRange(this, addr, oldLength, newLength, flags, newAddr);
  }

  advise(addr: number, length: number, advice: number): number {
    return adviseRange(this, addr, length, advice);
  }

  sync(addr: number, length: number, flags: number): number {
    const [ASYNC, INVALIDATE, SYNC] = [1, 2, 4];
    if (addr % PAGE !== 0 || (flags & ~(ASYNC | INVALIDATE | SYNC)) !== 0) return -EINVAL;
    if ((flags & ASYNC) !== 0 && (flags & SYNC) !== 0) return -EINVAL;
    const end = addr + roundUp(length);
    if (end > LIMIT) return -ENOMEM;
    const files = new Set<MappedFile>();
    for (const { value } of this.mappings.overlapping(addr, end)) {
      const { file, shared, prot } = value;
      if (!shared || file === undefined) continue;
      if ((prot & PROT.PROT_WRITE) !== 0) file.noteSharedWrite();
      files.add(file);
    }
    if ((flags & SYNC) !== 0)
      for (const file of files) {
        const synced = file.sync();
        if (synced < 0) return synced;
      }
    return this.mappings.covers(addr, end, () => true) ? 0 : -ENOMEM;
  }

  residency(addr: number, length: number, target: Uint8Array): number {
    if (addr % PAGE !== 0) return -EINVAL;
    const end = addr + roundUp(length);
    if (end > LIMIT || !this.mappings.covers(addr, end, () => true)) return -ENOMEM;
    return this.pages.residency(addr, end - addr, target) === 0 ? 0 : -EAGAIN;
  }

  lock(addr: number, length: number, kind: LockKind): number {
    const start = Math.floor(addr / PAGE) * PAGE;
    const end = roundUp(addr + length);
    if (end > LIMIT) return -ENOMEM;
    if (start === end) return 0;
    if (!this.mappings.covers(start, end, () => true)) return -ENOMEM;
    if (kind !== LOCK.none && this.limitLocked !== Number.POSITIVE_INFINITY) {
      if (this.limitLocked === 0) return -EPERM;
      if (this.usage().lockedPages * PAGE + end - start > this.limitLocked) return -ENOMEM;
    }
    this.edit(start, end, (mapping) => ({ ...mapping, locked: kind }));
    if (kind === LOCK.all) populateRange(this, start, end);
    return 0;
  }

  seal(addr: number, length: number): number {
    const end = addr + roundUp(length);
    if (end > LIMIT || !this.mappings.covers(addr, end, () => true)) return -ENOMEM;
    this.edit(addr, end, (mapping) => ({ ...mapping, sealed: true }));
    this.#hasSeals = true;
    return 0;
  }

  /** Something in the range must stay as it is. */
  isSealed(start: number, end: number): boolean {
    if (!this.#hasSeals) return false;
    return this.mappings.overlapping(start, end).some(({ value }) => value.sealed);
  }

  populate(addr: number, length: number): void {
    const start = Math.floor(addr / PAGE) * PAGE;
    if (this.permits(start, length, PROT.PROT_WRITE))
      this.pages.populate(start, roundUp(addr + length) - start);
  }

  template(files: readonly MappedFile[]): SpaceTemplate | undefined {
    return takeTemplate(this, files);
  }

  show(template: SpaceTemplate, files: readonly MappedFile[]): boolean {
    return showTemplate(this, template, files);
  }

  // ---- heap

  initBrk(addr: number): void {
    this.brkStart = roundUp(addr);
    this.brkEnd = this.brkStart;
  }

  brk(addr: number, prot: number = PROT.PROT_READ | PROT.PROT_WRITE): number {
    const oldTop = roundUp(this.brkEnd);
    const newTop = roundUp(addr);
    if (addr < this.brkStart || newTop > GUEST_HIGH) return this.brkEnd;
    if (newTop > oldTop) {
      if (addr - this.brkStart > this.limitData) return this.brkEnd;
      if (!this.mappings.isFree(oldTop, newTop)) return this.brkEnd;
      const length = newTop - oldTop;
      const mapped = this.map({ addr: oldTop, length, prot, noReplace: true, label: '[heap]' });
      if (mapped < 0) return this.brkEnd;
    } else if (newTop < oldTop && this.unmap(newTop, oldTop - newTop) < 0) return this.brkEnd;
    this.brkEnd = addr;
    return addr;
  }

  fork(): AddressSpace | number {
    const { shown } = this.pages;
    const pages = this.context.host.createSandbox(shown);
    if (typeof pages === 'number') return -pages;
    pages.expect(shown);
    const child = new GuestAddressSpace(this.context, pages, this.#placement);
    child.#hasSeals = this.#hasSeals;
    const failed = forkInto(this, child);
    if (failed === 0) {
      pages.settle();
      return child;
    }
    child[Symbol.dispose]();
    return failed;
  }

  // ---- for the engine

  fault(addr: number, access: FaultAccess, stackPointer: number): FaultVerdict {
    return classifyFault(this, addr, access, stackPointer);
  }

  protected growStack(addr: number): boolean {
    return expandStack(this, addr);
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.budget.changeAreas(-this.mappings.size);
    for (const { start, end, value } of this.mappings.clear()) {
      if (isCharged(value)) this.budget.change(start - end);
      releaseMapping(value);
    }
    this.own[Symbol.dispose]();
    this.pages[Symbol.dispose]();
    this.changed();
  }
}

function versionOf(file: MappedFile | undefined): string | undefined {
  return file?.contentKey ?? file?.contentVersion;
}
