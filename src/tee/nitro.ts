/**
 * Provider `nitro` over the Nitro Secure Module (aws-nitro-enclaves-nsm-api, `src/api`): CBOR
 * requests of at most 4 kB. Report data travels as `user_data`, which the document signs.
 */
import { type Cbor, decodeCbor, encodeCbor, FOREIGN } from '../attest/cbor.ts';
import { Refusal } from '../attest/errors.ts';
import type { NsmDevice } from '../host/nsm.ts';
import { REPORT_DATA_BYTES, TeeError, type TeeProvider } from './provider.ts';

export function nitroProvider(device: NsmDevice): TeeProvider {
  return {
    name: 'nitro',
    quote(reportData) {
      if (reportData.length !== REPORT_DATA_BYTES)
        throw new TeeError('TEE_PROTOCOL', `report data of ${reportData.length} bytes, not 64`);
      const fields = new Map<string, Cbor>([
        ['user_data', reportData],
        ['nonce', null],
        ['public_key', null],
      ]);
      const answer = ask(device, encodeCbor(new Map([['Attestation', fields]])));
      return { raw: answer, certificates: [] };
    },
  };
}

function ask(device: NsmDevice, message: Uint8Array): Uint8Array {
  let response: Cbor;
  try {
    response = decodeCbor(device.request(message), 'MALFORMED_MESSAGE', FOREIGN);
  } catch (cause) {
    const word = cause instanceof Refusal ? 'answered what is not CBOR' : 'did not answer';
    throw new TeeError('TEE_FAILED', `/dev/nsm ${word}`, { cause });
  }
  const map = response instanceof Map ? response : new Map<string, Cbor>();
  const error = map.get('Error');
  if (typeof error === 'string') throw new TeeError('TEE_FAILED', `/dev/nsm: ${error}`);
  const attestation = map.get('Attestation');
  const document = attestation instanceof Map ? attestation.get('document') : undefined;
  if (!(document instanceof Uint8Array))
    throw new TeeError('TEE_PROTOCOL', '/dev/nsm answered without a document');
  return document;
}
