/** The doors of a run of a measured image: attested TLS before and behind its programs. */

import { fromHex } from '../attest/bytes.ts';
import type { Logger } from '../base/interfaces.ts';
import { nodeClock } from '../host/clock.ts';
import { nodeTlsHost } from '../host/tls-host.ts';
import type { Image } from '../image/open.ts';
import { Credentials } from '../kernel/credentials.ts';
import { ChannelIdentity } from '../runtime/front/channel-identity.ts';
import { DoorError, FrontDoors } from '../runtime/front/front-doors.ts';
import type { Instance } from '../runtime/instance.ts';
import type { RunPlan } from '../runtime/plan.ts';
import { type CollateralOptions, collateralSource } from './collateral-folder.ts';
import { CommandError, RUN_STATUS } from './errors.ts';
import type { RunAttestation } from './run-attestation.ts';

export interface DoorSurroundings {
  readonly instance: Instance;
  readonly image: Image;
  readonly attestation: RunAttestation;
  readonly logger: Logger;
  /** Guests may have something to do. */
  wake(): void;
}

const NS_PER_MS = 1_000_000n;
const nowMs = (): number => Number(nodeClock.realtimeNs() / NS_PER_MS);

/** Opens what the image says; a door that cannot be opened ends the run before it starts. */
export async function openDoors(
  { ingress = [], egress = [] }: Pick<RunPlan, 'ingress' | 'egress'>,
  around: DoorSurroundings,
  options: CollateralOptions,
): Promise<FrontDoors> {
  const { instance, image, attestation, logger, wake } = around;
  const collateral = collateralSource(options);
  const { provider, measureRuntime } = attestation;
  const imageMeasurement = fromHex(image.measurement.replace(/^sha256:/, ''));
  const parts = {
    ...{ tls: nodeTlsHost, nowMs, logger, collateral, prove: attestation.prove },
    inside: { net: instance.kernel.net, credentials: Credentials.forUser(0, 0), wake },
    identity: new ChannelIdentity({
      ...{ provider, imageMeasurement, measureRuntime, nowMs, collateral, logger },
    }),
  };
  try {
    return await FrontDoors.open(parts, ingress, egress);
  } catch (error) {
    if (!(error instanceof DoorError)) throw error;
    throw new CommandError(error.code, error.message, RUN_STATUS.failed);
  }
}
