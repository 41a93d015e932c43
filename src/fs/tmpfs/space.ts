/** What a tmpfs instance may hold: pages and inodes (tmpfs(5), size= and nr_inodes=). */

export const PAGE_BYTES = 4096;

export class Space {
  pageLimit: number;
  inodeLimit: number;
  pagesUsed = 0;
  inodesUsed = 0;

  constructor(pageLimit: number, inodeLimit: number) {
    this.pageLimit = pageLimit;
    this.inodeLimit = inodeLimit;
  }

  /** False when that many pages are not left. */
  takePages(count: number): boolean {
    if (this.pagesUsed + count > this.pageLimit) return false;
    this.pagesUsed += count;
    return true;
  }

  /** For mappings, whose stores nobody sees: may pass the limit. */
  forcePages(count: number): void {
    this.pagesUsed += count;
  }

  givePages(count: number): void {
    this.pagesUsed -= count;
  }

  takeInode(): boolean {
    if (this.inodesUsed >= this.inodeLimit) return false;
    this.inodesUsed++;
    return true;
  }

  giveInode(): void {
    this.inodesUsed--;
  }
}
