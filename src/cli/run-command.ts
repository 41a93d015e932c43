/** What `cloister run` does: opens what is to be run, puts an instance together, gives its status. */

import { existsSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { ENOENT } from '../abi/errno.table.ts';
import type { Logger } from '../base/interfaces.ts';
import { NativeClock } from '../host/native/clock.ts';
import { createNativeHost } from '../host/native/native-host.ts';
import { NodeHost } from '../host/node-host.ts';
import { inheritedStream } from '../host/stdio.ts';
import { ownTerminal } from '../host/terminal.ts';
import { TranslationFolder } from '../host/translation-files.ts';
import type { Image } from '../image/open.ts';
import { SpawnError } from '../kernel/exec/errors.ts';
import { Instance, type RootContext } from '../runtime/instance.ts';
import { planImage, planUnmeasured, type RunPlan, type RunRequest } from '../runtime/plan.ts';
import type { FileSystem } from '../vfs/file-system.ts';
import { CommandError, RUN_STATUS } from './errors.ts';
import type { RunOptions } from './run.ts';
import {
  parseBytes,
  parseEnv,
  parseMount,
  parseSecret,
  parseUser,
  parseVolume,
} from './run-options.ts';
import { folderRoot, imageRoot, machineRoot, mountAll, sealedMounts } from './run-roots.ts';

interface Prepared {
  readonly plan: RunPlan;
  readonly makeRoot: (context: RootContext, plan: RunPlan) => FileSystem;
  /** Only a measured image can be attested. */
  readonly image?: Image;
}

export async function runCommand(command: readonly string[], options: RunOptions): Promise<void> {
  const request = toRequest(command, options);
  const { plan, makeRoot, image } = await prepare(request, options);
  const logger = createLogger(options.verbose === true);
  const attestation = await attestationOf(image, plan, options, logger);
  // Keys of volumes that the broker released go to the volumes, not to the guest.
  const sealed = await sealedMounts(plan.sealed, (name) => attestation?.takeKey(name), logger);
  const native = createNativeHost();
  const { pages, code, entropy } = native;
  const host = new NodeHost({ clock: new NativeClock(), entropy, logger });
  const terminal = ownTerminal(() => host.wake());
  // The event loop must get its turns while guests run: Ctrl-C stops a busy one.
  if (terminal !== undefined) host.countPending(1);
  const instance = new Instance(
    {
      ...{ host, pages, code },
      makeRoot: (context) => makeRoot(context, plan),
      mountAll: (tree, context) => mountAll(tree, context, plan, sealed, attestation?.source),
      streams:
        terminal === undefined ? [0, 1, 2].map((fd) => inheritedStream(fd, host.countPending)) : [],
      terminal,
      trace: options.strace ? (line) => process.stderr.write(`${line}\n`) : undefined,
      randomizeLayout: options.aslr,
      // What this machine keeps is its word only: a measured image does not take it.
      translations: image ? undefined : new TranslationFolder(logger),
      ...(options.scheduleSeed === undefined ? {} : { scheduleSeed: Number(options.scheduleSeed) }),
    },
    plan,
  );
  const status = exitStatusOf(await started(instance));
  process.emit('exit', status);
  flushCompileCache();
  native.exit(status);
}

/** Runs to the end; a program that cannot be started gives Docker's 126 and 127. */
async function started(instance: Instance): Promise<number> {
  try {
    const status = await instance.run();
    instance.close();
    return status;
  } catch (error) {
    if (!(error instanceof SpawnError)) throw error;
    const exitStatus = error.errno === ENOENT ? RUN_STATUS.notFound : RUN_STATUS.notExecutable;
    throw new CommandError(error.code, error.message, exitStatus);
  }
}

/** Which root, and what of the request it permits. */
async function prepare(request: RunRequest, options: RunOptions): Promise<Prepared> {
  const { rootfs } = options;
  if (rootfs !== undefined) {
    if (options.image !== undefined)
      throw new CommandError('CLOISTER_USAGE', 'give --image or --rootfs, not both');
    const writable = options.rootfsRw === true;
    return {
      plan: planUnmeasured(request),
      makeRoot: (context, plan) => folderRoot(rootfs, writable, context, plan),
    };
  }
  const path = options.image ?? imageOfProject(request);
  if (path === undefined) return { plan: planUnmeasured(request), makeRoot: machineRoot };
  const { NodeImageSource } = await import('../host/image-files.ts');
  const { openImage } = await import('../image/open.ts');
  const { nodeCrypto } = await import('../host/crypto.ts');
  const { readKeyFile } = await import('../host/volume-file.ts');
  const ownerKey = options.imageKey === undefined ? undefined : readKeyFile(options.imageKey);
  const image = openImage(new NodeImageSource(path), {}, nodeCrypto, ownerKey);
  return {
    plan: planImage(image.config, request, (name) => process.env[name]),
    makeRoot: await imageRoot(image),
    image,
  };
}

/** Only what is measured can be attested. */
async function attestationOf(
  image: Image | undefined,
  plan: RunPlan,
  options: RunOptions,
  logger: Logger,
) {
  if (image !== undefined) {
    const { attestRun } = await import('./run-attestation.ts');
    return attestRun(image, plan.broker, options, logger);
  }
  if (options.evidence === undefined && options.secret === undefined) return undefined;
  const message = '--evidence and --secret: only a measured image can be attested, this is none';
  throw new CommandError('CLOISTER_USAGE', message);
}

/** A plain `cloister run` in a project runs its image; a program given there runs from the machine. */
function imageOfProject(request: RunRequest): string | undefined {
  if (request.command.length > 0 || !existsSync('cloister.yaml')) return undefined;
  if (existsSync(join('image', 'index.json'))) return 'image';
  throw new CommandError('CLOISTER_USAGE', 'this project has no image: run `cloister build` first');
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
    brokerUrl: options.kbs,
    brokerKey: options.kbsKey,
    secrets: (options.secret ?? []).map(parseSecret),
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
