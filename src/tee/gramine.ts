/**
 * Provider `sgx` over `/dev/attestation`, as Gramine (Documentation/attestation.rst) and Occlum's
 * compatibility offer it: 64 bytes into `user_report_data`, the DCAP quote out of `quote`.
 */
import { isZero } from '../attest/bytes.ts';
import type { TeeFiles } from '../host/tee-files.ts';
import { kernelError } from './kernel-error.ts';
import { REPORT_DATA_BYTES, TeeError, type TeeProvider } from './provider.ts';

export const ATTESTATION_ROOT = '/dev/attestation';

export function gramineProvider(files: TeeFiles): TeeProvider {
  return {
    name: 'sgx',
    quote(reportData) {
      if (reportData.length !== REPORT_DATA_BYTES)
        throw new TeeError('TEE_PROTOCOL', `report data of ${reportData.length} bytes, not 64`);
      try {
        const typePath = `${ATTESTATION_ROOT}/attestation_type`;
        const type = new TextDecoder().decode(files.read(typePath)).trim();
        if (type !== 'dcap')
          throw new TeeError('TEE_UNSUPPORTED', `${typePath} says "${type}", dcap is needed`);
        // The file is per process and this is one synchronous step: nobody writes in between.
        files.write(`${ATTESTATION_ROOT}/user_report_data`, reportData);
        const raw = files.read(`${ATTESTATION_ROOT}/quote`);
        if (raw.length === 0 || isZero(raw)) throw new TeeError('TEE_FAILED', 'the quote is empty');
        return { raw, certificates: [] };
      } catch (error) {
        throw kernelError(ATTESTATION_ROOT, error);
      }
    },
  };
}
