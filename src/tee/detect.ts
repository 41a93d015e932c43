/** What TEE interfaces a machine offers, and what is missing: for `cloister doctor`. */
import type { ProviderName } from '../attest/evidence.ts';
import type { TeeFiles } from '../host/tee-files.ts';
import { ATTESTATION_ROOT } from './gramine.ts';
import { TSM_ROOT } from './tsm.ts';

export interface TeeFinding {
  readonly provider: ProviderName;
  readonly available: boolean;
  /** What was found, and what to do when it is not enough. */
  readonly explanation: string;
}

/** Guest devices by which a kernel shows that it runs inside a TEE. */
const GUEST_DEVICES = { tdx: '/dev/tdx_guest', snp: '/dev/sev-guest' } as const;

export function detectTees(files: TeeFiles): readonly TeeFinding[] {
  return [
    tsmFinding(files, 'tdx'),
    tsmFinding(files, 'snp'),
    files.exists(`${ATTESTATION_ROOT}/quote`)
      ? { provider: 'sgx', available: true, explanation: `${ATTESTATION_ROOT} is there` }
      : {
          provider: 'sgx',
          available: false,
          explanation: `${ATTESTATION_ROOT} is missing: SGX needs a library OS such as Gramine below`,
        },
    files.exists('/dev/nsm')
      ? { provider: 'nitro', available: true, explanation: '/dev/nsm is there' }
      : {
          provider: 'nitro',
          available: false,
          explanation: '/dev/nsm is missing: not inside a Nitro enclave',
        },
    {
      provider: 'sim',
      available: true,
      explanation: 'always there; proves nothing against whoever controls the machine',
    },
  ];
}

function tsmFinding(files: TeeFiles, provider: 'tdx' | 'snp'): TeeFinding {
  const device = GUEST_DEVICES[provider];
  const hasDevice = files.exists(device);
  const hasTsm = files.exists(TSM_ROOT);
  if (hasDevice && hasTsm)
    return { provider, available: true, explanation: `${device} and configfs-tsm are there` };
  const explanation = hasDevice
    ? `${TSM_ROOT} is missing: needs Linux 6.7 and "mount -t configfs none /sys/kernel/config"`
    : `${device} is missing: not a ${provider === 'tdx' ? 'TDX' : 'SEV-SNP'} guest, or its module is not loaded`;
  return { provider, available: false, explanation };
}
