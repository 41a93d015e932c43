/**
 * The volume header: key slots, and the key ring sealed under the master key. Two copies of 16 KiB
 * at blocks 0 and 4 are written in turn, so that a torn write leaves the other one.
 * Byte layout: docs/formats/volume.md, "Header".
 *
 * Nonces: every wrapping and every sealing of the ring derives a key of its own from 32 fresh random
 * bytes (HKDF-SHA256), and uses it once, with nonce zero.
 */

import { concatBytes } from '../../../base/concat-bytes.ts';
import type { Crypto, Entropy } from '../../../base/interfaces.ts';
import { VolumeError } from '../errors.ts';
import type { KeyRing } from './sealer.ts';

export const HEADER_BYTES = 16_384;
export const HEADER_COPIES = 2;
export const MAX_SLOTS = 16;
const MAGIC = new TextEncoder().encode('CLSTVOL1');
const VERSION = 1;
const MAC_BYTES = 32;
const SALT_BYTES = 32;
const WRAPPED_BYTES = 48;
const NONCE = new Uint8Array(12);
const EMPTY = new Uint8Array(0);
const text = (value: string) => new TextEncoder().encode(`cloister volume v1 ${value}`);

export const SLOT_TYPE = { key: 1, passphrase: 2, hpke: 3 } as const;
export type SlotType = (typeof SLOT_TYPE)[keyof typeof SLOT_TYPE];

/** One way to the master key. `parameters` are what its type needs besides the secret. */
export interface KeySlot {
  readonly type: SlotType;
  /** Shown to people: "laptop", "recovery". UTF-8, at most 64 bytes. */
  readonly name: string;
  readonly parameters: Uint8Array;
  readonly salt: Uint8Array;
  readonly wrapped: Uint8Array;
}

export interface Header {
  readonly generation: number;
  readonly volumeId: Uint8Array;
  readonly slots: readonly KeySlot[];
  readonly ringSalt: Uint8Array;
  readonly sealedRing: Uint8Array;
}

export interface UnlockedHeader {
  readonly header: Header;
  readonly masterKey: Uint8Array;
  readonly ring: KeyRing;
}

function deriveOnce(
  crypto: Crypto,
  key: Uint8Array,
  salt: Uint8Array,
  use: string,
  volumeId: Uint8Array,
): Uint8Array {
  const label = text(use);
  const info = new Uint8Array(label.length + volumeId.length);
  info.set(label);
  info.set(volumeId, label.length);
  return crypto.hkdfSha256(key, salt, info, 32);
}

/** Wraps the master key under a slot's key-encryption key. */
export function wrapMaster(
  crypto: Crypto,
  entropy: Entropy,
  volumeId: Uint8Array,
  kek: Uint8Array,
  masterKey: Uint8Array,
): { salt: Uint8Array; wrapped: Uint8Array } {
  const salt = new Uint8Array(SALT_BYTES);
  entropy.fill(salt);
  const key = deriveOnce(crypto, kek, salt, 'slot', volumeId);
  const { ciphertext, tag } = crypto.aesGcmSeal(key, NONCE, EMPTY, masterKey);
  return { salt, wrapped: concatBytes(ciphertext, tag) };
}

export function unwrapMaster(
  crypto: Crypto,
  volumeId: Uint8Array,
  kek: Uint8Array,
  slot: KeySlot,
): Uint8Array | undefined {
  const key = deriveOnce(crypto, kek, slot.salt, 'slot', volumeId);
  const body = slot.wrapped.subarray(0, 32);
  return crypto.aesGcmOpen(key, NONCE, EMPTY, body, slot.wrapped.subarray(32));
}

export function sealRing(
  crypto: Crypto,
  entropy: Entropy,
  volumeId: Uint8Array,
  masterKey: Uint8Array,
  ring: KeyRing,
): { ringSalt: Uint8Array; sealedRing: Uint8Array } {
  const plain = new Uint8Array(8 + ring.keys.size * 36);
  const view = new DataView(plain.buffer);
  view.setUint32(0, ring.current, true);
  view.setUint32(4, ring.keys.size, true);
  let at = 8;
  for (const [epoch, key] of ring.keys) {
    view.setUint32(at, epoch, true);
    plain.set(key, at + 4);
    at += 36;
  }
  const ringSalt = new Uint8Array(SALT_BYTES);
  entropy.fill(ringSalt);
  const key = deriveOnce(crypto, masterKey, ringSalt, 'ring', volumeId);
  const { ciphertext, tag } = crypto.aesGcmSeal(key, NONCE, EMPTY, plain);
  return { ringSalt, sealedRing: concatBytes(ciphertext, tag) };
}

