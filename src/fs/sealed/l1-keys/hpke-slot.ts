/**
 * Slots that a public key makes and only its private key opens: HPKE (RFC 9180) seals a fresh
 * key-encryption key for the recipient. Whoever makes a volume for an enclave needs nothing secret.
 * Byte layout: docs/formats/volume.md, "Header".
 */

import { concatBytes } from '../../../base/concat-bytes.ts';
import {
  HPKE_TAG_BYTES,
  type HpkeTools,
  hpkeOpen,
  hpkeSeal,
  X25519_BYTES,
} from '../../../base/hpke.ts';
import type { Entropy } from '../../../base/interfaces.ts';
import { VolumeError } from '../errors.ts';
import { SLOT_TYPE } from './header.ts';
import type { SlotMaker } from './unlock.ts';

const KEK_BYTES = 32;
const ENCAPSULATED_AT = X25519_BYTES;
const CIPHERTEXT_AT = ENCAPSULATED_AT + X25519_BYTES;
const PARAMETER_BYTES = CIPHERTEXT_AT + KEK_BYTES + HPKE_TAG_BYTES;
const INFO = new TextEncoder().encode('cloister volume v1 hpke');

type SlotTools = HpkeTools & { readonly entropy: Entropy };

/** Makes slots for the holder of the X25519 key `publicKey`; opens none. */
export function recipientKey(publicKey: Uint8Array, tools: SlotTools): SlotMaker {
  return {
    type: SLOT_TYPE.hpke,
    kekFor: () => undefined,
    makeKek(volumeId) {
      const kek = new Uint8Array(KEK_BYTES);
      tools.entropy.fill(kek);
      const sealed = hpkeSeal(tools, publicKey, concatBytes(INFO, volumeId), kek);
      if (sealed === undefined)
        throw new VolumeError('CLOISTER_VOLUME_KEY', 'the X25519 key of a recipient is none');
      const { encapsulated, ciphertext } = sealed;
      return { parameters: concatBytes(publicKey, encapsulated, ciphertext), kek };
    },
  };
}

/** Opens the slots that were made for this X25519 key, and makes such. */
export function privateKey(key: Uint8Array, tools: SlotTools): SlotMaker {
  const own = tools.keys.x25519Public(key);
  return {
    ...recipientKey(own, tools),
    kekFor(parameters, volumeId) {
      const isOwn = own.every((byte, i) => parameters[i] === byte);
      if (!isOwn || parameters.length !== PARAMETER_BYTES) return undefined;
      return hpkeOpen(tools, key, concatBytes(INFO, volumeId), {
        encapsulated: parameters.slice(ENCAPSULATED_AT, CIPHERTEXT_AT),
        ciphertext: parameters.slice(CIPHERTEXT_AT),
      });
    },
  };
}
