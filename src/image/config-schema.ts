/**
 * `cloister.yaml` as a schema: the one place with its keys, types, defaults and descriptions.
 * Parser, JSON schema and the measured run configuration are derived from it.
 */

import * as v from 'valibot';
import { MOST_PROCESSORS } from '../abi/processors.ts';
import { doorEntries, type MeasuredDoors, measuredDoors } from './door-schema.ts';

const UNIT_BYTES: Readonly<Record<string, number>> = {
  '': 1,
  K: 2 ** 10,
  KIB: 2 ** 10,
  M: 2 ** 20,
  MIB: 2 ** 20,
  G: 2 ** 30,
  GIB: 2 ** 30,
  T: 2 ** 40,
  TIB: 2 ** 40,
};
const SIZE = /^(\d+)\s*([kmgt]?(?:ib)?)$/i;

/** "512MiB", "2g" or a number of bytes → bytes; undefined when it is none of these. */
export function parseSize(text: string | number): number | undefined {
  const match = SIZE.exec(String(text).trim());
  const unit = UNIT_BYTES[(match?.[2] ?? '?').toUpperCase()];
  if (!match || unit === undefined) return undefined;
  const bytes = Number(match[1]) * unit;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

const text = (description: string) => v.pipe(v.string(), v.nonEmpty(), v.description(description));
const texts = (description: string) => v.pipe(v.array(v.string()), v.description(description));
const flag = (description: string) =>
  v.optional(v.pipe(v.boolean(), v.description(description)), false);
const absolute = (description: string) =>
  v.pipe(v.string(), v.regex(/^\/[^\0]*$/, 'must be an absolute path'), v.description(description));
const size = (description: string) =>
  v.pipe(
    v.union([v.pipe(v.number(), v.integer(), v.minValue(0)), v.string()]),
    v.check((value) => parseSize(value) !== undefined, 'must be a size such as 512MiB'),
    v.description(description),
  );
const count = (description: string) =>
  v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 31), v.description(description));
const cpus = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(1),
  v.maxValue(MOST_PROCESSORS),
  v.description('Processors that programs see and run on at the same time.'),
);
const mode = v.pipe(
  v.string(),
  v.regex(/^0?[0-7]{3,4}$/, 'must be an octal mode in quotes, such as "0755"'),
  v.description('Permission bits, octal, in quotes.'),
);

/** Who may vouch for the freshness of a volume of a measured run. */
export const ANCHOR = /^(broker|tpm|tpm:\S+)$/;

const mount = v.variant('type', [
  v.strictObject({
    type: v.literal('hostfs'),
    source: v.optional(text('Host folder; relative to where `cloister run` starts.')),
    target: absolute('Where it appears in the guest.'),
    read_only: v.optional(v.pipe(v.boolean(), v.description('Default true.')), true),
  }),
  v.strictObject({
    type: v.literal('tmpfs'),
    target: absolute('Where it appears in the guest.'),
    size: v.optional(size('Limit of its contents.')),
  }),
  v.strictObject({
    type: v.literal('sealed'),
    source: v.optional(text('Host folder or file of the volume.')),
    target: absolute('Where it appears in the guest.'),
    key: v.optional(text('Name of the key that unlocks it.')),
    anchor: v.optional(
      v.pipe(
        v.string(),
        v.regex(ANCHOR, 'must be broker, tpm, or tpm: and a place'),
        v.description('Who remembers its last commit: an older state is refused.'),
      ),
    ),
    read_only: flag('Mount without writing.'),
  }),
]);

const environment = v.strictObject({
  fixed: v.optional(
    v.pipe(v.record(v.string(), v.string()), v.description('Variables with measured values.')),
    {},
  ),
  from_host: v.optional(texts('Variables whose value the host may choose, by name.'), []),
});

const limits = v.strictObject({
  memory: v.optional(size('Guest memory of all processes together.'), '1GiB'),
  processes: v.optional(count('Processes and threads at the same time.'), 256),
  open_files: v.optional(count('RLIMIT_NOFILE of each process.'), 1024),
  tmpfs: v.optional(size('Contents of the writable layer and of /tmp.'), '256MiB'),
});

const overrides = v.strictObject({
  environment: flag('`-e NAME=VALUE`.'),
  mounts: flag('`-v HOST:GUEST` and `--mount`.'),
  user: flag('`-u UID[:GID]`.'),
  working_dir: flag('`-w DIR`.'),
  arguments: flag('Other arguments than those of `command`.'),
  program: flag('A program that is not among the entry points.'),
  limits: flag('`--memory`, `--cpus` and other limits.'),
  network: flag('`--network`.'),
  secrets: flag('`--kbs-key` and `--secret`: another key broker, other secrets.'),
});

