/** What `cloister run` does: opens what is to be run, puts an instance together, gives its status. */

import { ST_NODEV, ST_NOEXEC, ST_NOSUID, ST_RDONLY } from '../abi/stat-layout.ts';
import type { Logger } from '../base/interfaces.ts';
import { makeDevfs } from '../fs/devfs/devfs.ts';
import { Hostfs } from '../fs/hostfs/hostfs.ts';
import { Overlay } from '../fs/overlay/overlay.ts';
import { Tmpfs } from '../fs/tmpfs/tmpfs.ts';
import { nodeClock } from '../host/clock.ts';
import { nodeCrypto, nodeEntropy } from '../host/crypto.ts';
import { openHostFolder } from '../host/host-folder.ts';
import { createNativeHost } from '../host/native/native-host.ts';
import { NodeHost } from '../host/node-host.ts';
import { inheritedStream } from '../host/stdio.ts';
import { ownTerminal } from '../host/terminal.ts';
import { Instance, type MountContext, type RootContext } from '../runtime/instance.ts';
import type { TreeBuilder } from '../runtime/mounts.ts';
import { planUnmeasured, type RunPlan, type RunRequest } from '../runtime/plan.ts';
import type { FileSystem } from '../vfs/file-system.ts';
import { CommandError, RUN_STATUS } from './errors.ts';
import type { RunOptions } from './run.ts';
import { parseBytes, parseEnv, parseMount, parseUser, parseVolume } from './run-options.ts';

export async function runCommand(command: readonly string[], options: RunOptions): Promise<void> {
  const request = toRequest(command, options);
  const plan = planUnmeasured(request);
  const logger = createLogger(options.verbose === true);
  const host = new NodeHost({ clock: nodeClock, entropy: nodeEntropy, logger });
  const { pages, code } = createNativeHost();
  const terminal = ownTerminal(() => host.wake());
  // The event loop must get its turns while guests run: Ctrl-C stops a busy one.
  if (terminal !== undefined) host.countPending(1);
  const instance = new Instance(
    {
      ...{ host, pages, code, crypto: nodeCrypto },
      makeRoot: (context) => machineRoot(context, plan),
      mountAll: (tree, context) => mountMachine(tree, context, plan),
      streams:
        terminal === undefined ? [0, 1, 2].map((fd) => inheritedStream(fd, host.countPending)) : [],
      terminal,
      trace: options.strace ? (line) => process.stderr.write(`${line}\n`) : undefined,
      randomizeLayout: options.aslr,
      ...(options.scheduleSeed === undefined ? {} : { scheduleSeed: Number(options.scheduleSeed) }),
    },
    plan,
  );
  const status = await instance.run(plan.argv[0] as string);
  process.exit(exitStatusOf(status));
}

/** As a shell gives it. */
function exitStatusOf(waitStatus: number): number {
  const signal = waitStatus & 0x7f;
  return signal === 0 ? (waitStatus >> 8) & 0xff : 128 + signal;
}

function toRequest(command: readonly string[], options: RunOptions): RunRequest {
  const environment = (options.env ?? []).flatMap((text) => {
    const pair = parseEnv(text, process.env);
    return pair === undefined ? [] : [pair];
  });
  const { network } = options;
  if (network !== undefined && network !== 'none' && network !== 'host')
    throw new CommandError('CLOISTER_USAGE', `--network ${network}: none or host`);
  return {
    command,
    environment,
    binds: (options.volume ?? []).map(parseVolume),
    sealed: (options.mount ?? []).map(parseMount),
    workingDir: options.workdir,
    user: options.user === undefined ? undefined : parseUser(options.user),
    memoryBytes: options.memory === undefined ? undefined : parseBytes('--memory', options.memory),
    network,
  };
}

function createLogger(verbose: boolean): Logger {
  return {
    log: (level, message) => {
      if (verbose || level === 'error' || level === 'warn')
        process.stderr.write(`cloister: ${message}\n`);
    },
  };
}

const PUBLIC_NAMES = new Set(['usr', 'bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'etc']);

/** The machine's own public files below, changes in memory above. */
function machineRoot({ clock, segments }: RootContext, plan: RunPlan): FileSystem {
  const upper = new Tmpfs(clock, segments, { sizeBytes: plan.tmpfsBytes, mode: 0o755 });
  const folder = openHostFolder('/');
  const stat = typeof folder === 'number' ? folder : folder.stat();
  if (typeof folder === 'number' || typeof stat === 'number')
    throw new CommandError('CLOISTER_MOUNT', 'this host has no readable /', RUN_STATUS.failed);
  const lower = new Hostfs(folder, stat, {
    ...{ clock, segments, readOnly: true, publicNames: PUBLIC_NAMES },
  });
  return new Overlay(clock, lower, upper);
}

function mountMachine(tree: TreeBuilder, context: MountContext, plan: RunPlan): void {
  for (const path of ['/tmp', '/run']) tree.makeFolder(path, 0o1777);
  const { clock, segments } = context;
  tree.mount('/proc', context.proc, 'proc', ST_NOSUID | ST_NODEV | ST_NOEXEC);
  tree.mount('/dev', makeDevfs(clock, segments), 'tmpfs', ST_NOSUID);
  tree.mount('/dev/pts', context.devpts, 'devpts', ST_NOSUID | ST_NOEXEC);
  tree.mount('/dev/shm', new Tmpfs(clock, segments), 'shm', ST_NOSUID | ST_NODEV);
  for (const { hostPath, guestPath, readOnly } of plan.binds)
    mountFolder(tree, context, guestPath, { hostPath, readOnly });
}

function mountFolder(
  tree: TreeBuilder,
  { clock, segments }: RootContext,
  guestPath: string,
  what: { readonly hostPath: string; readonly readOnly: boolean },
): void {
  const folder = openHostFolder(what.hostPath);
  const stat = typeof folder === 'number' ? folder : folder.stat();
  if (typeof folder === 'number' || typeof stat === 'number')
    throw new CommandError(
      'CLOISTER_MOUNT',
      `-v ${what.hostPath}: no such folder on this host`,
      RUN_STATUS.failed,
    );
  const fs = new Hostfs(folder, stat, {
    ...{ clock, segments, readOnly: what.readOnly },
    mayChangeOwner: process.getuid?.() === 0,
  });
  const flags = ST_NODEV | ST_NOSUID | (what.readOnly ? ST_RDONLY : 0);
  tree.mount(guestPath, fs, what.hostPath, flags);
}
