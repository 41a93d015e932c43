/** Errors of the kernel's TEE interfaces in words, with what to do about them. */
import { TeeError, type TeeErrorCode } from './provider.ts';

const MEANINGS: Readonly<Record<string, readonly [TeeErrorCode, string]>> = {
  ENOENT: ['TEE_ABSENT', 'does not exist: this machine offers no such TEE interface'],
  ENODEV: ['TEE_ABSENT', 'has no device behind it'],
  ENXIO: ['TEE_ABSENT', 'has no provider: load the module of the TEE (tdx_guest, sev_guest)'],
  EACCES: ['TEE_PERMISSION', 'may not be used: run as root'],
  EPERM: ['TEE_PERMISSION', 'may not be used: run as root'],
  EINVAL: ['TEE_PROTOCOL', 'refused the request: privilege level or size out of range'],
  EBUSY: ['TEE_BUSY', 'is busy: try again'],
  EAGAIN: ['TEE_BUSY', 'is busy: try again'],
  EFBIG: ['TEE_UNSUPPORTED', 'made a report larger than this kernel can hand over: update it'],
  ETIMEDOUT: ['TEE_TIMEOUT', 'did not answer in time: is the quoting service of the host running?'],
  EIO: ['TEE_FAILED', 'failed: the quoting service or the security processor gave an error'],
};

export function kernelError(path: string, cause: unknown): TeeError {
  if (cause instanceof TeeError) return cause;
  const word = (cause as { code?: unknown }).code;
  const [code, meaning] = MEANINGS[String(word)] ?? ['TEE_FAILED', `failed (${String(word)})`];
  return new TeeError(code, `${path} ${meaning}`, { cause });
}
