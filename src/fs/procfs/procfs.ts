/** proc(5): tasks and the instance as files. Everything is read when it is asked for. */

import { ENOENT } from '../../abi/errno.table.ts';
import { typeOfMode } from '../../abi/file-mode.ts';
import { PROC_SUPER_MAGIC } from '../../abi/stat-layout.ts';
import type { FileClock } from '../../vfs/file-clock.ts';
import { FileSystem, type FileSystemStatistics } from '../../vfs/file-system.ts';
import { type DirectorySink, FIRST_COOKIE, type Inode } from '../../vfs/inode.ts';
import type { SystemView, TaskSource } from '../../vfs/task-view.ts';
import type { Vfs } from '../../vfs/vfs.ts';
import { kernelConfig } from './kernel-config.ts';
import { locksText } from './lock-text.ts';
import { Nsfs } from './namespaces.ts';
import { folder, link, type NodeMaker, ProcDirectory, parseNumber, text } from './nodes.ts';
import { sysctlTree } from './sysctl.ts';
import {
  DEVICES_TEXT,
  FILE_SYSTEMS_TEXT,
  loadText,
  meminfoText,
  statText,
  uptimeText,
  versionText,
} from './system-text.ts';
import { TaskDirectory } from './task-directory.ts';

export class Procfs extends FileSystem {
  override readonly typeName = 'proc';
  override readonly magic = PROC_SUPER_MAGIC;
  override readonly cachesNames = false;
  override readonly blockSize = 1024;
  override readonly hasFixedNames = true;
  override readonly hasHandles = false;
  readonly vfs: Vfs;
  readonly tasks: TaskSource;
  readonly system: SystemView;
  readonly root: Inode;
  #namespaces: Nsfs | undefined = undefined;
  #lastIno = 0;

  /** st_blksize is 1024, but a page counts here (`simple_statfs`). */
  override statistics(): FileSystemStatistics {
    return { ...super.statistics(), blockSize: 4096 };
  }

  constructor(clock: FileClock, vfs: Vfs, tasks: TaskSource, system: SystemView) {
    super(clock);
    this.vfs = vfs;
    this.tasks = tasks;
    this.system = system;
    const root = new RootDirectory(this, () => rootEntries(vfs, tasks, system));
    tasks.whenGone((pid) => root.forget(pid));
    this.root = root;
  }

  get namespaces(): Nsfs {
    this.#namespaces ??= new Nsfs(this.vfs, this.clock);
    return this.#namespaces;
  }

  nextIno(): number {
    return ++this.#lastIno;
  }
}

function rootEntries(vfs: Vfs, tasks: TaskSource, system: SystemView): [string, NodeMaker][] {
  const self = () => String(tasks.current().pid);
  const thread = () => `${tasks.current().pid}/task/${tasks.current().tid}`;
  return [
    ['self', link({ read: self })],
    ['thread-self', link({ read: thread })],
    ['mounts', link({ read: () => 'self/mounts' })],
    ['cmdline', text(() => `${system.commandLine}\n`)],
    ['config.gz', text(() => kernelConfig(system.release))],
    ['cpuinfo', text(() => system.cpuinfo)],
    ['devices', text(() => DEVICES_TEXT)],
    ['filesystems', text(() => FILE_SYSTEMS_TEXT)],
    ['loadavg', text(() => loadText(system, tasks))],
    ['meminfo', text(() => meminfoText(system))],
    ['stat', text(() => statText(system))],
    ['swaps', text(() => 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n')],
    ['uptime', text(() => uptimeText(system))],
    ['version', text(() => versionText(system))],
    ['vmstat', text(() => 'nr_free_pages 0\npgfault 0\npgmajfault 0\n')],
    ['partitions', text(() => 'major minor  #blocks  name\n\n')],
    ['diskstats', text(() => '')],
    ['interrupts', text(() => '')],
    ...(system.keyFiles ?? []).map(([name, read]): [string, NodeMaker] => [name, text(read)]),
    ['sys', sysctlTree(system, vfs)],
    ['sysvipc', folder((system.ipcFiles ?? []).map(([name, read]) => [name, text(read)]))],
    ['net', link({ read: () => 'self/net' })],
    ['modules', text(() => '')],
    ['locks', text(() => locksText(tasks))],
    ['cgroups', text(() => '#subsys_name\thierarchy\tnum_cgroups\tenabled\n')],
  ];
}

/** Fixed entries first, then processes. */
class RootDirectory extends ProcDirectory {
  declare readonly fs: Procfs;
  readonly #processes = new Map<number, { readonly startNs: number; readonly node: Inode }>();

  override lookup(name: string): Inode | number {
    const pid = parseNumber(name);
    return pid === undefined ? super.lookup(name) : this.#process(pid);
  }

  /** As `proc_flush_pid` does: else every process that was looked at once would stay for ever. */
  forget(pid: number): void {
    if (this.#processes.delete(pid)) this.fs.vfs.forgetEntry(this, String(pid));
  }

  #process(pid: number): Inode | number {
    const task = this.fs.tasks.find(pid);
    if (task === undefined) {
      this.#processes.delete(pid);
      return -ENOENT;
    }
    const { startNs } = task.times;
    const known = this.#processes.get(pid);
    // The number may have been given to another process.
    if (known?.startNs === startNs) return known.node;
    const node = new TaskDirectory(this.fs, task, false);
    this.#processes.set(pid, { startNs, node });
    return node;
  }

  override iterate(cookie: number, sink: DirectorySink): number {
    const base = FIRST_COOKIE + this.fixedCount;
    if (cookie < base && !this.emitFixed(cookie, sink)) return 0;
    for (const { pid } of this.fs.tasks.processes()) {
      const at = base + pid;
      if (at < cookie) continue;
      const node = this.#process(pid);
      if (typeof node === 'number') continue;
      if (!sink.emit(String(pid), node.ino, typeOfMode(node.mode), at + 1)) return 0;
    }
    return 0;
  }
}
