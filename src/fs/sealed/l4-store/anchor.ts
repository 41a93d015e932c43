/**
 * Freshness anchors: memory outside the host's reach that remembers which commit was the last. With
 * one, the host cannot roll the whole volume back; without one, it can, and nothing tells.
 */

export interface AnchorState {
  readonly generation: number;
  /** SHA-256 over volume id, generation and superblock: names the commit. */
  readonly commitment: Uint8Array;
}

export interface FreshnessAnchor {
  /** For messages: "file anchor.json", "TPM index 0x1500016". */
  readonly name: string;
  /** What is remembered for this volume; undefined before the first commit. Throws on failure. */
  read(volumeId: Uint8Array): AnchorState | undefined;
  /**
   * Remembers `next` instead of `expected`, durably. Throws when it remembers something else: then
   * another run has used the volume in the meantime.
   */
  advance(volumeId: Uint8Array, expected: AnchorState | undefined, next: AnchorState): void;
}

const DOMAIN = new TextEncoder().encode('cloister volume v1 commitment');

/** The bytes that a commitment hashes. */
export function commitmentInput(
  volumeId: Uint8Array,
  generation: number,
  superblock: Uint8Array,
): Uint8Array[] {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(generation), true);
  return [DOMAIN, volumeId, number, superblock];
}
