/**
 * Changes of keys: a new epoch for what is written from now on, and other key slots. Contents stay
 * where they are, sealed under their old epoch, which the ring keeps.
 */

import type { Entropy } from '../../../base/interfaces.ts';
import { VolumeError } from '../errors.ts';
import {
  encodeHeader,
  HEADER_COPIES,
  type Header,
  type KeySlot,
  MAX_SLOTS,
  sealRing,
  wrapMaster,
} from '../l1-keys/header.ts';
import type { KeyRing } from '../l1-keys/sealer.ts';
import { headerOffset, type SlotMaker } from '../l1-keys/unlock.ts';
import type { VolumeStore } from './store.ts';

export interface NewSlot {
  readonly name: string;
  readonly maker: SlotMaker;
}

/**
 * Replaces all key slots by `slots`, under a new master key and with a new data key. Whoever held
 * only an old key opens nothing of the volume as it stands afterwards; an old copy of the volume,
 * which they may have, stays open to them.
 */
export function rekey(store: VolumeStore, entropy: Entropy, slots: readonly NewSlot[]): void {
  store.checkWritable();
  if (slots.length === 0 || slots.length > MAX_SLOTS)
    throw new VolumeError('CLOISTER_VOLUME_USE', `a volume has 1 to ${MAX_SLOTS} key slots`);
  const random = () => {
    const bytes = new Uint8Array(32);
    entropy.fill(bytes);
    return bytes;
  };
  const { ring } = store.unlocked;
  const masterKey = random();
  const current = Math.max(...ring.keys.keys()) + 1;
  const keys = new Map([...ring.keys, [current, random()]]);
  const nextRing = { keys, current };
  putHeader(store, entropy, makeSlots(store, entropy, slots, masterKey), masterKey, nextRing);
}

/** Adds ways to the master key; nothing else changes. */
export function addSlots(store: VolumeStore, entropy: Entropy, slots: readonly NewSlot[]): void {
  store.checkWritable();
  const { header, masterKey, ring } = store.unlocked;
  if (header.slots.length + slots.length > MAX_SLOTS)
    throw new VolumeError('CLOISTER_VOLUME_USE', `a volume has at most ${MAX_SLOTS} key slots`);
  const all = [...header.slots, ...makeSlots(store, entropy, slots, masterKey)];
  putHeader(store, entropy, all, masterKey, ring);
}

function makeSlots(
  { crypto, unlocked }: VolumeStore,
  entropy: Entropy,
  slots: readonly NewSlot[],
  masterKey: Uint8Array,
): KeySlot[] {
  const { volumeId } = unlocked.header;
  return slots.map(({ name, maker }): KeySlot => {
    const { parameters, kek } = maker.makeKek(volumeId);
    const wrapped = wrapMaster(crypto, entropy, volumeId, kek, masterKey);
    return { type: maker.type, name, parameters, ...wrapped };
  });
}

function putHeader(
  store: VolumeStore,
  entropy: Entropy,
  slots: readonly KeySlot[],
  masterKey: Uint8Array,
  ring: KeyRing,
): void {
  const { crypto } = store;
  const { header } = store.unlocked;
  const { volumeId } = header;
  const next: Header = {
    generation: header.generation + 1,
    ...{ volumeId, slots },
    ...sealRing(crypto, entropy, volumeId, masterKey, ring),
  };
  const bytes = encodeHeader(crypto, next, masterKey);
  // One copy at a time: at every instant one of them is whole, and both keys' holders are the owner.
  const { host } = store.io;
  const first = header.generation % HEADER_COPIES;
  host.write(headerOffset(first), [bytes]);
  host.barrier();
  store.unlocked = { header: next, masterKey, ring };
  store.io.sealer.setRing(ring);
  // Twice: both superblocks are then under the new epoch, and none opens with the old ring.
  for (let i = 0; i < 2; i++) {
    store.isTouched = true;
    store.commit();
  }
  // Only now does the old copy go: before, the old superblock needed nothing but the old keys.
  host.write(headerOffset((first + 1) % HEADER_COPIES), [bytes]);
  host.barrier();
}
