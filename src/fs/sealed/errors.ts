/** What can be wrong with a volume, towards people. Towards guests all of it is EIO or ENOSPC. */

import { HostIoError } from './l0-host/block-host.ts';

export type VolumeErrorCode =
  /** Bytes are not what was written: modified, swapped, truncated, replayed or missing. */
  | 'CLOISTER_VOLUME_DAMAGED'
  /** The whole volume is older than the freshness anchor says. */
  | 'CLOISTER_VOLUME_STALE'
  /** No key slot opens with the given key. */
  | 'CLOISTER_VOLUME_KEY'
  /** The host failed. */
  | 'CLOISTER_VOLUME_IO'
  /** No room left. */
  | 'CLOISTER_VOLUME_FULL'
  /** The request cannot be served: limits of the format, wrong kind of use. */
  | 'CLOISTER_VOLUME_USE';

export class VolumeError extends Error {
  readonly code: VolumeErrorCode;

  constructor(code: VolumeErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

export function damaged(volume: string, what: string): VolumeError {
  return new VolumeError(
    'CLOISTER_VOLUME_DAMAGED',
    `volume ${volume} damaged: ${what}. Nothing of it was used; run \`cloister volume check\` to ` +
      'see how far the damage goes, and restore from a copy',
  );
}

/** A failure of the host as an error of the volume; other errors stay what they are. */
export function asVolumeError(volume: string, cause: unknown, doing: string): unknown {
  if (!(cause instanceof HostIoError)) return cause;
  const code = cause.errno === 'ENOSPC' ? 'CLOISTER_VOLUME_FULL' : 'CLOISTER_VOLUME_IO';
  const what = `volume ${volume}: the host could not ${doing} (${cause.message})`;
  return new VolumeError(code, what, cause);
}
