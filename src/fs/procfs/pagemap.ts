/**
 * /proc/PID/pagemap: 64 bits a page of the address space, without page frames, as those see it who
 * may not know them (Documentation/admin-guide/mm/pagemap.rst).
 */

import { EINVAL } from '../../abi/errno.table.ts';
import type { ProcHost } from './nodes.ts';
import type { Procfs } from './procfs.ts';
import { TaskMemoryFile } from './task-memory.ts';

const PAGE = 4096;
const ENTRY_BYTES = 8;
/** TASK_SIZE: entries end there. */
const END = (0x7fff_ffff_f000 / PAGE) * ENTRY_BYTES;
/** Bit 63, the page is present. */
const PRESENT_BYTE = 7;
const PRESENT = 0x80;

export class PagemapNode extends TaskMemoryFile {
  constructor(host: ProcHost, procfs: Procfs, tid: number) {
    super(host, procfs, tid, 0o400);
  }

  override readAt(position: number, target: Uint8Array, start: number, length: number): number {
    if (position % ENTRY_BYTES !== 0 || length % ENTRY_BYTES !== 0) return -EINVAL;
    const memory = this.memory();
    const count = Math.min(length, END - position);
    if (memory === undefined || count <= 0) return 0;
    target.fill(0, start, start + count);
    for (let at = 0; at < count; at += ENTRY_BYTES) {
      const addr = ((position + at) / ENTRY_BYTES) * PAGE;
      if (memory.isPresent(addr)) target[start + at + PRESENT_BYTE] = PRESENT;
    }
    return count;
  }
}
