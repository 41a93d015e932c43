/**
 * Names that go and move in directories that keep their own entries (tmpfs, sealed volumes): what
 * rename(2) and rmdir(2) do to entries and link counts, over either's way of keeping them.
 */

import { ENOTEMPTY } from '../abi/errno.table.ts';
import { RENAME_EXCHANGE, RENAME_WHITEOUT } from '../abi/file-flags.ts';
import { isDirectory, S_IFCHR } from '../abi/file-mode.ts';
import { assert } from '../base/assert.ts';
import type { Inode } from './inode.ts';

export interface LinkedInode extends Inode {
  /** A name of it is gone. */
  dropLink(): void;
}

export interface EntryDirectory<I extends LinkedInode> extends LinkedInode {
  readonly isEmpty: boolean;
  insertEntry(name: string, inode: I): void;
  removeEntry(name: string): void;
  /** `nlink` is another now. */
  linksChanged(): void;
}

/** rmdir(2): 0 or -ENOTEMPTY. */
export function removeDirectory<I extends LinkedInode>(
  parent: EntryDirectory<I>,
  name: string,
  target: EntryDirectory<I>,
): number {
  if (!target.isEmpty) return -ENOTEMPTY;
  parent.removeEntry(name);
  parent.nlink--;
  parent.linksChanged();
  target.nlink = 1;
  target.dropLink();
  return 0;
}

/** One move of {@link moveEntry}. */
export interface EntryMove<I extends LinkedInode> {
  readonly from: EntryDirectory<I>;
  readonly name: string;
  readonly source: I;
  readonly to: EntryDirectory<I>;
  readonly newName: string;
  readonly replaced: I | undefined;
  /** RENAME_*. */
  readonly flags: number;
}

/** renameat2(2) after the checks of the Vfs: 0 or a negative errno. */
export function moveEntry<I extends LinkedInode>(move: EntryMove<I>): number {
  const { from, name, source, to, newName, replaced, flags } = move;
  if ((flags & RENAME_EXCHANGE) !== 0) {
    assert(replaced !== undefined);
    from.removeEntry(name);
    to.removeEntry(newName);
    from.insertEntry(name, replaced);
    to.insertEntry(newName, source);
    moveSubdirectory(source, from, to);
    moveSubdirectory(replaced, to, from);
    replaced.touchChanged();
  } else {
    const refused = replaced === undefined ? 0 : dropReplaced(to, newName, replaced);
    if (refused < 0) return refused;
    from.removeEntry(name);
    to.insertEntry(newName, source);
    moveSubdirectory(source, from, to);
  }
  source.touchChanged();
  if ((flags & RENAME_WHITEOUT) === 0) return 0;
  const whiteout = from.create(name, { mode: S_IFCHR, uid: 0, gid: 0, rdev: 0 });
  return typeof whiteout === 'number' ? whiteout : 0;
}

function dropReplaced<I extends LinkedInode>(
  parent: EntryDirectory<I>,
  name: string,
  replaced: I,
): number {
  if (isDirectory(replaced.mode))
    return removeDirectory(parent, name, replaced as unknown as EntryDirectory<I>);
  parent.removeEntry(name);
  replaced.dropLink();
  return 0;
}

/** The ".." of a directory counts in its parent. */
function moveSubdirectory<I extends LinkedInode>(
  moved: I,
  from: EntryDirectory<I>,
  to: EntryDirectory<I>,
): void {
  if (!isDirectory(moved.mode) || to === from) return;
  from.nlink--;
  to.nlink++;
  from.linksChanged();
  to.linksChanged();
}
