/** Reads and writes sealed pieces, and remembers which of them no barrier has covered yet. */

import { freeMemory } from '../../../base/free-memory.ts';
import { asVolumeError, damaged } from '../errors.ts';
import { BLOCK_BYTES, type BlockHost, readFully } from '../l0-host/block-host.ts';
import type { Pointer } from '../l1-keys/pointer.ts';
import type { Kind, SealedPiece, Sealer } from '../l1-keys/sealer.ts';
import { MAX_MANIFEST, type ManifestEntry } from './superblock.ts';

/** Ciphertext handed to the host in one call. */
const MAX_RUN_BYTES = 4 << 20;
/**
 * Contents that wait for their neighbours. measured (bench storage): the host takes 1 MiB in one call
 * in half of the time of sixteen calls.
 */
const MAX_WAITING_BYTES = 1 << 20;

/** Ciphertext of neighbours that the host gives in one call. measured (bench storage): reading
 * 256 MiB in calls of 1 MiB takes 10 to 30 % less time than with a call of the host for each cell. */
const MAX_READ_BYTES = 256 << 10;
/** The largest piece: 16 blocks. */
const MAX_PIECE_BYTES = 64 << 10;

interface PlacedPiece {
  readonly block: number;
  readonly ciphertext: Uint8Array;
}

export class PieceIo {
  readonly host: BlockHost;
  readonly sealer: Sealer;
  readonly #name: string;
  /** Ciphertext on its way in: out of the host's reach, and gone when it is opened. */
  readonly #scratch = new Uint8Array(MAX_READ_BYTES);
  /** Pieces since the last barrier by block, as long as a superblock can list them. */
  readonly #unsettled = new Map<number, ManifestEntry>();
  #overflowed = false;
  /** Ciphertext of cells by block that the host does not have yet. */
  readonly #waiting = new Map<number, Uint8Array>();
  #waitingBytes = 0;

  constructor(host: BlockHost, sealer: Sealer, name: string) {
    this.host = host;
    this.sealer = sealer;
    this.#name = name;
  }

