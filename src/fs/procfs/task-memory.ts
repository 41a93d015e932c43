/** /proc/PID/mem, and what other files of a task's memory have in common with it. */

import { EACCES, EIO } from '../../abi/errno.table.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import type { MemoryView } from '../../vfs/task-view.ts';
import { ProcFile, type ProcHost } from './nodes.ts';
import type { Procfs } from './procfs.ts';

/** Reads and writes go through the inode, at the file position. */
export abstract class TaskMemoryFile extends ProcFile {
  readonly #procfs: Procfs;
  readonly #tid: number;

  constructor(host: ProcHost, procfs: Procfs, tid: number, permissions: number) {
    super(host, { read: () => '' }, permissions);
    this.#procfs = procfs;
    this.#tid = tid;
  }

  /** Undefined when the task is gone, has none, or is not to be looked into. */
  protected memory(): MemoryView | undefined {
    const task = this.#procfs.tasks.find(this.#tid);
    return task?.mayInspect() ? task.memory : undefined;
  }

  override open(): OpenFile | number | undefined {
    return undefined;
  }
}

/** Guest memory at the file position. */
export class MemoryNode extends TaskMemoryFile {
  constructor(host: ProcHost, procfs: Procfs, tid: number) {
    super(host, procfs, tid, 0o600);
  }

  override open(): OpenFile | number | undefined {
    return this.memory() === undefined ? -EACCES : undefined;
  }

  override readAt(position: number, target: Uint8Array, start: number, length: number): number {
    const memory = this.memory();
    // `mem_rw`: of a process that has ended there is nothing.
    if (memory === undefined) return 0;
    const count = memory.read(position, target.subarray(start, start + length));
    return count === 0 && length > 0 ? -EIO : count;
  }

  override writeAt(position: number, source: Uint8Array, start: number, length: number): number {
    const memory = this.memory();
    if (memory === undefined) return 0;
    const count = memory.write(position, source.subarray(start, start + length));
    return count === 0 && length > 0 ? -EIO : count;
  }
}
