/**
 * Brings files of the building machine into the staging tree, in two ways: `mirror` keeps the path
 * of the host, symbolic links on the way included; `copyTo` puts a file or folder somewhere else.
 */

import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../abi/file-mode.ts';
import { type ByteString, type NodeMeta, newDir, showBytes } from '../fs/verity/index-model.ts';
import { type HostFiles, type HostStat, ImageError } from './host-files.ts';
import { partsOf, type Staging } from './staging.ts';

/** 1 January 1980: the oldest time that ZIP, and so Python's zipfile, can express. */
export const CLAMP_SEC = 315_532_800;

const MAX_LINKS = 40;
const MAX_DEPTH = 100;

export interface CopyOptions {
  /** Permission bits of files; default 0755 for what its owner may execute, else 0644. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export class HostImport {
  readonly #host: HostFiles;
  readonly #staging: Staging;
  /** Hard links: identity on the host → guest node. */
  readonly #byId = new Map<string, ReturnType<Staging['putFile']>>();

  constructor(host: HostFiles, staging: Staging) {
    this.#host = host;
    this.#staging = staging;
  }

  /**
   * The host's file at `path`, under the same path. Modification times and owners of the host stay,
   * since they come from a package. False when the host has nothing there.
   */
  mirror(path: ByteString, followLast: boolean, depth = 0): boolean {
    if (depth > MAX_LINKS) return false;
    const parts = partsOf(path);
    let real = '';
    for (let i = 0; i < parts.length; i++) {
      const isLast = i === parts.length - 1;
      if (parts[i] === '..') {
        real = real.slice(0, real.lastIndexOf('/'));
        continue;
      }
      real = `${real}/${parts[i]}`;
      const stat = this.#host.lstat(real);
      if (!stat) return false;
      const type = stat.mode & S_IFMT;
      if (type === S_IFLNK) {
        const target = this.#host.readlink(real);
        this.#staging.putSymlink(real, target, metaOf(stat, CLAMP_SEC));
        if (isLast && !followLast) return true;
        const parent = target.startsWith('/') ? '' : real.slice(0, real.lastIndexOf('/'));
        const rest = parts.slice(i + 1).join('/');
        const next = `${parent}/${target}${rest === '' ? '' : `/${rest}`}`;
        return this.mirror(next, followLast, depth + 1);
      }
      if (type === S_IFDIR) this.#mirrorDirectory(real, stat);
      else if (!isLast) return false;
      else this.#mirrorFile(real, stat);
    }
    return true;
  }

  /** `mirror` of a file or a whole folder; throws when it is missing. */
  mirrorTree(path: ByteString): void {
    if (!this.mirror(path, true)) this.#missing(path);
    const real = this.#resolve(path);
    if (((this.#host.lstat(real)?.mode ?? 0) & S_IFMT) !== S_IFDIR) return;
    for (const name of this.#host.readdir(real).sort()) this.#mirrorBelow(`${real}/${name}`, 0);
  }

  /** A host file or folder, to guest path `to`, with attributes that do not depend on the host. */
  copyTo(from: ByteString, to: ByteString, options: CopyOptions, depth = 0): void {
    if (depth > MAX_DEPTH)
      throw new ImageError('CLOISTER_BUILD', `${showBytes(from)}: folders nested too deeply`);
    const stat = this.#host.lstat(from);
    if (!stat) this.#missing(from);
    const owner = { uid: options.uid ?? 0, gid: options.gid ?? 0 };
    const common = { ...owner, mtimeSec: CLAMP_SEC, mtimeNsec: 0 };
    const type = stat.mode & S_IFMT;
    // The folder or file that was named may itself be a link: its target is what was meant.
    if (type === S_IFLNK && depth === 0) this.copyTo(this.#resolve(from), to, options, depth + 1);
    else if (type === S_IFLNK) this.#staging.putSymlink(to, this.#host.readlink(from), common);
    else if (type === S_IFDIR) {
      const dir = partsOf(to).length === 0 ? this.#staging.root : undefined;
      if (!dir) this.#staging.put(to, { ...newDir(0o755), ...common, mode: S_IFDIR | 0o755 });
      for (const name of this.#host.readdir(from).sort())
        this.copyTo(`${from}/${name}`, `${to === '/' ? '' : to}/${name}`, options, depth + 1);
    } else if (type === S_IFREG) {
      const mode = options.mode ?? ((stat.mode & 0o100) !== 0 ? 0o755 : 0o644);
      const xattrs = this.#host.xattrs(from);
      this.#staging.putFile(to, { host: from }, { ...common, mode, xattrs });
    } else
      throw new ImageError(
        'CLOISTER_BUILD',
        `${showBytes(from)} is a device, FIFO or socket: only files, folders and links are copied`,
      );
  }

  #mirrorBelow(path: ByteString, depth: number): void {
    if (depth > MAX_DEPTH)
      throw new ImageError('CLOISTER_BUILD', `${showBytes(path)}: folders nested too deeply`);
    this.mirror(path, false);
    const stat = this.#host.lstat(path);
    if (stat === undefined || (stat.mode & S_IFMT) !== S_IFDIR) return;
    for (const name of this.#host.readdir(path).sort())
      this.#mirrorBelow(`${path}/${name}`, depth + 1);
  }

  #mirrorDirectory(path: ByteString, stat: HostStat): void {
    // Times of system folders change with every installed package: they are not the package's.
    if (this.#staging.find(path)?.kind === 'dir') return;
    this.#staging.put(path, {
      ...newDir(),
      ...metaOf(stat, CLAMP_SEC),
      mode: stat.mode,
    });
  }

  #mirrorFile(path: ByteString, stat: HostStat): void {
    const type = stat.mode & S_IFMT;
    if (type === S_IFREG) {
      const known = stat.nlink > 1 ? this.#byId.get(stat.id) : undefined;
      if (known) {
        this.#staging.put(path, known);
        return;
      }
      const there = this.#staging.find(path);
      if (there?.kind === 'file') return;
      const meta = { ...metaOf(stat, stat.mtimeSec), xattrs: this.#host.xattrs(path) };
      const node = this.#staging.putFile(path, { host: path }, meta);
      if (stat.nlink > 1) this.#byId.set(stat.id, node);
    } else {
      const isDevice = type === S_IFCHR || type === S_IFBLK;
      const rdev = isDevice ? stat.rdev : 0;
      this.#staging.put(path, { ...metaOf(stat, CLAMP_SEC), kind: 'special', rdev });
    }
  }

  #resolve(path: ByteString): ByteString {
    let at = path;
    for (let i = 0; i < MAX_LINKS; i++) {
      const stat = this.#host.lstat(at);
      if (!stat || (stat.mode & S_IFMT) !== S_IFLNK) return at;
      const target = this.#host.readlink(at);
      at = target.startsWith('/') ? target : `${at.slice(0, at.lastIndexOf('/'))}/${target}`;
    }
    throw new ImageError('CLOISTER_BUILD', `${showBytes(path)}: too many symbolic links`);
  }

  #missing(path: ByteString): never {
    throw new ImageError(
      'CLOISTER_BUILD',
      `${showBytes(path)} is listed in cloister.yaml (files), but this machine has no such file`,
    );
  }
}

function metaOf(stat: HostStat, mtimeSec: number): NodeMeta {
  const { mode, uid, gid } = stat;
  return { mode, uid, gid, mtimeSec, mtimeNsec: 0, xattrs: [] };
}
