/** Starting a process from outside: what `docker run` or a control socket asks for. */

import type { Errno } from '../abi/errno.table.ts';
import { bytesOf, fromText } from '../vfs/byte-string.ts';
import { FsContext } from '../vfs/fs-context.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import { WALK_DIRECTORY, WALK_FOLLOW, walk } from '../vfs/walk.ts';
import { Credentials } from './credentials.ts';
import { ExecFailure, SpawnError } from './exec/errors.ts';
import { enterImage } from './exec/exec.ts';
import { buildImage } from './exec/image.ts';
import { FdTable } from './fd-table.ts';
import type { Kernel } from './kernel.ts';
import { Limits } from './limits.ts';
import { Session } from './process-group.ts';
import { SignalHandlers } from './signals/handlers.ts';
import { Task } from './task.ts';
import { ThreadGroup } from './thread-group.ts';

/** A text is taken as UTF-8. */
export type Text = string | Uint8Array;

export interface SpawnRequest {
  readonly path: Text;
  readonly argv: readonly Text[];
  /** `NAME=value`. */
  readonly env: readonly Text[];
  /** Default `/`. */
  readonly cwd?: Text;
  readonly uid?: number;
  readonly gid?: number;
  readonly groups?: readonly number[];
  readonly umask?: number;
  readonly limits?: Limits;
  /** Descriptors at start; the process takes over one reference of each file. */
  readonly fds: readonly (readonly [fd: number, file: OpenFile])[];
  /**
   * True: the status stays until {@link Kernel.collect} takes it. False: the process vanishes when
   * it ends.
   */
  readonly keepsStatus?: boolean;
}

const bytes = (text: Text): Uint8Array =>
  typeof text === 'string' ? bytesOf(fromText(text)) : text;

/** Starts a process in a session of its own. Throws {@link SpawnError}. */
export function spawn(kernel: Kernel, request: SpawnRequest): ThreadGroup {
  const creds = Credentials.forUser(request.uid ?? 0, request.gid ?? 0, request.groups ?? []);
  const fs = new FsContext(kernel.vfs.root, kernel.vfs.root, request.umask ?? 0o022);
  enterDirectory(kernel, fs, creds, request.cwd ?? '/');
  const limits = request.limits ?? new Limits();
  const cpu = kernel.platform.createCpu();
  const path = bytes(request.path);
  const image = buildImage(kernel, {
    program: { path, scriptName: path, argv: request.argv.map(bytes) },
    env: request.env.map(bytes),
    ...{ creds, fs, limits, cpu },
  });
  if (image instanceof ExecFailure) {
    fs.release();
    cpu[Symbol.dispose]();
    throw new SpawnError(image);
  }
  const pid = kernel.allocatePid();
  const group = new ThreadGroup(kernel, pid, limits);
  const files = new FdTable();
  for (const [fd, file] of request.fds) files.replace(fd, file, false);
  const task = new Task({
    ...{ kernel, tid: pid, group, cpu, files, creds },
    space: image.space,
    fs: kernel.fsContexts.enter(fs),
    handlers: new SignalHandlers(),
    comm: image.comm,
  });
  group.leader = task;
  group.tasks.add(task);
  const { init } = kernel.processes;
  group.parent = init;
  init.children.add(group);
  if (request.keepsStatus === true) kernel.keepStatus(group);
  kernel.processes.joinProcessGroup(group, pid, new Session(group));
  kernel.processes.addGroup(group);
  kernel.processes.addTask(task);
  enterImage(task, image);
  group.hasExeced = true;
  kernel.scheduler.enqueue(task);
  kernel.host.wake();
  return group;
}

function enterDirectory(kernel: Kernel, fs: FsContext, creds: Credentials, cwd: Text): void {
  const { vfs } = kernel;
  const name = bytes(cwd);
  const path = vfs.paths.find(name, 0, name.length);
  const found = walk(vfs, { fs, creds }, undefined, path, WALK_FOLLOW | WALK_DIRECTORY);
  if (found < 0) {
    fs.release();
    const text = new TextDecoder().decode(name);
    throw new SpawnError(
      new ExecFailure(-found as Errno, `working directory ${text} cannot be entered`),
    );
  }
  const { mount, dentry } = vfs.walk;
  fs.cwd = { mount, dentry };
}
