/**
 * The endorsement key by which a TPM is known: ECC P-256 from the default template of the "TCG EK
 * Credential Profile" (2.3, B.3.4: template L-2). The same template gives the same key for the life
 * of the TPM (only TPM2_ChangeEPS changes it), and the maker's certificate, NV index 0x01C0000A, is
 * for this key.
 */

import { toHex } from '../../attest/bytes.ts';
import { concatBytes } from '../../base/concat-bytes.ts';
import type { TpmTransport } from '../../host/tpm.ts';
import { passwordCommand, plainCommand, type TpmKey, type TpmTools } from './session.ts';
import {
  sized,
  TPM_ALG,
  TPM_CC,
  TPM_ECC_NIST_P256,
  TPM_RH,
  TpmError,
  TpmReader,
  u16,
  u32,
} from './wire.ts';

/** fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt. */
const ATTRIBUTES = 0x000300b2;
/** PolicySecret(TPM_RH_ENDORSEMENT) with SHA-256, as the profile prints it. */
const POLICY = Uint8Array.from([
  ...[
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
  ],
  ...[
    0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
  ],
]);
const COORDINATE_BYTES = 32;

/** TPMT_PUBLIC (Part 2, 12.2.4) up to `unique`. */
const TEMPLATE = concatBytes(
  ...[u16(TPM_ALG.ecc), u16(TPM_ALG.sha256), u32(ATTRIBUTES), sized(POLICY)],
  ...[u16(TPM_ALG.aes), u16(128), u16(TPM_ALG.cfb)],
  ...[u16(TPM_ALG.null), u16(TPM_ECC_NIST_P256), u16(TPM_ALG.null)],
);

/**
 * Loads the endorsement key (TPM2_CreatePrimary, Part 3, 24.1), gives it to `use`, flushes it.
 * Throws TPM_OTHER unless its fingerprint is `known`; undefined accepts any.
 */
export function withEndorsementKey<T>(
  transport: TpmTransport,
  tools: TpmTools,
  known: Uint8Array | undefined,
  use: (key: TpmKey, fingerprint: Uint8Array) => T,
): T {
  const zeros = new Uint8Array(COORDINATE_BYTES);
  const publicArea = concatBytes(TEMPLATE, sized(zeros), sized(zeros));
  const noSecret = concatBytes(u16(0), u16(0));
  const parameters = concatBytes(sized(noSecret), sized(publicArea), u16(0), u32(0));
  const made = passwordCommand(transport, TPM_CC.createPrimary, TPM_RH.endorsement, parameters);
  const handle = made.handles.u32();
  try {
    const shown = made.parameters.sized();
    const point = pointOf(shown);
    const fingerprint = tools.crypto.sha256(shown);
    if (known !== undefined && toHex(fingerprint) !== toHex(known))
      throw new TpmError(
        'TPM_OTHER',
        `this TPM has endorsement key ${toHex(fingerprint)}, known is ${toHex(known)}`,
      );
    return use({ handle, point }, fingerprint);
  } finally {
    flush(transport, handle);
  }
}

/** What broke first is what is told. */
function flush(transport: TpmTransport, handle: number): void {
  try {
    plainCommand(transport, TPM_CC.flushContext, u32(handle));
  } catch (error) {
    if (!(error instanceof TpmError)) throw error;
  }
}

/** The point of a TPMT_PUBLIC that is the template in all else. */
function pointOf(shown: Uint8Array): Uint8Array {
  const reader = new TpmReader(shown);
  const isTemplate = reader.take(TEMPLATE.length).every((byte, i) => byte === TEMPLATE[i]);
  if (!isTemplate) throw new TpmError('TPM_FORGED', 'the key of the TPM is not what was asked for');
  const point = new Uint8Array(2 * COORDINATE_BYTES);
  for (const end of [COORDINATE_BYTES, 2 * COORDINATE_BYTES]) {
    const coordinate = reader.sized();
    if (coordinate.length > COORDINATE_BYTES)
      throw new TpmError('TPM_FORGED', 'the key of the TPM is too long');
    point.set(coordinate, end - coordinate.length);
  }
  reader.end();
  return point;
}
