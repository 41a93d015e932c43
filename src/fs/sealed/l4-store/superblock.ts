/**
 * The superblock: the one root of everything. Two places, written in turn, so that the last commit
 * stays while the next one is written. Sealed like every other piece, under the session's key.
 * Byte layout: docs/formats/volume.md, "Superblock".
 *
 * A small commit is made durable by one barrier: its superblock lists the pieces that it needs
 * (`manifest`), and a reader that does not find all of them takes the commit before. A large one
 * has a barrier before its superblock, and an empty list.
 */

import { byteString, copyBytes } from '../../../vfs/byte-string.ts';
import { BLOCK_BYTES } from '../l0-host/block-host.ts';
import {
  POINTER_BYTES,
  type Pointer,
  readPointer,
  readU48,
  writePointer,
  writeU48,
} from '../l1-keys/pointer.ts';
import { KIND, type Kind, SESSION_BYTES, type Sealer, TAG_BYTES } from '../l1-keys/sealer.ts';
import { MARK_BYTES } from './anchor.ts';

/** Bytes in clear before the ciphertext: session, counter, tag. */
const CLEAR_BYTES = SESSION_BYTES + 6 + TAG_BYTES;
const PLAIN_BYTES = BLOCK_BYTES - CLEAR_BYTES;
const MAGIC = 0x42534c43; // CLSB
const VERSION = 2;
/** Files used cells only as a whole; else the same. The next commit has the present version. */
const OLD_VERSION = 1;
const MANIFEST_AT = 160;
const ENTRY_BYTES = 1 + POINTER_BYTES;
const MARK_AT = PLAIN_BYTES - MARK_BYTES;
/** Pieces that one superblock can list. */
export const MAX_MANIFEST = Math.floor((MARK_AT - MANIFEST_AT) / ENTRY_BYTES);

export interface ManifestEntry {
  readonly kind: Kind;
  readonly pointer: Pointer;
}

export interface Superblock {
  readonly volumeId: Uint8Array;
  /** Number of the commit: 1, 2, 3, … */
  readonly generation: number;
  /** Generation of the header that was in force. */
  readonly headerGeneration: number;
  readonly root: { readonly pointer: Pointer; readonly level: number };
  readonly nextInode: number;
  readonly limitBlocks: number;
  readonly high: number;
  readonly used: number;
  readonly cursor: number;
  readonly fileCount: number;
  /** Secret seed of the hashes of names. */
  readonly nameSeed: Uint8Array;
  readonly manifest: readonly ManifestEntry[];
  /** Where the freshness anchor stood; zeros of one that has no such mark. */
  readonly mark: Uint8Array;
}

export function encodeSuperblock(sealer: Sealer, superblock: Superblock): Uint8Array {
  const plain = new Uint8Array(PLAIN_BYTES);
  const view = new DataView(plain.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  plain.set(superblock.volumeId, 8);
  writeU48(plain, 24, superblock.generation);
  view.setUint32(32, superblock.headerGeneration, true);
  plain[36] = superblock.root.level;
  writePointer(plain, 40, superblock.root.pointer);
  writeU48(plain, 96, superblock.nextInode);
  writeU48(plain, 104, superblock.limitBlocks);
  writeU48(plain, 112, superblock.high);
  writeU48(plain, 120, superblock.used);
  writeU48(plain, 128, superblock.cursor);
  writeU48(plain, 136, superblock.fileCount);
  view.setUint32(144, superblock.manifest.length, true);
  plain.set(superblock.nameSeed, 152);
  superblock.manifest.forEach(({ kind, pointer }, i) => {
    plain[MANIFEST_AT + i * ENTRY_BYTES] = kind;
    writePointer(plain, MANIFEST_AT + i * ENTRY_BYTES + 1, pointer);
  });
  plain.set(superblock.mark, MARK_AT);
  const piece = sealer.seal(KIND.super, plain);
  const out = new Uint8Array(BLOCK_BYTES);
  copyBytes(piece.session, out, 0);
  writeU48(out, SESSION_BYTES, piece.counter);
  out.set(piece.tag, SESSION_BYTES + 6);
  out.set(piece.ciphertext, CLEAR_BYTES);
  return out;
}

/** undefined when the block is not an authentic superblock. */
export function decodeSuperblock(sealer: Sealer, block: Uint8Array): Superblock | undefined {
  const plain = sealer.open(KIND.super, {
    session: byteString(block, 0, SESSION_BYTES),
    counter: readU48(block, SESSION_BYTES),
    tag: block.slice(SESSION_BYTES + 6, CLEAR_BYTES),
    ciphertext: block.subarray(CLEAR_BYTES),
  });
  return plain && parseSuperblock(plain);
}

/** Exported for fuzzing. */
export function parseSuperblock(plain: Uint8Array): Superblock | undefined {
  if (plain.length !== PLAIN_BYTES) return undefined;
  const view = new DataView(plain.buffer, plain.byteOffset, plain.length);
  const version = view.getUint32(4, true);
  if (view.getUint32(0, true) !== MAGIC) return undefined;
  if (version !== VERSION && version !== OLD_VERSION) return undefined;
  const count = view.getUint32(144, true);
  if (count > MAX_MANIFEST) return undefined;
  const manifest: ManifestEntry[] = [];
  for (let i = 0; i < count; i++) {
    const at = MANIFEST_AT + i * ENTRY_BYTES;
    const kind = plain[at] as Kind;
    if (kind !== KIND.node && kind !== KIND.cell) return undefined;
    manifest.push({ kind, pointer: readPointer(plain, at + 1) });
  }
  return {
    volumeId: plain.slice(8, 24),
    generation: readU48(plain, 24),
    headerGeneration: view.getUint32(32, true),
    root: { level: plain[36] as number, pointer: readPointer(plain, 40) },
    nextInode: readU48(plain, 96),
    limitBlocks: readU48(plain, 104),
    high: readU48(plain, 112),
    used: readU48(plain, 120),
    cursor: readU48(plain, 128),
    fileCount: readU48(plain, 136),
    nameSeed: plain.slice(152, 160),
    manifest,
    mark: plain.slice(MARK_AT),
  };
}
