/** /proc/PID and /proc/PID/task/TID. */

import { EACCES, EBADF, ENOENT, EPERM, ESRCH } from '../../abi/errno.table.ts';
import type { Location } from '../../vfs/dentry.ts';
import type { DirectorySink, Inode } from '../../vfs/inode.ts';
import { describePlace } from '../../vfs/place.ts';
import type { SystemCallView, TaskSource, TaskView } from '../../vfs/task-view.ts';
import { DescriptorDirectory } from './descriptor-directory.ts';
import { mountInfoText, mountStatsText, mountsText } from './mount-text.ts';
import { NAMESPACES, type NamespaceType } from './namespaces.ts';
import {
  type Content,
  folder,
  link,
  type NodeMaker,
  NumberedDirectory,
  ProcDirectory,
  ProcFile,
  type ProcHost,
  ProcLink,
  setting,
  text,
} from './nodes.ts';
import { PagemapNode } from './pagemap.ts';
import type { Procfs } from './procfs.ts';
import { MemoryNode } from './task-memory.ts';
import {
  clearRefsFile,
  commFile,
  coredumpFile,
  loginFile,
  oldOomFile,
  oomFile,
  slackFile,
} from './task-settings.ts';
import {
  limitsText,
  mapsText,
  smapsRollupText,
  smapsText,
  statmText,
  statText,
  statusText,
} from './task-text.ts';

/** The files of one task. Looks the task up each time: it may be gone. */
export class TaskDirectory extends ProcDirectory {
  readonly #tid: number;
  /** When it started: its number may be given to another. Nothing here keeps the task itself alive. */
  readonly #startNs: number;
  readonly #tasks: TaskSource;
  readonly #isThread: boolean;

  readonly #executable: NodeMaker;

  constructor(fs: Procfs, task: TaskView, isThread: boolean) {
    const { tid } = task;
    const executable = placeLink(fs, tid, (task) => task.executable);
    super(fs, () => entriesOf(fs, tid, isThread, executable));
    this.#executable = executable;
    this.#tid = tid;
    this.#startNs = task.times.startNs;
    this.#tasks = fs.tasks;
    this.#isThread = isThread;
    this.refresh();
  }

  /**
   * The process that /proc/PID is of: its number; -ESRCH where it has ended (the number may have
   * been given to another since), -EBADF of the directory of a thread.
   */
  process(): number {
    if (this.#isThread) return -EBADF;
    return this.#find() === undefined ? -ESRCH : this.#tid;
  }

  #find(): TaskView | undefined {
    const task = this.#tasks.find(this.#tid);
    return task?.times.startNs === this.#startNs ? task : undefined;
  }

  /** measured: the others' makers are a tenth of a start of busybox, which asks for this one alone. */
  protected override maker(name: string): NodeMaker | undefined {
    return name === 'exe' ? this.#executable : super.maker(name);
  }

  override refresh(): number {
    const task = this.#find();
    if (task === undefined) return 0;
    const { uids, gids } = task.identity;
    this.uid = uids[1];
    this.gid = gids[1];
    return 0;
  }

  /** A directory that was opened stays, and tells that its process is no more. */
  override lookup(name: string): Inode | number {
    return this.#find() === undefined ? -ESRCH : super.lookup(name);
  }

  override iterate(cookie: number, sink: DirectorySink): number {
    return this.#find() === undefined ? -ENOENT : super.iterate(cookie, sink);
  }

  protected override adorn(node: Inode): void {
    node.uid = this.uid;
    node.gid = this.gid;
  }
}

class ThreadsDirectory extends NumberedDirectory {
  declare readonly fs: Procfs;
  readonly #pid: number;
  readonly #known = new Map<number, TaskDirectory>();

  constructor(fs: Procfs, pid: number) {
    super(fs);
    this.#pid = pid;
  }

