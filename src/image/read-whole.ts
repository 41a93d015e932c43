/** Reads a whole small file of the building machine. */

import type { ByteString } from '../fs/verity/index-model.ts';
import type { HostFiles } from './host-files.ts';

const MAX_BYTES = 64 << 20;

/** The bytes at `path`, or undefined when there is no such file. */
export function readWhole(host: HostFiles, path: ByteString): Uint8Array | undefined {
  const stat = host.lstat(path);
  if (!stat || stat.sizeBytes > MAX_BYTES) return undefined;
  using file = host.open(path);
  const out = new Uint8Array(stat.sizeBytes);
  const got = file.readAt(0, out);
  return out.subarray(0, got);
}
