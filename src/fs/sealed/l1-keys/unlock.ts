/**
 * Ways to the master key: a 32-byte key (from attestation or a file), a passphrase through scrypt
 * (RFC 7914), or a private key for which the slot was sealed by HPKE (RFC 9180, base mode). The last
 * two come through {@link SecretSource}, implemented in `host/`.
 */

import type { Crypto } from '../../../base/interfaces.ts';
import { VolumeError } from '../errors.ts';
import type { BlockHost } from '../l0-host/block-host.ts';
import { BLOCK_BYTES, readFully } from '../l0-host/block-host.ts';
import {
  authenticate,
  decodeHeader,
  HEADER_BYTES,
  HEADER_COPIES,
  type Header,
  type KeySlot,
  SLOT_TYPE,
  type SlotType,
  type UnlockedHeader,
  unwrapMaster,
} from './header.ts';

/** A secret that may open slots of one type. */
export interface SecretSource {
  readonly type: SlotType;
  /** The key-encryption key for a slot with these parameters; undefined when it cannot open it. */
  kekFor(parameters: Uint8Array, volumeId: Uint8Array): Uint8Array | undefined;
}

/** A secret that can also make new slots. */
export interface SlotMaker extends SecretSource {
  /** Fresh parameters and the key-encryption key that goes with them. */
  makeKek(volumeId: Uint8Array): { parameters: Uint8Array; kek: Uint8Array };
}

/** A 32-byte key, as it stands in a key file or arrives through attestation. */
export function rawKey(key: Uint8Array): SlotMaker {
  if (key.length !== 32)
    throw new VolumeError('CLOISTER_VOLUME_KEY', `a volume key has 32 bytes, not ${key.length}`);
  return {
    type: SLOT_TYPE.key,
    kekFor: () => key,
    makeKek: () => ({ parameters: new Uint8Array(0), kek: key }),
  };
}

export const headerOffset = (copy: number): number => copy * HEADER_BYTES;
/** Superblocks stand behind the header copies. */
export const FIRST_SUPER_BLOCK = (HEADER_COPIES * HEADER_BYTES) / BLOCK_BYTES;

export interface Unlocking {
  readonly unlocked: UnlockedHeader;
  /** Both copies hold this header. */
  readonly hasBothCopies: boolean;
}

/** Reads both header copies and opens the newest that is authentic under `secret`. */
export function unlockHeader(
  host: BlockHost,
  crypto: Crypto,
  secret: SecretSource,
  name: string,
): Unlocking {
  const opened: UnlockedHeader[] = [];
  let isVolume = false;
  for (let copy = 0; copy < HEADER_COPIES; copy++) {
    const bytes = new Uint8Array(HEADER_BYTES);
    if (!readFully(host, headerOffset(copy), bytes)) continue;
    const header = decodeHeader(bytes);
    if (header === undefined) continue;
    isVolume = true;
    const unlocked = openSlots(crypto, bytes, header, secret);
    if (unlocked !== undefined) opened.push(unlocked);
  }
  opened.sort((a, b) => b.header.generation - a.header.generation);
  const [unlocked, other] = opened;
  if (unlocked !== undefined) {
    const hasBothCopies = other?.header.generation === unlocked.header.generation;
    return { unlocked, hasBothCopies };
  }
  if (!isVolume)
    throw new VolumeError(
      'CLOISTER_VOLUME_DAMAGED',
      `${name} is no Cloister volume, or both copies of its header are damaged. ` +
        'Nothing of it was used; `cloister volume create` makes a new one',
    );
  throw new VolumeError(
    'CLOISTER_VOLUME_KEY',
    `no key slot of volume ${name} opens with this key: it is another key, or was revoked, ` +
      'or the header was changed',
  );
}

function openSlots(
  crypto: Crypto,
  bytes: Uint8Array,
  header: Header,
  secret: SecretSource,
): UnlockedHeader | undefined {
  for (const slot of header.slots) {
    if (slot.type !== secret.type) continue;
    const masterKey = trySlot(crypto, header, slot, secret);
    if (masterKey === undefined) continue;
    const ring = authenticate(crypto, bytes, header, masterKey);
    if (ring !== undefined) return { header, masterKey, ring };
  }
  return undefined;
}

function trySlot(
  crypto: Crypto,
  header: Header,
  slot: KeySlot,
  secret: SecretSource,
): Uint8Array | undefined {
  const kek = secret.kekFor(slot.parameters, header.volumeId);
  return kek && unwrapMaster(crypto, header.volumeId, kek, slot);
}
