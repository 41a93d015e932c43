/**
 * Lists of named entries under a hash: directory entries and extended attributes. An item holds all
 * entries whose names hash alike, so collisions cost nothing but room.
 */

import { byteString, bytesOf } from '../../../vfs/byte-string.ts';
import { readU48, writeU48 } from '../l1-keys/pointer.ts';

export interface NamedInode {
  readonly name: string;
  readonly inode: number;
  /** `DT_*`. */
  readonly type: number;
}

export interface NamedValue {
  readonly name: string;
  readonly value: Uint8Array;
}

/** Bits of a hash: a readdir cookie holds it together with the place in the list. */
export const HASH_BITS = 44;

/** MurmurHash3 (x86, 32 bits) over a byte string. */
export function murmur3(name: string, seed: number): number {
  let hash = seed;
  const length = name.length;
  const blocks = length & ~3;
  for (let i = 0; i < blocks; i += 4) {
    const word =
      name.charCodeAt(i) |
      (name.charCodeAt(i + 1) << 8) |
      (name.charCodeAt(i + 2) << 16) |
      (name.charCodeAt(i + 3) << 24);
    hash ^= mix(word);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = length - 1; i >= blocks; i--) tail = (tail << 8) | name.charCodeAt(i);
  if (length !== blocks) hash ^= mix(tail);
  hash ^= length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function mix(word: number): number {
  const k = Math.imul(word, 0xcc9e2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
}

/** The hash of a name under the secret seed of the volume (two u32). */
export function nameHash(name: string, seed: Uint8Array): number {
  const view = new DataView(seed.buffer, seed.byteOffset, 8);
  const low = murmur3(name, view.getUint32(0, true));
  const high = murmur3(name, view.getUint32(4, true)) & 0xfff;
  return high * 2 ** 32 + low;
}

export function encodeEntries(entries: readonly NamedInode[]): Uint8Array {
  let length = 0;
  for (const { name } of entries) length += 8 + name.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const { name, inode, type } of entries) {
    writeU48(out, at, inode);
    out[at + 6] = type;
    out[at + 7] = name.length;
    for (let i = 0; i < name.length; i++) out[at + 8 + i] = name.charCodeAt(i);
    at += 8 + name.length;
  }
  return out;
}

/** Nothing that a path could take for another place. */
const isName = (name: string): boolean => name !== '.' && name !== '..' && !/[\0/]/.test(name);

/** undefined when the item is none: names are names, and none stands twice. */
export function decodeEntries(bytes: Uint8Array): NamedInode[] | undefined {
  const entries: NamedInode[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at + 7];
    if (length === undefined || length === 0 || at + 8 + length > bytes.length) return undefined;
    const name = byteString(bytes, at + 8, at + 8 + length);
    if (!isName(name) || entries.some((one) => one.name === name)) return undefined;
    entries.push({ inode: readU48(bytes, at), type: bytes[at + 6] as number, name });
    at += 8 + length;
  }
  return entries;
}

export function encodeValues(values: readonly NamedValue[]): Uint8Array {
  let length = 0;
  for (const { name, value } of values) length += 3 + name.length + value.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const { name, value } of values) {
    out[at] = name.length;
    out[at + 1] = value.length;
    out[at + 2] = value.length >>> 8;
    out.set(bytesOf(name), at + 3);
    out.set(value, at + 3 + name.length);
    at += 3 + name.length + value.length;
  }
  return out;
}

export function decodeValues(bytes: Uint8Array): NamedValue[] | undefined {
  const values: NamedValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    const nameBytes = bytes[at] as number;
    const valueBytes = (bytes[at + 1] ?? 0) + (bytes[at + 2] ?? 0) * 256;
    const end = at + 3 + nameBytes + valueBytes;
    if (nameBytes === 0 || end > bytes.length) return undefined;
    values.push({
      name: byteString(bytes, at + 3, at + 3 + nameBytes),
      value: bytes.slice(at + 3 + nameBytes, end),
    });
    at = end;
  }
  return values;
}