const broker = v.strictObject({
  url: v.optional(text('Where it answers; `--kbs` gives another way to the same broker.')),
  key: v.pipe(
    v.string(),
    v.regex(/^ed25519:[0-9a-f]{64}$/, 'must be ed25519: and 64 hexadecimal digits'),
    v.description('Its key, as `cloister kbs list` shows it: no other broker is believed.'),
  ),
  image_key: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[^/]+\/[^/]+\/[^/]+$/, 'must be REPOSITORY/TYPE/TAG'),
      v.description('Of an encrypted image: the key of `--encrypt-key`, as the broker has it.'),
    ),
  ),
  secrets: v.optional(
    v.pipe(
      v.record(
        v.pipe(v.string(), v.regex(/^(?!\.)[\w.-]{1,64}$/, 'must be a file name')),
        v.pipe(v.string(), v.nonEmpty()),
      ),
      v.description('Name inside → REPOSITORY/TYPE/TAG at the broker.'),
    ),
    {},
  ),
});

const copy = v.union([
  absolute('A host file or folder that keeps its path.'),
  v.strictObject({
    from: text('Host file or folder; relative to cloister.yaml.'),
    to: absolute('Where it goes in the image.'),
    mode: v.optional(mode),
    uid: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
    gid: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  }),
]);

const files = v.strictObject({
  packages: v.optional(texts('Distribution packages, taken with their dependencies.'), []),
  copy: v.optional(v.pipe(v.array(copy), v.description('Files and folders of the host.')), []),
  directories: v.optional(
    v.array(v.strictObject({ path: absolute('The new directory.'), mode: v.optional(mode) })),
    [],
  ),
  symlinks: v.optional(
    v.pipe(v.record(v.string(), v.string()), v.description('Path of the link → its target.')),
    {},
  ),
  exclude: v.optional(texts('Guest paths to leave out, with everything below them.'), []),
  docs: flag('Keep /usr/share/{doc,man,info,lintian} of packages.'),
  base: v.optional(
    v.pipe(
      v.boolean(),
      v.description('Make /tmp, /proc, /dev, …, and a minimal /etc/passwd and /etc/group.'),
    ),
    true,
  ),
});

const LISTEN = /^(?:\*|\d{1,5}(?:-\d{1,5})?)(?:\/(?:tcp|udp))?$/;
const CONNECT =
  /^(?:\*|\[[0-9a-fA-F:.]+\](?:\/\d{1,3})?|[\d.]+(?:\/\d{1,2})?):(?:\*|\d{1,5}(?:-\d{1,5})?)(?:\/(?:tcp|udp))?$/;
/** YAML reads a plain port as a number. */
const rule = (form: RegExp, message: string) =>
  v.pipe(v.union([v.string(), v.number()]), v.transform(String), v.regex(form, message));

export const configSchema = v.strictObject({
  name: v.pipe(
    v.string(),
    v.regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/, 'must be lower-case letters, digits, ".", "_", "-"'),
    v.description('Name of the image.'),
  ),
  command: v.pipe(
    v.array(v.string()),
    v.minLength(1, 'must name a program'),
    v.description('Program and arguments that a plain `cloister run` starts.'),
  ),
  entry_points: v.optional(texts('Programs that a run may start; default: that of `command`.')),
  working_dir: v.optional(absolute('Working directory.'), '/'),
  user: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d+(?::\d+)?$/, 'must be "UID" or "UID:GID" in quotes'),
      v.description('User and group.'),
    ),
    '0:0',
  ),
  environment: v.optional(environment, {}),
  limits: v.optional(limits, {}),
  cpus: v.optional(cpus, 1),
  mounts: v.optional(v.pipe(v.array(mount), v.description('What a run mounts.')), []),
  network: v.optional(
    v.pipe(v.picklist(['none', 'host']), v.description('`none` has loopback only.')),
    'none',
  ),
  translations: v.optional(
    v.pipe(
      v.boolean(),
      v.description('Translate programs and libraries at build time: larger, starts faster.'),
    ),
    true,
  ),
  broker: v.optional(
    v.pipe(broker, v.description('Key broker whose secrets a run gets after it has attested.')),
  ),
  listen: v.optional(
    v.pipe(
      v.array(rule(LISTEN, 'must be a port such as 80, 8000-8010, 53/udp')),
      v.description('Ports that may be listened on over the host’s network; default: all.'),
    ),
  ),
  connect: v.optional(
    v.pipe(
      v.array(rule(CONNECT, 'must be ADDRESS[/BITS]:PORTS, such as 10.0.0.0/8:5432 or *:443')),
      v.description('Destinations that may be connected to; default: all.'),
    ),
  ),
  ...doorEntries,
  overrides: v.optional(
    v.pipe(overrides, v.description('What a run may change; nothing by default.')),
    {},
  ),
  files: v.optional(v.pipe(files, v.description('What is in the image.')), {}),
});

