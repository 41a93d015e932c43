/**
 * The composition root: puts platform, memory, file systems and kernel together and runs the first
 * program. One instance holds one kernel; several can live in one process.
 */

import { O_RDONLY, O_WRONLY } from '../abi/file-flags.ts';
import { SIGINT, SIGQUIT } from '../abi/signal.table.ts';
import { ST_RDONLY } from '../abi/stat-layout.ts';
import { assert } from '../base/assert.ts';
import type { Clock, Entropy, Logger } from '../base/interfaces.ts';
import type { TranslationStorage } from '../cpu/cache/unit-store.ts';
import type { CodeHost } from '../cpu/code-host.ts';
import { Devices } from '../fs/devfs/devices.ts';
import {
  connectHostTerminal,
  type HostTerminal,
  openHostSlave,
} from '../fs/devfs/tty/host-terminal.ts';
import { Devpts, type Pty } from '../fs/devfs/tty/pty.ts';
import { type HostStream, openHostStream } from '../fs/hoststream/host-stream.ts';
import { Procfs } from '../fs/procfs/procfs.ts';
import { Sysfs } from '../fs/procfs/sysfs.ts';
import { parseOptions } from '../fs/tmpfs/options.ts';
import { Tmpfs } from '../fs/tmpfs/tmpfs.ts';
import { Credentials } from '../kernel/credentials.ts';
import type { Host } from '../kernel/host.ts';
import { Kernel, type SyscallDispatcher } from '../kernel/kernel.ts';
import { Limits, RLIMIT } from '../kernel/limits.ts';
import { sendToGroup, sendToProcessGroup } from '../kernel/signals/send.ts';
import { kernelSignal } from '../kernel/signals/signal-info.ts';
import type { ThreadGroup } from '../kernel/thread-group.ts';
import { KernelJobControl } from '../kernel/views/job-control.ts';
import { KernelSystemView, KernelTaskSource } from '../kernel/views/sources.ts';
import type { PageHost } from '../mm/page-host.ts';
import { createAddressSpaces } from '../mm/space-context.ts';
import type { HostAccess } from '../net/host-access.ts';
import type { PlatformObserver } from '../platform/observer.ts';
import { TranslatedPlatform } from '../platform/platform.ts';
import { Dispatcher } from '../syscalls/dispatcher.ts';
import { vdsoBytes } from '../syscalls/vdso/bytes.table.ts';
import { RealFileClock } from '../vfs/file-clock.ts';
import type { FileSystem } from '../vfs/file-system.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import { Vfs } from '../vfs/vfs.ts';
import type { ProcessPlan } from './exec-plan.ts';
import { TreeBuilder } from './mounts.ts';
import type { RunPlan } from './plan.ts';

export interface InstanceParts {
  readonly host: Host & {
    readonly clock: Clock;
    readonly entropy: Entropy;
    readonly logger: Logger;
  };
  readonly pages: PageHost;
  readonly code: CodeHost;
  /** Makes the root file system; called once. */
  makeRoot(context: RootContext): FileSystem;
  /** Mounts the rest: /proc, /dev, binds, volumes. */
  mountAll(tree: TreeBuilder, context: MountContext): void;
  /** Standard input, output, error; undefined where closed. */
  readonly streams: readonly (HostStream | undefined)[];
  /** Takes the place of the streams that are undefined: the guest gets a terminal over it. */
  readonly terminal?: HostTerminal | undefined;
  /** What of the host's network guests may use; undefined: nothing. */
  readonly network?: HostAccess | undefined;
  readonly trace?: ((line: string) => void) | undefined;
  /** Looks on while guests run; `watchCalls` gives what calls go through on their way. */
  readonly observer?: PlatformObserver | undefined;
  readonly watchCalls?: ((calls: SyscallDispatcher) => SyscallDispatcher) | undefined;
  readonly randomizeLayout: boolean;
  readonly scheduleSeed?: number;
  /** Translations made before: at build time, or by earlier runs. */
  readonly translations?: TranslationStorage | undefined;
}

export interface RootContext {
  readonly clock: RealFileClock;
  readonly segments: PageHost;
}

export interface MountContext extends RootContext {
  readonly proc: FileSystem;
  readonly sys: FileSystem;
  readonly devpts: FileSystem;
  /** For mounts that bring devices of their own. */
  readonly devices: Devices;
}

/** Standard streams of a further process; where one is undefined it gets the terminal, if any. */
export interface ExecStreams {
  readonly streams: readonly (HostStream | undefined)[];
  readonly terminal?: HostTerminal | undefined;
}

