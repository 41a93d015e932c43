/** Pages of 4 KiB. */
export const PAGE = 4096;

export function roundUp(bytes: number): number {
  return Math.ceil(bytes / PAGE) * PAGE;
}

export function roundDown(bytes: number): number {
  return Math.floor(bytes / PAGE) * PAGE;
}