/** A valid `cloister.yaml` with its defaults filled in. */
export type BuildConfig = v.InferOutput<typeof configSchema>;

type Mount = BuildConfig['mounts'][number];

/** What a run needs to know: the measured part of the configuration that is not files. */
export interface ImageConfig extends MeasuredDoors {
  readonly name: string;
  readonly command: readonly string[];
  readonly entryPoints: readonly string[];
  readonly workingDir: string;
  readonly uid: number;
  readonly gid: number;
  readonly environment: {
    readonly fixed: Readonly<Record<string, string>>;
    readonly fromHost: readonly string[];
  };
  readonly limits: {
    readonly memoryBytes: number;
    readonly processes: number;
    readonly openFiles: number;
    readonly tmpfsBytes: number;
  };
  /** Absent: 1. */
  readonly cpus?: number;
  readonly mounts: readonly ImageMount[];
  readonly network: 'none' | 'host';
  /** Over the host's network; absent: no limit. Notation: `net/access-rules.ts`. */
  readonly listen?: readonly string[];
  readonly connect?: readonly string[];
  readonly broker?: ImageBroker;
  readonly overrides: Readonly<Record<OverrideName, boolean>>;
}

export type OverrideName = keyof BuildConfig['overrides'];

/** The key broker that an image believes, and what it asks of it. */
export interface ImageBroker {
  readonly url?: string;
  /** `ed25519:` and the key in hexadecimal. */
  readonly key: string;
  readonly secrets: Readonly<Record<string, string>>;
}

export interface ImageMount {
  readonly type: Mount['type'];
  readonly target: string;
  readonly source?: string;
  readonly readOnly: boolean;
  readonly sizeBytes?: number;
  readonly key?: string;
  /** `broker`, `tpm`, or `tpm:` and a place. */
  readonly anchor?: string;
}

function toMount(mount: Mount): ImageMount {
  const { type, target } = mount;
  if (type === 'tmpfs')
    return {
      type,
      target,
      readOnly: false,
      ...(mount.size === undefined ? {} : { sizeBytes: parseSize(mount.size) as number }),
    };
  const source = mount.source === undefined ? {} : { source: mount.source };
  const readOnly = mount.read_only;
  if (type === 'hostfs') return { type, target, ...source, readOnly };
  const key = mount.key === undefined ? {} : { key: mount.key };
  const anchor = mount.anchor === undefined ? {} : { anchor: mount.anchor };
  return { type, target, ...source, ...key, ...anchor, readOnly };
}

/** The way to the key of the image stands outside of it, in the manifest. */
function toBroker({ url, image_key: _, ...rest }: NonNullable<BuildConfig['broker']>): ImageBroker {
  return url === undefined ? rest : { url, ...rest };
}

/** The run configuration of a `cloister.yaml`. `policyText`: the content of a policy file it names. */
export function toImageConfig(
  config: BuildConfig,
  policyText: (file: string) => string = noPolicies,
): ImageConfig {
  const [uid, gid] = config.user.split(':').map(Number);
  return {
    name: config.name,
    command: config.command,
    entryPoints: config.entry_points ?? [config.command[0] as string],
    workingDir: config.working_dir,
    uid: uid as number,
    gid: gid ?? (uid as number),
    environment: {
      fixed: config.environment.fixed,
      fromHost: config.environment.from_host,
    },
    limits: {
      memoryBytes: parseSize(config.limits.memory) as number,
      processes: config.limits.processes,
      openFiles: config.limits.open_files,
      tmpfsBytes: parseSize(config.limits.tmpfs) as number,
    },
    ...(config.cpus === 1 ? {} : { cpus: config.cpus }),
    mounts: config.mounts.map(toMount),
    network: config.network,
    ...(config.listen === undefined ? {} : { listen: config.listen }),
    ...(config.connect === undefined ? {} : { connect: config.connect }),
    ...(config.broker === undefined ? {} : { broker: toBroker(config.broker) }),
    ...measuredDoors(config, policyText),
    overrides: config.overrides,
  };
}

function noPolicies(file: string): never {
  throw new Error(`no policy files here: ${file}`);
}
