/** Creating and opening a volume as a file system, in one call: what runtime and tools use. */

import type { FileClock } from '../../vfs/file-clock.ts';
import type { SegmentSource } from '../../vfs/mappable.ts';
import type { VolumeError } from './errors.ts';
import type { SecretSource } from './l1-keys/unlock.ts';
import { type CreateOptions, createStore, openStore, type VolumeContext } from './l4-store/open.ts';
import { SealedFileSystem } from './l6-vfs/sealed-file-system.ts';

export interface OpenVolumeOptions {
  readonly clock: FileClock;
  readonly secret: SecretSource;
  readonly isReadOnly?: boolean;
  readonly cacheBytes?: number;
  readonly segments?: SegmentSource;
  readonly onProblem?: (problem: VolumeError) => void;
}

/** Makes a new volume with an empty root directory. Throws VolumeError. */
export function createVolume(
  context: VolumeContext,
  options: CreateOptions & { readonly clock: FileClock },
): SealedFileSystem {
  const fs = new SealedFileSystem(createStore(context, options), { clock: options.clock });
  fs.format();
  return fs;
}

/** Opens a volume and checks its root. Throws VolumeError for anything but a valid volume. */
export function openVolume(context: VolumeContext, options: OpenVolumeOptions): SealedFileSystem {
  const { secret, isReadOnly = false } = options;
  const fs = new SealedFileSystem(openStore(context, { secret, isReadOnly }), options);
  void fs.root;
  return fs;
}