export interface ExecutedProcess {
  readonly group: ThreadGroup;
  /** Takes its terminal away; nothing without one. */
  hangUp(): void;
}

export class Instance {
  readonly kernel: Kernel;
  readonly platform: TranslatedPlatform;
  readonly vfs: Vfs;
  readonly devices: Devices;
  readonly devpts: Devpts;
  readonly dispatcher: Dispatcher;
  readonly #parts: InstanceParts;
  readonly #plan: RunPlan;
  readonly #tree: TreeBuilder;
  #first: ThreadGroup | undefined;

  constructor(parts: InstanceParts, plan: RunPlan) {
    this.#parts = parts;
    this.#plan = plan;
    const { host } = parts;
    const context: RootContext = { clock: new RealFileClock(host.clock), segments: parts.pages };
    this.vfs = new Vfs(context.clock, parts.makeRoot(context));
    this.devices = new Devices(this.vfs, context.clock, host.entropy);
    this.vfs.nodeOpener = this.devices;
    const shared = new Tmpfs(context.clock, parts.pages);
    this.vfs.sharedMemory = this.vfs.makeMount(shared, undefined, 'tmpfs', 0);
    this.platform = new TranslatedPlatform(parts.code, host.logger);
    this.platform.observer = parts.observer;
    const { beside } = this.platform;
    if (plan.cpus > 1) parts.pages.listeners.add((base) => beside.haltIn(base));
    const spaces = createAddressSpaces(
      parts.pages,
      parts.randomizeLayout ? host.entropy : undefined,
      plan.memoryBytes,
      () => logMappingLimit(host.logger, parts.pages.mappingLimit),
    );
    if (parts.translations) this.platform.cache.store.useStorage(parts.translations);
    const { trace } = parts;
    this.dispatcher = new Dispatcher({
      logger: host.logger,
      trace: trace === undefined ? undefined : (_task, line) => trace(line),
    });
    this.kernel = new Kernel({
      platform: this.platform,
      host,
      vfs: this.vfs,
      syscalls: parts.watchCalls?.(this.dispatcher) ?? this.dispatcher,
      createSpace: (template) => spaces.create(template),
      network: parts.network,
      vdso: { image: vdsoBytes(), pages: parts.pages },
      options: {
        randomizeLayout: parts.randomizeLayout,
        maxTasks: plan.maxTasks,
        ...(plan.hostName === undefined ? {} : { hostName: plan.hostName }),
        memoryBytes: plan.memoryBytes,
        processors: plan.cpus,
        ...(parts.scheduleSeed === undefined ? {} : { scheduleSeed: parts.scheduleSeed }),
      },
    });
    const system = new KernelSystemView(this.kernel);
    const tasks = new KernelTaskSource(this.kernel);
    const proc = new Procfs(context.clock, this.vfs, tasks, system);
    const sys = new Sysfs(context.clock, system);
    this.devpts = new Devpts(context.clock, new KernelJobControl(this.kernel));
    this.devices.useTerminals(this.devpts);
    const { devpts } = this;
    const { fileSystemTypes } = this.vfs;
    for (const type of ['tmpfs', 'ramfs'])
      fileSystemTypes.set(type, (options) => {
        const parsed = parseOptions(options);
        return typeof parsed === 'number' ? parsed : new Tmpfs(context.clock, parts.pages, parsed);
      });
    fileSystemTypes.set('proc', () => proc);
    fileSystemTypes.set('sysfs', () => sys);
    fileSystemTypes.set('devpts', () => devpts);
    this.#tree = new TreeBuilder(this.vfs);
    parts.mountAll(this.#tree, { ...context, proc, sys, devpts, devices: this.devices });
    this.#tree.makeFolder(plan.workingDir);
    if (plan.isRootReadOnly) this.vfs.rootMount.flags |= ST_RDONLY;
  }

  /** Runs the planned program until it ends; its status as wait(2) reports it. */
  async run(): Promise<number> {
    const plan = this.#plan;
    const limits = new Limits();
    limits.soft[RLIMIT.NOFILE] = plan.openFiles;
    const { terminal } = this.#parts;
    try {
      const pty = terminal === undefined ? undefined : connectHostTerminal(this.devpts, terminal);
      return await this.#runFirst(plan, limits, pty);
    } finally {
      terminal?.stop();
    }
  }

  async #runFirst(plan: RunPlan, limits: Limits, pty: Pty | undefined): Promise<number> {
    const group = this.#spawn(plan, limits, this.#parts.streams, pty);
    this.#first = group;
    this.kernel.turnLength.begin();
    await this.kernel.run(() => group.isZombie);
    this.kernel.turnLength.end();
    return this.kernel.collect(group) ?? 0;
  }

