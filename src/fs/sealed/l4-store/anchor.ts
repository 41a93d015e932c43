/**
 * Freshness anchors: memory outside the host's reach that remembers which commit was the last. With
 * one, the host cannot roll the whole volume back; without one, it can, and nothing tells.
 */

export interface AnchorState {
  /** 0: the commit before the one that the volume shows, whatever its number. */
  readonly generation: number;
  /** SHA-256 over volume id, generation and superblock: names the commit. */
  readonly commitment: Uint8Array;
}

/** The commit that a volume stands at when it is opened. */
export interface ShownCommit extends AnchorState {
  /** The {@link FreshnessAnchor.mark} of the time when it was made. */
  readonly mark: Uint8Array;
}

export interface FreshnessAnchor {
  /** For messages: "anchor file anchor.json", "TPM /dev/tpmrm0". */
  readonly name: string;
  /**
   * Becomes the anchor of a volume that is new, or had another one. Answers what the volume keeps
   * for it, sealed: at most 256 bytes. Absent: nothing.
   */
  establish?(volumeId: Uint8Array): Uint8Array;
  /** Hears what `establish` answered, before the first `read`; undefined: nothing was kept. */
  recall?(kept: Uint8Array | undefined): void;
  /** 32 bytes that every superblock carries: what the anchor stood at when it was made. */
  readonly mark?: Uint8Array;
  /** What is remembered for this volume; undefined before the first commit. Throws on failure. */
  read(volumeId: Uint8Array, shown: ShownCommit): AnchorState | undefined;
  /**
   * Remembers `next` instead of `expected`, durably. Throws when it remembers something else: then
   * another run has used the volume in the meantime.
   */
  advance(volumeId: Uint8Array, expected: AnchorState | undefined, next: AnchorState): void;
  /** The volume is closed: what was put off is done now. */
  settle?(): void;
}

export const MARK_BYTES = 32;
export const MAX_KEPT_BYTES = 256;

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
