/** The three kinds of root that a run can have: a measured image, a prepared folder, this machine. */

import { basename, dirname } from 'node:path';
import { S_IFMT, S_IFREG } from '../abi/file-mode.ts';
import { ST_NODEV, ST_NOEXEC, ST_NOSUID, ST_RDONLY } from '../abi/stat-layout.ts';
import { type AttestationSource, addAttestation } from '../fs/devfs/attestation.ts';
import { makeDevfs } from '../fs/devfs/devfs.ts';
import { addSgxDevice } from '../fs/devfs/sgx-device.ts';
import { Hostfs } from '../fs/hostfs/hostfs.ts';
import { Overlay } from '../fs/overlay/overlay.ts';
import { Tmpfs } from '../fs/tmpfs/tmpfs.ts';
import { openHostFolder } from '../host/host-folder.ts';
import type { FileCalls } from '../host/native/file-calls.ts';
import type { Image } from '../image/open.ts';
import { DEFAULT_HOST_NAME } from '../kernel/kernel.ts';
import type { MountContext, RootContext } from '../runtime/instance.ts';
import type { TreeBuilder } from '../runtime/mounts.ts';
import type { RunPlan } from '../runtime/plan.ts';
import { fromText } from '../vfs/byte-string.ts';
import type { FileSystem } from '../vfs/file-system.ts';
import { CommandError, RUN_STATUS } from './errors.ts';

export const mountError = (message: string): CommandError =>
  new CommandError('CLOISTER_MOUNT', message, RUN_STATUS.failed);

