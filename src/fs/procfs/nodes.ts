/** The kinds of inodes that procfs is made of. */

import { EACCES, EINVAL, ENOENT, EPERM } from '../../abi/errno.table.ts';
import { O_ACCMODE, O_RDONLY, SEEK_CUR, SEEK_SET } from '../../abi/file-flags.ts';
import { S_IFDIR, S_IFLNK, S_IFREG, typeOfMode } from '../../abi/file-mode.ts';
import { bytesOf } from '../../vfs/byte-string.ts';
import type { Location } from '../../vfs/dentry.ts';
import type { FileSystem } from '../../vfs/file-system.ts';
import { type DirectorySink, FIRST_COOKIE, Inode } from '../../vfs/inode.ts';
import { OpenFile, type OpenRequest } from '../../vfs/open-file.ts';

/** What a file shows: a byte string, bytes, or a negative errno. */
export type Content = string | Uint8Array | number;

export interface FileSource {
  read(): Content;
  /** Absent: the file cannot be written. The result is 0 or a negative errno. */
  write?(bytes: Uint8Array): number;
  /** Opening it for writing fails with this errno where it cannot be written; else a write does. */
  readonly refusal?: number;
  /** 0, or -errno that open(2) fails with. */
  open?(): number;
}

/** The file system as its nodes see it: gives out inode numbers. */
export interface ProcHost extends FileSystem {
  nextIno(): number;
}

abstract class ProcInode extends Inode {
  constructor(fs: ProcHost, mode: number) {
    super(fs, fs.nextIno(), mode);
    this.touchCreated();
  }

  override setMode(): number {
    return -EPERM;
  }

  override setOwner(): number {
    return -EPERM;
  }
}

export class ProcFile extends ProcInode {
  readonly #source: FileSource;
  /** The file's operations have `splice_read`; those of most files of a process have not. */
  feedsPipes = true;

  constructor(fs: ProcHost, source: FileSource, permissions: number) {
    super(fs, S_IFREG | permissions);
    this.#source = source;
  }

  override open(request: OpenRequest): OpenFile | number | undefined {
    const { write, refusal } = this.#source;
    const isReading = (request.flags & O_ACCMODE) === O_RDONLY;
    if (!isReading && write === undefined && refusal !== undefined) return -refusal;
    const opened = this.#source.open?.() ?? 0;
    if (opened < 0) return opened;
    return new ProcOpenFile(request, this.#source, this.feedsPipes);
  }

  override truncate(): number {
    return 0;
  }
}

/** Reads show one state of affairs from the first byte to the last. */
class ProcOpenFile extends OpenFile {
  readonly #source: FileSource;
  #snapshot: Uint8Array | undefined = undefined;
  readonly #feedsPipes: boolean;

  constructor(request: OpenRequest, source: FileSource, feedsPipes: boolean) {
    super(request);
    this.#source = source;
    this.#feedsPipes = feedsPipes;
  }

  override get isSeekable(): boolean {
    return true;
  }

  override get feedsPipes(): boolean {
    return this.#feedsPipes;
  }

  override read(target: Uint8Array, start: number, length: number): number {
    const count = this.readAt(this.position, target, start, length);
    if (count > 0) this.position += count;
    return count;
  }

  override readAt(position: number, target: Uint8Array, start: number, length: number): number {
    if (this.#snapshot === undefined || position === 0) {
      const content = this.#source.read();
      if (typeof content === 'number') return content;
      this.#snapshot = typeof content === 'string' ? bytesOf(content) : content;
    }
    const part = this.#snapshot.subarray(position, position + length);
    target.set(part, start);
    return part.length;
  }

  override write(source: Uint8Array, start: number, length: number): number {
    if (this.#source.write === undefined) return -EINVAL;
    const result = this.#source.write(source.slice(start, start + length));
    if (result < 0) return result;
    this.position += length;
    this.#snapshot = undefined;
    return length;
  }

  override writeAt(_position: number, source: Uint8Array, start: number, length: number): number {
    return this.write(source, start, length);
  }

  override seek(offset: number, whence: number): number {
    const next = whence === SEEK_SET ? offset : whence === SEEK_CUR ? this.position + offset : -1;
    if (next < 0) return -EINVAL;
    this.position = next;
    return next;
  }

  override truncate(): number {
    return 0;
  }
}

/** A link: to a path, or (magic) to a place. */
export interface LinkSource {
  read(): string | number;
  target?(): Location | number | undefined;
}

export class ProcLink extends ProcInode {
  readonly #source: LinkSource;

  constructor(fs: ProcHost, source: LinkSource, permissions = 0o777) {
    super(fs, S_IFLNK | permissions);
    this.#source = source;
  }