  /** The plaintext of a piece; throws VolumeError when the host's bytes are not the sealed ones. */
  read(kind: Kind, pointer: Pointer, what: string): Uint8Array {
    const plain = this.tryRead(kind, pointer);
    if (plain === undefined) throw damaged(this.#name, `${what} (block ${pointer.block})`);
    return plain;
  }

  tryRead(kind: Kind, pointer: Pointer): Uint8Array | undefined {
    const bytes = pointer.blocks * BLOCK_BYTES;
    if (bytes === 0 || bytes > MAX_PIECE_BYTES) return undefined;
    let ciphertext = this.#waiting.get(pointer.block);
    if (ciphertext === undefined) {
      ciphertext = this.#scratch.subarray(0, bytes);
      if (!this.#fetch(pointer.block, ciphertext)) return undefined;
    }
    return this.#open(kind, pointer, ciphertext);
  }

  /**
   * Copies the plaintext of pieces to `target`, one after the other from `start` on. Pieces that are
   * neighbours come in one call of the host. Throws as {@link read} does.
   */
  readInto(
    kind: Kind,
    pointers: readonly Pointer[],
    target: Uint8Array,
    start: number,
    what: string,
  ): void {
    let at = start;
    for (let first = 0; first < pointers.length; ) {
      const end = this.#endOfRun(pointers, first);
      const run = pointers.slice(first, end);
      const { block } = run[0] as Pointer;
      const bytes = blocksOf(run) * BLOCK_BYTES;
      // A host that has less than the run gets another chance piece by piece.
      const isFetched = run.length > 1 && this.#fetch(block, this.#scratch.subarray(0, bytes));
      for (const pointer of run) {
        const from = (pointer.block - block) * BLOCK_BYTES;
        const length = pointer.blocks * BLOCK_BYTES;
        const plain = isFetched
          ? this.#open(kind, pointer, this.#scratch.subarray(from, from + length))
          : this.tryRead(kind, pointer);
        if (plain === undefined) throw damaged(this.#name, `${what} (block ${pointer.block})`);
        target.set(plain, at);
        freeMemory(plain);
        at += length;
      }
      first = end;
    }
  }

  /** Behind the last piece that lies beside those from `first` on, and fits one call of the host. */
  #endOfRun(pointers: readonly Pointer[], first: number): number {
    const { block, blocks } = pointers[first] as Pointer;
    let next = block + blocks;
    let end = first + 1;
    if (this.#waiting.has(block)) return end;
    for (; end < pointers.length; end++) {
      const pointer = pointers[end] as Pointer;
      const doesFit = (next + pointer.blocks - block) * BLOCK_BYTES <= MAX_READ_BYTES;
      if (pointer.block !== next || !doesFit || this.#waiting.has(next)) break;
      next += pointer.blocks;
    }
    return end;
  }

  #fetch(block: number, ciphertext: Uint8Array): boolean {
    try {
      return readFully(this.host, block * BLOCK_BYTES, ciphertext);
    } catch (cause) {
      throw asVolumeError(this.#name, cause, 'read');
    }
  }

  #open(kind: Kind, pointer: Pointer, ciphertext: Uint8Array): Uint8Array | undefined {
    const { session, counter, tag } = pointer;
    return this.sealer.open(kind, { session, counter, tag, ciphertext });
  }

  /** Seals whole blocks for `block`; nothing is written yet. */
  seal(kind: Kind, block: number, plain: Uint8Array): { piece: SealedPiece; pointer: Pointer } {
    const piece = this.sealer.seal(kind, plain);
    const { session, counter, tag } = piece;
    const pointer = { block, blocks: plain.length / BLOCK_BYTES, session, counter, tag };
    if (this.#unsettled.size < MAX_MANIFEST) this.#unsettled.set(block, { kind, pointer });
    else this.#overflowed = true;
    return { piece, pointer };
  }

  /**
   * Writes pieces, at the latest with the next {@link flush}. Throws VolumeError when the host does
   * not take those that wait already; then these do not wait.
   */
  writeLater(pieces: readonly PlacedPiece[]): void {
    if (this.#waitingBytes >= MAX_WAITING_BYTES) this.flush();
    for (const { block, ciphertext } of pieces) {
      this.#waiting.set(block, ciphertext);
      this.#waitingBytes += ciphertext.length;
    }
  }

  /** Hands to the host what waits. What it does not take waits on, until it is forgotten. */
  flush(): void {
    if (this.#waiting.size === 0) return;
    const pieces = [...this.#waiting].map(([block, ciphertext]) => ({ block, ciphertext }));
    this.write(pieces.sort((a, b) => a.block - b.block));
    for (const { ciphertext } of pieces) freeMemory(ciphertext);
    this.#waiting.clear();
    this.#waitingBytes = 0;
  }

  /** Writes pieces, neighbours in one call. They stand in ascending order. */
  write(pieces: readonly PlacedPiece[]): void {
    for (let i = 0; i < pieces.length; ) {
      const first = pieces[i] as PlacedPiece;
      const parts = [first.ciphertext];
      let bytes = first.ciphertext.length;
      for (i += 1; i < pieces.length && bytes < MAX_RUN_BYTES; i++) {
        const next = pieces[i] as PlacedPiece;
        if (next.block * BLOCK_BYTES !== first.block * BLOCK_BYTES + bytes) break;
        parts.push(next.ciphertext);
        bytes += next.ciphertext.length;
      }
      this.#writeAt(first.block, parts);
    }
  }

  writeBlock(block: number, bytes: Uint8Array): void {
    this.#writeAt(block, [bytes]);
  }

  /** A piece is not needed any more. */
  forget(pointer: Pointer): void {
    const waiting = this.#waiting.get(pointer.block);
    if (waiting !== undefined) {
      this.#waiting.delete(pointer.block);
      this.#waitingBytes -= waiting.length;
      freeMemory(waiting);
    }
    if (this.#unsettled.get(pointer.block)?.pointer.counter === pointer.counter)
      this.#unsettled.delete(pointer.block);
  }

  /** A commit failed: its pieces must not be listed by the next one, which takes two barriers. */
  distrust(): void {
    this.#overflowed = true;
  }

  /** The pieces that no barrier has covered; undefined when they are too many for a superblock. */
  unsettled(): readonly ManifestEntry[] | undefined {
    return this.#overflowed ? undefined : [...this.#unsettled.values()];
  }

  barrier(): void {
    try {
      this.host.barrier();
    } catch (cause) {
      throw asVolumeError(this.#name, cause, 'make durable');
    }
    this.#unsettled.clear();
    this.#overflowed = false;
  }

  #writeAt(block: number, parts: readonly Uint8Array[]): void {
    try {
      this.host.write(block * BLOCK_BYTES, parts);
    } catch (cause) {
      throw asVolumeError(this.#name, cause, 'write');
    }
  }
}

function blocksOf(pointers: readonly Pointer[]): number {
  let blocks = 0;
  for (const pointer of pointers) blocks += pointer.blocks;
  return blocks;
}
