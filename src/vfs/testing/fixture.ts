/** A small tree for tests: a tmpfs as root and a caller who is root. */

import { Tmpfs, type TmpfsOptions } from '../../fs/tmpfs/tmpfs.ts';
import type { Caller } from '../caller.ts';
import { type Credentials, ROOT_CREDENTIALS } from '../credentials.ts';
import { FixedFileClock } from '../file-clock.ts';
import { FsContext } from '../fs-context.ts';
import { mkdirAt } from '../names.ts';
import { openAt } from '../open.ts';
import { OpenFile } from '../open-file.ts';
import { Path } from '../path.ts';
import { Vfs } from '../vfs.ts';

export class Fixture implements Caller {
  readonly clock = new FixedFileClock();
  readonly tmpfs: Tmpfs;
  readonly vfs: Vfs;
  readonly fs: FsContext;
  creds: Credentials = ROOT_CREDENTIALS;

  constructor(options: TmpfsOptions = { mode: 0o755 }) {
    this.tmpfs = new Tmpfs(this.clock, undefined, options);
    this.vfs = new Vfs(this.clock, this.tmpfs);
    this.fs = new FsContext(this.vfs.root, this.vfs.root);
  }

  open(path: string, flags: number, mode = 0o644): OpenFile | number {
    return openAt(this.vfs, this, undefined, new Path(path), flags, mode);
  }

  /** Opens or fails the test. */
  mustOpen(path: string, flags: number, mode = 0o644): OpenFile {
    const file = this.open(path, flags, mode);
    if (!(file instanceof OpenFile)) throw new Error(`open ${path}: ${file}`);
    return file;
  }

  mkdir(path: string, mode = 0o755): number {
    return mkdirAt(this.vfs, this, undefined, new Path(path), mode);
  }
}

/** An ordinary user without capabilities. */
export const USER: Credentials = { fsuid: 1000, fsgid: 1000, groups: [1000, 27], capabilities: 0 };