function openRing(crypto: Crypto, header: Header, masterKey: Uint8Array): KeyRing | undefined {
  const { ringSalt, sealedRing, volumeId } = header;
  const key = deriveOnce(crypto, masterKey, ringSalt, 'ring', volumeId);
  const body = sealedRing.subarray(0, -16);
  const plain = crypto.aesGcmOpen(key, NONCE, EMPTY, body, sealedRing.subarray(-16));
  if (plain === undefined || plain.length < 8) return undefined;
  const view = new DataView(plain.buffer, plain.byteOffset, plain.length);
  const count = view.getUint32(4, true);
  if (plain.length !== 8 + count * 36) return undefined;
  const keys = new Map<number, Uint8Array>();
  for (let at = 8; at < plain.length; at += 36)
    keys.set(view.getUint32(at, true), plain.slice(at + 4, at + 36));
  const current = view.getUint32(0, true);
  return keys.has(current) ? { keys, current } : undefined;
}

/** Header fields one after the other, then zeros, then an HMAC over all of it. */
export function encodeHeader(crypto: Crypto, header: Header, masterKey: Uint8Array): Uint8Array {
  const out = new Uint8Array(HEADER_BYTES);
  const view = new DataView(out.buffer);
  out.set(MAGIC);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, header.generation, true);
  out.set(header.volumeId, 16);
  view.setUint32(32, header.slots.length, true);
  view.setUint32(36, header.sealedRing.length, true);
  out.set(header.ringSalt, 40);
  let at = 72;
  const put = (bytes: Uint8Array) => {
    if (at + bytes.length > HEADER_BYTES - MAC_BYTES)
      throw new VolumeError('CLOISTER_VOLUME_USE', 'the volume header is full: remove a key slot');
    out.set(bytes, at);
    at += bytes.length;
  };
  put(header.sealedRing);
  for (const slot of header.slots) {
    const name = new TextEncoder().encode(slot.name);
    const head = new Uint8Array(4);
    head[0] = slot.type;
    head[1] = name.length;
    new DataView(head.buffer).setUint16(2, slot.parameters.length, true);
    for (const part of [head, name, slot.parameters, slot.salt, slot.wrapped]) put(part);
  }
  const macKey = deriveOnce(crypto, masterKey, EMPTY, 'header', header.volumeId);
  const body = out.subarray(0, HEADER_BYTES - MAC_BYTES);
  out.set(crypto.hmacSha256(macKey, body), HEADER_BYTES - MAC_BYTES);
  return out;
}

/** The public part of a header copy, not yet authenticated; undefined when it is none. */
export function decodeHeader(bytes: Uint8Array): Header | undefined {
  if (bytes.length !== HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (MAGIC.some((byte, i) => bytes[i] !== byte) || view.getUint32(8, true) !== VERSION)
    return undefined;
  const slotCount = view.getUint32(32, true);
  const ringBytes = view.getUint32(36, true);
  if (slotCount > MAX_SLOTS || ringBytes > HEADER_BYTES || ringBytes < 24) return undefined;
  let at = 72;
  const take = (length: number): Uint8Array => {
    const part = bytes.slice(at, Math.min(at + length, HEADER_BYTES - MAC_BYTES));
    at += length;
    return part;
  };
  const sealedRing = take(ringBytes);
  const slots: KeySlot[] = [];
  for (let i = 0; i < slotCount; i++) {
    const head = take(4);
    if (head.length < 4) return undefined;
    const name = new TextDecoder().decode(take(head[1] as number));
    const parameters = take(head[2]! + head[3]! * 256);
    slots.push({
      type: head[0] as SlotType,
      name,
      parameters,
      salt: take(SALT_BYTES),
      wrapped: take(WRAPPED_BYTES),
    });
  }
  if (at > HEADER_BYTES - MAC_BYTES) return undefined;
  return {
    generation: view.getUint32(12, true),
    volumeId: bytes.slice(16, 32),
    slots,
    ringSalt: bytes.slice(40, 72),
    sealedRing,
  };
}

/** Authenticates a header copy with its master key; undefined when it is not authentic. */
export function authenticate(
  crypto: Crypto,
  bytes: Uint8Array,
  header: Header,
  masterKey: Uint8Array,
): KeyRing | undefined {
  const macKey = deriveOnce(crypto, masterKey, EMPTY, 'header', header.volumeId);
  const wanted = crypto.hmacSha256(macKey, bytes.subarray(0, HEADER_BYTES - MAC_BYTES));
  let difference = 0;
  for (let i = 0; i < MAC_BYTES; i++)
    difference |= wanted[i]! ^ bytes[HEADER_BYTES - MAC_BYTES + i]!;
  return difference === 0 ? openRing(crypto, header, masterKey) : undefined;
}
