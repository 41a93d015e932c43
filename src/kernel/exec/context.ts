/** What loading a program needs of the kernel; made for each execve. */

import type { MappedFile } from '../../mm/mapped-file.ts';
import type { Caller } from '../../vfs/caller.ts';
import { FileMapping } from '../../vfs/file-mapping.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import { describePlace } from '../../vfs/place.ts';
import type { Vfs } from '../../vfs/vfs.ts';

export interface ExecContext {
  readonly vfs: Vfs;
  readonly caller: Caller;
  mappingOf(file: OpenFile): MappedFile;
}

export function makeExecContext(vfs: Vfs, caller: Caller): ExecContext {
  return { vfs, caller, mappingOf: (file) => mappingOf(vfs, file) };
}

/** An open file as mm sees it; its name is the one of the whole tree. */
export function mappingOf(vfs: Vfs, file: OpenFile): MappedFile {
  return new FileMapping(file, (shown) => describePlace(vfs.root, shown)) as MappedFile;
}
