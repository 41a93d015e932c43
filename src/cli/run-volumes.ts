/**
 * The sealed volumes of a run. A module of its own: only runs that have some load it, and the quick
 * start of these has it in its bundle (scripts/quick-start.ts).
 */

import type { Logger } from '../base/interfaces.ts';
import type { FreshnessAnchor } from '../fs/sealed/l4-store/anchor.ts';
import { openVolume } from '../fs/sealed/volume.ts';
import { nodeCrypto, nodeEntropy } from '../host/crypto.ts';
import { VolumeFile, volumePath } from '../host/volume-file.ts';
import { readSecretFile, secretOf } from '../host/volume-secret.ts';
import type { SealedMountSpec } from '../runtime/plan.ts';
import { localAnchor } from './anchors.ts';
import type { RunAttestation } from './run-attestation.ts';
import { mountError, type SealedMount } from './run-roots.ts';

type VolumeSecrets = Pick<RunAttestation, 'takeKey' | 'anchor'>;

async function anchorOf(
  source: string,
  anchor: NonNullable<SealedMountSpec['anchor']>,
  attestation: VolumeSecrets | undefined,
): Promise<FreshnessAnchor> {
  if (anchor !== 'broker') {
    return await localAnchor(anchor.place);
  }
  const kept = await attestation?.anchor(source);
  if (kept === undefined)
    throw mountError(`--mount ${source}: anchor=broker needs a measured image and its broker`);
  return kept;
}

/**
 * Volumes are opened before anything runs, so that a wrong one is refused up front. Keys and anchors
 * of a broker come from the attestation of a measured run; others have none.
 */
export async function sealedMounts(
  specs: readonly SealedMountSpec[],
  attestation: VolumeSecrets | undefined,
  logger: Logger,
): Promise<SealedMount[]> {
  const mounts: SealedMount[] = [];
  for (const { source, target, keyFile, keyName, anchor, readOnly } of specs) {
    const released =
      keyFile === undefined && keyName !== undefined ? attestation?.takeKey(keyName) : undefined;
    if (keyFile === undefined && released === undefined) {
      const broker = keyName === undefined ? '' : `, or --secret ${keyName}=ID of a key broker`;
      throw mountError(`--mount ${source}: it needs key-file=FILE${broker} to be unlocked`);
    }
    const secret =
      released === undefined
        ? readSecretFile(keyFile ?? '')
        : secretOf(released, `secret ${keyName}`);
    const freshness = anchor && (await anchorOf(source, anchor, attestation));
    const host = new VolumeFile(volumePath(source), readOnly ? 'read' : 'write');
    const parts = {
      ...{ host, crypto: nodeCrypto, entropy: nodeEntropy, name: source },
      ...(freshness === undefined ? {} : { anchor: freshness }),
    };
    mounts.push({
      ...{ source, target, readOnly },
      open: ({ clock, segments }) => {
        const onProblem = ({ message }: Error) => logger.log('error', message);
        const options = { clock, segments, secret, isReadOnly: readOnly, onProblem };
        const volume = openVolume(parts, options);
        const { remark } = volume.store;
        if (remark !== undefined) logger.log('warn', `volume ${source}: ${remark}`);
        return volume;
      },
    });
  }
  return mounts;
}