  override readlink(): string | number {
    return this.#source.read();
  }

  override magicTarget(): Location | number | undefined {
    return this.#source.target?.();
  }
}

/** Makes the node of an entry when it is first looked up. */
export type NodeMaker = (fs: ProcHost) => Inode;

/** A directory with fixed entries. */
export class ProcDirectory extends ProcInode {
  declare readonly fs: ProcHost;
  readonly #entries: () => Iterable<readonly [string, NodeMaker]>;
  /** Made when first asked for. */
  #makers: ReadonlyMap<string, NodeMaker> | undefined;
  readonly #nodes = new Map<string, Inode>();

  constructor(
    fs: ProcHost,
    entries: () => Iterable<readonly [string, NodeMaker]>,
    permissions = 0o555,
  ) {
    super(fs, S_IFDIR | permissions);
    this.nlink = 2;
    this.#entries = entries;
  }

  get #all(): ReadonlyMap<string, NodeMaker> {
    this.#makers ??= new Map(this.#entries());
    return this.#makers;
  }

  protected maker(name: string): NodeMaker | undefined {
    return this.#all.get(name);
  }

  /** Called for each node that is made: the owner of a process's files. */
  protected adorn(_node: Inode): void {
    // Root owns what is not a process's.
  }

  override lookup(name: string): Inode | number {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const maker = this.maker(name);
    if (maker === undefined) return -ENOENT;
    const node = maker(this.fs);
    this.adorn(node);
    this.#nodes.set(name, node);
    return node;
  }

  override iterate(cookie: number, sink: DirectorySink): number {
    this.emitFixed(cookie, sink);
    return 0;
  }

  /** True when all fixed entries were taken. */
  protected emitFixed(cookie: number, sink: DirectorySink): boolean {
    let at = FIRST_COOKIE;
    for (const name of this.#all.keys()) {
      if (at >= cookie) {
        const node = this.lookup(name) as Inode;
        if (!sink.emit(name, node.ino, typeOfMode(node.mode), at + 1)) return false;
      }
      at++;
    }
    return true;
  }

  protected get fixedCount(): number {
    return this.#all.size;
  }
}

/** A directory whose entries are numbers: processes, threads, descriptors. */
export abstract class NumberedDirectory extends ProcInode {
  declare readonly fs: ProcHost;

  constructor(fs: ProcHost, permissions = 0o555) {
    super(fs, S_IFDIR | permissions);
    this.nlink = 2;
  }

  /** Ascending. */
  protected abstract numbers(): readonly number[] | number;
  protected abstract entry(number: number): Inode | number;

  override lookup(name: string): Inode | number {
    const number = parseNumber(name);
    return number === undefined ? -ENOENT : this.entry(number);
  }

  override iterate(cookie: number, sink: DirectorySink): number {
    const numbers = this.numbers();
    return typeof numbers === 'number' ? numbers : this.emitNumbers(numbers, cookie, 0, sink);
  }

  /** The cookie of number n is n + 2 + `base`. */
  protected emitNumbers(
    numbers: readonly number[],
    cookie: number,
    base: number,
    sink: DirectorySink,
  ): number {
    for (const number of numbers) {
      const at = number + FIRST_COOKIE + base;
      if (at < cookie) continue;
      const node = this.entry(number);
      if (typeof node === 'number') continue;
      if (!sink.emit(String(number), node.ino, typeOfMode(node.mode), at + 1)) return 0;
    }
    return 0;
  }
}

export function parseNumber(name: string): number | undefined {
  return /^(0|[1-9]\d{0,8})$/.test(name) ? Number(name) : undefined;
}

/** A read-only text. `open`: whether it can be opened now. */
export const text =
  (read: () => Content, permissions = 0o444, open?: () => number): NodeMaker =>
  (fs) =>
    new ProcFile(fs, open === undefined ? { read } : { read, open }, permissions);

/** A setting that nobody may change: not even root opens it for writing (`sysctl_perm`). */
export const constant =
  (read: () => Content): NodeMaker =>
  (fs) =>
    new ProcFile(fs, { read, refusal: EACCES }, 0o444);

/** A text that can be written, too. */
export const setting =
  (read: () => Content, write: (bytes: Uint8Array) => number, permissions = 0o644): NodeMaker =>
  (fs) =>
    new ProcFile(fs, { read, write }, permissions);

export const link =
  (source: LinkSource): NodeMaker =>
  (fs) =>
    new ProcLink(fs, source);

export const folder =
  (entries: Iterable<readonly [string, NodeMaker]>): NodeMaker =>
  (fs) =>
    new ProcDirectory(fs, () => entries);
