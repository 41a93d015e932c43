/**
 * What one run is to be: the measured configuration of an image with the overrides that it permits,
 * or, without an image, what the command line says. Pure: decides, does nothing.
 */

import type { ImageBroker, ImageConfig, OverrideName } from '../image/config-schema.ts';
import type { EgressConfig, IngressConfig } from '../image/door-schema.ts';
import { parseConnectRule, parseListenRule } from '../net/access-rules.ts';
import {
  type AccessRules,
  type ConnectRule,
  coversPort,
  type ListenRule,
  type PublishedPort,
} from '../net/host-access.ts';

export interface BindMountSpec {
  readonly hostPath: string;
  readonly guestPath: string;
  readonly readOnly: boolean;
}

export interface SealedMountSpec {
  readonly source: string;
  readonly target: string;
  readonly keyFile: string | undefined;
  /** Freshness anchor, the key broker, a file or `tpm:…`: an older state of the volume is refused. */
  readonly anchor?: 'broker' | { readonly place: string };
  /** Name of a secret that the key broker releases to this run. */
  readonly keyName?: string;
  readonly readOnly: boolean;
}

/** The broker that a run attests to, and what it fetches there. */
export interface BrokerSpec {
  readonly url: string;
  /** `ed25519:` and the key in hexadecimal: an impostor's secrets are refused. */
  readonly key: string;
  /** Name inside, REPOSITORY/TYPE/TAG at the broker. */
  readonly secrets: readonly (readonly [string, string])[];
}

/** A door into the instance, and where the host listens for it. */
export interface IngressSpec extends IngressConfig {
  readonly at: readonly { readonly host: string; readonly port: number }[];
}

export interface TmpfsSpec {
  readonly target: string;
  /** Undefined: half of the memory. */
  readonly sizeBytes: number | undefined;
  /** Permission bits of its root. */
  readonly mode?: number;
}

/** What the command line (or an embedder) asks for; absent fields are not asked for. */
export interface RunRequest {
  readonly command: readonly string[];
  readonly environment: readonly (readonly [string, string])[];
  readonly binds: readonly BindMountSpec[];
  readonly sealed: readonly SealedMountSpec[];
  readonly workingDir: string | undefined;
  readonly tmpfs: readonly TmpfsSpec[];
  readonly isRootReadOnly: boolean;
  readonly hostName: string | undefined;
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  readonly memoryBytes: number | undefined;
  readonly cpus?: number | undefined;
  readonly network: 'none' | 'host' | undefined;
  readonly published: readonly PublishedPort[];
  readonly brokerUrl?: string | undefined;
  readonly brokerKey?: string | undefined;
  readonly secrets?: readonly (readonly [string, string])[];
  /** Whoever starts it wants to see what the program does: calls with their data, places in code. */
  readonly isWatched?: boolean;
}

export interface RunPlan {
  readonly argv: readonly string[];
  /** `NAME=value`. */
  readonly environment: readonly string[];
  readonly workingDir: string;
  readonly uid: number;
  readonly gid: number;
  readonly binds: readonly BindMountSpec[];
  readonly sealed: readonly SealedMountSpec[];
  readonly tmpfs: readonly TmpfsSpec[];
  readonly isRootReadOnly: boolean;
  /** Undefined: the kernel's own. */
  readonly hostName: string | undefined;
  readonly memoryBytes: number;
  /** Processors that guests see and run on at the same time. */
  readonly cpus: number;
  readonly maxTasks: number;
  readonly openFiles: number;
  /** Bytes of the writable layer. */
  readonly tmpfsBytes: number;
  /** What of the host's network may be used. */
  readonly network: AccessRules;
  readonly broker?: BrokerSpec;
  /** Attested TLS before servers inside, and behind clients inside. */
  readonly ingress?: readonly IngressSpec[];
  readonly egress?: readonly EgressConfig[];
}

/** A run asks for what the image does not permit, or for nothing that can be run. */
export class PlanError extends Error {
  readonly code = 'CLOISTER_USAGE';
}

const GIB = 2 ** 30;

/** What a program outside of any image gets; like a container without limits. */
const DEFAULTS = {
  environment: [
    ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    ['HOME', '/root'],
  ],
  memoryBytes: 16 * GIB,
  maxTasks: 4096,
  openFiles: 1024,
  tmpfsBytes: 4 * GIB,
} as const;

function merged(...layers: readonly (readonly (readonly [string, string])[])[]): string[] {
  const all = new Map(layers.flat().map(([name, value]) => [name, value]));
  return [...all].map(([name, value]) => `${name}=${value}`);
}

