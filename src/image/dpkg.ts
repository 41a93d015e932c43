/**
 * Files of Debian packages and their dependencies, from the package database: `status` (deb822,
 * deb-control(5)), `info/*.list`, and `alternatives/*` (update-alternatives(1)). Nothing is run.
 */

import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../abi/file-mode.ts';
import type { ByteString } from '../fs/verity/index-model.ts';
import { type HostFiles, ImageError } from './host-files.ts';
import type { HostImport } from './host-import.ts';
import { readWhole } from './read-whole.ts';
import type { Staging } from './staging.ts';
import { suggest } from './suggest.ts';

const DPKG = '/var/lib/dpkg';
const DOCS = /^\/usr\/share\/(?:doc|man|info|lintian|doc-base)(?:\/|$)/;

interface Package {
  readonly name: string;
  readonly architecture: string;
  /** Each a list of alternatives. */
  readonly depends: readonly (readonly string[])[];
  readonly provides: readonly string[];
}

/** Installed packages by name, and who provides a virtual one. */
export interface PackageDatabase {
  readonly packages: ReadonlyMap<string, Package>;
  readonly providers: ReadonlyMap<string, Package>;
}

/** Reads the database of installed packages; throws when the machine has none. */
export function readPackages(host: HostFiles): PackageDatabase {
  const status = readWhole(host, `${DPKG}/status`);
  if (!status)
    throw new ImageError(
      'CLOISTER_BUILD',
      `\`files.packages\` needs a machine with dpkg: ${DPKG}/status is not there. ` +
        'List the files under `files.copy` instead',
    );
  const packages = new Map<string, Package>();
  const providers = new Map<string, Package>();
  for (const paragraph of new TextDecoder().decode(status).split(/\n\n+/)) {
    const fields = parseFields(paragraph);
    if (!fields.get('status')?.endsWith(' installed')) continue;
    const one: Package = {
      name: fields.get('package') ?? '',
      architecture: fields.get('architecture') ?? '',
      depends: [...relations(fields.get('pre-depends')), ...relations(fields.get('depends'))],
      provides: relations(fields.get('provides')).flat(),
    };
    // Of a package installed for several architectures, the machine's own is what a guest runs.
    if (packages.get(one.name)?.architecture !== 'amd64') packages.set(one.name, one);
    for (const name of one.provides) if (!providers.has(name)) providers.set(name, one);
  }
  return { packages, providers };
}

function parseFields(paragraph: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = '';
  for (const line of paragraph.split('\n')) {
    if (/^[ \t]/.test(line)) fields.set(last, `${fields.get(last) ?? ''} ${line.trim()}`);
    else {
      const colon = line.indexOf(':');
      last = line.slice(0, colon).toLowerCase();
      fields.set(last, line.slice(colon + 1).trim());
    }
  }
  return fields;
}

