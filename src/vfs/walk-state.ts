/** Registers of the path walk: reused, so that a walk allocates nothing. */

import type { Dentry, Location } from './dentry.ts';
import type { Mount } from './mount.ts';

/** What the last component of a parent walk is. */
export const LAST = {
  /** An ordinary name. */
  name: 0,
  /** ".": the directory itself. */
  dot: 1,
  /** "..". */
  dotDot: 2,
  /** The path is "/" (or only slashes), or leads to a root through a link. */
  root: 3,
} as const;
export type Last = (typeof LAST)[keyof typeof LAST];

export class WalkState implements Location {
  /** Where the walk stands; its result afterwards. */
  mount: Mount;
  dentry: Dentry;
  /** Parent walks: the last component, and what it is. */
  lastName = '';
  lastKind: Last = LAST.root;
  /** The path ended in a slash (or a link in last position did): followed, a directory wanted. */
  wantsDirectory = false;
  /** Symbolic links followed so far. */
  links = 0;
  /** Where "/" leads and ".." ends. */
  scope: Location;
  /** Components still to walk after the links that are being followed. */
  readonly pendingParts: (readonly string[])[] = [];
  readonly pendingIndex: number[] = [];

  constructor(start: Location) {
    this.mount = start.mount;
    this.dentry = start.dentry;
    this.scope = start;
  }

  /**
   * Sets everything: nothing of an earlier walk is left. `links` and `wantsDirectory` are what a
   * walk hands on to the one that follows a link for it.
   */
  begin(start: Location, scope: Location, links: number, wantsDirectory: boolean): void {
    this.mount = start.mount;
    this.dentry = start.dentry;
    this.lastName = '';
    this.lastKind = LAST.root;
    this.wantsDirectory = wantsDirectory;
    this.links = links;
    this.scope = scope;
    // measured: setting the length of an array, even of an empty one, is a call into the runtime.
    if (this.pendingParts.length === 0) return;
    this.pendingParts.length = 0;
    this.pendingIndex.length = 0;
  }

  /** A lasting copy of the result. */
  get location(): Location {
    return { mount: this.mount, dentry: this.dentry };
  }
}