/** A run of the host's own programs or of a prepared root: nothing is measured. */
export function planUnmeasured(request: RunRequest): RunPlan {
  if (request.command.length === 0)
    throw new PlanError(
      'no program given, and no image here: cloister run -- PROGRAM, or `cloister build` first',
    );
  return {
    argv: request.command,
    environment: merged(DEFAULTS.environment, request.environment),
    workingDir: request.workingDir ?? '/',
    uid: request.user?.uid ?? 0,
    gid: request.user?.gid ?? 0,
    binds: request.binds,
    sealed: request.sealed,
    tmpfs: request.tmpfs,
    isRootReadOnly: request.isRootReadOnly,
    hostName: request.hostName,
    memoryBytes: request.memoryBytes ?? DEFAULTS.memoryBytes,
    cpus: request.cpus ?? 1,
    maxTasks: DEFAULTS.maxTasks,
    openFiles: DEFAULTS.openFiles,
    tmpfsBytes: DEFAULTS.tmpfsBytes,
    network: accessOf(request.network ?? 'none', request.published, undefined, undefined),
  };
}

/** Refuses what was asked for unless the image permits it. */
type Allow = (asked: boolean, name: OverrideName, what: string) => void;

/**
 * A run of a measured image. `hostEnvironment` gives the values of the variables that the image
 * takes from the host by name. Throws {@link PlanError} naming the key that would permit more.
 */
