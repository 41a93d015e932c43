/** Pages of 4 KiB. */
export const PAGE = 4096;
/** A large page of x86-64 (SDM vol. 3, 4.5.4). */
export const LARGE_PAGE = 2 ** 21;

export function roundUp(bytes: number): number {
  return Math.ceil(bytes / PAGE) * PAGE;
}

export function roundDown(bytes: number): number {
  return Math.floor(bytes / PAGE) * PAGE;
}