const PUBLIC_NAMES = new Set(['usr', 'bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'etc']);

/** What opens folders of this host. */
export interface HostContext {
  readonly files: FileCalls;
}

interface FolderOptions {
  readonly readOnly: boolean;
  readonly publicNames?: ReadonlySet<string>;
}

function hostFolder(
  path: string,
  { clock, segments, files }: RootContext & HostContext,
  options: FolderOptions,
  what: string,
): Hostfs {
  const folder = openHostFolder(files, path);
  const stat = typeof folder === 'number' ? folder : folder.stat('');
  if (typeof folder === 'number' || typeof stat === 'number')
    throw mountError(`${what}: no such folder on this host (none is made there)`);
  const mayChangeOwner = process.getuid?.() === 0;
  return new Hostfs(folder, stat, { clock, segments, ...options, mayChangeOwner });
}

/** A regular file of the host as a file system of its own; undefined when it is none. */
function hostFile(
  path: string,
  { clock, segments, files }: RootContext & HostContext,
  readOnly: boolean,
): Hostfs | undefined {
  const folder = openHostFolder(files, dirname(path));
  if (typeof folder === 'number') return undefined;
  const file = fromText(basename(path));
  const stat = file === '' ? -1 : folder.stat(file);
  if (typeof stat === 'number' || (stat.mode & S_IFMT) !== S_IFREG) {
    folder[Symbol.dispose]();
    return undefined;
  }
  const mayChangeOwner = process.getuid?.() === 0;
  return new Hostfs(folder, stat, { clock, segments, readOnly, file, mayChangeOwner });
}

const writableLayer = ({ clock, segments }: RootContext, plan: RunPlan): Tmpfs =>
  new Tmpfs(clock, segments, { sizeBytes: plan.tmpfsBytes, mode: 0o755 });

/** The machine's own public files below, changes in memory above. Unmeasured. */
export function machineRoot(context: RootContext & HostContext, plan: RunPlan): FileSystem {
  const lower = hostFolder('/', context, { readOnly: true, publicNames: PUBLIC_NAMES }, '/');
  return new Overlay(context.clock, lower, writableLayer(context, plan));
}

/** Folders that every distribution has and programs write to, empty (Filesystem Hierarchy Standard 3.0). */
const USUAL_FOLDERS: readonly (readonly [path: string, mode: number])[] = [
  ['/root', 0o700],
  ...['/home', '/mnt', '/opt', '/srv', '/media'].map((path) => [path, 0o755] as const),
  ...['cache', 'lib', 'log', 'spool'].map((name) => [`/var/${name}`, 0o755] as const),
  ['/var/tmp', 0o1777],
];

/**
 * What the machine's public files lack to be a root, in the layer in memory: the usual folders, and the
 * guest's own name, which resolves, as Docker has it.
 */
export function completeMachine(tree: TreeBuilder, plan: RunPlan): void {
  for (const [path, mode] of USUAL_FOLDERS) tree.makeFolder(path, mode);
  tree.symlink('/var/run', '/run');
  tree.appendLine('/etc/hosts', `127.0.0.1\t${plan.hostName ?? DEFAULT_HOST_NAME}`);
}

/** A prepared folder as root; changes stay in memory unless `writable`. Unmeasured. */
export function folderRoot(
  path: string,
  writable: boolean,
  context: RootContext & HostContext,
  plan: RunPlan,
): FileSystem {
  const root = hostFolder(path, context, { readOnly: !writable }, `--rootfs ${path}`);
  return writable ? root : new Overlay(context.clock, root, writableLayer(context, plan));
}

/** The measured files of an image, verified as they are read; changes in memory above. */
export async function imageRoot(image: Image) {
  const { VerityFileSystem } = await import('../fs/verity/verity-file-system.ts');
  return (context: RootContext, plan: RunPlan): FileSystem => {
    const { clock, segments } = context;
    const lower = new VerityFileSystem(image.tree, {
      ...{ clock, segments },
      // No guest goes on with half an image: the run ends here.
      onDamage: (damage) => {
        process.stderr.write(`cloister: ${damage.message}\n`);
        process.exit(RUN_STATUS.failed);
      },
    });
    return new Overlay(clock, lower, writableLayer(context, plan));
  };
}

/** /proc, /sys, /dev, /tmp, /run and what the plan mounts. */
export function mountAll(
  tree: TreeBuilder,
  context: MountContext & HostContext,
  plan: RunPlan,
  sealed: readonly SealedMount[],
  attestation?: AttestationSource,
): void {
  const { clock, segments } = context;
  for (const path of ['/tmp', '/run']) tree.makeFolder(path, 0o1777);
  tree.mount('/proc', context.proc, 'proc', ST_NOSUID | ST_NODEV | ST_NOEXEC);
  const isFixed = ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC;
  tree.mount('/sys', context.sys, 'sysfs', isFixed);
  const devfs = makeDevfs(clock, segments);
  if (attestation !== undefined) {
    addAttestation(devfs, context.devices, attestation);
    addSgxDevice(devfs, context.devices, attestation);
  }
  tree.mount('/dev', devfs, 'tmpfs', ST_NOSUID);
  tree.mount('/dev/pts', context.devpts, 'devpts', ST_NOSUID | ST_NOEXEC);
  tree.mount('/dev/shm', new Tmpfs(clock, segments), 'shm', ST_NOSUID | ST_NODEV);
  for (const { target, sizeBytes, mode } of plan.tmpfs) {
    const options = {
      ...(sizeBytes === undefined ? {} : { sizeBytes }),
      ...(mode === undefined ? {} : { mode }),
    };
    tree.mount(target, new Tmpfs(clock, segments, options), 'tmpfs', ST_NOSUID | ST_NODEV);
  }
  for (const { hostPath, guestPath, readOnly } of plan.binds) {
    const flags = ST_NODEV | ST_NOSUID | (readOnly ? ST_RDONLY : 0);
    const file = hostFile(hostPath, context, readOnly);
    if (file !== undefined) {
      tree.makeFile(guestPath);
      tree.mountOver(guestPath, file, hostPath, flags);
      continue;
    }
    const folder = hostFolder(hostPath, context, { readOnly }, `-v ${hostPath}`);
    tree.mount(guestPath, folder, hostPath, flags);
  }
  for (const { target, source, readOnly, open } of sealed) {
    const flags = ST_NODEV | ST_NOSUID | (readOnly ? ST_RDONLY : 0);
    tree.mount(target, open(context), source, flags);
  }
}

export interface SealedMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  open(context: RootContext): FileSystem;
}
