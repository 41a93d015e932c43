/**
 * Where a file or folder of the host was found last, and what is open of it: the way from an inode
 * to the host. Owned by its inode.
 */

import { EACCES, ENOENT } from '../../abi/errno.table.ts';
import { O_RDONLY, O_RDWR, O_WRONLY } from '../../abi/file-flags.ts';
import { isDirectory, isRegular } from '../../abi/file-mode.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { HostFile, HostFolder, HostHandle } from './host-folder.ts';
import type { HandleOwner, OpenHandles } from './open-handles.ts';

export class HostPlace implements HandleOwner {
  readonly #inode: Pick<Inode, 'mode' | 'references'>;
  readonly #handles: OpenHandles;
  #parent: HostPlace | undefined;
  #name: string;
  #hasName = true;
  #folder: HostFolder | undefined;
  /** A root's folder was given to it and stays. */
  readonly #ownsRoot: boolean;
  #file: HostFile | undefined;
  #target: string | undefined;
  /** Holds what is no regular file and lost its name while it was in use. */
  #other: HostHandle | undefined;

  constructor(
    inode: Pick<Inode, 'mode' | 'references'>,
    handles: OpenHandles,
    parent: HostPlace | undefined,
    name: string,
    folder: HostFolder | undefined,
  ) {
    this.#inode = inode;
    this.#handles = handles;
    this.#parent = parent;
    this.#name = name;
    this.#folder = folder;
    this.#ownsRoot = folder !== undefined;
  }

  /** Its name leads here; false for an unlinked file, and one that had no name yet. */
  get hasName(): boolean {
    return this.#hasName;
  }

  foundAt(parent: HostPlace, name: string): void {
    if (this.#ownsRoot) return;
    this.#parent = parent;
    this.#name = name;
    this.#hasName = true;
  }

  lostName(parent: HostPlace, name: string): void {
    if (this.#parent === parent && this.#name === name) this.#hasName = false;
  }

  /** A file that was made without a name. */
  adopt(file: HostFile): void {
    this.#file = file;
    this.#hasName = false;
    this.#handles.used(this);
  }

  /**
   * Calls for this very file: by what is open of it, which also reaches a file without a name, else
   * by its name in its folder.
   */
  onItself<T>(work: (handle: HostHandle, name: string) => T | number): T | number {
    if (this.#file !== undefined) return work(this.#file, '');
    if (this.#other !== undefined) return work(this.#other, '');
    if (this.#folder !== undefined) return work(this.#folder, this.#ownsRoot ? this.#name : '');
    return this.inParent(work);
  }

  /** Calls for its name in its folder. */
  inParent<T>(work: (folder: HostFolder, name: string) => T | number): T | number {
    if (this.#ownsRoot && this.#folder !== undefined) return work(this.#folder, this.#name);
    const folder = this.#hasName && this.#parent !== undefined ? this.#parent.folder() : -ENOENT;
    return typeof folder === 'number' ? folder : work(folder, this.#name);
  }

  /** Where this link leads. `isKept`: nobody changes it. */
  linkTarget(isKept: boolean): string | number {
    if (this.#target !== undefined) return this.#target;
    const target = this.inParent((folder, name) => folder.readlink(name));
    if (isKept && typeof target === 'string') this.#target = target;
    return target;
  }

  /** This folder, open. */
  folder(): HostFolder | number {
    if (this.#folder === undefined) {
      const opened = this.inParent((folder, name) => folder.openFolder(name));
      if (typeof opened === 'number') return opened;
      this.#folder = opened;
    }
    if (!this.#ownsRoot) this.#handles.used(this);
    return this.#folder;
  }

  /** This file, open for at least `access` (O_RDONLY, O_WRONLY, O_RDWR). */
  file(access: number): HostFile | number {
    const have = this.#file;
    const reads = access !== O_WRONLY;
    const writes = access !== O_RDONLY;
    if (have !== undefined && (have.isWritable || !writes) && (have.isReadable || !reads)) {
      this.#handles.used(this);
      return have;
    }
    const open = (how: number) => this.inParent((folder, name) => folder.openFile(name, how));
    let opened = open(writes ? O_RDWR : O_RDONLY);
    // Someone who may only write has it open for writing only.
    if (opened === -EACCES && access === O_WRONLY && have === undefined) opened = open(O_WRONLY);
    if (typeof opened === 'number') return opened;
    have?.[Symbol.dispose]();
    this.#file = opened;
    this.#handles.used(this);
    return opened;
  }

  /** Asks the host whether the file may be opened so; what is open already does not count. */
  mayOpen(access: number): number {
    if (this.#file === undefined || !this.#hasName) return 0;
    const probe = this.inParent((folder, name) => folder.openFile(name, access));
    if (typeof probe === 'number') return probe;
    probe[Symbol.dispose]();
    return 0;
  }

  /** The host's number for the regular file here, if it can be opened and has one. */
  get descriptor(): number | undefined {
    const file = this.file(O_RDONLY);
    return typeof file === 'number' ? undefined : file.descriptor;
  }

  /** This file, open in whatever way. */
  anyFile(): HostFile | number {
    return this.#file ?? this.file(O_RDONLY);
  }

  /** What is in use (by others than the caller, who holds it) stays usable without its name. */
  keepOpen(): void {
    const { mode, references } = this.#inode;
    if (references <= 1 || this.#file !== undefined) return;
    if (isDirectory(mode)) this.folder();
    else if (isRegular(mode)) {
      // For writing where the host permits it: it cannot be opened again afterwards.
      if (typeof this.file(O_RDWR) === 'number') this.file(O_RDONLY);
    } else {
      const other = this.inParent((folder, name) => folder.openPlace(name));
      if (typeof other !== 'number') this.#other = other;
    }
  }

  // --- HandleOwner -------------------------------------------------------------------------------

  get mustStayOpen(): boolean {
    return !this.#hasName && this.#inode.references > 0;
  }

  closeHandle(): void {
    if (!this.#ownsRoot) this.#folder?.[Symbol.dispose]();
    this.#file?.[Symbol.dispose]();
    this.#other?.[Symbol.dispose]();
    if (!this.#ownsRoot) this.#folder = undefined;
    this.#file = undefined;
    this.#other = undefined;
  }

  /** Nobody uses the inode any more. An open folder stays, for its children. */
  released(): void {
    if (this.#hasName && this.#file === undefined) return;
    this.closeHandle();
    this.#handles.closed(this);
  }
}

/** Names that the host may answer: one component, not "." or "..". */
export function isName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/') && name.length <= 255;
}
