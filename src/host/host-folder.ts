/**
 * Host folders for hostfs over node:fs. Node.js has no openat(2); an open folder is named by
 * `/proc/self/fd/N`, so that each operation looks at one component below a descriptor, and
 * O_NOFOLLOW guards the last one.
 */

import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { ENOTDIR, EOPNOTSUPP } from '../abi/errno.table.ts';
import type { HostEntry, HostFile, HostFolder, HostStat } from '../fs/hostfs/host-folder.ts';
import { attempt, attemptDone } from './errno.ts';

const O_PATH = 0o10000000;
const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_DIRECTORY, O_NONBLOCK } = constants;

/** Opens `path` (followed) as the root of a mount: a folder, or the folder of a single file. */
export function openHostFolder(path: string): HostFolder | number {
  return attempt(() => new NodeFolder(openSync(path, O_PATH | O_DIRECTORY)));
}

type BigStat = ReturnType<typeof lstatSync> & { mtimeNs: bigint };

/** Fields are checked here, once: the host may answer anything. */
function checked(stat: BigStat): HostStat {
  return {
    dev: natural(stat.dev),
    ino: natural(stat.ino),
    mode: natural(stat.mode) & 0o177777,
    nlink: natural(stat.nlink),
    uid: natural(stat.uid) >>> 0,
    gid: natural(stat.gid) >>> 0,
    rdev: natural(stat.rdev),
    size: natural(stat.size),
    blocks: natural(stat.blocks),
    atimeNs: (stat as unknown as { atimeNs: bigint }).atimeNs,
    mtimeNs: stat.mtimeNs,
    ctimeNs: (stat as unknown as { ctimeNs: bigint }).ctimeNs,
  };
}

/** A size or number as a non-negative safe integer. */
function natural(value: number | bigint): number {
  const number = Number(value);
  return Number.isSafeInteger(number) && number >= 0 ? number : 0;
}

const TYPES: Readonly<Record<string, number>> = {
  isFIFO: 1,
  isCharacterDevice: 2,
  isDirectory: 4,
  isBlockDevice: 6,
  isFile: 8,
  isSymbolicLink: 10,
  isSocket: 12,
};

class NodeFolder implements HostFolder {
  readonly #fd: number;
  readonly #prefix: string;

  constructor(fd: number) {
    this.#fd = fd;
    this.#prefix = `/proc/self/fd/${fd}/`;
  }

  #at(name: string): Buffer {
    return Buffer.from(this.#prefix + name, 'latin1');
  }

  stat(): HostStat | number {
    return attempt(() => checked(fstatSync(this.#fd, { bigint: true }) as unknown as BigStat));
  }

  statAt(name: string): HostStat | number {
    return attempt(() =>
      checked(lstatSync(this.#at(name), { bigint: true }) as unknown as BigStat),
    );
  }

  list(): readonly HostEntry[] | number {
    return attempt(() =>
      readdirSync(this.#prefix, { withFileTypes: true, encoding: 'latin1' }).map((entry) => {
        const probe = entry as unknown as Readonly<Record<string, () => boolean>>;
        const kind = Object.keys(TYPES).find((test) => probe[test]?.call(entry));
        return { name: String(entry.name), type: kind === undefined ? 0 : (TYPES[kind] as number) };
      }),
    );
  }

  openFolder(name: string): HostFolder | number {
    const flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
    return attempt(() => new NodeFolder(openSync(this.#at(name), flags)));
  }

  openFile(name: string, writable: boolean): HostFile | number {
    // O_NONBLOCK: the host may have put a FIFO there meanwhile.
    const flags = (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK;
    return attempt(() => new NodeFile(openSync(this.#at(name), flags), writable));
  }

  createFile(name: string, mode: number): HostFile | number {
    const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
    return attempt(() => {
      const fd = openSync(this.#at(name), flags, mode);
      fchmodSync(fd, mode);
      return new NodeFile(fd, true);
    });
  }

  makeFolder(name: string, mode: number): number {
    return attemptDone(() => {
      mkdirSync(this.#at(name), mode);
      this.#chmod(name, mode, O_DIRECTORY);
    });
  }

  makeFifo(_name: string, _mode: number): number {
    return -EOPNOTSUPP;
  }

  symlink(name: string, target: string): number {
    return attemptDone(() => symlinkSync(Buffer.from(target, 'latin1'), this.#at(name)));
  }

  readlink(name: string): string | number {
    return attempt(() => readlinkSync(this.#at(name), 'latin1'));
  }

  link(name: string, from: HostFolder, fromName: string): number {
    if (!(from instanceof NodeFolder)) return -ENOTDIR;
    return attemptDone(() => linkSync(from.#at(fromName), this.#at(name)));
  }

  unlink(name: string): number {
    return attemptDone(() => unlinkSync(this.#at(name)));
  }

  removeFolder(name: string): number {
    return attemptDone(() => rmdirSync(this.#at(name)));
  }

  rename(name: string, to: HostFolder, toName: string): number {
    if (!(to instanceof NodeFolder)) return -ENOTDIR;
    return attemptDone(() => renameSync(this.#at(name), to.#at(toName)));
  }

  setMode(name: string, mode: number): number {
    return attemptDone(() => this.#chmod(name, mode, 0));
  }

  /** fchmodat(2) has no AT_SYMLINK_NOFOLLOW in Node.js: open the thing itself, then its magic link. */
  #chmod(name: string, mode: number, flags: number): void {
    const fd = openSync(this.#at(name), O_PATH | O_NOFOLLOW | flags);
    try {
      chmodSync(`/proc/self/fd/${fd}`, mode);
    } finally {
      closeSync(fd);
    }
  }

  setOwner(name: string, uid: number, gid: number): number {
    return attemptDone(() => lchownSync(this.#at(name), uid, gid));
  }

  setTimes(name: string, atimeNs: bigint, mtimeNs: bigint): number {
    return attemptDone(() => lutimesSync(this.#at(name), seconds(atimeNs), seconds(mtimeNs)));
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

/** Seconds as node:fs takes them: a double, exact to about 100 ns today. */
const seconds = (ns: bigint): number => Number(ns / 1000n) / 1e6;

class NodeFile implements HostFile {
  readonly isWritable: boolean;
  readonly #fd: number;

  constructor(fd: number, isWritable: boolean) {
    this.#fd = fd;
    this.isWritable = isWritable;
  }

  stat(): HostStat | number {
    return attempt(() => checked(fstatSync(this.#fd, { bigint: true }) as unknown as BigStat));
  }

  read(position: number, target: Uint8Array, start: number, length: number): number {
    return attempt(() => readSync(this.#fd, target, start, length, position));
  }

  write(position: number, source: Uint8Array, start: number, length: number): number {
    return attempt(() => writeSync(this.#fd, source, start, length, position));
  }

  truncate(size: number): number {
    return attemptDone(() => ftruncateSync(this.#fd, size));
  }

  sync(dataOnly: boolean): number {
    return attemptDone(() => (dataOnly ? fdatasyncSync(this.#fd) : fsyncSync(this.#fd)));
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