  /**
   * A signal that Cloister itself got, for the first program: those of a terminal's keys go to its
   * whole process group, as a terminal would send them.
   */
  signal(signal: number): void {
    const first = this.#first;
    if (first === undefined) return;
    const info = kernelSignal(signal);
    if (signal === SIGINT || signal === SIGQUIT) sendToProcessGroup(first.processGroup, info);
    else sendToGroup(first, info);
    this.#parts.host.wake();
  }

  /**
   * Starts a further process, in a session of its own; it ends with the first one at the latest.
   * Whoever asks takes its status by {@link Kernel.collect}. Throws {@link SpawnError}.
   */
  exec(plan: ProcessPlan, io: ExecStreams): ExecutedProcess {
    const limits = new Limits();
    limits.soft[RLIMIT.NOFILE] = this.#plan.openFiles;
    const { terminal } = io;
    const pty = terminal === undefined ? undefined : connectHostTerminal(this.devpts, terminal);
    const hangUp = (): void => {
      if (pty !== undefined) this.devpts.drop(pty);
    };
    try {
      return { group: this.#spawn(plan, limits, io.streams, pty), hangUp };
    } catch (error) {
      hangUp();
      throw error;
    }
  }

  #spawn(
    plan: ProcessPlan,
    limits: Limits,
    streams: readonly (HostStream | undefined)[],
    pty: Pty | undefined,
  ): ThreadGroup {
    const fds = this.#descriptors(plan, streams);
    if (pty !== undefined) fds.push(...this.#terminalDescriptors(plan, fds, pty));
    let group: ThreadGroup;
    try {
      group = this.kernel.spawn({
        path: this.#programPath(plan),
        argv: plan.argv,
        env: plan.environment,
        cwd: plan.workingDir,
        uid: plan.uid,
        gid: plan.gid,
        limits,
        fds,
        keepsStatus: true,
      });
    } catch (error) {
      for (const [, file] of fds) file.release();
      throw error;
    }
    if (pty !== undefined) {
      const { session } = group.processGroup;
      session.terminal = pty.terminal;
      pty.terminal.attach(session.id, group.processGroup.id);
    }
    return group;
  }

  /** The terminal for each standard descriptor that no stream has. */
  #terminalDescriptors(
    plan: ProcessPlan,
    streams: readonly (readonly [number, OpenFile])[],
    pty: Pty,
  ): (readonly [number, OpenFile])[] {
    const creds = Credentials.forUser(plan.uid, plan.gid);
    const mount = [...this.vfs.mounts].find(({ fs }) => fs === this.devpts);
    assert(mount !== undefined, 'devpts is mounted');
    const file = openHostSlave(this.devpts, mount, pty, creds);
    assert(typeof file === 'object', 'a new terminal opens');
    const taken = new Set(streams.map(([fd]) => fd));
    const free = [0, 1, 2].filter((fd) => !taken.has(fd));
    return free.map((fd, i) => [fd, i === 0 ? file : file.retain()] as const);
  }

  /** Makes what was written durable. The instance is not used afterwards. */
  close(): void {
    for (const fs of new Set([...this.vfs.mounts].map((mount) => mount.fs))) fs.shutdown();
    this.platform.cache.store.keep();
  }

  /** A name without a slash is looked up in the PATH of the plan, as execvp(3) does. */
  #programPath(plan: ProcessPlan): string {
    const [name = ''] = plan.argv;
    if (name.includes('/')) return name;
    const path = plan.environment.find((one) => one.startsWith('PATH='))?.slice(5) ?? '';
    const folders = path.split(':').filter((folder) => folder !== '');
    const found = folders.find((folder) => this.#tree.exists(`${folder}/${name}`));
    return found === undefined ? name : `${found}/${name}`;
  }

  #descriptors(
    plan: ProcessPlan,
    streams: readonly (HostStream | undefined)[],
  ): (readonly [number, OpenFile])[] {
    const creds = Credentials.forUser(plan.uid, plan.gid);
    return streams.flatMap((stream, fd) => {
      if (stream === undefined) return [];
      const flags = fd === 0 ? O_RDONLY : O_WRONLY;
      return [[fd, openHostStream(this.vfs, creds, stream, flags)] as const];
    });
  }
}

function logMappingLimit(logger: Logger, limit: number): void {
  logger.log(
    'warn',
    `out of memory mappings: vm.max_map_count of this machine is ${limit}; ` +
      'raise it (sysctl -w vm.max_map_count=1048576) for more processes',
  );
}
