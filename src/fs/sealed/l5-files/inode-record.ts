/** The item of an inode: attributes, then inline contents or the target of a link. */

import { readU48, writeU48 } from '../l1-keys/pointer.ts';

export const RECORD_BYTES = 120;
const FLAG_INLINE = 1;

export interface InodeRecord {
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly cellBlocks: number;
  /** Seconds and nanoseconds: access, modification, change, birth. */
  readonly times: readonly number[];
  readonly inline: Uint8Array | undefined;
}

export function encodeRecord(record: InodeRecord): Uint8Array {
  const inline = record.inline ?? new Uint8Array(0);
  const out = new Uint8Array(RECORD_BYTES + inline.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, record.mode, true);
  view.setUint32(4, record.nlink, true);
  view.setUint32(8, record.uid, true);
  view.setUint32(12, record.gid, true);
  view.setUint32(16, record.rdev, true);
  view.setUint32(20, record.inline === undefined ? 0 : FLAG_INLINE, true);
  view.setBigUint64(24, BigInt(record.size), true);
  writeU48(out, 32, record.cellBlocks);
  for (let i = 0; i < 4; i++) {
    view.setBigInt64(40 + i * 16, BigInt(exactSeconds(record.times[i * 2] as number)), true);
    view.setUint32(48 + i * 16, record.times[i * 2 + 1] as number, true);
  }
  out.set(inline, RECORD_BYTES);
  return out;
}

/** Beyond 2⁵³ a number says another second than the one that was stored, or none at all. */
function exactSeconds(seconds: number): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(seconds, Number.MAX_SAFE_INTEGER));
}

/** undefined when the item is none. */
export function decodeRecord(bytes: Uint8Array): InodeRecord | undefined {
  if (bytes.length < RECORD_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const flags = view.getUint32(20, true);
  const size = Number(view.getBigUint64(24, true));
  if (flags > FLAG_INLINE || size > Number.MAX_SAFE_INTEGER) return undefined;
  if (flags === 0 && bytes.length !== RECORD_BYTES) return undefined;
  const times: number[] = [];
  for (let i = 0; i < 4; i++) {
    const nanoseconds = view.getUint32(48 + i * 16, true);
    if (nanoseconds > 999_999_999) return undefined;
    times.push(exactSeconds(Number(view.getBigInt64(40 + i * 16, true))), nanoseconds);
  }
  return {
    mode: view.getUint32(0, true),
    nlink: view.getUint32(4, true),
    uid: view.getUint32(8, true),
    gid: view.getUint32(12, true),
    rdev: view.getUint32(16, true),
    size,
    cellBlocks: readU48(bytes, 32),
    times,
    inline: flags === FLAG_INLINE ? bytes.slice(RECORD_BYTES) : undefined,
  };
}
