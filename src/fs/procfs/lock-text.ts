/** /proc/locks (proc_locks(5)): record locks and locks of flock(2), found by who has the files open. */

import { F_WRLCK } from '../../abi/file-flags.ts';
import { majorOf, minorOf } from '../../abi/file-mode.ts';
import { LOCK_END } from '../../vfs/file-locks.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { TaskSource } from '../../vfs/task-view.ts';

export function locksText(tasks: TaskSource): string {
  const lines: string[] = [];
  const seenInodes = new Set<Inode>();
  const seenFiles = new Set<object>();
  for (const owner of tasks.processes())
    for (const fd of owner.descriptors()) {
      const file = owner.descriptor(fd);
      const locks = file?.inode.locks;
      if (file === undefined || locks === undefined || locks.isEmpty) continue;
      const { inode } = file;
      if (!seenInodes.has(inode)) {
        seenInodes.add(inode);
        for (const { type, start, end, pid } of locks.records)
          lines.push(
            `${pid < 0 ? 'OFDLCK' : 'POSIX '} ADVISORY  ${place(type, pid, inode)} ` +
              `${start} ${end === LOCK_END ? 'EOF' : end - 1}`,
          );
      }
      const flock = locks.flocks.get(file);
      if (flock === undefined || seenFiles.has(file)) continue;
      seenFiles.add(file);
      lines.push(`FLOCK  ADVISORY  ${place(flock, owner.pid, inode)} 0 EOF`);
    }
  return lines.map((line, index) => `${index + 1}: ${line}\n`).join('');
}

function place(type: number, pid: number, { fs, ino }: Inode): string {
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  const kind = type === F_WRLCK ? 'WRITE' : 'READ';
  return `${kind} ${pid} ${hex(majorOf(fs.dev))}:${hex(minorOf(fs.dev))}:${ino}`;
}
