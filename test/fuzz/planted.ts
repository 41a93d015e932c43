/** A parser with a fault behind three checks: 2²⁴ inputs without a guide. */
export function planted(bytes: Uint8Array): number {
  if (bytes[0] !== 0x43) return 0;
  if (bytes[1] !== 0x4c) return 1;
  if (bytes[2] !== 0x99) return 2;
  throw new Error('planted');
}
