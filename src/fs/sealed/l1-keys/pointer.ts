/**
 * Names one sealed piece: where it lies and the numbers that only the right bytes satisfy. Every
 * piece but the superblock is reached through one, so a piece can be neither changed nor moved nor
 * exchanged for an older one without its parent, and so on up to the root.
 */

import { byteString, copyBytes } from '../../../vfs/byte-string.ts';
import { SESSION_BYTES, type SessionId, TAG_BYTES } from './sealer.ts';

export interface Pointer {
  /** First block of 4096 bytes, from the start of the volume. */
  readonly block: number;
  /** Blocks, 1 to 16. */
  readonly blocks: number;
  readonly session: SessionId;
  readonly counter: number;
  readonly tag: Uint8Array;
}

/** u48 block, u8 blocks, session, u48 counter, tag. */
export const POINTER_BYTES = 6 + 1 + SESSION_BYTES + 6 + TAG_BYTES;

export function writeU48(bytes: Uint8Array, at: number, value: number): void {
  const low = value % 2 ** 32;
  const high = (value - low) / 2 ** 32;
  bytes[at] = low;
  bytes[at + 1] = low >>> 8;
  bytes[at + 2] = low >>> 16;
  bytes[at + 3] = low >>> 24;
  bytes[at + 4] = high;
  bytes[at + 5] = high >>> 8;
}

export function readU48(bytes: Uint8Array, at: number): number {
  const low = bytes[at]! + bytes[at + 1]! * 2 ** 8 + bytes[at + 2]! * 2 ** 16;
  return low + bytes[at + 3]! * 2 ** 24 + bytes[at + 4]! * 2 ** 32 + bytes[at + 5]! * 2 ** 40;
}

export function writePointer(bytes: Uint8Array, at: number, pointer: Pointer): void {
  writeU48(bytes, at, pointer.block);
  bytes[at + 6] = pointer.blocks;
  copyBytes(pointer.session, bytes, at + 7);
  writeU48(bytes, at + 7 + SESSION_BYTES, pointer.counter);
  bytes.set(pointer.tag, at + 13 + SESSION_BYTES);
}

export function readPointer(bytes: Uint8Array, at: number): Pointer {
  const tagAt = at + 13 + SESSION_BYTES;
  return {
    block: readU48(bytes, at),
    blocks: bytes[at + 6] as number,
    session: byteString(bytes, at + 7, at + 7 + SESSION_BYTES),
    counter: readU48(bytes, at + 7 + SESSION_BYTES),
    tag: bytes.slice(tagAt, tagAt + TAG_BYTES),
  };
}
