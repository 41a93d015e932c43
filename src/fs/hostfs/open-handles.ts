/** Open folders and files of the host, bounded in number: the longest unused is closed first. */

const LIMIT = 256;

export interface HandleOwner {
  /** Closes what it has open; it opens again when needed. */
  closeHandle(): void;
  /** An unlinked file cannot be opened again. */
  readonly mustStayOpen: boolean;
}

export class OpenHandles {
  /** In the order of their last use. */
  readonly #owners = new Set<HandleOwner>();

  used(owner: HandleOwner): void {
    this.#owners.delete(owner);
    this.#owners.add(owner);
    if (this.#owners.size <= LIMIT) return;
    for (const candidate of this.#owners) {
      if (candidate === owner || candidate.mustStayOpen) continue;
      this.#owners.delete(candidate);
      candidate.closeHandle();
      return;
    }
  }

  closed(owner: HandleOwner): void {
    this.#owners.delete(owner);
  }

  closeAll(): void {
    for (const owner of this.#owners) owner.closeHandle();
    this.#owners.clear();
  }
}
