/**
 * Verified pieces of files, shared by all files of an image and bounded: the least recently used
 * piece goes first. What is in here has been checked and is out of the host's reach.
 */

/** Read and verified at once; a multiple of the block size. */
export const PIECE_BYTES = 32 * 1024;

/** Pieces of one file that can be told apart: 4 TiB. Larger files are not cached behind that. */
const MAX_PIECES = 2 ** 27;

export class PieceCache {
  readonly #pieces = new Map<number, Uint8Array>();
  readonly #maxPieces: number;
  #nextFile = 0;

  constructor(maxBytes = 64 << 20) {
    this.#maxPieces = Math.max(1, Math.floor(maxBytes / PIECE_BYTES));
  }

  /** A number for one more file. */
  addFile(): number {
    return this.#nextFile++;
  }

  get(file: number, piece: number): Uint8Array | undefined {
    const key = file * MAX_PIECES + piece;
    const found = this.#pieces.get(key);
    if (found === undefined) return undefined;
    this.#pieces.delete(key);
    this.#pieces.set(key, found);
    return found;
  }

  put(file: number, piece: number, bytes: Uint8Array): void {
    if (piece >= MAX_PIECES) return;
    if (this.#pieces.size >= this.#maxPieces)
      for (const oldest of this.#pieces.keys()) {
        this.#pieces.delete(oldest);
        break;
      }
    this.#pieces.set(file * MAX_PIECES + piece, bytes);
  }
}
