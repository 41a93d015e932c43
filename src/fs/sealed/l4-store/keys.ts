/** Keys of the tree: a = inode · 256 + type. Inode 0 holds what belongs to the volume itself. */

export const ITEM = {
  /** Inode 0: b = number of the segment; value = its bitmap. */
  space: 1,
  /** Inode 0: b = an inode without a name that was still open. */
  orphan: 2,
  /** Inode 0, b = 0: what the volume keeps for its freshness anchor. */
  anchor: 3,
  inode: 16,
  /** b = hash of the name. */
  dirent: 17,
  xattr: 18,
  /** b = first block in the file; value = pointer. */
  extent: 19,
} as const;

export function itemKey(inode: number, type: number): number {
  return inode * 256 + type;
}
