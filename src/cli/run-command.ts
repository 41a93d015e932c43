/** What `cloister run` does: opens what is to be run, puts an instance together, gives its status. */

import { existsSync, readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { ENOENT } from '../abi/errno.table.ts';
import type { Clock, Logger } from '../base/interfaces.ts';
import { forwardSignals } from '../host/forward-signals.ts';
import { createNativeHost, type NativeHost } from '../host/native/native-host.ts';
import { NodeHost } from '../host/node-host.ts';
import { inheritedStream } from '../host/stdio.ts';
import { isTerminal, ownTerminal } from '../host/terminal.ts';
import { TranslationFolder } from '../host/translation-files.ts';
import type { Image } from '../image/open.ts';
import { SpawnError } from '../kernel/exec/errors.ts';
import type { AccessRules, HostAccess } from '../net/host-access.ts';
import type { FrontDoors } from '../runtime/front/front-doors.ts';
import { Instance, type InstanceParts, type RootContext } from '../runtime/instance.ts';
import { planImage, planUnmeasured, type RunPlan, type RunRequest } from '../runtime/plan.ts';
import type { FileSystem } from '../vfs/file-system.ts';
import { CommandError, RUN_STATUS } from './errors.ts';
import { exitStatusOf } from './exit-status.ts';
import type { RunOptions } from './run.ts';
import type { RunAttestation } from './run-attestation.ts';
import {
  parseBytes,
  parseCpus,
  parseEnv,
  parseEnvFile,
  parseHostName,
  parseMount,
  parsePort,
  parseSecret,
  parseSeed,
  parseTmpfs,
  parseUser,
  parseVolume,
  parseWorkdir,
} from './run-options.ts';
import type { RunProof } from './run-proof.ts';
import {
  completeMachine,
  folderRoot,
  type HostContext,
  imageRoot,
  machineRoot,
  mountAll,
} from './run-roots.ts';
import type { RunTools } from './run-tools.ts';

interface Prepared {
  readonly plan: RunPlan;
  readonly makeRoot: (context: RootContext & HostContext, plan: RunPlan) => FileSystem;
  /** Only a measured image can be attested. */
  readonly measured?: { readonly image: Image; readonly proof: RunProof };
}

/** What opens the volumes of a run: loaded when there are some. */
export type VolumeOpener = () => Promise<Pick<typeof import('./run-volumes.ts'), 'sealedMounts'>>;

export async function runCommand(
  command: readonly string[],
  options: RunOptions,
  volumes?: VolumeOpener,
): Promise<void> {
  const logger = createLogger(options.verbose === true);
  const { instance, native, doors, tools } = await assemble(
    command,
    options,
    logger,
    ({ ioctl }, host) => {
      const terminal = wantsTerminal(options) ? ownTerminal(ioctl, () => host.wake()) : undefined;
      return {
        terminal,
        streams: [0, 1, 2].map((fd) =>
          terminal !== undefined && (fd < 2 || isTerminal(fd))
            ? undefined
            : inheritedStream(fd, host.countPending),
        ),
        // In a raw terminal a line ends by a return, too.
        printTrace: (line) => process.stderr.write(`${line}${terminal ? '\r\n' : '\n'}`),
      };
    },
    volumes,
  );
  forwardSignals((signal) => instance.signal(signal));
  const status = exitStatusOf(await started(instance, doors));
  tools?.finish();
  process.emit('exit', status);
  flushCompileCache();
  native.exit(status);
}

/** Where an instance reads and writes. */
export interface Surroundings extends Pick<InstanceParts, 'streams' | 'terminal'> {
  readonly printTrace: (line: string) => void;
}

export interface Assembled {
  readonly instance: Instance;
  readonly native: NativeHost;
  readonly plan: RunPlan;
  /** Both of a measured image only. */
  readonly image?: Image | undefined;
  readonly attestation?: RunAttestation | undefined;
  /** Of an image with any. */
  readonly doors?: FrontDoors | undefined;
  /** What looks on, if anything was asked for. */
  readonly tools?: RunTools | undefined;
}

/**
 * Puts an instance together; nothing runs yet. `surround` is called once everything that can be
 * refused was permitted.
 */
export async function assemble(
  command: readonly string[],
  options: RunOptions,
  logger: Logger,
  surround: (native: NativeHost, host: NodeHost) => Surroundings,
  volumes: VolumeOpener = () => import('./run-volumes.ts'),
): Promise<Assembled> {
  const request = toRequest(command, options);
  const { scheduleSeed } = options;
  const { plan, makeRoot, measured } = await prepare(request, options);
  const image = measured?.image;
  const attestation = await attestationOf(measured, plan, options, logger);
  // Keys of volumes that the broker released go to the volumes, not to the guest.
  const sealed =
    plan.sealed.length === 0
      ? []
      : await (await volumes()).sealedMounts(plan.sealed, attestation, logger);
  const native = createNativeHost();
  const { pages, code, entropy, clock, files } = native;
  const host = new NodeHost({ clock, entropy, logger });
  const tools = await toolsOf(options, native, clock);
  const access = await networkOf(plan.network, native, host, logger);
  const { printTrace, ...io } = surround(native, host);
  const instance = new Instance(
    {
      ...{ host, pages, code },
      makeRoot: (context) => makeRoot({ ...context, files }, plan),
      mountAll: (tree, context) => {
        if (makeRoot === machineRoot) completeMachine(tree, plan);
        mountAll(tree, { ...context, files }, plan, sealed, attestation?.source);
      },
      ...io,
      ...{ network: access, observer: tools?.observer, watchCalls: tools?.watchCalls },
      trace: options.strace ? printTrace : undefined,
      randomizeLayout: options.aslr,
      translations: await translationsOf(image, logger),
      ...(scheduleSeed === undefined ? {} : { scheduleSeed: parseSeed(scheduleSeed) }),
    },
    plan,
  );
  const wake = (): void => host.wake();
  const doors =
    image && attestation && (plan.ingress !== undefined || plan.egress !== undefined)
      ? await (await import('./run-doors.ts')).openDoors(
          plan,
          { instance, image, attestation, logger, wake },
          options,
        )
      : undefined;
  tools?.attach(instance);
  return { instance, native, plan, image, attestation, doors, tools };
}

/** Loaded only when something is to be looked at. */
async function toolsOf(
  options: RunOptions,
  native: NativeHost,
  clock: Clock,
): Promise<RunTools | undefined> {
  const { profile, perfMap, stats, statsFile } = options;
  if (profile === undefined && statsFile === undefined && !perfMap && !stats) return undefined;
  const { RunTools } = await import('./run-tools.ts');
  return new RunTools(options, native, clock);
}

/** The host's network, where the plan uses any of it: else nothing of it is opened. */
async function networkOf(
  rules: AccessRules,
  native: NativeHost,
  host: NodeHost,
  logger: Logger,
): Promise<HostAccess | undefined> {
  if (!rules.isOpen && rules.published.length === 0) return undefined;
  const network = await native.network();
  const { HostAccess, PublishError } = await import('../net/host-access.ts');
  host.sockets = network;
  try {
    return new HostAccess(network, rules, (message) => logger.log('warn', message));
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    throw new CommandError(error.code, error.message, RUN_STATUS.failed);
  }
}

/** Runs to the end; a program that cannot be started gives Docker's 126 and 127. */
export async function started(instance: Instance, doors?: FrontDoors): Promise<number> {
  try {
    const status = await instance.run();
    await doors?.close();
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
    refusePins(options);
    if (options.image !== undefined)
      throw new CommandError('CLOISTER_USAGE', 'give --image or --rootfs, not both');
    const writable = options.rootfsRw === true;
    return {
      plan: planUnmeasured(request),
      makeRoot: (context, plan) => folderRoot(rootfs, writable, context, plan),
    };
  }
  const path = options.image ?? imageOfProject(request);
  if (path === undefined) {
    refusePins(options);
    return { plan: planUnmeasured(request), makeRoot: machineRoot };
  }
  const { openToRun } = await import('./image-trust.ts');
  const { openProof } = await import('./run-proof.ts');
  const proof = await openProof();
  const image = await openToRun(path, options, async (head) => {
    const { releasedKey } = await import('./image-key.ts');
    return releasedKey(head, options, proof);
  });
  return {
    plan: planImage(image.config, request, (name) => process.env[name]),
    makeRoot: await imageRoot(image),
    measured: { image, proof },
  };
}

/** What is not measured has neither a signer nor a measurement. */
function refusePins({ signer, measurement, imageKey }: RunOptions): void {
  if (signer === undefined && measurement === undefined && imageKey === undefined) return;
  const message = '--signer, --measurement and --image-key: only an image has them, this is none';
  throw new CommandError('CLOISTER_USAGE', message);
}

/** As Docker: -t wants one; without it, a terminal is used where there is one, unless -i is alone. */
function wantsTerminal({ tty, interactive }: RunOptions): boolean {
  if (tty === true && !isTerminal(0))
    throw new CommandError('CLOISTER_USAGE', '-t: the input device is not a TTY');
  return tty ?? (interactive !== true && isTerminal(0) && isTerminal(1));
}

/** What this machine keeps is its word only: a measured image brings its own. */
async function translationsOf(image: Image | undefined, logger: Logger) {
  if (image === undefined) return new TranslationFolder(logger);
  const { imageTranslations } = await import('./run-translations.ts');
  return imageTranslations(image, logger);
}

/** Only what is measured can be attested. */
async function attestationOf(
  measured: Prepared['measured'],
  plan: RunPlan,
  options: RunOptions,
  logger: Logger,
) {
  if (measured !== undefined) {
    const { attestRun } = await import('./run-attestation.ts');
    return attestRun(measured.image, plan.broker, options, logger, measured.proof);
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

function toRequest(command: readonly string[], options: RunOptions): RunRequest {
  const files = (options.envFile ?? []).map((file) => [readEnvFile(file), file] as const);
  const environment = [
    ...files.flatMap(([text, file]) => parseEnvFile(text, file, process.env)),
    ...(options.env ?? []).map((text) => parseEnv(text, process.env)),
  ].filter((pair) => pair !== undefined);
  const { network } = options;
  if (network !== undefined && network !== 'none' && network !== 'host')
    throw new CommandError('CLOISTER_USAGE', `--network ${network}: none or host`);
  const { entrypoint, hostname, workdir } = options;
  return {
    command: entrypoint === undefined ? command : [entrypoint, ...command],
    environment,
    tmpfs: (options.tmpfs ?? []).map(parseTmpfs),
    isRootReadOnly: options.readOnly === true,
    hostName: hostname === undefined ? undefined : parseHostName(hostname),
    binds: (options.volume ?? []).map(parseVolume),
    sealed: (options.mount ?? []).map(parseMount),
    workingDir: workdir === undefined ? undefined : parseWorkdir(workdir),
    user: options.user === undefined ? undefined : parseUser(options.user),
    cpus: options.cpus === undefined ? undefined : parseCpus(options.cpus),
    memoryBytes: options.memory === undefined ? undefined : parseBytes('--memory', options.memory),
    network,
    published: (options.publish ?? []).flatMap(parsePort),
    brokerUrl: options.kbs,
    brokerKey: options.kbsKey,
    secrets: (options.secret ?? []).map(parseSecret),
    isWatched: isWatched(options),
  };
}

function isWatched({ strace, profile, perfMap, stats, statsFile }: RunOptions): boolean {
  return profile !== undefined || statsFile !== undefined || !!strace || !!perfMap || !!stats;
}

function readEnvFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CommandError('CLOISTER_USAGE', `--env-file ${path}: ${(cause as Error).message}`);
  }
}

function createLogger(verbose: boolean): Logger {
  return {
    log: (level, message) => {
      if (verbose || level === 'error' || level === 'warn')
        // The return is for a terminal that guests have in raw mode.
        process.stderr.write(`cloister: ${message}${process.stderr.isTTY ? '\r' : ''}\n`);
    },
  };
}