  protected override numbers(): readonly number[] | number {
    const task = this.fs.tasks.find(this.#pid);
    return task === undefined ? -ENOENT : task.threads().map((thread) => thread.tid);
  }

  protected override entry(tid: number): Inode | number {
    const task = this.fs.tasks.find(tid);
    if (task === undefined || task.pid !== this.#pid) {
      this.#known.delete(tid);
      return -ENOENT;
    }
    let node = this.#known.get(tid);
    if (node === undefined) {
      node = new TaskDirectory(this.fs, task, true);
      this.#known.set(tid, node);
    }
    return node;
  }
}

const viewerOf = (fs: Procfs): Location => fs.tasks.current().fs?.root ?? fs.vfs.root;

/** A link to a place that the task has. */
function placeLink(
  fs: Procfs,
  tid: number,
  find: (task: TaskView) => Location | undefined,
): NodeMaker {
  const target = (): Location | number => {
    const task = fs.tasks.find(tid);
    if (task === undefined) return -ENOENT;
    if (!task.mayInspect()) return -EACCES;
    return find(task) ?? -ENOENT;
  };
  const read = (): string | number => {
    const place = target();
    return typeof place === 'number' ? place : describePlace(viewerOf(fs), place);
  };
  return (host: ProcHost) => new ProcLink(host, { read, target });
}

/** All entries by name; `tid` is looked up on each access. */
function entriesOf(
  fs: Procfs,
  tid: number,
  isThread: boolean,
  executable: NodeMaker,
): [string, NodeMaker][] {
  const withTask = (show: (task: TaskView) => Content) => (): Content => {
    const task = fs.tasks.find(tid);
    return task === undefined ? -ESRCH : show(task);
  };
  /** Only for those who may look into the task. */
  const guarded = (show: (task: TaskView) => Content) =>
    withTask((task) => (task.mayInspect() ? show(task) : -EACCES));
  /** `proc_mem_open`: of a process that has ended there is nothing to open. */
  const hasMemory = (): number => {
    const task = fs.tasks.find(tid);
    if (task?.mayInspect() === false) return -EACCES;
    return task?.memory === undefined ? -ESRCH : 0;
  };
  const unchangeable = (shown: string) =>
    setting(
      withTask(() => shown),
      () => -EPERM,
    );
  const rootOf = (task: TaskView): Location => task.fs?.root ?? fs.vfs.root;
  const viewer = (): Location => viewerOf(fs);
  const entries: [string, NodeMaker][] = [
    ['fd', () => new DescriptorDirectory(fs, tid, 'link')],
    ['fdinfo', () => new DescriptorDirectory(fs, tid, 'info')],
    [
      'environ',
      text(
        guarded((task) => task.environment()),
        0o400,
        hasMemory,
      ),
    ],
    [
      'auxv',
      text(
        guarded((task) => task.auxiliaryVector()),
        0o400,
        hasMemory,
      ),
    ],
    ['status', text(withTask(statusText))],
    [
      'personality',
      text(
        guarded(({ personality }) => `${personality.toString(16).padStart(8, '0')}\n`),
        0o400,
      ),
    ],
    ['limits', text(withTask(limitsText))],
    ['comm', commFile(fs, tid)],
    [
      'syscall',
      text(
        guarded(({ systemCall }) => callText(systemCall)),
        0o400,
      ),
    ],
    ['cmdline', text(withTask((task) => task.commandLine()))],
    ['stat', text(withTask(statText))],
    ['statm', text(withTask(statmText))],
    ['maps', text(guarded((task) => mapsText(task, viewer())))],
    ['smaps', text(guarded((task) => smapsText(task, viewer())))],
    ['cwd', placeLink(fs, tid, (task) => task.fs?.cwd)],
    ['root', placeLink(fs, tid, (task) => task.fs?.root)],
    ['exe', executable],
    ['mounts', text(withTask((task) => mountsText(fs.vfs, rootOf(task))))],
    ['mountinfo', text(withTask((task) => mountInfoText(fs.vfs, rootOf(task))))],
    ['wchan', text(withTask((task) => task.waitingIn || '0'))],
    ['schedstat', text(withTask((task) => `${Math.floor(task.times.userNs)} 0 0\n`))],
    ['cgroup', text(withTask(() => '0::/\n'))],
    ['cpuset', text(withTask(() => '/\n'))],
    ['oom_score', text(withTask(() => '0\n'))],
    ['oom_score_adj', oomFile(fs, tid)],
    ['oom_adj', oldOomFile(fs, tid)],
    ['coredump_filter', coredumpFile(fs, tid)],
    ['clear_refs', clearRefsFile(fs, tid)],
    ['autogroup', text(withTask((task) => `/autogroup-${task.sid} nice 0\n`))],
    ['projid_map', text(withTask(() => MAP_ALL))],
    ['timens_offsets', text(withTask(() => TIME_OFFSETS))],
    ['net', folder((fs.system.networkFiles ?? []).map(([name, read]) => [name, text(read)]))],
    ['ns', namespacesFolder(fs, tid)],
    ['smaps_rollup', text(guarded(smapsRollupText))],
    ['timerslack_ns', slackFile(fs, tid)],
    ['io', text(guarded(ioText), 0o400)],
    // Those of the first user namespace are as they are.
    ['uid_map', unchangeable(MAP_ALL)],
    ['gid_map', unchangeable(MAP_ALL)],
    ['setgroups', unchangeable('allow\n')],
    ['loginuid', loginFile(fs, tid)],
    ['sessionid', text(withTask(() => '4294967295'))],
    ['mem', memoryFile(fs, tid)],
    ['pagemap', (host) => new PagemapNode(host, fs, tid)],
  ];
  if (!isThread)
    entries.push(
      ['task', () => new ThreadsDirectory(fs, tid)],
      [
        'mountstats',
        text(
          withTask((task) => mountStatsText(fs.vfs, rootOf(task))),
          0o400,
        ),
      ],
    );
  return entries.map(([name, make]) => [name, SPLICED.has(name) ? make : unspliced(make)]);
}

/** Files of a process that splice(2) may read. */
const SPLICED: ReadonlySet<string> = new Set(['mounts', 'mountinfo', 'mountstats']);

const unspliced =
  (make: NodeMaker): NodeMaker =>
  (host) => {
    const node = make(host);
    if (node instanceof ProcFile) node.feedsPipes = false;
    return node;
  };

/** proc_pid_syscall(5). */
function callText(call: SystemCallView | undefined): string {
  if (call === undefined) return 'running\n';
  return `${call.number} ${call.words.map((word) => `0x${word.toString(16)}`).join(' ')}\n`;
}

const MAP_ALL = '         0          0 4294967295\n';

const TIME_OFFSETS = 'monotonic           0         0\nboottime            0         0\n';

/** Names of links and the types of what they lead to. */
const NAMESPACE_LINKS: readonly (readonly [name: string, type: NamespaceType])[] = [
  ...(['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'] as const).map(
    (type) => [type, type] as const,
  ),
  ['pid_for_children', 'pid'],
  ['time_for_children', 'time'],
];

/** Links that lead to the namespaces of a task: those of all tasks. */
function namespacesFolder(fs: Procfs, tid: number): NodeMaker {
  const mayLook = (): boolean => fs.tasks.find(tid)?.mayInspect() === true;
  return folder(
    NAMESPACE_LINKS.map(([name, type]) => [
      name,
      link({
        read: () => (mayLook() ? `${type}:[${NAMESPACES[type].ino}]` : -EACCES),
        target: () => (mayLook() ? fs.namespaces.place(type) : -EACCES),
      }),
    ]),
  );
}

/** proc_pid_io(5): no block device is behind any file system here. */
function ioText({ io }: TaskView): string {
  const { reads, writes, readBytes, writtenBytes } = io;
  const counted = { rchar: readBytes, wchar: writtenBytes, syscr: reads, syscw: writes };
  const all = { ...counted, read_bytes: 0, write_bytes: 0, cancelled_write_bytes: 0 };
  return Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}

/** /proc/PID/mem: guest memory at the file position. */
function memoryFile(fs: Procfs, tid: number): NodeMaker {
  return (host) => new MemoryNode(host, fs, tid);
}
