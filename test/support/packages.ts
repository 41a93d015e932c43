/**
 * Programs of the distribution for tests and benchmarks: the machine's own where they are
 * installed, else unpacked from the distribution's packages into a cache folder. Needs no root and
 * installs nothing: apt runs with a state folder of its own.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

const cacheRoot = (): string =>
  process.env['CLOISTER_CACHE'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'cloister');

/** Thrown when a package cannot be had; the message is one line that says why. */
export class PackageUnavailable extends Error {
  readonly code = 'PACKAGE_UNAVAILABLE';
}

function aptOptions(state: string): string[] {
  return [
    ['Dir::State', join(state, 'state')],
    ['Dir::Cache', join(state, 'cache')],
    ['Dir::State::status', '/var/lib/dpkg/status'],
    ['Debug::NoLocking', 'true'],
    ['APT::Sandbox::User', ''],
  ].flatMap(([key, value]) => ['-o', `${key}=${value}`]);
}

function apt(state: string, args: readonly string[], cwd: string): string {
  const [tool, ...rest] = args as [string, ...string[]];
  const run = spawnSync(tool, [...aptOptions(state), ...rest], {
    cwd,
    encoding: 'utf8',
    timeout: 300_000,
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (run.error || run.status !== 0) {
    const why =
      run.error?.message ?? (run.stderr.trim().split('\n').at(-1) || `status ${run.status}`);
    throw new PackageUnavailable(`${args.join(' ')}: ${why}`);
  }
  return run.stdout;
}

function preparedState(): string {
  const state = join(cacheRoot(), 'apt');
  const stamp = join(state, 'updated');
  if (existsSync(stamp)) return state;
  for (const folder of ['state/lists/partial', 'cache/archives/partial'])
    mkdirSync(join(state, folder), { recursive: true });
  apt(state, ['apt-get', '-q', 'update'], state);
  writeFileSync(stamp, '');
  return state;
}

/** What is unpacked beside a package: all that it depends on, the libraries among that, nothing. */
type Dependencies = 'all' | 'libraries' | 'none';

/** The package and what it depends on, in the form that `wanted` names, of that in turn. */
function withDependencies(state: string, name: string, wanted: Dependencies): Set<string> {
  const closure = new Set([name]);
  if (wanted === 'none') return closure;
  const listing = apt(
    state,
    [
      ...['apt-cache', 'depends', '--recurse', '--no-recommends', '--no-suggests'],
      ...['--no-conflicts', '--no-breaks', '--no-replaces', '--no-enhances', name],
    ],
    state,
  );
  // A package's name at the start of a line, below it what it depends on: "  Depends: libc6".
  const direct = new Map<string, string[]>();
  let last: string[] = [];
  for (const line of listing.split('\n')) {
    const [, indent, one] = /^( |)[ |]*(?:\w+: )?([a-z0-9][^\s:]*)/.exec(line) ?? [];
    if (one === undefined) continue;
    if (indent !== '') {
      last.push(one);
      continue;
    }
    last = [];
    direct.set(one, last);
  }
  if (wanted === 'all') return new Set(direct.keys());
  for (const one of closure)
    for (const needed of direct.get(one) ?? [])
      if (needed.startsWith('lib') && direct.has(needed)) closure.add(needed);
  return closure;
}

/**
 * A folder with the unpacked files of `names` and of their dependencies (`usr/…`, `lib/…`). The
 * first call downloads; later ones, also of other processes, find it there.
 */
export function packageRoot(names: readonly string[], dependencies: Dependencies = 'all'): string {
  const key = [...names].sort().join('+') + (dependencies === 'all' ? '' : `-${dependencies}`);
  const root = join(cacheRoot(), 'roots', key);
  if (existsSync(join(root, '.complete'))) return root;
  const state = preparedState();
  const debs = join(state, 'debs', `${key}-${process.pid}`);
  mkdirSync(debs, { recursive: true });
  const wanted = new Set(names.flatMap((name) => [...withDependencies(state, name, dependencies)]));
  apt(state, ['apt-get', '-q', 'download', ...wanted], debs);
  const building = `${root}-${process.pid}`;
  mkdirSync(building, { recursive: true });
  for (const deb of readdirSync(debs))
    execFileSync('dpkg-deb', ['-x', join(debs, deb), building], { stdio: 'ignore' });
  rmSync(debs, { recursive: true });
  writeFileSync(join(building, '.complete'), '');
  try {
    execFileSync('mv', ['-T', building, root], { stdio: 'ignore' });
  } catch {
    rmSync(building, { recursive: true, force: true });
  }
  return root;
}

/** Full path of `program` on this machine, or undefined. */
export function onPath(program: string): string | undefined {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/bin',
    '/bin',
    '/usr/sbin',
  ];
  for (const folder of folders) {
    const path = join(folder, program);
    if (existsSync(path)) return path;
  }
  return undefined;
}

/** `program` of this machine, else of the package `packageName`, unpacked. */
export function program(name: string, packageName: string): string {
  const found = onPath(name);
  if (found) return found;
  const root = packageRoot([packageName]);
  for (const folder of ['usr/bin', 'bin', 'usr/sbin', 'sbin']) {
    const path = join(root, folder, name);
    if (existsSync(path)) return path;
  }
  throw new PackageUnavailable(`package ${packageName} has no program ${name}`);
}

/** Where several programs are: what the guest's environment and `cloister run` need to find them. */
export function placeOfAll(programs: Readonly<Record<string, string>>) {
  const missing = Object.entries(programs).filter(([name]) => onPath(name) === undefined);
  if (missing.length === 0) return { env: {}, options: [] as string[] };
  const roots = missing.map(([, packageName]) => packageRoot([packageName]));
  const below = (folders: readonly string[]) =>
    roots.flatMap((root) => folders.map((folder) => join(root, folder)));
  const programFolders = below(['usr/bin', 'bin', 'usr/sbin', 'sbin']);
  return {
    env: {
      PATH: [...programFolders, '/usr/bin', '/bin', '/usr/sbin'].join(':'),
      LD_LIBRARY_PATH: below([
        ...['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'],
        // Libraries of one program alone, which it finds by a path where it is installed.
        ...missing.map(([name]) => `usr/lib/x86_64-linux-gnu/${name}`),
      ]).join(':'),
    },
    options: roots.flatMap((root) => ['-v', `${root}:${root}:ro`]),
  };
}
