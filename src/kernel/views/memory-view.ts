/** The memory of a process as procfs sees it. */

import type { Area } from '../../mm/address-space.ts';
import { LOCK } from '../../mm/lock-kind.ts';
import { FileMapping } from '../../vfs/file-mapping.ts';
import type { MemoryRegionView, MemoryView } from '../../vfs/task-view.ts';
import type { Task } from '../task.ts';

const PAGE = 4096;

export class TaskMemoryView implements MemoryView {
  readonly #task: Task;

  constructor(task: Task) {
    this.#task = task;
  }

  regions(): readonly MemoryRegionView[] {
    const regions: MemoryRegionView[] = [];
    for (const area of this.#task.space.areas())
      regions.push({
        start: area.start,
        end: area.end,
        prot: area.prot,
        isShared: area.shared,
        offset: area.fileOffset,
        file: area.file instanceof FileMapping ? area.file.file : undefined,
        label: area.label,
        residentBytes: this.#residentIn(area.start, area.end),
        flags: flagsOf(area),
        isLocked: area.locked !== LOCK.none,
      });
    return regions;
  }

  isPresent(addr: number): boolean {
    const page = new Uint8Array(1);
    if (this.#task.space.areaAt(addr) === undefined) return false;
    return this.#task.space.residency(addr, PAGE, page) === 0 && page[0] === 1;
  }

  get totalBytes(): number {
    return this.#task.space.usage().totalPages * PAGE;
  }

  /** As the host tells; a file's pages count where they are in memory. */
  get residentBytes(): number {
    let sum = 0;
    for (const { start, end, prot } of this.#task.space.areas())
      if (prot !== 0) sum += this.#residentIn(start, end);
    return sum;
  }

  get residentFileBytes(): number {
    let sum = 0;
    for (const { start, end, prot, file } of this.#task.space.areas())
      if (prot !== 0 && file instanceof FileMapping) sum += this.#residentIn(start, end);
    return sum;
  }

  #residentIn(start: number, end: number): number {
    const pages = new Uint8Array((end - start) / PAGE);
    if (this.#task.space.residency(start, end - start, pages) < 0) return 0;
    let count = 0;
    for (const page of pages) count += page & 1;
    return count * PAGE;
  }

  get peakBytes(): number {
    return this.#task.space.usage().peakPages * PAGE;
  }

  get lockedBytes(): number {
    return this.#task.space.usage().lockedPages * PAGE;
  }

  get dataBytes(): number {
    return this.#task.space.usage().dataPages * PAGE;
  }

  get stackBytes(): number {
    return this.#task.space.usage().stackPages * PAGE;
  }

  /** The program's own code, whether it is mapped or not. */
  get textBytes(): number {
    return Math.ceil(this.endCode / PAGE) * PAGE - Math.floor(this.startCode / PAGE) * PAGE;
  }

  /** All other code. */
  get libraryBytes(): number {
    return Math.max(0, this.#task.space.usage().codePages * PAGE - this.textBytes);
  }

  get startCode(): number {
    return this.#task.group.layout?.codeStart ?? 0;
  }

  get endCode(): number {
    return this.#task.group.layout?.codeEnd ?? 0;
  }

  get startStack(): number {
    return this.#task.group.layout?.stackTop ?? 0;
  }

  get startBrk(): number {
    return this.#task.space.brkStart;
  }

  get brk(): number {
    return this.#task.space.brkEnd;
  }

  read(addr: number, target: Uint8Array): number {
    return copyPages(addr, target, (at, part) => this.#task.space.peek(at, part));
  }

  write(addr: number, source: Uint8Array): number {
    return copyPages(addr, source, (at, part) => this.#task.space.poke(at, part));
  }
}

/** `VmFlags` of smaps, in the order of the bits (`show_smap_vma_flags`). */
function flagsOf(area: Area): string {
  const { prot, shared, file } = area;
  const isFileReadOnly = shared && file instanceof FileMapping && !file.file.isWritable;
  const names: readonly (readonly [string, boolean])[] = [
    ['rd', (prot & 1) !== 0],
    ['wr', (prot & 2) !== 0],
    ['ex', (prot & 4) !== 0],
    ['sh', shared && !isFileReadOnly],
    ['mr', true],
    ['mw', !isFileReadOnly],
    ['me', true],
    ['ms', shared],
    ['gd', area.growsDown],
    ['lo', area.locked !== LOCK.none],
    ['lf', area.locked === LOCK.onFault],
    ['dc', area.onFork === 'omit'],
    ['ac', !shared && (prot & 2) !== 0],
    ['wf', area.onFork === 'wipe'],
    ['sl', area.sealed],
  ];
  return names.map(([name, holds]) => (holds ? `${name} ` : '')).join('');
}

/** Page by page until the first gap; the bytes that were copied. */
function copyPages(
  addr: number,
  bytes: Uint8Array,
  copy: (addr: number, part: Uint8Array) => number,
): number {
  let done = 0;
  while (done < bytes.length) {
    const at = addr + done;
    if (at >= 0x1_0000_0000) break;
    const part = bytes.subarray(done, Math.min(bytes.length, done + PAGE - (at % PAGE)));
    if (copy(at, part) < 0) break;
    done += part.length;
  }
  return done;
}
