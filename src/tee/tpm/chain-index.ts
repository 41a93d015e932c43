/**
 * An NV index of type TPM_NT_EXTEND: 32 bytes that change only by `value = SHA-256(value ‖ data)`.
 * Whoever lacks its secret can neither read nor extend it; the owner of the TPM can delete it, and
 * define another, of which nobody knows the secret or which starts from zero.
 */

import { concatBytes } from '../../base/concat-bytes.ts';
import type { Crypto } from '../../base/interfaces.ts';
import type { Entity, TpmSession } from './session.ts';
import { sized, TPM_ALG, TPM_CC, TPM_RH, TpmError, u16, u32 } from './wire.ts';

export const VALUE_BYTES = 32;
/** Handles of the owner's indices (TCG Registry of Reserved TPM 2.0 Handles, 2.2.2). */
export const FIRST_INDEX = 0x01800000;
export const INDEX_COUNT = 0x00400000;

/** Part 2, 13.4: TPMA_NV. Only its secret opens it, and guessing it locks nothing. */
const AUTHWRITE = 1 << 2;
const NT_EXTEND = 4 << 4;
const AUTHREAD = 1 << 18;
const NO_DA = 1 << 25;
const WRITTEN = 1 << 29;
const ATTRIBUTES = AUTHWRITE | NT_EXTEND | AUTHREAD | NO_DA;

/** Handles of hierarchies are their own names (Part 1, 16). */
const OWNER: Entity = { handle: TPM_RH.owner, name: u32(TPM_RH.owner) };
const NO_SECRET = new Uint8Array(0);

/** TPMS_NV_PUBLIC (Part 2, 13.5). */
function publicArea(handle: number, attributes: number): Uint8Array {
  return concatBytes(
    ...[u32(handle), u16(TPM_ALG.sha256), u32(attributes), sized(NO_SECRET), u16(VALUE_BYTES)],
  );
}

export class ChainIndex {
  readonly handle: number;
  readonly #crypto: Pick<Crypto, 'sha256'>;
  readonly #secret: Uint8Array;

  /** `secret`: 32 bytes, the last not zero, since a TPM cuts zeros off. */
  constructor(crypto: Pick<Crypto, 'sha256'>, handle: number, secret: Uint8Array) {
    this.#crypto = crypto;
    this.handle = handle;
    this.#secret = secret;
  }

  /** The index by the name that follows from how it was made: another one has another. */
  #entity(isWritten: boolean): Entity {
    const area = publicArea(this.handle, isWritten ? ATTRIBUTES | WRITTEN : ATTRIBUTES);
    const name = concatBytes(u16(TPM_ALG.sha256), this.#crypto.sha256(area));
    return { handle: this.handle, name };
  }

  /** TPM2_NV_DefineSpace (Part 3, 31.3); the secret travels encrypted. */
  define(session: TpmSession): void {
    const area = publicArea(this.handle, ATTRIBUTES);
    session.run({
      ...{ code: TPM_CC.nvDefineSpace, entities: [OWNER], secret: NO_SECRET, isSecret: true },
      parameters: concatBytes(sized(this.#secret), sized(area)),
    });
  }

  /** TPM2_NV_UndefineSpace (Part 3, 31.4). */
  undefine(session: TpmSession): void {
    const entities = [OWNER, this.#entity(true)];
    const parameters = NO_SECRET;
    session.run({ code: TPM_CC.nvUndefineSpace, entities, secret: NO_SECRET, parameters });
  }

  /** TPM2_NV_Extend (Part 3, 31.9). */
  extend(session: TpmSession, data: Uint8Array, isFirst = false): void {
    const entity = this.#entity(!isFirst);
    const parameters = sized(data);
    const entities = [entity, entity];
    session.run({ code: TPM_CC.nvExtend, entities, secret: this.#secret, parameters });
  }

  /** TPM2_NV_Read (Part 3, 31.13). */
  read(session: TpmSession): Uint8Array {
    const entity = this.#entity(true);
    const response = session.run({
      ...{ code: TPM_CC.nvRead, entities: [entity, entity], secret: this.#secret },
      parameters: concatBytes(u16(VALUE_BYTES), u16(0)),
    });
    const value = response.sized();
    response.end();
    if (value.length !== VALUE_BYTES) throw new TpmError('TPM_FORGED', 'an index of another size');
    return value;
  }

  /** What extending `value` by `data` gives. */
  next(value: Uint8Array, data: Uint8Array): Uint8Array {
    return this.#crypto.sha256(value, data);
  }
}