/** "a (>= 1) | b, c:any" → [["a", "b"], ["c"]]. */
function relations(field: string | undefined): string[][] {
  if (!field) return [];
  return field.split(',').map((group) =>
    group
      .split('|')
      .map((one) => one.replace(/[([:].*$/, '').trim())
      .filter((name) => name !== ''),
  );
}

/** `names` and everything they depend on, sorted; throws for one that is not installed. */
export function closure(db: PackageDatabase, names: readonly string[]): Package[] {
  const found = new Map<string, Package>();
  const pending: Package[] = [];
  const add = (one: Package) => {
    if (found.has(one.name)) return;
    found.set(one.name, one);
    pending.push(one);
  };
  for (const name of names) {
    const one = db.packages.get(name) ?? db.providers.get(name);
    if (!one) throw notInstalled(db, name);
    add(one);
  }
  for (let one = pending.pop(); one !== undefined; one = pending.pop())
    for (const group of one.depends) {
      const name = group.find((n) => db.packages.has(n) || db.providers.has(n));
      if (name === undefined)
        throw new ImageError(
          'CLOISTER_BUILD',
          `package ${one.name} needs ${group.join(' or ')}, which is not installed here: ` +
            `apt-get install ${group[0]}`,
        );
      add((db.packages.get(name) ?? db.providers.get(name)) as Package);
    }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function notInstalled(db: PackageDatabase, name: string): ImageError {
  const near = suggest(name, [...db.packages.keys()]);
  const hint = near === undefined ? `apt-get install ${name}` : `did you mean ${near}?`;
  return new ImageError(
    'CLOISTER_BUILD',
    `package ${name} (files.packages) is not installed on this machine: ${hint}`,
  );
}

export interface PackageOptions {
  readonly docs: boolean;
}

/** Stages the files of `names` and of what they depend on; answers the packages taken. */
export function addPackages(
  host: HostFiles,
  staging: Staging,
  into: HostImport,
  names: readonly string[],
  options: PackageOptions,
): string[] {
  if (names.length === 0) return [];
  const taken = closure(readPackages(host), names);
  for (const one of taken)
    for (const path of listOf(host, one)) {
      if (!options.docs && DOCS.test(path)) continue;
      into.mirror(path, false);
    }
  addAlternatives(host, staging, into, options);
  addBytecode(host, staging, into);
  return taken.map((one) => one.name);
}

function listOf(host: HostFiles, one: Package): ByteString[] {
  const names = [`${one.name}:${one.architecture}`, one.name];
  for (const name of names) {
    const list = readWhole(host, `${DPKG}/info/${name}.list`);
    if (list)
      return latin1(list)
        .split('\n')
        .filter((path) => path !== '' && path !== '/.')
        .sort();
  }
  throw new ImageError('CLOISTER_BUILD', `${DPKG}/info has no file list of package ${one.name}`);
}

function latin1(bytes: Uint8Array): ByteString {
  let out = '';
  for (let i = 0; i < bytes.length; i += 8192)
    out += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return out;
}

/** Links such as /usr/bin/awk → /etc/alternatives/awk → /usr/bin/mawk, if the last is there. */
function addAlternatives(
  host: HostFiles,
  staging: Staging,
  into: HostImport,
  options: PackageOptions,
): void {
  const dir = `${DPKG}/alternatives`;
  if (!host.lstat(dir)) return;
  for (const name of host.readdir(dir).sort()) {
    const lines = latin1(readWhole(host, `${dir}/${name}`) ?? new Uint8Array(0)).split('\n');
    // Line 1 is the mode; then the link, then pairs of slave name and slave link, then a blank.
    const links: [string, string][] = [[name, lines[1] ?? '']];
    for (let i = 2; lines[i] !== '' && i + 1 < lines.length; i += 2)
      links.push([lines[i] as string, lines[i + 1] as string]);
    for (const [alternative, link] of links) {
      if (link === '' || (!options.docs && DOCS.test(link))) continue;
      const middle = `/etc/alternatives/${alternative}`;
      const stat = host.lstat(middle);
      if (!stat || (stat.mode & S_IFMT) !== S_IFLNK) continue;
      if (!staging.find(host.readlink(middle), true)) continue;
      into.mirror(link, false);
      into.mirror(middle, false);
    }
  }
}

/**
 * Python's compiled modules: made when the package was installed, so no package owns them, and
 * without them each start of Python would compile its library anew. Taken only when their header
 * (PEP 552) names exactly the size and time of a source that is in the image.
 */
function addBytecode(host: HostFiles, staging: Staging, into: HostImport): void {
  const dirs = new Set<ByteString>();
  for (const [path, node] of staging.walk())
    if (node.kind === 'file' && path.endsWith('.py'))
      dirs.add(path.slice(0, path.lastIndexOf('/')));
  for (const dir of [...dirs].sort()) {
    const cache = `${dir}/__pycache__`;
    const stat = host.lstat(cache);
    if (!stat || (stat.mode & S_IFMT) !== S_IFDIR) continue;
    for (const name of host.readdir(cache).sort()) {
      const source = /^(.+)\.cpython-\d+(?:\.opt-\d)?\.pyc$/.exec(name)?.[1];
      if (source === undefined) continue;
      const of = `${dir}/${source}.py`;
      if (staging.find(of)?.kind === 'file' && isFresh(host, `${cache}/${name}`, of))
        into.mirror(`${cache}/${name}`, false);
    }
  }
}

function isFresh(host: HostFiles, compiled: ByteString, source: ByteString): boolean {
  const stat = host.lstat(source);
  if (!stat || (stat.mode & S_IFMT) !== S_IFREG) return false;
  const header = new Uint8Array(16);
  using file = host.open(compiled);
  if (file.readAt(0, header) !== 16) return false;
  const view = new DataView(header.buffer);
  const isTimed = view.getUint32(4, true) === 0;
  return (
    isTimed &&
    view.getUint32(8, true) === stat.mtimeSec % 2 ** 32 &&
    view.getUint32(12, true) === stat.sizeBytes % 2 ** 32
  );
}
