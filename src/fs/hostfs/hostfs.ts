/**
 * hostfs: a host folder in the guest's tree, for exchange with the host. Everything that comes from
 * it is unmeasured and hostile: it is typed and bounded here, and no name is ever resolved by the
 * host beyond one component.
 */

import type { FileClock } from '../../vfs/file-clock.ts';
import { FileSystem, type FileSystemStatistics } from '../../vfs/file-system.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { SegmentSource } from '../../vfs/mappable.ts';
import type { HostFolder, HostStat } from './host-folder.ts';
import { HostInode } from './host-inode.ts';
import { KeptCopies } from './kept-copies.ts';
import { OpenHandles } from './open-handles.ts';

export interface HostfsOptions {
  readonly clock: FileClock;
  /** Memory for mappings: host files are never mapped themselves. */
  readonly segments?: SegmentSource;
  readonly readOnly: boolean;
  /**
   * The view of a whole machine that a plain `cloister run` has: only what everyone may read, and
   * in the root only these names. Implies read-only; names are taken to be stable.
   */
  readonly publicNames?: ReadonlySet<string>;
  /** Shows one file of the folder as the root: `-v FILE:FILE`. */
  readonly file?: string;
  /** The host lets us give files away: new files get the owner that the guest asked for. */
  readonly mayChangeOwner?: boolean;
}

const MAGIC = 0x01021997;
const OTHER_DEVICES = 2 ** 40;
const EXT4_MAGIC = 0xef53;
/** `s_maxbytes` of ext4, where lseek(2) shows it. */
const EXT4_MAX_BYTES = 2 ** 44 - 4096;
const TYPE_NAMES: Readonly<Record<number, string>> = {
  [EXT4_MAGIC]: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  16914836: 'tmpfs',
  2035054128: 'overlay',
};

export class Hostfs extends FileSystem {
  /** The host's own type where programs know it by name (pathconf(3) does), else "hostfs". */
  override readonly typeName: string;
  /** V9FS_MAGIC, what shared folders usually are, where the host does not tell its own. */
  override readonly magic = MAGIC;
  override readonly stampsAccess = true;
  override readonly maxFileBytes: number;
  override readonly isReadOnly: boolean;
  override readonly cachesNames: boolean;
  readonly root: Inode;
  readonly #folder: HostFolder;
  readonly segments: SegmentSource | undefined;
  readonly mayChangeOwner: boolean;
  readonly isPublicOnly: boolean;
  readonly handles = new OpenHandles();
  readonly copies = new KeptCopies();
  readonly #publicNames: ReadonlySet<string> | undefined;
  /** By "device:inode" of the host. */
  readonly #inodes = new Map<string, HostInode>();
  /** Inode numbers of the root's device are shown as they are; those of others are made up. */
  readonly #device: number;
  readonly #numbers = new Map<string, number>();
  #nextNumber = OTHER_DEVICES;

  constructor(folder: HostFolder, stat: HostStat, options: HostfsOptions) {
    super(options.clock);
    this.#publicNames = options.publicNames;
    this.isPublicOnly = options.publicNames !== undefined;
    this.isReadOnly = options.readOnly || this.isPublicOnly;
    this.cachesNames = this.isPublicOnly;
    this.segments = options.segments;
    this.mayChangeOwner = options.mayChangeOwner ?? false;
    this.#device = stat.dev;
    this.#folder = folder;
    const usage = folder.usage();
    const magic = typeof usage === 'number' ? 0 : usage.magic;
    this.maxFileBytes = magic === EXT4_MAGIC ? EXT4_MAX_BYTES : Number.MAX_SAFE_INTEGER;
    this.typeName = TYPE_NAMES[magic] ?? 'hostfs';
    this.root = new HostInode(
      this,
      this.#numberOf(stat),
      stat,
      undefined,
      options.file ?? '',
      folder,
    );
    this.#inodes.set(keyOf(stat), this.root as HostInode);
  }

  /** The inode of `name` in `parent`, one object for each file of the host. */
  inodeOf(parent: HostInode, name: string, stat: HostStat): HostInode {
    const key = keyOf(stat);
    const known = this.#inodes.get(key);
    if (known !== undefined && (known.mode & 0o170000) === (stat.mode & 0o170000)) {
      known.foundAt(parent, name);
      known.take(stat);
      return known;
    }
    const inode = new HostInode(this, this.#numberOf(stat), stat, parent, name, undefined);
    this.#inodes.set(key, inode);
    return inode;
  }

  #numberOf(stat: HostStat): number {
    if (stat.dev === this.#device) return stat.ino;
    const key = keyOf(stat);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#nextNumber++;
      this.#numbers.set(key, number);
    }
    return number;
  }

  override statistics(): FileSystemStatistics {
    const usage = this.#folder.usage();
    return typeof usage === 'number' ? super.statistics() : usage;
  }

  /** In the view of a machine only some names of its root are there. */
  isVisible(parent: HostInode, name: string): boolean {
    return this.#publicNames === undefined || parent !== this.root || this.#publicNames.has(name);
  }

  forget(inode: HostInode): void {
    for (const [key, known] of this.#inodes)
      if (known === inode) {
        this.#inodes.delete(key);
        this.copies.drop(inode);
        return;
      }
  }

  override sync(): number {
    let result = 0;
    for (const inode of this.#inodes.values()) {
      const one = inode.writeBack();
      if (one < 0) result = one;
    }
    return result;
  }

  override shutdown(): void {
    this.sync();
    for (const inode of this.#inodes.values()) inode.dispose();
    this.copies[Symbol.dispose]();
    this.#inodes.clear();
    this.handles.closeAll();
  }
}

const keyOf = (stat: HostStat): string => `${stat.dev}:${stat.ino}`;
