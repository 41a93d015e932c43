/** The memory of a process as procfs sees it. */

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
        residentBytes: 0,
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

  get residentBytes(): number {
    return this.#task.space.usage().residentPages * PAGE;
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

  get textBytes(): number {
    return this.#task.space.usage().codePages * PAGE;
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
