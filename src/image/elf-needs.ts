/**
 * Completes an image with the interpreters and shared libraries that its ELF files need, found as
 * ld.so(8) would find them inside the image: DT_RPATH, DT_RUNPATH (`$ORIGIN` filled in), the
 * directories of /etc/ld.so.conf, the default ones. Files are read, never run.
 */

import { type ElfNeeds, EM_X86_64, readElfNeeds } from '../elf/needs.ts';
import type { ByteString, FileNode } from '../fs/verity/index-model.ts';
import { showBytes } from '../fs/verity/index-model.ts';
import { type HostFiles, ImageError } from './host-files.ts';
import type { HostImport } from './host-import.ts';
import { readWhole } from './read-whole.ts';
import type { Staging } from './staging.ts';

const DEFAULT_DIRS = [
  '/lib/x86_64-linux-gnu',
  '/usr/lib/x86_64-linux-gnu',
  '/lib64',
  '/usr/lib64',
  '/lib',
  '/usr/lib',
];
const MAX_INCLUDES = 20;

export interface MissingLibrary {
  readonly library: string;
  readonly neededBy: string;
}

export class ElfResolver {
  readonly #host: HostFiles;
  readonly #staging: Staging;
  readonly #into: HostImport;
  readonly #systemDirs: readonly ByteString[];
  readonly #done = new Set<FileNode>();
  readonly missing: MissingLibrary[] = [];

  constructor(host: HostFiles, staging: Staging, into: HostImport) {
    this.#host = host;
    this.#staging = staging;
    this.#into = into;
    this.#systemDirs = [...DEFAULT_DIRS, ...confDirs(host, '/etc/ld.so.conf', 0)];
  }

  /** Resolves every ELF file that is staged, until nothing new comes in. */
  resolveAll(): void {
    for (;;) {
      const fresh: [ByteString, FileNode][] = [];
      for (const [path, node] of this.#staging.walk())
        if (node.kind === 'file' && !this.#done.has(node)) fresh.push([path, node]);
      if (fresh.length === 0) return;
      for (const [path, node] of fresh) {
        this.#done.add(node);
        this.#resolve(path, node);
      }
    }
  }

  #resolve(path: ByteString, node: FileNode): void {
    const source = this.#staging.sources.get(node);
    if (source === undefined) return;
    const needs =
      'bytes' in source
        ? readElfNeeds((at, length) => source.bytes.subarray(at, at + length))
        : this.#readHost(source.host);
    if (needs === undefined || needs.machine !== EM_X86_64) return;
    const hostPath = 'host' in source ? source.host : path;
    if (needs.interpreter !== undefined) this.#take(needs.interpreter, path);
    for (const library of needs.needed) this.#takeLibrary(library, path, hostPath, needs);
  }

  #takeLibrary(library: string, path: ByteString, hostPath: ByteString, needs: ElfNeeds): void {
    if (library.includes('/')) {
      this.#take(library, path);
      return;
    }
    const own = needs.runpath.length > 0 ? needs.runpath : needs.rpath;
    const places: [guest: ByteString, host: ByteString][] = [];
    for (const dir of own)
      places.push([
        `${withOrigin(dir, path)}/${library}`,
        `${withOrigin(dir, hostPath)}/${library}`,
      ]);
    for (const dir of this.#systemDirs) places.push([`${dir}/${library}`, `${dir}/${library}`]);
    if (places.some(([guest]) => this.#staging.find(guest, true)?.kind === 'file')) return;
    for (const [guest, host] of places) {
      if (this.#readHost(host)?.machine !== EM_X86_64) continue;
      if (guest === host) this.#into.mirror(host, true);
      else this.#into.copyTo(host, guest, {});
      return;
    }
    this.missing.push({ library, neededBy: showBytes(path) });
  }

  #take(path: ByteString, by: ByteString): void {
    if (this.#staging.find(path, true)?.kind === 'file') return;
    if (!this.#into.mirror(path, true))
      this.missing.push({ library: showBytes(path), neededBy: showBytes(by) });
  }

  #readHost(path: ByteString): ElfNeeds | undefined {
    if (!this.#host.lstat(path)) return undefined;
    try {
      using file = this.#host.open(path);
      return readElfNeeds((at, length) => {
        const bytes = new Uint8Array(length);
        return bytes.subarray(0, file.readAt(at, bytes));
      });
    } catch (cause) {
      if (cause instanceof RangeError) return undefined;
      throw new ImageError('CLOISTER_BUILD', `cannot read ${showBytes(path)}: ${cause}`, cause);
    }
  }
}

function withOrigin(dir: string, path: ByteString): ByteString {
  const origin = path.slice(0, path.lastIndexOf('/'));
  return dir.replaceAll(/\$(?:ORIGIN\b|\{ORIGIN\})/g, () => origin);
}

/** Directories listed in /etc/ld.so.conf and what it includes (ldconfig(8)). */
function confDirs(host: HostFiles, path: ByteString, depth: number): ByteString[] {
  const bytes = readWhole(host, path);
  if (!bytes || depth > MAX_INCLUDES) return [];
  const dirs: ByteString[] = [];
  for (const raw of new TextDecoder('latin1').decode(bytes).split('\n')) {
    const line = raw.replace(/#.*/, '').trim();
    const include = /^include\s+(.+)$/.exec(line)?.[1];
    if (include !== undefined) {
      const pattern = include.startsWith('/') ? include : `/etc/${include}`;
      const dir = pattern.slice(0, pattern.lastIndexOf('/'));
      const ends = pattern.slice(pattern.lastIndexOf('*') + 1);
      const names = host.lstat(dir) ? host.readdir(dir).sort() : [];
      for (const name of names)
        if (name.endsWith(ends)) dirs.push(...confDirs(host, `${dir}/${name}`, depth + 1));
    } else if (line.startsWith('/')) dirs.push(line);
  }
  return dirs;
}