export function planImage(
  config: ImageConfig,
  request: RunRequest,
  hostEnvironment: (name: string) => string | undefined,
): RunPlan {
  const allow: Allow = (asked, name, what) => {
    if (asked && !config.overrides[name])
      throw new PlanError(
        `${config.name}: ${what} is not permitted by the image; \`overrides: { ${name}: true }\` ` +
          'in its cloister.yaml would permit it (and change its measurement)',
      );
  };
  const otherNetwork = request.network !== undefined && request.network !== config.network;
  const { binds, sealed, tmpfs, hostName } = request;
  allow(request.environment.length > 0, 'environment', 'setting the environment (-e)');
  allow(hostName !== undefined, 'environment', 'another host name (--hostname)');
  const mountCount = binds.length + sealed.length + tmpfs.length;
  allow(mountCount > 0, 'mounts', 'mounting (-v, --mount, --tmpfs)');
  allow(request.isRootReadOnly, 'mounts', 'a read-only root (--read-only)');
  allow(request.user !== undefined, 'user', 'another user (-u)');
  allow(request.workingDir !== undefined, 'working_dir', 'another working directory (-w)');
  allow(request.memoryBytes !== undefined, 'limits', 'another memory limit (--memory)');
  allow(request.cpus !== undefined, 'limits', 'another number of processors (--cpus)');
  allow(otherNetwork, 'network', 'another network (--network)');
  const otherBroker = request.brokerKey !== undefined && request.brokerKey !== config.broker?.key;
  allow(otherBroker, 'secrets', 'another key broker (--kbs-key)');
  allow((request.secrets ?? []).length > 0, 'secrets', 'other secrets (--secret)');
  // Who may run any program inside sees as much.
  allow(
    request.isWatched === true,
    'program',
    'watching it (--strace, --profile, --perf-map, --stats)',
  );
  const mounts = mountsOf(config, request);
  const broker = brokerOf(config.broker, request, mounts.sealed);
  const { ingress, published } = ingressOf(config, request.published);
  for (const { guestPort, protocol } of published) {
    const rules = rulesOf(config, config.listen, parseListenRule);
    const isListed = rules?.some((rule) => coversPort(rule, guestPort, protocol)) ?? false;
    const isOpen = config.network === 'host' && rules === undefined;
    allow(!isListed && !isOpen, 'network', `publishing port ${guestPort} (-p)`);
  }
  const fromHost = config.environment.fromHost.flatMap((name) => {
    const value = hostEnvironment(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const fixed = Object.entries(config.environment.fixed);
  return {
    argv: commandOf(config, request, allow),
    environment: merged(fromHost, fixed, request.environment),
    workingDir: request.workingDir ?? config.workingDir,
    uid: request.user?.uid ?? config.uid,
    gid: request.user?.gid ?? config.gid,
    ...mounts,
    isRootReadOnly: request.isRootReadOnly,
    hostName,
    memoryBytes: request.memoryBytes ?? config.limits.memoryBytes,
    cpus: request.cpus ?? config.cpus ?? 1,
    maxTasks: config.limits.processes,
    openFiles: config.limits.openFiles,
    tmpfsBytes: config.limits.tmpfsBytes,
    network: accessOf(
      request.network ?? config.network,
      published,
      rulesOf(config, config.listen, parseListenRule),
      rulesOf(config, config.connect, parseConnectRule),
    ),
    ...(broker === undefined ? {} : { broker }),
    ...(ingress === undefined ? {} : { ingress }),
    ...(config.egress === undefined ? {} : { egress: config.egress }),
  };
}

/**
 * Where the host listens for a door is the host's to choose: `-p` of its port leads to the door, and
 * to nothing else.
 */
function ingressOf(config: ImageConfig, published: readonly PublishedPort[]) {
  const isOf = (port: number) => (one: PublishedPort) =>
    one.guestPort === port && one.protocol === 'tcp';
  const ingress = config.ingress?.map((door): IngressSpec => {
    const chosen = published.filter(isOf(door.port)).map(({ host }) => host);
    const at = chosen.map(({ ip, port }) => ({ host: String(ip), port }));
    return { ...door, at: at.length > 0 ? at : [{ host: '0.0.0.0', port: door.port }] };
  });
  const isDoor = (one: PublishedPort) => ingress?.some(({ port }) => isOf(port)(one)) ?? false;
  return { ingress, published: published.filter((one) => !isDoor(one)) };
}

/** The way to the broker is the host's to choose; its key, when measured, is not. */
function brokerOf(
  measured: ImageBroker | undefined,
  request: RunRequest,
  sealed: readonly SealedMountSpec[],
): BrokerSpec | undefined {
  const url = request.brokerUrl ?? measured?.url;
  const key = request.brokerKey ?? measured?.key;
  const asked = new Map([...Object.entries(measured?.secrets ?? {}), ...(request.secrets ?? [])]);
  if (asked.size === 0 && !sealed.some(({ anchor }) => anchor === 'broker')) return undefined;
  // Without the broker's key anyone on the way could plant a secret of their own.
  if (key === undefined)
    throw new PlanError(
      '--secret and anchor=broker need --kbs-key ed25519:KEY (cloister kbs list shows it), or ' +
        '`broker.key` in the image',
    );
  if (url === undefined)
    throw new PlanError('the image asks a key broker: say where it is with --kbs URL');
  return { url, key, secrets: [...asked] };
}

function accessOf(
  network: 'none' | 'host',
  published: readonly PublishedPort[],
  listen: readonly ListenRule[] | undefined,
  connect: readonly ConnectRule[] | undefined,
): AccessRules {
  return { isOpen: network === 'host', listen, connect, published };
}

/** Rules of a measured configuration; what cannot be read is refused, not passed over. */
function rulesOf<Rule>(
  config: ImageConfig,
  texts: readonly string[] | undefined,
  parse: (text: string) => Rule | undefined,
): Rule[] | undefined {
  return texts?.map((text) => {
    const rule = parse(text);
    if (rule === undefined) throw new PlanError(`${config.name}: ${text} is no rule for a network`);
    return rule;
  });
}

function commandOf(config: ImageConfig, request: RunRequest, allow: Allow): readonly string[] {
  if (request.command.length === 0) return config.command;
  const [program, ...args] = request.command as [string, ...string[]];
  const isEntryPoint = config.entryPoints.includes(program);
  allow(!isEntryPoint, 'program', `program ${program} (not among its entry points)`);
  const isMeasured = request.command.join('\0') === config.command.join('\0');
  allow(args.length > 0 && !isMeasured, 'arguments', 'giving arguments');
  return request.command;
}

/** `broker`, `tpm` (where Linux has it) or `tpm:…` of a measured configuration. */
function anchorOf(text: string): NonNullable<SealedMountSpec['anchor']> {
  if (text === 'broker') return text;
  return { place: text === 'tpm' ? 'tpm:/dev/tpmrm0' : text };
}

function mountsOf(config: ImageConfig, request: RunRequest) {
  const binds: BindMountSpec[] = [...request.binds];
  const sealed: SealedMountSpec[] = [...request.sealed];
  const tmpfs: TmpfsSpec[] = [...request.tmpfs];
  for (const { type, target, source, readOnly, sizeBytes, key, anchor } of config.mounts) {
    if (type === 'tmpfs') {
      tmpfs.push({ target, sizeBytes });
      continue;
    }
    if (source === undefined)
      throw new PlanError(`${config.name}: the mount at ${target} names no source on this host`);
    if (type === 'hostfs') binds.push({ hostPath: source, guestPath: target, readOnly });
    else if (!sealed.some((mount) => mount.target === target))
      sealed.push({
        ...{ source, target, keyFile: undefined, readOnly },
        ...(key === undefined ? {} : { keyName: key }),
        ...(anchor === undefined ? {} : { anchor: anchorOf(anchor) }),
      });
  }
  return { binds, sealed, tmpfs };
}
